"""Arrays and operators.

Operators take NDArrays, numbers, NumPy arrays and anything with __dlpack__ or a buffer, and give NDArrays; one function
per operator, written from the registry (`quantick ops` lists them).
"""
from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from quantick import _core, _mxnet_layers, _mxnet_operators, _operators, random
from quantick._checks import expect
from quantick._core import NDArray
from quantick._operators import *
from quantick._mxnet_layers import *
from quantick._mxnet_operators import *  # after the registry's: some of them take more forms of arguments
from quantick.context import Context, check as _check_context

if TYPE_CHECKING:
    from quantick._typing import ArrayLike, DTypeLike

__all__ = [*sorted({*_operators.__all__, *_mxnet_layers.__all__, *_mxnet_operators.__all__}), "NDArray", "arange",
           "array", "empty", "from_dlpack", "from_numpy", "full", "full_like", "load", "ones", "ones_like", "random",
           "random_normal", "random_randint", "random_uniform", "save", "waitall", "zeros", "zeros_like"]


def array(source: Any, dtype: DTypeLike = None, *, ctx: object = None) -> NDArray:
    """A copy of `source` as an array: contiguous, writable, memory of its own. No gradient flows through it.

    source: numbers, nested lists of them, arrays, frames; anything that NumPy makes an array of.
    dtype: of the result. Where it is None, arrays keep theirs; numbers and lists give float32, as in Gluon, or bool
    where all are bool.
    Raises ValueError for rows of unequal length, TypeError for what holds no numbers.
    """
    dtype = _dtype(dtype, ctx, None)
    if isinstance(source, NDArray):
        return _core.copy_of(source, dtype)
    import numpy

    given = source
    if not hasattr(source, "dtype"):
        if not hasattr(source, "__array__") and not isinstance(source, (bool, int, float)):
            source = _unwrapped(source)
        try:
            given = numpy.asarray(source)
        except ValueError as error:
            raise ValueError(f"[array] rows of unequal length, expected one shape ({error})") from None
        if dtype is None and given.dtype != bool and given.dtype.kind in "biuf" and _is_listed(source):
            dtype = "float32"
    elif not hasattr(source, "__dlpack__"):  # a frame, or a NumPy number
        given = numpy.asarray(source)
    made = _core.copy_of(given, dtype)
    if made.dtype.startswith(("int", "uint")) and _is_listed(source):
        if not numpy.array_equal(numpy.trunc(given), made.asnumpy()):
            raise OverflowError(f"[array] numbers beyond {made.dtype}, expected those that fit it")
    return made


def _dtype(dtype: DTypeLike, ctx: object, default: str | None = "float32") -> Any:
    """The dtype; MXNet has the context in its place."""
    _check_context(ctx)
    return default if isinstance(dtype, Context) else dtype


def _is_listed(source: Any) -> bool:
    return isinstance(source, (bool, int, float, list, tuple, range))


def _unwrapped(source: Any) -> Any:
    """Lists that hold arrays, as NumPy reads them fast."""
    if isinstance(source, (list, tuple)):
        return [item.asnumpy() if isinstance(item, NDArray) else _unwrapped(item) for item in source]
    return source


def from_numpy(source: ArrayLike) -> NDArray:
    """An array on the memory of a NumPy array, shared: a write into one shows in the other. Read-only memory gives an
    array that refuses writes. Raises TypeError for dtypes that Quantick does not have."""
    return _core.wrap(source)


def from_dlpack(source: Any) -> NDArray:
    """An array on the memory of a torch tensor, or of anything else with __dlpack__ on the CPU, shared."""
    return _core.wrap(source)


def zeros(shape: int | Sequence[int], dtype: DTypeLike = "float32", *, ctx: object = None) -> NDArray:
    return _core.full(shape, 0.0, _dtype(dtype, ctx))


def empty(shape: int | Sequence[int], dtype: DTypeLike = "float32", *, ctx: object = None) -> NDArray:
    """zeros(): no array shows what was in memory before."""
    return zeros(shape, dtype, ctx=ctx)


def ones(shape: int | Sequence[int], dtype: DTypeLike = "float32", *, ctx: object = None) -> NDArray:
    return _core.full(shape, 1.0, _dtype(dtype, ctx))


def full(shape: int | Sequence[int], val: float, dtype: DTypeLike = "float32", *, ctx: object = None) -> NDArray:
    """Every element is `val`."""
    return _core.full(shape, val, _dtype(dtype, ctx))


def zeros_like(array: ArrayLike) -> NDArray:
    return full_like(array, 0)


def ones_like(array: ArrayLike) -> NDArray:
    return full_like(array, 1)


def full_like(array: ArrayLike, val: float) -> NDArray:
    held = array if isinstance(array, NDArray) else from_numpy(array)
    return full(held.shape, val, held.dtype)


def arange(start: float, stop: float | None = None, step: float = 1, dtype: DTypeLike = "float32", *,
           ctx: object = None) -> NDArray:
    """start, start + step, ... below stop; with one number, 0, 1, ... below it."""
    _check_context(ctx)
    if stop is None:
        start, stop = 0, start
    return _core.arange(start, stop, step, dtype)


def save(file: str | os.PathLike[str], data: NDArray | Sequence[NDArray] | Mapping[str, NDArray]) -> None:
    """Writes arrays into a safetensors file, which is replaced atomically. A list is read back as a list."""
    if isinstance(data, NDArray):
        data = [data]
    if not isinstance(data, Mapping):
        expect(data, Iterable, "[save] data", "an array, or a list or a mapping of arrays")
        data = {str(i): array for i, array in enumerate(data)}
    elif data and all(str(name).isdigit() for name in data):
        raise ValueError("[save] names, were all numbers, expected texts: lists are stored under numbers")
    _core.save_arrays(os.fspath(file), dict(data))


def load(file: str | os.PathLike[str]) -> list[NDArray] | dict[str, NDArray]:
    """What save() wrote, or the tensors of another safetensors file by name.

    Raises OSError, and FormatError for a file that is cut, altered or holds dtypes that Quantick does not have.
    """
    arrays: dict[str, NDArray] = _core.load_arrays(os.fspath(file))
    if arrays and set(arrays) == {str(i) for i in range(len(arrays))}:
        return [arrays[str(i)] for i in range(len(arrays))]
    return arrays


#: MXNet's older names.
random_normal, random_uniform, random_randint = random.normal, random.uniform, random.randint


def waitall() -> None:
    """Does nothing: results are there when a call returns. For scripts written for MXNet, which computes later."""
