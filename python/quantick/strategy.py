"""Scores, and how they become positions.

    scores = strategy.scores(dates, names, values)               # or frames.read_scores(frame)
    strategy.TopkDropout(k=50, n_drop=5)
    strategy.matching(scores, prices)                            # leaves out what the prices do not have
"""
from __future__ import annotations

import os
from collections.abc import Sequence, Sized
from typing import Any

from quantick import _core, frames
from quantick._checks import expect, numbers
from quantick._core import Panel, ScoreMatrix, Strategy

__all__ = [
    "EqualWeight",
    "LongShort",
    "ScoreMatrix",
    "Strategy",
    "TargetWeights",
    "TopkDropout",
    "matching",
    "names",
    "read_csv",
    "scores",
]


def names() -> list[str]:
    """Classes of strategies."""
    return _core.strategy_names()


def scores(dates: Any, instruments: Sequence[str], values: Any) -> ScoreMatrix:
    """A ScoreMatrix from arrays: dates [T] (anything that NumPy takes as datetime64[D], ascending), values [T, N], NaN: no
    score. Copies. Raises ShapeError and ValueError that name what is wrong."""
    import numpy as np

    days, block = np.asarray(dates, dtype="datetime64[D]"), numbers(values, "[scores] values")
    frames._check_labels(values, days, instruments, "[scores] values")
    expect(instruments, Sized, "[scores] instruments", "a list of names")
    if block.shape != (days.size, len(instruments)):
        raise _core.ShapeError(f"[scores] values of shape {block.shape}, expected {(days.size, len(instruments))}")
    return ScoreMatrix(days.view(np.int64), list(instruments), block.reshape(-1))


def matching(scores: Any, prices: Any) -> ScoreMatrix:
    """The scores on dates and of instruments that the prices have, too, in the scores' order: what ``backtest.run`` takes.
    Both may be frames. Raises ValueError where nothing is left."""
    import numpy as np

    matrix = frames.read_scores(scores)
    panel = prices if isinstance(prices, Panel) else frames.read(prices)
    known = set(panel.instruments)
    kept = [i for i, name in enumerate(matrix.instruments) if name in known]
    days = np.isin(matrix.dates, panel.dates)
    if not kept or not days.any():
        raise ValueError(f"[scores] {'dates' if kept else 'instruments'}: none of the scores' {matrix!r} is among the "
                         f"prices' {panel!r}")
    return ScoreMatrix(matrix.dates[days].view(np.int64), [matrix.instruments[i] for i in kept],
                       np.ascontiguousarray(matrix.values[days][:, kept]).reshape(-1))


def read_csv(path: str | os.PathLike[str]) -> ScoreMatrix:
    """Reads scores from a file, plain or gzip: date, instrument and score, or a column per instrument."""
    return _core.read_scores(os.fspath(path))


def TopkDropout(k: float = 50, n_drop: float = 5, min_hold: int = 1, invested: float = 0.95,
                rebalance: int = 1) -> Strategy:
    """Hold k names; on each rebalance sell the worst n_drop and buy the best that are not held (as Qlib's).

    k: names, or a share of those available inside (0, 1). n_drop: a count up to k, or a share of k. min_hold: dates that
    a name is held at least. invested: share of equity in names. rebalance: dates from one rebalance to the next.
    """
    return _made("TopkDropout", k=k, n_drop=n_drop, min_hold=min_hold, invested=invested, rebalance=rebalance)


def LongShort(k: float = 0.2, long_only: bool = False, weighting: str = "equal", gross: float = 1,
              rebalance: int = 1) -> Strategy:
    """Long the best k names and short the worst k.

    k: names on each side, or a share of those available inside (0, 1). weighting: equal, or rank (the best of k names
    weighs k times the last). gross: sum of |weights| over both sides.
    """
    return _made("LongShort", k=k, long_only=long_only, weighting=weighting, gross=gross, rebalance=rebalance)


def EqualWeight(invested: float = 1, rebalance: int = 21) -> Strategy:
    """Hold every name that has a score and a price, equally: the baseline that asks no model."""
    return _made("EqualWeight", invested=invested, rebalance=rebalance)


def TargetWeights(max_weight: float = 1, max_gross: float = 2, max_net: float = 1, beyond: str = "error",
                  rebalance: int = 1) -> Strategy:
    """Hold what stands in the place of scores: weights, fractions of equity, shorts negative. 0 sells; NaN, and an
    instrument without a price, stay as they stand.

    max_weight, max_gross, max_net: largest |weight|, sum of |weights|, |sum of weights|. beyond: error, or scale (each is
    cut to max_weight, then all are scaled down together).
    """
    return _made("TargetWeights", max_weight=max_weight, max_gross=max_gross, max_net=max_net, beyond=beyond,
                 rebalance=rebalance)


def _made(name: str, **options: Any) -> Strategy:
    return Strategy(name, options)
