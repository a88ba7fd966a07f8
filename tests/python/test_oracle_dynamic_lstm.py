"""Dynamic int8 LSTMs under a change of the last step alone.

onnxruntime's DynamicQuantizeLSTM takes one range over all steps, so earlier outputs change with it; ours has a scale
per row and step, and none does.
"""
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from onnx_calls import array_of, document
from test_oracle_onnxruntime import lstm_case, onnx_lstm, reorder

STEPS, BATCH, INPUTS, HIDDEN = 20, 5, 6, 32
# Of float hidden values, what 8-bit weights and inputs may cost at most.
NEAR = 0.05


@pytest.fixture(scope="module")
def case():
    """x, the same with another last step, and parameters."""
    x, parameters = lstm_case(STEPS, BATCH, INPUTS, HIDDEN, 1)
    later = x.copy()
    later[-1] *= 20
    return x, later, {name.removeprefix("l0_"): value for name, value in parameters.items()}


@pytest.fixture(scope="module")
def quantized_by_onnxruntime(case, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lstm")
    part = {name: reorder(value, "ifgo") for name, value in case[2].items()}
    constants = {"W": part["i2h_weight"][None], "R": part["h2h_weight"][None],
                 "B": np.concatenate([part["i2h_bias"], part["h2h_bias"]])[None]}
    graph = helper.make_graph([helper.make_node("LSTM", ["x", "W", "R", "B"], ["y"], hidden_size=HIDDEN)], "test",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, [STEPS, BATCH, INPUTS])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [STEPS, 1, BATCH, HIDDEN])],
                              [numpy_helper.from_array(value, name) for name, value in constants.items()])
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(model, folder / "float.onnx")
    quantize_dynamic(folder / "float.onnx", folder / "int8.onnx", op_types_to_quantize=["LSTM"],
                     weight_type=QuantType.QInt8, per_channel=True)
    assert "DynamicQuantizeLSTM" in [node.op_type for node in onnx.load(folder / "int8.onnx").graph.node]
    run = onnxruntime.InferenceSession(folder / "int8.onnx", providers=["CPUExecutionProvider"])
    return lambda x: run.run(None, {"x": x})[0][:, 0]


def node(oracle, x, parameters, method):
    """Hidden values of the LSTM's node in a program, per instruction set."""
    answer = oracle("lowered", name="lstm", lead_axes=2, inputs=[document(x)], formats=[{"dtype": "float32"}],
                    parameters=[document(parameters[name]) for name in ("i2h_weight", "h2h_weight", "i2h_bias",
                                                                        "h2h_bias")],
                    output={"dtype": "int16", "scale": 2**-15, "zero_point": 0}, precision={"method": method})
    return {isa: array_of(value) for isa, value in answer["outputs"].items()}


def test_onnxruntime_changes_earlier_outputs(case, quantized_by_onnxruntime):
    x, later, _ = case
    before, after = quantized_by_onnxruntime(x), quantized_by_onnxruntime(later)
    assert np.count_nonzero(before[:-1] != after[:-1]) > 0.9 * before[:-1].size


@pytest.fixture(scope="module")
def expected(case):
    """Of the float LSTM."""
    x, _, parameters = case
    return onnx_lstm(x, {f"l0_{name}": value for name, value in parameters.items()}, 1, HIDDEN)


@pytest.mark.parametrize("method", ["dynamic", "dynamic_decay"])
def test_our_node_changes_none(oracle, case, expected, method):
    x, later, parameters = case
    before, after = node(oracle, x, parameters, method), node(oracle, later, parameters, method)
    assert "scalar" in before
    for isa, codes in before.items():
        assert np.count_nonzero(codes[:-1] != after[isa][:-1]) == 0, isa
        assert np.count_nonzero(codes[-1] != after[isa][-1]) > 0, isa
        np.testing.assert_array_equal(codes, before["scalar"], err_msg=isa)
    np.testing.assert_allclose(before["scalar"] * 2.0**-15, expected, rtol=0, atol=NEAR)


def test_our_quantizer_changes_none(oracle, case, expected):
    x, later, parameters = case
    given = {f"l0_{name}": document(value) for name, value in parameters.items()}
    before, after = (array_of(oracle("dynamic_lstm", x=document(v), hidden_size=HIDDEN, parameters=given))
                     for v in (x, later))
    assert np.count_nonzero(before[:-1] != after[:-1]) == 0
    assert np.count_nonzero(before[-1] != after[-1]) > 0
    assert np.count_nonzero(before != expected) > 0.9 * before.size, "quantized"
    np.testing.assert_allclose(before, expected, rtol=0, atol=NEAR)
