"""Initializers, with MXNet's names and defaults. Values depend on the seed, the parameter's path and the element alone."""
from __future__ import annotations

from typing import TypeVar

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
    "register",
]


_registered: dict[str, type[Initializer]] = {}
_Class = TypeVar("_Class", bound=type[Initializer])


def register(klass: _Class) -> _Class:
    """Lets initializers be given by the class's name in lower case; it is made without arguments then."""
    if not (isinstance(klass, type) and issubclass(klass, Initializer)):
        raise TypeError(f"[init] klass, was {klass!r}, expected a subclass of Initializer")
    _registered[klass.__name__.lower()] = klass
    return klass


class InitDesc(str):
    """The name of an array, for scripts that call initializers by hand: Xavier()(InitDesc("weight"), array)."""
