"""Backtests from Python: results, metrics against their libraries, comparisons, sweeps, ticks, look-ahead."""
import copy
import json
import pickle
import warnings

import numpy as np
import pytest
from conftest import shared

from quantick import ShapeError, backtest, frames, market, report, strategy

pd = pytest.importorskip("pandas")

NAMES = [f"N{i:02}" for i in range(12)]


@pytest.fixture(scope="module")
def prices():
    draw = np.random.default_rng(4)
    close = 40 * np.exp(np.cumsum(draw.normal(0.0002, 0.015, (400, 12)), axis=0))
    dates = pd.bdate_range("2016-01-01", periods=400).to_numpy().astype("datetime64[D]")
    return market.panel(dates, NAMES, {"open": close * 0.999, "close": close, "volume": np.full(close.shape, 1e6)})


@pytest.fixture(scope="module")
def scores(prices):
    """Of the return to come, with much noise: worth something by construction."""
    labels = backtest.forward_returns(prices, 5)
    draw = np.random.default_rng(5)
    values = np.nan_to_num(labels.values) + draw.normal(0, 0.05, labels.values.shape)
    return frames.read_scores(pd.DataFrame(values[20:390], index=pd.DatetimeIndex(prices.dates[20:390]), columns=NAMES))


@pytest.fixture(scope="module")
def result(prices, scores):
    return backtest.run(prices, scores, strategy="TopkDropout", k=4, n_drop=1, commission_bps=3)


def test_series_are_arrays_in_the_results_memory(result):
    assert len(result) == len(result.equity) == len(result.dates) == 369
    assert result.equity.__array_interface__["data"] == result.equity.__array_interface__["data"]
    assert not result.equity.flags.writeable
    np.testing.assert_allclose(result.equity, result.capital * np.cumprod(1 + result.returns), rtol=1e-12)
    net = (result.gross_returns + result.interest - result.commission - result.slippage - result.borrow)
    np.testing.assert_allclose(result.returns, net, atol=1e-15)
    np.testing.assert_allclose(result.weights.sum(axis=1), result.net_exposure, atol=1e-12)
    assert result.quantities.shape == (369, 12) and (result.longs <= 4).all() and (result.shorts == 0).all()
    assert result.options["commission_bps"] == 3 and result.strategy.options["k"] == 4
    assert result.ruined is None and result.delistings == [] and not result.looks_ahead
    assert any("bps" in line or "basis point" in line for line in result.notes)


def test_to_frame(result):
    frame = result.to_frame()
    assert frame.index.name == "date" and frame["equity"].to_numpy().tobytes() == result.equity.tobytes()
    pl = pytest.importorskip("polars")
    assert isinstance(frames.to_polars(result), pl.DataFrame)


def test_a_buy_and_hold_by_hand():
    dates = np.arange("2020-01-01", "2020-01-07", dtype="datetime64[D]")
    close = np.array([[10.0], [11], [12], [11], [13], [14]])
    panel = market.panel(dates, ["A"], close)
    held = backtest.run(panel, pd.DataFrame({"A": np.ones(6)}, index=pd.DatetimeIndex(dates)),
                        strategy.EqualWeight(rebalance=100), capital=1000, commission_bps=0, slippage_bps=0, lot_size=0)
    # 100 shares, sized at the close of 10, bought at the next one.
    np.testing.assert_allclose(held.equity, [1000 + 100 * (p - 11) for p in (11, 12, 11, 13, 14)])


def test_frames_of_elsewhere_go_straight_in(prices, scores, result):
    wide = frames.to_pandas(scores)
    closes = frames.to_pandas(prices)
    again = backtest.run(closes, wide, strategy.TopkDropout(k=4, n_drop=1), commission_bps=3)
    assert again.equity.tobytes() == result.equity.tobytes()
    long = wide.stack().rename("score")
    long.index.names = ["datetime", "instrument"]
    assert backtest.run(closes, long, strategy.TopkDropout(k=4, n_drop=1), commission_bps=3).equity.tobytes() == \
        result.equity.tobytes()


def test_errors_name_what_is_wrong(prices, scores):
    for options, error, text in [({"comission_bps": 1}, TypeError, "did you mean commission_bps"),
                                 ({"k": "x"}, TypeError, r"\[TopkDropout\] k, was a str"),
                                 ({"k": 4, "n_drop": 1, "delay_bars": 0}, ValueError, "delay_bars"),
                                 ({"strategy": "TopkDropuot"}, ValueError, "TopkDropout"),
                                 ({"k": 40}, ValueError, "k, was 40, expected at most 12")]:
        with pytest.raises(error, match=text):
            backtest.run(prices, scores, **options)
    strange = frames.to_pandas(scores).rename(columns={"N00": "X"})
    with pytest.raises(ValueError, match='"X"'):
        backtest.run(prices, strange)
    assert backtest.options()["commission_bps"][0] == 5


def test_strategies():
    assert strategy.names() == ["LongShort", "TopkDropout", "EqualWeight", "TargetWeights"]
    assert repr(strategy.LongShort(k=0.1)).startswith("LongShort(k=0.1, long_only=False")
    for name in strategy.names():
        made = getattr(strategy, name)()
        assert made.name == name and made.options == strategy.Strategy(name, {}).options, "defaults are the core's"
    with pytest.raises(TypeError, match="unknown argument kk"):
        strategy.Strategy("LongShort", {"kk": 1})


def test_weights_of_an_optimizer_by_hand(prices):
    """Weights decided at a close trade at the next; NaN leaves a position alone; costs on what is traded."""
    draw = np.random.default_rng(8)
    weights = draw.uniform(-0.1, 0.15, (400, 12))
    weights[draw.random(weights.shape) < 0.3] = np.nan
    weights[draw.random(400) < 0.5] = np.nan
    frame = pd.DataFrame(weights, index=pd.DatetimeIndex(prices.dates), columns=NAMES)
    result = backtest.run(prices, frame, "TargetWeights", execution="next_close", commission_bps=10, slippage_bps=5,
                          borrow_rate=0.02, lot_size=0)
    close, cash, held, expected = prices["close"], result.capital, np.zeros(12), []
    for t in range(1, 400):
        target = weights[t - 1] * (cash + held @ close[t - 1]) / close[t - 1]
        cash += np.minimum(held, 0) @ close[t - 1] * 0.02 / 252
        traded = np.where(np.isnan(target), 0, target - held)
        cash -= traded @ close[t] + np.abs(traded) @ close[t] * 15e-4
        held = held + traded
        expected.append(cash + held @ close[t])
    np.testing.assert_allclose(result.equity, expected, rtol=1e-10)
    np.testing.assert_allclose(result.quantities[-1], held, rtol=1e-9)
    assert backtest.check_truncation(result, 3) is None


def test_limits_on_weights(prices):
    weights = pd.DataFrame(0.125, index=pd.DatetimeIndex(prices.dates), columns=NAMES)
    with pytest.raises(ValueError, match=r"2016-01-01: max_net of the weights, was 1.5, expected at most 1; set beyond"):
        backtest.run(prices, weights, "TargetWeights")
    with pytest.raises(ValueError, match=r"max_weight of the weights \(N00\), was 0.125, expected at most 0.1"):
        backtest.run(prices, weights, "TargetWeights", max_weight=0.1)
    cut = backtest.run(prices, weights, "TargetWeights", beyond="scale", lot_size=0)
    same = backtest.run(prices, weights / 1.5, "TargetWeights", lot_size=0)
    np.testing.assert_allclose(cut.equity, same.equity, rtol=1e-12)
    capped = backtest.run(prices, weights, "TargetWeights", beyond="scale", max_weight=0.05, lot_size=0)
    np.testing.assert_allclose(capped.gross_exposure, 0.6, atol=0.02)
    assert (backtest.equal_weight(capped).longs == 12).all(), "rebalanced as often"


def test_results_are_pickled_and_copied(result):
    for again in (pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)):
        assert again.equity.tobytes() == result.equity.tobytes() and again.options == result.options
        assert again.weights.tobytes() == result.weights.tobytes() and repr(again) == repr(result)


def test_equal_weight_is_the_baseline(result, prices):
    baseline = backtest.equal_weight(result)
    assert (baseline.longs[5:] == 12).all()
    np.testing.assert_array_equal(baseline.dates, result.dates)
    assert backtest.equal_weight(result, rebalance=50).trades.sum() < baseline.trades.sum()


def test_a_benchmark(result, prices):
    index = prices.select(["N03"])
    returns = backtest.benchmark_returns(result, index)
    close = pd.Series(prices["close"][:, 3], index=prices.dates)
    np.testing.assert_allclose(returns, close.pct_change().loc[result.dates], atol=1e-15)
    assert "alpha" in backtest.evaluate(result.returns, benchmark=returns)
    with pytest.raises(ValueError, match="benchmark of 12 instruments"):
        backtest.benchmark_returns(result, prices)


def test_scores_of_arrays_and_files(scores, tmp_path):
    made = strategy.scores(scores.dates, scores.instruments, scores.values)
    assert made.values.tobytes() == scores.values.tobytes()
    made.write_csv(str(tmp_path / "s.csv"))
    again = strategy.read_csv(tmp_path / "s.csv")
    assert again.values.tobytes() == scores.values.tobytes() and len(again) == 370
    again = pickle.loads(pickle.dumps(made))
    assert again.values.tobytes() == made.values.tobytes() and again.instruments == made.instruments
    rules = strategy.LongShort(k=3)
    assert repr(pickle.loads(pickle.dumps(rules))) == repr(rules)
    with pytest.raises(ShapeError, match=r"values of shape \(370, 12\), expected \(370, 1\)"):
        strategy.scores(scores.dates, ["A"], scores.values)
    with pytest.raises(ValueError, match="inf"):
        strategy.scores(scores.dates[:1], ["A"], [[np.inf]])


def test_scores_that_say_more_than_prices_do(prices, scores, result):
    wide = frames.to_pandas(scores)
    more = wide.assign(XYZ=1.0)
    more = pd.concat([more, more.iloc[-1:].set_axis([pd.Timestamp("2031-01-01")])])
    with pytest.raises(ValueError, match="2031-01-01, which is not a date of the prices"):
        backtest.run(prices, more, strategy.TopkDropout(k=4, n_drop=1))
    left = strategy.matching(more, prices)
    assert left.instruments == NAMES and left.values.tobytes() == scores.values.tobytes()
    again = backtest.run(prices, left, strategy.TopkDropout(k=4, n_drop=1), commission_bps=3)
    assert again.equity.tobytes() == result.equity.tobytes()
    with pytest.raises(ValueError, match="instruments: none of the scores' ScoreMatrix of 371 dates"):
        strategy.matching(more[["XYZ"]], prices)
    with pytest.raises(ValueError, match="dates: none of"):
        strategy.matching(more.iloc[-1:], frames.to_pandas(prices, layout="wide"))


def test_labels_of_a_frame_are_checked(scores):
    wide = frames.to_pandas(scores)
    assert strategy.scores(scores.dates, NAMES, wide).values.tobytes() == scores.values.tobytes()
    with pytest.raises(ValueError, match="column 0 is called 'N00', expected 'N11'"):
        strategy.scores(scores.dates, NAMES[::-1], wide)
    with pytest.raises(ValueError, match="row 0 is of"):
        strategy.scores(scores.dates, NAMES, wide.iloc[::-1])


def test_what_is_no_strategy(prices, scores):
    for wrong in (strategy.TopkDropout, 3, lambda scores: scores):
        with pytest.raises(TypeError, match=r"\[backtest\] strategy, was .*, expected an object of quantick.strategy"):
            backtest.run(prices, scores, wrong)
    with pytest.raises(TypeError, match=r"k is an option of the strategy, .* expected TopkDropout\(k=...\)"):
        backtest.run(prices, scores, strategy.TopkDropout(k=4, n_drop=1), k=5)


def test_truncation(result):
    assert backtest.check_truncation(result, 4) is None
    assert backtest.check_truncation(result, [100]) is None
    with pytest.raises(ValueError, match="cut 1"):
        backtest.check_truncation(result, [1])
    with pytest.raises(ValueError, match="nothing would be compared"):
        result.check_truncation([])


def test_metrics_are_empyricals():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        empyrical = pytest.importorskip("empyrical")
    draw = np.random.default_rng(2)
    r, b = 0.012 * draw.standard_t(4, 800), 0.01 * draw.standard_t(4, 800)
    m = backtest.metrics
    for ours, theirs in [(m.total_return(r), empyrical.cum_returns_final(r)), (m.sharpe(r), empyrical.sharpe_ratio(r)),
                         (m.annual_return(r), empyrical.annual_return(r)), (m.calmar(r), empyrical.calmar_ratio(r)),
                         (m.annual_volatility(r), empyrical.annual_volatility(r)),
                         (m.sortino(r), empyrical.sortino_ratio(r)), (m.omega(r), empyrical.omega_ratio(r)),
                         (m.downside_risk(r), empyrical.downside_risk(r)), (m.tail_ratio(r), empyrical.tail_ratio(r)),
                         (m.stability(r), empyrical.stability_of_timeseries(r)),
                         (m.max_drawdown(r), empyrical.max_drawdown(r)), (m.beta(r, b), empyrical.beta(r, b)),
                         (m.value_at_risk(r), -empyrical.value_at_risk(r)),
                         (m.expected_shortfall(r), -empyrical.conditional_value_at_risk(r)),
                         (m.information_ratio(r, b), empyrical.excess_sharpe(r, b))]:
        assert ours == pytest.approx(float(theirs), rel=1e-9)
    all_of_them = backtest.evaluate(pd.Series(r), benchmark=b.tolist())
    assert all_of_them["alpha"] == pytest.approx(float(empyrical.alpha(r, b)), rel=1e-9)
    assert all_of_them["sharpe"] == m.sharpe(r)
    value, low, high = m.sharpe_interval(r)
    assert low < value < high and m.drawdown(r).min() == m.max_drawdown(r)
    assert 0 < m.deflated_sharpe(r, 10, 1 / 800) < m.probabilistic_sharpe(r) < 1
    assert set(backtest.profiles()) == {"empyrical", "quantstats", "qlib", "lean", "vnpy"}


def test_metrics_are_quantstats():
    """Every metric of the profile: what a loss is, is positive here and negative there; the rest agrees with its sign."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        qs = pytest.importorskip("quantstats").stats
    draw = np.random.default_rng(2)
    days = pd.bdate_range("2015-01-01", periods=800)
    r = pd.Series(0.012 * draw.standard_t(4, 800), index=days)
    b = pd.Series(0.6 * r + 0.01 * draw.standard_t(4, 800), index=days)
    r.iloc[0] = -0.05  # a loss before any peak
    greeks = qs.greeks(r, b)
    theirs = {"total_return": qs.comp(r), "hit_rate": qs.win_rate(r), "skewness": qs.skew(r), "kurtosis": qs.kurtosis(r),
              "annual_return": qs.cagr(r), "annual_volatility": qs.volatility(r), "sharpe": qs.sharpe(r),
              "sortino": qs.sortino(r), "max_drawdown": qs.max_drawdown(r), "calmar": qs.calmar(r), "omega": qs.omega(r),
              "ulcer_index": qs.ulcer_index(r), "value_at_risk": -qs.value_at_risk(r),
              "expected_shortfall": -qs.expected_shortfall(r),
              "probabilistic_sharpe": qs.probabilistic_sharpe_ratio(r), "beta": greeks["beta"], "alpha": greeks["alpha"],
              "information_ratio": qs.information_ratio(r, b)}
    ours = backtest.evaluate(r, benchmark=b, profile="quantstats")
    assert ours == pytest.approx({name: float(value) for name, value in theirs.items()}, rel=1e-9)


def test_other_periods_and_rates(result):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        qs, empyrical = pytest.importorskip("quantstats").stats, pytest.importorskip("empyrical")
    draw = np.random.default_rng(3)
    r = pd.Series(0.002 + 0.02 * draw.standard_t(4, 300), index=pd.date_range("2015-01-02", periods=300, freq="W-FRI"))
    weekly = backtest.evaluate(r, profile="quantstats", periods=52, risk_free=0.03)
    for name, theirs in [("sharpe", qs.sharpe(r, rf=0.03, periods=52)), ("sortino", qs.sortino(r, rf=0.03, periods=52)),
                         ("omega", qs.omega(r, rf=0.03, periods=52)), ("annual_return", qs.cagr(r, periods=52)),
                         ("annual_volatility", qs.volatility(r, periods=52)), ("calmar", qs.calmar(r, periods=52))]:
        assert weekly[name] == pytest.approx(float(theirs), rel=1e-9), name
    ours = backtest.evaluate(r, periods=52, risk_free=1e-4)
    for name, theirs in [("sharpe", empyrical.sharpe_ratio(r, 1e-4, annualization=52)),
                         ("omega", empyrical.omega_ratio(r, 1e-4, annualization=52)),
                         ("annual_return", empyrical.annual_return(r, annualization=52))]:
        assert ours[name] == pytest.approx(float(theirs), rel=1e-9), name
    with pytest.raises(ValueError, match='risk_free, was 0.01, expected 0: profile "qlib" has none'):
        backtest.evaluate(r, profile="qlib", risk_free=0.01)
    with pytest.raises(ValueError, match="periods a year, was 0"):
        backtest.evaluate(r, periods=0)
    assert backtest.evaluate(result) == backtest.evaluate(result.returns)
    assert backtest.metrics.sharpe(result) == backtest.metrics.sharpe(result.returns)


def test_conventions_of_every_metric(result):
    for profile in backtest.profiles():
        texts = backtest.conventions(profile)
        assert texts.keys() == backtest.evaluate(result, benchmark=result.returns, profile=profile).keys()
        assert all(texts.values())
    assert "52 periods a year" in backtest.conventions("quantstats", periods=52)["sharpe"]


def test_bars_per_year_said_once_count_everywhere(prices, scores, result):
    weekly = backtest.run(prices, scores, strategy.TopkDropout(k=4, n_drop=1), commission_bps=3, bars_per_year=52)
    expected = backtest.metrics.sharpe(weekly, periods=52)
    assert backtest.evaluate(weekly)["sharpe"] == expected != backtest.evaluate(weekly.returns)["sharpe"]
    assert backtest.evaluate(weekly, periods=12)["sharpe"] == backtest.metrics.sharpe(weekly, periods=12)
    rows = {row["name"]: row for row in backtest.compare(weekly, weekly, resamples=100)["overall"]}
    assert rows["sharpe"]["first"] == pytest.approx(expected)
    swept = backtest.sweep(prices, scores, "TopkDropout", k=[4, 5], n_drop=1, commission_bps=3, bars_per_year=52)
    assert swept["sharpe"][0] == pytest.approx(expected)
    with pytest.raises(ValueError, match=r"periods_per_year, was not given, expected a number where bars_per_year is \[1"):
        backtest.sweep(prices, scores, "TopkDropout", k=4, n_drop=1, bars_per_year=[1, 2])

    def sharpe(**options):
        made = json.loads(report.Report(weekly, **options).json())
        return made["strategies"]["scores"]["metrics"]["sharpe"]["value"]
    assert sharpe() == pytest.approx(expected)
    assert sharpe(periods_per_year=12) == pytest.approx(backtest.metrics.sharpe(weekly, periods=12))
    with pytest.raises(ValueError, match="periods a year, was -1"):
        sharpe(periods_per_year=-1)


def test_a_benchmark_of_other_dates_is_refused(result):
    days = pd.bdate_range("2020-01-01", periods=50)
    r = pd.Series(np.random.default_rng(0).normal(0, 0.01, 50), index=days)
    shifted = r.set_axis(days + pd.tseries.offsets.BDay(1))
    for compute in (lambda b: backtest.evaluate(r, benchmark=b), lambda b: backtest.metrics.beta(r, b),
                    lambda b: backtest.metrics.information_ratio(r, b)):
        compute(r), compute(r.to_numpy()), compute(r.reset_index(drop=True))
        with pytest.raises(ValueError, match="row 0 is of 2020-01-02, expected 2020-01-01, as the returns' is"):
            compute(shifted)
    own = pd.Series(result.returns, index=pd.DatetimeIndex(result.dates))
    assert backtest.evaluate(result, benchmark=own)["beta"] == pytest.approx(1)
    with pytest.raises(ValueError, match="benchmark: row 0"):
        backtest.evaluate(result, benchmark=own.set_axis(own.index + pd.Timedelta("7D")))


def test_tail_losses_by_hand():
    from scipy import stats
    r = np.random.default_rng(1).normal(0.001, 0.02, 400)
    m = backtest.metrics
    assert m.value_at_risk(r, 0.01) == pytest.approx(-np.percentile(r, 1))
    assert m.value_at_risk(r, method="order_statistic") == pytest.approx(-np.sort(r)[20])
    assert m.value_at_risk(r, method="normal") == pytest.approx(-stats.norm.ppf(0.05, r.mean(), r.std(ddof=1)))
    square = r[0] ** 2
    for value in r[1:]:
        square = 0.94 * square + 0.06 * value**2
    assert m.ewma_volatility(r) == pytest.approx(np.sqrt(square))
    assert m.value_at_risk(r, 0.01, "ewma") == pytest.approx(-stats.norm.ppf(0.01) * np.sqrt(square))
    assert m.expected_shortfall(r, method="normal") == pytest.approx(
        -r.mean() + r.std(ddof=1) * stats.norm.pdf(stats.norm.ppf(0.05)) / 0.05)
    assert m.ulcer_index(r, 0) == pytest.approx(np.sqrt(np.mean(m.drawdown(r) ** 2)))
    with pytest.raises(ValueError, match='method, was "nromal", expected historical, normal, order_statistic or ewma'):
        m.value_at_risk(r, method="nromal")
    with pytest.raises(ValueError, match='method, was "ewma", expected historical, normal$'):
        m.expected_shortfall(r, method="ewma")
    regimes = m.volatility_regimes(np.r_[r, 10 * r], warmup=100)
    assert regimes[:99] == ["unknown"] * 99 and set(regimes[410:440]) == {"stormy"} and "calm" in regimes[:400]
    assert m.volatility_regimes(r, warmup=100) == regimes[:400], "nothing later is used"


def test_metrics_refuse():
    with pytest.raises(ValueError, match="profile"):
        backtest.evaluate([0.1, 0.2], profile="empirical")
    with pytest.raises(ShapeError, match="benchmark: 1 returns, expected 2"):
        backtest.metrics.beta([0.1, 0.2], [0.1])
    with pytest.raises(ShapeError, match=r"shape \(1, 2\)"):
        backtest.metrics.sharpe([[0.1, 0.2]])
    with pytest.raises(ValueError):
        backtest.metrics.sharpe([])


def test_ic_against_pandas(prices, scores):
    labels = backtest.forward_returns(prices, 5)
    ours, ranked = backtest.ic(scores, labels), backtest.rank_ic(scores, labels)
    s = frames.to_pandas(scores)
    aligned = frames.to_pandas(labels).reindex(s.index)
    np.testing.assert_allclose(ours, s.corrwith(aligned, axis=1), rtol=1e-9)
    np.testing.assert_allclose(ranked, s.corrwith(aligned, axis=1, method="spearman"), rtol=1e-9)
    mean, low, high, count = backtest.mean_interval(ours, overlap=5)
    summary = backtest.summarize(ours)
    assert summary.mean == pytest.approx(mean) and summary.observations == count and low < mean < high
    assert summary.ratio == pytest.approx(np.nanmean(ours) / np.nanstd(ours, ddof=1))
    q = backtest.quantiles(scores, labels, 3)
    assert q.by_date.shape == (370, 3)
    np.testing.assert_allclose(q.long_short, q.by_date[:, 2] - q.by_date[:, 0])
    np.testing.assert_allclose(q.mean, np.nanmean(q.by_date, axis=0))
    assert (backtest.top_k_overlap(scores, scores, 3) == 1).all()
    np.testing.assert_allclose(backtest.absolute_error(scores, labels), (s - aligned).abs().mean(axis=1), rtol=1e-9)


def test_compare(prices, scores, result):
    noisy = frames.to_pandas(scores) + np.random.default_rng(6).normal(0, 0.02, (370, 12))
    other = backtest.run(prices, noisy, strategy.TopkDropout(k=4, n_drop=1), commission_bps=3)
    out = backtest.compare(result, other, resamples=200, seed=3)
    rows = {row["name"]: row for row in out["overall"]}
    assert rows["ic"]["first"] == pytest.approx(np.nanmean(backtest.ic(scores, backtest.forward_returns(prices, 5))))
    assert rows["ic"]["second"] < rows["ic"]["first"]
    for row in rows.values():
        assert row["difference"] == pytest.approx(row["second"] - row["first"], abs=1e-12)
        assert row["low"] <= row["high"]
    assert out["years"].keys() == {2016, 2017} and "bootstrap" in out["method"]
    assert backtest.compare(result, other, resamples=200, seed=3) == out
    same = backtest.compare_scores(scores, scores, backtest.forward_returns(prices, 5), resamples=100)
    assert {row["difference"] for row in same} == {0}
    with pytest.raises(TypeError, match="unknown argument resample"):
        backtest.compare(result, other, resample=3)


def test_sweep(prices, scores, result):
    seen = []
    out = backtest.sweep(prices, scores, [strategy.TopkDropout(k=4, n_drop=1), "LongShort"], commission_bps=[3, 10],
                         progress=lambda done, total: seen.append((done, total)))
    assert len(out["settings"]) == len(out["sharpe"]) == 4 and out["trials"] == 4
    assert out["settings"][0] == {"strategy": "TopkDropout", "commission_bps": 3}
    assert out["sharpe"][0] == pytest.approx(backtest.metrics.sharpe(result.returns), rel=1e-12)
    assert out["best"] == int(np.argmax(out["sharpe"]))
    assert seen[-1] == (4, 4)
    frame = frames.to_pandas({name: value for name, value in out.items() if isinstance(value, np.ndarray)})
    assert len(frame) == 4
    own = backtest.sweep(prices, scores, "TopkDropout", k=np.array([3, 4]), n_drop=1)
    assert [s["k"] for s in own["settings"]] == [3, 4]

    def stop(done, total):
        raise RuntimeError("enough")
    with pytest.raises(RuntimeError, match="enough"):
        backtest.sweep(prices, scores, "TopkDropout", k=[3, 4], n_drop=1, progress=stop)


def test_ctrl_c_ends_a_sweep(ctrl_c, prices, scores):
    import _thread
    with pytest.raises(KeyboardInterrupt):
        backtest.sweep(prices, scores, "TopkDropout", k=list(range(2, 12)), n_drop=1, rebalance=list(range(1, 60)),
                       progress=lambda done, total: _thread.interrupt_main())
        for _ in range(1000):  # where the call ran to its end, Python raises here
            pass


def test_ticks_by_hand():
    ticks = {"time": [0, 1_000_000_000, 2_000_000_000, 3_000_000_000], "bid": [9.0, 10, 11, 12],
             "ask": [10.0, 11, 12, 13], "bid_size": [5.0] * 4, "ask_size": [5.0] * 4}
    out = backtest.run_ticks(ticks, [1.0, 1, np.nan, -1], enter=0.5)
    np.testing.assert_allclose(out["position"], [0, 1, 1, 1])
    assert out["profit"][3] == pytest.approx(12.5 - 10), "bought at the ask of 10, marked at mid"
    assert out["orders"] == 2 and out["final_position"] == -1
    late = backtest.run_ticks(ticks, [1.0, 1, np.nan, -1], enter=0.5, latency_ns=1_500_000_000)
    assert late["profit"][3] == pytest.approx(12.5 - 11) and late["in_flight"] == 1
    assert any("latency" in line or "delay" in line for line in late["notes"])
    measured = backtest.run_ticks(ticks, [1.0, 1, np.nan, -1], enter=0.5, latency_ns=np.full(10, 1.5e9))
    assert measured["final_profit"] == late["final_profit"]
    with pytest.raises(ShapeError, match="signals: 1 values, expected one per event, 4"):
        backtest.run_ticks(ticks, [1.0])
    with pytest.raises(TypeError, match="did you mean enter"):
        backtest.run_ticks(ticks, np.ones(4), entr=1)


def test_ticks_of_frames():
    times = pd.to_datetime(["2020-01-02 09:30:00", "2020-01-02 09:30:01", "2020-01-02 09:30:02", "2020-01-02 09:30:03"])
    frame = pd.DataFrame({"time": times, "bid": [9.0, 10, 11, 12], "ask": [10.0, 11, 12, 13], "bid_size": 5, "ask_size": 5})
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    whole = {name: frame[name].to_numpy() for name in frame} | {"time": times.as_unit("ns").asi8}
    expected = backtest.run_ticks(whole, [1.0, 1, np.nan, -1], enter=0.5, latency_ns=1_500_000_000)
    assert expected["profit"][3] == pytest.approx(12.5 - 11)
    for source in (frame, frame.assign(time=times.as_unit("ms")), frame.assign(time=times.tz_localize("UTC")),
                   frame.assign(time=times.tz_localize("UTC").tz_convert("America/New_York")), pl.from_pandas(frame),
                   pa.Table.from_pandas(frame), {name: frame[name] for name in frame}):
        out = backtest.run_ticks(source, [1.0, 1, np.nan, -1], enter=0.5, latency_ns=1_500_000_000)
        assert out["profit"].tolist() == expected["profit"].tolist(), type(source)
    for values, text in [([0.0, 1e9, 2e9, 3e9], "of dtype float64"), ([*times[:3], pd.NaT], "was NaT"),
                         (["a"] * 4, "of dtype")]:
        with pytest.raises(TypeError, match=r"\[ticks\] time, " + (text if "NaT" in text else f"was {text}")):
            backtest.run_ticks(frame.assign(time=values), np.ones(4))
    with pytest.raises(ValueError, match="ticks without ask_size"):
        backtest.run_ticks(frame.drop(columns="ask_size"), np.ones(4))


def test_ticks_of_a_file():
    ticks = market.read_ticks(shared("data/cn_if2101_l1_ticks_20210104.csv.gz"))
    imbalance = (ticks.bid_size - ticks.ask_size) / (ticks.bid_size + ticks.ask_size)
    out = backtest.run_ticks(ticks, imbalance, enter=0.8, exit=0.2, multiplier=300, fee_bps=0.23, flat_at="14:55:00")
    slow = backtest.run_ticks(ticks, imbalance, enter=0.8, exit=0.2, multiplier=300, fee_bps=0.23, flat_at="14:55:00",
                              line_ns=2_000_000_000)
    assert out["fills"] > 100 and out["final_position"] == 0 and len(out["days"]) == 1
    assert slow["final_profit"] != out["final_profit"]


def test_real_prices_by_hand():
    """Bought once, in equal parts by the first close at the second, and held."""
    prices = market.read_csv(shared("data/us20_close_daily_1990_2022.csv.gz"), start="2015-01-01")
    close = frames.to_pandas(prices, layout="wide")
    held = backtest.run(prices, close * 0, strategy.EqualWeight(rebalance=10**6), commission_bps=0, slippage_bps=0,
                        lot_size=0)
    shares = held.capital / 20 / close.iloc[0]
    expected = held.capital + (close.iloc[1:] - close.iloc[1]) @ shares
    np.testing.assert_allclose(held.equity, expected, rtol=1e-12)
