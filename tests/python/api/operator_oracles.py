"""For each operator of the registry: how to draw a call, and what NumPy, SciPy, ml_dtypes or onnxruntime make of it.

An entry takes a Draw and gives (inputs, attributes, expected outputs); a fourth entry lists inputs that the operator
writes, whose expected values stand after those of the outputs. Expected float values are computed in float64
where the oracle can, so that an operator's tolerance holds against the truth; onnxruntime computes in float32 too, and
its own rounding is granted once more (SLACK)."""
import functools

import ml_dtypes
import numpy as np
from scipy import special

from draws import FLOATS, NUMBERS
from onnx_oracle import onnx

ORACLES = {}
# onnxruntime's float32 may be as far from the truth as ours.
SLACK = {name: 2 for name in ("dense", "convolution", "causal_convolution", "attention", "sequence_attention",
                              "causal_attention", "lstm", "gru", "layer_norm", "batch_norm", "rms_norm", "avg_pool")}


def oracle(*names):
    def keep(draw):
        for name in names:
            ORACLES[name] = functools.partial(draw, name) if len(names) > 1 else draw
        return draw
    return keep


def quiet(function):
    """NumPy's warnings about what special values give are not of interest."""
    @functools.wraps(function)
    def run(*arguments, **options):
        with np.errstate(all="ignore"):
            return function(*arguments, **options)
    return run


# ---- element by element

ARITHMETIC = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
              "power": np.power, "maximum": np.maximum, "minimum": np.minimum}
COMPARISONS = {"greater": np.greater, "greater_equal": np.greater_equal, "less": np.less,
               "less_equal": np.less_equal, "equal": np.equal, "not_equal": np.not_equal}


def two_numbers(name, d, function):
    floats_only = name in ("divide", "power")
    kinds = [d.pick(*(FLOATS if floats_only else NUMBERS)) for _ in range(2)]
    low, high = (0.1, 3) if name == "power" else (-3, 3)
    shapes = d.broadcast_pair()
    inputs = [d.array(shape, kind, low, high, special=name != "power") for shape, kind in zip(shapes, kinds)]
    if d.chance(0.3):  # a Python number takes the dtype of the array
        whole = inputs[0].dtype.kind == "i" or d.chance(0.3)
        inputs[1] = d.size(3) if whole else d.pick(0.5, -1.25, 2.0)
        if name == "power":
            inputs[1] = abs(inputs[1])
    if d.chance(0.2):
        inputs.reverse()
    return inputs, {}, [function(*inputs)]


for _name, _function in (ARITHMETIC | COMPARISONS).items():
    ORACLES[_name] = quiet(functools.partial(lambda name, function, d: two_numbers(name, d, function), _name,
                                             _function))


def one_float(low=-4.0, high=4.0, special=True):
    """An oracle of one float array: the decorated function sees float64 where the array has no more than that."""
    def decorate(function):
        @quiet
        def draw(d):
            x = d.array(d.shape(), d.pick(*FLOATS), low, high, special=special)
            return [x], {}, [function(x.astype(np.float64)).astype(x.dtype)]
        return draw
    return decorate


for _name, _function in {"exp": np.exp, "sqrt": np.sqrt, "log": np.log, "sigmoid": special.expit, "tanh": np.tanh,
                         "softplus": lambda x: np.logaddexp(0, x), "silu": lambda x: x * special.expit(x),
                         "softsign": lambda x: x / (1 + np.abs(x))}.items():
    ORACLES[_name] = one_float(special=_name in ("exp", "sqrt", "log", "sigmoid", "tanh"))(_function)
ORACLES["relu"] = one_float()(lambda x: np.maximum(x, 0))


for _name, _function in {"negative": np.negative, "abs": np.abs, "sign": np.sign, "square": np.square}.items():
    ORACLES[_name] = one_float()(_function)


@oracle("leaky_relu")
def leaky_relu(d):
    x, alpha = d.array(d.shape(), d.pick(*FLOATS)), d.pick(0.01, 0.2, 0.0, 1.5)
    return [x], {"alpha": alpha}, [np.where(x > 0, x, x * np.float64(alpha)).astype(x.dtype)]


@oracle("gelu")
def gelu(d):
    x, form = d.array(d.shape(), d.pick(*FLOATS)), d.pick("none", "tanh")
    v = x.astype(np.float64)
    y = (special.ndtr(v) * v if form == "none"
         else 0.5 * v * (1 + np.tanh(np.sqrt(2 / np.pi) * (v + 0.044715 * v ** 3))))
    return [x], {"approximate": form}, [y.astype(x.dtype)]


@oracle("clip")
@quiet
def clip(d):
    x = d.array(d.shape(), d.pick(*FLOATS), special=True)
    low, high = sorted(d.random.uniform(-3, 3, 2))
    return [x], {"low": low, "high": high}, [np.clip(x, x.dtype.type(low), x.dtype.type(high))]


@oracle("where")
def where(d):
    shape = d.shape()
    part = [tuple(1 if d.chance(0.2) else e for e in shape) for _ in range(3)]
    a, b = (d.array(s, d.pick(*NUMBERS), special=True) for s in part[1:])
    condition = d.array(part[0], bool)
    return [condition, a, b], {}, [np.where(condition, a, b)]


@oracle("cast")
def cast(d):
    source = d.pick(*NUMBERS, np.int8, np.uint8, np.int16, bool)
    target = d.pick("float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")
    # Within what every target holds: NumPy leaves the rest undefined.
    x = d.array(d.shape(), source, 0, 100)
    return [x], {"dtype": d.pick(target, np.dtype(target), np.dtype(target).type)}, [x.astype(target)]


# ---- along axes

def some_axis(d, x):
    return {"axis": d.axis(x.ndim)}


@oracle("softmax", "log_softmax")
def soft(name, d):
    x = d.array(d.shape(least=1), d.pick(*FLOATS), -20, 20)
    axis = some_axis(d, x)
    function = special.softmax if name == "softmax" else special.log_softmax
    y = function(x.astype(np.float64), **axis) if x.size else x
    return [x], axis, [y.astype(x.dtype)]


@oracle("sum", "mean", "max", "min")
def reduction(name, d):
    x = d.array(d.shape(), d.pick(*FLOATS))
    axes = d.axes(x.ndim)
    if name != "sum":
        while x.size == 0:
            x = d.array(d.shape(), x.dtype)
            axes = d.axes(x.ndim)
    keepdims = d.chance(0.5)
    y = getattr(np, name)(x.astype(np.float64), axis=tuple(axes) or None, keepdims=keepdims)
    given = axes[0] if len(axes) == 1 and d.chance(0.5) else axes  # one axis may be written without brackets
    return [x], {"axes": given, "keepdims": keepdims}, [np.asarray(y, x.dtype)]


@oracle("argmax")
def argmax(d):
    x = d.array(d.shape(least=1), d.pick(*FLOATS))
    while 0 in x.shape:
        x = d.array(d.shape(least=1), d.pick(*FLOATS))
    x = np.round(x)  # with ties
    axis = some_axis(d, x)
    return [x], axis, [np.argmax(x, **axis)]


# ---- products

@oracle("matmul")
def matmul(d):
    m, k, n = (d.extent(20) for _ in range(3))
    lead = d.shape(2)
    dtype = d.pick(*FLOATS)
    a = d.array(d.pick(lead, ()) + (m, k), dtype)
    b = d.array(tuple(1 if d.chance(0.3) else e for e in lead) + (k, n), dtype)
    return [a, b], {}, [np.matmul(a.astype(np.float64), b.astype(np.float64)).astype(dtype)]


@oracle("dense")
def dense(d):
    units, flatten = d.size(40), d.chance(0.5)
    x = d.floats(d.extent(), *[d.size(6) for _ in range(d.size(3))])
    width = int(np.prod(x.shape[1:])) if flatten else x.shape[-1]
    weight, bias = d.floats(units, width, scale=0.3), d.pick(None, d.floats(units))
    rows = np.ascontiguousarray(x).reshape(-1, width)
    y = onnx("Gemm", rows, weight, bias, transB=1)[0] if len(rows) else np.zeros((0, units), np.float32)
    return [x, weight, bias], {"flatten": flatten}, [y if flatten else y.reshape(*x.shape[:-1], units)]


@oracle("embedding")
def embedding(d):
    weight = d.floats(d.size(9), d.extent(), dtype=d.pick(*FLOATS))
    ids = d.array(d.shape(3), d.pick(np.int32, np.int64), 0, len(weight) - 1)
    ids = ids.astype(d.pick(ids.dtype, np.float32))
    return [ids, weight], {}, [weight[ids.astype(int)]]


# ---- windows

def window_attributes(d, axes, window, least_pad=0):
    attributes = {"strides": [d.size(3) for _ in range(axes)], "dilations": [d.size(2) for _ in range(axes)],
                  "pads": [d.size(min(2, window[i % axes] - 1) if least_pad else 2, 0) for i in range(2 * axes)]}
    return attributes


def left_out(d, attributes):
    """Attributes whose values are the defaults may be left out."""
    return {k: v for k, v in attributes.items() if not (set(v) == {0 if k == "pads" else 1} and d.chance(0.5))}


@oracle("convolution")
def convolution(d):
    axes, groups = d.pick(1, 2), d.pick(1, 1, 2, 3)
    window = [d.size(4) for _ in range(axes)]
    attributes = window_attributes(d, axes, window)
    size = [(k - 1) * s + d.size(9) for k, s in zip(window, attributes["dilations"])]
    x = d.floats(d.size(3), groups * d.size(4), *size)
    weight = d.floats(groups * d.size(4), x.shape[1] // groups, *window, scale=0.3)
    bias = d.pick(None, d.floats(len(weight)))
    y = onnx("Conv", x, weight, bias, group=groups, **attributes)[0]
    return [x, weight, bias], left_out(d, attributes) | {"groups": groups}, [y]


@oracle("causal_convolution")
def causal_convolution(d):
    groups, dilation, taps = d.pick(1, 1, 2, 3), d.size(4), d.size(4)
    x = d.floats(d.size(12), d.size(3), groups * d.size(4))
    weight = d.floats(groups * d.size(4), x.shape[2] // groups, taps, scale=0.3)
    bias = d.pick(None, d.floats(len(weight)))
    y = onnx("Conv", x.transpose(1, 2, 0), weight, bias, group=groups, dilations=[dilation],
             pads=[(taps - 1) * dilation, 0])[0]
    return [x, weight, bias], {"dilation": dilation, "groups": groups}, [y.transpose(2, 0, 1)]


@oracle("max_pool", "avg_pool")
def pool(name, d):
    axes = d.pick(1, 2)
    kernel = [d.size(4) for _ in range(axes)]
    attributes = window_attributes(d, axes, kernel, least_pad=1)
    del attributes["dilations"]
    x = d.floats(d.size(3), d.size(4), *[k + d.size(8, 0) for k in kernel])
    own = {}
    if name == "avg_pool":
        own = {"count_include_pad": d.chance(0.5)}
    y = onnx("MaxPool" if name == "max_pool" else "AveragePool", x, kernel_shape=kernel, **attributes,
             **{k: int(v) for k, v in own.items()})[0]
    return [x], {"kernel": kernel, "strides": attributes["strides"], "pads": attributes["pads"]} | own, [y]


@oracle("causal_max_pool")
def causal_max_pool(d):
    x, window = d.floats(d.size(12), d.size(4), d.size(5)), d.size(6)
    y = onnx("MaxPool", x.transpose(1, 2, 0), kernel_shape=[window], pads=[window - 1, 0])[0]
    return [x], {"window": window}, [y.transpose(2, 0, 1)]


# ---- shapes

def anything(d, shape, low=-100, high=100):
    return d.array(shape, d.pick(*NUMBERS, np.int8, np.uint8, np.int16, bool), low, high)


@oracle("identity")
def identity(d):
    x = anything(d, d.shape())
    return [x], {}, [x]


@oracle("reshape")
def reshape(d):
    x = anything(d, d.shape())
    wanted = [e for e in d.random.permutation(x.shape).tolist()]
    if len(wanted) > 1 and d.chance(0.5):
        wanted = [wanted[0] * wanted[1]] + wanted[2:]
    expected = x.reshape(wanted)
    if wanted and 0 not in wanted and d.chance(0.5):
        wanted[d.size(len(wanted)) - 1] = -1
    if 0 in wanted and [x.shape[i] if e == 0 and i < x.ndim else e for i, e in enumerate(wanted)] != wanted:
        wanted, expected = [-1, *x.shape[1:]] if 0 not in x.shape[1:] and x.ndim else list(x.shape), x
    return [x], {"shape": wanted}, [expected]


@oracle("transpose")
def transpose(d):
    x = anything(d, d.shape())
    axes = d.random.permutation(x.ndim).tolist()
    if d.chance(0.3) or not axes:
        return [x], {}, [np.transpose(x)]
    return [x], {"axes": [a - x.ndim if d.chance(0.3) else a for a in axes]}, [np.transpose(x, axes)]


@oracle("slice")
def slice_(d):
    x = anything(d, d.shape(least=1))
    axis, start, stop, step = d.axis(x.ndim), *(d.size(40, -40) for _ in range(2)), d.size(4)
    at = [slice(None)] * x.ndim
    at[axis] = slice(start, stop, step)
    return [x], {"axis": axis, "start": start, "stop": stop, "step": step}, [x[tuple(at)]]


@oracle("concat")
def concat(d):
    shape, dtype = d.shape(least=1), d.pick(*NUMBERS)
    axis = d.axis(len(shape))
    parts = []
    for _ in range(d.size(4)):
        own = list(shape)
        own[axis] = d.extent()
        parts.append(d.array(tuple(own), dtype))
    return [parts], {"axis": axis}, [np.concatenate(parts, axis)]


@oracle("stack")
def stack(d):
    shape, dtype = d.shape(3), d.pick(*NUMBERS)
    parts = [d.array(shape, dtype) for _ in range(d.size(4))]
    axis = d.axis(len(shape) + 1)
    return [parts], {"axis": axis}, [np.stack(parts, axis)]


@oracle("expand_dims")
def expand_dims(d):
    x = anything(d, d.shape())
    axis = d.axis(x.ndim + 1)
    return [x], {"axis": axis}, [np.expand_dims(x, axis)]


@oracle("squeeze")
def squeeze(d):
    shape = list(d.shape(3))
    place = d.size(len(shape), 0)
    shape.insert(place, 1)
    x = anything(d, tuple(shape))
    axis = d.pick(place, place - x.ndim)
    return [x], {"axis": axis}, [np.squeeze(x, axis)]


@oracle("broadcast_to")
def broadcast_to(d):
    whole = d.shape()
    x = anything(d, tuple(1 if d.chance(0.3) else e for e in whole[d.size(len(whole), 0):]))
    return [x], {"shape": list(whole)}, [np.broadcast_to(x, whole)]


@oracle("flatten")
def flatten(d):
    x = anything(d, d.shape(least=1))
    return [x], {}, [x.reshape(len(x), int(np.prod(x.shape[1:])))]


@oracle("take")
def take(d):
    x = anything(d, d.shape(least=1))
    axis = d.axis(x.ndim)
    n = x.shape[axis]
    shape = d.shape(2) if n else (0,)
    indices = d.array(shape, d.pick(np.int32, np.int64), -n, n - 1) if n else np.zeros(shape, np.int64)
    return [x, indices], {"axis": axis}, [np.take(x, indices, axis)]


@oracle("sequence_last")
def sequence_last(d):
    x = anything(d, (d.size(9), *d.shape(3, 1)))
    return [x], {}, [x[-1]]


@oracle("sequence_reverse")
def sequence_reverse(d):
    x = anything(d, d.shape(least=2))
    return [x], {}, [x[::-1]]


# ---- normalization

@oracle("layer_norm", "rms_norm")
def row_norm(name, d):
    # A leading axis even for one row: a row that is one value repeated has no deviation to divide by.
    x = d.floats(*[d.size(6) for _ in range(d.size(3))], d.size(40, 2), scale=d.pick(0.1, 1, 10))
    epsilon = d.pick(1e-5, 1e-3, 0.1)
    gamma, beta = d.floats(x.shape[-1]), d.floats(x.shape[-1])
    if name == "rms_norm":
        return [x, gamma], {"epsilon": epsilon}, [onnx("RMSNormalization", x, gamma, axis=-1, epsilon=epsilon)[0]]
    y = onnx("LayerNormalization", x, gamma, beta, axis=-1, epsilon=epsilon)[0]
    return [x, gamma, beta], {"epsilon": epsilon}, [y]


@oracle("batch_norm")
def batch_norm(d):
    training, axis = d.chance(0.4), d.pick(1, 1, -1)
    x = d.values((d.size(6, 2), *[d.size(5) for _ in range(d.size(3))]), np.float32, -1, 1)
    x[::2] += 3  # no channel's values are nearly equal, which float32 does not bear
    x = d.laid(x) if not training else x
    channels = x.shape[axis]
    gamma, beta, mean = (d.floats(channels) for _ in range(3))
    variance = d.array((channels,), np.float32, 0.2, 3)
    epsilon, momentum = d.pick(1e-5, 1e-2), d.pick(0.9, 0.5)
    moved = np.moveaxis(x, axis, 1)
    y, *moves = onnx("BatchNormalization", moved, gamma, beta, mean, variance, epsilon=epsilon, momentum=momentum,
                     training_mode=int(training), outputs=3 if training else 1, opset=15)
    attributes = {"axis": axis, "epsilon": epsilon, "momentum": momentum, "training": training}
    # In training the running statistics are written in place, so they are copies of one's own, and results too.
    running = [mean.copy(), variance.copy()]
    return [x, gamma, beta, *running], attributes, [np.moveaxis(y, 1, axis), *moves], running if training else []


def philox(block, key):
    """Philox 4x32-10 (Salmon et al. 2011) for counters [block low, block high, 2, 0], four numbers per block."""
    mask = np.uint64(0xFFFFFFFF)
    c = [block & mask, block >> np.uint64(32), np.full_like(block, 2), np.zeros_like(block)]
    k = [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), b & mask, (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]),
             a & mask]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, -1).reshape(-1)


@oracle("dropout")
def dropout(d):
    x, rate, key, training = d.array(d.shape(), d.pick(*FLOATS)), d.pick(0.0, 0.1, 0.5,
                                                                         0.9), d.size(1 << 62), d.chance(0.8)
    if not training:
        return [x], {"rate": rate, "key": key}, [x]
    draws = philox(np.arange(-(-x.size // 4), dtype=np.uint64), key)[:x.size].reshape(x.shape)
    y = np.where(draws < int(rate * 2 ** 32), 0, x.astype(np.float64) / (1 - rate))
    return [x], {"rate": rate, "key": key, "training": True}, [y.astype(x.dtype)]


# ---- recurrence; gates i, f, g, o and r, z, n here, i, o, f, c and z, r, h in ONNX

LSTM_GATES, GRU_GATES = [0, 3, 1, 2], [1, 0, 2]


def reordered(array, order):
    blocks = np.split(np.ascontiguousarray(array), len(order))
    return np.concatenate([blocks[at] for at in order])


def recurrent(d, gates):
    steps, batch, inputs, hidden = d.size(6), d.size(4), d.size(6), d.pick(1, 2, 5, 8, 17)
    # Each gate has a scale of its own, so that no two can be exchanged unseen.
    scale = np.repeat(np.array([0.3, 0.7, 1.1, 0.5])[:gates], hidden)[:, None].astype(np.float32)
    w_ih = d.laid(scale * d.floats(gates * hidden, inputs) / np.float32(np.sqrt(inputs)))
    w_hh = d.laid(scale * d.floats(gates * hidden, hidden) / np.float32(np.sqrt(hidden)))
    biases = [d.floats(gates * hidden, scale=0.3) for _ in range(2)]
    return [d.floats(steps, batch, inputs), w_ih, w_hh, *biases], batch, hidden


def onnx_recurrent(op, inputs, states, order, outputs, **attributes):
    x, w_ih, w_hh, b_ih, b_hh = inputs
    bias = np.concatenate([reordered(b_ih, order), reordered(b_hh, order)])[None]
    y, *last = onnx(op, x, reordered(w_ih, order)[None], reordered(w_hh, order)[None], bias, None,
                    *[None if s is None else s[None] for s in states], outputs=outputs,
                    hidden_size=w_hh.shape[1], **attributes)
    return [y[:, 0], *[state[0] for state in last]]


@oracle("lstm")
def lstm(d, order=LSTM_GATES):
    inputs, batch, hidden = recurrent(d, 4)
    states = [d.floats(batch, hidden, scale=0.5), d.floats(batch, hidden, scale=0.5)] if d.chance(0.5) else [None, None]
    return [*inputs, *states], {}, onnx_recurrent("LSTM", inputs, states, order, 3)


@oracle("gru")
def gru(d, order=GRU_GATES):
    inputs, batch, hidden = recurrent(d, 3)
    state = d.pick(None, d.floats(batch, hidden, scale=0.5))
    return [*inputs, state], {}, onnx_recurrent("GRU", inputs, [state], order, 2, linear_before_reset=1)


@oracle("lstm_projection")
def lstm_projection(d):
    """No ONNX operator has it: the equations (Sak et al. 2014) in NumPy and SciPy, float64."""
    (x, w_ih, _, b_ih, b_hh), batch, hidden = recurrent(d, 4)
    projection = d.size(hidden + 2)
    w_hh, w_hr = d.floats(4 * hidden, projection, scale=0.5), d.floats(projection, hidden, scale=0.5)
    states = [d.floats(batch, projection), d.floats(batch, hidden)] if d.chance(0.5) else [None, None]
    h, c = [np.zeros((batch, n)) if s is None else s.astype(np.float64) for s, n in zip(states, (projection, hidden))]
    y = []
    for step in x.astype(np.float64):
        i, f, g, o = np.split(step @ w_ih.T + h @ w_hh.T + b_ih.astype(np.float64) + b_hh, 4, axis=1)
        c = special.expit(f) * c + special.expit(i) * np.tanh(g)
        h = (special.expit(o) * np.tanh(c)) @ w_hr.T.astype(np.float64)
        y.append(h)
    return [x, w_ih, w_hh, b_ih, b_hh, w_hr, *states], {}, [np.float32(v) for v in (np.stack(y), h, c)]


# ---- attention

def heads_of(d):
    heads = d.pick(1, 2, 4)
    return heads, d.pick(*[k for k in (1, 2, 4) if heads % k == 0])


def attended(q, k, v, heads, kv_heads, scale, mask):
    """[batch, tokens, channels] by ONNX's Attention; mask [.., L, S] of bool."""
    return onnx("Attention", q, k, v, mask, q_num_heads=heads, kv_num_heads=kv_heads, scale=scale)[0]


@oracle("attention")
def attention(d):
    (heads, kv_heads), width, out = heads_of(d), d.size(5), d.size(5)
    batch, length, keys = d.size(3), d.size(6), d.size(6)
    causal = d.chance(0.3)
    keys = length if causal else keys
    q, k, v = (d.floats(batch, length, heads * width), d.floats(batch, keys, kv_heads * width),
               d.floats(batch, keys, kv_heads * out))
    scale = d.pick(None, 0.3)
    mask = None if d.chance(0.5) else np.maximum(d.values((batch, keys), np.float32, -1, 1), 0)
    if mask is not None:
        mask[:, 0] = 1  # a row that attends to nothing has no value that all agree on
    seen = np.ones((batch, 1, length, keys), bool) if mask is None else np.repeat((mask > 0)[:, None, None], length, 2)
    if causal:
        seen = seen & np.tril(np.ones((length, keys), bool))
    attributes = {"heads": heads, "kv_heads": kv_heads, "causal": causal, "scale": scale or 0.0}
    return [q, k, v, mask], attributes, [attended(q, k, v, heads, kv_heads, scale, seen)]


def over_time(d):
    (heads, kv_heads), width, out = heads_of(d), d.size(5), d.size(5)
    steps, batch = d.size(8), d.size(3)
    return [d.floats(steps, batch, heads * width), d.floats(steps, batch, kv_heads * width),
            d.floats(steps, batch, kv_heads * out)], heads, kv_heads, d.pick(None, 0.3)


@oracle("sequence_attention")
def sequence_attention(d):
    inputs, heads, kv_heads, scale = over_time(d)
    y = attended(*[x.transpose(1, 0, 2) for x in inputs], heads, kv_heads, scale, None)
    return inputs, {"heads": heads, "kv_heads": kv_heads, "scale": scale or 0.0}, [y.transpose(1, 0, 2)]


@oracle("causal_attention")
def causal_attention(d):
    inputs, heads, kv_heads, scale = over_time(d)
    context, recency = d.size(9), d.pick(0.0, 0.0, 0.5)
    age = np.subtract.outer(np.arange(len(inputs[0])), np.arange(len(inputs[0])))
    seen = (age >= 0) & (age < context)
    bias = np.where(seen, -recency * age, -np.inf).astype(np.float32)  # ALiBi's slope (Press et al. 2021)
    slopes = recency_slopes(heads)[:, None, None] if recency else np.ones((heads, 1, 1))
    mask = np.where(seen, bias * slopes, -np.inf).astype(np.float32)[None]
    y = attended(*[x.transpose(1, 0, 2) for x in inputs], heads, kv_heads, scale, mask)
    attributes = {"context": context, "heads": heads, "kv_heads": kv_heads, "scale": scale or 0.0, "recency": recency}
    return inputs, attributes, [y.transpose(1, 0, 2)]


def recency_slopes(heads):
    return 2.0 ** (-8.0 * np.arange(1, heads + 1) / heads)


# ---- codes

def scale_of(d, x):
    """Shape of one scale, of one per channel of an axis, or of one per block; the ONNX attributes that say so."""
    kind, axis, size = d.pick("one", "channel", "block"), d.axis(x.ndim), d.size(4)
    if kind == "channel":
        return (x.shape[axis],), {"axis": axis}
    blocks = tuple(-(-e // size) if a == axis % x.ndim else e for a, e in enumerate(x.shape))
    if kind == "block" and np.prod(blocks) > 1:  # onnxruntime takes one element for one scale
        return blocks, {"axis": axis, "block_size": size}
    return (), {}


FLOAT_CODES = {"float8e4m3fn": ml_dtypes.float8_e4m3fn, "float8e5m2": ml_dtypes.float8_e5m2}


@oracle("quantize_linear")
def quantize_linear(d):
    x = d.floats(*[d.size(6) for _ in range(d.size(3))], scale=3)
    kind = d.pick("uint8", "int8", "int16", "uint4", "int4", *FLOAT_CODES)
    if kind in FLOAT_CODES:
        scale = np.float32(10 ** d.random.uniform(-4, -0.7))  # some codes past the largest
        top, saturate = float(ml_dtypes.finfo(FLOAT_CODES[kind]).max), d.chance(0.5)
        y = np.clip(x / scale, -top, top) if saturate else x / scale
        return [x, np.asarray(scale)], {"dtype": kind, "saturate": saturate}, [np.float32(y.astype(FLOAT_CODES[kind]))]
    shape, attributes = scale_of(d, x)
    scale = d.array(shape, np.float32, 0.01, 0.3)
    if kind.endswith("4"):
        low, high = (0, 15) if kind == "uint4" else (-8, 7)
        held = np.uint8 if kind == "uint4" else np.int8
        scale = np.float32(0.25)
        y = np.clip(np.rint(x / scale), low, high).astype(held)
        return [x, np.asarray(scale)], {"dtype": kind}, [y]
    zero = d.pick(None, d.array(shape, kind, -20, 20))
    y = onnx("QuantizeLinear", x, scale, zero, **attributes, output_dtype=None if zero is not None else
             {"uint8": 2, "int8": 3, "int16": 5}[kind])[0]
    return [x, scale, zero], {"dtype": kind} | attributes, [y]


@oracle("dequantize_linear")
def dequantize_linear(d):
    x = d.codes([d.size(6) for _ in range(d.size(3))], d.pick(np.uint8, np.int8, np.int16))
    shape, attributes = scale_of(d, x)
    scale = d.array(shape, np.float32, 0.01, 0.3)
    zero = d.pick(None, d.codes(shape, x.dtype))
    return [x, scale, zero], attributes, [onnx("DequantizeLinear", x, scale, zero, **attributes)[0]]


@oracle("dynamic_quantize_linear")
def dynamic_quantize_linear(d):
    x = d.floats(*[d.size(6) for _ in range(d.size(3))], scale=d.pick(0.1, 3))
    return [x], {}, onnx("DynamicQuantizeLinear", x, outputs=3)


@oracle("matmul_integer")
def matmul_integer(d):
    m, k, n = (d.size(12) for _ in range(3))
    a, b = d.codes((m, k), d.pick(np.uint8, np.int8)), d.codes((k, n), d.pick(np.uint8, np.int8))
    zeros = [d.pick(None, d.codes((), a.dtype)), d.pick(None, d.codes((), b.dtype), d.codes((n,), b.dtype))]
    wide = [c.astype(np.int32) - (0 if z is None else z.astype(np.int32)) for c, z in zip((a, b), zeros)]
    return [a, b, *zeros], {}, [wide[0] @ wide[1]]


def scales(d, *shapes):
    return [d.array(shape, np.float32, 0.01, 0.1) for shape in shapes]


@oracle("qlinear_matmul")
def qlinear_matmul(d):
    m, k, n = (d.size(12) for _ in range(3))
    kind = d.pick(np.uint8, np.int8)
    a, b = d.codes((m, k), kind), d.codes((k, n), kind)
    a_scale, b_scale, y_scale = scales(d, (), (), ())
    zeros = [d.array((), kind, 0, 20) for _ in range(3)]
    y_scale = np.asarray(y_scale * np.float32(20))
    inputs = [a, a_scale, zeros[0], b, b_scale, zeros[1], y_scale, zeros[2]]
    return inputs, {}, [onnx("QLinearMatMul", *inputs)[0]]


def integer_windows(d, kinds):
    axes, groups = d.pick(1, 2), d.pick(1, 1, 2)
    window = [d.size(3) for _ in range(axes)]
    attributes = window_attributes(d, axes, window)
    size = [(k - 1) * s + d.size(7) for k, s in zip(window, attributes["dilations"])]
    x = d.codes((d.size(2), groups * d.size(3), *size), kinds[0])
    w = d.codes((groups * d.size(3), x.shape[1] // groups, *window), kinds[1])
    return x, w, attributes, groups


@oracle("conv_integer")
def conv_integer(d):
    x, w, attributes, groups = integer_windows(d, (np.uint8, np.uint8))  # onnxruntime's only types
    x_zero, w_zero = d.pick(None, d.codes((), np.uint8)), d.pick(None, d.codes((), np.uint8))
    y = onnx("ConvInteger", x, w, x_zero, w_zero, group=groups, **attributes)[0]
    return [x, w, x_zero, w_zero], left_out(d, attributes) | {"groups": groups}, [y]


@oracle("qlinear_conv")
def qlinear_conv(d):
    kind = d.pick((np.uint8, np.uint8), (np.uint8, np.int8), (np.int8, np.int8))
    x, w, attributes, groups = integer_windows(d, kind)
    per_channel = (len(w),) if d.chance(0.5) else ()
    x_scale, w_scale, y_scale = scales(d, (), per_channel, ())
    y_scale = np.asarray(y_scale * np.float32(20))
    w_zero = np.zeros(per_channel, kind[1])
    x_zero, y_zero = (d.array((), kind[0], 0, 20) for _ in range(2))
    bias = d.pick(None, d.array((len(w),), np.int32, -500, 500))
    inputs = [x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias]
    y = onnx("QLinearConv", *inputs, group=groups, **attributes)[0]
    return inputs, left_out(d, attributes) | {"groups": groups}, [y]
