"""Optimizers written with array operators."""
from __future__ import annotations

import math
from typing import Any

from quantick import nd
from quantick._checks import expect, number
from quantick._core import NDArray
from quantick.optimizer.base import Optimizer, register
from quantick.optimizer.core import SGD


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
