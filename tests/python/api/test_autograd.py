"""Gradients through operators, methods and indexing of Python arrays."""
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import quantick
from quantick import _core, autograd, nd

from draws import Draw
from operator_oracles import ORACLES

ROWS = {row["name"]: row for row in _core.operator_rows()}


def variable(values, dtype="float64"):
    x = nd.array(np.asarray(values, dtype))
    x.attach_grad()
    return x


def gradient(f, x, head=None):
    with autograd.record():
        y = f(x)
    y.backward(head)
    return x.grad.asnumpy()


def finite_differences(f, x, step=1e-6):
    """d sum(f) / d x by central differences, float64."""
    out = np.zeros(x.shape)
    flat, slope = x.reshape(-1), out.reshape(-1)
    for i in range(flat.size):
        at = flat[i]
        flat[i] = at + step
        above = np.asarray(f(nd.array(x))).sum()
        flat[i] = at - step
        slope[i] = (above - np.asarray(f(nd.array(x))).sum()) / (2 * step)
        flat[i] = at
    return out


METHODS = {
    "x + 1": lambda x: x + 1, "1 - x": lambda x: 1 - x, "x * x": lambda x: x * x, "2 / x": lambda x: 2 / x,
    "x ** 3": lambda x: x ** 3, "2 ** x": lambda x: 2 ** x, "-x": lambda x: -x, "abs": abs,
    "x @ x.T": lambda x: x @ x.T,
    "x @ v": lambda x: x @ nd.array([1, 2, 3, 4], "float64"), "x - NumPy": lambda x: np.ones((3, 4)) - x * 2,
    "row": lambda x: x[1] * 2, "element": lambda x: x[1, 2] * x[0, 0], "slices": lambda x: x[::2, 1:] ** 2,
    "backwards": lambda x: x[::-1, ::-2] * nd.array([[1, 2]], "float64"), "new axis": lambda x: x[:, None, :] * x,
    "rest": lambda x: x[..., 2] ** 2, "rows": lambda x: x[[0, 0, 2]] ** 2,
    "pairs": lambda x: x[[0, 1, 0], [3, 3, 3]] ** 2,
    "mask": lambda x: x[np.array([True, False, True])] ** 2, "elements of a mask": lambda x: x[x > 1.6] ** 2,
    "iteration": lambda x: sum(row * i for i, row in enumerate(x)), "reshape": lambda x: x.reshape(2, 6)[0] ** 2,
    "flatten": lambda x: x.flatten()[3:5] ** 2, "T": lambda x: x.T[1] ** 2,
    "transpose": lambda x: x.transpose(1, 0)[2] ** 2,
    "swapaxes": lambda x: x.swapaxes(0, 1)[0] ** 2, "squeeze": lambda x: x[:1].squeeze() ** 2,
    "expand_dims": lambda x: x.expand_dims(1) ** 2, "broadcast_to": lambda x: x[0].broadcast_to((5, 4)) ** 2,
    "sum": lambda x: x.sum(axis=0) ** 2, "mean": lambda x: x.mean(axis=(0, 1), keepdims=True) ** 2,
    "max": lambda x: x.max(axis=1),
    "min": lambda x: x.min(), "exp": lambda x: x.exp(), "log": lambda x: x.log(), "sqrt": lambda x: x.sqrt(),
    "square": lambda x: x.square(), "tanh": lambda x: x.tanh(), "sigmoid": lambda x: x.sigmoid(),
    "relu": lambda x: (x - 1.5).relu(),
    "clip": lambda x: x.clip(1.2, 1.8) ** 2, "softmax": lambda x: x.softmax()[:, 0],
    "log_softmax": lambda x: x.log_softmax(0)[0],
    "dot": lambda x: x.dot(x.T)[0], "take": lambda x: x.take(np.array([1, 1]), axis=1) ** 2,
    "copy": lambda x: x.copy() ** 2,
    "astype": lambda x: x.astype("float64") ** 2,
}


@pytest.mark.parametrize("name", METHODS)
def test_gradients_flow_through_methods(name):
    x = variable(np.random.default_rng(3).uniform(1, 2, (3, 4)))
    expected = finite_differences(METHODS[name], x.asnumpy())
    with autograd.record():
        y = METHODS[name](x)
    assert not np.asarray(x.grad).any()
    y.backward(nd.ones_like(y))
    np.testing.assert_allclose(np.asarray(x.grad), expected, rtol=1e-7, atol=1e-7)
    assert expected.any()


def float64(value):
    if isinstance(value, (list, tuple)):
        return [float64(v) for v in value]
    return value.astype(np.float64) if getattr(value, "dtype", None) == np.float32 else value


#: Inputs that no gradient is asked for: they say what is attended to, and which row.
CONSTANT = {("attention", 3), ("embedding", 0)}
#: Rows whose random calls are no test of a gradient.
ROUGH = {"cast": "to whole numbers", "batch_norm": "writes its inputs"}


@pytest.mark.parametrize("name", sorted(n for n, row in ROWS.items() if row["differentiable"] and n not in ROUGH))
def test_gradients_of_every_operator_agree_with_differences(name):
    """Along a random direction: the slope of sum(head * y) there, against the gradient's."""
    variadic, seen = ROWS[name]["variadic"], 0
    for call in range(200):
        if seen == 10:
            break
        inputs, attributes, *_ = ORACLES[name](Draw(11, call))
        leaves, random = float64(inputs[0] if variadic else inputs), np.random.default_rng(call)
        at = [i for i, x in enumerate(leaves)
              if getattr(x, "dtype", None) == np.float64 and x.size and (name, i) not in CONSTANT]
        for i in at:  # in place of special values: clear of kinks and poles
            leaves[i] = random.uniform(0.3, 2.7, leaves[i].shape)
        towards = {i: random.normal(size=leaves[i].shape) for i in at}

        def run(shift):
            moved = [nd.array(x + shift * towards[i]) if i in towards else x for i, x in enumerate(leaves)]
            for i in at:
                moved[i].attach_grad()
            with autograd.record():
                y = getattr(nd, name)(*([moved] if variadic else moved), **attributes)
            return moved, y if isinstance(y, tuple) else (y,)
        moved, y = run(0)
        if not at or any(v.dtype != "float64" or v.size == 0 for v in y):
            continue
        heads = [nd.array(random.normal(size=v.shape)) for v in y]
        autograd.backward(y, heads)
        slope = sum((np.asarray(moved[i].grad) * towards[i]).sum() for i in at)
        ends = [sum((np.asarray(v) * np.asarray(h)).sum() for v, h in zip(run(step)[1], heads))
                for step in (1e-6, -1e-6)]
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5,
                                      abs=1e-5), f"{name}, call {call}, {attributes}"
        seen += 1
    assert seen == 10


def test_a_line_is_fitted():
    """Gluon's loop as it stands: record, backward, in-place update."""
    rng = np.random.default_rng(0)
    x = nd.array(rng.normal(size=(200, 3)))
    y = x @ nd.array([[1.0], [-2.0], [0.5]], "float64") + 4
    w, b = variable(np.zeros((3, 1))), variable([0.0])
    for _ in range(200):
        with autograd.record():
            loss = ((x @ w + b - y) ** 2).mean()
        loss.backward()
        w -= 0.1 * w.grad
        b[:] = b - 0.1 * b.grad
    np.testing.assert_allclose(np.asarray(w)[:, 0], [1, -2, 0.5], atol=1e-6)
    assert b.item() == pytest.approx(4, abs=1e-6) and loss.item() < 1e-10


# ---- scopes


def test_scopes():
    assert not autograd.is_recording() and not autograd.is_training()
    with autograd.record() as scope:
        assert scope is not None and autograd.is_recording() and autograd.is_training()
        with autograd.pause():
            assert not autograd.is_recording() and not autograd.is_training()
            with autograd.record(train_mode=False):
                assert autograd.is_recording() and not autograd.is_training()
        with autograd.predict_mode():
            assert autograd.is_recording() and not autograd.is_training()
        with autograd.pause(train_mode=True):
            assert not autograd.is_recording() and autograd.is_training()
    with autograd.train_mode():
        assert autograd.is_training() and not autograd.is_recording()
    assert not autograd.is_recording() and not autograd.is_training()


def test_an_error_inside_leaves_the_scope():
    with pytest.raises(quantick.ShapeError), autograd.record():
        nd.add(nd.ones(2), nd.ones(3))
    assert not autograd.is_recording()
    with pytest.raises(ValueError, match=r"\[autograd\] scope left, expected it to have been entered"):
        autograd.record().__exit__(None, None, None)
    scope = autograd.record()
    with scope, scope:
        assert autograd.is_recording()
    assert not autograd.is_recording()


def test_what_pause_computes_is_a_constant():
    x = variable([3.0])
    with autograd.record():
        y = x * x
        with autograd.pause():
            z = y * 2
        loss = (y + z).sum()
    loss.backward()
    assert x.grad.item() == 6


def test_dropout_reads_the_mode():
    x = nd.ones(1000)
    quantick.seed(1)
    with autograd.record():
        dropped = nd.dropout(x, 0.5, training=autograd.is_training())
    assert 300 < dropped.sum().item() / 2 < 700
    with autograd.predict_mode():
        assert nd.dropout(x, 0.5, training=autograd.is_training()).sum().item() == 1000


# ---- passes


def test_several_heads_and_head_gradients():
    x = variable([1.0, 2.0])
    with autograd.record():
        y, z = x * x, x * 3
    autograd.backward([y, z], [nd.array([1.0, 10.0], "float64"), nd.ones(2, "float64")], retain_graph=True)
    assert x.grad.tolist() == [2 + 3, 40 + 3]
    autograd.backward(y, nd.ones(2, "float64"), retain_graph=True)
    assert x.grad.tolist() == [2, 4]
    found = autograd.grad([y, z], [x], [nd.ones(2, "float64")] * 2, retain_graph=True)
    assert [g.tolist() for g in found] == [[5, 7]] and x.grad.tolist() == [2, 4]
    y.backward(nd.ones(2, "float64"))
    with pytest.raises(ValueError, match=r"\[backward\] the array was not computed from a variable"):
        y.backward(nd.ones(2, "float64"))


def test_a_head_of_many_elements_counts_as_their_sum():
    """As in MXNet, whose losses are one per row of the batch."""
    x = variable([1.0, 2.0])
    assert gradient(lambda v: v * v, x).tolist() == [2, 4]
    with autograd.record():
        y = x * 3
    assert autograd.grad(y, x, retain_graph=True).tolist() == [3, 3]
    autograd.backward(y)
    assert x.grad.tolist() == [3, 3]


def test_gradients_returned():
    x, unused = variable([2.0]), variable([5.0])
    with autograd.record():
        loss = (x * x).sum()
    single = autograd.grad(loss, x, retain_graph=True)
    assert single.tolist() == [4] and x.grad.tolist() == [0]
    assert [g.tolist() for g in autograd.grad(loss, [x, unused])] == [[4], [0]]
    with pytest.raises(ValueError,
                       match=r"\[autograd\] variable 0, of float64 \(1,\), has no gradient: call attach_grad\(\)"):
        autograd.grad(loss, nd.ones(1, "float64"))
    with pytest.raises(NotImplementedError, match=r"\[autograd\] create_graph, was True, expected False"):
        autograd.grad(loss, x, create_graph=True)


def test_mark_variables():
    x, y = nd.array([1.0]), nd.array([2.0])
    autograd.mark_variables([x, y], [nd.array([7.0]), nd.array([8.0])])
    assert (x.grad.item(), y.grad.item()) == (7, 8)
    with autograd.record():
        loss = x * y
    loss.backward()
    assert (x.grad.item(), y.grad.item()) == (2, 1)
    autograd.mark_variables(x, nd.array([0.0]))
    assert x.grad.item() == 0
    with pytest.raises(ValueError, match=r"\[autograd\] gradients, was 1 of them, expected 2, one per variable"):
        autograd.mark_variables([x, y], [x])
    with pytest.raises(quantick.ShapeError, match=r"\[array\] gradient, was float32 \(2,\), expected float32 \(1,\)"):
        autograd.mark_variables(x, nd.ones(2))


@pytest.mark.parametrize("act,error,text", [
    (lambda: nd.ones(2).backward(), ValueError,
     r"\[backward\] the array was not computed from a variable with a gradient"),
    (lambda: nd.ones(2, "int32").attach_grad(), TypeError, r"\[array\] gradient of int32, expected a float array"),
    (lambda: nd.ones(2).attach_grad("sum"), ValueError, r"\[array\] grad_req, was sum, expected write or add"),
    (lambda: gradient(lambda x: x * 2, variable([1.0, 2.0]), nd.ones(3, "float64")), quantick.ShapeError,
     r"\[backward\] head gradient, was float64 \(3,\), expected float64 \(2,\)"),
    (lambda: gradient(lambda x: nd.argmax(x), variable([1.0, 2.0])), ValueError,
     r"\[backward\] operator argmax has no gradient")])
def test_mistakes_are_named(act, error, text):
    with pytest.raises(error, match=text):
        act()


def test_gradient_slots():
    x = nd.ones(2)
    assert x.grad is None
    x.attach_grad("null")
    assert x.grad is None
    x.attach_grad()
    assert x.grad.tolist() == [0, 0]
    x.grad[:] = 5
    assert x.grad.tolist() == [5, 5]


# ---- writing into recorded memory


def test_writes_into_recorded_arrays_are_refused():
    x, batch = variable([[1.0, 2.0]]), nd.zeros((1, 2), "float64")
    text = r"\[array\] item assignment to or from a recorded array of shape"
    with autograd.record():
        y = x * 2
        for act in (lambda: x.__setitem__(0, 1), lambda: y.__setitem__(slice(None), 1), lambda: y[0].__setitem__(0, 1),
                    lambda: batch.__setitem__(slice(None), y)):
            with pytest.raises(ValueError, match=text):
                act()
        with pytest.raises(ValueError, match=r"\[array\] in-place arithmetic on a recorded array of shape \(1, 2\)"):
            y += 1
        batch[:] = 3  # not recorded
        loss = (y * batch).sum()
    loss.backward()
    assert x.grad.tolist() == [[6, 6]]
    x[0] = 7
    x += 1
    assert x.tolist() == [[8, 8]]


def test_detached_arrays_are_constants():
    x = variable([3.0])
    with autograd.record():
        y = x * x
        z = y.detach() * x
    z.backward()
    assert x.grad.item() == 9 and y.detach().grad is None
    apart = x.detach()
    apart[:] = 0
    assert x.item() == 3


@settings(max_examples=20, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2 ** 32 - 1))
def test_random_indices_give_the_gradient_of_what_they_picked(seed):
    """Each element's gradient is how often the index picks it."""
    from test_array import apart, random_index
    for call in range(10):
        d = Draw(seed, call)
        counts = np.arange(float(np.prod(shape := d.shape(3, 1)))).reshape(shape)
        index = random_index(d, shape)
        try:
            picked = counts[index]
        except IndexError:
            continue
        if apart(index):
            continue
        x = variable(counts)
        got = gradient(lambda v: v[index] * 1, x, nd.ones(picked.shape, "float64"))
        expected = np.bincount(picked.astype(int).ravel(), minlength=counts.size).reshape(shape)
        np.testing.assert_array_equal(got, expected)
