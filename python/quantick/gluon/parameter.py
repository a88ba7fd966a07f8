"""Parameters, and the dictionary of them that collect_params() gives."""
from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from quantick import nd
from quantick._checks import expect
from quantick._core import Block, Initializer, NDArray, Parameter, UnsupportedError

__all__ = ["Constant", "Parameter", "ParameterDict"]


class _Kept(Initializer):
    """Fills with one array, so that initialize(force_reinit=True) keeps a constant."""

    def __init__(self, value: NDArray) -> None:
        super().__init__()
        self.value = value

    def _init_weight(self, name: str, array: NDArray) -> None:
        array[:] = self.value


def Constant(name: str, value: Any) -> Parameter:  # noqa: N802, MXNet's name of a class
    """A parameter that holds `value` from the start and is not trained."""
    array = nd.array(value)
    parameter = Parameter(name, shape=array.shape, dtype=array.dtype, init=_Kept(array), differentiable=False)
    parameter.set_data(array)
    return parameter


class ParameterDict(Mapping[str, Parameter]):
    """Parameters by name, in the order of their blocks.

    `block.params` is the dictionary of a block's own parameters: get() adds to it.
    """

    def __init__(self, parameters: Mapping[str, Parameter] | None = None, block: Block | None = None) -> None:
        self._parameters: dict[str, Parameter] = {} if parameters is None else dict(expect(
            parameters, Mapping, "[parameters] parameters", "a mapping of names to Parameters"))
        self._block = block

    def __getitem__(self, name: str) -> Parameter:
        return self._parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __repr__(self) -> str:
        return "\n".join(["(", *(f"  {name}: {parameter!r}" for name, parameter in self.items()), ")"])

    def get(self, name: str, default: Any = None, **kwargs: Any) -> Any:
        """The parameter `name`; where it is not there and keyword arguments are given, a new one that they make.

        `self.weight = self.params.get("weight", shape=(units, 0), init="xavier")` in a block's constructor is Gluon's
        way of saying `self.weight = Parameter("weight", shape=(units, 0), init="xavier")`.
        """
        if name in self._parameters or not kwargs:
            return self._parameters.get(name, default)
        kwargs.pop("allow_deferred_init", None)  # every parameter with open extents waits here
        shared = getattr(self._block, "_shared_params", None) or {}
        parameter = shared[name] if name in shared else Parameter(name, **kwargs)
        self._parameters[name] = parameter
        if self._block is not None:
            setattr(self._block, name, parameter)
        return parameter

    def get_constant(self, name: str, value: Any = None) -> Parameter:
        """The constant `name`; where it is not there, a new one that holds `value`."""
        if name in self._parameters:
            return self._parameters[name]
        if value is None:
            raise ValueError(f"[parameters] no constant {name!r}, expected a value to make it of")
        constant = Constant(name, value)
        self._parameters[name] = constant
        if self._block is not None:
            setattr(self._block, name, constant)
        return constant

    def update(self, other: Mapping[str, Parameter]) -> None:
        """Adds the parameters of another dictionary. Raises ValueError where one name stands for two parameters."""
        for name, parameter in expect(other, Mapping, "[parameters] other", "a mapping of names to Parameters").items():
            if name in self._parameters and not self._parameters[name].same_as(parameter):
                raise ValueError(f"[parameters] name {name!r} stands for two parameters")
            self._parameters[name] = parameter

    def initialize(self, init: Initializer | str | None = None, ctx: Any = None, force_reinit: bool = False,
                   seed: int = 0) -> None:
        """Fills all parameters; those with open extents at the first call of their block."""
        for parameter in self.values():
            parameter.initialize(None, ctx, init, force_reinit, seed)

    def setattr(self, name: str, value: Any) -> None:
        """Sets an attribute of all parameters: setattr("grad_req", "null") freezes them, setattr("lr_mult", 0.1) has
        gluon.Trainer take smaller steps."""
        for parameter in self.values():
            setattr(parameter, name, value)

    def zero_grad(self) -> None:
        for parameter in self.values():
            parameter.zero_grad()

    def reset_ctx(self, ctx: Any) -> None:
        """Arrays live in the memory of the CPU. Raises NotImplementedError for another context."""
        if "cpu" not in str(ctx):
            raise UnsupportedError(f"[context] was {ctx}, expected cpu()")

    def save(self, filename: str | os.PathLike[str], strip_prefix: str = "") -> None:
        """Writes a safetensors file; `strip_prefix` is taken off the names."""
        arrays: dict[str, NDArray] = {}
        for name, parameter in self.items():
            if not name.startswith(strip_prefix):
                raise ValueError(f"[parameters] name {name!r}, expected it to start with {strip_prefix!r}")
            arrays[name[len(strip_prefix):]] = parameter.data()
        nd.save(filename, arrays)

    def load(self, filename: str | os.PathLike[str], ctx: Any = None, allow_missing: bool = False,
             ignore_extra: bool = False, restore_prefix: str = "") -> None:
        """Reads a safetensors file. Raises ValueError that names what is missing, too much or mis-shaped; nothing has
        changed then."""
        if ctx is not None:
            self.reset_ctx(ctx)
        loaded = nd.load(filename)
        if isinstance(loaded, list):
            raise ValueError(f"[parameters] {os.fspath(filename)} holds a list, expected arrays with names")
        arrays = {restore_prefix + name: array for name, array in loaded.items()}
        missing = [] if allow_missing else [name for name in self if name not in arrays]
        extra = [] if ignore_extra else [name for name in arrays if name not in self._parameters]
        problems = [f"missing {name}" for name in missing] + [f"surplus {name}" for name in extra]
        problems += [f"{name} was {arrays[name].shape}, expected {parameter.shape}" for name, parameter in self.items()
                     if name in arrays and not _fits(arrays[name].shape, parameter.shape)]
        if problems:
            raise ValueError(f"[parameters] {os.fspath(filename)} does not fit: {'; '.join(problems)}")
        for name, parameter in self.items():
            if name in arrays:
                parameter.set_data(arrays[name])


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Extents of 0 are still open."""
    return len(shape) == len(wanted) and all(b in (0, a) for a, b in zip(shape, wanted))
