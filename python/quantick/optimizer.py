"""Optimizers, with MXNet's names and defaults.

An optimizer updates a weight in place from its gradient: update(index, weight, grad, state), state from
create_state(index, weight). gluon.Trainer does that for all parameters. Gradients are multiplied by rescale_grad (the
trainer sets 1 / batch size), then clipped to +-clip_gradient; `wd` is an L2 penalty. SGD, Adam and AdamW are the core's:
train.fit takes the same classes by name, and the same steps give the same bits.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from quantick import nd
from quantick._checks import expect, number
from quantick._core import CoreOptimizer, NDArray, Parameter, make_optimizer
from quantick.lr_scheduler import LRScheduler

__all__ = ["DCASGD", "FTML", "LAMB", "LARS", "NAG", "SGD", "SGLD", "AdaBelief", "AdaDelta", "AdaGrad", "Adam", "AdamW",
           "Adamax", "Ftrl", "LBSGD", "Nadam", "Optimizer", "RMSProp", "Signum", "Test", "Updater", "ccSGD", "create",
           "get_updater", "register"]

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


@register
class NAG(SGD):
    """SGD with Nesterov's momentum; without momentum, plain SGD."""

    def __init__(self, momentum: float = 0.0, **kwargs: Any) -> None:
        super().__init__(momentum, number(momentum, "[optimizer] momentum") > 0, **kwargs)


@register
class ccSGD(SGD):
    """SGD under its old name."""


def _zeros(weight: NDArray, count: int) -> tuple[NDArray, ...]:
    expect(weight, NDArray, "[optimizer] weight", "an NDArray")
    return tuple(nd.zeros(weight.shape, weight.dtype) for _ in range(count))


@register
class AdaGrad(Optimizer):
    """history += grad^2; weight -= lr (grad / sqrt(history + eps) + wd weight) (Duchi et al. 2011)."""

    def __init__(self, eps: float = 1e-7, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.float_stable_eps = eps

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 1)[0]

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        state[:] = state + nd.square(grad)
        weight[:] = weight - lr * (grad / nd.sqrt(state + self.float_stable_eps) + wd * weight)


@register
class RMSProp(Optimizer):
    """Tieleman & Hinton 2012; centered: Graves 2013 with momentum gamma2. clip_weights: weights stay in +-clip_weights.
    """

    def __init__(self, learning_rate: float = 0.001, gamma1: float = 0.9, gamma2: float = 0.9, epsilon: float = 1e-8,
                 centered: bool = False, clip_weights: float | None = None, **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.gamma1, self.gamma2, self.epsilon = gamma1, gamma2, epsilon
        self.centered, self.clip_weights = centered, clip_weights

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 3 if self.centered else 1)

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        grad = grad + wd * weight
        square = state[0]
        square[:] = self.gamma1 * square + (1 - self.gamma1) * nd.square(grad)
        if self.centered:
            mean, delta = state[1:]
            mean[:] = self.gamma1 * mean + (1 - self.gamma1) * grad
            delta[:] = self.gamma2 * delta - lr * grad / nd.sqrt(square - nd.square(mean) + self.epsilon)
            weight[:] = weight + delta
        else:
            weight[:] = weight - lr * grad / nd.sqrt(square + self.epsilon)
        if self.clip_weights:
            weight[:] = nd.clip(weight, -self.clip_weights, self.clip_weights)


@register
class AdaDelta(Optimizer):
    """Zeiler 2012; wd shrinks the weights themselves."""

    def __init__(self, rho: float = 0.90, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rho, self.epsilon = rho, epsilon

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 2)

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        square, change = state
        square[:] = self.rho * square + (1 - self.rho) * nd.square(grad)
        delta = nd.sqrt(change + self.epsilon) / nd.sqrt(square + self.epsilon) * grad
        change[:] = self.rho * change + (1 - self.rho) * nd.square(delta)
        weight[:] = weight - delta - wd * weight


@register
class Ftrl(Optimizer):
    """Follow the regularized leader, per coordinate (McMahan et al. 2013); lamda1 is the L1 penalty."""

    def __init__(self, lamda1: float = 0.01, learning_rate: float = 0.1, beta: float = 1, **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.lamda1, self.beta = lamda1, beta

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 2)

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        z, n = state
        z[:] = z + grad - (nd.sqrt(n + nd.square(grad)) - nd.sqrt(n)) * weight / lr
        n[:] = n + nd.square(grad)
        leader = (nd.sign(z) * self.lamda1 - z) / ((self.beta + nd.sqrt(n)) / lr + wd)
        weight[:] = leader * nd.cast(nd.greater(nd.abs(z), self.lamda1), weight.dtype)


@register
class FTML(Optimizer):
    """Follow the moving leader (Zheng & Kwok 2017)."""

    def __init__(self, beta1: float = 0.6, beta2: float = 0.999, epsilon: float = 1e-8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 3)

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        d, v, z = state
        grad = grad + wd * weight
        v[:] = self.beta2 * v + (1 - self.beta2) * nd.square(grad)
        now = (1 - self.beta1**count) / lr * (nd.sqrt(v / (1 - self.beta2**count)) + self.epsilon)
        z[:] = self.beta1 * z + (1 - self.beta1) * grad - (now - self.beta1 * d) * weight
        d[:] = now
        weight[:] = -z / d


@register
class Adamax(Optimizer):
    """Adam with the largest gradient in place of the mean square (Kingma & Ba 2015, section 7.1)."""

    def __init__(self, learning_rate: float = 0.002, beta1: float = 0.9, beta2: float = 0.999, **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2 = beta1, beta2

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 2)

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        mean, largest = state
        grad = grad + wd * weight
        mean[:] = self.beta1 * mean + (1 - self.beta1) * grad
        largest[:] = nd.maximum(self.beta2 * largest, nd.abs(grad))
        weight[:] = weight - lr / (1 - self.beta1**count) * mean / (largest + 1e-8)


@register
class Nadam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2016)."""

    def __init__(self, learning_rate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
                 schedule_decay: float = 0.004, **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2, self.epsilon, self.schedule_decay = beta1, beta2, epsilon, schedule_decay

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 2)

    def _momentum(self, count: int) -> float:
        return float(self.beta1 * (1 - 0.5 * 0.96 ** (count * self.schedule_decay)))

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        mean, square = state
        grad = grad + wd * weight
        # Per weight: MXNet multiplies the schedule of all weights together.
        before = math.prod(self._momentum(t) for t in range(1, count + 1))
        now, later = self._momentum(count), self._momentum(count + 1)
        mean[:] = self.beta1 * mean + (1 - self.beta1) * grad
        square[:] = self.beta2 * square + (1 - self.beta2) * nd.square(grad)
        ahead = (1 - now) * grad / (1 - before) + later * mean / (1 - before * later)
        weight[:] = weight - lr * ahead / (nd.sqrt(square / (1 - self.beta2**count)) + self.epsilon)


@register
class AdaBelief(Optimizer):
    """Adam with the mean square of the gradient's deviation from its mean (Zhuang et al. 2020)."""

    def __init__(self, learning_rate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-6,
                 **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 2)

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        mean, deviation = state
        grad = grad + wd * weight
        mean[:] = self.beta1 * mean + (1 - self.beta1) * grad
        deviation[:] = self.beta2 * deviation + (1 - self.beta2) * nd.square(grad - mean) + self.epsilon
        rate = lr * math.sqrt(1 - self.beta2**count) / (1 - self.beta1**count)
        weight[:] = weight - rate * mean / (nd.sqrt(deviation) + self.epsilon)


@register
class Signum(Optimizer):
    """Steps by the sign of the momentum (Bernstein et al. 2018); wd_lh shrinks the weights themselves."""

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.9, wd_lh: float = 0.0, **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum, self.wd_lh = momentum, wd_lh

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 1)[0] if self.momentum else None

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        if state is None:
            weight[:] = (1 - lr * wd) * weight - lr * nd.sign(grad)
            return
        state[:] = self.momentum * state - (1 - self.momentum) * (grad + wd * weight)
        weight[:] = (1 - lr * self.wd_lh) * weight + lr * nd.sign(state)


def _norm(array: NDArray) -> float:
    return math.sqrt(nd.sum(nd.square(array)).item())


@register
class LAMB(Optimizer):
    """Adam's direction, scaled layer by layer to the weights' norm (You et al. 2020)."""

    def __init__(self, learning_rate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-6,
                 lower_bound: float | None = None, upper_bound: float | None = None, bias_correction: bool = True,
                 **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.lower_bound, self.upper_bound, self.bias_correction = lower_bound, upper_bound, bias_correction

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 2)

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        mean, square = state
        mean[:] = self.beta1 * mean + (1 - self.beta1) * grad
        square[:] = self.beta2 * square + (1 - self.beta2) * nd.square(grad)
        first, second = ((1 - self.beta1**count, 1 - self.beta2**count) if self.bias_correction else (1.0, 1.0))
        direction = mean / first / (nd.sqrt(square / second) + self.epsilon) + wd * weight
        size = _norm(weight)
        if self.lower_bound is not None:
            size = max(size, self.lower_bound)
        if self.upper_bound is not None:
            size = min(size, self.upper_bound)
        length = _norm(direction)
        weight[:] = weight - lr * (size / length if size > 0 and length > 0 else 1.0) * direction


@register
class LARS(Optimizer):
    """SGD with momentum, its rate scaled layer by layer to |weight| / |grad| (You et al. 2017); biases and norms, by
    their names, keep the rate."""

    def __init__(self, momentum: float = 0.0, eta: float = 0.001, eps: float = 0, momentum_correction: bool = True,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum, self.eta, self.eps, self.momentum_correction = momentum, eta, eps, momentum_correction
        self._last_lr: float | None = None

    def create_state(self, index: Any, weight: NDArray) -> Any:
        name = self.idx2name.get(index, "")
        return _zeros(weight, 1)[0], not name.endswith(("gamma", "beta", "bias"))

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        mom, scaled = state
        momentum = self.momentum
        if self.momentum_correction and self._last_lr is not None:
            momentum *= lr / self._last_lr
        self._last_lr = lr
        if scaled:
            size, slope = _norm(weight), _norm(grad)
            if size > 0 and slope > 0:
                lr *= self.eta * size / (slope + wd * size + self.eps)
        mom[:] = momentum * mom - lr * (grad + wd * weight)
        weight[:] = weight + mom


@register
class DCASGD(Optimizer):
    """SGD whose gradient is corrected for the delay since the weight was read (Zheng et al. 2017)."""

    def __init__(self, momentum: float = 0.0, lamda: float = 0.04, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum, self.lamda = momentum, lamda

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 1)[0], weight.copy()

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        mom, previous = state
        corrected = grad + wd * weight + self.lamda * nd.square(grad) * (weight - previous)
        mom[:] = self.momentum * mom - lr * corrected
        previous[:] = weight
        weight[:] = weight + mom


@register
class SGLD(Optimizer):
    """SGD of half the rate plus normal noise of variance lr: draws from the posterior (Welling & Teh 2011). The noise is
    of quantick.random, so that quantick.seed() settles it."""

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        from quantick import random

        noise = random.normal(0, math.sqrt(lr), weight.shape)
        weight[:] = weight - lr / 2 * (grad + wd * weight) + noise


@register
class LBSGD(Optimizer):
    """SGD that emulates batches of batch_scale times the size: gradients are gathered, and every batch_scale-th update
    steps by their mean, at a rate that grows from lr to batch_scale * lr over warmup_epochs (linear, power2, sqrt), or is
    scaled layer by layer with "lars"."""

    def __init__(self, momentum: float = 0.0, warmup_strategy: str = "linear", warmup_epochs: int = 5,
                 batch_scale: int = 1, updates_per_epoch: int = 32, begin_epoch: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if warmup_strategy not in ("linear", "power2", "sqrt", "lars"):
            raise ValueError(f"[lbsgd] warmup_strategy, was {warmup_strategy}, expected linear, power2, sqrt or lars")
        self.momentum, self.warmup_strategy, self.batch_scale = momentum, warmup_strategy, batch_scale
        self.warmup_updates = updates_per_epoch * warmup_epochs
        self.done = updates_per_epoch * begin_epoch

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 2)

    def _scale(self, count: int) -> float:
        share = min(1.0, count / self.warmup_updates) if self.warmup_updates else 1.0
        if self.warmup_strategy == "power2":
            share = share * share
        elif self.warmup_strategy == "sqrt":
            share = math.sqrt(share)
        return 1 + (self.batch_scale - 1) * share

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        mom, gathered = state
        gathered[:] = gathered + grad
        if (self.done + count) % self.batch_scale:
            return
        grad = gathered / self.batch_scale
        if self.warmup_strategy == "lars":
            size, slope = nd.sum(nd.square(weight)).item(), nd.sum(nd.square(grad)).item()
            lr *= min(100.0, max(0.01, math.sqrt(size / (slope + wd * size + 1e-18))))
        else:
            lr *= self._scale(self.done + count)
        mom[:] = self.momentum * mom - lr * (grad + wd * weight)
        weight[:] = weight + mom
        gathered[:] = 0


@register
class Test(Optimizer):
    """weight += grad, for tests of what calls an optimizer."""

    def create_state(self, index: Any, weight: NDArray) -> Any:
        return _zeros(weight, 1)[0]

    def step(self, weight: NDArray, grad: NDArray, state: Any, lr: float, wd: float, count: int) -> None:
        weight[:] = weight + grad
        state[:] = weight


class Updater:
    """updater(index, grad, weight) with states that it makes and keeps."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.states: dict[Any, Any] = {}

    def __call__(self, index: Any, grad: NDArray, weight: NDArray) -> None:
        if index not in self.states:
            self.states[index] = self.optimizer.create_state(index, weight)
        self.optimizer.update(index, weight, grad, self.states[index])

    def state_arrays(self) -> dict[str, NDArray]:
        """All state as arrays by name, for a file."""
        out: dict[str, NDArray] = {}
        for index, state in self.states.items():
            count = self.optimizer._counts.get(index, 0)
            out[f"{index}.count"] = nd.array([count], dtype="int64")
            for number, array in enumerate(_arrays_of(state)):
                out[f"{index}.{number}"] = array
        return out

    def restore(self, arrays: Mapping[str, NDArray], weights: Mapping[Any, NDArray]) -> None:
        """Goes on from state_arrays(). Raises ValueError where they are of another optimizer or network."""
        made: dict[Any, tuple[Any, int, list[NDArray]]] = {}
        for index, weight in weights.items():
            if f"{index}.count" not in arrays:
                continue
            state = self.optimizer.create_state(index, weight)
            kept: list[NDArray] = []
            while f"{index}.{len(kept)}" in arrays:
                kept.append(arrays[f"{index}.{len(kept)}"])
            made[index] = state, int(arrays[f"{index}.count"].item()), kept
        foreign = sorted({name.rpartition(".")[0] for name in arrays} - {str(index) for index in made})
        if foreign:
            raise ValueError(f"[optimizer] states of weights {', '.join(foreign)}, expected those of "
                             f"{', '.join(map(str, weights))}")
        for index, (state, count, kept) in made.items():
            if isinstance(state, _CoreState):
                state.core.restore(count, [kept])
            else:
                own = _arrays_of(state)
                if [a.shape for a in own] != [a.shape for a in kept]:
                    raise ValueError(f"[optimizer] states of weight {index} have other shapes, was "
                                     f"{[a.shape for a in kept]}, expected {[a.shape for a in own]}")
                for array, value in zip(own, kept, strict=True):
                    array[:] = value
            self.states[index] = state
            self.optimizer._counts[index] = count
            self.optimizer.num_update = max(self.optimizer.num_update, count)


def _arrays_of(state: Any) -> list[NDArray]:
    if isinstance(state, _CoreState):
        return list(state.core.states[0]) if state.core.states else []
    if isinstance(state, NDArray):
        return [state]
    if isinstance(state, tuple):
        return [array for item in state for array in _arrays_of(item)]
    return []


def get_updater(optimizer: Optimizer) -> Callable[[Any, NDArray, NDArray], None]:
    """An Updater."""
    return Updater(optimizer)
