"""Pictures: what is drawn is what the results say, in both libraries."""
import types

import numpy as np
import pytest

from quantick import nn, plot, train
from quantick.contrib.quantization import Quantizer

DATES = np.arange("2020-01-01", "2020-01-07", dtype="datetime64[D]")


def result(equity):
    return types.SimpleNamespace(dates=DATES, equity=np.array(equity, float), capital=100.0)


FIRST, SECOND = result([101, 103, 99, 98, 105, 104]), result([100, 100, 101, 101, 101, 102])


def drawn(figure):
    """Label to values of each line."""
    if hasattr(figure, "axes") and not hasattr(figure, "data"):
        return {line.get_label(): np.asarray(line.get_ydata()) for line in figure.axes[0].lines}
    return {trace.name: np.asarray(trace.y) for trace in figure.data}


@pytest.fixture(params=["matplotlib", "plotly"])
def backend(request):
    pytest.importorskip(request.param)
    return request.param


def test_equity_starts_at_one_and_drawdown_falls_from_the_highest(backend):
    lines = drawn(plot.equity({"a": FIRST, "b": SECOND}, backend))
    np.testing.assert_allclose(lines["a"], [1.01, 1.03, 0.99, 0.98, 1.05, 1.04])
    np.testing.assert_allclose(lines["b"], [1, 1, 1.01, 1.01, 1.01, 1.02])
    depth = drawn(plot.drawdown(FIRST, backend))["strategy"]
    np.testing.assert_allclose(depth, 100 * np.array([0, 0, 0.99 / 1.03 - 1, 0.98 / 1.03 - 1, 0, 1.04 / 1.05 - 1]))


def test_ic_adds_up_and_gaps_add_nothing(backend):
    lines = drawn(plot.ic(DATES[:4], [0.1, np.nan, -0.05, 0.2], backend))
    np.testing.assert_allclose(lines["IC"], [0.1, 0.1, 0.05, 0.25])


def test_training_and_quantization(backend):
    x = np.random.default_rng(0).normal(size=(64, 1, 3)).astype(np.float32)
    net = nn.HybridSequential()
    net.add(nn.SequenceLast(), nn.Dense(4, activation="relu"), nn.Dense(1))
    net.initialize("xavier")
    history = train.fit(net, "L2Loss", (x, x[:, 0, 0]), epochs=3)
    lines = drawn(plot.training(history, backend))
    np.testing.assert_allclose(lines["training"], history["train_loss"])
    assert set(lines) == {"training"}
    report = Quantizer(net).quantize(x.transpose(1, 0, 2).copy()).report
    finite = [t for t in report.tensors if np.isfinite(t.sqnr_db)]
    figure = plot.quantization(report, backend)
    bars = [b.get_width() for b in figure.axes[0].patches] if backend == "matplotlib" else list(figure.data[0].x)
    np.testing.assert_allclose(bars, [t.sqnr_db for t in finite])
    figure = plot.calibration(report, "input", backend)
    bars = [b.get_height() for b in figure.axes[0].patches] if backend == "matplotlib" else list(figure.data[0].y)
    assert sum(bars) == x.size
    with pytest.raises(ValueError, match="tensor, was 'inputs', expected one of input"):
        plot.calibration(report, "inputs", backend)
    with pytest.raises(ValueError, match="nothing was compared"):
        plot.quantization(Quantizer(net).quantize().report, backend)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="backend, was 'excel', expected one of matplotlib, plotly"):
        plot.equity(FIRST, backend="excel")
    with pytest.raises(ValueError, match="results, was an empty mapping"):
        plot.equity({})
