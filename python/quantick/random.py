"""Random arrays and the seed of this thread's stream.

Every draw takes the next key of the stream, and element i of a draw is a function of the key and i alone (Philox
4x32-10): the same seed and calls give the same numbers on every machine.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from quantick import _core
from quantick._core import NDArray

if TYPE_CHECKING:
    from quantick._typing import DTypeLike

__all__ = ["normal", "randint", "seed", "uniform"]


def seed(seed: int) -> None:
    """Starts this thread's stream of random numbers anew; dropout draws from it too. A thread starts with seed 0's."""
    _core.seed(seed)


def uniform(low: float = 0.0, high: float = 1.0, shape: int | Sequence[int] = (),
            dtype: DTypeLike = "float32") -> NDArray:
    """Uniform numbers in [low, high)."""
    if not low <= high < math.inf or low == -math.inf:
        raise ValueError(f"[random] low and high, were {low} and {high}, expected finite numbers, low first")
    return _core.uniform(low, high, shape, dtype)


def normal(loc: float = 0.0, scale: float = 1.0, shape: int | Sequence[int] = (),
           dtype: DTypeLike = "float32") -> NDArray:
    """Normal numbers of mean loc and standard deviation scale."""
    return _core.normal(loc, scale, shape, dtype)


def randint(low: int, high: int, shape: int | Sequence[int] = (), dtype: DTypeLike = "int64") -> NDArray:
    """Whole numbers in [low, high), each as likely."""
    return _core.randint(low, high, shape, dtype)
