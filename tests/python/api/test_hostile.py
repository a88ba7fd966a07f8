"""What must not crash, hang or quietly give a wrong answer, however odd the caller: each once did one of them."""
import gc
import os
import pathlib
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import quantick
from quantick import (_core, backtest, features, gluon, lr_scheduler, market, nd, nn, optimizer, report, runtime,
                      train)

from conftest import ROOT

MODEL = ROOT / "tests/golden/lstm_v2.qtk"
X = np.ones((1, 2), np.float32)


def in_threads(count, work):
    """work(i) on `count` threads at once; raises the first of their errors."""
    errors = []

    def run(i):
        try:
            barrier.wait()
            work(i)
        except BaseException as error:
            errors.append(error)
    barrier = threading.Barrier(count)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def in_a_process(code, timeout=60):
    """A script in an interpreter of its own: its exit status and what it wrote."""
    folder = pathlib.Path(quantick.__file__).parent.parent
    head = f"import sys; sys.path.insert(0, {str(folder)!r}); MODEL = {str(MODEL)!r}\n"
    return subprocess.run([sys.executable, "-c", head + code], capture_output=True, text=True, timeout=timeout)


# ---- memory and numbers

def test_arrays_of_one_memory_may_be_assigned_to_each_other():
    held = np.arange(10, dtype=np.float32)
    x = nd.from_numpy(held)
    x[:] = nd.from_numpy(held[::-1])
    assert held.tolist() == list(range(9, -1, -1))
    x[1:] = nd.from_numpy(held[:-1])
    assert held.tolist() == [9, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    square = np.arange(9, dtype=np.float32).reshape(3, 3)
    want = square + square.T
    y = nd.from_numpy(square)
    y += nd.from_numpy(square.T)
    assert np.array_equal(square, want)


@pytest.mark.parametrize("view", [
    lambda a: a[::-1], lambda a: a[:, ::-1], lambda a: a[::2, ::-2, ::3], lambda a: a.T, np.asfortranarray,
    lambda a: np.broadcast_to(a[:, :1], a.shape), lambda a: a[:0], lambda a: a[1, 2, 3], lambda a: a[:, 1:1],
    lambda a: np.lib.stride_tricks.as_strided(a, (5, 4), (4, 4))])
def test_every_stride_gives_numpys_numbers(view):
    v = np.asarray(view(np.arange(60, dtype=np.float32).reshape(3, 4, 5)))
    x = nd.from_numpy(v)
    for ours, theirs in [(x, v), (x.copy(), v), (1 - x, 1 - v), (x.T, v.T), (x.sum(), v.sum()),
                         (x.reshape(-1), v.reshape(-1))]:
        np.testing.assert_allclose(ours.asnumpy(), theirs, rtol=1e-6)


@pytest.mark.parametrize("value", [np.datetime64("2020"), np.timedelta64(3, "s"), np.complex64(1), np.float16(1),
                                   np.str_("abcdefgh"), np.longdouble(1)])
def test_numpys_scalars_of_other_kinds_are_not_their_bytes(value):
    with pytest.raises(TypeError, match=r"\[array\]|unsupported operand"):
        nd.ones(8) + value
    with pytest.raises(TypeError, match=r"\[array\]"):
        nd.add(nd.ones(8), value)


def test_sizes_beyond_64_bits():
    for shape in (2 ** 63 - 1, 2 ** 62, (2 ** 40, 2 ** 40), (2 ** 31, 2 ** 31, 2)):
        with pytest.raises((quantick.ShapeError, MemoryError)):
            nd.zeros(shape)
    for shape in (2 ** 63, (2, 2 ** 70), -2 ** 64):
        with pytest.raises(OverflowError):
            nd.zeros(shape)
    with pytest.raises(quantick.ShapeError, match="elements from 0 to 1e"):
        nd.arange(0, 1e30)
    with pytest.raises(ValueError, match="step, was 1180591620717411303424"):
        lr_scheduler.FactorScheduler(2 ** 70)


X23 = np.zeros((2, 3), np.float32)
BEYOND = [
    lambda axis: nd.array(X23[:1]).squeeze(axis), lambda axis: nd.array(X23).argmax(axis),
    lambda axis: nd.array(X23).sum(axis), lambda axis: nd.squeeze(X23[:1], axis), lambda axis: nd.expand_dims(X23, axis),
    lambda axis: nd.concat([X23, X23], axis), lambda axis: nd.stack([X23, X23], axis), lambda axis: nd.softmax(X23, axis),
    lambda axis: nd.take(X23, np.zeros(1, np.int64), axis), lambda axis: nd.slice(X23, axis, 0, 1),
    lambda axis: nd.transpose(X23, [axis, 1]), lambda axis: nd.argmax(X23, axis),
    lambda axis: nd.batch_norm(X23, *[np.ones(2, np.float32)] * 4, axis=axis),
    lambda axis: nd.dequantize_linear(np.zeros((2, 3), np.int8), np.ones(2, np.float32), None, axis)]


@pytest.mark.parametrize("call", BEYOND)
@pytest.mark.parametrize("axis", [2 ** 32, -2 ** 32, 2 ** 32 - 1, 3, -4])
def test_axes_that_are_none(call, axis):
    with pytest.raises(IndexError, match=f"axis, was {axis}, expected"):
        call(axis)


def small_panel():
    days = np.arange("2020-01-01", "2020-02-01", dtype="datetime64[D]")
    return market.panel(days, ["A", "B"], np.random.default_rng(1).uniform(30, 50, (31, 2)))


@pytest.mark.parametrize("far", [31, 2 ** 32, 2 ** 62, 2 ** 63 - 1])
def test_labels_beyond_the_end_do_not_exist(far):
    panel = small_panel()
    for labels in (features.forward_returns(panel, far), backtest.forward_returns(panel, far),
                   backtest.forward_returns(panel, 1, far), backtest.forward_returns(panel, far, far)):
        assert labels.values.shape == (31, 2) and np.isnan(labels.values).all()
    data = features.dataset(panel, features.compute(panel, ["return(1)"]), window=2, horizon=far)
    assert len(data.labelled("2020-01-01", "2020-01-31")) == 0
    assert len(data.predictable("2020-01-01", "2020-01-31")) > 0


@pytest.mark.parametrize("size", [7, 2 ** 62, 2 ** 63 - 1])
def test_batches_larger_than_the_data(size):
    net = nn.Dense(1, flatten=False)
    net.initialize()
    draw = np.random.default_rng(2)
    data = draw.random((7, 1, 3), np.float32), draw.random(7, np.float32)
    history = train.fit(net, lambda p, y: nd.square(nd.reshape(p, (-1,)) - y), data, epochs=2, batch_size=size)
    assert history.steps == 2


# ---- objects that are not what they should be

CLASSES = [c for c in vars(_core).values() if isinstance(c, type) and not issubclass(c, BaseException)]


@pytest.mark.filterwarnings("ignore:nanobind")
@pytest.mark.parametrize("kind", CLASSES, ids=lambda c: c.__name__)
def test_objects_that_were_never_made_are_refused(kind):
    try:
        bare = kind.__new__(kind)
    except TypeError:
        return
    for name in dir(kind):
        if name in dir(object) and name != "__repr__":
            continue
        for arguments in ((), (1,), (X,), (X, X)):
            try:
                member = getattr(bare, name)
                if callable(member):
                    member(*arguments)
            except (TypeError, ValueError, AttributeError, NotImplementedError) as error:
                assert "std::" not in str(error)


@pytest.mark.filterwarnings("ignore:nanobind")
def test_arguments_that_were_never_made_are_refused():
    bare, empty = nn.Dense.__new__(nn.Dense), _core.NDArray.__new__(_core.NDArray)
    for call in (lambda: nn.HybridSequential().add(bare), lambda: nd.add(nd.ones(2), empty), lambda: nd.ones(3)[empty],
                 lambda: nd.array(bare)):
        with pytest.raises((TypeError, ValueError)):
            call()


def test_states_that_do_not_fit_together_are_refused():
    panel = small_panel()
    state = panel.__getstate__()
    with pytest.raises(quantick.ShapeError, match="seconds, were 1, expected one per bar, 31"):
        market.Panel.__new__(market.Panel).__setstate__((state[0], [0], *state[2:]))


def test_results_and_schedules_of_other_classes_are_refused():
    for wrong in (None, 1, object()):
        with pytest.raises(TypeError, match=r"\[report\] result, was a .*, expected a BacktestResult"):
            report.Report({"a": wrong})
    for wrong in (nd.ones(3), np.zeros((2, 3)), object()):
        with pytest.raises(TypeError):
            lr_scheduler.ConstantScheduler(warmup_mode=wrong)


def test_an_attribute_that_cannot_be_set_is_no_child():
    net = nn.Block()
    for name in ("children", "name", "params"):
        with pytest.raises(AttributeError):
            setattr(net, name, nn.Dense(1))
    with pytest.raises(ValueError, match="name of a child or parameter"):
        setattr(net, "a\0b", nn.Dense(1))
    assert net.children == {}


# ---- forward() in Python

class Restless(nn.HybridBlock):
    """Changes itself while it runs."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Dense(1, in_units=2)

    def forward(self, x):
        self.hybridize()
        self.fc = nn.Dense(3, in_units=2)
        self.fc.initialize()
        gc.collect()
        return self.fc(x)


def test_forward_may_change_its_own_block():
    net = Restless()
    net.initialize()
    for _ in range(3):
        assert net(X).shape == (1, 3)
    net.hybridize()
    assert net(X).shape == (1, 3)


class Given(nn.HybridBlock):
    def forward(self, x, what):
        return what() if callable(what) else what


def test_nests_without_an_end_are_refused():
    endless = []
    endless.append(endless)
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for nest in (endless, deep, {"a": endless}):
        with pytest.raises(RecursionError):
            Given()(X, nest)
        with pytest.raises(RecursionError):
            Answer(nest)(X)
    while deep:  # or freeing it recurses, too
        deep = deep[0]


class Answer(nn.HybridBlock):
    def __init__(self, what):
        super().__init__()
        self.what = (what,)

    def forward(self, x):
        return self.what[0]


def test_keys_of_dicts_stay_what_they_are():
    one = nd.ones(1)
    for hybrid in (False, True):
        net = Answer({1: one, "1": one * 2, (2, 3): [one]})
        net.hybridize(hybrid)
        for _ in range(2):
            out = net(X)
            assert list(out) == [1, "1", (2, 3)] and out[1].item() == 1 and out["1"].item() == 2


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, StopIteration, MemoryError, RecursionError])
@pytest.mark.parametrize("hybrid", [False, True])
def test_errors_of_forward_pass_through(kind, hybrid):
    class Net(nn.HybridBlock):
        def forward(self, x):
            if bad:
                raise kind("mine")
            return x * 2
    net, bad = Net(), True
    net.hybridize(hybrid)
    for _ in range(2):
        with pytest.raises(kind, match="mine"):
            net(X)
    assert not quantick.autograd.is_recording()
    bad = False
    assert net(X).asnumpy().tolist() == [[2, 2]]


def test_endless_recursion_is_an_error():
    class Net(nn.Block):
        def forward(self, x):
            return self(x)
    with pytest.raises(RecursionError):
        Net()(X)


# ---- threads

class Sleepy(nn.HybridBlock):
    def __init__(self):
        super().__init__()
        self.fc = nn.Dense(4, in_units=8)

    def forward(self, x, k):
        y = self.fc(x)
        time.sleep(2e-4)  # another thread's turn
        return {"y": y, "k": k}


@pytest.mark.parametrize("hybrid", [False, True])
def test_threads_that_share_a_block_get_their_own_answers(hybrid):
    net = Sleepy()
    net.initialize()
    net.hybridize(hybrid)

    def work(i):
        x = np.full((i + 1, 8), i + 1, np.float32)
        for _ in range(30):
            out = net(x, i)
            assert out["k"] == i and np.array_equal(out["y"].asnumpy(), net.fc(x).asnumpy())
    in_threads(4, work)


def test_threads_that_come_first_find_parameters_complete():
    for _ in range(20):
        net = nn.HybridSequential()
        net.add(nn.Dense(64), nn.Dense(8))
        net.initialize()
        net.hybridize()
        out = [None] * 4

        def work(i):
            out[i] = net(np.ones((2, 32), np.float32)).asnumpy()
        in_threads(4, work)
        assert all(np.array_equal(y, out[0]) for y in out)


def test_threads_on_one_session_and_one_slot():
    program = runtime.load(MODEL)
    session, slot = runtime.Session(program), runtime.ModelSlot(program, 3, history=20)
    rows = np.ones((12, 5, slot.columns), np.float32)
    want = np.asarray(session.run(rows)).copy()

    def work(i):
        for _ in range(40):
            if i < 2:
                assert np.array_equal(np.asarray(session.run(rows)), want)
            elif i == 2:
                slot.offer(program)
                slot.collect()
            else:
                assert slot.step(rows[0, :3])
    in_threads(4, work)


def test_threads_on_one_optimizer():
    made = optimizer.Adam(learning_rate=0.125, beta1=0.0, beta2=0.0)
    weight = nd.zeros(1 << 16)
    state = made.create_state(0, weight)
    gradient = nd.ones(1 << 16)

    def work(i):
        for _ in range(25):
            state.core.step([weight], [gradient], 0.125)
            assert len(state.core.states) == 1

    in_threads(4, work)
    assert state.core.steps == 100
    assert set(weight.asnumpy().tolist()) == {-12.5}


def test_a_scope_is_left_where_it_was_entered():
    scope = quantick.autograd.record()

    def leave(i):
        with pytest.raises(ValueError, match="scope left on another thread"):
            scope.__exit__(None, None, None)
        assert not quantick.autograd.is_recording()
    with scope:
        in_threads(1, leave)
        assert quantick.autograd.is_recording()
    assert not quantick.autograd.is_recording()


# ---- lives that end

def test_children_and_views_outlive_their_parents():
    net = nn.HybridSequential()
    net.add(nn.Dense(3, in_units=2), nn.Dense(1, in_units=3))
    net.initialize()
    child, parameter = net[0], next(iter(net.collect_params().values()))
    stream = runtime.Stream(runtime.Session(runtime.load(MODEL)), instruments=2)
    stream.step(np.ones((2, stream.columns), np.float32))
    view, want = np.asarray(stream.out), np.asarray(stream.out).copy()
    del net, stream
    gc.collect()
    filler = [np.full(view.shape, 7, np.float32) for _ in range(200)]
    assert child(X).shape == (1, 3) and parameter.data().shape == (3, 2)
    assert np.array_equal(view, want) and len(filler) == 200


def test_a_process_ends_while_its_threads_compute():
    ended = in_a_process("""
import threading, time
import numpy as np
from quantick import nd, nn, runtime
class Net(nn.Block):
    def __init__(self):
        super().__init__()
        self.fc = nn.Dense(100, in_units=100)
        self.own = [self]
    def forward(self, x):
        return self.fc(x)
net = Net()
net.initialize()
stream = runtime.Stream(runtime.load(MODEL), 3)
row = np.ones((3, stream.columns), np.float32)
def work():
    while True:
        net(np.ones((300, 100), np.float32))
        stream.step(row)
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
""")
    assert ended.returncode == 0 and ended.stderr == "", ended.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_after_the_thread_pool_has_run():
    ended = in_a_process("""
import os, signal
import numpy as np
from quantick import nd, nn
net = nn.Dense(300, in_units=300)
net.initialize()
x = np.ones((2000, 300), np.float32)
want = net(x).asnumpy()
child = os.fork()
if child == 0:
    signal.alarm(20)
    os._exit(0 if np.array_equal(net(x).asnumpy(), want) else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""")
    assert ended.stdout == "0\n", ended.stderr


# ---- paths and names

def test_paths_of_every_kind(tmp_path):
    net = nn.Dense(1, in_units=2)
    net.initialize()
    odd = tmp_path / os.fsdecode("ünï".encode() + b"\xff")
    odd.mkdir()
    net.save_parameters(odd / "net")
    net.load_parameters(odd / "net")
    runtime.save(runtime.load(MODEL), odd / "model")
    with pytest.raises(OSError, match=r"\\xff"):
        runtime.load(odd / "none")
    nd.save(tmp_path / "names", {"a\0b": nd.ones(1)})
    assert list(nd.load(tmp_path / "names")) == ["a\0b"]
    with pytest.raises(TypeError, match=r"\[save\] name, was None, expected a text"):
        nd.save(tmp_path / "names", {None: nd.ones(1)})


def test_a_pipe_does_not_give_way_to_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe: not a regular file"):
        nd.save(tmp_path / "pipe", {"a": nd.ones(1)})
    assert (tmp_path / "pipe").is_fifo()


def test_a_parameter_takes_no_list_that_holds_itself():
    endless = []
    endless.append(endless)
    with pytest.raises((TypeError, ValueError, RecursionError)):
        gluon.Parameter("w", shape=endless)
    with pytest.raises((TypeError, ValueError, RecursionError)):
        nd.array(endless)


def test_the_program_needs_its_name():
    with pytest.raises(ValueError, match=r"\[program\] words, were none"):
        _core.run_program([])
