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

HEAD = '''"""The operators, written from the registry by tools/write_python_operators.py."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quantick._core import NDArray, invoke

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


def type_of(value):
    if isinstance(value, list):
        return "int | Sequence[int]"
    return type(value).__name__


def function_of(row):
    names = [python_name(n) for n in row["inputs"]]
    required = len(names) - row["optional_inputs"]
    parameters = []
    for i, name in enumerate(names):
        if row["variadic"] and i == len(names) - 1:
            parameters.append(f"{name}: Sequence[Any]")
        else:
            parameters.append(f"{name}: Any" if i < required else f"{name}: Any = None")
    for a in row["attributes"]:
        default = tuple(a["default"]) if isinstance(a["default"], list) else a["default"]
        parameters.append(f"{python_name(a['name'])}: {type_of(a['default'])} = {default!r}")
    result = "NDArray" if row["visible_outputs"] == 1 else "tuple[" + ", ".join(["NDArray"] * row["visible_outputs"]) + "]"
    inputs = ", ".join(f"*{n}" if row["variadic"] and i == len(names) - 1 else n for i, n in enumerate(names))
    attributes = ", ".join(f"{a['name']!r}: {python_name(a['name'])}" for a in row["attributes"])
    lines = [f"def {python_name(row['name'])}({', '.join(parameters)}) -> {result}:"]
    doc = [row["summary"].rstrip(".") + "."]
    if row["attributes"]:
        doc.append("")
        doc += [f"    {a['name']}: {a['doc']}" for a in row["attributes"]]
    if row["onnx"]:
        doc += ["", f"    ONNX: {row['onnx']}."]
    text = "\n".join(doc).replace("\\", "\\\\")
    lines.append(f'    """{text}{chr(10) + "    " if len(doc) > 1 else ""}"""')
    call = f"invoke({row['name']!r}, ({inputs},), {{{attributes}}})"
    lines.append(f"    return {call}  # type: ignore[no-any-return]")
    return "\n".join(lines) + "\n"


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
