"""Reports: what was tested, what it earned beside its baselines, what the scores are worth, at which costs.

    r = report.Report(result, survivorship="members of 2018 only")
    r                                            # in a notebook: the page, inline
    report.write(result, "report.html")          # or report.json, or a folder for all
"""
from __future__ import annotations

import html
import os
from collections.abc import Mapping
from typing import Any

from quantick import _core, frames
from quantick._checks import expect
from quantick._core import BacktestResult, Panel, ReportData

__all__ = ["Report", "ReportData", "options", "write"]


class Report:
    """A report on one result or several of the same dates.

    results: a BacktestResult, or a mapping of names to them; "float32" and "int8" together are compared with intervals.
    benchmark: prices of one instrument (a Panel, or a frame). options: see ``report.options()``: title, survivorship,
    dividends, splits, origin (sentences that stand in the report), horizon, profile, ic_horizons, quantiles, trials,
    equal_weight (adds that baseline), created.
    """

    def __init__(self, results: BacktestResult | Mapping[str, BacktestResult], *, benchmark: Any = None,
                 **options: Any) -> None:
        named = {"Scores": results} if isinstance(results, BacktestResult) else dict(expect(
            results, Mapping, "[report] results", "a BacktestResult, or a mapping of names to them"))
        prices = benchmark if benchmark is None or isinstance(benchmark, Panel) else frames.read(benchmark)
        self.data = ReportData(list(named), list(named.values()), prices, options)
        self._results = named

    @property
    def summary(self) -> str:
        """One paragraph: what was tested, on what, when."""
        return self.data.summary

    @property
    def warnings(self) -> list[str]:
        return self.data.warnings

    def html(self) -> str:
        """One page that needs no network, no font and no script to be read."""
        return self.data.html()

    def json(self) -> str:
        """Every number of the report under a clear name."""
        return self.data.json()

    def write(self, path: str | os.PathLike[str]) -> str:
        """Writes report.html or .json by the name's ending; a folder (made if missing) gets both, the tables as CSV, and
        returns and positions of every result. Gives the path of the page, or of the JSON text."""
        target = os.fspath(path)
        ending = os.path.splitext(target)[1].lower()
        if ending in (".html", ".htm"):
            self.data.write_html(target)
            return target
        if ending == ".json":
            self.data.write_json(target)
            return target
        if ending:
            raise ValueError(f"[report] path, was {target!r}, expected a name that ends in .html or .json, or a folder")
        os.makedirs(target, exist_ok=True)
        self.data.write_csvs(os.path.join(target, "tables"))
        for name, result in self._results.items():
            key = _core.report_key(name)
            result.write_bars(os.path.join(target, f"returns_{key}.csv"))
            result.write_positions(os.path.join(target, f"positions_{key}.csv"))
        self.data.write_json(os.path.join(target, "report.json"))
        page = os.path.join(target, "report.html")
        self.data.write_html(page)
        return page

    def _repr_html_(self) -> str:
        # A frame of its own, so that the page's style and the notebook's do not meet.
        return (f'<iframe srcdoc="{html.escape(self.html(), quote=True)}" title="{html.escape(self.data.title)}" '
                'style="width:100%;height:80vh;border:0" sandbox="allow-scripts"></iframe>')

    def __repr__(self) -> str:
        return f"Report {self.data.title!r}: {self.summary}"


def write(results: BacktestResult | Mapping[str, BacktestResult], path: str | os.PathLike[str], *,
          benchmark: Any = None, **options: Any) -> str:
    """``Report(results, ...).write(path)``: .html, .json, or a folder. Gives the path of what was written."""
    return Report(results, benchmark=benchmark, **options).write(path)


def options() -> dict[str, tuple[Any, str]]:
    """The default and the meaning of every option of a report."""
    return _core.report_options()
