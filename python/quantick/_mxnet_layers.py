"""Layers and operators of sequences as functions of arrays, in MXNet's form; composed as in _mxnet_operators."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from quantick import _core
from quantick import _operators as op
from quantick._core import NDArray, UnsupportedError
from quantick._mxnet_operators import _array, _cut

if TYPE_CHECKING:
    from quantick._typing import ArrayLike


def FullyConnected(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None,  # noqa: N802, MXNet's name
                   num_hidden: int | None = None, no_bias: bool = False, flatten: bool = True) -> NDArray:
    """dense() by MXNet's name."""
    rows = _array(weight).shape[0]
    if num_hidden is not None and num_hidden != rows:
        raise ValueError(f"[FullyConnected] num_hidden, was {num_hidden}, expected the {rows} rows of the weight")
    return op.dense(x, weight, None if no_bias else bias, flatten)


def Activation(x: ArrayLike, act_type: str) -> NDArray:  # noqa: N802
    """relu, sigmoid, tanh, softrelu or softsign."""
    functions = {"relu": op.relu, "sigmoid": op.sigmoid, "tanh": op.tanh, "softrelu": op.softplus,
                 "softsign": op.softsign}
    if act_type not in functions:
        raise ValueError(f"[Activation] act_type, was {act_type}, expected one of {', '.join(functions)}")
    return functions[act_type](x)


def LeakyReLU(x: ArrayLike, gamma: ArrayLike | None = None, act_type: str = "leaky",  # noqa: N802
              slope: float = 0.25) -> NDArray:
    """leaky (slope), elu (slope), prelu (gamma, per channel of axis 1), selu or gelu."""
    if act_type == "leaky":
        return op.leaky_relu(x, slope)
    if act_type == "gelu":
        return op.gelu(x)
    falling = op.subtract(op.exp(op.minimum(x, 0)), 1)
    if act_type == "elu":
        return op.add(op.relu(x), op.multiply(falling, slope))
    if act_type == "selu":
        return op.multiply(op.add(op.relu(x), op.multiply(falling, 1.6732632423543772)), 1.0507009873554805)
    if act_type != "prelu" or gamma is None:
        raise ValueError(f"[LeakyReLU] act_type, was {act_type}, expected leaky, elu, selu, gelu, or prelu with gamma")
    given, factor = _array(x), _array(gamma)
    if factor.size > 1 and given.ndim > 1:
        factor = op.reshape(factor, (1, -1, *[1] * (given.ndim - 2)))
    return op.subtract(op.relu(given), op.multiply(op.relu(op.negative(given)), factor))


def _twice(pads: int | Sequence[int], axes: int) -> list[int]:
    return ([pads] * axes if isinstance(pads, int) else list(pads)) * 2


def Convolution(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None,  # noqa: N802
                kernel: int | Sequence[int] | None = None, stride: int | Sequence[int] = (),
                dilate: int | Sequence[int] = (), pad: int | Sequence[int] = (), num_filter: int | None = None,
                num_group: int = 1, no_bias: bool = False) -> NDArray:
    """convolution() by MXNet's name: one padding per axis, on both sides. The weight says kernel and num_filter."""
    shape = _array(weight).shape
    wanted = shape[2:] if kernel is None else (kernel,) if isinstance(kernel, int) else tuple(kernel)
    if wanted != shape[2:] or num_filter not in (None, shape[0]):
        raise ValueError(f"[Convolution] num_filter and kernel, were {num_filter} and {kernel}, expected {shape[0]} "
                         f"and {shape[2:]}, the weight's")
    return op.convolution(x, weight, None if no_bias else bias, stride, _twice(pad, len(shape) - 2), dilate, num_group)


def Pooling(x: ArrayLike, kernel: int | Sequence[int] = (), pool_type: str = "max",  # noqa: N802
            global_pool: bool = False, stride: int | Sequence[int] = (), pad: int | Sequence[int] = (),
            count_include_pad: bool = True) -> NDArray:
    """max_pool() or avg_pool() by MXNet's name: one padding per axis, on both sides."""
    if pool_type not in ("max", "avg"):
        raise ValueError(f"[Pooling] pool_type, was {pool_type}, expected max or avg")
    given = _array(x)
    if global_pool:
        return (op.max if pool_type == "max" else op.mean)(given, list(range(2, given.ndim)), True)
    pads = _twice(pad, given.ndim - 2)
    if pool_type == "max":
        return op.max_pool(given, kernel, stride, pads)
    return op.avg_pool(given, kernel, stride, pads, count_include_pad)


def Dropout(x: ArrayLike, p: float = 0.5, axes: Sequence[int] = ()) -> NDArray:  # noqa: N802
    """In training, zero with probability p, else divided by 1 - p; axes share the mask."""
    out: NDArray = _core.Dropout(p, tuple(axes))(x)
    return out


def LayerNorm(x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, axis: int = -1,  # noqa: N802
              eps: float = 1e-5) -> NDArray:
    """layer_norm() by MXNet's name, over the last axis."""
    if axis not in (-1, _array(x).ndim - 1):
        raise UnsupportedError(f"[LayerNorm] axis, was {axis}, expected the last one")
    return op.layer_norm(x, gamma, beta, eps)


def Embedding(x: ArrayLike, weight: ArrayLike, input_dim: int | None = None,  # noqa: N802
              output_dim: int | None = None) -> NDArray:
    """embedding() by MXNet's name; the weight says input_dim and output_dim."""
    shape = _array(weight).shape
    if input_dim not in (None, shape[0]) or output_dim not in (None, shape[1]):
        raise ValueError(f"[Embedding] input_dim and output_dim, were {input_dim} and {output_dim}, expected "
                         f"{shape[0]} and {shape[1]}, the weight's")
    return op.embedding(x, weight)


def check_lengths(who: str, lengths: Any, least: int, most: int) -> None:
    """Raises ValueError for lengths of sequences out of range; those of a traced array are not known."""
    try:
        values = _core.copy_of(lengths, "float64").asnumpy()
    except UnsupportedError:
        return
    if values.ndim != 1 or not ((values >= least) & (values <= most)).all():
        raise ValueError(f"[{who}] lengths, were {values.tolist()}, expected one of {least} .. {most} per sequence")


def _lengths(x: NDArray, sequence_length: Any, use: bool, axis: int) -> NDArray | None:
    """(steps, batch) or (batch, steps) of bools: whether a step is within its sequence's length."""
    if axis not in (0, 1):
        raise ValueError(f"[sequence] axis, was {axis}, expected 0 or 1")
    if not use:
        return None
    if sequence_length is None:
        raise ValueError("[sequence] sequence_length, was None, expected an array beside use_sequence_length=True")
    lengths = op.cast(sequence_length, "float32")
    steps = _core.arange(0, x.shape[axis], 1, "float32")
    if axis == 0:
        return op.less(op.expand_dims(steps, 1), op.expand_dims(lengths, 0))
    return op.less(op.expand_dims(steps, 0), op.expand_dims(lengths, 1))


def SequenceMask(x: ArrayLike, sequence_length: Any = None, use_sequence_length: bool = False,  # noqa: N802
                 value: float = 0.0, axis: int = 0) -> NDArray:
    """`value` in place of what stands behind each sequence's end; x is (steps, batch, ...), or (batch, steps, ...) with
    axis=1, sequence_length (batch,)."""
    given = _array(x)
    inside = _lengths(given, sequence_length, use_sequence_length, axis)
    if inside is None:
        return op.identity(given)
    return op.where(op.reshape(inside, (*inside.shape, *[1] * (given.ndim - 2))), given, value)


def SequenceLast(x: ArrayLike, sequence_length: Any = None, use_sequence_length: bool = False,  # noqa: N802
                 axis: int = 0) -> NDArray:
    """The last step of each sequence: (batch, ...)."""
    given = _array(x)
    if not use_sequence_length:
        return op.squeeze(_cut(given, axis, given.shape[axis] - 1, None), axis)
    if sequence_length is None:
        raise ValueError("[sequence] sequence_length, was None, expected an array beside use_sequence_length=True")
    if axis not in (0, 1):
        raise ValueError(f"[sequence] axis, was {axis}, expected 0 or 1")
    check_lengths("sequence", sequence_length, 1, given.shape[axis])
    later = op.subtract(op.cast(sequence_length, "float32"), 1)
    steps = op.reshape(_core.arange(0, given.shape[axis], 1, "float32"), (-1, 1) if axis == 0 else (1, -1))
    last = op.equal(steps, op.expand_dims(later, axis))
    return op.sum(op.where(op.reshape(last, (*last.shape, *[1] * (given.ndim - 2))), given, 0), [axis])


def SequenceReverse(x: ArrayLike, sequence_length: Any = None, use_sequence_length: bool = False,  # noqa: N802
                    axis: int = 0) -> NDArray:
    """Each sequence in reverse order; what stands behind its end stays there. x is (steps, batch, ...)."""
    given = _array(x)
    if axis != 0:
        raise ValueError(f"[sequence] axis, was {axis}, expected 0")
    if not use_sequence_length:
        return op.sequence_reverse(given)
    import numpy

    if sequence_length is None:
        raise ValueError("[sequence] sequence_length, was None, expected an array beside use_sequence_length=True")
    check_lengths("sequence", sequence_length, 0, given.shape[0])
    lengths = _core.copy_of(sequence_length, "int64").asnumpy()
    steps = numpy.arange(given.shape[0])[:, None]
    places = numpy.where(steps < lengths, lengths - 1 - steps, steps)
    rows = places * given.shape[1] + numpy.arange(given.shape[1])
    flat = op.reshape(given, (-1, *given.shape[2:]))
    return op.take(flat, numpy.ascontiguousarray(rows))


__all__ = ["Activation", "Convolution", "Dropout", "Embedding", "FullyConnected", "LayerNorm", "LeakyReLU", "Pooling",
           "SequenceLast", "SequenceMask", "SequenceReverse"]
