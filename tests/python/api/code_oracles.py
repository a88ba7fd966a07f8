"""Oracles of quantization and of integer arithmetic: ml_dtypes, NumPy and onnxruntime."""
import ml_dtypes
import numpy as np

from onnx_oracle import onnx
from oracle_table import left_out, oracle, window_attributes


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
