"""An optimizer with the states of its weights."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from quantick import nd
from quantick._core import NDArray
from quantick.optimizer.base import Optimizer
from quantick.optimizer.core import _CoreState


class Updater:
    """updater(index, grad, weight) with states that it makes and keeps."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.states: dict[Any, Any] = {}

    def __call__(self, index: Any, grad: NDArray, weight: NDArray) -> None:
        if index not in self.states:
            self.states[index] = self.optimizer.create_state(index, weight)
        self.optimizer.update(index, weight, grad, self.states[index])

    def state_arrays(self) -> dict[str, NDArray]:
        """All state as arrays by name, for a file."""
        out: dict[str, NDArray] = {}
        for index, state in self.states.items():
            count = self.optimizer._counts.get(index, 0)
            out[f"{index}.count"] = nd.array([count], dtype="int64")
            for number, array in enumerate(_arrays_of(state)):
                out[f"{index}.{number}"] = array
        return out

    def restore(self, arrays: Mapping[str, NDArray], weights: Mapping[Any, NDArray]) -> None:
        """Goes on from state_arrays(). Raises ValueError where they are of another optimizer or network."""
        made: dict[Any, tuple[Any, int, list[NDArray]]] = {}
        for index, weight in weights.items():
            if f"{index}.count" not in arrays:
                continue
            state = self.optimizer.create_state(index, weight)
            kept: list[NDArray] = []
            while f"{index}.{len(kept)}" in arrays:
                kept.append(arrays[f"{index}.{len(kept)}"])
            made[index] = state, int(arrays[f"{index}.count"].item()), kept
        foreign = sorted({name.rpartition(".")[0] for name in arrays} - {str(index) for index in made})
        if foreign:
            raise ValueError(f"[optimizer] states of weights {', '.join(foreign)}, expected those of "
                             f"{', '.join(map(str, weights))}")
        for index, (state, count, kept) in made.items():
            if isinstance(state, _CoreState):
                state.core.restore(count, [kept])
            else:
                own = _arrays_of(state)
                if [a.shape for a in own] != [a.shape for a in kept]:
                    raise ValueError(f"[optimizer] states of weight {index} have other shapes, was "
                                     f"{[a.shape for a in kept]}, expected {[a.shape for a in own]}")
                for array, value in zip(own, kept, strict=True):
                    array[:] = value
            self.states[index] = state
            self.optimizer._counts[index] = count
            self.optimizer.num_update = max(self.optimizer.num_update, count)


def _arrays_of(state: Any) -> list[NDArray]:
    if isinstance(state, _CoreState):
        return list(state.core.states[0]) if state.core.states else []
    if isinstance(state, NDArray):
        return [state]
    if isinstance(state, tuple):
        return [array for item in state for array in _arrays_of(item)]
    return []


def get_updater(optimizer: Optimizer) -> Callable[[Any, NDArray, NDArray], None]:
    """An Updater."""
    return Updater(optimizer)
