"""ONNX nodes as calls of our operators: translators take the calls, the node and its inputs (arrays, None where left
out) and give the names of the node's outputs. Raises Unsupported, with the reason."""
import numpy as np
from onnx import TensorProto, helper

from onnx_attention import attention
from onnx_calls import Calls


class Unsupported(Exception):
    pass


class Node:
    def __init__(self, proto, opset, inputs):
        self.op, self.opset, self.inputs = proto.op_type, opset, inputs
        self.outputs = list(proto.output)
        self.attributes = {a.name: helper.get_attribute_value(a) for a in proto.attribute}

    def attr(self, name, default=None):
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def input(self, at):
        return self.inputs[at] if at < len(self.inputs) else None


def put(c, array):
    return None if array is None else c.put(array)


def code_name(kind):
    """ONNX's name of an element type in lower case, which is ours: "uint4", "float8e4m3fn"."""
    return TensorProto.DataType.Name(kind).lower()


def zero_like(scale, zero):
    """A zero point of one element in its scale's shape."""
    return zero.reshape(scale.shape) if zero is not None and zero.size == 1 else zero


def quantize_linear(c, n):
    x, scale, zero = n.input(0), n.input(1), n.input(2)
    kind = n.attr("output_dtype", TensorProto.UINT8)
    if zero is not None:
        kind = helper.np_dtype_to_tensor_dtype(zero.dtype)
    return [c("quantize_linear", c.put(x), c.put(scale), put(c, zero_like(scale, zero)), dtype=code_name(kind),
              axis=n.attr("axis", 1), block_size=n.attr("block_size", 0), saturate=bool(n.attr("saturate", 1)))]


def dequantize_linear(c, n):
    x, scale, zero = n.input(0), n.input(1), n.input(2)
    return [c("dequantize_linear", c.put(x), c.put(scale), put(c, zero_like(scale, zero)), axis=n.attr("axis", 1),
              block_size=n.attr("block_size", 0))]


def dynamic_quantize_linear(c, n):
    return c("dynamic_quantize_linear", c.put(n.input(0)), outputs=3)


def matmul_integer(c, n):
    return [c("matmul_integer", *[put(c, n.input(i)) for i in range(4)])]


def qlinear_matmul(c, n):
    return [c("qlinear_matmul", *[c.put(n.input(i)) for i in range(8)])]


def same_pads(n, size, window, strides, dilations, upper):
    """Pads that give ceil(size / stride) results; an odd one goes to the end with SAME_UPPER."""
    before, after = [], []
    for x, k, s, d in zip(size, window, strides, dilations):
        total = max((-(-x // s) - 1) * s + (k - 1) * d + 1 - x, 0)
        before.append(total // 2 if upper else total - total // 2)
        after.append(total - before[-1])
    return before + after


def window_attributes(n, x, w):
    axes = x.ndim - 2
    out = {"strides": n.attr("strides", [1] * axes), "dilations": n.attr("dilations", [1] * axes),
           "pads": n.attr("pads", [0] * 2 * axes), "groups": n.attr("group", 1)}
    if (auto := n.attr("auto_pad", "NOTSET")) in ("SAME_UPPER", "SAME_LOWER"):
        out["pads"] = same_pads(n, x.shape[2:], w.shape[2:], out["strides"], out["dilations"], auto == "SAME_UPPER")
    return out


def conv(c, n):
    return [c("convolution", *[put(c, n.input(i)) for i in range(3)], **window_attributes(n, n.input(0), n.input(1)))]


def conv_integer(c, n):
    return [c("conv_integer", *[put(c, n.input(i)) for i in range(4)], **window_attributes(n, n.input(0), n.input(1)))]


def qlinear_conv(c, n):
    return [c("qlinear_conv", *[put(c, n.input(i)) for i in range(9)], **window_attributes(n, n.input(0), n.input(3)))]


def softmax(c, n):
    return [c("softmax", c.put(n.input(0)), axis=n.attr("axis", -1))]


def gelu(c, n):
    return [c("gelu", c.put(n.input(0)), approximate=n.attr("approximate", "none"))]


def gemm(c, n):
    a, b, bias = (put(c, n.input(i)) for i in range(3))
    if n.attr("transA", 0):
        a = c("transpose", a, axes=[1, 0])
    if not n.attr("transB", 0):
        b = c("transpose", b, axes=[1, 0])
    y = c("dense", a, b)
    if (alpha := n.attr("alpha", 1.0)) != 1:
        y = c("multiply", y, c.put(np.float32(alpha)))
    if bias and (beta := n.attr("beta", 1.0)) != 1:
        bias = c("multiply", bias, c.put(np.float32(beta)))
    return [c("add", y, bias) if bias else y]


def layer_normalization(c, n):
    x, scale, bias = n.input(0), n.input(1), n.input(2)
    axis = n.attr("axis", -1) % x.ndim
    width, epsilon = int(np.prod(x.shape[axis:])), float(np.float32(n.attr("epsilon", 1e-5)))
    rows = c("reshape", c.put(x), shape=[-1, width])
    bias = np.zeros_like(scale) if bias is None else bias
    y = c("layer_norm", rows, c.put(scale.reshape(-1)), c.put(bias.reshape(-1)), epsilon=epsilon)
    mean = c("mean", rows, axes=[-1], keepdims=True)
    variance = c("mean", c("square", c("subtract", rows, mean)), axes=[-1], keepdims=True)
    deviation = c("sqrt", c("add", variance, c.put(np.float32(epsilon))))
    per_row = list(x.shape[:axis]) + [1] * (x.ndim - axis)
    return [c("reshape", y, shape=list(x.shape)), c("reshape", mean, shape=per_row),
            c("reshape", c("divide", c.put(np.float32(1)), deviation), shape=per_row)]


def gate_blocks(array, order):
    """Blocks of the first axis, `order` saying where each of ours lies in ONNX's."""
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[at] for at in order])


class Direction:
    """Weights of one direction, gates in our order, and its starting state as names."""
    def __init__(self, c, n, at, hidden, order):
        w, r, b = n.input(1)[at], n.input(2)[at], n.input(3)
        b = np.zeros(2 * len(w), np.float32) if b is None else b[at]
        self.w, self.r = c.put(gate_blocks(w, order)), c.put(gate_blocks(r, order))
        halves = [gate_blocks(part, order) for part in np.split(b, 2)]
        self.b_w, self.b_r = (c.put(part) for part in halves)
        self.h = starting_state(c, n, 5, at, hidden)
        self.c = starting_state(c, n, 6, at, hidden) if n.op == "LSTM" else None
        peepholes = n.input(7)
        # ONNX's order of peepholes: input, output, forget.
        self.peepholes = None if peepholes is None else [c.put(p) for p in np.split(peepholes[at], 3)]


def starting_state(c, n, slot, at, hidden):
    state, x = n.input(slot), n.input(0)
    if state is None:
        return c.put(np.zeros((x.shape[1 - n.attr("layout", 0)], hidden), np.float32))
    return c.put(state[:, at] if n.attr("layout", 0) else state[at])


def recurrent(c, n, order, layer):
    """layer(c, n, x, direction, hidden) gives y [steps, batch, hidden] and the last states."""
    if any(n.attr(name) for name in ("activations", "clip", "input_forget")):
        raise Unsupported("activations, clip and input_forget")
    x, lengths, hidden = n.input(0), n.input(4), n.attr("hidden_size")
    layout, direction = n.attr("layout", 0), n.attr("direction", "forward")
    steps = x.shape[layout]
    if lengths is not None and (np.asarray(lengths) != steps).any():
        raise Unsupported("rows of different length")
    value = c.put(x)
    if layout:
        value = c("transpose", value, axes=[1, 0, 2])
    reversed_steps = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    ys, states = [], []
    for at, backwards in enumerate(reversed_steps):
        part = c("sequence_reverse", value) if backwards else value
        y, *last = layer(c, n, part, Direction(c, n, at, hidden, order), hidden, steps)
        ys.append(c("sequence_reverse", y) if backwards else y)
        states.append(last)
    out = [c("stack", *ys, axis=2 if layout else 1)]
    if layout:
        out[0] = c("transpose", out[0], axes=[1, 0, 2, 3])
    return out + [c("stack", *parts, axis=1 if layout else 0) for parts in zip(*states)]


def step(c, x, t):
    return c("squeeze", c("slice", x, axis=0, start=t, stop=t + 1, step=1), axis=0)


def gates(c, value, count, hidden):
    return [c("slice", value, axis=1, start=g * hidden, stop=(g + 1) * hidden, step=1) for g in range(count)]


def lstm_layer(c, n, x, d, hidden, steps):
    if d.peepholes is None:
        return c("lstm", x, d.w, d.r, d.b_w, d.b_r, d.h, d.c, outputs=3)
    h, cell, ys = d.h, d.c, []
    p_i, p_o, p_f = d.peepholes
    for t in range(steps):
        total = c("add", c("dense", step(c, x, t), d.w, d.b_w), c("dense", h, d.r, d.b_r))
        i, f, g, o = gates(c, total, 4, hidden)
        i = c("sigmoid", c("add", i, c("multiply", p_i, cell)))
        f = c("sigmoid", c("add", f, c("multiply", p_f, cell)))
        cell = c("add", c("multiply", f, cell), c("multiply", i, c("tanh", g)))
        o = c("sigmoid", c("add", o, c("multiply", p_o, cell)))
        h = c("multiply", o, c("tanh", cell))
        ys.append(h)
    return c("stack", *ys, axis=0), h, cell


def gru_layer(c, n, x, d, hidden, steps):
    if n.attr("linear_before_reset", 0):
        return c("gru", x, d.w, d.r, d.b_w, d.b_r, d.h, outputs=2)
    h, ys = d.h, []
    rows = c("slice", d.r, axis=0, start=2 * hidden, stop=3 * hidden, step=1)
    bias = c("slice", d.b_r, axis=0, start=2 * hidden, stop=3 * hidden, step=1)
    for t in range(steps):
        from_x, from_h = c("dense", step(c, x, t), d.w, d.b_w), c("dense", h, d.r, d.b_r)
        xs, hs = gates(c, from_x, 3, hidden), gates(c, from_h, 2, hidden)
        r, z = (c("sigmoid", c("add", a, b)) for a, b in zip(xs, hs))
        new = c("tanh", c("add", xs[2], c("dense", c("multiply", r, h), rows, bias)))
        h = c("add", c("multiply", c("subtract", c.put(np.float32(1)), z), new), c("multiply", z, h))
        ys.append(h)
    return c("stack", *ys, axis=0), h


def lstm(c, n):
    return recurrent(c, n, [0, 2, 3, 1], lstm_layer)  # ONNX has i, o, f, c; we i, f, g, o


def gru(c, n):
    return recurrent(c, n, [1, 0, 2], gru_layer)  # ONNX has z, r, h; we r, z, n


TRANSLATORS = {
    "QuantizeLinear": quantize_linear, "DequantizeLinear": dequantize_linear,
    "DynamicQuantizeLinear": dynamic_quantize_linear, "QLinearMatMul": qlinear_matmul, "QLinearConv": qlinear_conv,
    "MatMulInteger": matmul_integer, "ConvInteger": conv_integer, "LSTM": lstm, "GRU": gru, "Softmax": softmax,
    "Gelu": gelu, "LayerNormalization": layer_normalization, "Conv": conv, "Gemm": gemm, "Attention": attention,
}


def session_of(proto, opset, inputs, wide=False):
    """The session of a node, given its inputs (None where left out), and the names of the outputs that it asks for."""
    c = Calls(wide)
    names = TRANSLATORS[proto.op_type](c, Node(proto, opset, inputs))
    wanted = [name for name, output in zip(names, proto.output) if output]
    return c.session(wanted), wanted
