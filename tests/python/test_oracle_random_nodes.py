"""Float nodes of random shapes, attributes and weights against onnxruntime. The node cases of the `onnx` package have
equal weights in every gate; these do not, so that exchanged gates and misread attributes are seen."""
import numpy as np
import onnxruntime
import pytest
from onnx import helper

from onnx_calls import array_of
from onnx_nodes import session_of

CASES = 100
# Sums of up to some hundred terms in another order. A row of 5 +- 0.1 loses two digits in x - mean.
RTOL, ATOL = 1e-4, {"LayerNormalization": 1e-4}
DEFAULT_ATOL = 1e-5


class Draw:
    """Random numbers of one case."""
    def __init__(self, operator, seed):
        self.random = np.random.default_rng([sum(operator.encode()), seed])

    def size(self, most, least=1):
        return int(self.random.integers(least, most + 1))

    def pick(self, *options):
        return options[self.random.integers(len(options))]

    def normal(self, *shape, scale=1.0):
        return (scale * self.random.normal(size=shape)).astype(np.float32)


def conv(d):
    axes, groups = d.pick(1, 2), d.pick(1, 1, 2, 3)
    window, dilations = [d.size(4) for _ in range(axes)], [d.size(3) for _ in range(axes)]
    x = d.normal(d.size(4), groups * d.size(6), *[(k - 1) * s + d.size(12) for k, s in zip(window, dilations)])
    w = d.normal(groups * d.size(7), x.shape[1] // groups, *window)
    attributes = {"strides": [d.size(3) for _ in range(axes)], "dilations": dilations, "group": groups,
                  "pads": [d.size(3, 0) for _ in range(2 * axes)]}
    if d.pick(0, 0, 1):
        del attributes["pads"]
        attributes["auto_pad"] = d.pick("SAME_UPPER", "SAME_LOWER")
        attributes["dilations"] = [1] * axes  # onnxruntime's padding of dilated windows is off by one for some sizes
    return [x, w, d.pick(None, d.normal(len(w)))], 1, attributes


def recurrent(d, gates, states):
    steps, batch, inputs, hidden = d.size(12), d.size(9), d.size(12), d.size(17)
    direction = d.pick("forward", "reverse", "bidirectional")
    count = 2 if direction == "bidirectional" else 1
    # Each gate has a scale of its own, so that no two can be exchanged unseen.
    scale = np.repeat(np.array([0.3, 0.7, 1.1, 0.5])[:gates], hidden)[:, None].astype(np.float32)
    w = scale * d.normal(count, gates * hidden, inputs) / np.float32(np.sqrt(inputs))
    r = scale * d.normal(count, gates * hidden, hidden) / np.float32(np.sqrt(hidden))
    started = d.pick(True, False)
    start = [d.normal(count, batch, hidden, scale=0.5) if started else None for _ in range(states)]
    bias = d.pick(None, d.normal(count, 2 * gates * hidden, scale=0.3))
    return [d.normal(steps, batch, inputs), w, r, bias, None, *start], {"direction": direction, "hidden_size": hidden}


def gru(d):
    inputs, attributes = recurrent(d, 3, 1)
    return inputs, 2, attributes | {"linear_before_reset": d.pick(0, 1)}


def lstm(d):
    inputs, attributes = recurrent(d, 4, 2)
    return inputs + [d.pick(None, d.normal(len(inputs[1]), 3 * attributes["hidden_size"], scale=0.5))], 3, attributes


def layer_normalization(d):
    shape = [d.size(9) for _ in range(d.size(4, 2))]
    shape[-1] = d.size(70, 2)
    axis = d.size(len(shape) - 1, 0)
    x = d.normal(*shape, scale=d.pick(0.1, 1, 30)) + np.float32(d.pick(0, 5))
    inputs = [x, d.normal(*shape[axis:]), d.normal(*shape[axis:])]  # without a bias, onnxruntime 1.32 crashes
    return inputs, 3, {"axis": d.pick(axis, axis - len(shape)), "epsilon": d.pick(1e-5, 1e-3)}


def softmax(d):
    shape = [d.size(9) for _ in range(d.size(4))]
    return [d.normal(*shape, scale=d.pick(1, 10))], 1, {"axis": d.size(len(shape) - 1, -len(shape))}


def gelu(d):
    return [d.normal(*[d.size(30) for _ in range(d.size(3))], scale=3)], 1, {"approximate": d.pick("none", "tanh")}


def attention(d):
    batch, queries, keys = d.size(4), d.size(9), d.size(9)
    kv_heads, width, value_width = d.size(3), d.size(12), d.size(12)
    heads, past = kv_heads * d.size(3), d.pick(0, 0, d.size(5))
    attributes, flat = {"is_causal": d.pick(0, 1)}, d.pick(False, True)
    if past and queries == 1:
        keys = 1  # onnxruntime 1.32 lets a single query see all keys, also later ones that "causal" forbids
    if d.pick(0, 1):
        attributes["scale"] = float(d.random.uniform(0.05, 1))
    q, k = d.normal(batch, heads, queries, width), d.normal(batch, kv_heads, keys, width)
    v = d.normal(batch, kv_heads, keys, value_width)
    if flat:
        q, k, v = (x.transpose(0, 2, 1, 3).reshape(batch, x.shape[2], -1) for x in (q, k, v))
        attributes |= {"q_num_heads": heads, "kv_num_heads": kv_heads}
    mask = d.pick(None, d.normal(queries, keys + past), d.random.uniform(size=(queries, keys + past)) < 0.7)
    if mask is None and d.pick(0, 1):
        attributes["softcap"] = 2.0
    inputs = [q, k, v, mask]
    if past:
        inputs += [d.normal(batch, kv_heads, past, width), d.normal(batch, kv_heads, past, value_width)]
    return inputs, 3 if past else 1, attributes


NODES = {"Conv": (conv, 22), "GRU": (gru, 22), "LSTM": (lstm, 22), "LayerNormalization": (layer_normalization, 17),
         "Softmax": (softmax, 13), "Gelu": (gelu, 20), "Attention": (attention, 23)}


def onnx_run(proto, opset, inputs):
    given = {f"i{at}": x for at, x in enumerate(inputs) if x is not None}
    graph = helper.make_graph(
        [proto], "test",
        [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
         for name, x in given.items()],
        [helper.make_empty_tensor_value_info(name) for name in proto.output])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", opset)])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    run = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return run.run(None, given)


@pytest.mark.parametrize("operator", NODES)
def test_random_nodes_are_onnxruntimes(oracle, operator):
    make, opset = NODES[operator]
    sessions, checks = [], []
    for seed in range(CASES):
        inputs, outputs, attributes = make(Draw(operator, seed))
        names = [f"i{at}" if x is not None else "" for at, x in enumerate(inputs)]
        proto = helper.make_node(operator, names, [f"o{i}" for i in range(outputs)], **attributes)
        session, wanted = session_of(proto, opset, inputs)
        sessions.append(session)
        checks.append((attributes, [x.shape for x in inputs if x is not None], wanted,
                       onnx_run(proto, opset, inputs)))
    for (attributes, shapes, wanted, expected), answer in zip(checks, oracle("sessions", sessions=sessions),
                                                              strict=True):
        what = f"{operator} {attributes} of {shapes}"
        assert "error" not in answer, f"{what}: {answer}"
        for name, value in zip(wanted, expected, strict=True):
            np.testing.assert_allclose(array_of(answer[name]), value, rtol=RTOL,
                                       atol=ATOL.get(operator, DEFAULT_ATOL), err_msg=what)
