"""Quantized Dense against onnxruntime in bits, over a million outputs of each form, with free scales per channel."""
import numpy as np
import pytest

from onnx_calls import array_of, document
from test_oracle_onnxruntime import FORMS, dense_case, has_vnni, our_dense

ROWS, COLUMNS, SAMPLES, CASES = 256, 96, 1024, 4


@pytest.mark.parametrize("form", FORMS)
def test_a_million_outputs_have_onnxruntimes_bits(oracle, form):
    run, with_bias = FORMS[form]
    compared = 0
    for seed in range(CASES):
        # onnxruntime's sums of pairs saturate above 63 where VNNI is missing.
        case = dense_case(1000 + seed, ROWS, COLUMNS, SAMPLES, 127 if has_vnni() else 63)
        expected = run(case)
        bias = case["bias"] if with_bias else np.zeros(ROWS, np.int32)
        answer = our_dense(oracle, case, bias)
        assert "scalar" in answer
        for isa, codes in answer.items():
            assert np.count_nonzero(codes != expected) == 0, f"{form}, {isa}, seed {1000 + seed}"
        compared += expected.size
        # Scales off by a millionth are seen: the comparison can fail.
        case["scale_w"] = case["scale_w"] * np.float32(1 + 2**-20)
        assert np.count_nonzero(our_dense(oracle, case, bias)["scalar"] != expected) > 0
    assert compared >= 1_000_000


def lowered_case(oracle, seed):
    """Float parameters, lowered by us: a case as dense_case gives it, and our codes per instruction set."""
    draw = np.random.default_rng(seed)
    weight = draw.normal(size=(ROWS, COLUMNS)) * draw.uniform(0.2, 1.5, (ROWS, 1)) / np.sqrt(COLUMNS)
    weight = weight.astype(np.float32)
    scale_x = np.float32(draw.uniform(0.01, 0.1))
    # x has a deviation of 74 codes; a typical y gets one of 30 to 60, so some saturate.
    scale_y = np.float32(74 * scale_x / draw.uniform(30, 60))
    case = {"scale_x": scale_x, "scale_y": scale_y, "zero_x": int(draw.integers(-20, 21)),
            "zero_y": int(draw.integers(-20, 21)), "x": draw.integers(-128, 128, (SAMPLES, COLUMNS)).astype(np.int8)}
    bias = (20 * scale_x * draw.normal(size=ROWS)).astype(np.float32)
    limit = 127 if has_vnni() else 63
    answer = oracle("lowered", name="dense", lead_axes=1, inputs=[document(case["x"])],
                    formats=[{"dtype": "int8", "scale": float(scale_x), "zero_point": case["zero_x"]}],
                    parameters=[document(weight), document(bias)],
                    output={"dtype": "int8", "scale": float(scale_y), "zero_point": case["zero_y"]},
                    precision={"weight_dtype": "int8" if limit == 127 else "int7"})
    constants = {name: array_of(value) for name, value in answer["constants"].items()}
    case["weights"] = constants["weight"]
    folded = case["zero_x"] * case["weights"].astype(np.int64).sum(axis=1)
    case["bias"] = (constants["bias"] + folded).astype(np.int32)
    case["scale_w"] = (np.abs(weight).max(axis=1) / np.float64(limit)).astype(np.float32)
    np.testing.assert_array_equal(scale_x * case["scale_w"] / scale_y, constants["scale"])
    return case, {isa: array_of(value) for isa, value in answer["outputs"].items()}


@pytest.mark.parametrize("form", [name for name, (_, with_bias) in FORMS.items() if with_bias])
def test_a_million_outputs_of_lowered_layers_have_onnxruntimes_bits(oracle, form):
    compared = 0
    for seed in range(CASES):
        case, ours = lowered_case(oracle, 2000 + seed)
        expected = FORMS[form][0](case)
        assert "scalar" in ours and len(np.unique(expected)) == 256, "the case spans the codes"
        for isa, codes in ours.items():
            assert np.count_nonzero(codes != expected) == 0, f"{form}, {isa}, seed {2000 + seed}"
        compared += expected.size
    assert compared >= 1_000_000
