"""The float GRU against onnxruntime's with linear_before_reset, on random unequal gates."""
import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, checker, helper, numpy_helper

OUR_GATES, ONNX_GATES = "rzn", "zrn"  # ONNX calls n h


def reorder(array, order):
    """Gate blocks of the first axis as ONNX has them; order names the blocks as they lie in `array`."""
    blocks = dict(zip(order, np.split(array, 3)))
    return np.concatenate([blocks[gate] for gate in ONNX_GATES])


def onnx_gru(x, w, r, b_w, b_r, h0, order=OUR_GATES, linear_before_reset=1):
    parts = [reorder(part, order) for part in (w, r, b_w, b_r)]
    constants = {"w": parts[0][None], "r": parts[1][None], "b": np.concatenate(parts[2:])[None], "h0": h0[None]}
    node = helper.make_node("GRU", ["x", "w", "r", "b", "", "h0"], ["y", "h"], hidden_size=r.shape[1],
                            linear_before_reset=linear_before_reset)
    shapes = {"x": x.shape, "y": [len(x), 1, *h0.shape], "h": [1, *h0.shape]}
    x_info, *outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph([node], "test", [x_info], outputs,
                              [numpy_helper.from_array(array, name) for name, array in constants.items()])
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    checker.check_model(model)
    run = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    y, h = run.run(None, {"x": x})
    return y[:, 0], h[0]


def gru_case(steps, batch, inputs, hidden):
    draw = np.random.default_rng(steps * 100 + hidden)
    # Each gate has a scale of its own, so that no two can be exchanged unseen.
    gates = np.repeat([0.4, 0.8, 1.2], hidden)[:, None]
    case = (draw.normal(size=(steps, batch, inputs)), gates * draw.normal(size=(3 * hidden, inputs)) / np.sqrt(inputs),
            gates * draw.normal(size=(3 * hidden, hidden)) / np.sqrt(hidden), 0.5 * draw.normal(size=3 * hidden),
            0.5 * draw.normal(size=3 * hidden), draw.uniform(-1, 1, (batch, hidden)))
    return [array.astype(np.float32) for array in case]


def ours(oracle, case):
    answer = oracle("operator", name="gru", inputs=[
        {"shape": list(array.shape), "dtype": "float32", "values": array.ravel().tolist()} for array in case])
    return [np.array(out["values"], np.float32).reshape(out["shape"]) for out in answer]


@pytest.mark.parametrize("steps,batch,inputs,hidden", [(1, 1, 3, 5), (20, 7, 6, 16), (30, 67, 9, 24)])
def test_float_gru_is_onnxruntimes(oracle, steps, batch, inputs, hidden):
    case = gru_case(steps, batch, inputs, hidden)
    for got, expected in zip(ours(oracle, case), onnx_gru(*case), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=2e-6)


def test_exchanged_gates_and_an_early_reset_would_be_seen(oracle):
    case = gru_case(20, 7, 6, 16)
    got = ours(oracle, case)[0]
    for swapped in ("zrn", "nzr", "rnz"):
        assert np.abs(got - onnx_gru(*case, order=swapped)[0]).max() > 1e-2, swapped
    assert np.abs(got - onnx_gru(*case, linear_before_reset=0)[0]).max() > 1e-2
