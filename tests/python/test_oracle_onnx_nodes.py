"""The node test cases of the `onnx` package, run through our operators.

Integers are compared exactly, floats at the cases' own tolerances. The package generates its cases; cases of functions
written out as graphs ("_expanded") are left out: they test the functions' bodies. We have neither float16 nor bfloat16
tensors: inputs of such cases become float32, and our results are rounded to the case's type before they are compared.
"""
import collections
import warnings

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

from onnx_calls import array_of
from onnx_nodes import TRANSLATORS, Unsupported, session_of

# Cases that do not pass, each with the reason. A case that is listed and passes fails the test.
NOT_SUPPORTED = {
}

# Cases that pass in float64 alone: their tolerance of 1e-7 is finer than what our float32 sigmoid and tanh promise.
FINER_THAN_FLOAT32 = "gates near 0 and 1 meet atol 1e-7; our float32 sigmoid has an error of up to 2.6e-7"
IN_FLOAT64 = {
    "test_gru_seq_length": FINER_THAN_FLOAT32,
    "test_gru_bidirectional": FINER_THAN_FLOAT32,
}

# Of the cases of each operator.
LEAST_PASSING = 0.9
# Two steps of bfloat16, as in onnx's own runner: the cases' arithmetic rounds every operation to it.
BFLOAT16_RTOL = 2**-6


def to_array(value):
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def node_cases():
    """(operator, name, case) of the cases that are one node of an operator that we translate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.random.seed(0)  # the cases' inputs
        for case in collect_testcases():
            nodes = case.model.graph.node
            if len(nodes) == 1 and nodes[0].op_type in TRANSLATORS and nodes[0].domain == "":
                yield nodes[0].op_type, case.name, case


def translated(case, wide=False):
    """The session of a case, and the name and expected value of each of its outputs."""
    proto = case.model.graph.node[0]
    inputs, outputs = case.data_sets[0]
    given = iter(map(to_array, inputs))
    session, wanted = session_of(proto, case.model.opset_import[0].version,
                                 [next(given) if name else None for name in proto.input], wide)
    expected = list(map(to_array, outputs))
    assert len(wanted) == len(expected), f"{case.name}: {len(wanted)} outputs, expected {len(expected)}"
    return session, list(zip(wanted, expected))


def compare(case, got, expected):
    """Raises AssertionError where a value differs."""
    assert got.shape == expected.shape, f"shape {got.shape}, expected {expected.shape}"
    if expected.dtype.kind in "iub" or expected.dtype.name in ("int4", "uint4", "int2", "uint2"):
        np.testing.assert_array_equal(got.astype(np.int64), expected.astype(np.int64))
    elif expected.dtype.name.startswith("float8") or expected.dtype.name.startswith("float4"):
        np.testing.assert_array_equal(got, expected.astype(np.float32))
    else:
        rtol = BFLOAT16_RTOL if expected.dtype.name == "bfloat16" else case.rtol
        np.testing.assert_allclose(got.astype(expected.dtype).astype(np.float64), expected.astype(np.float64),
                                   rtol=rtol, atol=case.atol)


def difference(case, wanted, answer):
    """None, or what went wrong."""
    try:
        for name, expected in wanted if "error" not in answer else []:
            compare(case, array_of(answer[name]), expected)
        return answer.get("error")
    except AssertionError as error:
        return str(error)


@pytest.fixture(scope="module")
def outcomes(oracle):
    """operator -> {case: None where it passed, else what went wrong}."""
    sessions, checks = [], []
    out = collections.defaultdict(dict)
    for operator, name, case in node_cases():
        try:
            for wide in (False, True) if name in IN_FLOAT64 else (False,):
                session, wanted = translated(case, wide)
                sessions.append(session)
                checks.append((operator, name, wide, case, wanted))
        except Unsupported as reason:
            out[operator][name] = f"not translated: {reason}"
    for (operator, name, wide, case, wanted), answer in zip(checks, oracle("sessions", sessions=sessions), strict=True):
        narrow = out[operator].get(name)
        out[operator][name] = difference(case, wanted, answer)
        if wide and narrow is None:
            out[operator][name] = "passes in float32: it needs no place in IN_FLOAT64"
    return out


def table(outcomes):
    lines = [f"{'operator':<22}{'cases':>6}{'passed':>8}{'in float64 alone':>18}{'not supported':>15}"]
    for operator in TRANSLATORS:
        results = outcomes[operator]
        wide, listed = (sum(name in names for name in results) for names in (IN_FLOAT64, NOT_SUPPORTED))
        passed = sum(result is None for result in results.values())
        lines.append(f"{operator:<22}{len(results):>6}{passed:>8}{wide:>18}{listed:>15}")
    return "\n".join(lines + [f"  {name}: {reason}" for name, reason in (IN_FLOAT64 | NOT_SUPPORTED).items()])


def test_table(outcomes, capsys):
    with capsys.disabled():
        print(f"\nnode cases of onnx {onnx.__version__}\n{table(outcomes)}")
    known = {name for results in outcomes.values() for name in results}
    assert set(NOT_SUPPORTED) | set(IN_FLOAT64) <= known, "the table lists cases that do not exist"


@pytest.mark.parametrize("operator", TRANSLATORS)
def test_node_cases_pass(outcomes, operator):
    results = outcomes[operator]
    assert results, f"onnx has no case of {operator}"
    failed = {name: text for name, text in results.items() if text is not None}
    assert set(failed) == {name for name in results if name in NOT_SUPPORTED}, "\n".join(
        f"{name}: {text}" for name, text in failed.items() if name not in NOT_SUPPORTED)
    assert len(results) - len(failed) >= LEAST_PASSING * len(results)


def test_a_wrong_result_would_be_seen():
    case = next(case for _, name, case in node_cases() if name == "test_quantizelinear")
    expected = to_array(case.data_sets[0][1][0])
    compare(case, expected, expected)
    with pytest.raises(AssertionError):
        compare(case, expected + np.uint8(1), expected)
