"""Features of ticks and their labels against NumPy (tick_oracle.py): on files written by hand, and on real ones."""
import itertools

import numpy as np
import pytest

import tick_oracle

FEATURES = {
    "spread()": (tick_oracle.spread,),
    "relative_spread()": (tick_oracle.relative_spread,),
    "imbalance()": (tick_oracle.imbalance,),
    "microprice()": (tick_oracle.microprice,),
    "microprice_offset()": (tick_oracle.microprice_offset,),
    "order_flow_imbalance(3)": (tick_oracle.order_flow_imbalance, 3),
    "order_flow_imbalance(50)": (tick_oracle.order_flow_imbalance, 50),
    "signed_volume(1)": (tick_oracle.signed_volume, 1),
    "signed_volume(20)": (tick_oracle.signed_volume, 20),
    "mid_return(2)": (tick_oracle.mid_return, 2),
    "mid_return(20)": (tick_oracle.mid_return, 20),
    "realized_volatility(2)": (tick_oracle.realized_volatility, 2),
    "realized_volatility(100)": (tick_oracle.realized_volatility, 100),
    "time_since_trade()": (tick_oracle.time_since_trade,),
    "trade_intensity(500)": (tick_oracle.trade_intensity, 500),
}

LEVEL1 = """symbol,action_date,action_time_ms,last,total_volume,volume,bid1,ask1,bid1_qty,ask1_qty
IF,20210104,92900400,100.0,240,240,99.8,100.2,1,2
IF,20210104,93000400,100.2,311,71,99.8,100.2,2,1
IF,20210104,93000900,100.0,320,9,99.6,100.0,2,1
IF,20210104,93000900,99.8,321,1,99.6,100.0,3,7
IF,20210104,93001400,99.8,325,4,99.8,,5,0
IF,20210104,93001900,100.2,326,1,100.0,100.4,5,4
IF,20210104,93002400,100.2,326,0,100.2,100.4,6,4
IF,20210104,93002900,100.3,330,4,100.2,100.4,6,3
IF,20210104,130000400,101.0,340,10,100.8,101.2,6,3
IF,20210104,130000900,101.0,341,1,100.8,101.0,6,3
IF,20210104,130001400,101.2,345,4,100.8,101.4,6,3
"""

MESSAGES = """1000 {"u":1,"s":"X","b":"99.80","B":"1.5","a":"100.20","A":"2"}
2000000000 {"e":"depthUpdate","s":"X","U":2,"u":4,"b":[["99.80","1"]],"a":[["100.20","0.5"]]}
2000000000 {"e":"trade","s":"X","p":"100.20","q":"0.25","m":false,"T":5,"E":6}
2100000000 {"lastUpdateId":3,"bids":[["99.80","1.25"],["99.70","3"]],"asks":[["100.20","2"],["100.40","7"]]}
2100000001 {"u":4,"s":"X","b":"99.80","B":"1","a":"100.20","A":"0.5"}
2300000000 {"e":"trade","s":"X","p":"99.80","q":"0.125","m":true,"T":5,"E":6}
2300000000 {"e":"trade","s":"X","p":"99.80","q":"0.5","m":true,"T":5,"E":6}
2400000000 {"e":"depthUpdate","s":"X","U":5,"u":8,"b":[["99.80","0"],["99.60","2"]],"a":[["100.10","1"]]}
2400000001 {"u":8,"s":"X","b":"99.70","B":"3","a":"100.10","A":"1"}
2500000000 {"u":9,"s":"X","b":"99.70","B":"3","a":"0","A":"0"}
2600000000 {"u":11,"s":"X","b":"99.70","B":"4","a":"100.10","A":"1"}
2700000000 {"u":12,"s":"X","b":"99.70","B":"4","a":"100.00","A":"2"}
"""


def compare(oracle, path, **label):
    events = tick_oracle.Events(path)
    ours = oracle("ticks", file=str(path), features=list(FEATURES), **{f"label_{k}": v for k, v in label.items()})
    assert ours["times"] == events.time.tolist()
    values = np.array(ours["values"], float).reshape(len(events.time), -1)
    for column, (name, call) in zip(values.T, FEATURES.items()):
        expected = tick_oracle.feature(events, *call)
        np.testing.assert_allclose(column, expected, rtol=2e-7, atol=1e-13, err_msg=name)
    rows, expected, dropped = tick_oracle.labels(events, **label)
    assert ours["label_rows"] == rows.tolist() and ours["dropped"] == dropped
    np.testing.assert_allclose(np.array(ours["labels"], float), expected, rtol=2e-7, atol=1e-15)
    return events, values, rows


def compare_depth(oracle, path, levels):
    events = tick_oracle.Events(path)
    ours = oracle("ticks", file=str(path), features=[f"depth_imbalance({levels})", f"book_slope({levels})"],
                  label_ticks=1)
    values = np.array(ours["values"], float).reshape(-1, 2)
    np.testing.assert_allclose(values.T, tick_oracle.depth_features(events, levels), rtol=2e-7, atol=1e-9)
    return values


@pytest.mark.parametrize("label", [{"ticks": 1}, {"ticks": 2}, {"seconds": 0.5}, {"seconds": 1.25}])
def test_rows_written_by_hand(oracle, tmp_path, label):
    path = tmp_path / "ticks.csv"
    path.write_text(LEVEL1)
    events, values, rows = compare(oracle, path, **label)
    assert len(events.sessions) == 2  # the noon
    assert np.isnan(values[4, :5]).all()  # no ask
    assert len(rows) > 2


@pytest.mark.parametrize("label", [{"ticks": 1}, {"seconds": 0.2}])
def test_messages_written_by_hand(oracle, tmp_path, label):
    path = tmp_path / "ticks.jsonl"
    path.write_text(MESSAGES)
    compare(oracle, path, **label)
    values = compare_depth(oracle, path, 2)
    assert np.isnan(values[:3]).all() and not np.isnan(values[3:]).any()


@pytest.mark.parametrize("name, label", [("cn_if2101_l1_ticks_20210104.csv.gz", {"ticks": 20}),
                                         ("cn_if2101_l1_ticks_20210105.csv.gz", {"seconds": 30}),
                                         ("cn_RM705_l1_ticks_20170320.csv.gz", {"seconds": 5})])
def test_futures_days(oracle, shared_data, name, label):
    compare(oracle, shared_data(name), **label)


@pytest.mark.parametrize("name", ["usdm_btcusdt_20240808", "spot_btcusdt_20240808", "spot_btcusdt_20240809"])
def test_the_first_messages_of_the_recordings(oracle, shared_data, tmp_path, name):
    path = tmp_path / "ticks.jsonl"
    source = shared_data(f"binance/{name}.jsonl.gz")
    path.write_text("".join(itertools.islice(tick_oracle.text_of(source), 12000)))
    compare(oracle, path, seconds=1.5)
    if name != "spot_btcusdt_20240809":  # it has no snapshot
        compare_depth(oracle, path, 5)
