"""The table of oracles: for each operator of the registry, how to draw a call, and what others make of it.

An entry takes a Draw and gives (inputs, attributes, expected outputs); a fourth entry lists inputs that the operator
writes, whose expected values stand after those of the outputs. Expected float values are computed in float64
where the oracle can, so that an operator's tolerance holds against the truth; onnxruntime computes in float32 too, and
its own rounding is granted once more (SLACK)."""
import functools

import numpy as np

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


def window_attributes(d, axes, window, least_pad=0):
    attributes = {"strides": [d.size(3) for _ in range(axes)], "dilations": [d.size(2) for _ in range(axes)],
                  "pads": [d.size(min(2, window[i % axes] - 1) if least_pad else 2, 0) for i in range(2 * axes)]}
    return attributes


def left_out(d, attributes):
    """Attributes whose values are the defaults may be left out."""
    return {k: v for k, v in attributes.items() if not (set(v) == {0 if k == "pads" else 1} and d.chance(0.5))}
