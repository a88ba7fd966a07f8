"""Float operators, as rows of the registry, against onnxruntime."""
import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

ONNX_GATES = [0, 3, 1, 2]  # ONNX's i, o, f, c as positions in our i, f, g, o


def onnx_run(op, arrays, outputs, **attributes):
    """One node whose inputs are constants; an input of None is left out."""
    names = ["" if array is None else f"a{i}" for i, array in enumerate(arrays)]
    given = [numpy_helper.from_array(array, name) for name, array in zip(names, arrays) if name]
    graph = helper.make_graph([helper.make_node(op, names, outputs, **attributes)], "test", [],
                              [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs], given)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {})


@pytest.fixture
def ours(oracle):
    def run(name, *inputs, **attributes):
        documents = [None if x is None else {"shape": list(x.shape), "values": x.ravel().tolist()} for x in inputs]
        answer = oracle("operator", name=name, attributes=attributes, inputs=documents)
        return [np.array(out["values"], np.float32).reshape(out["shape"]) for out in answer]
    return run


def draw(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def gates(array, order=ONNX_GATES):
    return np.concatenate([np.split(array, 4)[g] for g in order])[None]


def onnx_lstm(x, w, r, bw, br, h, c, order=ONNX_GATES):
    bias = np.concatenate([gates(bw, order), gates(br, order)], axis=1)
    y, hn, cn = onnx_run("LSTM", [x, gates(w, order), gates(r, order), bias, None, h[None], c[None]], ["y", "hn", "cn"],
                         hidden_size=h.shape[1])
    return y[:, 0], hn[0], cn[0]


@pytest.mark.parametrize("steps,batch,width,hidden", [(1, 1, 1, 1), (12, 5, 7, 16), (25, 33, 12, 19)])
def test_lstm_with_states(ours, steps, batch, width, hidden):
    case = (draw(1, steps, batch, width), draw(2, 4 * hidden, width) / np.sqrt(width),
            draw(3, 4 * hidden, hidden) / np.sqrt(hidden), 0.3 * draw(4, 4 * hidden), 0.3 * draw(5, 4 * hidden),
            np.tanh(draw(6, batch, hidden)), draw(7, batch, hidden))
    case = [np.ascontiguousarray(array, np.float32) for array in case]
    got = ours("lstm", *case)
    for mine, theirs in zip(got, onnx_lstm(*case), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-5)
    for a in range(4):
        for b in range(a):
            order = list(ONNX_GATES)
            order[a], order[b] = order[b], order[a]
            assert np.abs(got[0] - onnx_lstm(*case, order)[0]).max() > 1e-3, f"gates {b} and {a} may be exchanged"


def test_layer_norm(ours):
    x, gamma, beta = 3 * draw(1, 6, 5, 37) + 1, draw(2, 37), draw(3, 37)
    expected = onnx_run("LayerNormalization", [x, gamma, beta], ["y"], axis=-1, epsilon=1e-5)[0]
    np.testing.assert_allclose(ours("layer_norm", x, gamma, beta)[0], expected, rtol=0, atol=1e-5)


def test_dense(ours):
    x, weight, bias = draw(1, 9, 33), draw(2, 21, 33), draw(3, 21)
    expected = onnx_run("Gemm", [x, weight, bias], ["y"], transB=1)[0]
    np.testing.assert_allclose(ours("dense", x, weight, bias)[0], expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("name,onnx_name", [("relu", "Relu"), ("sigmoid", "Sigmoid"), ("tanh", "Tanh"),
                                            ("softplus", "Softplus"), ("exp", "Exp"), ("abs", "Abs"), ("sign", "Sign")])
def test_elementwise(ours, name, onnx_name):
    x = 4 * draw(1, 4, 65)
    np.testing.assert_allclose(ours(name, x)[0], onnx_run(onnx_name, [x], ["y"])[0], rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax(ours, axis):
    x = 5 * draw(1, 3, 4, 17)
    expected = onnx_run("Softmax", [x], ["y"], axis=axis)[0]
    np.testing.assert_allclose(ours("softmax", x, axis=axis)[0], expected, rtol=0, atol=1e-6)
