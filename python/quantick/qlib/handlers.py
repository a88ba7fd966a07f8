"""Qlib's data handlers: the features of Alpha158 and Alpha360, labels, and the processors that a workflow names."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from quantick.qlib.expression import Expression

if TYPE_CHECKING:
    import pandas as pd

    from quantick.qlib.data import BinData

LABEL = ("Ref($close, -2)/Ref($close, -1) - 1", "LABEL0")
WINDOWS = (5, 10, 20, 30, 60)
TINY = "1e-12"


def alpha158(windows: tuple[int, ...] = WINDOWS) -> dict[str, str]:
    """Name to expression of Qlib's Alpha158: 9 of the bar's shape, 4 prices, and 29 for each window."""
    top, bottom, span = "Greater($open, $close)", "Less($open, $close)", f"($high-$low+{TINY})"
    out = {
        "KMID": "($close-$open)/$open", "KLEN": "($high-$low)/$open", "KMID2": f"($close-$open)/{span}",
        "KUP": f"($high-{top})/$open", "KUP2": f"($high-{top})/{span}",
        "KLOW": f"({bottom}-$low)/$open", "KLOW2": f"({bottom}-$low)/{span}",
        "KSFT": "(2*$close-$high-$low)/$open", "KSFT2": f"(2*$close-$high-$low)/{span}",
        "OPEN0": "$open/$close", "HIGH0": "$high/$close", "LOW0": "$low/$close", "VWAP0": "$vwap/$close",
    }

    def up(field: str) -> str:
        return f"Greater({field}-Ref({field}, 1), 0)"

    def down(field: str) -> str:
        return f"Greater(Ref({field}, 1)-{field}, 0)"
    moved = "Abs($close/Ref($close, 1)-1)*$volume"
    rolling: dict[str, Callable[[int], str]] = {
        "ROC": lambda d: f"Ref($close, {d})/$close", "MA": lambda d: f"Mean($close, {d})/$close",
        "STD": lambda d: f"Std($close, {d})/$close", "BETA": lambda d: f"Slope($close, {d})/$close",
        "RSQR": lambda d: f"Rsquare($close, {d})", "RESI": lambda d: f"Resi($close, {d})/$close",
        "MAX": lambda d: f"Max($high, {d})/$close", "MIN": lambda d: f"Min($low, {d})/$close",
        "QTLU": lambda d: f"Quantile($close, {d}, 0.8)/$close", "QTLD": lambda d: f"Quantile($close, {d}, 0.2)/$close",
        "RANK": lambda d: f"Rank($close, {d})",
        "RSV": lambda d: f"($close-Min($low, {d}))/(Max($high, {d})-Min($low, {d})+{TINY})",
        "IMAX": lambda d: f"IdxMax($high, {d})/{d}", "IMIN": lambda d: f"IdxMin($low, {d})/{d}",
        "IMXD": lambda d: f"(IdxMax($high, {d})-IdxMin($low, {d}))/{d}",
        "CORR": lambda d: f"Corr($close, Log($volume+1), {d})",
        "CORD": lambda d: f"Corr($close/Ref($close, 1), Log($volume/Ref($volume, 1)+1), {d})",
        "CNTP": lambda d: f"Mean($close>Ref($close, 1), {d})", "CNTN": lambda d: f"Mean($close<Ref($close, 1), {d})",
        "CNTD": lambda d: f"Mean($close>Ref($close, 1), {d})-Mean($close<Ref($close, 1), {d})",
    }

    def add_sums(prefix: str, field: str) -> None:
        """Shares of the ups, of the downs, and of their difference in all that a field moved."""
        def total(d: int) -> str:
            return f"(Sum(Abs({field}-Ref({field}, 1)), {d})+{TINY})"
        rolling[f"{prefix}SUMP"] = lambda d: f"Sum({up(field)}, {d})/{total(d)}"
        rolling[f"{prefix}SUMN"] = lambda d: f"Sum({down(field)}, {d})/{total(d)}"
        rolling[f"{prefix}SUMD"] = lambda d: f"(Sum({up(field)}, {d})-Sum({down(field)}, {d}))/{total(d)}"
    add_sums("", "$close")
    add_sums("V", "$volume")
    rolling |= {
        "VMA": lambda d: f"Mean($volume, {d})/($volume+{TINY})", "VSTD": lambda d: f"Std($volume, {d})/($volume+{TINY})",
        "WVMA": lambda d: f"Std({moved}, {d})/(Mean({moved}, {d})+{TINY})",
    }
    # Qlib's order: window by window within each kind.
    order = ["ROC", "MA", "STD", "BETA", "RSQR", "RESI", "MAX", "MIN", "QTLU", "QTLD", "RANK", "RSV", "IMAX", "IMIN",
             "IMXD", "CORR", "CORD", "CNTP", "CNTN", "CNTD", "SUMP", "SUMN", "SUMD", "VMA", "VSTD", "WVMA", "VSUMP",
             "VSUMN", "VSUMD"]
    return out | {f"{kind}{d}": rolling[kind](d) for kind in order for d in windows}


def alpha360() -> dict[str, str]:
    """Name to expression of Qlib's Alpha360: six fields, each 59 days ago to today, by today's close (volume: by
    today's volume)."""
    out = {}
    for field in ("close", "open", "high", "low", "vwap", "volume"):
        unit = "$close" if field != "volume" else f"($volume+{TINY})"
        for lag in range(59, -1, -1):
            out[f"{field.upper()}{lag}"] = f"Ref(${field}, {lag})/{unit}" if lag > 0 else f"${field}/{unit}"
    return out


HANDLERS: dict[str, Callable[[], dict[str, str]]] = {"Alpha158": alpha158, "Alpha360": alpha360}


def load(data: BinData, market: str | list[str], features: dict[str, str], labels: dict[str, str], start: Any,
         end: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and labels as Qlib's handler has them before its processors: rows (datetime, instrument) of days on
    which the instrument belongs to the market and has any value.

    Expressions see the whole calendar, so the first day asked for has its history. Throws ValueError for a feature that
    looks ahead.
    """
    import pandas as pd
    spans = {i.upper(): [(data.calendar[0], data.calendar[-1])] for i in market} if isinstance(market, list) else \
        data.memberships(market)
    instruments = sorted(spans)
    first, last = pd.Timestamp(start or data.calendar[0]), pd.Timestamp(end or data.calendar[-1])
    days = data.calendar[(data.calendar >= first) & (data.calendar <= last)]
    if len(days) == 0:
        raise ValueError(f"[qlib] dates {first.date()} to {last.date()}, expected some in the calendar "
                         f"{data.calendar[0].date()} to {data.calendar[-1].date()}")
    member = pd.DataFrame(False, index=days, columns=instruments)
    for name, ranges in spans.items():
        for begin, until in ranges:
            member.loc[(days >= begin) & (days <= until), name] = True

    parsed = {name: Expression(text) for name, text in (features | labels).items()}
    for name in features:
        if parsed[name].looks_ahead():
            raise ValueError(f"[qlib] feature {name} = {features[name]!r} looks ahead; only labels may")
    fields = {f: data.frame(instruments, f) for f in sorted({f for e in parsed.values() for f in e.fields})}

    # Instruments of one range of days are computed together: windows begin where an instrument's data begins.
    ranges_of: dict[tuple[int, int], list[str]] = {}
    for name in instruments:
        ranges_of.setdefault(data.span(name), []).append(name)
    parts = []
    for (begin_at, past), names in ranges_of.items():
        inside = data.calendar[begin_at:past]
        rows = days.intersection(inside)
        if len(rows) == 0:
            continue
        own = {f: table.loc[inside, names] for f, table in fields.items()}
        belongs = member.loc[rows, names].to_numpy()
        at_day, at_name = belongs.nonzero()
        index = pd.MultiIndex.from_arrays([rows[at_day], pd.Index(names)[at_name]], names=["datetime", "instrument"])
        first_row = inside.get_loc(rows[0])
        window = slice(first_row, first_row + len(rows))
        parts.append(pd.DataFrame({n: e.evaluate(own).to_numpy()[window][belongs] for n, e in parsed.items()}, index=index))
    if not parts:
        raise ValueError(f"[qlib] data of {len(instruments)} instruments from {first.date()} to {last.date()}, was none")
    table = pd.concat(parts).sort_index()
    return table[list(features)], table[list(labels)]


class Processor:
    """One step of a workflow's processors, fitted on the days given there alone."""

    def __init__(self, name: str, kwargs: dict[str, Any]) -> None:
        self.name, self.kwargs = name, dict(kwargs)
        self.group: str = self.kwargs.pop("fields_group", "feature")
        known = {"DropnaLabel": set(), "DropnaProcessor": set(), "Fillna": {"fill_value"}, "CSZScoreNorm": {"method"},
                 "CSRankNorm": set(), "CSZFillna": set(), "ZScoreNorm": _FIT, "RobustZScoreNorm": _FIT | {"clip_outlier"},
                 "MinMaxNorm": _FIT, "ProcessInf": set(), "FilterCol": {"col_list"}}
        if name not in known:
            raise ValueError(f"[qlib] processor {name}, expected one of {', '.join(sorted(known))}")
        for key in self.kwargs:
            if key not in known[name]:
                raise ValueError(f"[qlib] argument {key} of processor {name}, expected one of "
                                 f"{', '.join(sorted(known[name])) or 'none'}")

    def _fit_rows(self, part: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd
        days = part.index.get_level_values("datetime")
        begin, end = (pd.Timestamp(self.kwargs.get(key) or usual)
                      for key, usual in (("fit_start_time", days[0]), ("fit_end_time", days[-1])))
        return part[(days >= begin) & (days <= end)]

    def apply(self, table: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """`table` has "feature" and "label" over the same rows; so has the result."""
        import numpy as np
        import pandas as pd
        group = "label" if self.name == "DropnaLabel" else self.group
        part = table[group]
        by_day = part.groupby(level="datetime")
        if self.name in ("DropnaLabel", "DropnaProcessor"):
            keep = part.notna().all(axis=1)
            return {key: value[keep] for key, value in table.items()}
        if self.name == "FilterCol":
            missing = [c for c in self.kwargs.get("col_list", []) if c not in part.columns]
            if missing:
                raise ValueError(f"[qlib] columns {', '.join(missing)} of FilterCol, expected names of the handler's")
            part = part[[c for c in part.columns if c in self.kwargs.get("col_list", [])]]
        elif self.name == "Fillna":
            part = part.fillna(self.kwargs.get("fill_value", 0))
        elif self.name == "ProcessInf":
            part = part.replace([np.inf, -np.inf], np.nan)
            part = part.fillna(part.groupby(level="datetime").transform("mean"))
        elif self.name == "CSZFillna":
            part = part.fillna(by_day.transform("mean"))
        elif self.name == "CSRankNorm":
            # Ranks spread evenly over 0..1 have standard deviation 1 / sqrt(12) = 1 / 3.46.
            part = (by_day.rank(pct=True) - 0.5) * 3.46
        elif self.name == "CSZScoreNorm":
            if self.kwargs.get("method", "zscore") == "zscore":
                part = (part - by_day.transform("mean")) / by_day.transform("std")
            else:
                middle = by_day.transform("median")
                spread = (part - middle).abs().groupby(level="datetime").transform("median") * 1.4826 + 1e-12
                part = (part - middle) / spread
        else:
            fit = self._fit_rows(part)
            if self.name == "ZScoreNorm":
                shift, scale = fit.mean(), fit.std(ddof=0)
            elif self.name == "MinMaxNorm":
                shift, scale = fit.min(), fit.max() - fit.min()
            else:
                # 1.4826: the median of |x - median| of a normal variable is 1 / 1.4826 standard deviations.
                shift = fit.median()
                scale = (fit - shift).abs().median() * 1.4826 + 1e-12
            if self.name != "RobustZScoreNorm":
                shift, scale = shift.where(scale != 0, 0), scale.where(scale != 0, 1)
            part = (part - shift) / scale
            if self.kwargs.get("clip_outlier", self.name == "RobustZScoreNorm"):
                part = part.clip(-3, 3)
        return table | {group: pd.DataFrame(part)}


_FIT = {"fit_start_time", "fit_end_time"}
