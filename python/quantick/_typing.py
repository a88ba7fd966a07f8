"""Types of what functions take; for type checkers, not imported at run time."""
from __future__ import annotations

from typing import Any, Protocol, SupportsFloat, Union

from quantick._core import NDArray


class SupportsDLPack(Protocol):
    """A NumPy array, a torch tensor, or what else hands out its memory by DLPack."""

    def __dlpack_device__(self) -> Any: ...


#: What operators take: shared, never copied. Numbers take the dtype of the arrays that they meet.
ArrayLike = Union[NDArray, SupportsFloat, SupportsDLPack]

#: "float32", np.float32, np.dtype("float32"), float, int or bool.
DTypeLike = Any
