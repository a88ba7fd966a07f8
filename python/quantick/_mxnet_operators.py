"""Operators in MXNet's form: other names, or other arguments, for what the operators of the registry compute.

All are compositions of those operators, so that gradients flow, and hybridize() follows, as far as they do.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from quantick import _core
from quantick import _operators as op
from quantick._core import NDArray, UnsupportedError

if TYPE_CHECKING:
    from quantick._typing import ArrayLike, DTypeLike

Axes = int | Sequence[int] | None


def _array(x: ArrayLike) -> NDArray:
    return x if isinstance(x, NDArray) else _core.wrap(x)


def _axes(x: NDArray, axis: Axes, exclude: bool = False) -> list[int]:
    """Axes from 0 on; all where None."""
    given = range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    named = [a + x.ndim if a < 0 else a for a in given]
    if exclude:
        return [a for a in range(x.ndim) if a not in named]
    return list(named)


def _reduced(function: Callable[..., NDArray], x: ArrayLike, axes: Axes, keepdims: bool, axis: Axes,
             exclude: bool) -> NDArray:
    if axis is None and not exclude:
        return function(x, () if axes is None else axes, keepdims)
    chosen = _axes(_array(x), axis if axis is not None else axes, exclude)
    return function(x, chosen, keepdims) if chosen else op.identity(x)


def sum(x: ArrayLike, axes: Axes = (), keepdims: bool = False, axis: Axes = None,
        exclude: bool = False) -> NDArray:
    """The sum over axes (MXNet: axis), all where none is given; with exclude over all others."""
    return _reduced(op.sum, x, axes, keepdims, axis, exclude)


def mean(x: ArrayLike, axes: Axes = (), keepdims: bool = False, axis: Axes = None,
         exclude: bool = False) -> NDArray:
    """The mean over axes (MXNet: axis), all where none is given; with exclude over all others."""
    return _reduced(op.mean, x, axes, keepdims, axis, exclude)


def max(x: ArrayLike, axes: Axes = (), keepdims: bool = False, axis: Axes = None,
        exclude: bool = False) -> NDArray:
    """The largest value over axes (MXNet: axis), all where none is given; with exclude over all others."""
    return _reduced(op.max, x, axes, keepdims, axis, exclude)


def min(x: ArrayLike, axes: Axes = (), keepdims: bool = False, axis: Axes = None,
        exclude: bool = False) -> NDArray:
    """The smallest value over axes (MXNet: axis), all where none is given; with exclude over all others."""
    return _reduced(op.min, x, axes, keepdims, axis, exclude)


def norm(x: ArrayLike, ord: int = 2, axis: Axes = None, keepdims: bool = False) -> NDArray:
    """sqrt(sum x^2), or with ord=1 the sum of |x|, over axes, all where None."""
    if ord not in (1, 2):
        raise ValueError(f"[norm] ord, was {ord}, expected 1 or 2")
    if ord == 1:
        return sum(op.abs(x), keepdims=keepdims, axis=axis)
    return op.sqrt(sum(op.square(x), keepdims=keepdims, axis=axis))


def _joined(function: Callable[..., NDArray], x: Any, more: tuple[Any, ...], axis: int | None, default: int) -> NDArray:
    by_place = len(more) == 1 and isinstance(more[0], int)
    if more and not by_place:
        return function([x, *more], default if axis is None else axis)
    if by_place and axis is not None:
        raise TypeError("[concat] axis is given twice, by place and by name")
    return function(x, more[0] if by_place else axis or 0)


def concat(x: Any, *more: Any, axis: int | None = None, dim: int | None = None) -> NDArray:
    """Arrays of one dtype one after another: concat([a, b], axis=0), or as in MXNet concat(a, b, dim=1)."""
    return _joined(op.concat, x, more, axis if dim is None else dim, 1)


def stack(x: Any, *more: Any, axis: int | None = None) -> NDArray:
    """Arrays of one type side by side along a new axis: stack([a, b], axis=0), or stack(a, b, axis=0)."""
    return _joined(op.stack, x, more, axis, 0)


def clip(x: ArrayLike, low: float = 0.0, high: float = 0.0, a_min: float | None = None,
         a_max: float | None = None) -> NDArray:
    """x, at least low (MXNet: a_min) and at most high (a_max)."""
    return op.clip(x, low if a_min is None else a_min, high if a_max is None else a_max)


def where(condition: ArrayLike, a: ArrayLike, b: ArrayLike) -> NDArray:
    """a where the condition is true, or not 0, b elsewhere."""
    if isinstance(condition, NDArray) and condition.dtype != "bool":
        condition = op.not_equal(condition, 0)
    return op.where(condition, a, b)


def slice(x: ArrayLike, axis: Any = 0, start: Any = 0, stop: int = 0, step: Any = 1, begin: Any = None,
          end: Any = None) -> NDArray:
    """Elements start, start + step, ... below stop along an axis; or as in MXNet slice(x, begin=(1, 0), end=(3, None)),
    one entry per axis from the first on."""
    if begin is None and not isinstance(axis, (tuple, list)):
        return op.slice(x, axis, start, stop, step)
    if begin is None:
        begin, end = axis, start
    out = _array(x)
    steps = [None] * len(begin) if isinstance(step, int) else step
    for place, (first, last, stride) in enumerate(zip(begin, end, steps, strict=True)):
        out = _cut(out, place, first, last, stride)
    return out


def _cut(x: NDArray, axis: int, first: int | None, last: int | None, stride: int | None = None) -> NDArray:
    return op.slice(x, axis, first or 0, x.shape[axis] if last is None else last, 1 if stride is None else stride)


def slice_axis(x: ArrayLike, axis: int, begin: int, end: int | None) -> NDArray:
    """Elements begin .. end - 1 along an axis; to its end where None."""
    return _cut(_array(x), axis, begin, end)


def slice_like(x: ArrayLike, shape_like: ArrayLike, axes: Axes = None) -> NDArray:
    """The first elements along `axes` (all where None), as many as shape_like has."""
    out = _array(x)
    for axis in _axes(out, axes or None):
        out = _cut(out, axis, 0, _array(shape_like).shape[axis])
    return out


def split(x: ArrayLike, num_outputs: int, axis: int = 1, squeeze_axis: bool = False) -> NDArray | list[NDArray]:
    """Equal parts along an axis, a list; of one part, the array itself."""
    given = _array(x)
    extent = given.shape[axis]
    if num_outputs < 1 or extent % num_outputs:
        raise ValueError(f"[split] num_outputs, was {num_outputs}, expected a divisor of the axis of {extent}")
    size = extent // num_outputs
    parts = [_cut(given, axis, i * size, (i + 1) * size) for i in range(num_outputs)]
    if squeeze_axis:
        parts = [op.squeeze(part, axis) for part in parts]
    return parts[0] if num_outputs == 1 else parts


def squeeze(x: ArrayLike, axis: Axes = None) -> NDArray:
    """Without these axes of extent 1; without all of them where None."""
    return _array(x).squeeze(axis)


def reshape(x: ArrayLike, shape: Any = (), reverse: bool = False) -> NDArray:
    """The same elements in another shape: -1 is what remains (once), 0 the extent that the axis had. MXNet's -2: all
    axes that are left; -3: the product of two; -4, a, b: one axis split into a and b, one of which may be -1."""
    wanted = [shape] if isinstance(shape, int) else list(shape)
    if reverse:
        raise UnsupportedError("[reshape] reverse, was True, expected False")
    if not any(extent < -1 for extent in wanted):
        return op.reshape(x, shape)
    old, out, at = list(_array(x).shape), [], 0
    codes = iter(wanted)
    for code in codes:
        if code == -2:
            out += old[at:]
            at = len(old)
        elif code == -3:
            out.append(old[at] * old[at + 1])
            at += 2
        elif code == -4:
            a, b = next(codes), next(codes)
            out += [old[at] // b if a == -1 else a, old[at] // a if b == -1 else b]
            at += 1
        else:
            out.append(old[at] if code == 0 else code)
            at += 1
    return op.reshape(x, out)


def reshape_like(x: ArrayLike, other: ArrayLike) -> NDArray:
    return op.reshape(x, _array(other).shape)


def swapaxes(x: ArrayLike, dim1: int = 0, dim2: int = 0) -> NDArray:
    return _array(x).swapaxes(dim1, dim2)


def moveaxis(x: ArrayLike, source: int, destination: int) -> NDArray:
    given = _array(x)
    order = [axis for axis in range(given.ndim) if axis != source % given.ndim]
    order.insert(destination % given.ndim, source % given.ndim)
    return op.transpose(given, order)


def flip(x: ArrayLike, axis: Axes) -> NDArray:
    """Reversed along axes."""
    out = _array(x)
    shape = out.shape
    for at in _axes(out, axis):
        # The operator reverses the first of two axes and more.
        first = moveaxis(out, at, 0) if out.ndim > 1 else op.reshape(out, (-1, 1))
        turned = op.sequence_reverse(first)
        out = moveaxis(turned, 0, at) if out.ndim > 1 else op.reshape(turned, shape)
    return out


def broadcast_axis(x: ArrayLike, axis: Axes = (), size: Axes = ()) -> NDArray:
    """Axes of extent 1 become as long as `size` says."""
    given = _array(x)
    sizes = [size] if isinstance(size, int) else list(size or ())
    shape = list(given.shape)
    for at, extent in zip(_axes(given, axis), sizes, strict=True):
        shape[at] = extent
    return op.broadcast_to(given, shape)


def broadcast_like(x: ArrayLike, other: ArrayLike) -> NDArray:
    return op.broadcast_to(x, _array(other).shape)


def tile(x: ArrayLike, reps: int | Sequence[int]) -> NDArray:
    """Repeated as a whole along each axis."""
    out = _array(x)
    counts = [reps] if isinstance(reps, int) else list(reps)
    counts = [1] * (out.ndim - len(counts)) + counts
    out = op.reshape(out, (*[1] * (len(counts) - out.ndim), *out.shape))
    for axis, count in enumerate(counts):
        if count != 1:
            out = op.concat([out] * count, axis)
    return out


def repeat(x: ArrayLike, repeats: int, axis: int | None = None) -> NDArray:
    """Each element several times along an axis; of the flat array where None."""
    out = _array(x) if axis is not None else op.reshape(x, (-1,))
    at = _axes(out, axis or 0)[0]
    wide = op.broadcast_to(op.expand_dims(out, at + 1), (*out.shape[:at + 1], repeats, *out.shape[at + 1:]))
    return op.reshape(wide, (*out.shape[:at], out.shape[at] * repeats, *out.shape[at + 1:]))


def dot(lhs: ArrayLike, rhs: ArrayLike, transpose_a: bool = False, transpose_b: bool = False) -> NDArray:
    """The product over the last axis of lhs and the first one of rhs; transposed first where that is asked for."""
    a, b = _array(lhs), _array(rhs)
    if transpose_a:
        a = op.transpose(a, [*range(1, a.ndim), 0])
    if transpose_b:
        b = op.transpose(b, [b.ndim - 1, *range(b.ndim - 1)])
    if a.ndim >= 2 and b.ndim == 2:
        return op.matmul(a, b)
    flat = op.matmul(op.reshape(a, (-1, a.shape[-1])), op.reshape(b, (b.shape[0], -1)))
    return op.reshape(flat, (*a.shape[:-1], *b.shape[1:]))


def batch_dot(lhs: ArrayLike, rhs: ArrayLike, transpose_a: bool = False, transpose_b: bool = False) -> NDArray:
    """Matrix products, one per element of the axes before the last two."""
    a = swapaxes(lhs, -1, -2) if transpose_a else lhs
    b = swapaxes(rhs, -1, -2) if transpose_b else rhs
    return op.matmul(a, b)


def one_hot(indices: ArrayLike, depth: int, on_value: float = 1.0, off_value: float = 0.0,
            dtype: DTypeLike = "float32") -> NDArray:
    """on_value at each index along a new last axis, off_value elsewhere; nothing for indices outside 0 .. depth - 1."""
    given = _array(indices)
    hit = op.equal(op.expand_dims(given, given.ndim), _core.arange(0, depth, 1, given.dtype))
    return op.cast(op.where(hit, op.broadcast_to(_core.full((), on_value, "float32"), hit.shape), off_value), dtype)


def pick(x: ArrayLike, index: ArrayLike, axis: int | None = -1, keepdims: bool = False, mode: str = "clip") -> NDArray:
    """Along an axis, the element that index says for each of the others; indices beyond the ends are those of the ends
    (mode "clip")."""
    given, where_ = _array(x), _array(index)
    if mode != "clip":
        raise UnsupportedError(f"[pick] mode, was {mode}, expected clip")
    at = _axes(given, -1 if axis is None else axis)[0]
    extent = given.shape[at]
    if where_.ndim == given.ndim:
        where_ = op.squeeze(where_, at)
    whole = op.clip(op.cast(where_, "float32"), 0, extent - 1)
    shape = [1] * (given.ndim)
    shape[at] = extent
    hit = op.equal(op.expand_dims(whole, at), op.reshape(_core.arange(0, extent, 1, "float32"), shape))
    return op.sum(op.where(hit, given, 0), [at], keepdims)


def _order(x: NDArray, axis: int, is_ascend: bool) -> Any:
    """Places in order along an axis; equal values in the order they have."""
    import numpy

    values = x.asnumpy()
    if values.dtype.kind in "bu":  # which have no negative
        values = values.astype("int64")
    return numpy.argsort(values if is_ascend else -values, axis=axis, kind="stable")


def _gathered(x: NDArray, places: Any, axis: int) -> NDArray:
    """Elements by their places along an axis; gradients flow."""
    import numpy

    numbers = numpy.arange(x.size).reshape(x.shape)
    return op.take(op.reshape(x, (-1,)), numpy.ascontiguousarray(numpy.take_along_axis(numbers, places, axis)))


def topk(x: ArrayLike, axis: int | None = -1, k: int = 1, ret_typ: str = "indices", is_ascend: bool = False,
         dtype: DTypeLike = "float32") -> NDArray | list[NDArray]:
    """The k largest (smallest where is_ascend) along an axis, of the flat array where None: their "indices", "value",
    "both", or a "mask" of ones in the array's shape. Refused in a forward that is hybridized: it reads values."""
    given = _array(x) if axis is not None else op.reshape(x, (-1,))
    at = _axes(given, -1 if axis is None else axis)[0]
    extent = given.shape[at]
    count = extent if k < 1 else k
    if count > extent:
        raise ValueError(f"[topk] k, was {k}, expected at most {extent}")
    places = _order(given, at, is_ascend).take(range(count), axis=at)
    if ret_typ == "indices":
        return _core.copy_of(places, dtype)
    if ret_typ == "value":
        return _gathered(given, places, at)
    if ret_typ == "both":
        return [_gathered(given, places, at), _core.copy_of(places, dtype)]
    if ret_typ != "mask":
        raise ValueError(f"[topk] ret_typ, was {ret_typ}, expected value, indices, mask or both")
    import numpy

    mask = numpy.zeros(given.shape)
    numpy.put_along_axis(mask, places, 1, at)
    return _core.copy_of(mask.reshape(_array(x).shape), given.dtype)


def argsort(x: ArrayLike, axis: int | None = -1, is_ascend: bool = True, dtype: DTypeLike = "float32") -> NDArray:
    """Places in order along an axis, of the flat array where None; equal values in the order they have."""
    given = _array(x) if axis is not None else op.reshape(x, (-1,))
    return _core.copy_of(_order(given, -1 if axis is None else axis, is_ascend), dtype)


def sort(x: ArrayLike, axis: int | None = -1, is_ascend: bool = True) -> NDArray:
    """Values in order along an axis, of the flat array where None."""
    given = _array(x) if axis is not None else op.reshape(x, (-1,))
    at = -1 if axis is None else axis
    return _gathered(given, _order(given, at, is_ascend), at)


def argmin(x: ArrayLike, axis: int = -1) -> NDArray:
    """Place of the smallest value along an axis, the first of equal ones."""
    return op.argmax(op.negative(x), axis)


def stop_gradient(x: ArrayLike) -> NDArray:
    """x, and no gradient flows through it. Refused in a forward that is hybridized."""
    return _array(x).detach()


def add_n(*args: ArrayLike) -> NDArray:
    """The sum of arrays."""
    total = _array(args[0])
    for array in args[1:]:
        total = op.add(total, array)
    return total


def rsqrt(x: ArrayLike) -> NDArray:
    return op.divide(1, op.sqrt(x))


def reciprocal(x: ArrayLike) -> NDArray:
    return op.divide(1, x)


def log2(x: ArrayLike) -> NDArray:
    return op.divide(op.log(x), math.log(2))


def log10(x: ArrayLike) -> NDArray:
    return op.divide(op.log(x), math.log(10))


def hard_sigmoid(x: ArrayLike, alpha: float = 0.2, beta: float = 0.5) -> NDArray:
    return op.clip(op.add(op.multiply(x, alpha), beta), 0, 1)


def softmin(x: ArrayLike, axis: int = -1) -> NDArray:
    return op.softmax(op.negative(x), axis)


def logical_not(x: ArrayLike) -> NDArray:
    return op.equal(x, 0)


def smooth_l1(x: ArrayLike, scalar: float = 1.0) -> NDArray:
    """(scalar x)^2 / 2 where |x| < 1 / scalar^2, |x| - 1 / (2 scalar^2) elsewhere."""
    square = scalar * scalar
    near = op.less(op.abs(x), 1 / square)
    return op.where(near, op.multiply(op.square(x), 0.5 * square), op.subtract(op.abs(x), 0.5 / square))


def linspace(start: float, stop: float, num: int, endpoint: bool = True, dtype: DTypeLike = "float32") -> NDArray:
    """num numbers from start to stop in equal steps."""
    import numpy

    return _core.copy_of(numpy.linspace(start, stop, num, endpoint), dtype)


def eye(N: int, M: int = 0, k: int = 0, dtype: DTypeLike = "float32") -> NDArray:  # noqa: N803, MXNet's names
    """Ones on the k-th diagonal of N rows and M columns (0: N)."""
    import numpy

    return _core.copy_of(numpy.eye(N, M or N, k), dtype)


#: MXNet's names for the same function.
BlockGrad = stop_gradient
Concat = concat
ElementWiseSum = add_n
Flatten = op.flatten
Reshape = reshape
SliceChannel = split
SwapAxis = swapaxes
Cast = op.cast
broadcast_add = broadcast_plus = elemwise_add = op.add
broadcast_sub = broadcast_minus = elemwise_sub = op.subtract
broadcast_mul = elemwise_mul = op.multiply
broadcast_div = elemwise_div = op.divide
broadcast_power = op.power
broadcast_maximum, broadcast_minimum = op.maximum, op.minimum
broadcast_equal, broadcast_not_equal = op.equal, op.not_equal
broadcast_greater, broadcast_greater_equal = op.greater, op.greater_equal
broadcast_lesser = lesser = op.less
broadcast_lesser_equal = lesser_equal = op.less_equal
broadcast_axes = broadcast_axis
make_loss = op.identity
reverse = flip

__all__ = ["BlockGrad", "Cast", "Concat", "ElementWiseSum", "Flatten", "Reshape", "SliceChannel", "SwapAxis", "add_n",
           "argmin", "argsort", "batch_dot", "broadcast_add", "broadcast_axes", "broadcast_axis", "broadcast_div",
           "broadcast_equal", "broadcast_greater", "broadcast_greater_equal", "broadcast_lesser",
           "broadcast_lesser_equal", "broadcast_like", "broadcast_maximum", "broadcast_minimum", "broadcast_minus",
           "broadcast_mul", "broadcast_not_equal", "broadcast_plus", "broadcast_power", "broadcast_sub", "clip",
           "concat", "dot", "elemwise_add", "elemwise_div", "elemwise_mul", "elemwise_sub", "eye", "flip",
           "hard_sigmoid", "lesser", "lesser_equal", "linspace", "log10", "log2", "logical_not", "make_loss", "max",
           "mean", "min", "moveaxis", "norm", "one_hot", "pick", "reciprocal", "repeat", "reshape", "reshape_like",
           "reverse", "rsqrt", "slice", "slice_axis", "slice_like", "smooth_l1", "softmin", "sort", "split", "squeeze",
           "stack", "stop_gradient", "sum", "swapaxes", "tile", "topk", "where"]
