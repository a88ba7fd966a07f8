"""The functions of quantick.nd against the registry's rows, and their errors against NumPy's."""
import inspect
import keyword

import numpy as np
import pytest
from scipy import stats

import quantick
from quantick import _core, nd

from test_array import agree, same

ROWS = {row["name"]: row for row in _core.operator_rows()}


def function(name):
    return getattr(nd, name + "_" if keyword.iskeyword(name) else name)


def written(name):
    """The function that the build writes; quantick.nd takes more forms of arguments for some of them."""
    return getattr(nd._operators, name + "_" if keyword.iskeyword(name) else name)


@pytest.mark.parametrize("name", ROWS)
def test_the_signature_is_the_rows(name):
    row, parameters = ROWS[name], list(inspect.signature(written(name)).parameters.values())
    inputs, attributes = parameters[:len(row["inputs"])], parameters[len(row["inputs"]):]
    assert [p.name.rstrip("_") for p in inputs] == row["inputs"]
    required = len(inputs) - row["optional_inputs"]
    assert [p.default for p in inputs] == [inspect.Parameter.empty] * required + [None] * row["optional_inputs"]
    assert [p.name.rstrip("_") for p in attributes] == [a["name"] for a in row["attributes"]]
    for parameter, attribute in zip(attributes, row["attributes"]):
        default = attribute["default"]
        assert parameter.default == (tuple(default) if isinstance(default, list) else default)
        assert type(parameter.default) is (tuple if isinstance(default, list) else type(default))
    result = inspect.signature(written(name)).return_annotation
    assert result == ("NDArray" if row["visible_outputs"] == 1 else
                      "tuple[" + ", ".join(["NDArray"] * row["visible_outputs"]) + "]")


@pytest.mark.parametrize("name", ROWS)
def test_the_docstring_says_what_the_row_says(name):
    row, doc = ROWS[name], inspect.getdoc(written(name))
    assert doc.splitlines()[0] == row["summary"].rstrip(".") + "."
    for argument in [*row["inputs"], *(a["name"] for a in row["attributes"])]:
        assert f"    {argument}: " in doc or f"    {argument}_: " in doc
    for attribute in row["attributes"]:
        assert attribute["doc"] in doc
    assert ("ONNX: " + row["onnx"] in doc) == bool(row["onnx"])
    assert ("Gradients flow" in doc) == row["differentiable"]


def test_every_row_is_a_function_and_is_listed():
    assert {n.rstrip("_") for n in nd._operators.__all__} == set(ROWS)
    assert set(nd._operators.__all__) < set(nd.__all__)
    assert all(hasattr(nd, n) for n in nd.__all__) and all(hasattr(quantick, n) for n in ("NDArray", "array", "seed"))


def test_inputs_of_every_kind():
    expected = np.float32([2, 3])
    for x in (nd.array([1, 2]), np.float32([1, 2]), memoryview(np.float32([1, 2])), np.float32([1, 9, 2])[::2]):
        same(nd.add(x, 1), expected)
    same(nd.add(1, 2), np.int64(3))
    same(nd.add(nd.array([1, 2]), np.float32(1)), expected)
    same(nd.add(nd.array([1, 2]), True), expected)
    y, h, c = nd.lstm(np.ones((2, 1, 3), np.float32), *(np.zeros(s, np.float32) for s in ((8, 3), (8, 2), (8,), (8,))))
    assert y.shape == (2, 1, 2) and h.shape == c.shape == (1, 2)


#: Calls that NumPy refuses, and what asks ours for the same.
BAD = {
    "add shapes": (lambda: nd.add(nd.ones((2, 3)), nd.ones(2)), lambda: np.add(np.ones((2, 3)), np.ones(2))),
    "add texts": (lambda: nd.add(nd.ones(2), np.array(["a", "b"])), lambda: np.add(np.ones(2), np.array(["a", "b"]))),
    "where shapes": (lambda: nd.where(np.array([True, False]), nd.ones(3), nd.ones(2)),
                     lambda: np.where(np.array([True, False]), np.ones(3), np.ones(2))),
    "clip order": (lambda: nd.clip(nd.ones(2), 2, 1), None),
    "cast name": (lambda: nd.cast(nd.ones(2), "float31"), lambda: np.ones(2).astype("float31")),
    "matmul shapes": (lambda: nd.matmul(nd.ones((2, 3)), nd.ones((2, 3))),
                      lambda: np.matmul(np.ones((2, 3)), np.ones((2, 3)))),
    "matmul batch": (lambda: nd.matmul(nd.ones((2, 3, 4)), nd.ones((3, 4, 5))),
                     lambda: np.matmul(np.ones((2, 3, 4)), np.ones((3, 4, 5)))),
    "matmul scalar": (lambda: nd.matmul(nd.ones((2, 3)), nd.ones(())), lambda: np.matmul(np.ones((2, 3)), np.ones(()))),
    "reshape size": (lambda: nd.reshape(nd.ones((2, 3)), (4, 2)), lambda: np.reshape(np.ones((2, 3)), (4, 2))),
    "reshape two": (lambda: nd.reshape(nd.ones((2, 3)), (-1, -1)), lambda: np.reshape(np.ones((2, 3)), (-1, -1))),
    "reshape float": (lambda: nd.reshape(nd.ones((2, 3)), (2.0, 3)), lambda: np.reshape(np.ones((2, 3)), (2.0, 3))),
    "transpose count": (lambda: nd.transpose(nd.ones((2, 3)), (0,)), lambda: np.transpose(np.ones((2, 3)), (0,))),
    "transpose twice": (lambda: nd.transpose(nd.ones((2, 3)), (0, 0)), lambda: np.transpose(np.ones((2, 3)), (0, 0))),
    "transpose axis": (lambda: nd.transpose(nd.ones((2, 3)), (0, 2)), lambda: np.transpose(np.ones((2, 3)), (0, 2))),
    "concat shapes": (lambda: nd.concat([nd.ones((2, 3)), nd.ones((2, 2))]),
                      lambda: np.concatenate([np.ones((2, 3)), np.ones((2, 2))])),
    "concat axes": (lambda: nd.concat([nd.ones((2, 3)), nd.ones(3)]),
                    lambda: np.concatenate([np.ones((2, 3)), np.ones(3)])),
    "concat axis": (lambda: nd.concat([nd.ones(2)], axis=1), lambda: np.concatenate([np.ones(2)], axis=1)),
    "concat nothing": (lambda: nd.concat([]), lambda: np.concatenate([])),
    "stack shapes": (lambda: nd.stack([nd.ones(2), nd.ones(3)]), lambda: np.stack([np.ones(2), np.ones(3)])),
    "stack axis": (lambda: nd.stack([nd.ones(2)], axis=3), lambda: np.stack([np.ones(2)], axis=3)),
    "stack nothing": (lambda: nd.stack([]), lambda: np.stack([])),
    "expand_dims axis": (lambda: nd.expand_dims(nd.ones(2), axis=3), lambda: np.expand_dims(np.ones(2), axis=3)),
    "squeeze extent": (lambda: nd.squeeze(nd.ones((2, 1)), axis=0), lambda: np.squeeze(np.ones((2, 1)), axis=0)),
    "squeeze axis": (lambda: nd.squeeze(nd.ones((2, 1)), axis=5), lambda: np.squeeze(np.ones((2, 1)), axis=5)),
    "broadcast_to": (lambda: nd.broadcast_to(nd.ones((2, 3)), (2, 4)),
                     lambda: np.broadcast_to(np.ones((2, 3)), (2, 4))),
    "broadcast_to fewer": (lambda: nd.broadcast_to(nd.ones((2, 3)), (3,)),
                           lambda: np.broadcast_to(np.ones((2, 3)), (3,))),
    "broadcast_to below 0": (lambda: nd.broadcast_to(nd.ones(1), (-1,)), lambda: np.broadcast_to(np.ones(1), (-1,))),
    "take index": (lambda: nd.take(nd.ones(3), np.array([3])), lambda: np.take(np.ones(3), np.array([3]))),
    "take floats": (lambda: nd.take(nd.ones(3), np.array([0.5])), lambda: np.take(np.ones(3), np.array([0.5]))),
    "take axis": (lambda: nd.take(nd.ones(3), np.array([0]), axis=2),
                  lambda: np.take(np.ones(3), np.array([0]), axis=2)),
    "sum axis": (lambda: nd.sum(nd.ones(3), axes=1), lambda: np.sum(np.ones(3), axis=1)),
    "sum twice": (lambda: nd.sum(nd.ones((2, 3)), axes=(1, -1)), lambda: np.sum(np.ones((2, 3)), axis=(1, -1))),
    "sum float axis": (lambda: nd.sum(nd.ones(3), axes=0.5), lambda: np.sum(np.ones(3), axis=0.5)),
    "mean axis": (lambda: nd.mean(nd.ones(3), axes=-2), lambda: np.mean(np.ones(3), axis=-2)),
    "max empty": (lambda: nd.max(nd.ones((0, 3))), lambda: np.max(np.ones((0, 3)))),
    "min empty": (lambda: nd.min(nd.ones((0, 3)), axes=0), lambda: np.min(np.ones((0, 3)), axis=0)),
    "argmax empty": (lambda: nd.argmax(nd.ones((0, 3)), axis=0), lambda: np.argmax(np.ones((0, 3)), axis=0)),
    "argmax axis": (lambda: nd.argmax(nd.ones(3), axis=1), lambda: np.argmax(np.ones(3), axis=1)),
    "tanh text": (lambda: nd.tanh(np.array(["a"])), lambda: np.tanh(np.array(["a"]))),
    "exp object": (lambda: nd.exp(np.array([None])), lambda: np.exp(np.array([None]))),
}
_two = ("subtract", "multiply", "divide", "power", "maximum", "minimum", "greater", "greater_equal", "less",
        "less_equal",
        "equal", "not_equal")
BAD |= {f"{name} shapes": (lambda name=name: function(name)(nd.ones((4, 3)), nd.ones((2, 3))),
                           lambda name=name: getattr(np, name)(np.ones((4, 3)), np.ones((2, 3)))) for name in _two}
BAD |= {f"{name} text": (lambda name=name: function(name)(np.array(["a"])),
                         lambda name=name: getattr(np, name)(np.array(["a"])))
        for name in ("negative", "abs", "sign", "sqrt", "square", "log")}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_raises_the_class_that_numpy_raises(case):
    ours, numpys = BAD[case]
    if numpys is None:
        with pytest.raises(ValueError, match=r"\[clip\] low, was 2, expected at most high, which is 1"):
            ours()
        return
    with pytest.raises(Exception):  # noqa: B017: agree() compares the class
        numpys()
    agree(ours, numpys)


# ---- random numbers


def test_the_same_seed_gives_the_same_numbers():
    def draws():
        return [nd.random.uniform(shape=5), nd.random.normal(shape=(2, 3)), nd.random.randint(0, 100, 7),
                nd.dropout(nd.ones(50), 0.5, training=True)]
    quantick.seed(3)
    first, second = draws(), draws()
    quantick.random.seed(3)
    again = draws()
    quantick.seed(4)
    other = draws()
    for a, b, c, d in zip(first, second, again, other):
        same(a, c)
        assert a.tolist() != b.tolist() and a.tolist() != d.tolist()


def test_random_numbers_have_their_distributions():
    quantick.seed(5)
    count = 100_000
    for dtype in ("float32", "float64"):
        uniform = np.asarray(nd.random.uniform(-2, 3, (count,), dtype))
        assert uniform.dtype == dtype and uniform.min() >= -2 and uniform.max() < 3
        assert stats.kstest(uniform, stats.uniform(-2, 5).cdf).pvalue > 1e-4
        normal = np.asarray(nd.random.normal(1, 2, count, dtype))
        assert stats.kstest(normal, stats.norm(1, 2).cdf).pvalue > 1e-4
    whole = np.asarray(nd.random.randint(-3, 4, count))
    assert whole.dtype == np.int64 and stats.chisquare(np.bincount(whole + 3, minlength=7)).pvalue > 1e-4
    assert nd.random.randint(2 ** 62, 2 ** 62 + 1).item() == 2 ** 62
    assert stats.kstest(np.asarray(nd.random.uniform(shape=count)), stats.uniform(0, 1).cdf).pvalue > 1e-4
    assert stats.kstest(np.asarray(nd.random.normal(shape=count)), stats.norm(0, 1).cdf).pvalue > 1e-4
    assert nd.random.uniform(shape=(0, 2)).shape == (0, 2) and nd.random.normal().shape == ()


@pytest.mark.parametrize("call,error,text", [
    (lambda: nd.random.randint(3, 3), ValueError, r"\[randint\] low, was 3, expected below high, which is 3"),
    (lambda: nd.random.normal(scale=-1), ValueError, r"\[normal\] scale, was -1, expected >= 0"),
    (lambda: nd.random.uniform(dtype="int32"), TypeError, r"\[uniform\] dtype, was int32, expected float32 or float64"),
    (lambda: quantick.seed(-1), TypeError, "seed")])
def test_wrong_distributions_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


# ---- the package


def test_submodules_are_there_when_asked_for():
    assert {"nn", "gluon", "runtime", "QuantRegressor", "autograd"} <= set(dir(quantick))
    with pytest.raises(AttributeError, match="module 'quantick' has no attribute 'nnn'"):
        quantick.nnn
    assert quantick.nd.random is quantick.random and quantick.nn.__name__ == "quantick.nn"
