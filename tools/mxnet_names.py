#!/usr/bin/env python3
"""Writes docs/from_mxnet.md: where the public names of MXNet 1.9.1 are in quantick.

    mxnet_names.py            # writes the page
    mxnet_names.py --check    # fails where the page is not what would be written

Reads tests/golden/mxnet_1_9_1_names.json, taken once from the real package, and tools/mxnet_names.json, which says what
has another name here, what is left out and why, and why arguments differ. A name that neither mentions is here under the
same name; tests/python/api/test_gluon_names.py imports each of them and compares the arguments.
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAMES = ROOT / "tests/golden/mxnet_1_9_1_names.json"
MAPPING = ROOT / "tools/mxnet_names.json"
PAGE = ROOT / "docs/from_mxnet.md"

HEAD = """# Coming from MXNet

Written by `tools/mxnet_names.py` from the public names of MXNet 1.9.1 (`tests/golden/mxnet_1_9_1_names.json`) and
`tools/mxnet_names.json`; a test imports every name that the tables say is here, and compares arguments and defaults.

    import quantick as mx
    from quantick import autograd, gluon, nd
    from quantick.gluon import nn

What behaves otherwise, whatever the name:

- Results are there when a call returns; `nd.waitall()` has nothing to wait for. Arrays live in the memory of the CPU: a
  `ctx` is accepted where it says `cpu`.
- Parameters are named by the path of attributes (`hidden.l0_i2h_weight`), with and without `name_scope()`, and stored as
  safetensors.
- `HybridBlock` may have `forward(self, x)`, or MXNet's `hybrid_forward(self, F, x, weight)`; hybridized or not, the bits
  are the same. Open extents of one's own parameters are completed by `infer_shape(self, x)`.
- `initialize(seed=...)`: the same seed gives the same weights on every machine.
- `nd.array(x)` keeps the dtype of a NumPy array; MXNet makes float32 of it. Blocks are float32: `x.astype("float32")`.
- `summary()` returns its table; nothing is printed.
- `trainer.step()` raises UserWarning, as in MXNet, where backward() has not set a parameter's gradient since the last
  step; what the loss does not depend on wants `grad_req = "null"`, or `step(..., ignore_stale_grad=True)`.
- Hooks inside a hybridized network are called every time (it runs operator by operator then, with the same bits), in
  MXNet only while the graph is made. Blocks that stand in several places are listed once in `collect_params()`.
- `quantick.nd` has what scripts use most in MXNet's form, beside its own: `nd.concat(a, b, dim=1)`, `nd.sum(x, axis=1)`,
  `F.FullyConnected`, `F.Activation`, `F.Convolution`, `F.Pooling`, `nd.dot`, `nd.pick`, `nd.one_hot`, `nd.topk`,
  `nd.SequenceMask`, `nd.split`, `broadcast_*`, `elemwise_*` and more. Left out is what no operator here computes (sin,
  floor, erf, `%`, ...), `nd.linalg`, `nd.contrib` and sparse arrays. Comparisons give bool, sums over everything shape (),
  and indices are whole numbers; `nd.argmax(x)` without an axis goes along the last one.
- A dtype is a text that equals NumPy's type, too: `x.dtype == numpy.float32`. float16 is refused by name.
- `detach()`, `autograd.Function`, `topk`, `sort` and numbers drawn by `nd.random` would be frozen in a graph: a forward
  that is hybridized refuses them by name.
- There are no symbols, so no `export`, `SymbolBlock.imports` and `register_op_hook`: `save_parameters()` keeps weights,
  and `quantick.contrib.quantization` makes the file that is deployed. Gradients of gradients (`create_graph`), `mx.io`,
  `mx.callback`, `gluon.data.vision` and `gluon.contrib` are not here.
- Adam adds epsilon behind the correction of the mean square, as PyTorch does. NAG's penalty reads the weight before the
  update, MXNet's after it. `CosineEmbeddingLoss` gives (N,), as its documents say, and `PoissonNLLLoss` a number.

Everything else gives MXNet's numbers: `tests/golden/mxnet_1_9_1_values.json` holds what the real package computed for
losses and their gradients, optimizers, schedules, metrics and layers, and a test compares.
"""


def load():
    return json.loads(NAMES.read_text())["modules"], json.loads(MAPPING.read_text())


def rows(module, names, mapping):
    """(name, where it is here, remark) of each name."""
    other = mapping["other_names"].get(module, {})
    left_out = mapping["left_out"].get(module, {})
    differences = mapping["differences"].get(module, {})
    unknown = (set(other) | set(left_out) | set(differences)) - set(names)
    if unknown:
        sys.exit(f"mxnet_names: {MAPPING.name} mentions {module}: {', '.join(sorted(unknown))}, which MXNet does not have")
    for name, entry in names.items():
        if name in left_out:
            yield name, "", f"left out: {left_out[name]}"
        elif name in other:
            yield name, other[name][0], other[name][1]
        else:
            parameters = [p["name"] for p in entry["signature"] or []]
            reasons = {**mapping["differences"]["*"], **differences.get(name, {})}
            remarks = []
            for parameter in parameters:
                if parameter in reasons and parameter not in ("prefix", "params"):
                    remarks.append(f"`{parameter}`: {reasons[parameter]}")
            yield name, f"{mapping['modules'][module]}.{name}", "; ".join(remarks)


def page():
    modules, mapping = load()
    lines = [HEAD]
    for module, names in modules.items():
        table = list(rows(module, names, mapping))
        here = sum(1 for _, place, _ in table if place)
        lines += [f"## {module}: {here} of {len(table)}", "", "| MXNet | here | |", "|---|---|---|"]
        lines += [f"| `{name}` | {f'`{place}`' if place else ''} | {remark} |" for name, place, remark in table]
        lines.append("")
    lines += ["`prefix` and `params` stand among the arguments of many constructors: "
              + "; ".join(f"`{name}`: {mapping['differences']['*'][name]}" for name in ("prefix", "params")) + ".", ""]
    return "\n".join(lines)


def main():
    written = page()
    if sys.argv[1:] == ["--check"]:
        if not PAGE.is_file() or PAGE.read_text() != written:
            sys.exit(f"{PAGE.relative_to(ROOT)} is not what tools/mxnet_names.py writes: run it")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        PAGE.write_text(written)


if __name__ == "__main__":
    main()
