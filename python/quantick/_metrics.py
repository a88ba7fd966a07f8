"""Metrics of period returns (0.01 = 1 %), each with its convention in its arguments. Libraries differ in all of them:
``backtest.evaluate`` has them under the libraries' names. Arguments are anything that NumPy takes as numbers [periods],
or a backtest's result, whose returns are taken. Series of pandas are paired row by row: other dates are refused.
Undefined values are NaN; ValueError for series that are too short.
"""
from __future__ import annotations

from typing import Any

from quantick import _core
from quantick._checks import numbers
from quantick._core import BacktestResult, metric_expected_max_sharpe as expected_max_sharpe

__all__ = [
    "alpha_per_period",
    "annual_return",
    "annual_volatility",
    "beta",
    "calmar",
    "deflated_sharpe",
    "downside_risk",
    "drawdown",
    "ewma_volatility",
    "expected_max_sharpe",
    "expected_shortfall",
    "hit_rate",
    "information_ratio",
    "max_drawdown",
    "omega",
    "probabilistic_sharpe",
    "sharpe",
    "sharpe_interval",
    "sortino",
    "stability",
    "tail_ratio",
    "total_return",
    "ulcer_index",
    "value_at_risk",
    "volatility_regimes",
]


def _numbers(values: Any, name: str = "returns") -> Any:
    """float64 [n], contiguous."""
    if isinstance(values, BacktestResult):
        values = values.returns
    array = numbers(values, f"[metrics] {name}")
    if array.ndim != 1:
        raise _core.ShapeError(f"[metrics] {name}: shape {array.shape}, expected one dimension")
    return array


def _dates(values: Any) -> Any:
    """datetime64[D] [n] that the numbers stand on, None where they do not say."""
    import numpy as np

    if isinstance(values, BacktestResult):
        return values.dates
    index = values.index if type(values).__module__.partition(".")[0] == "pandas" else None
    known = getattr(getattr(index, "dtype", None), "kind", "") == "M" and getattr(index, "tz", None) is None
    return np.asarray(index).astype("datetime64[D]") if known else None


def _pair(returns: Any, benchmark: Any) -> tuple[Any, Any]:
    own, other = _numbers(returns), _numbers(benchmark, "benchmark")
    if own.shape != other.shape:
        raise _core.ShapeError(f"[metrics] benchmark: {len(other)} returns, expected {len(own)}")
    days, others = _dates(returns), _dates(benchmark)
    if days is not None and others is not None and (days != others).any():
        row = int((days != others).argmax())
        raise ValueError(f"[metrics] benchmark: row {row} is of {others[row]}, expected {days[row]}, as the returns' is: "
                         "rows are paired as they stand; reindex() one of them first")
    return own, other


def total_return(returns: Any) -> float:
    """Product of (1 + r), minus 1."""
    return _core.metric_total_return(_numbers(returns))


def annual_return(returns: Any, periods: float = 252) -> float:
    """Geometric: (1 + total)^(periods / n) - 1."""
    return _core.metric_annual_return(_numbers(returns), periods)


def annual_volatility(returns: Any, periods: float = 252) -> float:
    """Standard deviation (ddof 1) times sqrt(periods)."""
    return _core.metric_annual_volatility(_numbers(returns), periods)


def sharpe(returns: Any, periods: float = 252, risk_free: float = 0) -> float:
    """(mean - risk_free) / standard deviation (ddof 1) * sqrt(periods); risk_free is per period."""
    return _core.metric_sharpe(_numbers(returns), periods, risk_free)


def sharpe_interval(returns: Any, periods: float = 252, risk_free: float = 0) -> tuple[float, float, float]:
    """(Sharpe, low, high): 95 %, allowing for skewness and kurtosis (Mertens 2002)."""
    return _core.metric_sharpe_interval(_numbers(returns), periods, risk_free)


def downside_risk(returns: Any, periods: float = 252, target: float = 0) -> float:
    """Root mean square of min(r - target, 0) over all n, times sqrt(periods)."""
    return _core.metric_downside_risk(_numbers(returns), periods, target)


def sortino(returns: Any, periods: float = 252, target: float = 0) -> float:
    """(mean - target) * periods / downside_risk."""
    return _core.metric_sortino(_numbers(returns), periods, target)


def calmar(returns: Any, periods: float = 252) -> float:
    """annual_return / |max_drawdown|; NaN without a drawdown."""
    return _core.metric_calmar(_numbers(returns), periods)


def omega(returns: Any, threshold: float = 0) -> float:
    """Sum of gains over the threshold / sum of shortfalls below it."""
    return _core.metric_omega(_numbers(returns), threshold)


def tail_ratio(returns: Any) -> float:
    """|95th percentile| / |5th percentile|, linear interpolation."""
    return _core.metric_tail_ratio(_numbers(returns))


def stability(returns: Any) -> float:
    """R squared of the cumulative log return on time."""
    return _core.metric_stability(_numbers(returns))


def hit_rate(returns: Any) -> float:
    """Share of positive returns among those that are not zero."""
    return _core.metric_hit_rate(_numbers(returns))


def max_drawdown(returns: Any) -> float:
    """Lowest wealth over its running maximum, minus 1: 0 or below."""
    return _core.metric_max_drawdown(_numbers(returns))


def drawdown(returns: Any) -> Any:
    """Wealth over its running maximum, minus 1, after each return."""
    return _core.metric_drawdown(_numbers(returns))


def value_at_risk(returns: Any, tail: float = 0.05, method: str = "historical") -> float:
    """A loss, above 0. method: historical (percentile of the returns, linear interpolation: empyrical), order_statistic
    (QuantLib, skfolio), normal (by mean and deviation: quantstats), ewma (RiskMetrics: mean 0, decay 0.94)."""
    return _core.metric_tail_loss(_numbers(returns), tail, method, False)


def expected_shortfall(returns: Any, tail: float = 0.05, method: str = "historical") -> float:
    """A loss, above 0. method: historical (mean of the lowest floor((n - 1) * tail) + 1 returns: empyrical), or normal
    (closed form: quantstats)."""
    return _core.metric_tail_loss(_numbers(returns), tail, method, True)


def ulcer_index(returns: Any, ddof: int = 1) -> float:
    """Root of the summed squared drawdowns over n - ddof (quantstats: 1, Martin and McCann 1989: 0)."""
    return _core.metric_ulcer_index(_numbers(returns), ddof)


def ewma_volatility(returns: Any, decay: float = 0.94) -> float:
    """Per period, after the last: root of the exponentially weighted mean square (RiskMetrics 1996)."""
    return _core.metric_ewma_volatility(_numbers(returns), decay)


def volatility_regimes(returns: Any, decay: float = 0.94, warmup: int = 60, calm_below: float = 0.25,
                       stormy_above: float = 0.75) -> list[str]:
    """calm, normal or stormy after each return: its EWMA volatility among those so far, by the shares of them below;
    unknown for the first ``warmup``. Nothing later is used."""
    return _core.metric_volatility_regimes(_numbers(returns), decay, warmup, calm_below, stormy_above)


def beta(returns: Any, benchmark: Any) -> float:
    """Covariance with the benchmark over its variance."""
    return _core.metric_beta(*_pair(returns, benchmark))


def alpha_per_period(returns: Any, benchmark: Any, risk_free: float = 0) -> float:
    """Mean of r - beta * b per period; risk_free per period is taken from both."""
    return _core.metric_alpha_per_period(*_pair(returns, benchmark), risk_free)


def information_ratio(returns: Any, benchmark: Any) -> float:
    """Mean of r - b over its standard deviation (ddof 1), per period."""
    return _core.metric_information_ratio(*_pair(returns, benchmark))


def probabilistic_sharpe(returns: Any, benchmark_sharpe: float = 0) -> float:
    """Probability that the true Sharpe ratio exceeds one per period (Bailey and Lopez de Prado 2012)."""
    return _core.metric_probabilistic_sharpe(_numbers(returns), benchmark_sharpe)


def deflated_sharpe(returns: Any, trials: int, sharpe_variance: float) -> float:
    """``probabilistic_sharpe`` against the largest of so many worthless trials (Bailey and Lopez de Prado 2014)."""
    return _core.metric_deflated_sharpe(_numbers(returns), trials, sharpe_variance)
