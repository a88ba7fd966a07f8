"""Refusals of arguments by name: "[room] thing, was ..., expected ..."."""
from __future__ import annotations

from typing import Any


def was(value: Any) -> str:
    """The value where it is short, else its class."""
    if value is None or isinstance(value, (bool, int, float, str)) and len(repr(value)) <= 60:
        return f"was {value!r}"
    if isinstance(value, type):
        return f"was the class {value.__name__}"
    kind = type(value)
    return f"was a {kind.__name__}" if kind.__module__ == "builtins" else f"was a {kind.__module__}.{kind.__name__}"


def expect(value: Any, kind: type, what: str, expected: str | None = None) -> Any:
    """The value, where it is of that class. what: "[room] thing". Raises TypeError."""
    if not isinstance(value, kind):
        raise TypeError(f"{what}, {was(value)}, expected {expected or 'a ' + kind.__name__}")
    return value


def whole(value: Any, what: str) -> int:
    """A whole number, also one such as 1e4. Raises TypeError."""
    import operator

    if isinstance(value, float) and value.is_integer():
        return int(value)
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{what}, {was(value)}, expected a whole number") from None


def number(value: Any, what: str) -> float:
    """A number, no text. Raises TypeError."""
    try:
        if not isinstance(value, (str, bytes)):
            return float(value)
    except (TypeError, ValueError):
        pass
    raise TypeError(f"{what}, {was(value)}, expected a number")


def numbers(values: Any, what: str, dtype: Any = "float64") -> Any:
    """A contiguous NumPy array of that dtype, 0-d ones as they are. Raises TypeError for what holds no real numbers,
    ValueError for rows of unequal length."""
    import numpy as np

    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{what}, was a {type(values).__name__} of rows of unequal length, expected one shape"
                         ) from None
    if array.dtype.kind == "O" and not array.ndim:
        raise TypeError(f"{what}, {was(values)}, expected numbers")
    if array.dtype.kind in "OUSc":
        try:
            if array.dtype.kind == "O":  # None stands for a missing value there, as in pandas
                return np.asarray(array, dtype=dtype, order="C")
        except (TypeError, ValueError):
            pass
        raise TypeError(f"{what}, {was(values) if not array.ndim else f'was of dtype {array.dtype}'}, expected numbers")
    return np.asarray(array, dtype=dtype, order="C")
