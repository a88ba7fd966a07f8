"""Quantized Dense against onnxruntime in bits, over a million outputs of each form, with free scales per channel."""
import numpy as np
import pytest

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
