"""Trainer: one optimizer over the parameters of a network."""
from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

from quantick import kvstore as kv
from quantick import nd
from quantick._checks import expect, number
from quantick._core import NDArray, Parameter
from quantick.optimizer import Optimizer, Updater, create

__all__ = ["Trainer"]


class StaleGradientError(UserWarning, ValueError):
    """A step without backward() before it; MXNet raises the former."""


class Trainer:
    """Updates parameters from the gradients that backward() left.

        trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 1e-3})
        with autograd.record():
            loss = loss_function(net(x), y)
        loss.backward()
        trainer.step(batch_size=len(x))

    Factors on the rate or the penalty of single parameters: their attributes lr_mult and wd_mult, times those of
    trainer.optimizer.set_lr_mult({"head.bias": 0.1}), by the names of collect_params().

    kvstore: "device", "local" or None: one process. Raises NotImplementedError for stores of several.
    """

    def __init__(self, params: Mapping[str, Parameter] | Iterable[Parameter], optimizer: str | Optimizer,
                 optimizer_params: Mapping[str, Any] | None = None, kvstore: str | kv.KVStore | None = "device",
                 compression_params: Mapping[str, Any] | None = None, update_on_kvstore: bool | None = None) -> None:
        listed = list(params.values() if isinstance(params, Mapping) else expect(
            params, Iterable, "[trainer] params", "what collect_params() gives, or a list of Parameters"))
        for parameter in listed:
            if not isinstance(parameter, Parameter):
                raise TypeError(f"[trainer] params, held a {type(parameter).__name__}, expected Parameters")
        if compression_params is not None or update_on_kvstore:
            raise kv.unsupported("gradient compression and updates on a store")
        if isinstance(kvstore, str):
            kvstore = kv.create(kvstore)
        elif kvstore is not None:
            expect(kvstore, kv.KVStoreBase, "[trainer] kvstore", "a store, its name or None")
        self._kvstore = kvstore
        names = list(params) if isinstance(params, Mapping) else [parameter.name for parameter in listed]
        first = [i for i, parameter in enumerate(listed) if not any(parameter.same_as(p) for p in listed[:i])]
        listed, names = [listed[i] for i in first], [names[i] for i in first]  # shared ones are updated once
        self._params = listed
        #: By parameter, which array held its gradient when it was last used: backward() leaves a new one.
        self._used: list[int | None] = [None] * len(listed)
        named = dict(enumerate(names))
        if isinstance(optimizer, Optimizer):
            if optimizer_params:
                raise ValueError("[trainer] optimizer_params, expected None beside an Optimizer, which has its own")
            optimizer.idx2name = named
            optimizer.param_dict = dict(enumerate(listed))
            self._optimizer = optimizer
        else:
            self._optimizer = create(optimizer, param_idx2name=named, **dict(optimizer_params or {}))
            self._optimizer.param_dict = dict(enumerate(listed))
        self._scale = self._optimizer.rescale_grad
        self._updater = Updater(self._optimizer)

    @property
    def optimizer(self) -> Optimizer:
        return self._optimizer

    @property
    def learning_rate(self) -> float:
        """Of the next update."""
        return self._optimizer.learning_rate

    def set_learning_rate(self, lr: float) -> None:
        self._optimizer.set_learning_rate(lr)

    def step(self, batch_size: float, ignore_stale_grad: bool = False) -> None:
        """One update of all parameters from their gradients divided by batch_size.

        ignore_stale_grad: leave parameters out whose gradient backward() has not set since their last update. Without
        it, such a one raises UserWarning, which names it, and nothing is updated.
        """
        self.allreduce_grads()
        self.update(batch_size, ignore_stale_grad)

    def allreduce_grads(self) -> None:
        """Sums gradients over the processes of the store: there is one."""

    def update(self, batch_size: float, ignore_stale_grad: bool = False) -> None:
        """step() without allreduce_grads()."""
        if not 0 < number(batch_size, "[trainer] batch_size") < math.inf:
            raise ValueError(f"[trainer] batch_size, was {batch_size}, expected > 0")
        self._optimizer.rescale_grad = self._scale / batch_size
        trained = [(index, parameter) for index, parameter in enumerate(self._params)
                   if parameter.grad_req != "null" and (parameter.is_initialized or not ignore_stale_grad)]
        stale = {index for index, parameter in trained
                 if not parameter.grad_is_set or hash(parameter.grad()) == self._used[index]}
        if stale and not ignore_stale_grad:
            names = ", ".join(self._optimizer.idx2name[index] for index in sorted(stale))
            raise StaleGradientError(f"[trainer] gradient of {names} was not set by backward() since the last step: "
                                     "what the loss does not depend on wants grad_req \"null\", or step() "
                                     "ignore_stale_grad=True")
        for index, parameter in trained:
            if index not in stale:
                self._updater(index, parameter.grad(), parameter.data())
                self._used[index] = hash(parameter.grad())

    def _weights(self) -> dict[int, NDArray]:
        return {index: parameter.data() for index, parameter in enumerate(self._params)}

    def save_states(self, fname: str | os.PathLike[str]) -> None:
        """Writes the optimizer's states into a safetensors file."""
        nd.save(fname, {f"state.{name}": array for name, array in self._updater.state_arrays().items()})

    def load_states(self, fname: str | os.PathLike[str]) -> None:
        """Goes on from save_states(): the next steps have the bits of the uninterrupted training. Raises ValueError for
        states of another optimizer or network."""
        loaded = nd.load(fname)
        if isinstance(loaded, list) or not all(name.startswith("state.") for name in loaded):
            raise ValueError(f"[trainer] {os.fspath(fname)} holds no states of an optimizer")
        self._updater.restore({name[len("state."):]: array for name, array in loaded.items()}, self._weights())
