"""Recurrent layers, and cells that are stepped by hand or unrolled."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from quantick import nd
from quantick._core import GRU, LSTM, Block, Initializer, NDArray, Parameter
from quantick._mxnet_layers import check_lengths
from quantick.autograd import is_training
from quantick.gluon.block import HybridBlock

__all__ = ["BidirectionalCell", "DropoutCell", "GRU", "GRUCell", "HybridRecurrentCell", "HybridSequentialRNNCell",
           "LSTM", "LSTMCell", "ModifierCell", "RNN", "RNNCell", "RecurrentCell", "ResidualCell", "SequentialRNNCell",
           "ZoneoutCell"]

Init = Initializer | str | None
States = list[NDArray]


def _activate(x: NDArray, name: str) -> NDArray:
    from quantick._core import Activation

    return Activation(name)(x)


def _stepped(cell: Block, x: NDArray, states: States) -> tuple[NDArray, States]:
    return cast("tuple[NDArray, States]", cell(x, states))


class RecurrentCell(HybridBlock):
    """One step of a recurrent network: cell(x, states) gives (output, new states); x is (N, C), states a list."""

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        """Shape and layout of each state."""
        raise NotImplementedError(f"[{type(self).__name__}] has no state_info()")

    def reset(self) -> None:
        """Forgets what a cell carries from step to step beside its states."""
        for child in self.children.values():
            if isinstance(child, RecurrentCell):
                child.reset()

    def begin_state(self, batch_size: int = 0, func: Any = None, **kwargs: Any) -> States:
        """A state of zeros for each of state_info(), or func(shape, **kwargs)."""
        make = nd.zeros if func is None else func
        return [make(info["shape"], **kwargs) for info in self.state_info(batch_size)]

    def unroll(self, length: int, inputs: Any, begin_state: States | None = None, layout: str = "NTC",
               merge_outputs: bool | None = None, valid_length: Any = None) -> tuple[Any, States]:
        """`length` steps over inputs: an array in `layout` (NTC or TNC), or a list of (N, C).

        merge_outputs: an array in `layout` (True), a list of steps (False), or as the inputs are (None).
        valid_length: the steps of each sequence, (N,): outputs behind them are 0, and the states are those after a
        sequence's last step.
        """
        steps, merged, axis = _steps_of(inputs, length, layout)
        self.reset()
        states = self.begin_state(steps[0].shape[0]) if begin_state is None else begin_state
        outputs, after = [], []
        for step in steps:
            output, states = _stepped(self, step, states)
            outputs.append(output)
            after.append(states)
        if valid_length is not None:
            valid_length = valid_length if isinstance(valid_length, NDArray) else nd.array(valid_length)
            check_lengths("unroll", valid_length, 1, length)
            states = [_last(list(of_steps), valid_length) for of_steps in zip(*after, strict=True)]
            outputs = _masked(outputs, valid_length)
        wanted = merged if merge_outputs is None else merge_outputs
        return nd.stack(outputs, axis=axis) if wanted else outputs, states


def _last(steps: list[NDArray], lengths: Any) -> NDArray:
    """Of each sequence the step that its length names."""
    return nd.SequenceLast(nd.stack(steps, axis=0), lengths, True)


def _masked(steps: list[NDArray], lengths: Any) -> list[NDArray]:
    """Zeros behind each sequence's end."""
    masked = nd.SequenceMask(nd.stack(steps, axis=0), lengths, True)
    return [nd.squeeze(nd.slice(masked, 0, t, t + 1), 0) for t in range(len(steps))]


def _reversed(steps: list[NDArray], lengths: Any) -> list[NDArray]:
    """Steps in reverse order; of sequences with a length those alone, what stands behind their end stays there."""
    if lengths is None:
        return steps[::-1]
    turned = nd.SequenceReverse(nd.stack(steps, axis=0), lengths, True)
    return [nd.squeeze(nd.slice(turned, 0, t, t + 1), 0) for t in range(len(steps))]


def _steps_of(inputs: Any, length: int, layout: str) -> tuple[list[NDArray], bool, int]:
    axis = layout.find("T")
    if layout not in ("NTC", "TNC"):
        raise ValueError(f"[unroll] layout, was {layout}, expected NTC or TNC")
    if isinstance(inputs, (list, tuple)):
        steps, merged = list(inputs), False
    else:
        steps = [nd.squeeze(nd.slice(inputs, axis, t, t + 1), axis) for t in range(inputs.shape[axis])]
        merged = True
    if len(steps) != length:
        raise ValueError(f"[unroll] steps of the inputs, was {len(steps)}, expected {length}")
    return steps, merged, axis


#: Every cell here can be traced; the name is Gluon's.
HybridRecurrentCell = RecurrentCell


class _GateCell(RecurrentCell):
    """Cells with `gates` products of the input and of the hidden state."""

    _gates = 1
    _states = 1

    def __init__(self, hidden_size: int, i2h_weight_initializer: Init, h2h_weight_initializer: Init,
                 i2h_bias_initializer: Init, h2h_bias_initializer: Init, input_size: int, prefix: str | None) -> None:
        super().__init__(prefix)
        self._hidden = hidden_size
        rows = self._gates * hidden_size
        self.i2h_weight = Parameter("i2h_weight", shape=(rows, input_size), init=i2h_weight_initializer)
        self.h2h_weight = Parameter("h2h_weight", shape=(rows, hidden_size), init=h2h_weight_initializer)
        self.i2h_bias = Parameter("i2h_bias", shape=(rows,), init=i2h_bias_initializer)
        self.h2h_bias = Parameter("h2h_bias", shape=(rows,), init=h2h_bias_initializer)

    def infer_shape(self, x: NDArray, *states: NDArray) -> None:
        self.i2h_weight.shape = (self._gates * self._hidden, x.shape[-1])

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        return [{"shape": (batch_size, self._hidden), "__layout__": "NC"} for _ in range(self._states)]

    def _products(self, x: NDArray, h: NDArray) -> tuple[NDArray, NDArray]:
        return (nd.dense(x, self.i2h_weight.data(), self.i2h_bias.data()),
                nd.dense(h, self.h2h_weight.data(), self.h2h_bias.data()))

    def _gate(self, rows: NDArray, number: int) -> NDArray:
        return nd.slice(rows, 1, number * self._hidden, (number + 1) * self._hidden)


class RNNCell(_GateCell):
    """h' = activation(W x + b + R h + c) (Elman 1990)."""

    def __init__(self, hidden_size: int, activation: str = "tanh", i2h_weight_initializer: Init = None,
                 h2h_weight_initializer: Init = None, i2h_bias_initializer: Init = "zeros",
                 h2h_bias_initializer: Init = "zeros", input_size: int = 0, prefix: str | None = None) -> None:
        super().__init__(hidden_size, i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer,
                         h2h_bias_initializer, input_size, prefix)
        self._activation = activation

    def forward(self, x: Any, states: States) -> tuple[NDArray, States]:
        of_input, of_state = self._products(x, states[0])
        h = _activate(of_input + of_state, self._activation)
        return h, [h]


class LSTMCell(_GateCell):
    """Gates i, f, g, o; states [h, c]. The arithmetic of nn.LSTM."""

    _gates, _states = 4, 2

    def __init__(self, hidden_size: int, i2h_weight_initializer: Init = None, h2h_weight_initializer: Init = None,
                 i2h_bias_initializer: Init = "zeros", h2h_bias_initializer: Init = "zeros", input_size: int = 0,
                 prefix: str | None = None, activation: str = "tanh", recurrent_activation: str = "sigmoid") -> None:
        super().__init__(hidden_size, i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer,
                         h2h_bias_initializer, input_size, prefix)
        self._activation, self._recurrent = activation, recurrent_activation

    def forward(self, x: Any, states: States) -> tuple[NDArray, States]:
        of_input, of_state = self._products(x, states[0])
        rows = of_input + of_state
        i, f, o = (_activate(self._gate(rows, number), self._recurrent) for number in (0, 1, 3))
        c = f * states[1] + i * _activate(self._gate(rows, 2), self._activation)
        h = o * _activate(c, self._activation)
        return h, [h, c]


class GRUCell(_GateCell):
    """Gates r, z, n; reset after the recurrent product. The arithmetic of nn.GRU."""

    _gates = 3

    def __init__(self, hidden_size: int, i2h_weight_initializer: Init = None, h2h_weight_initializer: Init = None,
                 i2h_bias_initializer: Init = "zeros", h2h_bias_initializer: Init = "zeros", input_size: int = 0,
                 prefix: str | None = None) -> None:
        super().__init__(hidden_size, i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer,
                         h2h_bias_initializer, input_size, prefix)

    def forward(self, x: Any, states: States) -> tuple[NDArray, States]:
        of_input, of_state = self._products(x, states[0])
        r, z = (nd.sigmoid(self._gate(of_input, number) + self._gate(of_state, number)) for number in (0, 1))
        n = nd.tanh(self._gate(of_input, 2) + r * self._gate(of_state, 2))
        h = n + z * (states[0] - n)
        return h, [h]


class SequentialRNNCell(RecurrentCell):
    """Cells on top of each other; their states stand in one list."""

    def add(self, cell: RecurrentCell) -> None:
        self.register_child(cell)

    def __len__(self) -> int:
        return len(self.children)

    def __getitem__(self, index: int) -> RecurrentCell:
        return cast(RecurrentCell, list(self.children.values())[index])

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        return [info for cell in self.children.values() for info in cell.state_info(batch_size)]

    def forward(self, x: Any, states: States) -> tuple[NDArray, States]:
        after: States = []
        for cell in self.children.values():
            width = len(cell.state_info())
            x, new = _stepped(cell, x, states[len(after):len(after) + width])
            after += new
        return x, after


HybridSequentialRNNCell = SequentialRNNCell


class DropoutCell(RecurrentCell):
    """Dropout on what it reads; no states."""

    def __init__(self, rate: float, axes: tuple[int, ...] = (), prefix: str | None = None) -> None:
        from quantick._core import Dropout

        super().__init__(prefix)
        self.dropout = Dropout(rate, axes)

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        return []

    def forward(self, x: Any, states: States) -> tuple[NDArray, States]:
        return self.dropout(x), states


class ModifierCell(RecurrentCell):
    """A cell around another one, whose states it hands on."""

    def __init__(self, base_cell: RecurrentCell) -> None:
        super().__init__()
        self.base_cell = base_cell

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        return self.base_cell.state_info(batch_size)


class ResidualCell(ModifierCell):
    """The base cell's output plus its input (He et al. 2015)."""

    def forward(self, x: Any, states: States) -> tuple[NDArray, States]:
        output, states = _stepped(self.base_cell, x, states)
        return output + x, states


class ZoneoutCell(ModifierCell):
    """In training, keeps each element of the last output and states with these probabilities (Krueger et al. 2016)."""

    def __init__(self, base_cell: RecurrentCell, zoneout_outputs: float = 0.0, zoneout_states: float = 0.0) -> None:
        super().__init__(base_cell)
        self._rates = (zoneout_outputs, zoneout_states)
        self._last: NDArray | None = None

    def reset(self) -> None:
        super().reset()
        self._last = None

    def forward(self, x: Any, states: States) -> tuple[NDArray, States]:
        from quantick._core import Dropout

        output, new = _stepped(self.base_cell, x, states)
        if not is_training():
            return output, new

        def mixed(rate: float, fresh: NDArray, old: NDArray) -> NDArray:
            kept = nd.not_equal(Dropout(rate)(nd.ones(fresh.shape)), 0) if rate > 0 else None
            return fresh if kept is None else nd.where(kept, fresh, old)

        last = nd.zeros(output.shape) if self._last is None else self._last
        output = mixed(self._rates[0], output, last)
        self._last = output
        return output, [mixed(self._rates[1], fresh, old) for fresh, old in zip(new, states, strict=True)]


class BidirectionalCell(RecurrentCell):
    """Two cells that read a sequence from both ends; outputs stand side by side. Only unroll() runs it."""

    def __init__(self, l_cell: RecurrentCell, r_cell: RecurrentCell, output_prefix: str = "bi_") -> None:
        super().__init__(output_prefix)
        self.l_cell, self.r_cell = l_cell, r_cell

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        return [*self.l_cell.state_info(batch_size), *self.r_cell.state_info(batch_size)]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("[bidirectional_cell] cannot be stepped: it reads the future; use unroll()")

    def unroll(self, length: int, inputs: Any, begin_state: States | None = None, layout: str = "NTC",
               merge_outputs: bool | None = None, valid_length: Any = None) -> tuple[Any, States]:
        steps, merged, axis = _steps_of(inputs, length, layout)
        if valid_length is not None and not isinstance(valid_length, NDArray):
            valid_length = nd.array(valid_length)
        states = self.begin_state(steps[0].shape[0]) if begin_state is None else begin_state
        split = len(self.l_cell.state_info())
        left, left_states = self.l_cell.unroll(length, steps, states[:split], layout, False, valid_length)
        right, right_states = self.r_cell.unroll(length, _reversed(steps, valid_length), states[split:], layout, False,
                                                 valid_length)
        turned = _reversed(right, valid_length)
        outputs = [nd.concat([a, b], axis=1) for a, b in zip(left, turned, strict=True)]
        wanted = merged if merge_outputs is None else merge_outputs
        return nd.stack(outputs, axis=axis) if wanted else outputs, [*left_states, *right_states]


class RNN(HybridBlock):
    """Stacked Elman network of RNNCell's arithmetic: rnn(x) gives y; rnn(x, [h]) gives (y, [h]). x is (T, N, C), y
    (T, N, H) (2H where bidirectional), h (num_layers * directions, N, H). A composition, step by step: nn.LSTM and nn.GRU
    have kernels of their own and can be quantized."""

    def __init__(self, hidden_size: int, num_layers: int = 1, activation: str = "relu", layout: str = "TNC",
                 dropout: float = 0, bidirectional: bool = False, i2h_weight_initializer: Init = None,
                 h2h_weight_initializer: Init = None, i2h_bias_initializer: Init = "zeros",
                 h2h_bias_initializer: Init = "zeros", input_size: int = 0, dtype: str = "float32",
                 prefix: str | None = None) -> None:
        from quantick._core import Dropout

        super().__init__(prefix)
        if layout not in ("TNC", "NTC"):
            raise ValueError(f"[rnn] layout, was {layout}, expected TNC or NTC")
        if not isinstance(num_layers, int) or not 1 <= num_layers <= 1024:
            raise ValueError(f"[rnn] num_layers, was {num_layers!r}, expected 1..1024")
        self._hidden, self._layers, self._layout, self._activation = hidden_size, num_layers, layout, activation
        self._sides = "lr" if bidirectional else "l"
        self._dropout_rate = dropout
        self.dropout = Dropout(dropout)
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size * len(self._sides)
            for side in self._sides:
                for name, shape, init in (("i2h_weight", (hidden_size, width), i2h_weight_initializer),
                                          ("h2h_weight", (hidden_size, hidden_size), h2h_weight_initializer),
                                          ("i2h_bias", (hidden_size,), i2h_bias_initializer),
                                          ("h2h_bias", (hidden_size,), h2h_bias_initializer)):
                    name = f"{side}{layer}_{name}"
                    setattr(self, name, Parameter(name, shape=shape, init=init))
        if dtype != "float32":
            self.cast(dtype)

    def infer_shape(self, x: NDArray, *states: NDArray) -> None:
        for side in self._sides:
            self.params[f"{side}0_i2h_weight"].shape = (self._hidden, x.shape[-1])

    def begin_state(self, batch_size: int = 0) -> States:
        return [nd.zeros((self._layers * len(self._sides), batch_size, self._hidden))]

    def forward(self, x: Any, states: Sequence[NDArray] | NDArray | None = None) -> Any:
        time = self._layout.find("T")
        steps: Any = [nd.squeeze(nd.slice(x, time, t, t + 1), time) for t in range(x.shape[time])]
        given: Any = states[0] if isinstance(states, (list, tuple)) else states
        last = []
        for layer in range(self._layers):
            outputs = []
            for number, side in enumerate(self._sides):
                place = layer * len(self._sides) + number
                begin = None if given is None else nd.squeeze(nd.slice(given, 0, place, place + 1), 0)
                read = steps if side == "l" else steps[::-1]
                states_of_side = self._run(f"{side}{layer}", read, begin)
                last.append(states_of_side[-1])
                outputs.append(states_of_side if side == "l" else states_of_side[::-1])
            steps = outputs[0] if len(outputs) == 1 else [nd.concat(list(p), axis=1) for p in zip(*outputs, strict=True)]
            if self._dropout_rate > 0 and layer + 1 < self._layers:
                steps = [self.dropout(step) for step in steps]
        y = nd.stack(steps, axis=time)
        return y if states is None else (y, [nd.stack(last, axis=0)])

    def _run(self, name: str, steps: Sequence[NDArray], h: NDArray | None) -> list[NDArray]:
        """The hidden states of one direction of one layer."""
        w, r, b, c = (self.params[f"{name}_{part}"].data() for part in ("i2h_weight", "h2h_weight", "i2h_bias",
                                                                        "h2h_bias"))
        h = nd.zeros((steps[0].shape[0], self._hidden), w.dtype) if h is None else h
        out = []
        for step in steps:
            h = _activate(nd.dense(step, w, b) + nd.dense(h, r, c), self._activation)
            out.append(h)
        return out
