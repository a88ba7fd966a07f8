"""Blocks in Python: attributes, parameters, forward in every form, gradients, hybridize, files, errors, memory."""
import gc
import os
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import quantick as qt
from quantick import autograd, nd
from quantick.gluon import nn


def floats(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


class Net(nn.HybridBlock):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.body = nn.HybridSequential()
        self.body.add(nn.Dense(6, activation="tanh"), nn.Dense(4))
        self.weight = nn.Parameter("weight", shape=(2, 0), init="normal")

    def infer_shape(self, x):
        self.weight.shape = (2, 4)

    def forward(self, x):
        return nd.dense(self.body(x), self.weight.data())


class Scaled(nn.HybridBlock):
    """In MXNet 1.x's form."""

    def __init__(self, units):
        super().__init__()
        with self.name_scope():
            self.factor = self.params.get("factor", shape=(units,), init="ones", allow_deferred_init=True)

    def hybrid_forward(self, F, x, factor, power=1):  # noqa: N803
        return F.power(x, power) * factor


def test_parameters_are_named_by_the_path_of_attributes():
    net = Net()
    assert list(net.collect_params()) == ["weight", "body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias"]
    assert list(net.collect_params(r"body\.\d\.bias")) == ["body.0.bias", "body.1.bias"]
    assert list(net.params) == ["weight"]
    assert list(net.children) == ["body"] and net.body.name == "body" and net.name == ""
    assert net.body[1].weight.shape == (4, 0)
    assert net.weight == net.params["weight"] != net.body[1].weight and net.weight != "weight"
    assert len({net.weight, net.params["weight"], net.body[1].weight}) == 2


def test_attributes_register_replace_and_go():
    net = Net()
    net.body = nn.Dense(4)
    assert list(net.collect_params()) == ["weight", "body.weight", "body.bias"]
    net.body = None
    assert list(net.collect_params()) == ["weight"] and net.body is None
    del net.weight
    assert list(net.collect_params()) == []
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'weight'"):
        net.weight
    with pytest.raises(AttributeError):
        del net.nothing


def test_layers_of_cpp_hold_what_they_have():
    layer = nn.Dense(2)
    layer.note = "plain attributes are free"
    with pytest.raises(TypeError, match=r"\[dense\] cannot hold extra: a finished layer"):
        layer.extra = nn.Dense(1)
    with pytest.raises(TypeError, match="finished layer"):
        layer.weight = nn.Parameter("weight", shape=(2, 2))
    with pytest.raises(TypeError, match="finished layer"):
        layer.weight = 3
    assert nn.Sequential()() == ()
    with pytest.raises(TypeError, match="prohibits subclassing"):
        type("Mine", (nn.Dense,), {})


def test_a_forgotten_constructor_is_named():
    class Hasty(nn.Block):
        def __init__(self):
            self.head = nn.Dense(1)

    class Empty(nn.Block):
        def __init__(self):
            pass

    for make in (Hasty, lambda: Empty()(floats(1)), lambda: Empty().collect_params(), lambda: Empty().nothing,
                 lambda: repr(Empty())):
        with pytest.raises(TypeError, match=r"is not made yet: call super\(\).__init__\(\) first"):
            make()


def test_a_block_does_not_hold_itself():
    net = Net()
    with pytest.raises(ValueError, match="is the block itself or holds it"):
        net.body.add(net)


def test_hybrid_forward_of_mxnet():
    block = Scaled(3)
    block.initialize()
    x = floats(2, 3)
    block.params["factor"].set_data(np.float32([1, 2, 3]))
    assert np.array_equal(block(x).asnumpy(), x * np.float32([1, 2, 3]))
    assert np.allclose(block(x, power=2).asnumpy(), x**2 * np.float32([1, 2, 3]), rtol=1e-6)
    assert list(block.collect_params()) == ["factor"]


def test_layers_are_hybrid_blocks():
    for block in (nn.Dense(1), nn.HybridSequential(), Net(), nn.GELU(), nn.HybridLambda("tanh")):
        assert isinstance(block, nn.HybridBlock) and isinstance(block, nn.Block)
    assert not isinstance(nn.Lambda("tanh"), nn.HybridBlock)


def test_a_parameter_takes_the_name_of_its_attribute():
    class Renamed(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            self.w = self.params.get("weight", shape=(2,))
            assert self.params.get("w", shape=(3,)) == self.w and self.params.get("other") is None

        def hybrid_forward(self, F, x, w):  # noqa: N803
            return x + w

    assert list(Renamed().collect_params()) == ["w"]


@pytest.mark.parametrize("training", [False, True])
def test_hybridize_keeps_the_bits(training):
    net = Net()
    net.initialize("xavier", seed=3)
    batches = [floats(5, 3, seed=1), floats(2, 3, seed=2), floats(5, 3, seed=3)]

    def run():
        out = []
        for x in batches:
            if training:
                with autograd.record():
                    y = nd.sum(nd.square(net(x)))
                y.backward()
                out += [y.asnumpy(), *(p.grad().asnumpy() for p in net.collect_params().values())]
            else:
                out.append(net(x).asnumpy())
        return out

    eager = run()
    net.hybridize()
    for _ in range(2):
        for a, b in zip(eager, run()):
            assert np.array_equal(a, b)
    assert net.hybridized


def test_a_plain_block_runs_its_python_at_every_call():
    class Counting(nn.Block):
        calls = 0

        def __init__(self):
            super().__init__()
            self.inner = nn.Dense(1)

        def forward(self, x):
            self.calls += 1
            return self.inner(x)

    net = Counting()
    net.initialize()
    net.hybridize()
    assert not net.hybridized and net.inner.hybridized
    for _ in range(3):
        net(floats(2, 2))
    assert net.calls == 3


def test_results_have_the_form_that_forward_gives():
    class Forms(nn.HybridBlock):
        def forward(self, x, states=None, scale=1, *, names=("a",)):
            if states is None:
                return x * scale
            return {"out": x * scale, names[0]: (states[0], [states[1], None])}

    for hybridize in (False, True):
        block = Forms()
        block.hybridize(hybridize)
        x, h, c = floats(2, 3), floats(2), floats(3)
        for _ in range(2):
            assert np.array_equal(block(x).asnumpy(), x)
            assert np.array_equal(block(x, scale=3).asnumpy(), x * 3)
            out = block(x, [h, c], 2, names=("b",))
            assert list(out) == ["out", "b"]
            assert np.array_equal(out["out"].asnumpy(), 2 * x)
            assert isinstance(out["b"], tuple) and isinstance(out["b"][1], list)
            assert np.array_equal(out["b"][0].asnumpy(), h) and np.array_equal(out["b"][1][0].asnumpy(), c)
            assert out["b"][1][1] is None


def test_blocks_of_python_stand_in_containers_of_cpp():
    class Twice(nn.Block):
        def forward(self, x):
            return x * 2

    net = nn.Sequential()
    net.add(Twice(), nn.Dense(1, weight_initializer="ones"), Twice())
    net.initialize()
    x = floats(3, 2)
    assert np.allclose(net(x).asnumpy()[:, 0], 4 * x.sum(axis=1), rtol=1e-5)
    assert isinstance(net[0], Twice) and net[0] is net[-3] and len(net) == 3
    assert [type(block).__name__ for block in net] == ["Twice", "Dense", "Twice"]
    assert np.allclose(net[1:](x).asnumpy()[:, 0], 2 * x.sum(axis=1), rtol=1e-5)
    with pytest.raises(IndexError):
        net[3]
    with pytest.raises(TypeError, match=r"\[sequential\] add, was a .*int, expected a Block"):
        net.add(3)


def test_a_container_is_subclassed():
    class Tower(nn.HybridSequential):
        def __init__(self):
            super().__init__(prefix="tower_")
            self.add(nn.Dense(3), nn.Dense(1))

    class Skip(nn.HybridSequential):
        def forward(self, x):
            return super().forward(x) + x

    tower = Tower()
    tower.initialize()
    assert tower(floats(2, 2)).shape == (2, 1) and tower.prefix == "tower_"
    skip = Skip()
    skip.add(nn.Dense(2, weight_initializer="zeros"))
    skip.initialize()
    skip.hybridize()
    x = floats(4, 2)
    assert np.array_equal(skip(x).asnumpy(), x)


def test_gradients_of_python_blocks_are_those_of_finite_differences():
    net = Net()
    net.initialize("xavier", seed=1)
    net.cast("float64")
    x = floats(3, 5).astype(np.float64)
    net(x)
    for parameter in net.collect_params().values():  # what was cast before its first call
        assert parameter.dtype == "float64"

    def loss():
        return nd.sum(nd.square(net(x)))

    with autograd.record():
        value = loss()
    value.backward()
    rng = np.random.default_rng(5)
    for parameter in net.collect_params().values():
        gradient, weights = parameter.grad().asnumpy(), parameter.data().asnumpy()
        for _ in range(4):
            place = tuple(rng.integers(0, n) for n in weights.shape)
            values = []
            for step in (1e-6, -1e-6):
                moved = weights.copy()
                moved[place] += step
                parameter.set_data(moved)
                values.append(loss().item())
            parameter.set_data(weights)
            assert gradient[place] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5, abs=1e-7)


def test_parameters_are_frozen_and_set():
    net = Net()
    net.initialize(seed=2)
    x = floats(2, 3)
    net(x)
    net.collect_params("body").setattr("grad_req", "null")
    with autograd.record():
        y = nd.sum(net(x))
    y.backward()
    assert net.weight.grad_req == "write" and np.abs(net.weight.grad().asnumpy()).sum() > 0
    with pytest.raises(ValueError, match="keeps no gradient"):
        net.body[0].weight.grad()
    net.zero_grad()
    assert not net.weight.grad().asnumpy().any()
    assert len(net.weight.list_grad()) == len(net.weight.list_data()) == 1
    with pytest.raises(qt.ShapeError, match="shape of weight"):
        net.weight.set_data(floats(3, 4))


def test_the_seed_settles_the_weights():
    nets = [Net() for _ in range(3)]
    for net, seed in zip(nets, (7, 7, 8)):
        net.initialize("xavier", seed=seed)
        net(floats(2, 3))
    a, b, c = ([p.data().asnumpy() for p in net.collect_params().values()] for net in nets)
    assert all(np.array_equal(u, v) for u, v in zip(a, b))
    assert not np.array_equal(a[0], c[0])


def test_values_before_initialize_and_before_the_first_call():
    net = Net()
    with pytest.raises(ValueError, match="call initialize"):
        net(floats(2, 3))
    net = nn.Dense(2)
    net.initialize()
    with pytest.raises(ValueError, match="run a forward pass first"):
        net.weight.data()
    with pytest.raises(NotImplementedError, match="expected cpu"):
        net.initialize(ctx="gpu(0)")


def test_files_hold_parameters(tmp_path):
    path = tmp_path / "net.safetensors"
    net, other = Net(), Net()
    for block, seed in ((net, 1), (other, 2)):
        block.initialize(seed=seed)
        block(floats(2, 3))
    net.save_parameters(str(path))
    other.load_parameters(str(path))
    x = floats(4, 3)
    assert np.array_equal(net(x).asnumpy(), other(x).asnumpy())

    smaller = nn.Dense(4)
    smaller.initialize()
    with pytest.raises(ValueError, match="missing bias.*surplus"):
        smaller.load_parameters(str(path))
    one = nd.load(str(path))
    nd.save(str(path), {"weight": nd.array(one["body.1.weight"]), "else": nd.zeros((1,))})
    with pytest.raises(ValueError, match="missing bias"):
        smaller.load_parameters(str(path), ignore_extra=True)
    smaller(floats(1, 6))
    smaller.load_parameters(str(path), allow_missing=True, ignore_extra=True)
    assert np.array_equal(smaller.weight.data().asnumpy(), one["body.1.weight"].asnumpy())

    parameters = net.collect_params()
    parameters.save(path)
    net.initialize(seed=9, force_reinit=True)
    parameters.load(path)
    assert np.array_equal(net(x).asnumpy(), other(x).asnumpy())
    with pytest.raises(ValueError, match="does not fit: missing bias"):
        smaller.collect_params().load(path, ignore_extra=True)
    before = smaller.bias.data().tolist(), smaller.weight.data().tolist()
    nd.save(str(path), {"bias": nd.ones((4,)), "weight": nd.ones((4, 5))})
    with pytest.raises(ValueError, match=r"does not fit: weight was \(4, 5\), expected \(4, 6\)"):
        smaller.collect_params().load(path)
    assert (smaller.bias.data().tolist(), smaller.weight.data().tolist()) == before
    open_one = nn.Dense(4)
    open_one.initialize()
    open_one.collect_params().load(path)
    assert open_one(np.ones((1, 5), np.float32)).tolist() == [[6.0] * 4]


def test_other_contexts_are_refused(tmp_path):
    net = nn.Dense(2, in_units=3)
    net.initialize()
    net.save_parameters(tmp_path / "w")
    parameters = net.collect_params()
    for call in (lambda: net.weight.data("gpu(0)"), lambda: net.weight.grad("gpu(0)"),
                 lambda: net.weight.initialize(ctx="gpu(0)"), lambda: parameters.initialize(ctx="gpu(0)"),
                 lambda: parameters.load(tmp_path / "w", ctx="gpu(0)"), lambda: net.initialize(ctx="gpu(0)"),
                 lambda: net.load_parameters(tmp_path / "w", ctx="gpu(0)")):
        with pytest.raises(NotImplementedError, match=r"context\] was .*gpu"):
            call()


def test_exceptions_of_forward_pass_unchanged():
    class Mine(Exception):
        pass

    class Raises(nn.HybridBlock):
        def forward(self, x):
            raise Mine("as it was", 3)

    net = nn.Sequential()
    net.add(Raises())
    for block in (Raises(), net):
        for hybridize in (False, True):
            block.hybridize(hybridize)
            with pytest.raises(Mine) as caught:
                block(floats(1))
            assert caught.value.args == ("as it was", 3)
    with pytest.raises(NotImplementedError, match=r"\[Block\] has no forward"):
        nn.Block()(floats(1))
    with pytest.raises(NotImplementedError, match=r"\[HybridBlock\] has no forward"):
        nn.HybridBlock()(floats(1))


def test_arguments_that_are_no_arrays_are_named():
    layer = nn.Dense(2)
    layer.initialize()
    for value, text in (("text", "str"), (None, "NoneType"), (object(), "object")):
        with pytest.raises(TypeError, match=rf"\[dense\].*was an? .*{text}"):
            layer(value)
    with pytest.raises(TypeError, match=r"\[dense\] unknown argument mask"):
        layer(floats(2, 2), mask=floats(2))
    with pytest.raises(TypeError, match=r"\[dense\].*dtype\('O'\)"):
        layer(np.array([["a", None]], dtype=object))


def test_an_input_of_numpys_width_is_explained():
    net = nn.HybridSequential()
    net.add(nn.Dense(2))
    net.initialize()
    with pytest.raises(TypeError, match=r'input 0 is float64 and 0.weight float32: astype\("float32"\), or cast'):
        net(np.ones((2, 3)))
    net.cast("float64")
    assert net(np.ones((2, 3))).dtype == "float64"


def test_register_parameter():
    class Shifted(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            made = self.register_parameter("shift", (0,), init="ones")
            assert made.same_as(self.shift)

        def infer_shape(self, x):
            self.shift.shape = (x.shape[-1],)

        def forward(self, x):
            return x + self.shift.data()

    net = Shifted()
    net.initialize()
    assert np.array_equal(net(np.zeros((2, 3), np.float32)).asnumpy(), np.ones((2, 3)))
    assert list(net.collect_params()) == ["shift"]


def test_apply_visits_children_first():
    names = []
    assert isinstance(Net().apply(lambda block: names.append(type(block).__name__)), Net)
    assert names == ["Dense", "Dense", "Sequential", "Net"]


def test_repr_and_summary_are_gluons():
    net = Net()
    assert repr(net) == ("Net(\n  (body): Sequential(\n    (0): Dense(None -> 6, Activation(tanh))\n"
                         "    (1): Dense(None -> 4, linear)\n  )\n)")
    net.initialize()
    text = net.summary((2, 3))
    assert "body.0 (dense)" in text and "(2, 6)" in text and "Total parameters: 60" in text
    assert net.parameter_count == 60
    assert repr(net.collect_params()).splitlines()[1] == "  weight: Parameter weight (shape=(2, 4), dtype=float32)"


def test_lambdas():
    x = floats(3, 2)
    for block in (nn.Lambda("tanh"), nn.HybridLambda("tanh"), nn.HybridLambda(lambda F, x: F.tanh(x)),  # noqa: N803
                  nn.Lambda(lambda x: nd.tanh(x))):
        assert np.array_equal(block(x).asnumpy(), nd.tanh(x).asnumpy())
    assert repr(nn.Lambda("tanh")) == "Lambda(tanh)"
    with pytest.raises(ValueError, match="was 'tan', expected"):
        nn.Lambda("tan")


def test_a_call_leaves_other_threads_running():
    layer = nn.LSTM(256)
    layer.initialize()
    x = floats(300, 64, 32)
    layer(x[:1])
    calls = threading.Thread(target=lambda: layer(x))
    calls.start()
    turns = 0
    while calls.is_alive():
        turns += 1
        calls.join(0.0002)
    assert turns > 10


CYCLES = """
import gc
from quantick.gluon import nn

class Small(nn.HybridBlock):
    def __init__(self):
        super().__init__()
        self.child = nn.Dense(1)
        self.scale = nn.Parameter("scale", shape=(3,))
        self.inner = nn.HybridSequential()
        self.inner.add(self.child)

    def forward(self, x):
        return x

def resident_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

def cycle(count):
    for _ in range(count):
        Small()
    gc.collect()

cycle(2_000)
before, objects = resident_kib(), len(gc.get_objects())
cycle(100_000)
print(len(gc.get_objects()) - objects, resident_kib() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer keeps what is freed")
def test_a_hundred_thousand_blocks_leave_nothing():
    """In a process of its own, whose memory nothing else moves."""
    said = subprocess.run([sys.executable, "-c", CYCLES], check=True, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}).stdout
    objects, kib = map(int, said.split())
    assert objects < 100 and kib < 2_048


def test_cycles_through_attributes_are_collected():
    class Child(nn.Block):
        def forward(self, x):
            return x

    class Parent(nn.Block):
        def __init__(self):
            super().__init__()
            self.child = Child()
            self.child.owners = [self]  # a list: a block cannot hold the one that holds it

    parents = [weakref.ref(Parent()) for _ in range(10)]
    held = Parent()
    gc.collect()
    assert [parent() for parent in parents] == [None] * 10
    assert held.child.owners[0] is held and held.child(floats(1)).shape == (1,)
    child = weakref.ref(held.child)
    del held
    gc.collect()
    assert child() is None


def test_children_outlive_their_parents():
    net = Net()
    net.initialize()
    net(floats(1, 3))
    body, weight = net.body, net.weight
    del net
    gc.collect()
    assert body(floats(2, 3)).shape == (2, 4) and weight.data().shape == (2, 4)


def test_the_collector_sees_blocks_of_a_slice():
    class Child(nn.HybridBlock):
        def forward(self, x):
            return x

    def made():
        whole, child = nn.HybridSequential(), Child()
        whole.add(child, nn.Dense(1))
        part = whole[:1]
        assert part[0] is child
        child.parents = lambda: (whole, part)
        return weakref.ref(child)

    children = [made() for _ in range(5)]
    gc.collect()
    assert [child() for child in children] == [None] * 5
