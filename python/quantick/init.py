"""Initializers, with MXNet's names and defaults. Values depend on the seed, the parameter's path and the element alone."""
from __future__ import annotations

from quantick._core import (
    Constant,
    Initializer,
    LSTMBias,
    MSRAPrelu,
    Normal,
    One,
    Orthogonal,
    Uniform,
    Xavier,
    Zero,
)

__all__ = [
    "Constant",
    "InitDesc",
    "Initializer",
    "LSTMBias",
    "MSRAPrelu",
    "Normal",
    "One",
    "Orthogonal",
    "Uniform",
    "Xavier",
    "Zero",
]


class InitDesc(str):
    """The name of an array, for scripts that call initializers by hand: Xavier()(InitDesc("weight"), array)."""
