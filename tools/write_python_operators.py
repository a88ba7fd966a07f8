#!/usr/bin/env python3
"""Writes quantick/_operators.py, one typed function per row of the operator registry.

    write_python_operators.py CORE OUTPUT

CORE is the module quantick._core without its ending (its folder and name are enough), OUTPUT the file to write. Run by
the build, after the module is linked.
"""
import importlib.machinery
import importlib.util
import keyword
import pathlib
import sys

HEAD = '''"""The operators, written from the registry by tools/write_python_operators.py.

Inputs are NDArrays, numbers, NumPy arrays, or anything with __dlpack__ or a buffer.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from quantick._core import NDArray, Operation

if TYPE_CHECKING:
    from quantick._typing import ArrayLike, DTypeLike

'''


def load_core(stem):
    stem = pathlib.Path(stem)
    for ending in importlib.machinery.EXTENSION_SUFFIXES:
        path = stem.with_name(stem.name + ending)
        if path.is_file():
            spec = importlib.util.spec_from_file_location("quantick._core", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    sys.exit(f"write_python_operators: no {stem}{importlib.machinery.EXTENSION_SUFFIXES}")


def python_name(name):
    return name + "_" if keyword.iskeyword(name) else name


def type_of(attribute):
    if attribute["name"] == "dtype":
        return "DTypeLike"
    if isinstance(attribute["default"], list):
        return "int | Sequence[int]"
    return type(attribute["default"]).__name__


def inputs_of(row):
    """(name, type with its default) of each input."""
    names = [python_name(n) for n in row["inputs"]]
    required = len(names) - row["optional_inputs"]
    for i, name in enumerate(names):
        if row["variadic"] and i == len(names) - 1:
            yield name, "Sequence[ArrayLike]"
        else:
            yield name, "ArrayLike" if i < required else "ArrayLike | None = None"


def doc_of(row):
    lines = [row["summary"].rstrip(".") + ".", "", "Args:"]
    for name, kind in inputs_of(row):
        lines.append(f"    {name}: {'arrays' if 'Sequence' in kind else 'array'}"
                     + (", may be left out" if kind.endswith("None") else ""))
    lines += [f"    {python_name(a['name'])}: {a['doc']}" for a in row["attributes"]]
    lines += ["", "Raises ShapeError, TypeError or ValueError that names what does not fit."]
    lines.append("Gradients flow through it." if row["differentiable"] else "No gradient flows through it.")
    if row["onnx"]:
        lines.append(f"ONNX: {row['onnx']}.")
    return "\n".join(lines).replace("\\", "\\\\")


def function_of(row):
    parameters = [f"{name}: {kind}" for name, kind in inputs_of(row)]
    for a in row["attributes"]:
        default = tuple(a["default"]) if isinstance(a["default"], list) else a["default"]
        parameters.append(f"{python_name(a['name'])}: {type_of(a)} = {default!r}")
    visible = row["visible_outputs"]
    result = "NDArray" if visible == 1 else "tuple[" + ", ".join(["NDArray"] * visible) + "]"
    arguments = [name for name, _ in inputs_of(row)] + [python_name(a["name"]) for a in row["attributes"]]
    doc = doc_of(row).replace("\n", "\n    ").replace("\n    \n", "\n\n")
    return (f"_{row['name']} = Operation({row['name']!r})\n\n\n"
            f"def {python_name(row['name'])}({', '.join(parameters)}) -> {result}:\n"
            f'    """{doc}\n    """\n'
            f"    return _{row['name']}({', '.join(arguments)})  # type: ignore[no-any-return]\n")


def main():
    core, output = sys.argv[1:]
    rows = load_core(core).operator_rows()
    names = sorted(python_name(row["name"]) for row in rows)
    body = "\n\n".join(function_of(row) for row in rows)
    path = pathlib.Path(output)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(HEAD + "__all__ = [\n" + "".join(f'    "{n}",\n' for n in names) + "]\n\n\n" + body)
    temporary.replace(path)


if __name__ == "__main__":
    main()
