"""Qlib's expressions, such as ``Mean($close, 5) / $close``, on tables of dates by instruments.

A window of N rows holds what is there of the last N: the first values of an instrument come from fewer rows, as in Qlib.
``Ref($close, -2)`` looks ahead; that is what labels are made of, and what features must not have (see `looks_ahead`).
"""
from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pandas as pd

    Value: TypeAlias = pd.DataFrame | float

# Rolling deviations this small are those of a constant window; Qlib leaves correlations of such windows open.
CONSTANT = 2e-5


def _rolling(x: pd.DataFrame, window: float) -> Any:
    if window == 0:
        return x.expanding(min_periods=1)
    return x.rolling(int(window), min_periods=1)


def _position_sums(x: pd.DataFrame, window: int) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Count and sums of p, p^2, y, p y, y^2 over the values there are of each window; p counts up to `window`."""
    import numpy as np
    y = x.to_numpy(dtype=np.float64)
    known = ~np.isnan(y)
    y = np.where(known, y, 0.0)
    n, sp, spp, sy, spy, syy = (np.zeros_like(y) for _ in range(6))
    for age in range(min(window, len(y))):
        place, rows, here = float(window - age), slice(age, None), slice(None, len(y) - age)
        m, v = known[here], y[here]
        n[rows] += m
        sp[rows] += place * m
        spp[rows] += place * place * m
        sy[rows] += v
        spy[rows] += place * v
        syy[rows] += v * v
    return n, sp, spp, sy, spy, syy


def _regression(x: pd.DataFrame, window: float, what: str) -> pd.DataFrame:
    import numpy as np
    import pandas as pd
    if window < 1:
        raise ValueError(f"[qlib] window of {what}, was {window:g}, expected at least 1")
    n, sp, spp, sy, spy, syy = _position_sums(x, int(window))
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (n * spy - sp * sy) / (n * spp - sp * sp)
        if what == "Slope":
            out = slope
        elif what == "Resi":
            out = x.to_numpy() - (slope * int(window) + sy / n - slope * sp / n)
        else:
            out = (n * spy - sp * sy) ** 2 / ((n * spp - sp * sp) * (n * syy - sy * sy))
    frame = pd.DataFrame(out, index=x.index, columns=x.columns)
    return frame.mask(_rolling(x, window).std().abs() <= CONSTANT) if what == "Rsquare" else frame


def _correlation(a: pd.DataFrame, b: pd.DataFrame, window: float) -> pd.DataFrame:
    out: pd.DataFrame = _rolling(a, window).corr(b)
    return out.mask((_rolling(a, window).std().abs() <= CONSTANT) | (_rolling(b, window).std().abs() <= CONSTANT))


def _place_of(x: pd.DataFrame, window: float, largest: bool) -> pd.DataFrame:
    import numpy as np
    pick = np.argmax if largest else np.argmin
    return _rolling(x, window).apply(lambda w: float(pick(w)) + 1, raw=True)


def _pairwise(larger: bool) -> Callable[[Value, Value], Value]:
    def choose(a: Value, b: Value) -> Value:
        import numpy as np
        import pandas as pd
        function = np.maximum if larger else np.minimum
        like = a if isinstance(a, pd.DataFrame) else b
        out = function(a, b)
        if isinstance(like, pd.DataFrame):
            return pd.DataFrame(out, index=like.index, columns=like.columns)
        return float(out)
    return choose


def _ref(x: pd.DataFrame, n: float) -> pd.DataFrame:
    return x.shift(int(n))


def _elementwise(name: str) -> Callable[[Value], Value]:
    def apply(x: Value) -> Value:
        import numpy as np
        with np.errstate(divide="ignore", invalid="ignore"):
            out: Value = getattr(np, name)(x)
        return out
    return apply


def _if(condition: pd.DataFrame, a: Value, b: Value) -> pd.DataFrame:
    import numpy as np
    import pandas as pd
    return pd.DataFrame(np.where(condition, a, b), index=condition.index, columns=condition.columns)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Abs": _elementwise("abs"), "Log": _elementwise("log"), "Sign": _elementwise("sign"),
    "Greater": _pairwise(True), "Less": _pairwise(False), "If": _if, "Ref": _ref,
    "Power": lambda a, b: a ** b,
    "Delta": lambda x, n: x - x.shift(int(n)),
    "Mean": lambda x, n: _rolling(x, n).mean(), "Sum": lambda x, n: _rolling(x, n).sum(),
    "Std": lambda x, n: _rolling(x, n).std(), "Var": lambda x, n: _rolling(x, n).var(),
    "Skew": lambda x, n: _rolling(x, n).skew(), "Kurt": lambda x, n: _rolling(x, n).kurt(),
    "Max": lambda x, n: _rolling(x, n).max(), "Min": lambda x, n: _rolling(x, n).min(),
    "Med": lambda x, n: _rolling(x, n).median(), "Count": lambda x, n: _rolling(x, n).count(),
    "Quantile": lambda x, n, q: _rolling(x, n).quantile(q),
    "Rank": lambda x, n: _rolling(x, n).rank(pct=True),
    "IdxMax": lambda x, n: _place_of(x, n, True), "IdxMin": lambda x, n: _place_of(x, n, False),
    "Slope": lambda x, n: _regression(x, n, "Slope"), "Rsquare": lambda x, n: _regression(x, n, "Rsquare"),
    "Resi": lambda x, n: _regression(x, n, "Resi"),
    "EMA": lambda x, n: x.ewm(alpha=n, min_periods=1).mean() if 0 < n < 1 else x.ewm(span=n, min_periods=1).mean(),
    "Corr": _correlation, "Cov": lambda a, b, n: _rolling(a, n).cov(b),
}

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b, ast.Pow: lambda a, b: a ** b,
    ast.BitAnd: lambda a, b: a & b, ast.BitOr: lambda a, b: a | b,
}


# A comparison with a missing value is false, and counts as 0 in means.
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Gt: lambda a, b: a > b, ast.GtE: lambda a, b: a >= b, ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b, ast.Eq: lambda a, b: a == b, ast.NotEq: lambda a, b: a != b,
}


class Expression:
    """A parsed expression. Throws ValueError that shows what is not understood."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.fields: list[str] = sorted(set(re.findall(r"\$([A-Za-z_]\w*)", text)))
        try:
            self._tree = ast.parse(re.sub(r"\$([A-Za-z_]\w*)", r"field_\1", text), mode="eval").body
        except SyntaxError as error:
            raise ValueError(f"[qlib] expression {text!r}: {error.msg}") from None
        self._check(self._tree)

    def _check(self, node: ast.expr) -> None:
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name not in FUNCTIONS:
                raise ValueError(f"[qlib] function {name or ast.unparse(node.func)!r} of expression {self.text!r}, expected "
                                 f"one of {', '.join(sorted(FUNCTIONS))}")
            if node.keywords:
                raise ValueError(f"[qlib] {ast.unparse(node)!r} of expression {self.text!r}: expected arguments without names")
            children: list[ast.expr] = list(node.args)
        elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            children = [node.left, node.right]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            children = [node.operand]
        elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
            children = [node.left, node.comparators[0]]
        elif isinstance(node, ast.Name) and node.id.startswith("field_"):
            children = []
        elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            children = []
        else:
            raise ValueError(f"[qlib] {ast.unparse(node)!r} of expression {self.text!r} is not understood")
        for child in children:
            self._check(child)

    def evaluate(self, fields: dict[str, pd.DataFrame]) -> pd.DataFrame:
        """`fields` has a table of dates by instruments for each name in `self.fields`; the result has their shape."""
        import pandas as pd
        cache: dict[str, Any] = {}
        out = self._value(self._tree, fields, cache)
        if not isinstance(out, pd.DataFrame):
            raise ValueError(f"[qlib] expression {self.text!r} has no field, expected one such as $close")
        return out.astype("float64")

    def _value(self, node: ast.expr, fields: dict[str, pd.DataFrame], cache: dict[str, Any]) -> Any:
        key = ast.dump(node)
        if key not in cache:
            cache[key] = self._compute(node, fields, cache)
        return cache[key]

    def _compute(self, node: ast.expr, fields: dict[str, pd.DataFrame], cache: dict[str, Any]) -> Any:
        import pandas as pd

        def value(child: ast.expr) -> Any:
            return self._value(child, fields, cache)
        if isinstance(node, ast.Call):
            arguments = [value(a) for a in node.args]
            # Comparisons are counted and averaged as 0 and 1.
            numbers = [a.astype("float64") if isinstance(a, pd.DataFrame) and name_of(node) != "If" else a for a in arguments]
            try:
                return FUNCTIONS[name_of(node)](*numbers)
            except TypeError:
                raise ValueError(f"[qlib] arguments of {ast.unparse(node)!r} in {self.text!r}") from None
        if isinstance(node, ast.BinOp):
            return _BINARY[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp):
            return -value(node.operand)
        if isinstance(node, ast.Compare):
            return _COMPARE[type(node.ops[0])](value(node.left), value(node.comparators[0]))
        if isinstance(node, ast.Name):
            return fields[node.id.removeprefix("field_")]
        assert isinstance(node, ast.Constant)
        return node.value

    def looks_ahead(self) -> bool:
        """Whether a Ref or Delta reaches into the future. Throws ValueError for one whose distance is no number."""
        for node in ast.walk(self._tree):
            if not isinstance(node, ast.Call) or name_of(node) not in ("Ref", "Delta"):
                continue
            if len(node.args) != 2 or any(isinstance(part, (ast.Name, ast.Call)) for part in ast.walk(node.args[1])):
                raise ValueError(f"[qlib] {ast.unparse(node)!r} of expression {self.text!r}: expected a value and a number")
            if int(self._value(node.args[1], {}, {})) < 0:
                return True
        return False


def name_of(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""
