"""Key-value stores of one process, with MXNet's names. Training over several processes is not part of Quantick."""
from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from quantick import nd
from quantick._checks import expect
from quantick._core import NDArray, UnsupportedError

__all__ = ["KVStore", "KVStoreBase", "create"]


def unsupported(what: str) -> Exception:
    """The error for what one process does not have."""
    error: Exception = UnsupportedError(f"[kvstore] {what}: not here, expected local or device (one process)")
    return error


class KVStoreBase:
    """What a store offers: broadcast, pushpull, and the optimizer that push() runs."""

    OPTIMIZER = "optimizer"

    def broadcast(self, key: Any, value: Any, out: Any, priority: int = 0) -> None:
        raise NotImplementedError(f"[{type(self).__name__}] has no broadcast()")

    def pushpull(self, key: Any, value: Any, out: Any = None, priority: int = 0) -> None:
        raise NotImplementedError(f"[{type(self).__name__}] has no pushpull()")

    @staticmethod
    def is_capable(capability: str) -> bool:
        return capability == KVStoreBase.OPTIMIZER

    @property
    def type(self) -> str:
        return "local"

    @property
    def rank(self) -> int:
        return 0

    @property
    def num_workers(self) -> int:
        return 1


def _pairs(key: Any, value: Any) -> list[tuple[Any, Any]]:
    return list(zip(key, value, strict=True)) if isinstance(key, (list, tuple)) else [(key, value)]


def _sum(value: Any) -> NDArray:
    """Lists are the values of several devices."""
    if not isinstance(value, (list, tuple)):
        return value  # type: ignore[no-any-return]
    total: NDArray = value[0]
    for item in value[1:]:
        total = total + item
    return total


class KVStore(KVStoreBase):
    """Arrays by key. push() sums what it gets into the store, or hands it to the updater; pull() copies out.

    The order of calls is the order of their effects: `priority` changes nothing.
    """

    def __init__(self, kind: str = "local") -> None:
        self._kind = kind
        self._arrays: dict[Any, NDArray] = {}
        self._updater: Any = None

    @property
    def type(self) -> str:
        return self._kind

    def _stored(self, key: Any) -> NDArray:
        if key not in self._arrays:
            raise ValueError(f"[kvstore] key {key!r} is not there: call init() first")
        return self._arrays[key]

    def init(self, key: Any, value: Any) -> None:
        """Stores copies under keys that are new."""
        for name, given in _pairs(key, value):
            if name in self._arrays:
                raise ValueError(f"[kvstore] key {name!r} is there already")
            self._arrays[name] = expect(_sum(given), NDArray, f"[kvstore] value of {name!r}", "an NDArray").copy()

    def push(self, key: Any, value: Any, priority: int = 0) -> None:
        for name, given in _pairs(key, value):
            stored = self._stored(name)
            if self._updater is None:
                stored[:] = _sum(given)
            else:
                self._updater(name, _sum(given), stored)

    def pull(self, key: Any, out: Any = None, priority: int = 0, ignore_sparse: bool = True) -> None:
        if out is None:
            raise ValueError("[kvstore] pull, out was None, expected an array or a list of them")
        for name, target in _pairs(key, out):
            for array in target if isinstance(target, (list, tuple)) else [target]:
                array[:] = self._stored(name)

    def pushpull(self, key: Any, value: Any, out: Any = None, priority: int = 0) -> None:
        self.push(key, value)
        self.pull(key, value if out is None else out)

    def broadcast(self, key: Any, value: Any, out: Any, priority: int = 0) -> None:
        self.init(key, value)
        self.pull(key, out)

    def set_optimizer(self, optimizer: Any) -> None:
        """push() runs this optimizer on the stored weight."""
        from quantick.optimizer import Updater

        self._updater = Updater(optimizer)

    def set_updater(self, updater: Callable[[Any, NDArray, NDArray], None]) -> None:
        """push() calls updater(key, pushed, stored), which changes `stored`."""
        self._updater = updater

    def _states(self) -> Any:
        if self._updater is None or not hasattr(self._updater, "state_arrays"):
            raise ValueError("[kvstore] has no optimizer: call set_optimizer() first")
        return self._updater

    def save_optimizer_states(self, fname: str | os.PathLike[str]) -> None:
        nd.save(fname, {f"state.{name}": array for name, array in self._states().state_arrays().items()})

    def load_optimizer_states(self, fname: str | os.PathLike[str]) -> None:
        loaded = nd.load(fname)
        if isinstance(loaded, list):
            raise ValueError(f"[kvstore] {os.fspath(fname)} holds no states of an optimizer")
        self._states().restore({name[len("state."):]: array for name, array in loaded.items()}, self._arrays)

    def set_gradient_compression(self, compression_params: Any) -> None:
        raise unsupported("gradient compression")

    def row_sparse_pull(self, key: Any, out: Any = None, priority: int = 0, row_ids: Any = None) -> None:
        raise unsupported("sparse rows")


def create(name: str = "local") -> KVStore:
    """A store by name: local or device. Raises NotImplementedError for stores of several processes (dist_*, nccl,
    horovod, byteps), ValueError for other names."""
    if not isinstance(name, str):
        raise TypeError(f"[kvstore] name, was a {type(name).__name__}, expected a text")
    kind = name.lower()
    if kind in ("local", "device", "local_allreduce_cpu", "local_allreduce_device", "local_update_cpu"):
        return KVStore(kind)
    if kind.startswith("dist") or kind in ("nccl", "horovod", "byteps", "p3"):
        raise unsupported(f"store {name}")
    raise ValueError(f"[kvstore] name, was {name}, expected local or device")
