"""Backtests: daily scores through a strategy, signals on quotes, and what both are worth.

    result = backtest.run(prices, scores, strategy="TopkDropout", k=10, commission_bps=5)
    result.returns, result.equity                                # arrays [bars]
    backtest.evaluate(result.returns)                            # metrics by name
    backtest.ic(scores, backtest.forward_returns(prices, 5))
"""
from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from quantick import _core, _metrics as metrics, frames
from quantick._core import BacktestResult, Panel, ScoreMatrix, Strategy, Ticks
from quantick._checks import expect, was, whole
from quantick._metrics import _numbers, _pair

__all__ = [
    "BacktestResult",
    "Quantiles",
    "Summary",
    "absolute_error",
    "benchmark_returns",
    "check_truncation",
    "compare",
    "compare_scores",
    "conventions",
    "equal_weight",
    "evaluate",
    "forward_returns",
    "ic",
    "mean_interval",
    "metrics",
    "options",
    "profiles",
    "quantiles",
    "rank_ic",
    "run",
    "run_ticks",
    "summarize",
    "sweep",
    "top_k_overlap",
]


_QUOTES = ("time", "bid", "ask", "bid_size", "ask_size")


class Summary(NamedTuple):
    """Of a series per date, NaN left out. ratio = mean / deviation (ddof 1), not annualised (ICIR)."""

    mean: float
    deviation: float
    ratio: float
    observations: int


class Quantiles(NamedTuple):
    """Mean label per bucket of scores, bucket 0 lowest."""

    by_date: Any  #: [dates, buckets]
    mean: Any  #: [buckets]
    long_short: Any  #: [dates], the highest bucket less the lowest


def run(prices: Any, scores: Any, strategy: str | Strategy = "TopkDropout", **options: Any) -> BacktestResult:
    """Trades ``scores`` bar by bar: a decision sees the close of bar t, its orders trade in a later one.

    prices: a Panel, or a frame for ``frames.read``. scores: a ScoreMatrix, or a frame for ``frames.read_scores``; their
    instruments must be among the prices', their dates on the prices' calendar (``strategy.matching`` leaves out others).
    strategy: an object of ``quantick.strategy``, or a class name, whose options then stand among ``options``. ``options()``
    lists the others: execution and costs. Raises ValueError (TypeError for an unknown option, with the nearest) that names
    what does not fit. Runs without Python's lock.
    """
    chosen, rest = _strategy(strategy, options)
    return _core.run_backtest(_prices(prices), frames.read_scores(scores), chosen, rest)


def options() -> dict[str, tuple[Any, str]]:
    """Execution and costs: the default and the meaning of every option of ``run`` that is not the strategy's."""
    return _core.backtest_options()


def equal_weight(result: BacktestResult, rebalance: int | None = None) -> BacktestResult:
    """The baseline to a result: every name that trades, at one weight, on the same dates and with the same costs,
    rebalanced as often as the strategy unless ``rebalance`` says otherwise."""
    import numpy as np

    scores = _result(result).scores
    same = ScoreMatrix(scores.dates.view(np.int64), scores.instruments, np.zeros(scores.values.size))
    every = int(result.strategy.options["rebalance"]) if rebalance is None else rebalance
    return _core.run_backtest(result.prices, same, Strategy("EqualWeight", {"rebalance": every}), result.options)


def benchmark_returns(result: BacktestResult, benchmark: Any) -> Any:
    """Returns [bars] of a benchmark (prices of one instrument: a Panel, or a frame) on the dates of a result, for
    ``evaluate(result, benchmark=...)``; 0 where it has no price."""
    return _result(result).benchmark_returns(_prices(benchmark))


def evaluate(returns: Any, benchmark: Any = None, profile: str = "empyrical", *, periods: float | None = None,
             risk_free: float = 0) -> dict[str, float]:
    """All metrics of period returns, or of a result, as another tool computes them: empyrical, quantstats, qlib, lean or
    vnpy. ``benchmark``: returns of the same periods, for what needs one. ``periods``: a year, 52 of weekly returns, say;
    by default the bars_per_year that a result was run with, where that is not 252, else the tool's (252, of qlib 238, of
    vnpy 240). ``risk_free``: as the tool takes it, per period (empyrical) or
    per year; qlib has none. Raises ValueError for fewer than 2 returns, one that is not finite, or a benchmark of other
    dates."""
    if periods is None and isinstance(returns, BacktestResult):
        periods = _bars_per_year(returns)
    own, other = (_numbers(returns), None) if benchmark is None else _pair(returns, benchmark)
    return {name: value for name, value, _ in _core.evaluate_profile(own, other, profile, periods, risk_free)}


def conventions(profile: str = "empyrical", *, periods: float | None = None, risk_free: float = 0) -> dict[str, str]:
    """How each metric of ``evaluate`` is computed. Where the tool gives a loss as a number below 0 (value at risk, expected
    shortfall), it is above 0 here."""
    import numpy as np

    some = np.array([0.01, -0.02, 0.03, -0.01, 0.005])
    return {name: text for name, _, text in _core.evaluate_profile(some, some[::-1].copy(), profile, periods, risk_free)}


def profiles() -> list[str]:
    """Names for ``evaluate``."""
    return _core.profile_names()


def forward_returns(prices: Any, horizon: int, delay: int = 1) -> ScoreMatrix:
    """Returns from the close of t + delay to that of t + delay + horizon, NaN beyond the end: labels for scores. Prices
    are those that a backtest trades at."""
    return _core.holding_returns(_prices(prices), horizon, delay)


def ic(scores: Any, labels: Any) -> Any:
    """Information coefficient [dates]: Pearson correlation per date with the labels of that date. NaN where there are
    fewer than 3 pairs or a side does not vary."""
    return _core.information_coefficient(frames.read_scores(scores), frames.read_scores(labels))


def rank_ic(scores: Any, labels: Any) -> Any:
    """As ``ic``, Spearman's; ties share their mean rank."""
    return _core.rank_information_coefficient(frames.read_scores(scores), frames.read_scores(labels))


def absolute_error(scores: Any, labels: Any) -> Any:
    """Mean |score - label| [dates]."""
    return _core.absolute_error(frames.read_scores(scores), frames.read_scores(labels))


def top_k_overlap(a: Any, b: Any, k: float) -> Any:
    """Share of the best k of one that are among the best k of the other [dates]; k: a count, or a share of the names."""
    return _core.top_k_overlap(frames.read_scores(a), frames.read_scores(b), k)


def quantiles(scores: Any, labels: Any, buckets: int = 5) -> Quantiles:
    """Mean label per bucket of scores; equal scores fall by name. NaN on dates with fewer names than buckets."""
    out = _core.quantile_returns(frames.read_scores(scores), frames.read_scores(labels), buckets)
    return Quantiles(out["by_date"], out["mean"], out["long_short"])


def summarize(series: Any) -> Summary:
    """Of an IC per date, say."""
    return Summary(*_core.summarize(_numbers(series, "series")))


def mean_interval(series: Any, overlap: int = 1) -> tuple[float, float, float, int]:
    """(mean, low, high, observations) of the finite values: 95 %, Newey and West 1987; labels that overlap by h dates
    take ``overlap=h``."""
    return _core.newey_west_mean(_numbers(series, "series"), overlap)


def compare(first: BacktestResult, second: BacktestResult, *, labels: Any = None, horizon: int = 5, top_k: float = 0.2,
            periods_per_year: float | None = None, **bootstrap: Any) -> dict[str, Any]:
    """Two results on the same dates and instruments (float32 and int8, two models, ...): ic, rank_ic, mae_bps,
    top_k_overlap, turnover, sharpe and max_drawdown of each, and their difference (second less first) with an interval by
    block bootstrap in which both sides are resampled with the same dates.

    labels: what the scores predict; by default returns over ``horizon`` bars. periods_per_year: by default the first's
    bars_per_year. ``bootstrap``: method (stationary, moving), block_length, resamples, confidence, seed. Gives {"overall":
    rows, "years": {year: rows}, "method": text}; a row is a dict of name, first, second, difference, low, high,
    observations.
    """
    _result(first), _result(second)
    target = forward_returns(first.prices, horizon) if labels is None else frames.read_scores(labels)
    periods = first.options["bars_per_year"] if periods_per_year is None else periods_per_year
    return _core.compare_runs(first, second, target, top_k, periods, bootstrap)


def compare_scores(first: Any, second: Any, labels: Any, top_k: float = 0.2, **bootstrap: Any) -> list[dict[str, Any]]:
    """As ``compare`` for what scores tell without a backtest: ic, rank_ic, mae in standard deviations of the labels,
    mae_change in percent, top_k_overlap."""
    return _core.compare_scores(frames.read_scores(first), frames.read_scores(second), frames.read_scores(labels), top_k,
                                bootstrap)


def sweep(prices: Any, scores: Any, strategy: str | Strategy | Sequence[str | Strategy] = "TopkDropout", *,
          periods_per_year: float | None = None, trials_before: int = 0,
          progress: Callable[[int, int], None] | None = None, **options: Any) -> dict[str, Any]:
    """Many settings on one set of scores, in parallel: a list, or an array, in place of an option's value stands for each
    of its values, crossed with all other lists.

    progress(done, settings) is called between batches. Gives arrays [settings] (annual_return, annual_volatility, sharpe
    with its interval, max_drawdown, turnover, costs, trades, blocked, ruined, deflated_sharpe), "settings" (a list of
    dicts of what was crossed), "best" (position, -1: none), "trials", "expected_max_sharpe", "observations". The deflated
    Sharpe ratio counts all settings, and ``trials_before``, as trials. periods_per_year: by default the option
    bars_per_year, which must be one number then. Ctrl-C ends it.
    """
    several = [strategy] if isinstance(strategy, (str, Strategy)) else list(expect(
        strategy, Sequence, "[backtest] strategy", "a Strategy, a name, or a list of them"))
    lists = {name: list(value) if isinstance(value, (list, tuple, range)) or getattr(value, "ndim", 0) == 1 else [value]
             for name, value in options.items()}
    if periods_per_year is None:
        bars = lists.get("bars_per_year", [252])
        if len(bars) != 1:
            raise ValueError(f"[backtest] periods_per_year, was not given, expected a number where bars_per_year is {bars}")
        periods_per_year = bars[0]
    settings, described = [], []
    for one in several:
        for values in itertools.product(*lists.values()):
            chosen = dict(zip(lists, values))
            settings.append(_strategy(one, chosen))
            described.append({"strategy": settings[-1][0].name,
                              **{name: value for name, value in chosen.items() if len(lists[name]) > 1}})
    out = _core.sweep(_prices(prices), frames.read_scores(scores), settings, periods_per_year, trials_before, progress)
    return {**out, "settings": described}


def check_truncation(result: BacktestResult, cuts: int | Sequence[int] = 5) -> str | None:
    """Runs a backtest again with the data cut off at several dates: None where everything up to each cut kept its bits,
    else what changed, which is a look-ahead. ``cuts``: how many, or positions of score dates."""
    count = len(_result(result).scores)
    if isinstance(cuts, int):
        several = min(cuts, count)
        places = {max(2, count * (i + 1) // (several + 1)) for i in range(several)} & set(range(2, count))
        if not places:
            raise ValueError(f"[backtest] cuts, was {cuts}, expected 1 or more, and scores of 3 dates or more")
    else:
        places = {whole(cut, "[backtest] cuts") for cut in expect(cuts, Sequence, "[backtest] cuts",
                                                                  "a number, or a list of positions")}
        if not places:
            raise ValueError("[backtest] cuts, was empty, expected one position or more")
    return result.check_truncation(sorted(places))


def run_ticks(ticks: Ticks | Mapping[str, Any], signals: Any, *, latency_ns: Any = 0, line_ns: int = 0,
              limit_to_size: bool = True, seed: int = 0, **options: Any) -> dict[str, Any]:
    """Trades signals on best quotes, event by event: a decision sees its event and nothing later, its order meets the
    quotes of the moment it arrives.

    ticks: of ``market.read_ticks``, of one instrument, or a frame or a mapping of time, bid, ask, bid_size, ask_size;
    time: whole ns since 1970-01-01 UTC, or datetime64 of UTC or with a time zone.
    signals: [events], above 0 for a rise, NaN: none. latency_ns: of a decision: a number, measured samples (an array), or
    the path of a latencies.csv; line_ns: of the way here and back. ``options``: enter, exit, max_position, multiplier,
    fee_per_contract, fee_bps, fill_quote (valid, next), flat_at, utc_offset. Gives profit and position [events], days,
    counts of orders, fees and costs, and notes.
    """
    columns: Any
    if isinstance(ticks, Ticks):
        columns = {name: getattr(ticks, name) for name in _QUOTES}
    else:
        known: Any = getattr(ticks, "column_names", getattr(ticks, "columns", None))  # of pyarrow; pandas and polars
        if known is None:
            known = expect(ticks, Mapping, "[ticks] ticks", "Ticks, a frame or a mapping")
        missing = [name for name in _QUOTES if name not in known]
        if missing:
            raise ValueError(f"[ticks] ticks without {missing[0]}, expected arrays {', '.join(_QUOTES)}")
        columns = ticks
    latency: Any = latency_ns
    if isinstance(latency, os.PathLike):
        latency = os.fspath(latency)
    elif not isinstance(latency, (str, int)):
        latency = _numbers(latency, "latency_ns")
    bid, ask, bid_size, ask_size = (_numbers(columns[name], name) for name in _QUOTES[1:])
    return _core.run_ticks(_nanoseconds(columns["time"]), bid, ask, bid_size, ask_size,
                           _numbers(signals, "signals"), latency, line_ns, limit_to_size, seed, options)


def _bars_per_year(result: BacktestResult) -> float | None:
    """As the run was told, None where that is the default."""
    bars: float = result.options["bars_per_year"]
    return None if bars == options()["bars_per_year"][0] else bars


def _nanoseconds(times: Any) -> Any:
    """int64 [events] since 1970-01-01 UTC."""
    import numpy as np

    if getattr(getattr(times, "dtype", None), "tz", None) is not None:  # of pandas
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    array = np.asarray(times)
    if array.dtype.kind == "M" and not np.isnat(array).any():
        return np.ascontiguousarray(array.astype("datetime64[ns]").view(np.int64))
    if array.dtype.kind not in "iu":
        raise TypeError(f"[ticks] time, was {'NaT' if array.dtype.kind == 'M' else f'of dtype {array.dtype}'}, expected "
                        "whole ns since 1970-01-01 UTC, or datetime64")
    return np.ascontiguousarray(array, dtype=np.int64)


def _result(result: Any) -> BacktestResult:
    held: BacktestResult = expect(result, BacktestResult, "[backtest] result")
    return held


def _prices(prices: Any) -> Panel:
    return prices if isinstance(prices, Panel) else frames.read(prices)


def _strategy(strategy: str | Strategy, options: Mapping[str, Any]) -> tuple[Strategy, dict[str, Any]]:
    """The strategy, and the options that are not its own."""
    if isinstance(strategy, Strategy):
        for name in set(options) & set(strategy.options):
            raise TypeError(f"[backtest] {name} is an option of the strategy, which was given as an object: expected "
                            f"{strategy.name}({name}=...)")
        return strategy, dict(options)
    if not isinstance(strategy, str):
        raise TypeError(f"[backtest] strategy, {was(strategy)}, expected an object of quantick.strategy, such as "
                        "TopkDropout(k=50), or a class name")
    own = Strategy(strategy, {}).options
    return (Strategy(strategy, {name: value for name, value in options.items() if name in own}),
            {name: value for name, value in options.items() if name not in own})
