"""Metrics against empyrical-reloaded and scipy, to 1e-9."""
import empyrical
import numpy as np
import pytest
import scipy.stats

TOLERANCE = 1e-9


def fixture_returns():
    """The series of known answers of ../shared/reference/METRICS.md."""
    t = np.arange(1, 501, dtype=np.float64)
    return (0.0005 + 0.01 * np.sin(0.7 * t) + 0.004 * np.cos(2.3 * t * t / 97),
            0.0003 + 0.008 * np.sin(0.7 * t + 0.3))


def series(name):
    draw = np.random.default_rng(5)
    if name == "known answers":
        return fixture_returns()
    if name == "heavy tails":
        return 0.012 * draw.standard_t(3, 1500), 0.010 * draw.standard_t(4, 1500)
    if name == "losing":
        return draw.normal(-0.002, 0.01, 61), draw.normal(0, 0.01, 61)
    assert name == "many zeros"
    return np.where(draw.random(300) < 0.6, 0.0, draw.normal(0.0005, 0.02, 300)), draw.normal(0, 0.01, 300)


EMPYRICAL = {
    "total_return": lambda r, b: empyrical.cum_returns_final(r),
    "annual_return": lambda r, b: empyrical.annual_return(r),
    "annual_volatility": lambda r, b: empyrical.annual_volatility(r),
    "sharpe": lambda r, b: empyrical.sharpe_ratio(r),
    "sortino": lambda r, b: empyrical.sortino_ratio(r),
    "downside_risk": lambda r, b: empyrical.downside_risk(r),
    "max_drawdown": lambda r, b: empyrical.max_drawdown(r),
    "calmar": lambda r, b: empyrical.calmar_ratio(r),
    "omega": lambda r, b: empyrical.omega_ratio(r),
    "tail_ratio": lambda r, b: empyrical.tail_ratio(r),
    "stability": lambda r, b: empyrical.stability_of_timeseries(r),
    # Ours are losses, so positive.
    "value_at_risk": lambda r, b: -empyrical.value_at_risk(r),
    "expected_shortfall": lambda r, b: -empyrical.conditional_value_at_risk(r),
    "beta": lambda r, b: empyrical.beta(r, b),
    "alpha": lambda r, b: empyrical.alpha(r, b),
    "information_ratio": lambda r, b: empyrical.excess_sharpe(r, b),
}


@pytest.mark.parametrize("name", ["known answers", "heavy tails", "losing", "many zeros"])
def test_empyrical_profile_is_empyricals(oracle, name):
    returns, benchmark = series(name)
    ours = oracle("metrics", profile="empyrical", returns=returns.tolist(), benchmark=benchmark.tolist())
    assert set(EMPYRICAL) <= set(ours)
    for metric, theirs in EMPYRICAL.items():
        expected = float(theirs(returns, benchmark))
        assert ours[metric] == pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE), metric


def test_moments_and_probabilistic_sharpe_are_those_of_scipy(oracle):
    returns, _ = fixture_returns()
    ours = oracle("metrics", profile="empyrical", returns=returns.tolist())
    skew, kurtosis = scipy.stats.skew(returns), scipy.stats.kurtosis(returns, fisher=False)
    assert ours["skewness"] == pytest.approx(skew, abs=TOLERANCE)
    assert ours["kurtosis"] == pytest.approx(kurtosis, abs=TOLERANCE)
    sharpe = returns.mean() / returns.std(ddof=1)
    z = sharpe * np.sqrt((len(returns) - 1) / (1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2))
    assert ours["probabilistic_sharpe"] == pytest.approx(scipy.stats.norm.cdf(z), abs=TOLERANCE)
