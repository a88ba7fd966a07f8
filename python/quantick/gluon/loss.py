"""Losses, with Gluon's names and defaults: loss(prediction, label[, sample_weight]) gives one value per sample.

`weight` is a factor; `batch_axis` the axis of the samples; all other axes are averaged. `sample_weight` has one value
per sample, or as many as the prediction.
"""
from __future__ import annotations

import math
from typing import Any

from quantick import nd
from quantick._checks import number
from quantick._core import CoreLoss, NDArray, ShapeError, UnsupportedError, make_loss
from quantick.gluon.block import HybridBlock

__all__ = ["CosineEmbeddingLoss", "HingeLoss", "HuberLoss", "KLDivLoss", "L1Loss", "L2Loss", "LogisticLoss", "Loss",
           "NegativeICLoss", "PoissonNLLLoss", "QuantileLoss", "SDMLLoss", "SigmoidBCELoss",
           "SigmoidBinaryCrossEntropyLoss", "SoftmaxCELoss", "SoftmaxCrossEntropyLoss", "SquaredHingeLoss",
           "TripletLoss"]


def _apply_weighting(F: Any, loss: NDArray, weight: float | None = None,  # noqa: N803, MXNet's name
                     sample_weight: Any = None) -> NDArray:
    """What losses written for MXNet import: the factors, with broadcasting."""
    if sample_weight is not None:
        loss = F.broadcast_mul(loss, sample_weight)
    return loss if weight is None else loss * weight


class Loss(HybridBlock):
    """Base of all losses; subclasses write forward(self, pred, label, sample_weight=None), or MXNet's
    hybrid_forward(self, F, pred, label, sample_weight=None)."""

    def __init__(self, weight: float | None, batch_axis: int, prefix: str | None = None,
                 params: Any = None) -> None:
        super().__init__(prefix, params)
        self._weight = weight
        self._batch_axis = batch_axis

    def __repr__(self) -> str:
        return f"{type(self).__name__}(batch_axis={self._batch_axis}, w={self._weight})"

    def _weighted(self, loss: NDArray, sample_weight: Any) -> NDArray:
        if sample_weight is not None:
            given = nd.array(sample_weight) if not isinstance(sample_weight, NDArray) else sample_weight
            if given.size != loss.size and given.size == loss.shape[self._batch_axis]:
                shape = [1] * loss.ndim
                shape[self._batch_axis] = given.size
                given = nd.reshape(given, shape)
            loss = loss * given
        return loss if self._weight is None else loss * self._weight

    def _per_sample(self, loss: NDArray, sample_weight: Any) -> NDArray:
        """Weighted, and the mean over all axes but that of the samples."""
        loss = self._weighted(loss, sample_weight)
        axes = [axis for axis in range(loss.ndim) if axis != self._batch_axis % loss.ndim]
        return nd.mean(loss, axes) if axes else loss


def _like(label: Any, pred: NDArray) -> NDArray:
    """The label in the prediction's shape: it may stand on more or fewer axes, not on as many in another order."""
    given = label if isinstance(label, NDArray) else nd.array(label)
    if given.shape == pred.shape:
        return given
    held, wanted = ([extent for extent in x.shape if extent != 1] for x in (given, pred))
    if given.size != pred.size or held != wanted and len(held) == len(wanted):
        raise ShapeError(f"[loss] label shape, was {given.shape}, expected that of the prediction {pred.shape}")
    return nd.reshape(given, pred.shape)


def _check_classes(label: NDArray, classes: int) -> None:
    """Raises ValueError for what is no class number; labels of a traced call are not known."""
    try:
        values = label.asnumpy()
    except UnsupportedError:
        return
    wrong = values[(values < 0) | (values >= classes) | (values != values // 1)]
    if wrong.size:
        raise ValueError(f"[loss] label, was {wrong[0]}, expected a class number within 0..{classes - 1}")


class _CoreLoss(Loss):
    """A loss that the core has: training runs it without Python."""

    core: CoreLoss

    def _make(self, **keywords: Any) -> None:
        if self._weight is not None:
            keywords["weight"] = number(self._weight, "[loss] weight")
        self.core = make_loss(type(self).__name__, keywords)

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> NDArray:
        if self._batch_axis != 0:
            pred, label = self._batch_first(pred), self._batch_first(_like(label, pred))
            if sample_weight is not None and sample_weight.ndim > 1:
                sample_weight = self._batch_first(sample_weight)
        return self.core(pred, label, sample_weight)

    def _batch_first(self, x: NDArray) -> NDArray:
        axis = self._batch_axis % x.ndim
        return nd.transpose(x, [axis, *(i for i in range(x.ndim) if i != axis)])


class L2Loss(_CoreLoss):
    """weight / 2 * (label - pred)^2."""

    def __init__(self, weight: float | None = 1.0, batch_axis: int = 0, prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        self._make()


class L1Loss(_CoreLoss):
    """weight * |label - pred|."""

    def __init__(self, weight: float | None = None, batch_axis: int = 0, prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        self._make()


class HuberLoss(_CoreLoss):
    """d^2 / (2 rho) for d = |label - pred| <= rho, d - rho / 2 above (Huber 1964)."""

    def __init__(self, rho: float = 1, weight: float | None = None, batch_axis: int = 0,
                 prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        self._make(rho=number(rho, "[loss] rho"))


class QuantileLoss(_CoreLoss):
    """max(q d, (q - 1) d) for d = label - pred (Koenker & Bassett 1978): the prediction becomes the q-quantile."""

    def __init__(self, quantile: float = 0.5, weight: float | None = None, batch_axis: int = 0,
                 prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        self._make(quantile=number(quantile, "[loss] quantile"))


class NegativeICLoss(_CoreLoss):
    """Minus the correlation of prediction and label across the samples of a date, the information coefficient: one
    value per date. In train.fit it takes batching="dates"; called by hand, all samples are one date."""

    def __init__(self, weight: float | None = None, epsilon: float = 1e-12, prefix: str | None = None) -> None:
        super().__init__(weight, 0, prefix)
        self._make(epsilon=number(epsilon, "[loss] epsilon"))


def _softplus(x: NDArray) -> NDArray:
    """log(1 + e^x) without overflow."""
    return nd.relu(x) + nd.log(1 + nd.exp(-nd.abs(x)))


class SigmoidBinaryCrossEntropyLoss(Loss):
    """-(label log p + (1 - label) log(1 - p)), p = sigmoid(pred), or pred itself with from_sigmoid.

    pos_weight, the third argument of a call, is a factor on the positive part, as wide as the last axes of pred.
    """

    def __init__(self, from_sigmoid: bool = False, weight: float | None = None, batch_axis: int = 0,
                 prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        self._from_sigmoid = from_sigmoid

    def forward(self, pred: Any, label: Any, sample_weight: Any = None, pos_weight: Any = None) -> NDArray:
        label = _like(label, pred)
        if self._from_sigmoid:
            epsilon = 1e-12
            positive, negative = nd.log(pred + epsilon) * label, nd.log(1 - pred + epsilon) * (1 - label)
            loss = -(positive * (1 if pos_weight is None else pos_weight) + negative)
        elif pos_weight is None:
            loss = nd.relu(pred) - pred * label + nd.log(1 + nd.exp(-nd.abs(pred)))
        else:
            factor = 1 + (pos_weight - 1) * label
            loss = pred - pred * label + factor * (nd.log(1 + nd.exp(-nd.abs(pred))) + nd.relu(-pred))
        return self._per_sample(loss, sample_weight)


SigmoidBCELoss = SigmoidBinaryCrossEntropyLoss


class SoftmaxCrossEntropyLoss(Loss):
    """-log p of the label's class, p = softmax(pred) along `axis`; with sparse_label=False, of a distribution.

    sparse_label: labels are class numbers, without that axis. from_logits: pred is log p already.
    """

    def __init__(self, axis: int = -1, sparse_label: bool = True, from_logits: bool = False,
                 weight: float | None = None, batch_axis: int = 0, prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        self._axis, self._sparse_label, self._from_logits = axis, sparse_label, from_logits

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> NDArray:
        logits = pred if self._from_logits else nd.log_softmax(pred, self._axis)
        axis = self._axis % pred.ndim
        if self._sparse_label:
            given = label if isinstance(label, NDArray) else nd.array(label)
            if sample_weight is None:  # a weight of 0 may stand beside any label
                _check_classes(given, pred.shape[axis])
            classes = nd.reshape(nd.arange(pred.shape[axis], dtype=pred.dtype),
                                 [-1 if i == axis else 1 for i in range(pred.ndim)])
            chosen = [1 if i == axis else extent for i, extent in enumerate(pred.shape)]
            label = nd.cast(nd.equal(nd.reshape(nd.cast(given, pred.dtype), chosen), classes), pred.dtype)
        else:
            label = _like(label, pred)
        loss = -nd.sum(logits * label, [axis], True)
        return self._per_sample(loss, sample_weight)


SoftmaxCELoss = SoftmaxCrossEntropyLoss


class KLDivLoss(Loss):
    """label * (log label - log p), the sum over the classes; p = pred as logarithms, or softmax(pred) along `axis` with
    from_logits=False. Labels are probabilities."""

    def __init__(self, from_logits: bool = True, axis: int = -1, weight: float | None = None, batch_axis: int = 0,
                 prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        self._from_logits, self._axis = from_logits, axis

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> NDArray:
        logits = pred if self._from_logits else nd.log_softmax(pred, self._axis)
        label = _like(label, pred)
        loss = self._weighted(label * (nd.log(label + 1e-12) - logits), sample_weight)
        return nd.sum(loss, [axis for axis in range(loss.ndim) if axis != self._batch_axis % loss.ndim])


class HingeLoss(Loss):
    """max(0, margin - pred * label), labels -1 and 1."""

    def __init__(self, margin: float = 1, weight: float | None = None, batch_axis: int = 0,
                 prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        self._margin = margin

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> NDArray:
        return self._per_sample(nd.relu(self._margin - pred * _like(label, pred)), sample_weight)


class SquaredHingeLoss(HingeLoss):
    """The square of it."""

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> NDArray:
        return self._per_sample(nd.square(nd.relu(self._margin - pred * _like(label, pred))), sample_weight)


class LogisticLoss(Loss):
    """log(1 + e^(-pred * label)), labels -1 and 1 ("signed") or 0 and 1 ("binary")."""

    def __init__(self, weight: float | None = None, batch_axis: int = 0, label_format: str = "signed",
                 prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        if label_format not in ("signed", "binary"):
            raise ValueError(f"[logistic_loss] label_format, was {label_format}, expected signed or binary")
        self._label_format = label_format

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> NDArray:
        label = _like(label, pred)
        if self._label_format == "signed":
            label = (label + 1) / 2
        return self._per_sample(_softplus(pred) - pred * label, sample_weight)


class TripletLoss(Loss):
    """max(0, sum (positive - pred)^2 - sum (negative - pred)^2 + margin), sums over all axes but the samples'."""

    def __init__(self, margin: float = 1, weight: float | None = None, batch_axis: int = 0,
                 prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        self._margin = margin

    def forward(self, pred: Any, positive: Any, negative: Any, sample_weight: Any = None) -> NDArray:
        distance = nd.square(_like(positive, pred) - pred) - nd.square(_like(negative, pred) - pred)
        axes = [axis for axis in range(pred.ndim) if axis != self._batch_axis % pred.ndim]
        loss = nd.relu((nd.sum(distance, axes) if axes else distance) + self._margin)
        if sample_weight is not None:
            loss = loss * sample_weight
        return loss if self._weight is None else loss * self._weight


class PoissonNLLLoss(Loss):
    """e^pred - target * pred, or pred - target * log(pred + epsilon) with from_logits=False: the mean over everything.

    compute_full adds Stirling's target log target - target + log(2 pi target) / 2 for targets above 1.
    """

    def __init__(self, weight: float | None = None, from_logits: bool = True, batch_axis: int = 0,
                 compute_full: bool = False, prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        self._from_logits, self._compute_full = from_logits, compute_full

    def forward(self, pred: Any, target: Any, sample_weight: Any = None, epsilon: float = 1e-08) -> NDArray:
        target = _like(target, pred)
        loss = nd.exp(pred) - target * pred if self._from_logits else pred - target * nd.log(pred + epsilon)
        if self._compute_full:
            safe = nd.maximum(target, 1)
            stirling = safe * nd.log(safe) - safe + 0.5 * nd.log(2 * math.pi * safe)
            loss = loss + nd.where(nd.greater(target, 1), stirling, nd.zeros(stirling.shape, stirling.dtype))
        return nd.mean(self._weighted(loss, sample_weight))


def _cosine(a: NDArray, b: NDArray) -> NDArray:
    norms = nd.sqrt(nd.sum(nd.square(a), [-1])) * nd.sqrt(nd.sum(nd.square(b), [-1]))
    return nd.sum(a * b, [-1]) / nd.maximum(norms, 1e-12)


class CosineEmbeddingLoss(Loss):
    """1 - cos(input1, input2) where the label is 1, max(0, cos - margin) where it is -1; (N, C), (N, C), (N,)."""

    def __init__(self, weight: float | None = None, batch_axis: int = 0, margin: float = 0,
                 prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        self._margin = margin

    def forward(self, input1: Any, input2: Any, label: Any, sample_weight: Any = None) -> NDArray:
        cosine = _cosine(input1, _like(input2, input1))
        label = _like(label, cosine)
        loss = nd.where(nd.equal(label, 1), 1 - cosine, nd.relu(cosine - self._margin))
        return self._per_sample(loss, sample_weight)


class SDMLLoss(Loss):
    """Smoothed deep metric learning (Bonadiman et al. 2019): row i of x1 belongs to row i of x2, all others are
    negatives; the divergence of softmax(-distances) from labels smoothed by `smoothing_parameter`."""

    def __init__(self, smoothing_parameter: float = 0.3, weight: float | None = 1.0, batch_axis: int = 0,
                 prefix: str | None = None) -> None:
        super().__init__(weight, batch_axis, prefix)
        self._smoothing = smoothing_parameter

    def forward(self, x1: Any, x2: Any) -> NDArray:
        n = x1.shape[0]
        if n < 2:
            raise ValueError(f"[sdml_loss] samples, was {n}, expected at least 2")
        distances = nd.sum(nd.square(nd.expand_dims(x1, 1) - nd.expand_dims(x2, 0)), [2])
        rows = nd.reshape(nd.arange(n), (n, 1))
        same = nd.cast(nd.equal(rows, nd.reshape(rows, (1, n))), "float32")
        labels = same * (1 - self._smoothing) + (1 - same) * (self._smoothing / (n - 1))
        logits = nd.log_softmax(-distances, 1)
        loss = nd.sum(labels * (nd.log(labels + 1e-12) - logits), [1])
        return loss if self._weight is None else loss * self._weight
