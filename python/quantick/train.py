"""The training loop of the core: shuffled batches, schedules, early stopping, checkpoints, the same bits for any number
of threads.

    history = train.fit(net, gluon.loss.L2Loss(), (x, y), validation=(x2, y2), epochs=20, optimizer="AdamW")
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import asdict, dataclass, field
from typing import Any

from quantick import _core
from quantick._checks import expect
from quantick._core import ArrayDataset, Block, Control, Dataset, EpochRecord, NDArray, PanelDataset, StepInfo
from quantick.gluon.loss import Loss
from quantick.lr_scheduler import LRScheduler, _CoreScheduler
from quantick.optimizer.base import Optimizer
from quantick.optimizer.core import SGD, Adam, AdamW, _CoreOptimizer

__all__ = ["ArrayDataset", "Callback", "Control", "Dataset", "EpochRecord", "History", "PanelDataset", "StepInfo", "fit",
           "predict"]


class Callback:
    """Watches a training; subclasses write one of these. Exceptions end the training and pass through."""

    def on_step(self, step: StepInfo, control: Control) -> None:
        """After each step; control.stop(reason) ends the training."""

    def on_epoch(self, epoch: EpochRecord, control: Control) -> None:
        """After each epoch, its validation included."""


@dataclass
class History:
    """What a training tells. Values of `epochs` have the names of EpochRecord; NaN where there was no validation."""

    epochs: list[dict[str, Any]] = field(default_factory=list)
    steps: int = 0
    best_epoch: int = 0  #: whose weights the network has; 0: the last one's
    stopped_early: bool = False
    stop_reason: str = ""  #: "" where all epochs ran

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    def __getitem__(self, name: str) -> list[Any]:
        """A column over the epochs: history["train_loss"]."""
        return [epoch[name] for epoch in self.epochs]


class _Progress(Callback):
    def __init__(self, call: Callable[[StepInfo], Any]) -> None:
        self._call = call

    def on_step(self, step: StepInfo, control: Control) -> None:
        self._call(step)


def _dataset(data: Any, what: str) -> Dataset:
    if isinstance(data, Dataset):
        return data
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return ArrayDataset(data[0], data[1])
    raise TypeError(f"[fit] {what}, was a {type(data).__name__}, expected a Dataset or a pair (x, y) with x (samples, "
                    "steps, features)")


def _plain(given: Any) -> Any:
    """A dict of a mapping; what is none is refused where options are read."""
    return dict(given) if isinstance(given, Mapping) else given


def _schedule(given: str | LRScheduler) -> tuple[str, dict[str, Any]]:
    """Class and arguments of a schedule."""
    if isinstance(given, str):
        return given, {}
    if not isinstance(given, _CoreScheduler):
        raise TypeError(f"[fit] lr_scheduler, was a {type(given).__name__}, expected one of quantick.lr_scheduler")
    return type(given).__name__, {"base_lr": float(given.base_lr), **given._keywords}


def _optimizer(given: str | Optimizer) -> tuple[str, dict[str, Any]]:
    """Class and arguments of an optimizer that the core has."""
    if isinstance(given, str):
        return given, {}
    expect(given, Optimizer, "[fit] optimizer", "SGD, Adam or AdamW, or its name")
    plain = given.clip_gradient is None and given.rescale_grad == 1
    if not isinstance(given, _CoreOptimizer) or type(given) not in (SGD, Adam, AdamW) or not plain:
        raise TypeError(f"[fit] optimizer, was a {type(given).__name__}, expected SGD, Adam or AdamW without "
                        "clip_gradient and rescale_grad: gluon.Trainer takes the others")
    return type(given).__name__, {"learning_rate": float(given.lr), "wd": float(given.wd), **given._keywords}


def fit(net: Block, loss: Loss | Callable[..., NDArray] | str, data: Dataset | tuple[Any, Any], *,
        validation: Dataset | tuple[Any, Any] | None = None, callbacks: Iterable[Callback] = (),
        progress: Callable[[StepInfo], Any] | None = None, epochs: int = 10, batch_size: int = 256,
        batching: str = "samples", shuffle: bool = True, seed: int = 0, optimizer: str | Optimizer = "Adam",
        optimizer_params: Mapping[str, Any] | None = None, lr_scheduler: str | LRScheduler = "ConstantScheduler",
        lr_scheduler_params: Mapping[str, Any] | None = None, clip_gradient_norm: float = 0, hybridize: bool = True,
        layout: str = "TNC", monitor: str = "loss", patience: int = 0, min_delta: float = 0, restore_best: bool = True,
        checkpoint: str | None = None, checkpoint_every_steps: int = 0, checkpoint_every_epochs: int = 1,
        facts: Mapping[str, str] | None = None, resume: bool = False) -> History:
    """Trains a network that initialize() has been called on; the loss of a step is the mean over the batch.

    loss: of gluon.loss, its class name, or any loss(prediction, label[, sample_weight]) of operators.
    data, validation: a Dataset, or (x, y) with x (samples, steps, features) and y (samples,) or (samples, outputs).
    callbacks: see Callback. progress: called with the StepInfo of each step.
    epochs: passes over the data. batch_size: samples per step; with batching "dates", dates per step.
    batching: "samples", or "dates" for losses that look across a date. shuffle, seed: order of samples, and dropout.
    optimizer, optimizer_params: SGD, Adam or AdamW, or its name with keyword arguments. lr_scheduler,
    lr_scheduler_params: one of quantick.lr_scheduler, or its name with keyword arguments. clip_gradient_norm: largest global norm; 0: no clipping.
    hybridize: run cached graphs, which gives the same bits; Python blocks that are no HybridBlock run as they are.
    layout: what the network sees: TNC, (steps, samples, features), or NTC.
    monitor: chooses the best epoch on validation: loss, rank_ic, ic. patience, min_delta: epochs without such an
    improvement before stopping; 0: never. restore_best: end with the best epoch's weights.
    checkpoint: a file that holds the state, replaced atomically, at ends of epochs and every so many steps.
    facts: what a checkpoint must have in common with this training. resume: go on from `checkpoint` where it exists, to
    the bits of the uninterrupted run.

    Raises ValueError for wrong options, for a checkpoint of another training, and for a loss or gradient that is not
    finite (naming step and parameter). Ctrl-C raises KeyboardInterrupt after the checkpoint has been written.
    """
    chosen: Any = _core.make_loss(loss, {}) if isinstance(loss, str) else getattr(loss, "core", loss)
    if isinstance(optimizer, Optimizer) and optimizer.lr_scheduler is not None:
        lr_scheduler = optimizer.lr_scheduler
    named, own = _optimizer(optimizer)
    scheduled, own_schedule = _schedule(lr_scheduler)
    watching = [*callbacks, *([] if progress is None else [_Progress(progress)])]
    options = {
        "epochs": epochs, "batch_size": batch_size, "batching": batching, "shuffle": shuffle, "seed": seed,
        "optimizer": named, "optimizer_params": _plain(own or optimizer_params),
        "lr_scheduler": scheduled, "lr_scheduler_params": _plain(own_schedule or lr_scheduler_params),
        "clip_gradient_norm": clip_gradient_norm, "hybridize": hybridize, "layout": layout, "monitor": monitor,
        "patience": patience, "min_delta": min_delta, "restore_best": restore_best, "checkpoint": checkpoint,
        "checkpoint_every_steps": checkpoint_every_steps, "checkpoint_every_epochs": checkpoint_every_epochs,
        "facts": _plain(facts), "resume": resume,
    }
    held = None if validation is None else _dataset(validation, "validation")
    return History(**_core.fit(net, chosen, _dataset(data, "data"), held, watching, options))


def predict(net: Block, data: Dataset | Any, batch_size: int = 256, layout: str = "TNC") -> NDArray:
    """The first output of the network for each sample: (samples,), or (samples, outputs).

    data: a Dataset, or x (samples, steps, features). Batches all have batch_size rows, the last one filled up by
    repeating its last sample, so that later samples cannot change the bits of earlier ones.
    """
    if not isinstance(data, Dataset):
        from quantick import nd

        expect(data, Sized, "[predict] data", "a Dataset, or an array")
        data = ArrayDataset(data, nd.zeros((len(data),)))
    return _core.predict(net, data, batch_size, layout)
