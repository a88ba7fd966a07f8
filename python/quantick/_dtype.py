"""The name of an array's element type."""
from __future__ import annotations

from typing import Any


class DType(str):
    """"float32", "int8", ...: a text that also equals NumPy's form of the same type, as MXNet's dtypes did:
    ``x.dtype == numpy.float32``."""

    __slots__ = ()

    def __eq__(self, other: Any) -> bool:
        if isinstance(other, str) or other is None:
            return str(self) == other
        import numpy as np

        try:
            return bool(np.dtype(other).name == str(self))
        except (TypeError, ValueError):
            return False

    def __ne__(self, other: Any) -> bool:
        return not self == other

    __hash__ = str.__hash__
