"""Fixed-bits programs at work: whole windows in a Session, ticks in a Stream, models exchanged in a ModelSlot.

    session = runtime.Session.load("model.qtk")
    y = session.run(x)                                   # float32 [steps, batch, features]
    stream = runtime.Stream(session, instruments=50)
    if stream.step(features): use(stream.out)            # the newest outputs, row by instrument
"""
from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from quantick import _core
from quantick._core import (
    CausalityResult,
    EqualityRow,
    GoldenReport,
    GoldenResult,
    ModelSlot,
    NDArray,
    Program,
    ProgramInput,
    ProgramNode,
    ProgramOutput,
    ProgramValue,
    Session,
    StateWidthRow,
    Stream,
    TickStatus,
    check_bits,
    check_equality,
    check_golden,
    measure_state_widths,
    verify,
    wrap,
    write_golden,
)

__all__ = [
    "CausalityResult",
    "EqualityRow",
    "GoldenReport",
    "GoldenResult",
    "ModelSlot",
    "Program",
    "ProgramInput",
    "ProgramNode",
    "ProgramOutput",
    "ProgramValue",
    "Session",
    "StateWidthRow",
    "Stream",
    "TickStatus",
    "check_bits",
    "check_causality",
    "check_equality",
    "check_golden",
    "identity",
    "load",
    "measure_state_widths",
    "save",
    "verify",
    "write_golden",
]


def load(path: str | os.PathLike[str]) -> Program:
    """Program.load."""
    return Program.load(path)


def _program(model: Any) -> Program:
    held = getattr(model, "program", model)  # a quantized network's
    if not isinstance(held, Program):
        raise TypeError(f"[program] model, was a {type(model).__name__}, expected a Program or a QuantizedNet")
    return held


def save(program: Program | Any, path: str | os.PathLike[str]) -> str:
    """Program.save; also of a quantized network's program."""
    return _program(program).save(path)


def identity(program: Program | Any) -> str:
    """SHA-256, in hexadecimal, over structure, metadata and all constants; also of a quantized network's program."""
    return _program(program).identity


def check_causality(
    model: Program | Session | Callable[[NDArray], Any],
    x: Any,
    *,
    sequence_in: bool = True,
    sequence_out: bool | None = None,
    seed: int = 1,
) -> CausalityResult:
    """Whether any output depends on later steps or on the other rows of its batch.

    Runs the model on x, then cut off after several of its steps, with its last step changed, and with all rows but one
    changed, and counts the outputs whose bits moved. Any callable from an NDArray to an array will do: a float network,
    a feature, a function on NumPy arrays. sequence_in, sequence_out: whether x, the output, are [steps, batch, ...]
    rather than [batch, ...]; programs know that themselves. sequence_out None: whether model(x) has as many steps and
    rows as x. Raises ShapeError where x has less than 2 steps or 2 rows, and for outputs of
    another form.
    """
    held = getattr(model, "program", model)  # a quantized network's
    if isinstance(held, Program):
        held = Session(held)
    if isinstance(held, Session):
        return _core.check_causality(held, x, seed)
    if not callable(model):
        raise TypeError(f"[causality] model, was a {type(model).__name__}, expected a Program, a Session or a callable")
    if sequence_out is None:
        given = wrap(x)
        sequence_out = sequence_in and wrap(model(given)).shape[:2] == given.shape[:2]
    return _core.check_causality_of(model, x, sequence_in, sequence_out, seed)
