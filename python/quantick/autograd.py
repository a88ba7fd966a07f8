"""Gradients, in Gluon's manner.

    w.attach_grad()
    with autograd.record():
        loss = ((x @ w - y) ** 2).mean()
    loss.backward()
    w -= 0.1 * w.grad

Only what runs inside record() is recorded. Each pass overwrites grad, or adds to it after attach_grad("add").
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from quantick import _core
from quantick._checks import expect
from quantick._core import (NDArray, PauseScope, RecordScope, TrainingModeScope, UnsupportedError, is_recording,
                            is_training)

__all__ = ["Function", "backward", "grad", "is_recording", "is_training", "mark_variables", "pause", "predict_mode",
           "record", "train_mode"]


def record(train_mode: bool = True) -> RecordScope:
    """A scope whose operator calls are recorded; train_mode is what is_training() gives inside, which dropout reads."""
    return RecordScope(train_mode)


def pause(train_mode: bool = False) -> PauseScope:
    """A scope whose operator calls are not recorded."""
    return PauseScope(train_mode)


def train_mode() -> TrainingModeScope:
    """A scope in which is_training() holds; recording goes on as it was."""
    return TrainingModeScope(True)


def predict_mode() -> TrainingModeScope:
    """A scope in which is_training() does not hold; recording goes on as it was."""
    return TrainingModeScope(False)


def mark_variables(variables: NDArray | Sequence[NDArray], gradients: NDArray | Sequence[NDArray]) -> None:
    """attach_grad() of each variable, whose grad is then the given one until the next pass replaces it."""
    pairs = _several(variables, "variables"), _several(gradients, "gradients")
    if len(pairs[0]) != len(pairs[1]):
        raise ValueError(f"[autograd] gradients, was {len(pairs[1])} of them, expected {len(pairs[0])}, one per "
                         "variable")
    for variable, gradient in zip(*pairs):
        _core.set_gradient(variable, gradient)


def backward(heads: NDArray | Sequence[NDArray], head_grads: NDArray | Sequence[NDArray | None] | None = None,
             retain_graph: bool = False, train_mode: bool = True) -> None:
    """Gradients of the sum of the heads by every variable they depend on, into grad of the variables.

    head_grads: one per head, of its shape; ones where None, so that a loss per row counts as the sum of the rows.
    retain_graph: keep what was recorded for another pass.
    train_mode: gradients are those of what was recorded, whatever it says.
    Raises ValueError for a head that was not computed from a variable inside record().
    """
    _core.backward(_several(heads, "heads"), _listed(head_grads), retain_graph)


def grad(heads: NDArray | Sequence[NDArray], variables: NDArray | Sequence[NDArray],
         head_grads: NDArray | Sequence[NDArray | None] | None = None, retain_graph: bool | None = None,
         create_graph: bool = False, train_mode: bool = True) -> NDArray | list[NDArray]:
    """Gradients of the sum of the heads by the variables, returned; their own grad stays as it is.

    One variable gives one array, a sequence a list. Zeros where the heads do not depend on a variable.
    create_graph: gradients of gradients, refused with UnsupportedError.
    """
    if create_graph:
        raise UnsupportedError("[autograd] create_graph, was True, expected False: gradients are not recorded "
                               "themselves")
    found = _core.gradients(_several(heads, "heads"), _several(variables, "variables"), _listed(head_grads), bool(retain_graph))
    return found[0] if isinstance(variables, NDArray) else found


def _several(value: Any, what: str) -> list[NDArray]:
    """One array or more; none would be work that is not done."""
    if isinstance(value, NDArray):
        return [value]
    listed = list(expect(value, Iterable, f"[autograd] {what}", "an NDArray, or a list of them"))
    if not listed:
        raise ValueError(f"[autograd] {what}, was empty, expected one array or more")
    return listed


class Function:
    """A function with gradients of one's own: subclasses write forward(self, *inputs), and backward(self, *gradients),
    which gives one gradient per input, None where none flows. Each object is called once.

        class Clipped(autograd.Function):
            def forward(self, x):
                self.save_for_backward(x)
                return nd.clip(x, -1, 1)

            def backward(self, dy):
                return dy  # as if it had not been clipped

        y = Clipped()(x)

    Refused in a forward that is hybridized or exported: graphs hold operators alone.
    """

    saved_tensors: tuple[NDArray, ...] = ()

    def save_for_backward(self, *arrays: NDArray) -> None:
        """Keeps arrays as self.saved_tensors."""
        self.saved_tensors = arrays

    def forward(self, *inputs: Any) -> Any:
        raise NotImplementedError(f"[{type(self).__name__}] has no forward()")

    def backward(self, *gradients: Any) -> Any:
        raise NotImplementedError(f"[{type(self).__name__}] has no backward()")

    def __call__(self, *inputs: NDArray) -> Any:
        with pause(train_mode=is_training()):
            result = self.forward(*inputs)
        single = isinstance(result, NDArray)
        # An array of their own: what is handed on is a result, even where it is an input.
        outputs = [_core.copy_of(output, None) for output in ([result] if single else result)]

        def gradients(*of_outputs: NDArray) -> list[NDArray | None]:
            return _listed(self.backward(*of_outputs))

        _core.record_function(inputs, outputs, gradients)
        return outputs[0] if single else tuple(outputs)


def _listed(value: NDArray | Sequence[NDArray] | Sequence[NDArray | None] | None) -> list[NDArray | None]:
    if value is None:
        return []
    return [value] if isinstance(value, NDArray) else list(expect(value, Iterable, "[autograd] head_grads",
                                                                  "an NDArray, or a list of them"))
