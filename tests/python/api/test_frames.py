"""Frames in and out: long and wide, time zones, what is refused and why."""
import datetime
import decimal
import zoneinfo

import numpy as np
import pytest

import quantick
from quantick import frames

pd = pytest.importorskip("pandas")

DAYS = pd.to_datetime(["2020-01-02", "2020-01-03", "2020-01-06"])


def wide():
    return pd.DataFrame({"B": [3.0, np.nan, 5.0], "A": [1.0, 2.0, 2.5]}, index=DAYS)


def long():
    rows = [(day, name, wide().loc[day, name], 100.0) for day in DAYS for name in ("B", "A")]
    return pd.DataFrame(rows, columns=["date", "symbol", "close", "volume"])


def check_prices(panel, order=("A", "B")):
    assert panel.dates.tolist() == [day.date() for day in DAYS]
    assert panel.instruments == list(order)
    np.testing.assert_array_equal(panel["close"], wide()[list(order)].to_numpy())


def test_long_and_wide():
    check_prices(frames.read(wide()), ("B", "A"))
    check_prices(frames.read(long()))
    assert frames.read(long()).fields == ["close", "volume"]
    check_prices(frames.read(long().set_index(["date", "symbol"])))


def test_the_same_from_polars_pyarrow_and_duckdb():
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    duckdb = pytest.importorskip("duckdb")
    prices = long()
    for source in (pl.from_pandas(prices), pa.Table.from_pandas(prices), duckdb.sql("select * from prices"),
                   pl.from_pandas(prices).with_columns(pl.col("date").cast(pl.Date), pl.col("symbol").cast(pl.Categorical)),
                   pl.from_pandas(prices).with_columns(pl.col("date").dt.strftime("%Y-%m-%d"))):
        check_prices(frames.read(source))


def test_a_panel_keeps_values_where_they_lie():
    panel = frames.read(wide())
    assert panel["close"].base is not None and not panel["close"].flags.writeable
    assert panel["close"].__array_interface__["data"] == panel.values("price").__array_interface__["data"]
    values = panel["close"]
    del panel
    assert values[0, 0] == 3.0


def test_qlib_series_and_alphalens_factor():
    index = pd.MultiIndex.from_product([DAYS, ["SH600000", "SZ000001"]], names=["datetime", "instrument"])
    series = pd.Series(np.arange(6.0), index=index, name="score")
    for source in (series, series.rename(None), series.rename_axis(["date", "asset"]), series.to_frame(),
                   series.rename_axis([None, None])):
        scores = frames.read_scores(source)
        assert scores.instruments == ["SH600000", "SZ000001"]
        np.testing.assert_array_equal(scores.values, np.arange(6.0).reshape(3, 2))


def test_scores_within_a_day_are_refused():
    times = pd.date_range("2020-01-02 09:30", periods=3, freq="5min")
    with pytest.raises(ValueError, match=r"each once \(scores are of dates: keep one row of a day's bars\)"):
        frames.read_scores(wide().set_axis(times))


def test_index_levels_without_names():
    for days in (DAYS, [day.date() for day in DAYS], [str(day.date()) for day in DAYS], ["20200102", "20200103", "20200106"]):
        for levels in ([days, ["600000", "600009"]], [["600000", "600009"], days]):
            scores = frames.read_scores(pd.Series(np.arange(6.0), index=pd.MultiIndex.from_product(levels)))
            assert scores.instruments == ["600000", "600009"] and scores.dates[0] == np.datetime64("2020-01-02")


def test_scores_wide_and_by_chosen_columns():
    scores = frames.read_scores(wide())
    assert scores.instruments == ["B", "A"] and np.isnan(scores.values[1, 0])
    chosen = frames.read_scores(long().rename(columns={"date": "d", "symbol": "s"}), date_column="d",
                                instrument_column="s", score_column="close")
    np.testing.assert_array_equal(chosen.values, wide()[["A", "B"]].to_numpy())
    with pytest.raises(ValueError, match=r'score_column, was "closed".*nearest is "close"'):
        frames.read_scores(long(), score_column="closed")


def test_whole_numbers_as_names_and_dates():
    frame = pd.DataFrame({"date": [20200102, 20200103], "permno": [10001, 10001], "close": [1, 2]})
    panel = frames.read(frame)
    assert panel.instruments == ["10001"] and panel.dates[0] == np.datetime64("2020-01-02")


@pytest.mark.parametrize("change, text", [
    (lambda f: f.drop(columns="date"), "looks like a date"),
    (lambda f: f.iloc[:0], "no row"),
    (lambda f: f.rename(columns={"close": "value"}), r'row 0: column "symbol": was "B", of type text, expected numbers'),
    (lambda f: f.assign(close=f["close"].astype(str)), r'row 0: column "close": was "3.0", of type text, expected numbers'),
    (lambda f: f.assign(close=-f["close"]), r'row 0: column "close": was "-3", expected a price above zero'),
    (lambda f: f.assign(close=np.inf), r'row 0: column "close": was inf'),
    (lambda f: f.assign(symbol=[None] + ["A"] * 5), r'row 0: column "symbol": was empty'),
    (lambda f: f.assign(date=["x"] * 6), r'row 0: column "date": was "x", expected a date'),
    (lambda f: f.assign(date=[pd.NaT] + list(f["date"][1:])), r'column "date", row 0: null'),
    (lambda f: pd.concat([f, f.iloc[-1:]]), r'row 6: instrument "A": date 2020-01-06 was there already on row 5'),
    (lambda f: f.iloc[::-1], r'row 2: column "date": was 2020-01-03, after 2020-01-06 on row 0'),
    (lambda f: f.assign(up=pd.array([True, None] * 3, "boolean")), r'column "up", row 1: no value in a column of boolean'),
    (lambda f: f.rename(columns={"volume": "close"}), 'two columns are called "close"'),
    (lambda f: f.set_axis(pd.MultiIndex.from_product([["x"], ["y"], f.columns]), axis=1), "columns of 3 levels"),
    (lambda f: f.assign(date=f["date"].dt.to_period("M")), r'column "date", was period'),
])
def test_refused_by_a_named_reason(change, text):
    with pytest.raises((ValueError, TypeError), match=text):
        frames.read(change(long()).reset_index(drop=True))


def test_kinds_that_are_no_price_name_or_date():
    pa = pytest.importorskip("pyarrow")
    table = pa.Table.from_pandas(long()).append_column("l", pa.array([[1]] * 6))
    assert frames.read(table).fields == ["close", "volume"], "passed over where it is not asked for"
    for options, text in [({"price_column": "l"}, 'row 0: column "l": of type list, expected numbers'),
                          ({"instrument_column": "l"}, 'column "l", was list, expected text, whole numbers or dates'),
                          ({"date_column": "l"}, 'column "l", was list, expected text, whole numbers or dates')]:
        with pytest.raises(TypeError, match=text):
            frames.read(table, **options)


def test_duplicates_and_order_on_request():
    prices = pd.concat([long().iloc[::-1], long().iloc[-1:].assign(close=9.0)]).reset_index(drop=True)
    panel = frames.read(prices, unsorted="sort", duplicate="last")
    assert panel["close"][2, 0] == 9.0
    scores = long().iloc[::-1].reset_index(drop=True)[["date", "symbol", "close"]]
    with pytest.raises(ValueError, match=r'row 2: column "date", was 2020-01-03 behind 2020-01-06'):
        frames.read_scores(scores)
    np.testing.assert_array_equal(frames.read_scores(scores, unsorted="sort").values, wide()[["A", "B"]].to_numpy())
    with pytest.raises(ValueError, match="a second score for B on 2020-01-02"):
        frames.read_scores(pd.concat([scores, scores.iloc[-1:]]).reset_index(drop=True), unsorted="sort")


ZONES = ["America/New_York", "Asia/Shanghai", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_instants_become_the_exchanges_dates(zone, unit):
    draw = np.random.default_rng(3)
    seconds = np.sort(draw.choice(np.arange(0, 1_700_000_000, 1800), 4000, replace=False))
    # The hours around every change of the clock of a few years.
    shifts = pd.date_range("2015-01-01", "2019-01-01", freq="h", tz="UTC")
    instants = pd.DatetimeIndex(np.concatenate([seconds, shifts.as_unit("s").asi8]).astype("datetime64[s]")).unique()
    instants = instants.sort_values().tz_localize("UTC").as_unit(unit)
    frame = pd.DataFrame({"date": instants, "symbol": "A", "close": 1.0 + np.arange(len(instants))})
    panel = frames.read(frame, time_zone=zone, bars="intraday", unsorted="sort", duplicate="last")
    local = instants.tz_convert(zoneinfo.ZoneInfo(zone)).tz_localize(None)
    kept = pd.Series(frame["close"].to_numpy(), index=local).groupby(level=0, sort=True).last()
    stamps = panel.dates.astype("datetime64[s]") + panel.seconds
    np.testing.assert_array_equal(stamps, kept.index.to_numpy().astype("datetime64[s]"))
    np.testing.assert_array_equal(panel["close"][:, 0], kept.to_numpy())


def test_instants_by_arrow():
    pa = pytest.importorskip("pyarrow")
    late = datetime.datetime(2020, 1, 3, 2, tzinfo=datetime.timezone.utc)
    for zone in ("UTC", "+08:00", "America/New_York"):
        table = pa.table({"date": pa.array([late], pa.timestamp("us", zone)), "close": [1.0]})
        assert frames.read(table, time_zone="America/New_York").dates[0] == np.datetime64("2020-01-02")
        assert frames.read(table, time_zone="Asia/Shanghai").dates[0] == np.datetime64("2020-01-03")
        with pytest.raises(ValueError, match=r'column "date" \(timestamp\[us, .*tells instants.*set time_zone'):
            frames.read(table)


def test_time_zones_where_there_is_nothing_to_convert():
    with pytest.raises(ValueError, match=r'column "date" \(timestamp.* has no time zone, so its dates are the exchange'):
        frames.read(long(), time_zone="America/New_York")
    with pytest.raises(ValueError, match="time_zone, was 'America/New York', expected an IANA name"):
        frames.read(long(), time_zone="America/New York")


def test_bars_within_a_day():
    times = pd.to_datetime(["2020-01-02 09:30", "2020-01-02 09:35", "2020-01-03 09:30"])
    frame = pd.DataFrame({"datetime": times, "close": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="bars: intraday"):
        frames.read(frame)
    panel = frames.read(frame, bars="intraday")
    assert panel.seconds.tolist() == [34200, 34500, 34200]
    with pytest.raises(ValueError, match="parts of a second"):
        frames.read(frame.assign(datetime=times + pd.Timedelta("1ms")), bars="intraday")


def test_a_column_of_times_of_the_day():
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    times = [datetime.time(9, 30), datetime.time(9, 35), datetime.time(9, 30)]
    frame = pd.DataFrame({"date": pd.to_datetime(["2020-01-02"] * 2 + ["2020-01-03"]), "time": times,
                          "close": [1.0, 2.0, 3.0]})
    arrow = pa.Table.from_pandas(frame)
    for source in (frame, arrow, pl.from_arrow(arrow),
                   *(arrow.set_column(1, "time", arrow["time"].cast(kind)) for kind in (pa.time32("s"), pa.time64("ns")))):
        panel = frames.read(source, bars="intraday")
        assert panel.seconds.tolist() == [34200, 34500, 34200]
        assert panel.dates.astype(str).tolist() == ["2020-01-02", "2020-01-02", "2020-01-03"]
    with pytest.raises(ValueError, match='column "time": was "09:30", expected a date'):
        frames.read(arrow, date_column="time")


def test_an_index_of_whole_numbers():
    prices = wide()
    prices.index = [20200102, 20200103, 20200106]
    check_prices(frames.read(prices), ("B", "A"))
    picked = long()[lambda f: f["symbol"] == "A"]
    assert frames.read(picked).instruments == ["A"], "an index that only counts rows is left out"


def test_the_lock_is_free_while_a_frame_is_read():
    import threading
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1
    thread = threading.Thread(target=count)
    dates = np.repeat(pd.date_range("1990-01-01", periods=4000), 100)
    frame = frames.table(pd.DataFrame({"date": dates, "symbol": np.tile([f"N{i}" for i in range(100)], 4000),
                                       "close": np.ones(400000)}))
    thread.start()
    before = counted[0]
    frames.read(frame)
    during = counted[0] - before
    stop.set()
    thread.join()
    assert during > 100


def test_unknown_options_are_refused_with_the_nearest():
    with pytest.raises(TypeError, match="unknown argument duplicates, did you mean duplicate"):
        frames.read(long(), duplicates="last")


def test_there_and_back():
    panel = frames.read(long())
    back = frames.to_pandas(panel)
    assert back.index.names == ["date", "instrument"]
    pd.testing.assert_frame_equal(back["close"].unstack(), wide()[["A", "B"]], check_names=False, check_freq=False,
                                  check_index_type=False, check_column_type=False)
    np.testing.assert_array_equal(frames.to_pandas(panel, layout="wide", field="volume").to_numpy(), 100.0)
    check_prices(frames.read(frames.to_table(panel)))
    check_prices(frames.read(back))
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    table = frames.to_arrow(panel)
    assert table.column("close").chunk(0).buffers()[1].address == panel["close"].__array_interface__["data"][0]
    check_prices(frames.read(table))
    check_prices(frames.read(frames.to_polars(panel, layout="wide")))
    scores = frames.read_scores(wide())
    again = frames.read_scores(frames.to_polars(scores))
    np.testing.assert_array_equal(again.values, scores.values)
    assert isinstance(table, pa.Table) and isinstance(frames.to_polars(scores), pl.DataFrame)
    with pytest.raises(TypeError, match="expected a Panel, ScoreMatrix"):
        frames.to_table(42)
    with pytest.raises(ValueError, match="layout, was 'tall'"):
        frames.to_table(panel, layout="tall")


def test_intraday_there_and_back():
    times = pd.to_datetime(["2020-01-02 09:30:00", "2020-01-02 09:35:20"])
    panel = frames.read(pd.DataFrame({"datetime": times, "close": [1.0, 2.0]}), bars="intraday", name="A")
    assert panel.instruments == ["A"]
    back = frames.to_pandas(panel)
    assert back.index.names == ["date", "time", "instrument"]
    assert back.index.get_level_values("time").tolist() == ["09:30:00", "09:35:20"]
    again = frames.read(back, bars="intraday")
    assert again.seconds.tolist() == panel.seconds.tolist()


def yahoo():
    """Columns of two levels, as yfinance.download gives them."""
    close = wide()
    parts = {"Adj Close": close * 0.5, "Close": close, "Volume": close.notna() * 100}
    frame = pd.concat(parts, axis=1, names=["Price", "Ticker"])
    frame.index.name = "Date"
    return frame


@pytest.mark.parametrize("turn", [lambda f: f, lambda f: f.swaplevel(axis=1).sort_index(axis=1),
                                  lambda f: f.rename_axis(columns=[None, None]).rename_axis(index=None)])
def test_columns_of_two_levels_in_both_orders(turn):
    panel = frames.read(turn(yahoo()))
    check_prices(panel)
    assert panel.fields == ["close", "adjusted", "volume"] and panel.price_field == "adjusted"
    np.testing.assert_array_equal(panel["volume"], [[100, 100], [100, 0], [100, 100]])
    check_prices(frames.read(turn(yahoo()).reset_index()))
    zoned = turn(yahoo()).tz_localize("America/New_York")
    check_prices(frames.read(zoned, time_zone="America/New_York"))


def test_columns_of_two_levels_that_are_neither():
    with pytest.raises(ValueError, match=r"\(A, B, ...\) and \(x, y, ...\), expected the fields \(open, close"):
        frames.read(wide().set_axis(pd.MultiIndex.from_arrays([["A", "B"], ["x", "y"]]), axis=1))
    with pytest.raises(ValueError, match="no row"):
        frames.read(yahoo().iloc[:0])
    doubled = pd.concat([yahoo(), yahoo()[[("Close", "A")]]], axis=1)
    with pytest.raises(ValueError, match=r"two columns are called \('Close', 'A'\)"):
        frames.read(doubled)
    lacking = frames.read(yahoo().drop(columns=[("Volume", "B")]))
    assert np.isnan(lacking["volume"][:, 1]).all() and lacking["close"][0, 1] == 3.0


def test_a_ticker_that_is_called_as_a_field_is():
    panel = frames.read(yahoo().rename(columns={"A": "LOW", "B": "KO"}, level=1))
    assert panel.instruments == ["KO", "LOW"]
    np.testing.assert_array_equal(panel["close"], wide().to_numpy())


def test_mappings_of_pandas_objects_are_aligned():
    check_prices(frames.read({"Close": wide(), "Volume": wide()}))
    bars = {name: pd.DataFrame({"Open": wide()[name], "Close": wide()[name]}).dropna() for name in ("A", "B")}
    check_prices(frames.read(bars))
    check_prices(frames.read({name: wide()[name].dropna() for name in ("A", "B")}))
    scores = frames.read_scores({name: wide()[name].dropna() for name in ("A", "B")})
    np.testing.assert_array_equal(scores.values, wide()[["A", "B"]].to_numpy())


def test_a_series_without_a_name_is_a_price():
    panel = frames.read(wide()["A"].rename(None), name="A")
    assert panel.instruments == ["A"] and panel["close"][:, 0].tolist() == [1.0, 2.0, 2.5]


def test_objects_and_nullable_numbers():
    check_prices(frames.read(long().assign(close=long()["close"].astype(object))))
    check_prices(frames.read(long().assign(close=long()["close"].astype("Float64"))))
    exact = [None if price != price else decimal.Decimal(str(price)) for price in long()["close"]]
    check_prices(frames.read(long().assign(close=exact)))
    gaps = frames.read(long().assign(volume=pd.array([1, None, 3, 4, 5, 6], "Int64")))
    np.testing.assert_array_equal(gaps["volume"], [[np.nan, 1], [4, 3], [6, 5]])
    check_prices(frames.read(long().assign(date=pd.Series(list(long()["date"].to_numpy()), dtype=object))))
    codes = frames.read(long().assign(symbol=pd.Series([600000, 600009] * 3, dtype=object)))
    assert codes.instruments == ["600000", "600009"]
    check_prices(frames.read(wide().to_period("D")), ("B", "A"))
    nothing = long().assign(volume=pd.Series([None] * 6, dtype=object))
    with pytest.raises(ValueError, match='column "volume" holds no number, expected values; set empty_column: drop'):
        frames.read(nothing)
    assert frames.read(nothing, empty_column="drop").fields == ["close"]
    odd = pd.Series([decimal.Decimal("sNaN"), 2**70, np.float16("nan"), 1], dtype=object)
    np.testing.assert_array_equal(np.asarray(frames.table({"x": odd.to_numpy()})["x"]), [np.nan, 2.0**70, np.nan, 1])
    assert np.asarray(frames.table({"x": np.array([2**70, -1], object)})["x"]).tolist() == [2.0**70, -1]
    with pytest.raises(TypeError, match=r'row 1: was True, a bool among numbers in a column of objects'):
        frames.read(long().assign(close=pd.Series([1.0, True, 2.0, 3.0, 4.0, 5.0], dtype=object)))


def test_nulls_among_whole_numbers_and_decimals_of_arrow():
    pa, duckdb, pl = pytest.importorskip("pyarrow"), pytest.importorskip("duckdb"), pytest.importorskip("polars")
    table = pa.Table.from_pandas(long()).drop_columns("volume").append_column("volume", pa.array([1, None, 3, 4, 5, 6]))
    exact = [None if price != price else decimal.Decimal(str(price)) for price in long()["close"]]
    for kind in (pa.decimal32(5, 2), pa.decimal64(12, 2), pa.decimal128(38, 20), pa.decimal256(70, 30)):
        source = table.set_column(2, "close", pa.array(exact).cast(kind))
        check_prices(frames.read(source))
        check_prices(frames.read(pa.concat_tables([source.slice(0, 2), source.slice(2)])))
    panel = frames.read(pl.from_arrow(table))
    np.testing.assert_array_equal(panel["volume"], [[np.nan, 1], [4, 3], [6, 5]])
    # DuckDB's sums of whole numbers are of 128 bits, its literals decimals.
    prices = long()
    check_prices(frames.read(duckdb.sql("select date, symbol, sum(close) as close, sum(volume::int) as volume "
                                        "from prices group by all order by date")))
    bars = duckdb.sql("select date, symbol, 2.50 as close, sum(7::bigint) as volume from prices group by all order by date")
    panel = frames.read(bars)
    assert (panel["close"] == 2.5).all() and (panel["volume"] == 7).all()


@pytest.mark.parametrize("scale", [0, 2, 19, 30])
def test_decimals_are_rounded_once(scale):
    pa = pytest.importorskip("pyarrow")
    draw = np.random.default_rng(scale)
    with decimal.localcontext() as context:
        context.prec = 60
        exact = [decimal.Decimal(int(draw.integers(-10**18, 10**18)) * 10**int(draw.integers(0, 15)) + 1).scaleb(-scale)
                 for _ in range(500)]
    column = frames.table(pa.table({"x": pa.array(exact, pa.decimal128(38, scale))})).column("x").values()
    np.testing.assert_array_equal(np.asarray(column), [float(value) for value in exact])


def test_dates_of_any_library_begin_and_end():
    day = DAYS[1]
    for start in (day, day.date(), day.to_pydatetime(), day.to_datetime64(), "2020-01-03"):
        assert len(frames.read(wide(), start=start)) == 2
        assert len(frames.read(wide(), end=start)) == 2
        assert len(frames.read(wide()).between(start, start)) == 1
        assert len(frames.read_scores(wide()).between(start, DAYS[2])) == 2
        assert quantick.market.Calendar.named("nyse").is_session(start)
    with pytest.raises(TypeError, match=r"\[Panel.between\] from_date, was an? int, expected a date"):
        frames.read(wide()).between(20200103, DAYS[2])
    with pytest.raises(TypeError, match="to_date, was a list, expected a date"):
        frames.read_scores(wide()).between(DAYS[0], [DAYS[2]])


def test_choosing_instruments():
    scores = frames.read_scores(wide())
    assert scores.select("A").values[:, 0].tolist() == [1.0, 2.0, 2.5]
    np.testing.assert_array_equal(scores.select(["A", "B"]).values, wide()[["A", "B"]].to_numpy())
    assert frames.read(wide()).select("A").instruments == ["A"]
    with pytest.raises(ValueError, match='"C"'):
        scores.select(["C"])
    with pytest.raises(ValueError, match="A"):
        scores.select(["A", "A"])


def test_parquet_keeps_columns_of_two_levels(tmp_path):
    pytest.importorskip("pyarrow")
    yahoo().to_parquet(tmp_path / "prices.parquet")
    check_prices(quantick.market.read_parquet(tmp_path / "prices.parquet", start=DAYS[0]))


def test_frames_do_not_pull_in_other_libraries():
    import subprocess
    import sys
    code = ("import sys, quantick, quantick.frames, quantick.market, quantick.features, quantick.strategy, "
            "quantick.backtest, quantick.report; "
            "print([m for m in ('numpy', 'pandas', 'polars', 'pyarrow') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    assert quantick.frames is frames
