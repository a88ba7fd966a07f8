"""Contexts, for scripts written for MXNet: the CPU is the only one."""
from __future__ import annotations

from quantick._core import UnsupportedError

__all__ = ["Context", "cpu", "cpu_pinned", "current_context", "gpu", "num_gpus"]


class Context:
    """Where arrays live. Contexts of the CPU are equal to each other, and to the text that an array's context is."""

    def __init__(self, device_type: str | Context = "cpu", device_id: int = 0) -> None:
        kind = device_type.device_type if isinstance(device_type, Context) else str(device_type)
        if not kind.startswith("cpu"):
            raise UnsupportedError(f"[context] was {kind}({device_id}), expected cpu()")
        self.device_type: str = kind
        self.device_id: int = device_type.device_id if isinstance(device_type, Context) else device_id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Context) or (isinstance(other, str) and other.startswith("cpu"))

    def __hash__(self) -> int:
        return hash("cpu")

    def __repr__(self) -> str:
        return f"{self.device_type}({self.device_id})"

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *exception: object) -> None:
        pass


def cpu(device_id: int = 0) -> Context:
    return Context("cpu", device_id)


def cpu_pinned(device_id: int = 0) -> Context:
    return Context("cpu_pinned", device_id)


def gpu(device_id: int = 0) -> Context:
    """Raises NotImplementedError: num_gpus() is 0."""
    return Context("gpu", device_id)


def num_gpus() -> int:
    return 0


def current_context() -> Context:
    return cpu()


def check(ctx: object) -> None:
    """Raises NotImplementedError for a context that is not the CPU's; None is."""
    for one in ctx if isinstance(ctx, (list, tuple)) else [ctx]:
        if one is not None and not str(one).startswith("cpu"):
            raise UnsupportedError(f"[context] was {one}, expected cpu()")
