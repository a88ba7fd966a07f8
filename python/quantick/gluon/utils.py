"""Helpers with Gluon's names."""
from __future__ import annotations

from collections.abc import Sequence

from quantick._core import NDArray, clip_global_norm as _clip_global_norm

__all__ = ["clip_global_norm"]


def clip_global_norm(arrays: Sequence[NDArray], max_norm: float) -> float:
    """Scales all arrays in place so that their global norm is at most max_norm; returns the norm before. Arrays stay as
    they are where it is not finite."""
    return _clip_global_norm(arrays, max_norm)
