"""Oracles of every operator of the registry (oracle_table.py says what an entry is). Here: element by element, along axes,
products, windows, shapes and normalization, by NumPy, SciPy and onnxruntime."""
import functools

import numpy as np
from scipy import special

import code_oracles  # noqa: F401, its entries
import sequence_oracles  # noqa: F401, its entries
from draws import FLOATS, NUMBERS
from onnx_oracle import onnx
from oracle_table import ORACLES, left_out, oracle, quiet, window_attributes

__all__ = ["ORACLES"]


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
