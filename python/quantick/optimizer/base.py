"""What all optimizers share, and their names."""
from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from quantick import nd
from quantick._checks import expect, number
from quantick._core import NDArray, Parameter
from quantick.lr_scheduler import LRScheduler

_registry: dict[str, type[Optimizer]] = {}
_Class = TypeVar("_Class", bound="type[Optimizer]")


def register(klass: _Class) -> _Class:
    """Lets create() find a class by its name."""
    _registry[expect(klass, type, "[optimizer] klass", "a class").__name__.lower()] = klass
    return klass


def create(name: str | Optimizer, **kwargs: Any) -> Optimizer:
    """An optimizer by its class name, upper or lower case. Raises ValueError with the names there are."""
    if isinstance(name, Optimizer):
        return name
    expect(name, str, "[optimizer] name", "an Optimizer or its name")
    if name.lower() not in _registry:
        raise ValueError(f"[optimizer] name, was {name}, expected one of {', '.join(sorted(_registry))}")
    return _registry[name.lower()](**kwargs)


class Optimizer:
    """Base of all optimizers; subclasses write create_state() and step(weight, grad, state, lr, wd, count).

    lr_scheduler gives the rate of each update from `learning_rate`, which becomes its base_lr. `param_idx2name`, or
    `param_dict` (parameters by index), names parameters for set_lr_mult() and set_wd_mult(). begin_num_update: updates
    that count as done.
    """

    def __init__(self, rescale_grad: float = 1.0, param_idx2name: Mapping[int, str] | None = None, wd: float = 0.0,
                 clip_gradient: float | None = None, learning_rate: float | None = None,
                 lr_scheduler: LRScheduler | None = None, begin_num_update: int = 0,
                 param_dict: Mapping[int, Parameter] | None = None) -> None:
        self.rescale_grad = number(rescale_grad, "[optimizer] rescale_grad")
        self.wd = number(wd, "[optimizer] wd")
        self.clip_gradient = None if clip_gradient is None else number(clip_gradient, "[optimizer] clip_gradient")
        self.lr = 0.01 if learning_rate is None else number(learning_rate, "[optimizer] learning_rate")
        if not math.isfinite(self.lr):
            raise ValueError(f"[optimizer] learning_rate, was {self.lr}, expected a finite number")
        self.lr_scheduler = lr_scheduler
        if lr_scheduler is not None and learning_rate is not None:
            lr_scheduler.base_lr = learning_rate
        self.begin_num_update = self.num_update = begin_num_update
        self.param_dict = dict(param_dict or {})
        self.idx2name = dict(param_idx2name or {i: parameter.name for i, parameter in (param_dict or {}).items()})
        self.lr_mult: dict[Any, float] = {}
        self.wd_mult: dict[Any, float] = {}
        self._counts: dict[Any, int] = {}

    create_optimizer = staticmethod(create)
    register = staticmethod(register)

    @property
    def learning_rate(self) -> float:
        """Of the next update."""
        return self.lr if self.lr_scheduler is None else self.lr_scheduler(max(1, self.num_update))

    def set_learning_rate(self, lr: float) -> None:
        if self.lr_scheduler is not None:
            raise UserWarning("[optimizer] learning_rate belongs to the lr_scheduler")
        self.lr = number(lr, "[optimizer] learning_rate")

    def set_lr_mult(self, args_lr_mult: Mapping[Any, float]) -> None:
        """Factors on the learning rate by index or name."""
        self.lr_mult = dict(args_lr_mult)

    def set_wd_mult(self, args_wd_mult: Mapping[Any, float]) -> None:
        """Factors on wd by index or name."""
        self.wd_mult = dict(args_wd_mult)

    def create_state(self, index: Any, weight: NDArray) -> Any:
        """What update() carries from step to step for one weight: None, an array, or a tuple of them."""
        return None

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        """One update in place; grad is rescaled and clipped; `count` is 1 in the first one."""
        raise NotImplementedError(f"[{type(self).__name__}] has no step()")

    def update(self, index: Any, weight: Any, grad: Any, state: Any) -> None:
        """One update of one weight, or of lists of all arguments."""
        if isinstance(index, (list, tuple)):
            for entry in zip(index, weight, grad, state, strict=True):
                self.update(*entry)
            return
        self._update_count(index)
        count = self._counts[index]
        if self.rescale_grad != 1:
            grad = grad * self.rescale_grad
        if self.clip_gradient is not None:
            grad = nd.clip(grad, -self.clip_gradient, self.clip_gradient)
        self.step(weight, grad, state, self._get_lr(index), self._get_wd(index), count)

    # These three are what optimizers written for MXNet, which override update(), call.
    def _update_count(self, index: Any) -> None:
        """Counts one more update of a weight."""
        count = self._counts.get(index, self.begin_num_update) + 1
        self._counts[index] = count
        self.num_update = max(self.num_update, count)

    def _get_lr(self, index: Any) -> float:
        """The learning rate of a weight now."""
        lr = self.lr if self.lr_scheduler is None else self.lr_scheduler(self.num_update)
        return lr * self._factor(index, "lr_mult")

    def _get_wd(self, index: Any) -> float:
        """The penalty of a weight now."""
        return self.wd * self._factor(index, "wd_mult")

    def _factor(self, index: Any, which: str) -> float:
        table: dict[Any, float] = getattr(self, which)
        own: float = getattr(self.param_dict[index], which) if index in self.param_dict else 1.0
        return own * table.get(index, table.get(self.idx2name.get(index), 1.0))
