"""Optimizers of the core, which train.fit takes too: the same steps give the same bits."""
from __future__ import annotations

from typing import Any

from quantick._checks import number
from quantick._core import CoreOptimizer, NDArray, make_optimizer
from quantick.optimizer.base import Optimizer, register


class _CoreState:
    """A core optimizer with one weight. Where a setting has changed since the last step, it goes on with the new one."""

    def __init__(self, kind: str, keywords: dict[str, Any]) -> None:
        self.kind, self.keywords = kind, keywords
        self.core: CoreOptimizer = make_optimizer(kind, keywords)

    def step(self, keywords: dict[str, Any], weight: NDArray, grad: NDArray, lr: float) -> None:
        if keywords != self.keywords:
            made = _CoreState(self.kind, keywords)
            if made.core.state_names == self.core.state_names:  # SGD has none without momentum
                made.core.restore(self.core.steps, self.core.states)
            self.core, self.keywords = made.core, keywords
        self.core.step([weight], [grad], lr)


class _CoreOptimizer(Optimizer):
    """An optimizer of the core, whose settings are attributes."""

    _kind: str
    _settings: tuple[str, ...]

    @property
    def _keywords(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._settings}

    def _arguments(self, wd: float) -> dict[str, Any]:
        return {**self._keywords, "learning_rate": 1.0, "wd": float(wd)}  # the rate comes with each step

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _CoreState(self._kind, self._arguments(self.wd * self._factor(index, "wd_mult")))

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        state.step(self._arguments(wd), weight, grad, lr)


@register
class SGD(_CoreOptimizer):
    """mom = momentum mom - lr (grad + wd weight); weight += mom. nesterov: weight += momentum mom - lr (...)."""

    _kind, _settings = "SGD", ("momentum", "nesterov")

    def __init__(self, momentum: float = 0.0, nesterov: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum, self.nesterov = number(momentum, "[optimizer] momentum"), nesterov


class _CoreAdam(_CoreOptimizer):
    _settings = ("beta1", "beta2", "epsilon")

    def __init__(self, learning_rate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
                 **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2 = number(beta1, "[optimizer] beta1"), number(beta2, "[optimizer] beta2")
        self.epsilon = number(epsilon, "[optimizer] epsilon")


@register
class Adam(_CoreAdam):
    """Kingma & Ba 2015 as PyTorch has it: epsilon is added behind the correction of the mean square."""

    _kind = "Adam"


@register
class AdamW(_CoreAdam):
    """Loshchilov & Hutter 2019 with PyTorch's defaults: weight *= 1 - lr wd, then Adam's step without penalty."""

    _kind = "AdamW"

    def __init__(self, learning_rate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
                 wd: float = 0.01, **kwargs: Any) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, wd=wd, **kwargs)
