"""Progress by tqdm, rich and plain lines, and MLflow's calls."""
import io
import sys
import types

import numpy as np
import pytest

from quantick import nn, progress, train
from quantick.contrib.quantization import Quantizer


def small_training(callback, epochs=2):
    random = np.random.default_rng(0)
    x = random.normal(size=(64, 1, 3)).astype(np.float32)
    net = nn.HybridSequential()
    net.add(nn.SequenceLast(), nn.Dense(1))
    net.initialize("xavier")
    data = train.ArrayDataset(x, x[:, 0, 0])
    train.fit(net, "L2Loss", data, validation=data, callbacks=[callback], epochs=epochs, batch_size=16)
    return net, x


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("style", ["tqdm", "rich", "plain"])
def test_a_line_for_each_epoch_stays(style):
    stream = Terminal()
    small_training(progress.TrainingProgress(style, stream))
    text = stream.getvalue()
    assert "epoch 1  loss " in text and "epoch 2  loss " in text and "validation loss" in text
    assert "epoch 2/2" in text


def test_log_files_get_whole_lines_alone():
    stream = io.StringIO()
    small_training(progress.TrainingProgress("plain", stream))
    assert "\r" not in stream.getvalue() and len(stream.getvalue().splitlines()) == 2


def test_calibration_and_other_calls_count():
    stream = Terminal()
    call = progress.track("calibration", "plain", stream)
    net, x = small_training(progress.TrainingProgress("plain", io.StringIO()))
    Quantizer(net).quantize([x.transpose(1, 0, 2).copy()] * 3, progress=call)
    assert "calibration  1/3" in stream.getvalue() and "calibration  3/3" in stream.getvalue()
    assert stream.getvalue().endswith("\r")


@pytest.mark.parametrize("make", [progress.TrainingProgress, lambda style: progress.track("x", style)])
def test_unknown_styles_are_named(make):
    with pytest.raises(ValueError, match="style, was 'fancy', expected one of auto, tqdm, rich, plain"):
        make("fancy")


def test_mlflow_gets_curves_settings_and_programs(monkeypatch, tmp_path):
    calls = []
    fake = types.ModuleType("mlflow")
    fake.log_metrics = lambda values, step=None: calls.append(("metrics", step, values))
    fake.log_param = lambda name, value: calls.append(("param", name, value))
    fake.log_artifacts = lambda folder, place: calls.append(
        ("files", place, sorted(p.name for p in __import__("pathlib").Path(folder).iterdir())))
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    monkeypatch.delitem(sys.modules, "quantick.mlflow", raising=False)
    from quantick import mlflow
    net, x = small_training(mlflow.TrainingLog())
    assert [c[1] for c in calls] == [1, 2]
    assert set(calls[0][2]) >= {"train_loss", "validation_loss", "learning_rate"}
    mlflow.log_settings({"model": {"hidden": 8, "layers": [1, 2]}, "name": "a"})
    assert ("param", "model.hidden", 8) in calls and ("param", "model.layers", "[1, 2]") in calls
    quantized = Quantizer(net).quantize(x.transpose(1, 0, 2).copy())
    identity = mlflow.log_quantized(quantized)
    assert ("param", "program_identity", identity) in calls
    assert ("files", "quantized", ["model.qtk", "report.html", "report.txt"]) in calls
