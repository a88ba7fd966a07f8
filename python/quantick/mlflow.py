"""Runs in MLflow: settings, the curve of each epoch, reports and program files.

    with mlflow.start_run():
        train.fit(net, loss, data, callbacks=[quantick.mlflow.TrainingLog()])
        quantick.mlflow.log_quantized(qnet)

Needs MLflow: ``pip install quantick[mlflow]``. Everything goes to the run that is active.
"""
from __future__ import annotations

import json
import math
import pathlib
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import mlflow as _mlflow

if TYPE_CHECKING:
    from quantick.contrib.quantization import QuantizedNet
    from quantick.train import Control, EpochRecord, StepInfo

__all__ = ["TrainingLog", "log_quantized", "log_settings"]

_CURVES = ("train_loss", "validation_loss", "validation_ic", "validation_rank_ic", "learning_rate")


class TrainingLog:
    """A callback of quantick.train.fit: one point per epoch of each curve that has a value."""

    def on_step(self, step: StepInfo, control: Control) -> None:
        """Steps are not logged: a call to the tracking server costs more than most steps."""

    def on_epoch(self, epoch: EpochRecord, control: Control) -> None:
        values = {name: float(getattr(epoch, name)) for name in _CURVES}
        _mlflow.log_metrics({k: v for k, v in values.items() if math.isfinite(v)}, step=epoch.epoch)


def log_settings(settings: Mapping[str, Any], prefix: str = "") -> None:
    """Nested settings as parameters with dotted names; lists as JSON."""
    for name, value in settings.items():
        full = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(value, Mapping):
            log_settings(value, full)
        else:
            _mlflow.log_param(full, value if isinstance(value, (str, int, float, bool)) else json.dumps(value, default=str))


def log_quantized(quantized: QuantizedNet, folder: str = "quantized") -> str:
    """The program file, its report as text and HTML, and the SQNR of its output; returns the program's identity."""
    report = quantized.report
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        identity = quantized.save(root / "model.qtk")
        (root / "report.txt").write_text(report.text())
        (root / "report.html").write_text(report.to_html())
        _mlflow.log_artifacts(str(root), folder)
    _mlflow.log_param("program_identity", identity)
    sqnr = report.tensors[-1].sqnr_db
    metrics = {"program_bytes": float(report.program_bytes), "float_bytes": float(report.float_bytes)}
    if math.isfinite(sqnr):
        metrics["output_sqnr_db"] = float(sqnr)
    _mlflow.log_metrics(metrics)
    return identity
