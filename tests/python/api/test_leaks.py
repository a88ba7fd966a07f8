"""Objects come and go without a trace: flat memory over many cycles, and inputs whose counts are as before."""
import gc
import itertools
import os
import sys
import weakref

import numpy as np
import pytest

from quantick import nd, nn, runtime
from quantick._core import quantize
from quantick.contrib.quantization import QuantizationConfig, QuantizedNet, Quantizer

from conftest import ROOT

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * PAGE


def assert_flat(cycle, count, allowed=1 << 20):
    """`count` cycles; the last four fifths of them may not grow the process by more than `allowed` bytes. The middle two
    of four parts count twice: what leaks does so in all parts, while a jump of the allocator is in one."""
    sizes = []
    for _ in range(5):
        for _ in range(count // 5):
            cycle()
        gc.collect()
        sizes.append(resident())
    parts = sorted(after - before for before, after in itertools.pairwise(sizes))
    grown = 2 * (parts[1] + parts[2])
    assert grown < allowed, f"{grown} bytes more after {count} cycles"


@pytest.fixture(scope="module")
def tiny():
    """A program of one Dense layer, its network and an input."""
    net = nn.Dense(1, in_units=3)
    net.initialize()
    x = np.ones((2, 3), np.float32)
    net(nd.array(x))
    return Quantizer(net).quantize(x), net, x


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.memory
class TestFlatMemory:
    def test_a_leak_would_be_seen(self):
        kept = []
        with pytest.raises(AssertionError, match="bytes more after"):
            # 20 MB, as a small leaked object of ours takes: more than the rest of a long run has left free.
            assert_flat(lambda: kept.append(bytearray(200)), 100_000)

    def test_streams(self, tiny):
        session = tiny[0].session
        assert_flat(lambda: runtime.Stream(session, instruments=2).step(tiny[2]), 100_000)

    def test_streams_kept_by_their_outputs(self, tiny):
        session = tiny[0].session
        assert_flat(lambda: np.asarray(runtime.Stream(session, instruments=2).out), 100_000)

    def test_sessions(self, tiny):
        program = tiny[0].program
        assert_flat(lambda: runtime.Session(program).run(tiny[2]), 100_000)

    def test_slots(self, tiny):
        program = tiny[0].program

        def cycle():
            slot = runtime.ModelSlot(program, instruments=2)
            slot.offer(program)
            slot.step(tiny[2])
        assert_flat(cycle, 20_000)

    def test_programs_and_what_they_show(self):
        program = runtime.load(ROOT / "tests/golden/lstm_v2.qtk")

        def cycle():
            program.columns = program.columns
            program.metadata = program.metadata
            return [node.constants for node in program.nodes], program.values, program.input.scale
        assert_flat(cycle, 100_000)

    def test_ticks_and_predictions(self, tiny):
        qnet, _, x = tiny
        stream, out = qnet.stream(instruments=2), np.empty((2, 1), np.float32)

        def cycle():
            stream.step(x)
            stream.step(x, out)
            stream.step(x[0], instruments=1)
            stream.step(x, out, [1, 0])
            qnet.predict(x)
            nd.array(x)
        assert_flat(cycle, 100_000)

    def test_errors(self, tiny):
        stream = tiny[0].stream()

        def cycle():
            for wrong in (tiny[2], "text", np.float64(1)):
                with pytest.raises((TypeError, ValueError)):
                    stream.step(wrong)
        assert_flat(cycle, 20_000)

    def test_quantized_networks(self, tiny):
        program, report, x = tiny[0].program, tiny[0].report, tiny[2]
        assert_flat(lambda: QuantizedNet(program, report).stream().step(x[0]), 100_000)

    def test_quantization(self, tiny):
        _, net, x = tiny
        config, batches = QuantizationConfig(), [nd.array(x)]
        assert_flat(lambda: quantize(net, config, batches), 5_000)

    def test_quantizers_and_reports(self, tiny):
        _, net, x = tiny

        def cycle():
            qnet = Quantizer(net, exclude_layers=[]).quantize(x)
            qnet.predict(x)
            qnet.report.to_dict()
        assert_flat(cycle, 5_000)

    def test_networks_written_in_python(self):
        class Net(nn.Block):
            def __init__(self):
                super().__init__()
                self.fc = nn.Dense(1, in_units=3)

            def forward(self, x):
                return self.fc(x)

        x = nd.array(np.ones((2, 3), np.float32))

        def cycle():
            net = Net()
            net.initialize()
            net(x)
        assert_flat(cycle, 20_000)


def test_inputs_are_let_go(tiny):
    qnet, net, _ = tiny
    x, out = np.ones((2, 3), np.float32), np.empty((2, 1), np.float32)
    stream = qnet.stream(instruments=2)
    some = np.array([0, 1])

    def progress(done, total):
        pass

    watched = {"x": x, "out": out, "some": some, "progress": progress}
    counts = {name: sys.getrefcount(value) for name, value in watched.items()}
    for _ in range(100):
        qnet.predict(x)
        qnet.session.run_codes(x)
        stream.step(x, out)
        stream.step(x, out, some)
        stream.step(x[0], out[0], 1)
        stream.absorb(0, x)
        Quantizer(net).quantize([x, x], progress=progress)
        runtime.check_causality(lambda a: a, np.stack([x, x]))
        with pytest.raises(ValueError):
            stream.step(x[:, :1].copy(), out)
        with pytest.raises(TypeError):
            stream.step(x, None, x)
    gc.collect()
    assert {name: sys.getrefcount(value) for name, value in watched.items()} == counts
    nothing = sys.getrefcount(None)
    for _ in range(1000):
        stream.step(x, None, None)
    assert abs(sys.getrefcount(None) - nothing) < 100


def test_objects_live_as_long_as_they_are_needed_and_no_longer(tiny):
    _, net, x = tiny
    qnet = Quantizer(net).quantize(x)
    program, session = weakref.ref(qnet.program), weakref.ref(qnet.session)
    stream = qnet.stream()
    value = qnet.program.input
    del qnet
    gc.collect()
    assert session() is None, "a stream shares the plan, not the session"
    assert program() is not None, "one of its values is still here"
    assert value.name and stream.step(x[0])
    del value
    gc.collect()
    assert program() is None
