"""Metrics, with MXNet's names: update(labels, preds) adds a batch, get() gives (name, value). NaN before the first one.

labels and preds are arrays, or lists of arrays. Sums are kept in double.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from quantick import _core
from quantick._checks import expect, was

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    Values = numpy.typing.NDArray[numpy.float64]

__all__ = ["F1", "MAE", "MCC", "MSE", "PCC", "RMSE", "Accuracy", "Caffe", "CompositeEvalMetric", "CrossEntropy",
           "CustomMetric", "EvalMetric", "Loss", "NegativeLogLikelihood", "PearsonCorrelation", "Perplexity", "RankIC",
           "TopKAccuracy", "Torch", "alias", "check_label_shapes", "create", "np", "register"]

_registry: dict[str, type[EvalMetric]] = {}
_Class = TypeVar("_Class", bound="type[EvalMetric]")


def register(klass: _Class, name: str | None = None) -> _Class:
    """Lets create() find a class by its name."""
    expect(klass, type, "[metric] klass", "a class")
    _registry[expect(klass.__name__ if name is None else name, str, "[metric] name").lower()] = klass
    return klass


def alias(*aliases: str) -> Callable[[_Class], _Class]:
    """Lets create() find a class by further names."""

    def add(klass: _Class) -> _Class:
        for name in aliases:
            _registry[name.lower()] = klass
        return klass

    return add


def create(metric: Any, *args: Any, **kwargs: Any) -> EvalMetric:
    """A metric by name ("accuracy", "mse", "rank_ic", ...), of a function feval(label, pred), or of a list of both."""
    if isinstance(metric, EvalMetric):
        return metric
    if isinstance(metric, (list, tuple)):
        composite = CompositeEvalMetric()
        for child in metric:
            composite.add(create(child, *args, **kwargs))
        return composite
    if isinstance(metric, str):
        if metric.lower() not in _registry:
            raise ValueError(f"[metric] name, was {metric}, expected one of {', '.join(sorted(_registry))}")
        return _registry[metric.lower()](*args, **kwargs)
    if callable(metric):
        return CustomMetric(metric, *args, **kwargs)
    raise TypeError(f"[metric] was a {type(metric).__name__}, expected a name, a function or a list of them")


def _values(array: Any) -> Values:
    import numpy

    return numpy.asarray(array, dtype=numpy.float64)


def _lists(labels: Any, preds: Any) -> tuple[list[Any], list[Any]]:
    labels = list(labels) if isinstance(labels, (list, tuple)) else [labels]
    preds = list(preds) if isinstance(preds, (list, tuple)) else [preds]
    check_label_shapes(labels, preds)
    return labels, preds


def check_label_shapes(labels: Any, preds: Any, wrap: bool = False, shape: bool = False) -> tuple[Any, Any]:
    """Raises ValueError where labels and predictions differ in number, or with shape=True in shape."""
    left, right = (labels.shape, preds.shape) if shape else (len(labels), len(preds))
    if left != right:
        raise ValueError(f"[metric] labels {left} and predictions {right}, expected the same")
    if not wrap:
        return labels, preds
    return ([labels] if not isinstance(labels, (list, tuple)) else labels,
            [preds] if not isinstance(preds, (list, tuple)) else preds)


class EvalMetric:
    """Base of all metrics: a sum and a number of instances. Subclasses write add(label, pred), both NumPy arrays of
    float64, which returns (sum, instances) of one batch.

    output_names, label_names: what update_dict() takes from its dictionaries; all where None.
    """

    def __init__(self, name: str, output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None) -> None:
        self.name = name
        self.output_names, self.label_names = output_names, label_names
        self.reset()

    def __str__(self) -> str:
        return f"EvalMetric: {dict(self.get_name_value())}"

    def get_config(self) -> dict[str, Any]:
        """Class and arguments, as create() takes them."""
        return {"metric": type(self).__name__, "name": self.name, "output_names": self.output_names,
                "label_names": self.label_names}

    def reset(self) -> None:
        self.sum_metric, self.num_inst = 0.0, 0

    def reset_local(self) -> None:
        self.reset()

    def add(self, label: Values, pred: Values) -> tuple[float, int]:
        raise NotImplementedError(f"[{type(self).__name__}] has no add()")

    def update(self, labels: Any, preds: Any) -> None:
        for label, pred in zip(*_lists(labels, preds), strict=True):
            total, count = self.add(_values(label), _values(pred))
            self.sum_metric += float(total)
            self.num_inst += int(count)

    def update_dict(self, label: dict[str, Any], pred: dict[str, Any]) -> None:
        self.update([label[name] for name in self.label_names or label],
                    [pred[name] for name in self.output_names or pred])

    def get(self) -> tuple[Any, Any]:
        return self.name, self.sum_metric / self.num_inst if self.num_inst else math.nan

    def get_global(self) -> tuple[Any, Any]:
        return self.get()

    def get_name_value(self) -> list[tuple[str, float]]:
        name, value = self.get()
        return list(zip(name, value, strict=True)) if isinstance(name, list) else [(name, value)]

    def get_global_name_value(self) -> list[tuple[str, float]]:
        return self.get_name_value()


@register
@alias("composite")
class CompositeEvalMetric(EvalMetric):
    """Several metrics of the same labels and predictions."""

    def __init__(self, metrics: Sequence[Any] | None = None, name: str = "composite",
                 output_names: Sequence[str] | None = None, label_names: Sequence[str] | None = None) -> None:
        self.metrics = [create(metric) for metric in expect(metrics or [], Sequence, "[metric] metrics", "a list")]
        super().__init__(name, output_names, label_names)

    def add(self, metric: Any) -> None:  # type: ignore[override]
        self.metrics.append(create(metric))

    def get_metric(self, index: int) -> EvalMetric:
        return self.metrics[index]

    def reset(self) -> None:
        for metric in self.metrics:
            metric.reset()

    def update(self, labels: Any, preds: Any) -> None:
        for metric in self.metrics:
            metric.update(labels, preds)

    def get(self) -> tuple[list[str], list[float]]:
        pairs = [pair for metric in self.metrics for pair in metric.get_name_value()]
        return [name for name, _ in pairs], [value for _, value in pairs]


@register
@alias("acc")
class Accuracy(EvalMetric):
    """Share of samples whose class is predicted; predictions with one axis more are scores along `axis`."""

    def __init__(self, axis: int = 1, name: str = "accuracy", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None) -> None:
        super().__init__(name, output_names, label_names)
        self.axis = axis

    def add(self, label: Values, pred: Values) -> tuple[float, int]:
        if pred.ndim > label.ndim:
            pred = pred.argmax(axis=self.axis).astype(float)
        check_label_shapes(label.reshape(-1), pred.reshape(-1))
        return float((label.reshape(-1).astype(int) == pred.reshape(-1).astype(int)).sum()), label.size


@register
@alias("top_k_accuracy", "top_k_acc")
class TopKAccuracy(EvalMetric):
    """Share of samples whose class is among the top_k scores; (N, classes) and (N,). Ties go to the lower class."""

    def __init__(self, top_k: int = 1, name: str = "top_k_accuracy", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None) -> None:
        super().__init__(f"{name}_{top_k}", output_names, label_names)
        self.top_k = top_k

    def add(self, label: Values, pred: Values) -> tuple[float, int]:
        import numpy

        top = numpy.argsort(-pred, axis=1, kind="stable")[:, : self.top_k]
        return float((top == label.reshape(-1, 1)).sum()), label.size


class _Confusion(EvalMetric):
    """Counts of a binary classification: scores of two classes, or one score that is class 1 above 1/2."""

    def __init__(self, name: str, output_names: Sequence[str] | None, label_names: Sequence[str] | None,
                 average: str) -> None:
        if average not in ("macro", "micro"):
            raise ValueError(f"[metric] average, was {average}, expected macro or micro")
        self.average = average
        super().__init__(name, output_names, label_names)

    def reset(self) -> None:
        super().reset()
        self.counts = [0.0, 0.0, 0.0, 0.0]  # true and false positives, false and true negatives

    def score(self, tp: float, fp: float, fn: float, tn: float) -> float:
        raise NotImplementedError

    def add(self, label: Values, pred: Values) -> tuple[float, int]:
        given = (pred.argmax(axis=1) if pred.ndim == 2 and pred.shape[1] == 2 else pred.reshape(-1) > 0.5).astype(bool)
        true = label.reshape(-1).astype(int)
        check_label_shapes(true, given)
        if ((true != 0) & (true != 1)).any():
            raise ValueError(f"[{self.name}] labels, expected 0 and 1 alone")
        right = true.astype(bool)
        batch = [float((given & right).sum()), float((given & ~right).sum()), float((~given & right).sum()),
                 float((~given & ~right).sum())]
        self.counts = [a + b for a, b in zip(self.counts, batch, strict=True)]
        return self.score(*batch), 1

    def get(self) -> tuple[Any, Any]:
        if self.average == "macro" or not self.num_inst:
            return super().get()
        return self.name, self.score(*self.counts)


@register
class F1(_Confusion):
    """2 precision recall / (precision + recall) of two classes: the mean over batches (macro), or of all (micro)."""

    def __init__(self, name: str = "f1", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None, average: str = "macro") -> None:
        super().__init__(name, output_names, label_names, average)

    def score(self, tp: float, fp: float, fn: float, tn: float) -> float:
        return 2 * tp / (2 * tp + fp + fn) if tp > 0 else 0.0


@register
class MCC(_Confusion):
    """Matthews' correlation of two classes."""

    def __init__(self, name: str = "mcc", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None, average: str = "macro") -> None:
        super().__init__(name, output_names, label_names, average)

    def score(self, tp: float, fp: float, fn: float, tn: float) -> float:
        product = 1.0
        for factor in (tp + fp, tp + fn, tn + fp, tn + fn):
            product *= factor if factor else 1.0  # an empty row or column of the table counts as 1, as in MXNet
        return (tp * tn - fp * fn) / math.sqrt(product)


@register
class PCC(EvalMetric):
    """Matthews' correlation for any number of classes, over all batches; scores (N, classes)."""

    def __init__(self, name: str = "pcc", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None) -> None:
        super().__init__(name, output_names, label_names)

    def reset(self) -> None:
        super().reset()
        self.pairs: dict[tuple[int, int], int] = {}

    def add(self, label: Values, pred: Values) -> tuple[float, int]:
        for pair in zip(pred.argmax(axis=1).tolist(), label.reshape(-1).astype(int).tolist(), strict=True):
            self.pairs[pair] = self.pairs.get(pair, 0) + 1
        return 0.0, 1

    def get(self) -> tuple[Any, Any]:
        if not self.num_inst:
            return self.name, math.nan
        import numpy

        size = 1 + max(max(pair) for pair in self.pairs)
        table = numpy.zeros((size, size))
        for (given, true), count in self.pairs.items():
            table[given, true] = count
        n, x, y = table.sum(), table.sum(axis=1), table.sum(axis=0)
        covariance = numpy.trace(table) * n - (x * y).sum()
        scale = math.sqrt((n * n - (x * x).sum()) * (n * n - (y * y).sum()))
        return self.name, float(covariance / scale) if scale else math.nan


class _Regression(EvalMetric):
    """The mean over batches of each batch's error, as MXNet counts."""

    def error(self, difference: Values) -> float:
        raise NotImplementedError

    def add(self, label: Values, pred: Values) -> tuple[float, int]:
        if label.size != pred.size:
            raise ValueError(f"[{self.name}] predictions {pred.shape}, expected as many as labels {label.shape}")
        return self.error(label.reshape(-1) - pred.reshape(-1)), 1


@register
class MAE(_Regression):
    """Mean |label - pred|."""

    def __init__(self, name: str = "mae", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None) -> None:
        super().__init__(name, output_names, label_names)

    def error(self, difference: Values) -> float:
        return float(abs(difference).mean())


@register
class MSE(_Regression):
    """Mean (label - pred)^2."""

    def __init__(self, name: str = "mse", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None) -> None:
        super().__init__(name, output_names, label_names)

    def error(self, difference: Values) -> float:
        return float((difference * difference).mean())


@register
class RMSE(MSE):
    """Its root, batch by batch."""

    def __init__(self, name: str = "rmse", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None) -> None:
        super().__init__(name, output_names, label_names)

    def error(self, difference: Values) -> float:
        return math.sqrt(super().error(difference))


def _chosen(label: Values, pred: Values, axis: int = -1) -> Values:
    """Each sample's probability of its class."""
    import numpy

    rows = numpy.moveaxis(pred, axis, -1).reshape(-1, pred.shape[axis])
    classes = label.reshape(-1).astype(int)
    check_label_shapes(classes, rows)
    chosen: Values = rows[numpy.arange(len(classes)), classes]
    return chosen


@register
@alias("ce")
class CrossEntropy(EvalMetric):
    """Mean -log(p + eps) of each sample's class; predictions are probabilities (N, classes)."""

    def __init__(self, eps: float = 1e-12, name: str = "cross-entropy", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None) -> None:
        super().__init__(name, output_names, label_names)
        self.eps = eps

    def add(self, label: Values, pred: Values) -> tuple[float, int]:
        import numpy

        chosen = _chosen(label, pred)
        return float(-numpy.log(chosen + self.eps).sum()), chosen.size


@register
@alias("nll_loss")
class NegativeLogLikelihood(CrossEntropy):
    """The same."""

    def __init__(self, eps: float = 1e-12, name: str = "nll-loss", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None) -> None:
        super().__init__(eps, name, output_names, label_names)


@register
class Perplexity(EvalMetric):
    """e^(mean -log p) of each sample's class along `axis`; samples of class ignore_label are left out."""

    def __init__(self, ignore_label: int | None, axis: int = -1, name: str = "perplexity",
                 output_names: Sequence[str] | None = None, label_names: Sequence[str] | None = None) -> None:
        super().__init__(name, output_names, label_names)
        self.ignore_label, self.axis = ignore_label, axis

    def add(self, label: Values, pred: Values) -> tuple[float, int]:
        import numpy

        chosen = _chosen(label, pred, self.axis)
        if self.ignore_label is not None:
            chosen = chosen[label.reshape(-1).astype(int) != self.ignore_label]
        return float(-numpy.log(numpy.maximum(1e-10, chosen)).sum()), chosen.size

    def get(self) -> tuple[Any, Any]:
        return self.name, math.exp(self.sum_metric / self.num_inst) if self.num_inst else math.nan


@register
@alias("pearsonr")
class PearsonCorrelation(EvalMetric):
    """Correlation of predictions and labels: the mean over batches (macro), or over all that was seen (micro)."""

    def __init__(self, name: str = "pearsonr", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None, average: str = "macro") -> None:
        if average not in ("macro", "micro"):
            raise ValueError(f"[metric] average, was {average}, expected macro or micro")
        self.average = average
        super().__init__(name, output_names, label_names)

    def reset(self) -> None:
        super().reset()
        self.seen: list[tuple[Values, Values]] = []

    def correlation(self, label: Values, pred: Values) -> float:
        return _core.pearson(label, pred)

    def add(self, label: Values, pred: Values) -> tuple[float, int]:
        label, pred = label.reshape(-1), pred.reshape(-1)
        check_label_shapes(label, pred)
        if self.average == "micro":
            self.seen.append((label, pred))
            return 0.0, 1
        value = self.correlation(label, pred)
        return (0.0, 0) if math.isnan(value) else (value, 1)

    def get(self) -> tuple[Any, Any]:
        if self.average == "macro" or not self.seen:
            return super().get()
        import numpy

        return self.name, self.correlation(numpy.concatenate([label for label, _ in self.seen]),
                                           numpy.concatenate([pred for _, pred in self.seen]))


@register
@alias("rank_ic")
class RankIC(PearsonCorrelation):
    """Spearman's correlation of predictions and labels: with a batch per date, the mean rank IC. Dates where it is not
    defined (fewer than three pairs, or a constant side) are left out."""

    def __init__(self, name: str = "rank_ic", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None, average: str = "macro") -> None:
        super().__init__(name, output_names, label_names, average)

    def correlation(self, label: Values, pred: Values) -> float:
        return _core.spearman(label, pred)


@register
class Loss(EvalMetric):
    """The mean of what a loss gave; labels are not looked at."""

    def __init__(self, name: str = "loss", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None) -> None:
        super().__init__(name, output_names, label_names)

    def update(self, labels: Any, preds: Any) -> None:
        for pred in preds if isinstance(preds, (list, tuple)) else [preds]:
            values = _values(pred)
            self.sum_metric += float(values.sum())
            self.num_inst += values.size


@register
class Torch(Loss):
    """Loss under another name."""

    def __init__(self, name: str = "torch", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None) -> None:
        super().__init__(name, output_names, label_names)


@register
class Caffe(Loss):
    """Loss under another name."""

    def __init__(self, name: str = "caffe", output_names: Sequence[str] | None = None,
                 label_names: Sequence[str] | None = None) -> None:
        super().__init__(name, output_names, label_names)


@register
class CustomMetric(EvalMetric):
    """feval(label, pred) on NumPy arrays gives a value, or (sum, instances).

    allow_extra_outputs: predictions beyond the labels are not looked at.
    """

    def __init__(self, feval: Callable[..., Any], name: str | None = None, allow_extra_outputs: bool = False,
                 output_names: Sequence[str] | None = None, label_names: Sequence[str] | None = None) -> None:
        named = getattr(feval, "__name__", "feval") if name is None else expect(name, str, "[metric] name")
        if not callable(feval):
            raise TypeError(f"[metric] feval, {was(feval)}, expected a function")
        super().__init__(f"custom({named})" if "<" in named else named, output_names, label_names)
        self._feval, self._allow_extra = feval, allow_extra_outputs

    def update(self, labels: Any, preds: Any) -> None:
        if self._allow_extra:
            labels = labels if isinstance(labels, (list, tuple)) else [labels]
            preds = list(preds)[: len(labels)] if isinstance(preds, (list, tuple)) else [preds]
        super().update(labels, preds)

    def add(self, label: Values, pred: Values) -> tuple[float, int]:
        result = self._feval(label, pred)
        return (float(result[0]), int(result[1])) if isinstance(result, tuple) else (float(result), 1)


def np(numpy_feval: Callable[..., Any], name: str | None = None, allow_extra_outputs: bool = False) -> CustomMetric:
    """CustomMetric of a NumPy function."""
    return CustomMetric(numpy_feval, getattr(numpy_feval, "__name__", None) if name is None else name, allow_extra_outputs)
