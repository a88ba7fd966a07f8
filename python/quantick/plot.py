"""Pictures of results, by matplotlib or plotly.

    plot.equity({"int8": result, "equal weight": backtest.equal_weight(result)})
    plot.quantization(qnet.report, backend="plotly").show()

Each function returns the figure of the library that drew it. ``pip install quantick[plot]`` brings matplotlib.
"""
from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from quantick._checks import was

if TYPE_CHECKING:
    from quantick.backtest import BacktestResult
    from quantick.contrib.quantization import QuantizationReport
    from quantick.train import History

__all__ = ["calibration", "drawdown", "equity", "ic", "quantization", "training"]

_BACKENDS = ("matplotlib", "plotly")


def _backend(name: str | None) -> str:
    if name is None:
        for known in _BACKENDS:
            if importlib.util.find_spec(known) is not None:
                return known
        raise ImportError("[plot] neither matplotlib nor plotly is installed: pip install quantick[plot]")
    if name not in _BACKENDS:
        raise ValueError(f"[plot] backend, was {name!r}, expected one of {', '.join(_BACKENDS)}")
    return name


def _lines(title: str, unit: str, x: Mapping[str, Any], y: Mapping[str, Any], backend: str | None, fill: bool = False) -> Any:
    """Lines over x, by label."""
    if _backend(backend) == "plotly":
        import plotly.graph_objects as graph
        figure = graph.Figure()
        for label in y:
            figure.add_trace(graph.Scatter(x=x[label], y=y[label], name=label, mode="lines",
                                           fill="tozeroy" if fill else None))
        figure.update_layout(title=title, yaxis_title=unit)
        return figure
    from matplotlib.figure import Figure
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.add_subplot()
    for label in y:
        axes.plot(x[label], y[label], label=label, linewidth=1.2)
        if fill:
            axes.fill_between(x[label], y[label], 0, alpha=0.2)
    axes.set_title(title, loc="left")
    axes.set_ylabel(unit)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def _bars(title: str, unit: str, x: Any, y: Any, backend: str | None, horizontal: bool) -> Any:
    if _backend(backend) == "plotly":
        import plotly.graph_objects as graph
        bars = graph.Bar(x=y, y=x, orientation="h") if horizontal else graph.Bar(x=x, y=y)
        figure = graph.Figure(bars)
        figure.update_layout(title=title, **{"xaxis_title" if horizontal else "yaxis_title": unit})
        return figure
    from matplotlib.figure import Figure
    figure = Figure(figsize=(9, max(2.5, 0.3 * len(x)) if horizontal else 4), layout="constrained")
    axes = figure.add_subplot()
    if horizontal:
        axes.barh(x, y)
        axes.invert_yaxis()
        axes.set_xlabel(unit)
    else:
        axes.bar(x, y, width=(x[1] - x[0]) if len(x) > 1 else 0.8)
        axes.set_ylabel(unit)
    axes.set_title(title, loc="left")
    axes.grid(alpha=0.3)
    return figure


def _having(value: Any, attributes: tuple[str, ...], what: str, expected: str) -> Any:
    """The value, where it has those attributes."""
    if isinstance(value, type) or not all(hasattr(value, name) for name in attributes):
        raise TypeError(f"[plot] {what}, {was(value)}, expected {expected}")
    return value


def _results(results: BacktestResult | Mapping[str, BacktestResult]) -> Mapping[str, BacktestResult]:
    if isinstance(results, Mapping):
        if not results:
            raise ValueError("[plot] results, was an empty mapping, expected one result or more")
        return {label: _having(result, ("dates", "equity"), f"results[{label!r}]", "a BacktestResult")
                for label, result in results.items()}
    return {"strategy": _having(results, ("dates", "equity"), "results", "a BacktestResult, or several by label")}


def equity(results: BacktestResult | Mapping[str, BacktestResult], backend: str | None = None) -> Any:
    """Wealth after costs, 1 at the start. results: one, or several by label."""
    named = _results(results)
    return _lines("Equity, net of costs", "capital at the start = 1", {k: r.dates for k, r in named.items()},
                  {k: r.equity / r.capital for k, r in named.items()}, backend)


def drawdown(results: BacktestResult | Mapping[str, BacktestResult], backend: str | None = None) -> Any:
    """Loss from the highest wealth so far, in percent."""
    import numpy as np
    named = _results(results)
    depth = {}
    for label, result in named.items():
        wealth = result.equity / result.capital
        depth[label] = 100 * (wealth / np.maximum(np.maximum.accumulate(wealth), 1.0) - 1)
    return _lines("Drawdown", "%", {k: r.dates for k, r in named.items()}, depth, backend, fill=True)


def ic(dates: Any, values: Any, backend: str | None = None) -> Any:
    """Running sum of a daily information coefficient (backtest.ic); dates without one add nothing."""
    import numpy as np
    total = np.cumsum(np.nan_to_num(np.asarray(values, dtype=float)))
    return _lines("Information coefficient, running sum", "sum of daily IC", {"IC": dates}, {"IC": total}, backend)


def training(history: History, backend: str | None = None) -> Any:
    """Loss by epoch, of training and of validation where there was one."""
    import numpy as np
    try:
        epochs = history["epoch"]
    except (TypeError, LookupError):
        raise TypeError(f"[plot] history, {was(history)}, expected a History") from None
    curves = {label: history[name] for label, name in (("training", "train_loss"), ("validation", "validation_loss"))
              if np.isfinite(np.asarray(history[name], dtype=float)).any()}
    return _lines("Loss", "mean over samples", dict.fromkeys(curves, epochs), curves, backend)


def quantization(report: QuantizationReport, backend: str | None = None) -> Any:
    """Signal to quantization noise of each layer's output, in dB. Raises ValueError where nothing was compared."""
    import math
    _having(report, ("tensors",), "report", "a QuantizationReport")
    rows = [(t.name, t.sqnr_db) for t in report.tensors if math.isfinite(t.sqnr_db)]
    if not rows:
        raise ValueError("[plot] the report has no errors: nothing was compared; give quantize() data or held_out")
    return _bars("Signal to quantization noise", "dB", [n for n, _ in rows], [v for _, v in rows], backend, True)


def calibration(report: QuantizationReport, tensor: str, backend: str | None = None) -> Any:
    """Values of one tensor that calibration saw, and how they spread. Raises ValueError that names the tensors."""
    import numpy as np
    _having(report, ("tensors",), "report", "a QuantizationReport")
    known = {t.name: t for t in report.tensors if t.histogram}
    if tensor not in known:
        raise ValueError(f"[plot] tensor, was {tensor!r}, expected one of {', '.join(known) or 'none (no calibration)'}")
    seen = known[tensor]
    edges = np.linspace(seen.histogram_low, seen.histogram_high, len(seen.histogram) + 1)
    return _bars(f"{tensor}: range {seen.low:.4g} to {seen.high:.4g}, {seen.dtype}", "values", (edges[:-1] + edges[1:]) / 2,
                 np.asarray(seen.histogram), backend, False)
