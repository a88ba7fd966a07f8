"""Calls everything public with what it does not take, one JSON line a wrong ending: run by test_refusals.py, in a
process and a folder of its own, so that a crash or an endless call ends this one alone. The line before the end says which call."""
import faulthandler
import importlib
import inspect
import json
import logging
import resource
import sys
import warnings

import numpy as np

MODULES = ["autograd", "backtest", "backtest.metrics", "contrib.quantization", "features", "frames", "gluon", "gluon.data",
           "gluon.loss", "gluon.nn", "gluon.rnn", "gluon.utils", "init", "kvstore", "lr_scheduler", "market", "metric",
           "nd", "optimizer", "random", "report", "runtime", "strategy", "train"]
VALUES = [None, 3, -1, 2 ** 62, 2 ** 70, float("nan"), "", "text", [], {}, object(), np.array([]),
          np.array([1, None, "a"], object), np.ones(3, complex), np.ones((2, 3), np.float16), np.ones((2, 3), ">f4"),
          np.ones((2, 1, 2, 1, 2), np.float32), np.ones(6, np.int8).reshape(2, 3)[::-1, ::-1], int, [None], "a\0b"]
#: Checks that work for seconds, or for as long as they are asked to.
LONG = ("runtime.check_bits", "runtime.measure_state_widths")
#: What a wrong call may raise. AttributeError, KeyError and their like tell of a check that is missing.
NATURAL = (TypeError, ValueError, IndexError, OverflowError, OSError, NotImplementedError, MemoryError)
#: A mapping's own words, and those of setattr().
OWN = {"ParameterDict.__getitem__": KeyError, "ParameterDict.setattr": AttributeError}


def public():
    """(name, function or class), each once."""
    seen = set()
    for name in MODULES:
        module = importlib.import_module(f"quantick.{name}") if name != "backtest.metrics" else \
            importlib.import_module("quantick.backtest").metrics
        for member in module.__all__:
            value = getattr(module, member)
            ours = getattr(value, "__module__", "") or ""
            if not callable(value) or not ours.startswith("quantick") or id(value) in seen or f"{name}.{member}" in LONG:
                continue
            if not (isinstance(value, type) and issubclass(value, BaseException)):
                seen.add(id(value))
                yield f"{name}.{member}", value


def methods(name, thing):
    """(name, bound method) of an object, operators included."""
    skipped = {"__class__", "__getattribute__", "__setattr__", "__delattr__", "__init__", "__init_subclass__",
               "__subclasshook__", "__reduce__", "__reduce_ex__", "__getattr__", "__getstate__", "__setstate__"}
    for member in sorted(set(dir(thing)) - skipped):
        if member.startswith("_") and not member.startswith("__"):
            continue
        if isinstance(inspect.getattr_static(type(thing), member, None), property):
            continue
        value = getattr(thing, member, None)
        if callable(value) and (member not in dir(object)):
            yield f"{name}.{member}", value


def objects(model):
    """One of each class that users hold."""
    from quantick import autograd, backtest, features, gluon, kvstore, market, nd, nn, optimizer, runtime, strategy

    dates = np.datetime64("2020-01-01") + np.arange(40)
    names = list("ABCD")
    close = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, (40, 4)), axis=0))
    prices = market.panel(dates, names, {"close": close})
    scores = strategy.scores(dates, names, close)
    dense = nn.Dense(2, in_units=3)
    dense.initialize()
    net = nn.HybridSequential()
    net.add(dense)
    session = runtime.Session.load(model)
    return {"NDArray": nd.ones((2, 3)), "Dense": dense, "HybridSequential": net, "LSTM": nn.LSTM(3),
            "Parameter": dense.weight, "ParameterDict": net.collect_params(),
            "Trainer": gluon.Trainer(net.collect_params(), "sgd"), "Session": session,
            "Program": runtime.load(model), "Stream": runtime.Stream(session), "Panel": prices, "ScoreMatrix": scores,
            "BacktestResult": backtest.run(prices, scores, "TopkDropout", k=2, n_drop=1),
            "FeatureSet": features.FeatureSet(["return(1)"]), "Adam": optimizer.Adam(),
            "KVStore": kvstore.create(), "record": autograd.record(),
            "ArrayDataset": gluon.data.ArrayDataset(np.ones((4, 2), np.float32))}


def main(model):
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    calls = 0
    targets = [*public(), *(m for name, thing in objects(model).items() for m in methods(name, thing))]
    for name, target in targets:
        for value in VALUES:
            for count in (0, 1, 2, 3) if value is VALUES[0] else (1, 2):
                label = f"{name}({', '.join([repr(value)[:40]] * count)})"
                print(json.dumps({"calls": label}), flush=True)
                faulthandler.dump_traceback_later(5, exit=True)
                calls += 1
                try:
                    target(*[value] * count)
                except NATURAL as error:
                    text = str(error)
                    if "incompatible function arguments" in text or "std::" in text:
                        print(json.dumps({"wrong": label, "error": text[:200]}), flush=True)
                except Exception as error:
                    if isinstance(error, OWN.get(name, ())):
                        continue
                    print(json.dumps({"wrong": label, "error": f"{type(error).__name__}: {error}"[:200]}), flush=True)
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps({"done": calls, "targets": len(targets)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
