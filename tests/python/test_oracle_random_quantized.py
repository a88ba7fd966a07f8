"""Quantization nodes of random shapes, types and granularities, exactly: against onnxruntime, and against onnx's
reference where onnxruntime lacks a type of codes."""
import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from onnx_calls import array_of
from onnx_nodes import session_of
from test_oracle_onnxruntime import has_vnni
from test_oracle_random_nodes import CASES, Draw, onnx_run

INTEGERS = {"INT8": np.int8, "UINT8": np.uint8, "INT16": np.int16, "UINT16": np.uint16, "INT4": ml_dtypes.int4,
            "UINT4": ml_dtypes.uint4, "INT2": ml_dtypes.int2, "UINT2": ml_dtypes.uint2}
FLOATS = ["FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "FLOAT4E2M1"]


def codes(d, kind, *shape):
    """Of int8 or uint8; weights that onnxruntime multiplies without saturated sums are asked for with limited_codes."""
    info = np.iinfo(kind)
    return d.random.integers(info.min, info.max + 1, shape).astype(kind)


def limited_codes(d, kind, *shape):
    top = 127 if has_vnni() else 63
    return d.random.integers(-top if kind == np.int8 else 0, top + 1, shape).astype(kind)


def zero_points(d, kind, shape):
    info = ml_dtypes.iinfo(kind)
    return d.random.integers(info.min, info.max + 1, shape).astype(kind)


def scales(d, *shape):
    return np.exp(d.random.uniform(-3, 3, shape)).astype(np.float32)


def granularity(d, shape):
    """Shape of scales and attributes: one for all, per index of an axis, or per block."""
    axis = d.size(len(shape) - 1, 0)
    form = d.pick("tensor", "axis", "block")
    if form == "tensor":
        return (), {}
    if form == "axis":
        return (shape[axis],), {"axis": axis}
    block = d.size(shape[axis])
    return (*shape[:axis], -(-shape[axis] // block), *shape[axis + 1:]), {"axis": axis, "block_size": block}


def drawn_shape(d):
    return tuple(d.size(7, 2) for _ in range(d.size(4, 2)))


def quantize_linear(d):
    shape = drawn_shape(d)
    scale_shape, attributes = granularity(d, shape)
    name = d.pick(*INTEGERS, *FLOATS)
    # Half of the values are ties or near the largest code.
    x = d.normal(*shape, scale=d.pick(1, 30, 3000))
    scale = scales(d, *scale_shape) if d.pick(0, 1) else np.full(scale_shape, 0.5, np.float32)
    x = np.where(d.random.uniform(size=shape) < 0.5, x, np.round(4 * x) / 4).astype(np.float32)
    if name in INTEGERS and d.pick(0, 1):
        return [x, scale, zero_points(d, INTEGERS[name], scale_shape)], 1, attributes
    attributes["output_dtype"] = getattr(TensorProto, name)
    if "8E" in name and d.pick(0, 1):
        attributes["saturate"] = 0
    return [x, scale], 1, attributes


def dequantize_linear(d):
    shape = drawn_shape(d)
    scale_shape, attributes = granularity(d, shape)
    kind = d.pick(*INTEGERS.values())
    inputs = [zero_points(d, kind, shape), scales(d, *scale_shape)]
    return inputs + [zero_points(d, kind, scale_shape)] * d.pick(0, 1), 1, attributes


def dynamic_quantize_linear(d):
    return [d.normal(*drawn_shape(d), scale=d.pick(0.1, 1, 30)) + np.float32(d.pick(0, 0, 5, -500))], 3, {}


def products(d):
    m, k, n = d.size(9), d.size(70), d.size(19)
    lead = d.pick((), (d.size(3),), (d.size(3), d.size(2)))
    kinds = d.pick((np.uint8, np.int8), (np.uint8, np.uint8), (np.int8, np.int8))
    return codes(d, kinds[0], *lead, m, k), limited_codes(d, kinds[1], k, n), n


def matmul_integer(d):
    a, b, n = products(d)
    return [a, b, codes(d, a.dtype.type), limited_codes(d, b.dtype.type, *d.pick((), (n,)))], 1, {}


def qlinear_matmul(d):
    a, b, n = products(d)
    columns = d.pick((), (n,))
    # Sums have a deviation of about 74 * 40 * sqrt(k); codes get one of some tens, so that some saturate.
    scale_y = np.float32(74 * 40 * np.sqrt(a.shape[-1]) / d.random.uniform(20, 80))
    return [a, np.float32(0.37), codes(d, a.dtype.type), b,
            d.random.uniform(0.5, 2, columns).astype(np.float32), np.zeros(columns, b.dtype), scale_y,
            codes(d, a.dtype.type)], 1, {}


def windows(d, x_kind, w_kind):
    axes, groups = d.pick(1, 2), d.pick(1, 1, 2, 3)
    window, dilations = [d.size(4) for _ in range(axes)], [d.size(3) for _ in range(axes)]
    spatial = [(k - 1) * s + d.size(12) for k, s in zip(window, dilations)]
    x = codes(d, x_kind, d.size(4), groups * d.size(6), *spatial)
    w = limited_codes(d, w_kind, groups * d.size(7), x.shape[1] // groups, *window)
    return x, w, {"strides": [d.size(3) for _ in range(axes)], "dilations": dilations, "group": groups,
                  "pads": [d.size(3, 0) for _ in range(2 * axes)]}


def conv_integer(d):
    x, w, attributes = windows(d, np.uint8, np.uint8)
    return [x, w, codes(d, np.uint8), limited_codes(d, np.uint8)], 1, attributes


def qlinear_conv(d):
    x, w, attributes = windows(d, *d.pick((np.uint8, np.int8), (np.int8, np.int8), (np.uint8, np.uint8)))
    channels = d.pick((), (len(w),))
    scale_y = np.float32(74 * 40 * np.sqrt(w[0].size) / d.random.uniform(20, 80))
    bias = d.pick(None, d.random.integers(-9999, 9999, len(w)).astype(np.int32))
    return [x, np.float32(0.37), codes(d, x.dtype.type), w, d.random.uniform(0.5, 2, channels).astype(np.float32),
            np.zeros(channels, w.dtype), scale_y, codes(d, x.dtype.type), bias], 1, attributes


def reference_run(proto, opset, inputs):
    model = helper.make_model(helper.make_graph(
        [proto], "test",
        [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
         for name, x in zip(proto.input, inputs)],
        [helper.make_empty_tensor_value_info(name) for name in proto.output]),
        opset_imports=[helper.make_opsetid("", opset)])
    return ReferenceEvaluator(model).run(None, dict(zip(proto.input, inputs)))


NODES = {"QuantizeLinear": (quantize_linear, 25, reference_run),
         "DequantizeLinear": (dequantize_linear, 25, reference_run),
         "DynamicQuantizeLinear": (dynamic_quantize_linear, 11, onnx_run),
         "MatMulInteger": (matmul_integer, 10, onnx_run), "QLinearMatMul": (qlinear_matmul, 21, onnx_run),
         "ConvInteger": (conv_integer, 10, onnx_run), "QLinearConv": (qlinear_conv, 10, onnx_run)}


@pytest.mark.parametrize("operator", NODES)
def test_random_nodes_are_exactly_onnxs(oracle, operator):
    make, opset, run = NODES[operator]
    sessions, checks = [], []
    for seed in range(CASES):
        inputs, outputs, attributes = make(Draw(operator, seed))
        inputs = [x if x is None else np.asarray(x) for x in inputs]
        names = [f"i{at}" if x is not None else "" for at, x in enumerate(inputs)]
        proto = helper.make_node(operator, names, [f"o{i}" for i in range(outputs)], **attributes)
        session, wanted = session_of(proto, opset, inputs)
        sessions.append(session)
        checks.append((f"{operator} {attributes} of {[str(x.dtype) for x in inputs if x is not None]}", wanted,
                       run(proto, opset, inputs)))
    for (what, wanted, expected), answer in zip(checks, oracle("sessions", sessions=sessions), strict=True):
        assert "error" not in answer, f"{what}: {answer}"
        for name, value in zip(wanted, expected, strict=True):
            got = array_of(answer[name])
            np.testing.assert_array_equal(got, np.asarray(value).astype(got.dtype), err_msg=what)
