"""Why a call of the core was refused. The core asks here, once no signature of a function fits its arguments."""
from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from quantick import _core
from quantick._checks import was

_PLAIN: dict[str, tuple[type, ...]] = {
    "bool": (bool,), "str": (str,), "bytes": (bytes,), "dict": (dict,), "list": (list,), "tuple": (tuple,),
    "slice": (slice,), "Sequence": (Sequence,), "Iterable": (Iterable,), "Mapping": (Mapping,),
}


def explain(name: str, signatures: Sequence[str], arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> str:
    """One sentence: the argument, what it was, and what was expected. name: of the function with its class."""
    short = name.removesuffix(".__init__").removesuffix(".__new__")
    # Of several signatures the one that came furthest.
    reasons = [_reason(_Signature(signature), arguments, keywords) for signature in signatures]
    return f"[{short}] {max(reasons, key=lambda reason: reason[0])[1]}"


class _Signature:
    """The parameters of a text such as "def run(self, x: typing.Any, threads: int = 0) -> NDArray"."""

    def __init__(self, text: str) -> None:
        # Defaults are written as \0, \1, ...; accessors of properties have no name.
        node = ast.parse(text.replace("\\", "_").replace("def (", "def accessor(") + ": ...").body[-1]
        assert isinstance(node, ast.FunctionDef)
        given = node.args
        self.positional = [*given.posonlyargs, *given.args]
        self.named = [*given.args, *given.kwonlyargs]
        self.rest, self.others = given.vararg is not None, given.kwarg is not None
        self.required = {a.arg for a in self.positional[:len(self.positional) - len(given.defaults)]}
        self.required |= {a.arg for a, value in zip(given.kwonlyargs, given.kw_defaults) if value is None}

    def __str__(self) -> str:
        parts = [f"{a.arg}: {_text(a.annotation)}" + ("" if a.arg in self.required else " = ...")
                 for a in self._all() if a.arg != "self"]
        return f"({', '.join(parts)})"

    def _all(self) -> list[ast.arg]:
        return [*self.positional, *(a for a in self.named if a not in self.positional)]


def _reason(signature: _Signature, arguments: tuple[Any, ...],
            keywords: Mapping[str, Any]) -> tuple[int, str]:
    """How far the call fits, and what is wrong with it."""
    own = int(bool(signature.positional) and signature.positional[0].arg == "self")
    if len(arguments) > len(signature.positional) and not signature.rest:
        return 0, (f"arguments, was {len(arguments) - own}, expected at most "
                   f"{len(signature.positional) - own}: {signature}")
    pairs = list(zip(signature.positional, arguments))
    taken = {a.arg for a, _ in pairs}
    parameters = {a.arg: a for a in signature.named}
    for key, value in keywords.items():
        if key in taken:
            return 1, f"{key} was given twice, by position and by name"
        if key in parameters:
            pairs.append((parameters[key], value))
        elif not signature.others:
            near = difflib.get_close_matches(key, [n for n in parameters if n != "self"], 1, 0.5)
            return 1, f"unknown argument {key}" + (f", did you mean {near[0]}?" if near else f", expected {signature}")
    for a in signature.positional + signature.named:
        if a.arg in signature.required and a.arg not in {p.arg for p, _ in pairs}:
            return 2, f"{a.arg} is missing, expected {signature}"
    for i, (a, value) in enumerate(pairs):
        wrong = None if a.annotation is None else _misfit(a.annotation, value)
        if wrong is not None:  # the value that a property is set to has no name
            return 3 + i, f"{a.arg}{wrong}, expected {_text(a.annotation)}".removeprefix("arg, ")
    for a, value in pairs:  # of the right class, and yet no number of the core's
        if isinstance(value, int) and "int" in _text(a.annotation).split(" | ") and not 0 <= value < 2**31:
            return 3 + len(pairs), f"{a.arg}, {was(value)}, expected a whole number in its range"
    given = "; ".join(f"{a.arg} {was(value)}" for a, value in pairs if a.arg != "self")
    return 3 + len(pairs), f"{given or 'no arguments'}, expected {signature}"


def _misfit(annotation: ast.expr, value: Any) -> str | None:
    """What the value was where it cannot be meant by the annotation; None where it can."""
    fits = _fits(annotation, value)
    if fits or fits is None:
        return None
    element = annotation
    if isinstance(element, ast.BinOp):  # of "X | Sequence[Y]" the one that takes a sequence
        several = [a for a in _choices(element) if isinstance(a, ast.Subscript) and _fits(a.value, value)]
        element = several[0] if several else element
    if isinstance(element, ast.Subscript) and isinstance(value, (list, tuple)) and not isinstance(
            element.slice, ast.Tuple):
        for i, item in enumerate(value):
            if _fits(element.slice, item) is False:
                return f"[{i}], {was(item)}"
    return f", {was(value)}"


def _choices(annotation: ast.expr) -> list[ast.expr]:
    if isinstance(annotation, ast.BinOp):
        return [*_choices(annotation.left), *_choices(annotation.right)]
    return [annotation]


def _fits(annotation: ast.expr, value: Any) -> bool | None:
    """Whether the value is of the class that is written; None: not known."""
    if isinstance(annotation, ast.BinOp):
        found = [_fits(a, value) for a in _choices(annotation)]
        return True if True in found else None if None in found else False
    if isinstance(annotation, ast.Constant):
        return value is None
    if isinstance(annotation, ast.Subscript):
        fits = _fits(annotation.value, value)
        if fits and isinstance(value, (list, tuple)) and not isinstance(annotation.slice, ast.Tuple):
            return False not in [_fits(annotation.slice, item) for item in value]
        return fits
    name = ast.unparse(annotation).rpartition(".")[2]
    if name in _PLAIN:
        return isinstance(value, _PLAIN[name]) and not (name in ("Sequence", "Iterable") and isinstance(value, str))
    if name == "int":
        return hasattr(type(value), "__index__")
    if name == "float":
        return hasattr(type(value), "__float__") or hasattr(type(value), "__index__")
    if name == "PathLike":
        return hasattr(type(value), "__fspath__")
    if name == "Callable":
        return callable(value)
    known = getattr(_core, name, None)
    return isinstance(value, known) if isinstance(known, type) else None


def _text(annotation: ast.expr | None) -> str:
    """As users write it: without the modules of the names."""
    if annotation is None:
        return "Any"
    text: str = ast.unparse(annotation)
    for module in ("quantick._core.", "collections.abc.", "typing.", "os."):
        text = text.replace(module, "")
    return text


