"""Layers that are compositions of operators."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quantick import nd
from quantick._core import BatchNorm, Constant, Initializer, NDArray, Parameter
from quantick.gluon.block import HybridBlock

__all__ = ["BatchNormReLU", "ELU", "GELU", "GlobalMaxPool1D", "GlobalMaxPool2D", "GroupNorm", "InstanceNorm", "PReLU",
           "ReflectionPad2D", "SELU", "Swish"]

Init = Initializer | str | None


class ELU(HybridBlock):
    """x, or alpha * (e^x - 1) where x is negative (Clevert et al. 2015)."""

    def __init__(self, alpha: float = 1.0, prefix: str | None = None) -> None:
        super().__init__(prefix)
        self._alpha = alpha

    def forward(self, x: Any) -> NDArray:
        return nd.relu(x) + self._alpha * (nd.exp(nd.minimum(x, 0)) - 1)


class SELU(HybridBlock):
    """scale * ELU(x, alpha) with the constants that keep mean 0 and variance 1 (Klambauer et al. 2017)."""

    SCALE, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717

    def forward(self, x: Any) -> NDArray:
        return self.SCALE * (nd.relu(x) + self.ALPHA * (nd.exp(nd.minimum(x, 0)) - 1))


class GELU(HybridBlock):
    """x * (1 + erf(x / sqrt(2))) / 2 (Hendrycks & Gimpel 2016)."""

    def forward(self, x: Any) -> NDArray:
        return nd.gelu(x)


class Swish(HybridBlock):
    """x * sigmoid(beta * x) (Ramachandran et al. 2017)."""

    def __init__(self, beta: float = 1.0, prefix: str | None = None) -> None:
        super().__init__(prefix)
        self._beta = beta

    def forward(self, x: NDArray) -> NDArray:
        return x * nd.sigmoid(self._beta * x)


class PReLU(HybridBlock):
    """x, or alpha * x where x is negative, with a trained alpha for each of `in_channels` channels (axis 1), or one for
    all (He et al. 2015)."""

    def __init__(self, alpha_initializer: Init = None, in_channels: int = 1, prefix: str | None = None) -> None:
        super().__init__(prefix)
        init = Constant(0.25) if alpha_initializer is None else alpha_initializer
        self.alpha = Parameter("alpha", shape=(in_channels,), init=init)

    def forward(self, x: Any) -> NDArray:
        alpha = self.alpha.data()
        if alpha.size > 1:
            alpha = nd.reshape(alpha, (1, alpha.size, *[1] * (x.ndim - 2)))
        return nd.relu(x) - alpha * nd.relu(-x)


class BatchNormReLU(HybridBlock):
    """BatchNorm, then relu."""

    def __init__(self, axis: int = 1, momentum: float = 0.9, epsilon: float = 1e-5, center: bool = True,
                 scale: bool = True, use_global_stats: bool = False, beta_initializer: Init = "zeros",
                 gamma_initializer: Init = "ones", running_mean_initializer: Init = "zeros",
                 running_variance_initializer: Init = "ones", in_channels: int = 0, prefix: str | None = None) -> None:
        super().__init__(prefix)
        self.norm = BatchNorm(axis, momentum, epsilon, center, scale, use_global_stats, beta_initializer,
                              gamma_initializer, running_mean_initializer, running_variance_initializer, in_channels)

    def forward(self, x: Any) -> NDArray:
        return nd.relu(self.norm(x))


def _standardized(x: NDArray, axes: Sequence[int], epsilon: float) -> NDArray:
    centered = x - nd.mean(x, axes, True)
    return centered / nd.sqrt(nd.mean(nd.square(centered), axes, True) + epsilon)


class _Normalization(HybridBlock):
    """Trained gamma and beta, each kept at its first value where it is not asked for."""

    def __init__(self, width: int, epsilon: float, center: bool, scale: bool, beta_initializer: Init,
                 gamma_initializer: Init, prefix: str | None) -> None:
        super().__init__(prefix)
        self._epsilon = epsilon
        self.gamma = Parameter("gamma", shape=(width,), init=gamma_initializer, differentiable=scale)
        self.beta = Parameter("beta", shape=(width,), init=beta_initializer, differentiable=center)

    def _affine(self, x: NDArray, axis: int) -> NDArray:
        shape = tuple(-1 if i == axis else 1 for i in range(x.ndim))
        return x * nd.reshape(self.gamma.data(), shape) + nd.reshape(self.beta.data(), shape)


class InstanceNorm(_Normalization):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, sample by sample and channel by channel (Ulyanov 2016)."""

    def __init__(self, axis: int = 1, epsilon: float = 1e-5, center: bool = True, scale: bool = False,
                 beta_initializer: Init = "zeros", gamma_initializer: Init = "ones", in_channels: int = 0,
                 prefix: str | None = None) -> None:
        super().__init__(in_channels, epsilon, center, scale, beta_initializer, gamma_initializer, prefix)
        self._axis = axis

    def infer_shape(self, x: NDArray) -> None:
        self.gamma.shape = self.beta.shape = (x.shape[self._axis],)

    def forward(self, x: Any) -> NDArray:
        axis = self._axis % x.ndim
        return self._affine(_standardized(x, [i for i in range(1, x.ndim) if i != axis], self._epsilon), axis)


class GroupNorm(_Normalization):
    """The same over groups of channels (axis 1), with a gamma and a beta for each group (Wu & He 2018)."""

    def __init__(self, num_groups: int = 1, epsilon: float = 1e-5, center: bool = True, scale: bool = True,
                 beta_initializer: Init = "zeros", gamma_initializer: Init = "ones", prefix: str | None = None) -> None:
        super().__init__(num_groups, epsilon, center, scale, beta_initializer, gamma_initializer, prefix)
        self._groups = num_groups

    def forward(self, x: Any) -> NDArray:
        if x.shape[1] % self._groups:
            raise ValueError(f"[group_norm] channels, was {x.shape[1]}, expected a multiple of {self._groups} groups")
        groups = nd.reshape(x, (x.shape[0], self._groups, -1))
        return nd.reshape(self._affine(_standardized(groups, [2], self._epsilon), 1), x.shape)


class _GlobalMaxPool(HybridBlock):
    _layout = ""

    def __init__(self, layout: str | None = None, prefix: str | None = None) -> None:
        super().__init__(prefix)
        if layout not in (None, self._layout):
            raise NotImplementedError(f"[pooling] layout, was {layout}, expected {self._layout}")

    def forward(self, x: Any) -> NDArray:
        if x.ndim != len(self._layout):
            raise ValueError(f"[pooling] input shape, was {x.shape}, expected {len(self._layout)} axes")
        return nd.max(x, range(2, x.ndim), True)


class GlobalMaxPool1D(_GlobalMaxPool):
    """(N, C, W) -> (N, C, 1)."""

    _layout = "NCW"

    def __init__(self, layout: str = "NCW", prefix: str | None = None) -> None:
        super().__init__(layout, prefix)


class GlobalMaxPool2D(_GlobalMaxPool):
    """(N, C, H, W) -> (N, C, 1, 1)."""

    _layout = "NCHW"

    def __init__(self, layout: str = "NCHW", prefix: str | None = None) -> None:
        super().__init__(layout, prefix)


class ReflectionPad2D(HybridBlock):
    """(N, C, H, W), mirrored at its borders: one width for all sides, or MXNet's eight (0, 0, 0, 0, top, bottom, left,
    right)."""

    def __init__(self, padding: int | Sequence[int] = 0, prefix: str | None = None) -> None:
        super().__init__(prefix)
        widths = [padding] * 4 if isinstance(padding, int) else list(padding)[4:]
        if len(widths) != 4:
            raise ValueError(f"[reflection_pad] padding, was {padding}, expected one width or eight")
        self._widths = widths

    def forward(self, x: Any) -> NDArray:
        for axis, (before, after) in ((2, self._widths[:2]), (3, self._widths[2:])):
            last = x.shape[axis] - 1
            if max(before, after) > last:
                raise ValueError(f"[reflection_pad] padding, was {max(before, after)}, expected at most {last}")
            places = [abs(i) for i in range(-before, 0)] + list(range(last + 1)) + [last - i for i in range(1, after + 1)]
            x = nd.take(x, nd.array(places, dtype="int64"), axis=axis)
        return x  # type: ignore[no-any-return]
