"""A thousand random calls of every operator against an oracle that is not ours (operator_oracles.py)."""
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantick import _core, nd

from draws import Draw
from operator_oracles import ORACLES
from oracle_table import SLACK
from sequence_oracles import GRU_GATES, LSTM_GATES

ROWS = {row["name"]: row for row in _core.operator_rows()}
#: Hypothesis draws a seed per example, from which a batch of calls follows; a failure names both.
EXAMPLES, BATCH = 40, 25
#: float64 results against float64 oracles: sums in another order, functions of another library.
FLOAT64_TOLERANCE = 1e-11


def differences(name, got, expected):
    """Nothing, or what is wrong: dtype, shape, or the largest deviation relative to max(1, |expected|)."""
    if str(got.dtype) != str(expected.dtype) or got.shape != expected.shape:
        return f"{got.dtype} {got.shape}, expected {expected.dtype} {expected.shape}"
    if got.dtype.kind != "f":
        return None if np.array_equal(got, expected) else f"{np.count_nonzero(got != expected)} elements differ"
    tolerance = ROWS[name]["tolerance"] * SLACK.get(name, 1) if got.dtype == np.float32 else FLOAT64_TOLERANCE
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    with np.errstate(invalid="ignore", over="ignore"):
        deviation = np.abs(got.astype(np.float64) - expected) / np.maximum(1, np.abs(expected.astype(np.float64)))
    bad = ~same & ~(deviation <= tolerance)
    return None if not bad.any() else f"{bad.sum()} elements off, by {deviation[bad].max()}, expected {tolerance}"


def fault(name, case, **replaced):
    """Runs the call with some attributes replaced; nothing, or how the results differ from the expected ones."""
    inputs, attributes, expected, *written = case
    result = getattr(nd, name)(*inputs, **attributes | replaced)
    results = [*(result if isinstance(result, tuple) else (result,)), *(written[0] if written else [])]
    if len(results) != len(expected):
        return f"{len(results)} results, expected {len(expected)}"
    faults = (differences(name, np.asarray(got), np.asarray(wanted)) for got, wanted in zip(results, expected))
    return next((f"result {i}: {wrong}" for i, wrong in enumerate(faults) if wrong), None)


def check(name, seed, call):
    case = ORACLES[name](Draw(seed, call))
    wrong = fault(name, case)
    shown = [f"{x.dtype}{x.shape}" if hasattr(x, "shape") else x for x in case[0]]
    assert wrong is None, f"{name}({shown}, {case[1]}), seed {seed}, call {call}, {wrong}"


def test_every_operator_has_an_oracle():
    assert set(ORACLES) == set(ROWS)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_thousand_random_calls(name):
    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2 ** 32 - 1))
    def run(seed):
        for call in range(BATCH):
            check(name, seed, call)
    run()


# ---- the oracles notice


def noticed(name, mutate, calls=200):
    """Whether one of some calls, changed by mutate(case), gives something else than the oracle, or is refused."""
    for call in range(calls):
        try:
            if mutate(ORACLES[name](Draw(7, call))):
                return True
        except (ValueError, TypeError, IndexError):
            return True
    return False


@pytest.mark.parametrize("name,attribute",
                         [(row["name"], a["name"]) for row in ROWS.values() for a in row["attributes"]])
def test_an_attribute_left_out_is_noticed(name, attribute):
    default = next(a["default"] for a in ROWS[name]["attributes"] if a["name"] == attribute)
    assert noticed(name, lambda case: attribute in case[1] and fault(name, case, **{attribute: default}))


@pytest.mark.parametrize("name,input_", [(row["name"], i) for row in ROWS.values()
                                        
                                         for i in range(len(row["inputs"]))[-row["optional_inputs"] or 99:]])
def test_an_optional_input_left_out_is_noticed(name, input_):
    def without(case):
        inputs = list(case[0])
        if inputs[input_] is None:
            return None
        inputs[input_] = None
        return fault(name, (inputs, *case[1:]))
    assert noticed(name, without)


@pytest.mark.parametrize("name,gates", [("lstm", LSTM_GATES), ("gru", GRU_GATES)])
def test_exchanged_gates_are_noticed(name, gates):
    for a in range(len(gates)):
        for b in range(a):
            order = list(gates)
            order[a], order[b] = order[b], order[a]
            assert any(fault(name, ORACLES[name](Draw(7, call), order)) for call in range(10)), f"gates {b} and {a}"


@pytest.mark.parametrize("name",
                         ["softmax", "log_softmax", "argmax", "concat", "stack", "take", "slice", "expand_dims"])
def test_another_axis_is_noticed(name):
    def elsewhere(case):
        axis = case[1]["axis"]
        return fault(name, case, axis=axis + 1 if axis != -1 else 0)
    assert noticed(name, elsewhere)


@pytest.mark.parametrize("name", ["subtract", "divide", "power", "greater", "less", "matmul", "where", "dense"])
def test_exchanged_inputs_are_noticed(name):
    def exchanged(case):
        inputs = list(case[0])
        inputs[-2:] = inputs[:-3:-1]
        return fault(name, (inputs, *case[1:]))
    assert noticed(name, exchanged)


def test_deviations_beyond_the_tolerance_are_noticed():
    for name, row in ROWS.items():
        expected = np.array([0.5, -3.0], np.float32)
        allowed = row["tolerance"] * SLACK.get(name, 1)
        assert differences(name, expected + np.float32(0.3 * allowed), expected) is None
        assert differences(name, expected * np.float32(1 + 3 * allowed), expected)
        assert differences(name, np.array([np.nan, -3.0], np.float32), expected)
        assert differences(name, expected.astype(np.float64), expected)
        assert differences(name, expected[:1], expected)
