"""Convolutions quantized by our lowering against onnxruntime in bits, with free scales per channel.

Both as QLinearConv and as a float Conv between dequantize and quantize nodes, which onnxruntime's optimizer fuses; over
a million outputs of Conv1D, Conv2D and the causal convolution each.
"""
import dataclasses

import numpy as np
import pytest
from onnx import TensorProto, helper

from onnx_calls import array_of, document
from test_oracle_onnxruntime import has_vnni, session

MILLION = 1_000_000


@dataclasses.dataclass
class Sizes:
    x: tuple  # [batch, channels, spatial...]
    outputs: int
    window: tuple
    strides: tuple = ()
    pads: tuple = ()
    dilations: tuple = ()
    groups: int = 1

    def attributes(self):
        axes = len(self.window)
        return {"strides": list(self.strides or [1] * axes), "pads": list(self.pads or [0] * 2 * axes),
                "dilations": list(self.dilations or [1] * axes)}


CASES = {
    "Conv1D": [Sizes((64, 24, 150), 48, (3,), pads=(1, 1)),
               Sizes((64, 24, 160), 48, (3,), pads=(2, 2), dilations=(2,), groups=4),
               Sizes((64, 19, 300), 33, (5,), strides=(2,), pads=(1, 3))],
    "Conv2D": [Sizes((16, 12, 28, 28), 32, (3, 3), pads=(1, 1, 1, 1)),
               Sizes((16, 16, 40, 30), 64, (3, 2), (2, 1), (1, 0, 0, 2), (1, 2), 4),
               Sizes((16, 32, 28, 28), 32, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 32)],
    # Time-major for us; for ONNX a Conv whose pads all stand on the left.
    "causal": [Sizes((64, 24, 150), 64, (3,), pads=(2, 0)),
               Sizes((64, 24, 150), 64, (4,), pads=(12, 0), dilations=(4,), groups=2)],
}


def draw_case(seed, s):
    """Float parameters, codes of x, and formats whose scales and zero points are free."""
    draw = np.random.default_rng(seed)
    depth = s.x[1] // s.groups
    weight = draw.normal(size=(s.outputs, depth, *s.window)) / np.sqrt(depth * np.prod(s.window))
    weight *= draw.uniform(0.2, 1.5, s.outputs).reshape(-1, *[1] * (weight.ndim - 1))
    scale_x = np.float32(draw.uniform(0.01, 0.1))
    # x has a deviation of 74 codes; a typical y gets one of 30 to 60, so some saturate.
    deviation = 74 * scale_x
    scale_y = np.float32(deviation / draw.uniform(30, 60))
    return {"weight": weight.astype(np.float32),
            "bias": (0.3 * deviation * draw.normal(size=s.outputs)).astype(np.float32),
            "x": draw.integers(-128, 128, s.x).astype(np.int8), "scale_x": scale_x, "scale_y": scale_y,
            "zero_x": int(draw.integers(-20, 21)), "zero_y": int(draw.integers(-20, 21))}


def lowered(oracle, s, case, causal):
    """Our constants and codes per instruction set, channels first as ONNX has them."""
    x = case["x"].transpose(2, 0, 1) if causal else case["x"]
    attributes = {"dilation": s.attributes()["dilations"][0]} if causal else s.attributes()
    answer = oracle("lowered", name="causal_convolution" if causal else "convolution",
                    attributes=attributes | {"groups": s.groups}, lead_axes=2 if causal else 1, inputs=[document(x)],
                    formats=[{"dtype": "int8", "scale": float(case["scale_x"]), "zero_point": case["zero_x"]}],
                    parameters=[document(case["weight"]), document(case["bias"])],
                    output={"dtype": "int8", "scale": float(case["scale_y"]), "zero_point": case["zero_y"]},
                    # onnxruntime's sums of pairs saturate above 63 where VNNI is missing.
                    precision={"weight_dtype": "int8" if has_vnni() else "int7"})
    constants = {name: array_of(value) for name, value in answer["constants"].items()}
    codes = {isa: array_of(value) for isa, value in answer["outputs"].items()}
    return constants, {isa: y.transpose(1, 2, 0) if causal else y for isa, y in codes.items()}


def onnx_constants(s, case, constants):
    """Weights, their scales and the bias as ONNX wants them, from the constants of our file."""
    prefixes = [f"g{g}_" for g in range(s.groups)] if s.groups > 1 else [""]
    parts = [{name: constants[prefix + name] for name in ("weight", "bias", "scale")} for prefix in prefixes]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    # Ours has taps outside and channels inside; the zero point of x is folded into our bias.
    codes = whole["weight"].reshape(s.outputs, -1, s.x[1] // s.groups).transpose(0, 2, 1)
    bias = whole["bias"] + case["zero_x"] * codes.astype(np.int64).sum(axis=(1, 2))
    limit = np.float64(127 if has_vnni() else 63)
    scale_w = (np.abs(case["weight"]).reshape(s.outputs, -1).max(axis=1) / limit).astype(np.float32)
    np.testing.assert_array_equal(case["scale_x"] * scale_w / case["scale_y"], whole["scale"])
    return {"w": codes.reshape(case["weight"].shape).astype(np.int8), "b": bias.astype(np.int32),
            "sx": case["scale_x"], "zx": np.int8(case["zero_x"]), "sw": scale_w,
            "zw": np.zeros(s.outputs, np.int8), "sy": case["scale_y"], "zy": np.int8(case["zero_y"])}


def qlinear_form(s, constants):
    return [helper.make_node("QLinearConv", ["x", "sx", "zx", "w", "sw", "zw", "sy", "zy", "b"], ["y"], group=s.groups,
                             **s.attributes())], constants


def qdq_form(s, constants):
    nodes = [helper.make_node("DequantizeLinear", ["x", "sx", "zx"], ["xf"]),
             helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wf"], axis=0),
             helper.make_node("DequantizeLinear", ["b", "sb", "zb"], ["bf"], axis=0),
             helper.make_node("Conv", ["xf", "wf", "bf"], ["yf"], group=s.groups, **s.attributes()),
             helper.make_node("QuantizeLinear", ["yf", "sy", "zy"], ["y"])]
    return nodes, constants | {"sb": constants["sx"] * constants["sw"], "zb": np.zeros(s.outputs, np.int32)}


FORMS = {"QLinearConv": qlinear_form, "QDQ": qdq_form}


def onnx_codes(form, s, case, constants, shape):
    nodes, constants = FORMS[form](s, constants)
    run = session(nodes, {"x": (TensorProto.INT8, case["x"].shape)}, {"y": (TensorProto.INT8, shape)},
                  {name: np.asarray(value) for name, value in constants.items()},
                  qdqisint8allowed="1")  # else, outside of ARM, it fuses uint8 alone
    return run.run(None, {"x": case["x"]})[0]


@pytest.mark.parametrize("layer", CASES)
def test_a_million_outputs_have_onnxruntimes_bits(oracle, layer):
    compared = dict.fromkeys(FORMS, 0)
    for seed, s in enumerate(CASES[layer]):
        case = draw_case(7000 + seed, s)
        constants, ours = lowered(oracle, s, case, layer == "causal")
        assert "scalar" in ours and len(np.unique(ours["scalar"])) == 256, "the case spans the codes"
        given = onnx_constants(s, case, constants)
        for form in FORMS:
            expected = onnx_codes(form, s, case, given, ours["scalar"].shape)
            for isa, codes in ours.items():
                assert np.count_nonzero(codes != expected) == 0, f"{form}, {isa}, {s}"
            compared[form] += expected.size
            # Scales off by a millionth are seen: the comparison can fail.
            off = onnx_codes(form, s, case, given | {"sy": given["sy"] * np.float32(1 + 2**-20)}, expected.shape)
            assert np.count_nonzero(ours["scalar"] != off) > 0
    assert min(compared.values()) >= MILLION, compared
