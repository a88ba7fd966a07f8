"""Features, labels and samples. What a feature gives for a date uses nothing later, and the live form has the bits of
the batch.

    features.names()                                              # what there is
    set = features.FeatureSet(["momentum(20, skip=5)", "rank(return(5))"])
    x = set.compute(prices)                                       # [dates, instruments, features]
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from quantick import _core, frames
from quantick._checks import expect, numbers, whole
from quantick._core import (
    FeatureSet,
    FeatureStream,
    Panel,
    SampleList,
    Samples,
    Scaler,
    ScoreMatrix,
    TickFeatureStream,
    TickMatrix,
    Ticks,
    WindowDataset,
)

__all__ = [
    "FeatureSet",
    "FeatureStream",
    "SampleList",
    "Samples",
    "Scaler",
    "TickFeatureStream",
    "TickMatrix",
    "WindowDataset",
    "check_truncation",
    "compute",
    "compute_ticks",
    "dataset",
    "describe",
    "fit_scaler",
    "forward_returns",
    "names",
    "samples",
    "stream_ticks",
    "tick_names",
]


def names() -> list[str]:
    """Features of bars."""
    return [row["name"] for row in _core.feature_rows()]


def tick_names() -> list[str]:
    """Features of ticks."""
    return [row["name"] for row in _core.tick_feature_rows()]


def describe(name: str) -> dict[str, Any]:
    """Formula and unit, an example, and the parameters with their defaults, of a feature of bars or ticks."""
    rows = {row["name"]: row for row in [*_core.tick_feature_rows(), *_core.feature_rows()]}
    if expect(name, str, "[features] name", "a text") not in rows:
        raise ValueError(f"[features] was {name!r}, expected one of {', '.join(sorted(rows))}")
    return rows[name]


def check_truncation(function: Callable[[Panel], Any], prices: Any, cuts: int | Sequence[int] = 5) -> str | None:
    """Whether a function of your own looks ahead: computes it again with the prices cut off at several dates. None where
    every earlier value kept its bits, else what changed.

    function: of a Panel, gives [dates, ...], such as a wide frame or an array of features. cuts: how many, or positions of
    dates. (``FeatureSet.check_truncation`` does this for the features of ``names()``.)
    """
    import numpy as np

    def outputs(panel: Panel) -> Any:
        values = numbers(function(panel), "[features] values of the function")
        if values.ndim == 0 or len(values) != len(panel):
            raise _core.ShapeError(f"[features] values of the function, shape {values.shape}, expected {len(panel)} dates "
                                   "in front")
        return np.where(np.isnan(values), np.nan, values).reshape(-1)

    panel = _prices(prices)
    count = len(panel)
    if isinstance(cuts, int):
        cuts = sorted({max(1, count * (i + 1) // (cuts + 1)) for i in range(cuts)} & set(range(1, count)))
    places = [whole(cut, "[features] cuts") for cut in cuts]
    if not places:
        raise ValueError("[features] cuts, was none, expected one position or more, and prices of 2 dates or more")
    return _core.leak_of_feature(panel, places, outputs)


def _prices(prices: Any) -> Panel:
    return prices if isinstance(prices, Panel) else frames.read(prices)


def _names(specifications: Any) -> list[str]:
    """A text alone would be taken letter by letter."""
    if isinstance(specifications, str):
        raise TypeError(f"[features] specifications, was {specifications!r}, expected a list of texts")
    return list(expect(specifications, Iterable, "[features] specifications", "a list of texts"))


def compute(prices: Any, specifications: Sequence[str]) -> Any:
    """``FeatureSet(specifications).compute(prices)``: float64 [dates, instruments, features], NaN: no value. prices: a
    Panel, or a frame for ``frames.read``."""
    return FeatureSet(_names(specifications)).compute(_prices(prices))


def forward_returns(prices: Any, horizon: int) -> ScoreMatrix:
    """What a signal of date t can earn: price[t + 1 + horizon] / price[t + 1] - 1. Looks ahead: for labels and scoring."""
    return _core.forward_returns_of(_prices(prices), horizon)


def fit_scaler(values: Any, names: Sequence[str], begin: int, end: int, **options: Any) -> Scaler:
    """Fits on the dates [begin, end), by position, of ``values`` [dates, instruments, features]; missing values do not
    count. ``options``: kind (standard, robust, none), clip."""
    cube = numbers(values, "[features] values")
    if cube.ndim != 3:
        raise _core.ShapeError(f"[features] values of shape {cube.shape}, expected [dates, instruments, features]")
    if len(names) != cube.shape[2]:
        raise _core.ShapeError(f"[features] names, was {len(names)} of them, expected {cube.shape[2]}: one a feature")
    return Scaler.fit_to(cube, list(names), cube.shape[1], begin, end, options)


def dataset(prices: Any, values: Any, **options: Any) -> WindowDataset:
    """Samples of scaled features ``values`` [dates, instruments, features] with labels from ``prices``.

    ``options``: window, horizon, label (return, demean, rank, zscore), label_volatility_bars.
    """
    return WindowDataset(_prices(prices), numbers(values, "[features] values", "float32"), options)


def samples(dataset: WindowDataset, chosen: SampleList) -> Samples:
    """Those samples as data for ``train.fit`` and ``train.predict``, numbered from 0 and grouped by day; no window is
    copied. ``dataset.scores(chosen.ids, predictions)`` goes on from there."""
    return _core.samples_of(dataset, chosen)


def compute_ticks(ticks: Ticks, specifications: Sequence[str], **options: Any) -> TickMatrix:
    """A row of features after every event. ``options``: instruments, quotes (file, book), max_gap, price_step."""
    return _core.tick_features_of(ticks, _names(specifications), options)


def stream_ticks(specifications: Sequence[str], **options: Any) -> TickFeatureStream:
    """The live form of ``compute_ticks``: ``update()`` takes an event, ``row`` is what a model sees."""
    return TickFeatureStream(_names(specifications), options)
