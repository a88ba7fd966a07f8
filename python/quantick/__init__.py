"""Quantick: neural networks on market data, quantized to a fixed-bits program that trades the bits it was tested on."""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from quantick import autograd as autograd
from quantick import nd as nd
from quantick import random as random
from quantick._core import FormatError, NDArray, ParseError, ShapeError, UnsupportedError, __version__
from quantick.context import Context, cpu, gpu
from quantick.nd import arange, array, from_dlpack, from_numpy, full, load, ones, save, zeros
from quantick.random import seed

if TYPE_CHECKING:
    from quantick import backtest as backtest
    from quantick import context as context
    from quantick import contrib as contrib
    from quantick import features as features
    from quantick import frames as frames
    from quantick import gluon as gluon
    from quantick import init as init
    from quantick import init as initializer
    from quantick import kvstore as kv
    from quantick import kvstore as kvstore
    from quantick import lr_scheduler as lr_scheduler
    from quantick import market as market
    from quantick import metric as metric
    from quantick import mlflow as mlflow
    from quantick import nn as nn
    from quantick import optimizer as optimizer
    from quantick import plot as plot
    from quantick import progress as progress
    from quantick import qlib as qlib
    from quantick import report as report
    from quantick import runtime as runtime
    from quantick import sklearn as sklearn
    from quantick import strategy as strategy
    from quantick import train as train
    from quantick.sklearn import QuantRegressor as QuantRegressor

#: Imported when they are first used, so that `import quantick` stays quick.
_LAZY_MODULES = ("backtest", "context", "contrib", "features", "frames", "gluon", "init", "kvstore", "lr_scheduler",
                 "market", "metric", "mlflow", "nn", "optimizer", "plot", "progress", "qlib", "report", "runtime", "sklearn",
                 "strategy", "train")
_LAZY_NAMES = {"QuantRegressor": "sklearn"}
#: MXNet has two names for each of them.
_OTHER_NAMES = {"initializer": "init", "kv": "kvstore"}

__all__ = ["Context", "FormatError", "NDArray", "ParseError", "QuantRegressor", "ShapeError", "UnsupportedError",
           "__version__", "arange", "array", "autograd", "cpu", "from_dlpack", "from_numpy", "full", "gpu", "load", "nd",
           "ones", "random", "save", "seed", "zeros", *_LAZY_MODULES]


def __getattr__(name: str) -> Any:
    if name in _LAZY_MODULES or name in _OTHER_NAMES:
        return importlib.import_module(f"quantick.{_OTHER_NAMES.get(name, name)}")
    if name in _LAZY_NAMES:
        return getattr(importlib.import_module(f"quantick.{_LAZY_NAMES[name]}"), name)
    raise AttributeError(f"module 'quantick' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
