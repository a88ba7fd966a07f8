"""The float LSTM and the quantized Dense against onnxruntime: the LSTM to rounding, the Dense in bits."""
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

GLUON_GATES = "ifgo"  # rows of our weights; ONNX has i, o, f, g (which it calls c)
ONNX_GATES = "iofg"


def session(nodes, inputs, outputs, constants, **config):
    graph = helper.make_graph(
        nodes, "test",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()])
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17),
                                                                   helper.make_opsetid("com.microsoft", 1)])
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    for key, value in config.items():
        options.add_session_config_entry(f"session.{key}", value)
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def reorder(array, order):
    """Gate blocks of the first axis in another order; order names where each of ONNX's gates lies in ours."""
    blocks = dict(zip(order, np.split(array, 4)))
    return np.concatenate([blocks[gate] for gate in ONNX_GATES])


def onnx_lstm(x, parameters, layers, hidden, order=GLUON_GATES):
    nodes, constants, value = [], {}, "x"
    for k in range(layers):
        part = {name: reorder(parameters[f"l{k}_{name}"], order)
                for name in ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")}
        constants |= {f"W{k}": part["i2h_weight"][None], f"R{k}": part["h2h_weight"][None],
                      f"B{k}": np.concatenate([part["i2h_bias"], part["h2h_bias"]])[None]}
        nodes += [helper.make_node("LSTM", [value, f"W{k}", f"R{k}", f"B{k}"], [f"Y{k}"], hidden_size=hidden),
                  helper.make_node("Squeeze", [f"Y{k}", "one"], [f"h{k}"])]
        value = f"h{k}"
    constants["one"] = np.array([1], np.int64)
    run = session(nodes, {"x": (TensorProto.FLOAT, x.shape)},
                  {value: (TensorProto.FLOAT, [x.shape[0], x.shape[1], hidden])}, constants)
    return run.run(None, {"x": x})[0]


def lstm_case(steps, batch, inputs, hidden, layers):
    draw = np.random.default_rng(steps * 100 + hidden)
    parameters = {}
    for k in range(layers):
        width = inputs if k == 0 else hidden
        # Each gate has a scale of its own, so that no two can be exchanged unseen.
        gates = np.repeat([0.3, 0.7, 1.1, 0.5], hidden)[:, None]
        parameters |= {f"l{k}_i2h_weight": gates * draw.normal(size=(4 * hidden, width)) / np.sqrt(width),
                       f"l{k}_h2h_weight": gates * draw.normal(size=(4 * hidden, hidden)) / np.sqrt(hidden),
                       f"l{k}_i2h_bias": 0.3 * draw.normal(size=4 * hidden),
                       f"l{k}_h2h_bias": 0.3 * draw.normal(size=4 * hidden)}
    x = draw.normal(size=(steps, batch, inputs)).astype(np.float32)
    return x, {name: value.astype(np.float32) for name, value in parameters.items()}


def ours(oracle, x, parameters, hidden):
    def document(array):
        return {"shape": list(array.shape), "values": array.ravel().tolist()}
    answer = oracle("lstm", x=document(x), hidden_size=hidden,
                    parameters={name: document(value) for name, value in parameters.items()})
    return np.array(answer["values"], np.float32).reshape(answer["shape"])


@pytest.mark.parametrize("steps,batch,inputs,hidden,layers", [(1, 1, 3, 5, 1), (20, 7, 6, 16, 1), (30, 3, 9, 24, 2)])
def test_float_lstm_is_onnxruntimes(oracle, steps, batch, inputs, hidden, layers):
    x, parameters = lstm_case(steps, batch, inputs, hidden, layers)
    expected = onnx_lstm(x, parameters, layers, hidden)
    np.testing.assert_allclose(ours(oracle, x, parameters, hidden), expected, rtol=0, atol=2e-6)


def test_exchanged_gates_would_be_seen(oracle):
    x, parameters = lstm_case(20, 7, 6, 16, 1)
    got = ours(oracle, x, parameters, 16)
    for swapped in ("figo", "gfio", "ofgi", "igfo", "iogf", "ifog"):
        assert np.abs(got - onnx_lstm(x, parameters, 1, 16, swapped)).max() > 1e-2, swapped


def has_vnni():
    with open("/proc/cpuinfo") as info:
        return "vnni" in info.read()


def dense_case(seed, rows, cols, samples, top):
    """Codes and scales. Weights up to `top`: onnxruntime's sums of pairs saturate above 63 where VNNI is missing."""
    draw = np.random.default_rng(seed)
    scale_x, scale_y = np.float32(draw.uniform(0.01, 0.1)), np.float32(draw.uniform(0.05, 0.2))
    return {
        "weights": draw.integers(-top, top + 1, (rows, cols)).astype(np.int8),
        "bias": draw.integers(-3000, 3001, rows).astype(np.int32),
        "scale_x": scale_x, "scale_y": scale_y,
        # A sum's deviation is about top / sqrt(3) * 74 * sqrt(cols); the codes get one of 10 to 100, so some saturate.
        "scale_w": (draw.uniform(10, 100, rows) * scale_y / scale_x / (top * 43 * np.sqrt(cols))).astype(np.float32),
        "zero_x": int(draw.integers(-20, 21)), "zero_y": int(draw.integers(-20, 21)),
        "x": draw.integers(-128, 128, (samples, cols)).astype(np.int8),
    }


def our_dense(oracle, case, bias):
    """Codes per instruction set. The zero point of x is folded into the bias, as lowering does."""
    rows, cols = case["weights"].shape
    folded = bias.astype(np.int64) - case["zero_x"] * case["weights"].astype(np.int64).sum(axis=1)
    scale = case["scale_x"] * case["scale_w"] / case["scale_y"]
    assert scale.dtype == np.float32
    answer = oracle("dense", rows=rows, cols=cols, weights=case["weights"].ravel().tolist(), bias=folded.tolist(),
                    scale=scale.tolist(), zero_y=case["zero_y"], x=case["x"].ravel().tolist())
    return {isa: np.array(codes, np.int8).reshape(-1, rows) for isa, codes in answer.items()}


def quantization_constants(case):
    return {"w": case["weights"].T.copy(), "sx": case["scale_x"], "zx": np.int8(case["zero_x"]),
            "sw": case["scale_w"], "zw": np.zeros(len(case["scale_w"]), np.int8), "sy": case["scale_y"],
            "zy": np.int8(case["zero_y"])}


def qlinear_form(case):
    """QLinearMatMul, which has no bias."""
    samples, rows = len(case["x"]), len(case["bias"])
    node = helper.make_node("QLinearMatMul", ["x", "sx", "zx", "w", "sw", "zw", "sy", "zy"], ["y"])
    run = session([node], {"x": (TensorProto.INT8, case["x"].shape)}, {"y": (TensorProto.INT8, [samples, rows])},
                  {name: np.asarray(value) for name, value in quantization_constants(case).items()})
    return run.run(None, {"x": case["x"]})[0]


def qgemm_form(case):
    """com.microsoft's QGemm: with an int32 bias."""
    samples, rows = len(case["x"]), len(case["bias"])
    node = helper.make_node("QGemm", ["x", "sx", "zx", "w", "sw", "zw", "b", "sy", "zy"], ["y"],
                            domain="com.microsoft", transA=0, transB=0, alpha=1.0)
    constants = quantization_constants(case) | {"b": case["bias"]}
    run = session([node], {"x": (TensorProto.INT8, case["x"].shape)}, {"y": (TensorProto.INT8, [samples, rows])},
                  {name: np.asarray(value) for name, value in constants.items()})
    return run.run(None, {"x": case["x"]})[0]


def qdq_form(case):
    """Float Gemm between dequantize and quantize nodes, which onnxruntime fuses."""
    samples, rows = len(case["x"]), len(case["bias"])
    nodes = [helper.make_node("DequantizeLinear", ["x", "sx", "zx"], ["xf"]),
             helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wf"], axis=1),
             helper.make_node("DequantizeLinear", ["b", "sb", "zb"], ["bf"], axis=0),
             helper.make_node("Gemm", ["xf", "wf", "bf"], ["yf"]),
             helper.make_node("QuantizeLinear", ["yf", "sy", "zy"], ["y"])]
    constants = quantization_constants(case) | {"b": case["bias"], "sb": case["scale_x"] * case["scale_w"],
                                                "zb": np.zeros(rows, np.int32)}
    run = session(nodes, {"x": (TensorProto.INT8, case["x"].shape)}, {"y": (TensorProto.INT8, [samples, rows])},
                  {name: np.asarray(value) for name, value in constants.items()})
    return run.run(None, {"x": case["x"]})[0]


FORMS = {"QLinearMatMul": (qlinear_form, False), "QGemm": (qgemm_form, True), "QDQ": (qdq_form, True)}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("top", [63, 127])
def test_quantized_dense_has_onnxruntimes_bits(oracle, form, top):
    if top > 63 and not has_vnni():
        pytest.skip("onnxruntime's sums saturate with 8-bit weights on a processor without VNNI")
    run, with_bias = FORMS[form]
    for seed, (rows, cols, samples) in enumerate([(1, 1, 5), (3, 7, 40), (32, 64, 100), (37, 130, 100)]):
        case = dense_case(seed, rows, cols, samples, top)
        expected = run(case)
        assert rows < 30 or len(np.unique(expected)) > 100, "the case spans the codes"
        bias = case["bias"] if with_bias else np.zeros(rows, np.int32)
        for isa, codes in our_dense(oracle, case, bias).items():
            np.testing.assert_array_equal(codes, expected, err_msg=f"{form}, {isa}, {rows}x{cols}")
