"""Helpers with Gluon's names."""
from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from quantick import nd
from quantick._core import NDArray, clip_global_norm as _clip_global_norm
from quantick.context import check

__all__ = ["clip_global_norm", "split_and_load", "split_data"]


def split_data(data: Any, num_slice: int, batch_axis: int = 0, even_split: bool = True) -> list[NDArray]:
    """Parts of a batch along its axis of samples; without even_split the last one is longer where they do not divide.

    Raises ValueError for a batch of fewer samples than parts, or one that even_split does not allow.
    """
    array = data if isinstance(data, NDArray) else nd.array(data)
    size = array.shape[batch_axis]
    if not 0 < num_slice <= size or (even_split and size % num_slice):
        expected = f"{'a divisor of' if even_split else 'at most'} the {size} samples of the batch"
        raise ValueError(f"[split_data] num_slice, was {num_slice}, expected {expected}")
    step = size // num_slice
    return [nd.slice_axis(array, batch_axis, i * step, None if i == num_slice - 1 else (i + 1) * step)
            for i in range(num_slice)]


def split_and_load(data: Any, ctx_list: Sequence[Any], batch_axis: int = 0, even_split: bool = True) -> list[NDArray]:
    """split_data(), one part per context; all of them are the CPU."""
    check(ctx_list)
    return split_data(data, len(ctx_list), batch_axis, even_split)


def clip_global_norm(arrays: Sequence[NDArray], max_norm: float, check_isfinite: bool = True) -> float:
    """Scales all arrays in place so that their global norm is at most max_norm; returns the norm before. Arrays stay as
    they are where it is not finite: with check_isfinite, a warning says so."""
    norm = _clip_global_norm(arrays, max_norm)
    if check_isfinite and not math.isfinite(norm):
        warnings.warn(f"[clip_global_norm] norm is {norm}: nothing is clipped", stacklevel=2)
    return norm
