"""Random arrays and the seed of this thread's stream.

Every draw takes the next key of the stream, and element i of a draw is a function of the key and i alone (Philox
4x32-10): the same seed and calls give the same numbers on every machine.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from quantick import _core
from quantick._checks import number
from quantick._core import NDArray
from quantick.context import check as _check_context

if TYPE_CHECKING:
    from quantick._typing import ArrayLike, DTypeLike

__all__ = ["normal", "randint", "randn", "seed", "shuffle", "uniform"]


def seed(seed: int) -> None:
    """Starts this thread's stream of random numbers anew; dropout draws from it too. A thread starts with seed 0's."""
    _core.seed(seed)


def uniform(low: float = 0.0, high: float = 1.0, shape: int | Sequence[int] = (),
            dtype: DTypeLike = "float32",
            *, ctx: object = None) -> NDArray:
    """Uniform numbers in [low, high)."""
    _check_context(ctx)
    if not -math.inf < number(low, "[random] low") <= number(high, "[random] high") < math.inf:
        raise ValueError(f"[random] low and high, were {low} and {high}, expected finite numbers, low first")
    return _core.uniform(low, high, shape, dtype)


def normal(loc: float = 0.0, scale: float = 1.0, shape: int | Sequence[int] = (),
           dtype: DTypeLike = "float32",
           *, ctx: object = None) -> NDArray:
    """Normal numbers of mean loc and standard deviation scale."""
    _check_context(ctx)
    return _core.normal(loc, scale, shape, dtype)


def randn(*shape: int, loc: float = 0.0, scale: float = 1.0, dtype: DTypeLike = "float32",
          ctx: object = None) -> NDArray:
    """normal() with the shape first."""
    return normal(loc, scale, shape, dtype, ctx=ctx)


def shuffle(data: ArrayLike) -> NDArray:
    """The rows of an array in random order, each order as likely."""
    import numpy

    given = data if isinstance(data, NDArray) else _core.wrap(data)
    order = numpy.argsort(uniform(shape=(len(given),), dtype="float64").asnumpy(), kind="stable")
    return _core.copy_of(given.asnumpy()[order], None)


def randint(low: int, high: int, shape: int | Sequence[int] = (), dtype: DTypeLike = "int64",
            *, ctx: object = None) -> NDArray:
    """Whole numbers in [low, high), each as likely."""
    _check_context(ctx)
    return _core.randint(low, high, shape, dtype)
