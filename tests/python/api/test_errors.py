"""What cannot be an array, or no argument of an operator, is refused by name."""
import array
import ctypes
import os
import random
import subprocess
import sys
import threading

import numpy as np
import pytest

import quantick
from quantick import nd

TAKEN = r"expected float32, float64, int8, uint8, int16, int32, int64 or bool"


class OnAnotherDevice:
    """A tensor of a GPU: asking for its memory would be a mistake."""

    def __dlpack_device__(self):
        return 2, 1

    def __dlpack__(self, **options):
        raise AssertionError("asked for memory of the GPU")


class WithoutCapsule:
    def __dlpack_device__(self):
        return 1, 0

    def __dlpack__(self, **options):
        raise BufferError("this one refuses")


REFUSED = {
    "object": (np.array([1, "a", None], object), TypeError, r"\[array\] a ndarray of dtype dtype\('O'\), " + TAKEN),
    "text": (np.array(["ab"]), TypeError, r"\[array\] a ndarray of dtype dtype\('<U2'\), " + TAKEN),
    "float16": (np.zeros(2, np.float16), TypeError,
                r"\[array\] was of float16, " + TAKEN),
    "complex": (np.zeros(2, np.complex64), TypeError,
                r"\[array\] was of complex64, " + TAKEN),
    "uint32": (np.zeros(2, np.uint32), TypeError, r"\[array\] was of uint32, " + TAKEN),
    "longdouble": (np.zeros(2, np.longdouble), TypeError, r"\[array\] (was of float128|a ndarray of dtype)"),
    "structured": (np.zeros(2, [("a", "f4"), ("b", "i4")]), TypeError,
                   r"\[array\] a ndarray of dtype dtype\(\[\('a', '<f4'\)"),
    "big-endian": (np.zeros(2, ">f4"), TypeError, r"\[array\] a ndarray of dtype dtype\('>f4'\), " + TAKEN),
    "dates": (np.zeros(2, "M8[ns]"), TypeError, r"\[array\] a ndarray of dtype dtype\('<M8\[ns\]'\), " + TAKEN),
    "masked": (np.ma.array([1.0, 2.0], mask=[0, 1]), TypeError,
               r"\[array\] a masked array, expected one without a mask: fill it first, e\.g\. x\.filled\(nan\)"),
    "unaligned": (np.zeros(17, np.uint8)[1:].view(np.float32), ValueError,
                  r"\[array\] memory of float32 at an address that is no multiple of 4 bytes, expected aligned"),
    "between elements": (np.zeros(3, [("a", "f4"), ("b", "i1")])["a"], TypeError, r"\[array\] a ndarray of dtype"),
    "nine axes": (np.zeros((1,) * 9), quantick.ShapeError, r"\[array\] dimensions, was 9, expected at most 8"),
    "a GPU's": (OnAnotherDevice(), TypeError,
                r"\[array\] a \S*OnAnotherDevice on device 1 of type 2 \(DLPack\), expected memory of the CPU: copy"),
    "refusing": (WithoutCapsule(), TypeError, r"\[array\] memory of a \S*WithoutCapsule, " + TAKEN),
    "list": ([1.0, 2.0], TypeError, r"\[array\] was a list, expected an NDArray, a number, a NumPy array, or an object "
                                    r"with __dlpack__ or a buffer: quantick\.array\(\) copies lists and frames"),
    "dict": ({}, TypeError, r"\[array\] was a dict, expected an NDArray"),
    "str": ("1.0", TypeError, r"\[array\] was a str, expected an NDArray"),
    "None": (None, TypeError, r"\[array\] was a NoneType, expected an NDArray"),
    "set": ({1.0}, TypeError, r"\[array\] was a set, expected an NDArray"),
    "huge number": (10 ** 30, OverflowError, r"\[array\] a whole number beyond 64 bits, expected one that fits int64"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_array_is_named(kind):
    value, error, text = REFUSED[kind]
    with pytest.raises(error, match=text):
        nd.from_numpy(value)
    if kind != "None":  # in an operator None is an input that was left out
        with pytest.raises(error, match=text):
            nd.add(nd.ones(2), value)
        with pytest.raises(error, match=text):
            nd.add(value, 1)


def test_an_input_left_out_is_named():
    with pytest.raises(ValueError, match=r"\[add\] b is an undefined array"):
        nd.add(nd.ones(2), None)
    with pytest.raises(TypeError, match=r"\[array\] was a NoneType, expected an NDArray"):
        nd.concat([nd.ones(2), None])
    with pytest.raises(TypeError, match=r"\[concat\] x, was a \S*NDArray, expected a sequence of arrays"):
        nd.concat(nd.ones((2, 2)))
    with pytest.raises(ValueError, match=r"\[concat\] inputs, was 0, expected 1 or more"):
        nd.concat([])
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'b'"):
        nd.add(nd.ones(2))


@pytest.mark.parametrize("source,error,text", [
    ([[1.0, 2.0], [3.0]], ValueError, r"\[array\] rows of unequal length, expected one shape"),
    ([1.0, "a"], TypeError, r"\[array\] a ndarray of dtype dtype\('<U32'\), " + TAKEN),
    ([1.0, None], TypeError, r"\[array\] a ndarray of dtype dtype\('O'\), " + TAKEN),
    (object(), TypeError, r"\[array\] a ndarray of dtype dtype\('O'\), " + TAKEN),
    (np.zeros(2, np.float16), TypeError, r"\[array\] was of float16"),
    (np.ma.array([1.0]), TypeError, r"\[array\] a masked array"),
    ([10 ** 30], TypeError, r"\[array\] a ndarray of dtype dtype\('O'\)")])
def test_copies_of_what_holds_no_numbers_are_refused(source, error, text):
    with pytest.raises(error, match=text):
        nd.array(source)


@pytest.mark.parametrize("dtype,error,text", [
    ("float16", TypeError, r'\[dtype\] name, was "float16"'),
    ("complex64", TypeError, r'\[dtype\] name, was "complex64"'),
    (np.float16, TypeError, r'\[dtype\] name, was "float16"'), (str, TypeError, r'\[dtype\] name, was "str"'),
    (7, TypeError, r'\[dtype\] was a int, expected a name such as "float32"'),
    (np.dtype(">f4"), TypeError, r"\[dtype\] byte order of dtype\('>f4'\), expected the machine's")])
def test_wrong_dtypes_are_named(dtype, error, text):
    for make in (lambda: nd.zeros(2, dtype), lambda: nd.ones(2).astype(dtype), lambda: nd.array([1.0], dtype)):
        with pytest.raises(error, match=text):
            make()


@pytest.mark.parametrize("shape,error,text", [
    ("ab", TypeError, r"\[shape\] was a str, expected a whole number or a sequence of them"),
    ((2, 1.5), TypeError, r"\[shape\] extent 1, was a float, expected a whole number"),
    (2.0, TypeError, r"\[shape\] was a float, expected a whole number or a sequence of them"),
    ((1,) * 9, quantick.ShapeError, r"\[shape\] dimensions, was more than 8"),
    ((-1,), quantick.ShapeError, r"\[array\] shape, was \(-1,\)"),
    ((2 ** 70,), OverflowError, "cannot fit .int. into an index-sized integer"),
    ((2 ** 40, 2 ** 40), quantick.ShapeError, r"\[shape\] .*\(1099511627776, 1099511627776\), .* more than 2\^63")])
def test_wrong_shapes_are_named(shape, error, text):
    with pytest.raises(error, match=text):
        nd.zeros(shape)


@pytest.mark.memory
@pytest.mark.parametrize("modules", ["quantick", "duckdb, quantick", "quantick, duckdb"])
def test_memory_that_is_not_there_is_a_memory_error(modules):
    """DuckDB is a module of nanobind, too, and claims std::bad_alloc for itself."""
    if "duckdb" in modules:
        pytest.importorskip("duckdb")
    code = f"import {modules}\ntry:\n    quantick.zeros(2 ** 46, 'float64')\nexcept MemoryError:\n    print('refused')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}).stdout == "refused\n"


@pytest.mark.parametrize("call,error,text", [
    (lambda: nd.softmax(nd.ones(2), axis="a"), TypeError, r"\[softmax\] axis, was a str, expected a whole number"),
    (lambda: nd.softmax(nd.ones(2), axis=1.0), TypeError, r"\[softmax\] axis, was a float, expected a whole number"),
    (lambda: nd.sum(nd.ones(2), keepdims=1), TypeError, r"\[sum\] keepdims, was a int, expected True or False"),
    (lambda: nd.sum(nd.ones(2), axes="ab"), TypeError, r"\[sum\] axes, was a str"),
    (lambda: nd.sum(nd.ones(2), axes=2), IndexError, r"\[sum\] axis, was 2, expected -1\.\.0"),
    (lambda: nd.leaky_relu(nd.ones(2), alpha="a"), TypeError, r"\[leaky_relu\] alpha, was a str, expected a number"),
    (lambda: nd.gelu(nd.ones(2), approximate=3), TypeError, r"\[gelu\] approximate, was a int, expected a text"),
    (lambda: nd.gelu(nd.ones(2), approximate="tan"), ValueError, r"\[gelu\] approximate"),
    (lambda: nd.cast(nd.ones(2), dtype="float31"), TypeError, r'\[dtype\] name, was "float31"'),
    (lambda: nd.quantize_linear(nd.ones(2), 0.5, dtype="uint7"), ValueError, "uint7"),
    (lambda: nd.sum(nd.ones(2), axe=0), TypeError, "unexpected keyword argument 'axe'"),
    (lambda: nd.tanh(nd.ones(2, "int8")), TypeError, r"\[tanh\] x, was int8, expected float32 or float64"),
    (lambda: nd.add(nd.ones(2, "int8"), nd.ones(2, "int8")), TypeError,
     r"\[add\] dtype, was int8, expected float32, .*: cast first"),
    (lambda: nd.dense(nd.ones((2, 3)), nd.ones((4, 2))), quantick.ShapeError, r"\[dense\] "),
    (lambda: nd.add(nd.ones(2), nd.ones(3)), quantick.ShapeError, r"\[add\] shapes \(2,\) and \(3,\) do not broadcast"),
    (lambda: nd.take(nd.ones(2), nd.array([5], "int64")), IndexError, r"\[take\] index, was 5, expected -2\.\.1"),
    (lambda: nd._operators._tanh(nd.ones(2), 1), TypeError, r"\[tanh\] arguments, was 2, expected at most 1"),
    (lambda: nd._operators._add(nd.ones(2)), ValueError, r"\[add\] inputs, was 1, expected 2"),
    (lambda: quantick._core.Operation("ad"), IndexError, "add")])
def test_wrong_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_classes_of_errors_are_pythons_own_too():
    assert issubclass(quantick.ShapeError, ValueError) and issubclass(quantick.ParseError, ValueError)
    assert issubclass(quantick.FormatError, ValueError) and issubclass(quantick.UnsupportedError, NotImplementedError)
    assert quantick.ShapeError.__module__ == "quantick" and "Shapes do not fit" in quantick.ShapeError.__doc__


def test_buffers_of_all_kinds_are_taken():
    for source in (array.array("d", [1, 2]), memoryview(array.array("d", [1, 2])), (ctypes.c_double * 2)(1, 2)):
        assert nd.from_numpy(source).tolist() == [1, 2]
        nd.from_numpy(source)[0] = 5
        assert source[0] == 5
    subclass = np.arange(3.0).view(type("Mine", (np.ndarray,), {}))
    assert nd.from_numpy(subclass).tolist() == [0, 1, 2]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0, 2), (1, 0)])
def test_empty_arrays_are_arrays(shape):
    x = nd.from_numpy(np.zeros(shape, np.float32))
    assert x.shape == shape and x.size == 0 and (x + 1).shape == shape and nd.sum(x).item() == 0
    assert nd.from_dlpack(x).shape == shape and x.T.shape == shape[::-1] and nd.tanh(x).shape == shape
    with pytest.raises(ValueError, match="is empty"):
        nd.mean(x)


def test_an_error_leaves_the_lock_and_other_threads_alone():
    failures = []

    def fail():
        for _ in range(200):
            try:
                nd.add(nd.ones(2), nd.ones(3))
            except quantick.ShapeError as error:
                failures.append(str(error))
    threads = [threading.Thread(target=fail) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 800 and len(set(failures)) == 1


def test_arguments_at_random_are_computed_with_or_refused_by_class():
    """Whatever stands where an input or an attribute is expected: a result, or an error of a class with a name."""
    pool = [None, 1, -3, 2.5, True, "a", [1, 2], [], (0,), object(), np.float32(3), 2 ** 70, -1, 0, 10 ** 6,
            np.zeros(0), np.ones((2, 3), np.float32), np.ones((3, 2)), np.arange(6).reshape(2, 3), np.array(True),
            np.ones((2, 3, 4), np.float32), np.zeros(4, np.int8), np.ones((1, 2, 3, 4), np.float32),
            np.full((2, 2), np.nan)]
    rows, pick, computed, refused = quantick._core.operator_rows(), random.Random(1), 0, 0
    for _ in range(30_000):
        row = pick.choice(rows)
        arguments = [pick.choice(pool) for _ in range(pick.randint(0, len(row["inputs"]) + len(row["attributes"])))]
        if row["variadic"] and arguments:
            arguments[0] = [pick.choice(pool) for _ in range(pick.randint(0, 3))]
        try:
            getattr(nd._operators, "_" + row["name"])(*arguments)
            computed += 1
        except (ValueError, TypeError, IndexError, OverflowError, NotImplementedError) as error:
            assert str(error)
            refused += 1
    assert computed > 1000 and refused > 10_000
