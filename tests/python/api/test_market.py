"""Readers, panels, calendars and ticks."""
import copy
import gzip
import pickle

import numpy as np
import pytest
from conftest import shared

from quantick import ParseError, ShapeError, frames, market

WIDE = "date,B,A\n2020-01-02,3,1\n2020-01-03,,2\n2020-01-06,5,2.5\n"
LONG = ("date,symbol,open,close,volume\n2020-01-02,A,1,1.5,10\n2020-01-02,B,2,2.5,20\n"
        "2020-01-03,A,1.5,2,30\n2020-01-03,B,2.5,3,40\n")


@pytest.fixture
def write(tmp_path):
    def to(text, name="prices.csv"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path
    return to


def test_wide_long_and_compressed(write):
    panel = market.read_csv(write(WIDE))
    assert panel.instruments == ["B", "A"] and panel.shape == (3, 2)
    assert np.isnan(panel["close"][1, 0])
    same = market.read_csv(write(WIDE, "prices.csv.gz"))
    np.testing.assert_array_equal(panel["price"], same["price"])
    panel = market.read_csv(write(LONG))
    assert panel.fields == ["open", "close", "volume"] and panel.price_field == "close"
    assert panel.source["layout"] == "long" and len(panel.source["sha256"]) == 64
    assert panel["volume"].tolist() == [[10, 20], [30, 40]]
    assert "open" in panel and "low" not in panel and len(panel) == 2


def test_values_are_the_panels_own_memory(write):
    panel = market.read_csv(write(LONG))
    view = panel["close"]
    assert view.__array_interface__["data"] == panel["close"].__array_interface__["data"]
    assert view.dtype == np.float64 and view.flags.c_contiguous
    with pytest.raises(ValueError):
        view[0, 0] = 1


def test_parts_of_a_panel(write):
    panel = market.read_csv(write(WIDE))
    assert panel.select(["A"]).instruments == ["A"]
    assert panel.between("2020-01-03", "2020-01-05").dates.tolist() == [panel.dates[1].item()]
    with pytest.raises(ValueError, match='"closing"|close'):
        panel["closes"]
    assert "2020-01-02 to 2020-01-06" in repr(panel)


def test_errors_name_the_place(write):
    with pytest.raises(ParseError, match=r'prices.csv:3: column "B": was "x"'):
        market.read_csv(write(WIDE.replace("03,,2", "03,x,2")))
    with pytest.raises(OSError, match="nowhere.csv"):
        market.read_csv("nowhere.csv")
    with pytest.raises(TypeError, match="unknown argument layouts, did you mean layout"):
        market.read_csv(write(WIDE), layouts="wide")
    with pytest.raises(ValueError, match="layout"):
        market.read_csv(write(WIDE), layout="tall")


def test_options_are_those_of_the_field_list():
    options = market.read_options()
    assert options["missing"] == "keep" and options["fill_limit"] == 5


def test_a_panel_of_arrays():
    dates = np.array(["2020-01-02", "2020-01-03"], "datetime64[D]")
    panel = market.panel(dates, ["A", "B"], {"close": [[1, 2], [3, 4]], "volume": np.ones((2, 2))})
    assert panel["price"].tolist() == [[1, 2], [3, 4]]
    assert market.panel(dates, ["A"], [[1], [2]]).fields == ["close"]
    with pytest.raises(ShapeError, match=r"field volume: shape \(1, 2\), expected \(2, 2\)"):
        market.panel(dates, ["A", "B"], {"close": np.ones((2, 2)), "volume": np.ones((1, 2))})
    with pytest.raises(ValueError, match="stands behind"):
        market.panel(dates[::-1], ["A"], [[1], [2]])
    with pytest.raises(ValueError, match="stands twice"):
        market.panel(dates, ["A", "A"], np.ones((2, 2)))


def test_a_panel_of_frames_is_not_mislabelled():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    days = pd.date_range("2020-01-01", periods=3)
    close = pd.DataFrame({"A": [1.0, 2, 3], "B": [4.0, 5, 6]}, index=days)
    assert market.panel(days, ["A", "B"], close)["close"][0].tolist() == [1, 4]
    assert market.panel(days, ["A", "B"], pd.DataFrame(close.to_numpy()))["close"][0].tolist() == [1, 4]
    for block in (close, pl.from_pandas(close)):
        with pytest.raises(ValueError, match=r"field close: column 0 is called 'A', expected 'B': .* frames.read\(\)"):
            market.panel(days, ["B", "A"], block)
    with pytest.raises(ValueError, match="field open: row 1 is of 2020-01-03, expected 2020-01-02"):
        market.panel(days, ["A", "B"], {"close": close, "open": close.set_axis(days[[0, 2, 1]])})


def test_panels_are_pickled_and_copied(write):
    intraday = frames.read({"date": ["2020-01-02 09:30", "2020-01-02 09:35"], "close": [1.0, np.nan]}, bars="intraday")
    for panel in (market.read_csv(write(LONG)), market.read_csv(write(WIDE)), intraday):
        for again in (pickle.loads(pickle.dumps(panel)), copy.deepcopy(panel)):
            assert again.fields == panel.fields and again.instruments == panel.instruments
            assert again.source == panel.source and again.price_field == panel.price_field
            np.testing.assert_array_equal(again.dates, panel.dates)
            np.testing.assert_array_equal(again.seconds, panel.seconds)
            for field in panel.fields:
                assert again[field].tobytes() == panel[field].tobytes()


def test_parquet(tmp_path, write):
    pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    panel = market.read_csv(write(LONG))
    path = tmp_path / "prices.parquet"
    frames.to_pandas(panel).to_parquet(path)
    again = market.read_parquet(path)
    assert again.fields == panel.fields and again.instruments == panel.instruments
    for field in panel.fields:
        np.testing.assert_array_equal(again[field], panel[field])
    pd.DataFrame({"x": [1.0]}).to_parquet(path)
    with pytest.raises(ValueError, match="prices.parquet"):
        market.read_parquet(path)


def test_calendars_against_pandas():
    pd = pytest.importorskip("pandas")
    nyse = market.Calendar.named("nyse")
    assert nyse.time_zone == "America/New_York"
    sessions = nyse.sessions("2010-01-01", "2019-12-31")
    business = pd.bdate_range("2010-01-01", "2019-12-31").to_numpy().astype("datetime64[D]")
    assert set(sessions) < set(business)
    assert len(sessions) == 2516
    weekdays = market.Calendar.named("weekdays").sessions("2010-01-01", "2019-12-31")
    np.testing.assert_array_equal(weekdays, business)
    assert nyse.next("2020-07-02") == "2020-07-06" and nyse.previous("2020-01-01") == "2019-12-31"
    assert nyse.is_half_day("2019-11-29") and nyse.hours("2019-11-29") == [(570, 780)]
    assert not nyse.is_session("2020-12-25")
    with pytest.raises(ValueError, match="nyse"):
        market.Calendar.named("nysee")


def test_real_prices():
    path = shared("data/us20_close_daily_1990_2022.csv.gz")
    pd = pytest.importorskip("pandas")
    panel = market.read_csv(path)
    frame = pd.read_csv(path, index_col=0, parse_dates=True)
    assert panel.shape == (8313, 20)
    np.testing.assert_array_equal(panel["price"], frame.to_numpy())
    same = frames.read(frame)
    assert same.instruments == panel.instruments
    np.testing.assert_array_equal(same["price"], panel["price"])
    np.testing.assert_array_equal(same.dates, panel.dates)


def test_real_bars_by_polars():
    path = shared("data/us253_ohlcv_daily_2013_2018.csv.gz")
    pl = pytest.importorskip("polars")
    options = {"missing": "keep", "unsorted": "sort"}
    panel, same = market.read_csv(path, **options), frames.read(pl.read_csv(path, try_parse_dates=True), **options)
    assert panel.shape == same.shape and panel.fields == same.fields
    for field in panel.fields:
        np.testing.assert_array_equal(panel[field], same[field])


LEVEL1 = ("symbol,date,time,bidPrice1,askPrice1,bidVolume1,askVolume1,lastPrice,lastVolume\n"
          "X,20200102,09:00:00.000,10,11,5,6,10,1\nX,20200102,09:00:00.500,10,12,5,7,11,2\n")


def test_ticks(write):
    ticks = market.read_ticks(write(LEVEL1))
    assert len(ticks) == 2
    assert ticks.ask.tolist() == [11, 12] and ticks.bid_size.tolist() == [5, 5]
    assert np.diff(ticks.time).tolist() == [500_000_000]
    assert ticks.time[0].astype("datetime64[ns]") == np.datetime64("2020-01-02T01:00:00")
    assert ticks.trade_price.tolist() == [10, 11] and not ticks.has_depth.any()
    with pytest.raises(TypeError, match="utc_offset"):
        market.read_ticks(write(LEVEL1), utc_ofset=0)
    with pytest.raises(ValueError, match="no file"):
        market.read_ticks([])
    with pytest.raises(ParseError, match=":3"):
        market.read_ticks(write(LEVEL1.replace(",12,", ",x,")))


def test_real_ticks():
    ticks = market.read_ticks([shared("data/cn_if2101_l1_ticks_20210104.csv.gz"),
                               shared("data/cn_if2101_l1_ticks_20210105.csv.gz")])
    assert len(ticks) == 27955 + 28254
    assert (np.diff(ticks.time) >= 0).all() and (ticks.bid < ticks.ask).all()
    depth = market.read_ticks(shared("data/binance/spot_btcusdt_20240808.jsonl.gz"), price_step=0.01)
    assert depth.has_depth.any() and np.isfinite(depth.trade_price).any()
