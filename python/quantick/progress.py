"""Progress of long work on the terminal or in a notebook: by tqdm or rich where one is installed, else plain lines.

    train.fit(net, loss, data, callbacks=[progress.TrainingProgress()])
    quantizer.quantize(batches, progress=progress.track("calibration"))
"""
from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from quantick.train import Control, EpochRecord, StepInfo

__all__ = ["TrainingProgress", "track"]

_STYLES = ("auto", "tqdm", "rich", "plain")


class _Bar(Protocol):
    def update(self, done: int, note: str) -> None: ...
    def close(self) -> None: ...


class _TqdmBar:
    def __init__(self, title: str, total: int | None, stream: TextIO) -> None:
        from tqdm.auto import tqdm
        self._bar = tqdm(total=total, desc=title, file=None if stream is sys.stderr else stream, leave=False)

    def update(self, done: int, note: str) -> None:
        if note:
            self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


class _RichBar:
    def __init__(self, title: str, total: int | None, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        self._progress = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                                  TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
                                  console=Console(file=stream), transient=True)
        self._task = self._progress.add_task(title, total=total, note="")
        self._progress.start()

    def update(self, done: int, note: str) -> None:
        self._progress.update(self._task, completed=done, note=note)

    def close(self) -> None:
        self._progress.stop()


class _PlainBar:
    """A line that is overwritten on a terminal; elsewhere (a log file) only the lines that stay."""

    def __init__(self, title: str, total: int | None, stream: TextIO) -> None:
        self._title, self._total, self._stream = title, total, stream
        self._width = 0

    def update(self, done: int, note: str) -> None:
        if not self._stream.isatty():
            return
        line = f"{self._title}  {done}{f'/{self._total}' if self._total else ''}  {note}".rstrip()
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)

    def close(self) -> None:
        if self._width > 0:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0


def _make(style: str, title: str, total: int | None, stream: TextIO | None) -> _Bar:
    if style not in _STYLES:
        raise ValueError(f"[progress] style, was {style!r}, expected one of {', '.join(_STYLES)}")
    stream = stream or sys.stderr
    if style == "auto":
        style = next((s for s in ("tqdm", "rich") if importlib.util.find_spec(s) is not None), "plain")
    kinds: dict[str, type[Any]] = {"tqdm": _TqdmBar, "rich": _RichBar, "plain": _PlainBar}
    bar: _Bar = kinds[style](title, total, stream)
    return bar


class TrainingProgress:
    """A callback of quantick.train.fit: a bar for the steps of an epoch, a line for each epoch.

    style: auto (tqdm, else rich, else plain), tqdm, rich or plain. stream: standard error unless given.
    """

    def __init__(self, style: str = "auto", stream: TextIO | None = None) -> None:
        if style not in _STYLES:
            raise ValueError(f"[progress] style, was {style!r}, expected one of {', '.join(_STYLES)}")
        self._style, self._stream = style, stream
        self._bar: _Bar | None = None

    def on_step(self, step: StepInfo, control: Control) -> None:
        if self._bar is None:
            self._bar = _make(self._style, f"epoch {step.epoch}/{step.epochs}", step.steps_per_epoch, self._stream)
        self._bar.update(step.step_of_epoch, f"loss {step.mean_loss:.5g}")

    def on_epoch(self, epoch: EpochRecord, control: Control) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        parts = [f"epoch {epoch.epoch}", f"loss {epoch.train_loss:.5g}"]
        parts += [f"{label} {value:.5g}" for label, value in (("validation loss", epoch.validation_loss),
                                                              ("IC", epoch.validation_ic),
                                                              ("rank IC", epoch.validation_rank_ic)) if value == value]
        print("  ".join(parts + ["best"] * epoch.best), file=self._stream or sys.stderr, flush=True)


def track(title: str, style: str = "auto", stream: TextIO | None = None) -> Callable[[int, int | None], None]:
    """A function progress(done, total) for calls that take one; the bar goes when done reaches total."""
    if style not in _STYLES:
        raise ValueError(f"[progress] style, was {style!r}, expected one of {', '.join(_STYLES)}")
    bar: _Bar | None = None

    def progress(done: int, total: int | None) -> None:
        nonlocal bar
        if bar is None:
            bar = _make(style, title, total, stream)
        bar.update(done, "")
        if total is not None and done >= total:
            bar.close()
            bar = None
    return progress
