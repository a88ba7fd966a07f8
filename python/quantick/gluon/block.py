"""The classes that networks in Python derive from, and blocks made of functions."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quantick import nd
from quantick._core import Block, HybridBlock

__all__ = ["Block", "HybridBlock", "HybridLambda", "Lambda"]


def _named(function: str | Callable[..., Any]) -> Callable[..., Any]:
    if callable(function):
        return function
    if not hasattr(nd, function):
        raise ValueError(f"[lambda] function, was {function!r}, expected a callable or an operator of quantick.nd")
    found: Callable[..., Any] = getattr(nd, function)
    return found


class Lambda(Block):
    """A function, or an operator by its name, as a block: Lambda("tanh"), Lambda(lambda x: x[-1])."""

    def __init__(self, function: str | Callable[..., Any], prefix: str | None = None) -> None:
        super().__init__(prefix)
        self.function = _named(function)

    def forward(self, *args: Any) -> Any:
        return self.function(*args)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({getattr(self.function, '__name__', 'function')})"


class HybridLambda(HybridBlock):
    """The same for functions of operators alone: function(x, ...), or function(F, x, ...) as MXNet 1.x has it, where F
    is quantick.nd."""

    def __init__(self, function: str | Callable[..., Any], prefix: str | None = None) -> None:
        super().__init__(prefix)
        self.function = _named(function)
        self.takes_f = not isinstance(function, str) and _first_argument(function) == "F"

    def forward(self, *args: Any) -> Any:
        return self.function(nd, *args) if self.takes_f else self.function(*args)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({getattr(self.function, '__name__', 'function')})"


def _first_argument(function: Callable[..., Any]) -> str:
    import inspect

    return next(iter(inspect.signature(function).parameters), "")
