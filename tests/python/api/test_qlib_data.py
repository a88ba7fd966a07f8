"""Qlib's folder, expressions, handlers and processors, against what Qlib 0.9.7 itself gave (tests/golden)."""
import json
import pathlib
import re

import numpy as np
import pandas as pd
import pytest
import qlib_data

from quantick.qlib import BinData, Expression, handlers

GOLDEN = json.loads((pathlib.Path(__file__).parents[2] / "golden/qlib_0_9_7.json").read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("qlib") / "data"
    qlib_data.make(path)
    return path


@pytest.fixture(scope="module")
def data(folder):
    return BinData(folder)


def process(steps, table):
    for step in steps:
        table = handlers.Processor(step["class"], step.get("kwargs", {})).apply(table)
    return table


def check(case, key, table):
    expected = case[key]
    assert len(table) == expected["rows"]
    kept = table.iloc[qlib_data.ROWS][expected["columns"]]
    assert [[f"{d:%Y-%m-%d}", i] for d, i in kept.index] == expected["index"]
    values = np.array([[np.nan if v is None else v for v in row] for row in expected["values"]])
    # Qlib computes on float32 columns; a correlation near a constant window loses the most.
    np.testing.assert_allclose(kept.to_numpy(), values, rtol=2e-4, atol=2e-4, equal_nan=True)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda c: f"{c['handler']} {c['market']}")
def test_handlers_give_the_values_of_qlib(data, case):
    name, text = handlers.LABEL[1], handlers.LABEL[0]
    features, labels = handlers.load(data, case["market"], handlers.HANDLERS[case["handler"]](), {name: text},
                                     qlib_data.START, qlib_data.END)
    check(case, "raw", pd.concat([features, labels], axis=1))
    inferred = process(qlib_data.INFER, {"feature": features, "label": labels})
    check(case, "infer", inferred["feature"])
    learned = process(qlib_data.LEARN, inferred)
    check(case, "learn", pd.concat([learned["feature"], learned["label"]], axis=1))


def test_features_keep_their_bits_when_the_future_is_cut_off(data, folder, tmp_path):
    cut = tmp_path / "cut"
    qlib_data.make(cut)
    days = (cut / "calendars/day.txt").read_text().splitlines()[:150]
    (cut / "calendars/day.txt").write_text("\n".join(days) + "\n")
    for path in cut.glob("features/*/*.bin"):
        values = np.fromfile(path, "<f4")
        values[:1 + max(0, 150 - int(values[0]))].tofile(path)
    label = {handlers.LABEL[1]: handlers.LABEL[0]}
    whole, _ = handlers.load(data, "all", handlers.alpha158(), label, qlib_data.START, days[-1])
    short, _ = handlers.load(BinData(cut), "all", handlers.alpha158(), label, qlib_data.START, days[-1])
    pd.testing.assert_frame_equal(whole, short, check_exact=True)


@pytest.mark.parametrize("text", ["Ref($close, -1)", "Ref($close, 1-2)", "Delta($close, 2 * -1)", "$close/Ref($open, 0-5)"])
def test_features_that_look_ahead_are_refused(data, text):
    with pytest.raises(ValueError, match=rf"\[qlib\] feature X = '{re.escape(text)}' looks ahead"):
        handlers.load(data, "all", {"X": text}, {}, None, None)


@pytest.mark.parametrize("text", ["Ref($close, 2-1)", "Ref($close, --1)", "Delta($close, 0)", "-Ref($close, 1)"])
def test_the_sign_of_a_distance_is_its_values(text):
    assert not Expression(text).looks_ahead()


@pytest.mark.parametrize("text", ["Ref($close)", "Ref($close, $volume)"])
def test_distances_are_numbers(text):
    with pytest.raises(ValueError, match="expected a value and a number"):
        Expression(text).looks_ahead()


@pytest.mark.parametrize("text, message", [
    ("Mean($close", "expression 'Mean($close'"),
    ("Meen($close, 5)", "function 'Meen' of expression"),
    ("__import__('os')", "function '__import__'"),
    ("$close.values", "is not understood"),
    ("[$close]", "is not understood"),
    ("Ref($close, N=-2)", "expected arguments without names"),
])
def test_what_is_no_expression_is_named(text, message):
    with pytest.raises(ValueError) as error:
        Expression(text)
    assert message in str(error.value)


def test_folders_that_are_damaged_are_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="calendar"):
        BinData(tmp_path)
    data = BinData(folder)
    with pytest.raises(FileNotFoundError, match="market 'csi300', expected one of all, index"):
        data.memberships("csi300")
    with pytest.raises(KeyError, match=r"field \$amount, expected one of \$close, \$high"):
        data.frame(["SH600000"], "amount")
    np.array([190, *range(20)], "<f4").tofile(folder / "features/sh600000/late.day.bin")
    with pytest.raises(ValueError, match="20 values from place 190, expected to lie in a calendar of 200 days"):
        data.field("SH600000", "late")
    (folder / "features/sh600000/late.day.bin").unlink()


@pytest.mark.parametrize("name, kwargs, message", [
    ("MagicNorm", {}, "processor MagicNorm, expected one of CSRankNorm"),
    ("Fillna", {"value": 3}, "argument value of processor Fillna, expected one of fill_value"),
])
def test_unknown_processors_are_named(name, kwargs, message):
    with pytest.raises(ValueError, match=message):
        handlers.Processor(name, kwargs)
