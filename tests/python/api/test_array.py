"""NDArray against NumPy: values, memory, indexing, arithmetic, and what is refused."""
import copy
import pickle
import sys
import threading
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import quantick
from quantick import NDArray, nd

from draws import NUMBERS, Draw

DTYPES = ("float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")
SEEDS = st.integers(0, 2 ** 32 - 1)
RANDOM = settings(max_examples=40, deadline=None, database=None, derandomize=True,
                  suppress_health_check=list(HealthCheck))
CALLS = 25  # per example: a thousand in all


def address(array):
    return np.asarray(array).__array_interface__["data"][0]


def same(got, wanted, tolerance=0.0):
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.dtype == wanted.dtype and got.shape == wanted.shape
    if tolerance == 0:
        np.testing.assert_array_equal(got, wanted)
    else:
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


def builtin_class(error):
    """The class of Python's own that a caller would catch."""
    return next(c for c in (OverflowError, IndexError, TypeError, ValueError, NotImplementedError)
                if isinstance(error, c))


def outcome(function):
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(), None
    except Exception as error:  # noqa: BLE001: the class is what is compared
        return None, error


def agree(ours, numpys, tolerance=0.0):
    """Both give the same, or both refuse with one class."""
    got, error = outcome(ours)
    wanted, expected = outcome(numpys)
    if expected is not None:
        assert error is not None, f"no error, expected {expected!r}"
        assert isinstance(expected, builtin_class(error)), f"{error!r}, expected {expected!r}"
        return
    assert error is None, f"{error!r}, expected {wanted!r}"
    same(got, wanted, tolerance)


# ---- making arrays


@pytest.mark.parametrize("dtype", DTYPES)
def test_array_copies_and_keeps_the_dtype(dtype):
    source = np.ones((2, 3), dtype)
    x = nd.array(source)
    same(x, source)
    source[:] = 0
    assert np.asarray(x).all() and x.writable
    assert x.dtype == dtype and x.shape == (2, 3) and x.ndim == 2 and x.size == 6 and x.nbytes == source.nbytes
    assert (x.context, x.device) == ("cpu", "cpu")


@pytest.mark.parametrize("source,expected", [
    ([1, 2, 3], np.float32([1, 2, 3])), ([[1.5, 2], [3, 4]], np.float32([[1.5, 2], [3, 4]])), (2.5, np.float32(2.5)),
    (7, np.float32(7)), (range(3), np.float32([0, 1, 2])), ([True, False], np.array([True, False])),
    ([], np.float32([])),
    (np.float64(2), np.float64(2)), (((1, 2), (3, 4)), np.float32([[1, 2], [3, 4]]))])
def test_array_of_lists_is_float32(source, expected):
    same(nd.array(source), np.asarray(expected))


def test_array_takes_a_dtype_arrays_and_lists_of_arrays():
    x = nd.array([1, 2], dtype="int64")
    assert x.dtype == "int64"
    assert nd.array(x, dtype=np.int8).dtype == "int8"
    assert address(nd.array(x)) != address(x)
    same(nd.array([nd.array([1, 2]), nd.array([3, 4])]), np.float32([[1, 2], [3, 4]]))
   
    for given, name in ((float, "float64"), (int, "int64"), (bool, "bool"), (np.dtype("int16"), "int16"),
                        (None, "float32")):
        assert nd.zeros(2, dtype=given).dtype == name


def test_array_copies_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    same(nd.array(frame), frame.to_numpy())
    same(nd.array(frame["a"]), np.array([1.0, 2.0]))


def test_filled_arrays():
    same(nd.zeros((2, 3)), np.zeros((2, 3), np.float32))
    same(nd.empty(2), np.zeros(2, np.float32))
    same(nd.ones(3, "int32"), np.ones(3, np.int32))
    same(nd.full((), 2.5, "float64"), np.full((), 2.5))
    same(nd.arange(5), np.arange(5, dtype=np.float32))
    same(nd.arange(1, 2, 0.25, "float64"), np.arange(1, 2, 0.25))
    x = nd.array([[1, 2]], dtype="int16")
    same(nd.zeros_like(x), np.zeros((1, 2), np.int16))
    same(nd.ones_like(x), np.ones((1, 2), np.int16))
    same(nd.full_like(x, 7), np.full((1, 2), 7, np.int16))
    with pytest.raises(ValueError, match=r"\[array\] shape, was \(-1,\), expected no negative extent"):
        nd.zeros(-1)


# ---- memory


@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_is_shared_both_ways(dtype):
    source = np.zeros((3, 4), dtype)
    for x in (nd.from_numpy(source), nd.from_dlpack(source)):
        assert address(x) == source.ctypes.data
        assert np.asarray(x).dtype == source.dtype
        assert np.from_dlpack(x).__array_interface__["data"][0] == source.ctypes.data
        assert address(x.T) == address(x[0:2]) == address(x.reshape(12)) == source.ctypes.data
    x[1, 2] = 1
    assert source[1, 2] == 1
    source[0, 0] = 1
    assert np.asarray(x)[0, 0] == 1
    assert x.asnumpy().ctypes.data != source.ctypes.data


def test_operators_read_numpy_memory_where_it_lies():
    source = np.arange(6, dtype=np.float32).reshape(2, 3)
    y = nd.transpose(source)
    assert address(y) == source.ctypes.data
    same(nd.add(source[:, ::-2], 1), source[:, ::-2] + np.float32(1))


def test_memory_lives_as_long_as_someone_needs_it():
    source = np.arange(1000.0)
    alone = sys.getrefcount(source)
    view = np.asarray(nd.from_numpy(source)[10:20])
    assert sys.getrefcount(source) > alone
    same(view, np.arange(10.0, 20.0))
    del view
    assert sys.getrefcount(source) == alone
    assert np.asarray(nd.from_numpy(np.arange(3.0)))[2] == 2


def test_views_write_into_the_memory_they_look_at():
    x = nd.zeros((4, 6))
    x[1:3, ::2][0][:] = 5
    x.T[5] += 1
    x.reshape(24)[0] = -1
    expected = np.zeros((4, 6), np.float32)
    expected[1:3, ::2][0][:] = 5
    expected.T[5] += 1
    expected[0, 0] = -1
    same(x, expected)


def test_read_only_memory_stays_as_it_is():
    source = np.arange(3.0)
    source.flags.writeable = False
    text = r"\[array\] memory of float64 \(3,\) is read-only, expected an array of one's own: call copy\(\)"
    for x in (nd.from_numpy(source), nd.from_dlpack(source), nd.from_numpy(b"0" * 24)):
        assert not x.writable
    assert nd.from_numpy(bytearray(24)).writable
    x = nd.from_numpy(source)
    with pytest.raises(ValueError, match=text):
        x[0] = 1
    with pytest.raises(ValueError, match=text):
        x += 1
    assert not np.asarray(x).flags.writeable and not x[1:].writable
    with pytest.raises(BufferError, match=r"\[array\] read-only memory, expected a consumer of DLPack 1.0 or later"):
        x.__dlpack__()
    assert not np.from_dlpack(x).flags.writeable
    own = x.copy()
    own[0] = 7
    assert source[0] == 0 and own[0].item() == 7
    same(x + 1, source + 1)


def test_dlpack_protocol():
    x = nd.array([1, 2, 3])
    assert x.__dlpack_device__() == (1, 0)
    assert "dltensor" in repr(x.__dlpack__()) and "dltensor_versioned" in repr(x.__dlpack__(max_version=(1, 0)))
    copied = nd.from_dlpack(x.__dlpack__(copy=True))
    copied[0] = 9
    same(x, np.float32([1, 2, 3]))
    shared = nd.from_dlpack(x.__dlpack__(stream=None, dl_device=(1, 0)))
    shared[0] = 9
    assert x[0].item() == 9
    with pytest.raises(BufferError, match=r"\[array\] dl_device, expected \(1, 0\), the CPU"):
        x.__dlpack__(dl_device=(2, 0))


def test_array_protocol():
    x = nd.array([1, 2])
    assert address(np.asarray(x)) == address(x) and np.array(x).ctypes.data != address(x)
    assert np.asarray(x, "float64").dtype == np.float64
    same(np.asarray(x, np.float32), np.float32([1, 2]))
    with pytest.raises(ValueError, match=r"\[array\] float32 as another dtype without a copy, expected copy=None"):
        np.array(x, "int8", copy=False)
    same(np.exp(x), np.exp(np.float32([1, 2])))


# ---- indexing


def random_piece(d, n):
    kind = d.pick("number", "slice", "slice", "list", "array")
    if kind == "number":
        return d.size(max(n, 1), -max(n, 1)) if d.chance(0.2) else (d.size(n - 1, -n) if n else 0)
    if kind == "slice":
        ends = [d.pick(None, d.size(n + 2, -n - 2)) for _ in range(2)]
        return slice(*ends, d.pick(None, 1, 2, 3, -1, -2))
    if n == 0:
        return [] if kind == "list" else np.zeros((0,), np.int64)
    picks = d.random.integers(-n, n, d.shape(2, 1) if kind == "array" else (d.size(4),))
    return picks.tolist() if kind == "list" else picks.astype(d.pick(np.int64, np.int32, np.int8))


def random_index(d, shape):
    if shape and d.chance(0.15):
        depth = d.size(len(shape))
        mask = d.values(shape[:depth], bool)
        return (mask, *(slice(None) for _ in range(d.size(len(shape) - depth, 0)))) if d.chance(0.5) else mask
    pieces = [random_piece(d, n) for n in shape[:d.size(len(shape), 0)]]
    if d.chance(0.2):
        pieces.insert(d.size(len(pieces), 0), None)
    if d.chance(0.2):
        pieces.insert(d.size(len(pieces), 0), Ellipsis)
    if len(pieces) == 1 and d.chance(0.5):
        return pieces[0]
    return tuple(pieces)


def apart(index):
    """Whether NumPy would move the axes of arrays to the front, which is refused."""
    pieces = index if isinstance(index, tuple) else (index,)
    at = [i for i, p in enumerate(pieces) if isinstance(p, (list, np.ndarray, int))]
    return any(isinstance(p, (list, np.ndarray)) for p in pieces) and at != list(range(at[0], at[-1] + 1))


@RANDOM
@given(SEEDS)
def test_indexing_gives_what_numpy_gives(seed):
    for call in range(2 * CALLS):
        d = Draw(seed, call)
        source = d.array(d.shape(), d.pick(*DTYPES), 0, 100)
        index = random_index(d, source.shape)
        if apart(index):
            with pytest.raises((NotImplementedError, IndexError)):
                nd.from_numpy(source)[index]
        else:
            agree(lambda: nd.from_numpy(source)[index], lambda: source[index])


@RANDOM
@given(SEEDS)
def test_assignment_writes_what_numpy_writes(seed):
    for call in range(CALLS):
        d = Draw(seed, call)
        source = d.values(d.shape(), d.pick(*DTYPES), 0, 100)
        index = random_index(d, source.shape)
        mine, theirs = nd.array(source), source.copy()
        value = d.pick(7, d.values((), source.dtype, 0, 100), nd.array(d.values((1,), source.dtype, 0, 100)),
                       d.values(d.shape(2), source.dtype, 0, 100))
        agree(lambda: (mine.__setitem__(index, value), mine)[1],
              lambda: (theirs.__setitem__(index, np.asarray(value) if isinstance(value, NDArray) else value),
                       theirs)[1])


def test_assignment_reads_before_it_writes():
    x, expected = nd.arange(6), np.arange(6, dtype=np.float32)
    x[1:] = x[:-1]
    expected[1:] = expected[:-1].copy()
    same(x, expected)
    x[:] = x[::-1]
    same(x, expected[::-1])
    x[nd.array([True, False] * 3)] = nd.array([7, 8, 9])
    same(x, np.float32([7, 3, 8, 1, 9, 0]))
    x[...] = 1
    same(x, np.ones(6, np.float32))


@pytest.mark.parametrize("index,error,text", [
    ((0, 0, 0), IndexError, r"\[index\] 3 axes, expected at most the 2 of shape \(2, 3\)"),
    (2, IndexError, r"\[index\] axis 0, was 2, expected -2\.\.1"),
    ((0, -4), IndexError, r"\[index\] axis 1, was -4, expected -3\.\.2"),
    ([0, 5], IndexError, r"\[index\] axis 0, was 5, expected -2\.\.1"),
    (1.0, IndexError, r"\[index\] was 1\.0, expected whole numbers, slices"),
    (True, IndexError, r"\[index\] was True, expected whole numbers, slices"),
    ((..., ...), IndexError, r"\[index\] two Ellipsis, expected at most one"),
    (np.array([0.5]), IndexError, r"\[index\] an array of float64, expected whole numbers or bool"),
    (np.array([True, False, True]), IndexError, r"\[index\] mask's extent for axis 0, was 3, expected 2"),
    (([0, 1], slice(None), None, [0, 1]), IndexError, r"\[index\] 3 axes"),
    (np.array(True), IndexError, r"\[index\] a mask without axes"),
    ("a", TypeError, r"\[array\] was a str, expected an NDArray"),
    (slice(0, 2, 0), ValueError, "slice step cannot be zero"),
    (slice("a"), TypeError, "slice indices must be integers")])
def test_wrong_indices_are_named(index, error, text):
    with pytest.raises(error, match=text):
        nd.zeros((2, 3))[index]


def test_arrays_apart_are_refused_by_name():
    with pytest.raises(NotImplementedError,
                       match=r"\[index\] arrays and numbers apart from each other, expected them side"):
        nd.zeros((2, 3, 4))[[0, 1], :, 0]


# ---- arithmetic

OPERATORS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
             ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
             "==": lambda a, b: a == b, "!=": lambda a, b: a != b}


@RANDOM
@given(SEEDS)
def test_arithmetic_gives_what_numpy_gives(seed):
    for call in range(CALLS):
        d = Draw(seed, call)
        shapes = d.broadcast_pair() if d.chance(0.9) else (d.shape(), d.shape())
        a, b = (d.array(shape, d.pick(*NUMBERS), special=True) for shape in shapes)
        other = d.pick(b, nd.from_numpy(b), 2, -3, 0.5, np.float32(1.5), np.int64(4))
        theirs = b if isinstance(other, NDArray) else other
        sign = d.pick(*OPERATORS)
        x = nd.from_numpy(a)
        if d.chance(0.5):
            agree(lambda: OPERATORS[sign](x, other), lambda: OPERATORS[sign](a, theirs))
        else:
            agree(lambda: OPERATORS[sign](other, x), lambda: OPERATORS[sign](theirs, a))


@RANDOM
@given(SEEDS)
def test_in_place_arithmetic_writes_what_numpy_writes(seed):
    for call in range(CALLS):
        d = Draw(seed, call)
        shape = d.shape()
        a = d.values(shape, d.pick(*NUMBERS))
        other = d.pick(2, -3, 0.5, d.array(shape[d.size(len(shape), 0):], d.pick(*NUMBERS)),
                       d.array(d.shape(), np.int32))
        mine, theirs, sign = nd.array(a), a.copy(), d.pick("__iadd__", "__isub__", "__imul__")
        agree(lambda: getattr(mine, sign)(other), lambda: getattr(theirs, sign)(other))
        same(mine, theirs)


def test_matrix_products_and_powers():
    rng = np.random.default_rng(1)
    for left, right in (((3, 4), (4, 5)), ((4,), (4, 5)), ((3, 4), (4,)), ((4,), (4,)), ((2, 3, 4), (4, 5))):
        a, b = rng.normal(size=left), rng.normal(size=right)
        same(nd.from_numpy(a) @ b, a @ b, 1e-12)
        same(a @ nd.from_numpy(b), a @ b, 1e-12)
        same(nd.from_numpy(a).dot(b), a @ b, 1e-12)
    x = np.float32([1, 2, 3])
    same(nd.array(x) ** 2, x ** 2, 1e-6)
    same(2 ** nd.array(x), 2 ** x, 1e-6)
    for bad in ((3, 4), (3,)):
        agree(lambda: nd.zeros((3, 5)) @ nd.zeros(bad), lambda: np.zeros((3, 5)) @ np.zeros(bad))


def test_signs_and_masks():
    for dtype in NUMBERS:
        a = np.array([-2, 0, 3], dtype)
        same(-nd.array(a), -a)
        same(abs(nd.array(a)), abs(a))
        same(+nd.array(a), a)
    p, q = np.array([True, True, False]), np.array([True, False, False])
    x, y = nd.array(p), nd.array(q)
    same(x & y, p & q)
    same(x | q, p | q)
    same(p ^ y, p ^ q)
    same(~x, ~p)
    same((nd.arange(5) > 1) & (nd.arange(5) < 4), np.array([False, False, True, True, False]))


def test_a_number_takes_the_dtype_of_the_array_or_is_refused():
    x = nd.array([1, 2], dtype="int32")
    assert (x + 1).dtype == "int32" and (x * 0.5).dtype == "float64" and (nd.ones(2) * 0.1).dtype == "float32"
    for number in (2 ** 31, -2 ** 40, 2 ** 70):
        agree(lambda: x + number, lambda: np.int32([1, 2]) + number)
    with pytest.raises(OverflowError, match=r"\[array\] number, was 2147483648, expected one that fits int32"):
        nd.add(x, 2 ** 31)
    with pytest.raises(OverflowError, match=r"\[array\] a whole number beyond 64 bits, expected one that fits int64"):
        x + 2 ** 70
    same(x < 2 ** 40, np.array([True, True]))
    times = nd.array(np.int64([1_700_000_000_000_000_001, 1_700_000_000_000_000_003]))
    same(times > 1_700_000_000_000_000_002, np.array([False, True]))
    same(times + 2 ** 53 + 1, np.asarray(times) + 2 ** 53 + 1)


def test_other_sides_that_are_no_arrays():
    x = nd.ones(2)
    for other in ("a", [1, 2], {}, None, object()):
        with pytest.raises(TypeError, match="unsupported operand type"):
            x + other
        assert (x == other) is False and (x != other) is True
    pandas = pytest.importorskip("pandas")
    assert isinstance(pandas.Series([1.0, 2.0]) + np.asarray(x), pandas.Series)


def test_in_place_arithmetic_loses_nothing_unseen():
    x = nd.array([1, 2], dtype="int32")
    with pytest.raises(TypeError,
                       match=r"\[array\] in-place arithmetic of int32 with a result of float64, expected no loss"):
        x *= 0.5
    y = x
    y += 1
    assert y is x
    same(x, np.int32([2, 3]))
    with pytest.raises(quantick.ShapeError, match=r"\[assign\] shape, was \(2, 2\), expected \(2,\)"):
        x += nd.ones((2, 2), "int32")


# ---- methods


def in_float64(function):
    """The float32 result of float32 arguments, computed in float64."""
    def run(a, **options):
        return function(a, **options) if a.dtype != np.float32 else np.float32(function(a.astype(float), **options))
    return run


@RANDOM
@given(SEEDS)
def test_reductions_give_what_numpy_gives(seed):
    for call in range(CALLS):
        d = Draw(seed, call)
        a = d.array(d.shape(), d.pick(*DTYPES), 0, 100)
        axis = d.pick(None, d.axis(a.ndim) if a.ndim else None, tuple(d.axes(a.ndim)), 5)
        name, keepdims = d.pick("sum", "mean", "max", "min"), d.chance(0.5)
        if name == "mean" and a.size == 0:
            continue  # NumPy warns and gives NaN, ours is an error that names the empty axis
        if name == "sum" and a.dtype == np.uint8:
            a = a.astype(np.int16)  # NumPy's sum of unsigned numbers is unsigned
        if name in ("max", "min") and 0 in a.shape and a.size == 0:
            with pytest.raises(ValueError):
                getattr(nd.from_numpy(a), name)()
            continue
        agree(lambda: getattr(nd.from_numpy(a), name)(axis=axis, keepdims=keepdims),
              lambda: in_float64(getattr(np, name))(a, axis=axis, keepdims=keepdims), 2e-6)


def test_a_dtype_equals_its_text_and_numpys_types():
    d = nd.zeros((2,)).dtype
    for same_type in ("float32", np.float32, np.dtype("float32")):
        assert d == same_type and same_type == d and not d != same_type
    for other in ("float64", np.float64, float, None, 3, [], {}, object()):
        assert d != other and not d == other
    assert {d: 1}["float32"] == 1 and pickle.loads(pickle.dumps(d)) == np.float32 and f"{d} {d!r}" == "float32 'float32'"
    assert np.zeros(2, d).dtype == d and nd.zeros((2,), dtype=d).dtype == d and nd.zeros((2,), "bool").dtype == bool


def test_numpys_functions_take_arrays():
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    x = nd.from_numpy(a)
    for function in (np.sum, np.mean, np.max, np.min):
        for keywords in ({}, {"axis": 1}, {"axis": (0, 1), "keepdims": True}):
            agree(lambda: function(x, **keywords), lambda: function(a, **keywords))
    for function in (np.sum, np.mean):
        agree(lambda: function(x, axis=0, dtype=np.float64), lambda: function(a, axis=0, dtype=np.float64))
    huge = np.full(4, 3e38, np.float32)
    assert float(nd.from_numpy(huge).mean(dtype="float64").asnumpy()) == huge.mean(dtype="float64")
    with pytest.raises(TypeError, match="out, was a ndarray, expected None"):
        np.sum(x, out=np.zeros(()))


def test_the_empty_axis_of_a_reduction_is_named():
    for name in ("mean", "max", "min"):
        with pytest.raises(ValueError, match=rf"\[{name}\] axis 0 of \(0, 3\) is empty"):
            getattr(nd.zeros((0, 3)), name)(axis=0)


def test_shapes_are_changed_as_in_numpy():
    a = np.arange(24, dtype=np.float32).reshape(2, 1, 3, 4)
    x = nd.from_numpy(a)
    for got, wanted in [
            (x.reshape(6, 4), a.reshape(6, 4)), (x.reshape((4, -1)), a.reshape(4, -1)), (x.reshape(-1), a.reshape(-1)),
            (x.reshape([2, 12]), a.reshape(2, 12)), (x.T, a.T), (x.transpose(), a.T), (x.transpose(None), a.T),
            (x.transpose(3, 0, 1, 2), a.transpose(3, 0, 1, 2)), (x.transpose((0, 2, 1, 3)), a.transpose(0, 2, 1, 3)),
            (x.swapaxes(0, -1), a.swapaxes(0, -1)), (x.flatten(), a.flatten()), (x.squeeze(), a.squeeze()),
            (x.squeeze(1), a.squeeze(1)), (x.squeeze((1,)), a.squeeze(1)), (x.expand_dims(0), a[None]),
            (x.broadcast_to((2, 5, 3, 4)), np.broadcast_to(a, (2, 5, 3, 4))),
            (x.take(np.array([1, 0, 1]), 2), np.take(a, [1, 0, 1], 2)),
            (x.argmax(), np.argmax(a)), (x.argmax(2), np.argmax(a, 2)), (x.clip(2, 7), a.clip(2, 7)),
            (x.astype("int8"), a.astype("int8")), (x.copy(), a)]:
        same(got, wanted)
    assert x.reshape(0, 12).shape == (2, 12)  # MXNet's 0: the extent that the axis had
    assert address(x.astype("float32", copy=False)) == address(x) != address(x.astype("float32"))
   
    for ours, numpys in [(lambda: x.reshape(5, 5), lambda: a.reshape(5, 5)),
                         (lambda: x.reshape(-1, -1), lambda: a.reshape(-1, -1)),
                         (lambda: x.transpose(0, 1), lambda: a.transpose(0, 1)),
                         (lambda: x.squeeze(0), lambda: a.squeeze(0)),
                         (lambda: x.transpose(0, 0, 1, 2), lambda: a.transpose(0, 0, 1, 2)),
                         (lambda: x.swapaxes(0, 9), lambda: a.swapaxes(0, 9)),
                         (lambda: x.reshape("a"), lambda: a.reshape("a")),
                         (lambda: x.broadcast_to((2, 3)), lambda: np.broadcast_to(a, (2, 3))),
                         (lambda: x.squeeze((1, 1)), lambda: a.squeeze((1, 1))), (lambda: x.sum(9), lambda: a.sum(9))]:
        agree(ours, numpys)


def test_numbers_out_of_arrays():
    x = nd.array([[3]], dtype="int64")
    assert (x.item(), x.asscalar(), int(x), float(x), bool(x)) == (3, 3, 3, 3.0, True) and type(x.item()) is int
    assert type(nd.array(2.5).item()) is float and type(nd.array(True).item()) is bool
    assert nd.array([[1, 2]]).tolist() == [[1.0, 2.0]]
    assert [10, 20, 30][nd.array(1, dtype="int32")] == 20 and f"{nd.array(2.5).item():.1f}" == "2.5"
    big = 2 ** 62 + 1
    assert int(nd.array(np.int64(big))) == big
    for convert in (bool, int, float):
        with pytest.raises(ValueError, match=r"\[array\] (value of 2 elements|item\(\) of shape \(2,\)), expected one"):
            convert(nd.ones(2))
    with pytest.raises(ValueError, match="expected one"):
        bool(nd.zeros((0,)))
    for bad in (nd.ones(()), nd.ones(1, "int64"), nd.array(True)):
        with pytest.raises(TypeError, match=r"\[array\] index of .*, expected a whole number without axes"):
            [1, 2][bad]


def test_length_and_rows():
    x = nd.array([[1, 2], [3, 4], [5, 6]])
    assert len(x) == 3 and [row.tolist() for row in x] == [[1, 2], [3, 4], [5, 6]]
    for row in x:
        row[0] = 0
    assert x.tolist() == [[0, 2], [0, 4], [0, 6]]
    assert 6.0 in nd.array([5, 6]) and list(nd.zeros((0, 3))) == []
    for refused in (len, iter):
        with pytest.raises(TypeError, match=r"\[array\] (len\(\) of|iteration over) an array without axes"):
            refused(nd.array(1))


def test_copies_pickles_and_hashes():
    for dtype in DTYPES:
        x = nd.array(np.arange(6).reshape(2, 3).astype(dtype))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            same(pickle.loads(pickle.dumps(x[:, ::2], protocol)), np.asarray(x)[:, ::2])
        for other in (copy.copy(x), copy.deepcopy(x)):
            same(other, x)
            other[0, 0] = 1
            assert np.asarray(x)[0, 0] == 0
    assert len({x, x, x.copy()}) == 2 and {x: 1}[x] == 1


def test_texts_are_numpys():
    x = nd.array([[1, 2.5], [-3, np.nan]])
    assert repr(x) == "NDArray([[ 1. ,  2.5],\n         [-3. ,  nan]], dtype=float32)"
    assert str(x) == str(np.asarray(x))
    assert repr(nd.array(7, dtype="int8")) == "NDArray(7, dtype=int8)"
    assert repr(nd.zeros((0, 2))) == "NDArray([], shape=(0, 2), dtype=float32)"
    assert repr(nd.zeros(5000)).endswith("0.], shape=(5000,), dtype=float32)")


# ---- files, threads


def test_arrays_in_files(tmp_path):
    values = [nd.array([[1, 2], [3, 4]]), nd.array(np.int64([5])), nd.array(np.arange(6.0).reshape(2, 3)).T]
    quantick.save(tmp_path / "list.safetensors", values)
    for got, wanted in zip(quantick.load(tmp_path / "list.safetensors"), values, strict=True):
        same(got, wanted)
    nd.save(str(tmp_path / "dict.safetensors"), {"w": values[0], "b": values[1]})
    loaded = nd.load(tmp_path / "dict.safetensors")
    assert set(loaded) == {"w", "b"}
    same(loaded["w"], values[0])
    nd.save(tmp_path / "one.safetensors", values[0])
    same(nd.load(tmp_path / "one.safetensors")[0], values[0])
    with pytest.raises(OSError, match="nowhere"):
        nd.load(tmp_path / "nowhere")
    (tmp_path / "cut").write_bytes((tmp_path / "one.safetensors").read_bytes()[:-3])
    with pytest.raises(quantick.FormatError, match="cut"):
        nd.load(tmp_path / "cut")
    with pytest.raises(ValueError, match=r"\[save\] names, were all numbers, expected texts"):
        nd.save(tmp_path / "x", {"0": values[0]})


def other_threads_run_during(work):
    """Whether this thread gets Python's lock before another one has done `work`, which starts with the lock."""
    started, done = threading.Event(), []

    def worker():
        started.set()
        work()
        done.append(True)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(10)  # seconds: the lock changes hands only where it is given up
    try:
        thread = threading.Thread(target=worker)
        thread.start()
        started.wait()
        early = not done
        thread.join()
        return early
    finally:
        sys.setswitchinterval(interval)


def test_other_threads_run_while_an_operator_computes():
    a = nd.ones((700, 700), "float64")
    assert other_threads_run_during(lambda: nd.matmul(a, a))
    assert other_threads_run_during(lambda: a @ a)
    assert other_threads_run_during(lambda: nd.random.normal(shape=(1000, 1000)))
    assert not other_threads_run_during(lambda: sum(range(100_000)))
