"""Features of bars and ticks against pandas, batch against stream, scaling and samples."""
import pickle

import numpy as np
import pytest
from conftest import shared

from quantick import ShapeError, backtest, features, market

pd = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def prices():
    draw = np.random.default_rng(1)
    close = 50 * np.exp(np.cumsum(draw.normal(0, 0.02, (300, 6)), axis=0))
    close[40:45, 2] = np.nan
    dates = pd.bdate_range("2018-01-01", periods=300).to_numpy().astype("datetime64[D]")
    fields = {"close": close, "volume": draw.integers(1, 1000, (300, 6)).astype(float), "high": close * 1.01,
              "low": close * 0.99, "open": close}
    return market.panel(dates, list("ABCDEF"), fields)


def close_of(prices):
    return pd.DataFrame(prices["close"], index=prices.dates, columns=prices.instruments)


def column(prices, text):
    return features.compute(prices, [text])[:, :, 0]


def test_names_and_docs():
    assert {"momentum", "rank", "return"} <= set(features.names())
    for name in [*features.names(), *features.tick_names()]:
        row = features.describe(name)
        assert row["doc"] and row["example"]
    with pytest.raises(ValueError, match="was 'momentun'"):
        features.describe("momentun")


def test_rolling_features_are_those_of_pandas(prices):
    close = close_of(prices)
    returns = close / close.shift(1) - 1
    volume = pd.DataFrame(prices["volume"], index=close.index, columns=close.columns)
    week = close / close.shift(5) - 1
    rank = week.rank(axis=1).sub(1).div(week.count(axis=1) - 1, axis=0) - 0.5
    for ours, theirs in [("return(1)", returns), ("return(5)", week), ("reversal(5)", -week),
                         ("return(5, log)", np.log(close / close.shift(5))), ("rank(return(5))", rank),
                         ("demean(return(5))", week.sub(week.mean(axis=1), axis=0)),
                         ("zscore(return(5))", week.sub(week.mean(axis=1), axis=0).div(week.std(axis=1, ddof=0), axis=0)),
                         ("momentum(20, skip=5)", close.shift(5) / close.shift(20) - 1),
                         ("volatility(20)", returns.rolling(20).std()),
                         ("drawdown(60)", close / close.rolling(60).max() - 1),
                         ("ma_ratio(5, 20)", close.rolling(5).mean() / close.rolling(20).mean() - 1),
                         ("volume_ratio(20)", volume / volume.rolling(20).mean() - 1)]:
        np.testing.assert_allclose(column(prices, ours), theirs.to_numpy(), rtol=1e-9, atol=1e-12, err_msg=ours)


def test_batch_stream_and_truncation(prices):
    every = [features.describe(name)["example"] for name in features.names()]
    chosen = features.FeatureSet(every)
    assert len(chosen) == len(every) == len(chosen.names)
    batch = chosen.compute(prices)
    assert batch.shape == (300, 6, len(every)) and chosen.warm_up > 0
    stream = chosen.stream(6)
    for t in range(300):
        row = stream.update({field: prices[field][t] for field in chosen.fields})
        assert row.tobytes() == batch[t].tobytes(), t
    assert chosen.check_truncation(prices, [50, 299]) is None
    for nothing in ([], [0], [300]):
        with pytest.raises(ValueError, match=r"\[truncation\] cut"):
            chosen.check_truncation(prices, nothing)
    with pytest.raises(ValueError, match='field "'):
        chosen.stream(6).update({})
    with pytest.raises(ValueError, match="expected one per instrument, 6"):
        chosen.stream(6).update({field: prices[field][0][:2].copy() for field in chosen.fields})


def test_errors_name_the_nearest(prices):
    with pytest.raises(ValueError, match="momentum"):
        features.FeatureSet(["momentun(20)"])
    bare = market.panel(prices.dates, ["A"], prices["close"][:, :1])
    with pytest.raises(ValueError, match="volume"):
        features.compute(bare, ["volume_ratio(5)"])


def test_forward_returns(prices):
    close = close_of(prices)
    expected = close.shift(-6) / close.shift(-1) - 1
    labels = features.forward_returns(prices, 5)
    np.testing.assert_allclose(labels.values, expected.to_numpy(), rtol=1e-12)
    np.testing.assert_allclose(backtest.forward_returns(prices, 5).values, expected.to_numpy(), rtol=1e-12)


def test_scaler(prices):
    x = features.compute(prices, ["return(1)", "return(5)"])
    scaler = features.fit_scaler(x, ["return(1)", "return(5)"], 0, 200)
    flat = x[:200].reshape(-1, 2)
    np.testing.assert_allclose(scaler.center, np.nanmean(flat, axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaler.scale, np.nanstd(flat, axis=0), rtol=1e-12)
    scaled = scaler.transform(x)
    assert scaled.dtype == np.float32 and scaled.shape == x.shape
    expected = np.clip((x - scaler.center) / scaler.scale, -5, 5)
    np.testing.assert_allclose(scaled, expected, rtol=1e-5, atol=1e-6)
    again = pickle.loads(pickle.dumps(scaler))
    assert again.features == scaler.features and again.transform(x).tobytes() == scaled.tobytes()
    with pytest.raises(ShapeError, match="centers and scales, were 2 and 1, expected one per feature, 2"):
        features.Scaler.__new__(features.Scaler).__setstate__({**scaler.__getstate__(), "scale": [1.0]})
    with pytest.raises(TypeError, match="unknown argument kinds"):
        features.fit_scaler(x, ["a", "b"], 0, 200, kinds="robust")


def test_windows_and_labels(prices):
    names = ["return(1)", "return(5)"]
    x = features.compute(prices, names)
    scaled = features.fit_scaler(x, names, 0, 200).transform(x)
    data = features.dataset(prices, scaled, window=10, horizon=5)
    assert data.options["window"] == 10 and data.width == 2
    samples = data.labelled("2018-01-01", "2018-12-31", next_segment="2019-01-01")
    assert len(samples) > 500 and sum(samples.skipped.values()) > 0
    windows, labels = data.gather(samples.ids)
    assert windows.shape == (10, len(samples), 2) and labels.shape == (len(samples),)
    last = samples.ids[-1]
    date, instrument = divmod(int(last), 6)
    np.testing.assert_array_equal(windows[:, -1], scaled[date - 9:date + 1, instrument])
    assert labels[-1] == pytest.approx(features.forward_returns(prices, 5).values[date, instrument], rel=1e-6)
    assert prices.dates[date + 6] < np.datetime64("2019-01-01"), "its label ends in the segment"
    future = data.predictable("2018-06-01", "2019-12-31")
    windows, nothing = data.gather(future.ids, labels=False)
    assert nothing is None and windows.shape[1] == len(future)
    scores = data.scores(future.ids, np.arange(len(future), dtype=float))
    assert scores.instruments == prices.instruments
    assert np.nanmax(scores.values) == len(future) - 1
    with pytest.raises(ValueError, match="samples"):
        data.scores(future.ids, np.zeros(3))
    with pytest.raises(IndexError):
        data.gather(np.array([10**9]))


def test_ticks_batch_stream_and_labels():
    ticks = market.read_ticks(shared("data/cn_if2101_l1_ticks_20210104.csv.gz"))
    every = [row for row in (features.describe(name)["example"] for name in features.tick_names())]
    matrix = features.compute_ticks(ticks, every)
    stream = features.stream_ticks(every)
    assert matrix.names == stream.names and matrix.values.shape == (len(ticks), len(every))
    row = stream.row
    for i in range(3000):
        ready = stream.update_from(ticks, i)
        assert row.tobytes() == matrix.values[i].tobytes()
        assert ready == (matrix.tick[i] and matrix.complete[i])
    rows, labels = matrix.labels(ticks=10)
    mid = (ticks.bid + ticks.ask) / 2
    np.testing.assert_array_equal(matrix.mid, mid)
    near = rows[rows + 10 < len(ticks)]
    same = near[matrix.session[near] == matrix.session[near + 10]]
    np.testing.assert_allclose(labels[np.searchsorted(rows, same)], mid[same + 10] / mid[same] - 1, rtol=1e-4, atol=1e-9)
    with pytest.raises(ValueError, match="ticks 1 and seconds 1"):
        matrix.labels(ticks=1, seconds=1)


def test_ticks_by_hand():
    stream = features.stream_ticks(["spread()", "imbalance()"], instruments=2)
    assert stream.update(1_000, bid=9, ask=10, bid_size=1, ask_size=3)
    assert stream.mid == 9.5 and stream.row.tolist() == [1, -0.5]
    assert not stream.update(1_500, trade_price=9, trade_size=2, aggressor=-1)
    stream.update(2_000, bid=10, ask=12, bid_size=1, ask_size=1, instrument=1)
    assert stream.mid == 11
    with pytest.raises(ValueError, match="times that never fall"):
        stream.update(500, bid=9, ask=10, bid_size=1, ask_size=1)
    with pytest.raises(ValueError, match="instruments 0 to 1"):
        stream.update(3_000, bid=9, ask=10, bid_size=1, ask_size=1, instrument=2)
    stream.reset()
    for beyond in (2, -1):
        with pytest.raises(IndexError, match=f"instrument, was {beyond}, expected 0 to 1"):
            stream.reset(beyond)


def test_a_function_of_your_own_is_checked_for_look_ahead(prices):
    def causal(panel):
        return pd.DataFrame(panel["close"]).pct_change(fill_method=None).rolling(5).std()

    def whole_sample(panel):
        close = pd.DataFrame(panel["close"])
        return (close - close.mean()) / close.std()

    assert features.check_truncation(causal, prices) is None
    assert features.check_truncation(lambda p: np.stack([causal(p), causal(p) * 2], axis=-1), prices, [10, 299]) is None
    for bad in (whole_sample, lambda p: pd.DataFrame(p["close"]).shift(-1)):
        assert "look-ahead: output 0 of 2018" in features.check_truncation(bad, prices)
    assert features.check_truncation(causal, close_of(prices)) is None
    with pytest.raises(ShapeError, match=r"shape \(299, 6\), expected 300 dates in front"):
        features.check_truncation(lambda p: p["close"][1:], prices)
    with pytest.raises(ValueError, match="cut 300, expected the position of a date from 1 to 299"):
        features.check_truncation(causal, prices, [300])
    with pytest.raises(ValueError, match="cuts, was none"):
        features.check_truncation(causal, prices, [])

    def fails(panel):
        raise RuntimeError("own")
    with pytest.raises(RuntimeError, match="own"):
        features.check_truncation(fails, prices)


def test_frames_go_straight_in(prices):
    close = close_of(prices)
    np.testing.assert_array_equal(features.compute(close, ["return(5)"]), features.compute(prices, ["return(5)"]))
    np.testing.assert_array_equal(features.forward_returns(close, 5).values, features.forward_returns(prices, 5).values)
    made = features.dataset(close, close.to_numpy()[:, :, None], window=3)
    assert made.instruments == list("ABCDEF")
    assert repr(made) == "WindowDataset of 300 dates, 6 instruments, 1 features: windows of 3, labels return over 5"
    assert repr(made.predictable("2018-06-01", "2018-06-01")) == "SampleList of 6 samples"
    assert repr(features.FeatureSet(["return(5)"])) == "FeatureSet of 1 features, 5 bars of warm-up: return(5)"
    for date in (pd.Timestamp("2018-06-01"), "2018-06-01", pd.Timestamp("2018-06-01").date()):
        assert len(made.predictable(date, "2018-06-29")) == len(made.predictable("2018-06-01", pd.Timestamp("2018-06-29")))
        assert len(made.labelled("2018-03-01", "2018-05-31", next_segment=date)) > 0
