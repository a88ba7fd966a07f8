"""quantick.runtime: programs, sessions, streams, model slots and their checks."""
import copy
import gc
import hashlib
import json
import math
import pickle
import sys
import threading

import numpy as np
import pytest

import quantick
from quantick import nd, runtime
from quantick._core import NDArray

from conftest import ROOT

MODEL = ROOT / "tests/golden/lstm_v2.qtk"


@pytest.fixture(scope="module")
def program():
    return runtime.load(MODEL)


def newest(session, x):
    """The outputs of the newest step, flat: what a stream has after it."""
    return np.asarray(session.run(x))[-1].ravel()


@pytest.fixture(scope="module")
def session(program):
    return runtime.Session(program)


def windows(program, steps=12, batch=5, seed=0):
    rows = (steps, batch) if program.input.sequence else (batch,)
    return np.random.default_rng(seed).standard_normal((*rows, *program.input.channels)).astype(np.float32)


def bits(array):
    return np.ascontiguousarray(array).view(np.uint32)


def same_bits(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and np.array_equal(bits(a), bits(b))


# ---- programs

def test_a_program_shows_what_it_is(program):
    assert program.input.sequence and program.input.quantized and program.input.dtype == "int8"
    assert program.input.scale > 0 and isinstance(program.input.zero_point, int) and program.input.bits == 8
    assert program.output.dtype == "float32" and program.output.scale is None and not program.output.quantized
    assert [node.op for node in program.nodes].count("lstm") >= 1
    assert program.values[program.inputs[0].value].name == program.input.name
    assert program.values[program.outputs[0].value].channels == program.output.channels
    node = next(node for node in program.nodes if node.op == "lstm")
    assert node.output not in node.inputs and node.layer
    assert node.precision["method"] == "static" and node.precision["weight_dtype"] == "int8"
    assert sum(np.asarray(c).nbytes for n in program.nodes for c in n.constants.values()) == program.constant_bytes
    assert program.inputs[0].missing in ("reject", "fill")
    assert "lstm" in program.text() and "Program(" in repr(program) and "lstm" in repr(node)


def test_files_keep_the_program_and_its_identity(program, tmp_path):
    path = tmp_path / "model.qtk"
    identity = runtime.save(program, path)
    assert identity == runtime.identity(program) == runtime.verify(path) == program.identity
    again = runtime.load(str(path))
    assert again == program and again.identity == identity
    again.metadata = {**again.metadata, "label": "next day"}
    assert again != program and again.metadata["label"] == "next day" and again.identity != identity
    assert program != 1


def test_columns_name_the_features(program):
    named = runtime.load(MODEL)
    count = named.input.channels[0]
    named.columns = [f"x{c}" for c in range(count)]
    assert named.columns == named.inputs[0].columns == [f"x{c}" for c in range(count)]
    with pytest.raises(ValueError, match="column"):
        named.columns = ["one"] * (count + 1)
    assert len(named.columns) == count


def test_altered_files_are_refused(tmp_path):
    path = tmp_path / "model.qtk"
    data = bytearray(MODEL.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    for call in (runtime.load, runtime.verify, runtime.Session.load):
        with pytest.raises(quantick.FormatError, match="model.qtk"):
            call(path)
    with pytest.raises(OSError, match="none.qtk"):
        runtime.load(tmp_path / "none.qtk")


# ---- sessions

def test_a_session_gives_the_same_bits_however_it_was_made(program, session):
    x = windows(program)
    y = session.run(x)
    assert isinstance(y, NDArray) and y.dtype == "float32" and y.shape[:2] == (12, 5)
    assert same_bits(y, session(x)) and same_bits(y, runtime.Session.load(MODEL).run(x))
    assert same_bits(y, np.concatenate([np.asarray(session.run(x[:, b:b + 1])) for b in range(5)], axis=1))
    assert session.columns == program.input.channels[0] and session.output_width == y.shape[-1]
    assert session.isa in ("scalar", "avx2", "avxvnni", "avx512vnni")


def test_codes_and_values_of_a_session(program, session):
    x = windows(program)
    everything = session.run_all(x)
    assert len(everything) == len(program.values)
    assert same_bits(everything[program.outputs[0].value], session.run(x))
    entered = np.asarray(everything[program.inputs[0].value])
    q = np.round(x / np.float32(program.input.scale)) + program.input.zero_point
    expected = (np.clip(q, -128, 127) - program.input.zero_point) * np.float32(program.input.scale)
    assert np.mean(entered == expected.astype(np.float32)) > 0.99  # ties of the quotient may go the other way
    assert same_bits(session.run_codes(x), session.run(x))  # this program's output is not quantized


@pytest.mark.parametrize("wrong, error, text", [
    (lambda x: x.astype(np.float64), TypeError, "float64, expected float32"),
    (lambda x: x[0], quantick.ShapeError, "input"),
    (lambda x: x[:, :, :-1], quantick.ShapeError, "input"),
    (lambda x: x[:0], quantick.ShapeError, "steps"),
    (lambda x: np.where(x == x[3, 2, 1], np.nan, x).astype(np.float32), ValueError, "row 2, step 3"),
    (lambda x: x.astype(object), TypeError, "dtype"),
    (lambda x: x.tolist(), TypeError, "list"),
    (lambda x: None, TypeError, "NoneType"),
])
def test_errors_of_a_session(program, session, wrong, error, text):
    with pytest.raises(error, match=text):
        session.run(wrong(windows(program)))


def test_strided_and_read_only_inputs_are_taken(program, session):
    x = windows(program, steps=24)
    assert same_bits(session.run(x[::2]), session.run(x[::2].copy()))
    fortran = np.asfortranarray(x)
    fortran.flags.writeable = False
    assert same_bits(session.run(fortran), session.run(x))


def test_other_threads_run_while_a_session_does(program, session):
    x = windows(program, steps=400, batch=256)
    ran, go = [], threading.Event()
    other = threading.Thread(target=lambda: (go.wait(), ran.append(True)))
    other.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # the lock changes hands only where it is given up
    try:
        go.set()
        session.run(x)
        seen = list(ran)
    finally:
        sys.setswitchinterval(interval)
        other.join()
    assert seen == [True]


# ---- streams

def test_every_way_to_step_gives_the_bits_of_the_batch(program, session):
    x = windows(program, steps=9, batch=4)
    expected = newest(session, x)
    everyone = runtime.Stream(session, instruments=4)
    into = runtime.Stream(session, instruments=4)
    single = runtime.Stream(program, instruments=4)
    some = runtime.Stream(program, instruments=4)
    out = np.empty((4, everyone.output_width), np.float32)
    for row in x:
        assert everyone.step(row)
        assert into.step(row, out).name == "ok"
        for i in (2, np.int64(0), 3, np.int32(1)):
            single.prepare(i)
            assert single.step(row[i], instruments=i)
        assert some.step(row[[3, 1]], instruments=[3, 1])
        assert some.step(row[[0, 2]], None, np.array([0, 2]))
    for y in (everyone.out, out, single.out, some.out):
        assert same_bits(np.asarray(y).ravel(), expected)
    assert everyone.instruments == 4 and everyone.columns == x.shape[2] and everyone.window == 0


def test_a_rolling_window_is_the_batch_of_the_last_rows(program, session):
    x = windows(program, steps=10, batch=3)
    stream = runtime.Stream(session, instruments=3, window=4)
    for t, row in enumerate(x):
        status = stream.step(row)
        if t < 3:
            assert not status and status.name == "warming up" and status.instrument == 0
            assert np.isnan(np.asarray(stream.out)).all()
        else:
            assert status.ok
            assert same_bits(np.asarray(stream.out).ravel(), newest(session, x[t - 3:t + 1]))
    assert stream.window == 4


def test_out_is_memory_of_the_stream(program, session):
    stream = runtime.Stream(session, instruments=2)
    seen = np.asarray(stream.out)
    assert np.isnan(seen).all()
    for row in windows(program, steps=2, batch=2):
        stream.step(row)
    assert np.shares_memory(seen, np.asarray(stream.out)) and np.isfinite(seen).all()
    kept = seen.copy()
    del stream
    gc.collect()
    assert same_bits(seen, kept)


def test_rejected_rows_are_said_and_cost_only_their_instrument(program, session):
    x = windows(program, steps=6, batch=3)
    whole, holed = (runtime.Stream(session, instruments=3) for _ in range(2))
    for t, row in enumerate(x):
        whole.step(row)
        if t == 2:
            row = row.copy()
            row[1, 0] = math.nan
        status = holed.step(row)
        if t == 2:
            assert not status and (status.name, status.instrument, status.column) == ("not finite", 1, 0)
            assert np.isnan(np.asarray(holed.out)[1]).all() and "not finite" in repr(status)
        else:
            assert status and status.instrument == -1 and status.model == 1
    assert same_bits(np.asarray(whole.out)[[0, 2]], np.asarray(holed.out)[[0, 2]])
    assert same_bits(np.asarray(holed.out)[1], newest(session, x[3:, 1:2]))


def test_absorb_reset_and_warm_up(program, session):
    x = windows(program, steps=8, batch=2)
    stream = runtime.Stream(session, instruments=2)
    stream.step(x[5])
    stream.reset(1)
    assert stream.absorb(1, x[:7, 1].copy())
    stream.warm_up()
    stream.keep_warm()
    stream.step(x[7, 1], instruments=1)
    assert same_bits(np.asarray(stream.out)[1], newest(session, x[:, 1:2]))
    stream.reset()
    stream.prepare()
    stream.step(x[0])
    assert same_bits(np.asarray(stream.out).ravel(), newest(session, x[:1]))


def stream_errors():
    features = np.zeros((2, 99), np.float32)
    return [
        ((features[:, :4].copy(),), quantick.ShapeError, r"features, were 8 numbers, expected 2 x 3"),
        (("row", np.zeros((2, 7), np.float32)), quantick.ShapeError, r"out, were 14 numbers"),
        (("float64",), TypeError, "features, was of elements \"d\", expected float32"),
        (("row", "float64"), TypeError, "out, was of elements"),
        (("strided",), ValueError, "features, was not contiguous"),
        (("row", "read-only"), ValueError, "out, was read-only"),
        (("unaligned",), ValueError, "features, was not aligned"),
        (("swapped",), TypeError, "features, was of elements \">f\""),
        (([0.0, 1.0],), TypeError, "features, was a list, expected a NumPy array or NDArray of float32"),
        ((None,), TypeError, "features, was a NoneType"),
        (("one", None, 2), ValueError, r"instrument, was 2, expected 0..1"),
        (("one", None, -1), ValueError, r"instrument, was -1"),
        (("row", None, [0, 0]), ValueError, "instruments, had 0, which is outside 0..1 or stands there twice"),
        (("row", None, [0, 5]), ValueError, "instrument, was 5"),
        (("row", None, np.array([0, 5])), ValueError, "instruments, had 5"),
        (("three", None, [0, 1, 0]), ValueError, "more than the stream's 2"),
        (("row", None, np.array([0.0, 1.0])), TypeError, "instruments, was of elements"),
        (("row", None, ["a", "b"]), TypeError, "str"),
    ]


@pytest.mark.parametrize("arguments, error, text", stream_errors())
def test_errors_of_a_tick_leave_everything_as_it_was(program, session, arguments, error, text):
    width = program.input.channels[0]
    words = {"row": np.ones((2, width), np.float32), "one": np.ones(width, np.float32),
             "three": np.ones((3, width), np.float32), "float64": np.ones((2, width)),
             "strided": np.ones((2, 2 * width), np.float32)[:, ::2]}
    words["unaligned"] = np.zeros(8 * width + 1, np.uint8)[1:].view(np.float32).reshape(2, width)
    words["swapped"] = words["row"].astype(">f4")
    words["read-only"] = np.empty((2, session.output_width), np.float32)
    words["read-only"].flags.writeable = False
    stream, untouched = (runtime.Stream(session, instruments=2) for _ in range(2))
    for s in (stream, untouched):
        s.step(words["row"])
    with pytest.raises(error, match=text):
        stream.step(*(words[a] if isinstance(a, str) else a for a in arguments))
    for s in (stream, untouched):
        s.step(words["row"])
    assert same_bits(stream.out, untouched.out)


def test_streams_refuse_nonsense(program):
    for keywords in ({"instruments": 0}, {"window": -1}):
        with pytest.raises(ValueError, match="was"):
            runtime.Stream(program, **keywords)
    stream = runtime.Stream(program)
    for call in (stream.prepare, stream.reset):
        with pytest.raises(ValueError, match="instrument, was 1, expected 0..0"):
            call(1)
    with pytest.raises(ValueError, match="instrument"):
        stream.absorb(3, np.zeros((1, stream.columns), np.float32))
    with pytest.raises(quantick.ShapeError, match="rows of"):
        stream.absorb(0, np.zeros(stream.columns + 1, np.float32))


def test_two_threads_step_two_streams_of_one_plan(program, session):
    steps = [windows(program, steps=300, batch=2, seed=s) for s in range(2)]

    def run(x, into):
        stream = runtime.Stream(session, instruments=2)
        for row in x:
            stream.step(row)
            into.append(np.asarray(stream.out).copy())

    alone = [[], []]
    for x, into in zip(steps, alone):
        run(x, into)
    together = [[], []]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=run, args=pair) for pair in zip(steps, together)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert same_bits(alone[0], together[0]) and same_bits(alone[1], together[1])


# ---- model slots

def test_a_slot_takes_a_new_model_and_goes_on(program, session, tmp_path):
    x = windows(program, steps=8, batch=2)
    slot = runtime.ModelSlot(program, instruments=2)
    stream = runtime.Stream(session, instruments=2)
    path = tmp_path / "next.qtk"
    program.save(path)
    for t, row in enumerate(x):
        if t == 3:
            assert slot.offer(program) == 2 and slot.running == 1
        if t == 5:
            thread = threading.Thread(target=slot.offer_file, args=(path,))
            thread.start()
            thread.join()
        status = slot.step(row)
        stream.step(row)
        assert status and status.model == slot.running == (1 if t < 3 else 2 if t < 5 else 3)
        # The states go over: nothing but the number tells the models apart.
        assert same_bits(slot.out, stream.out)
    assert slot.collect() >= 1
    with pytest.raises(OSError, match="none.qtk"):
        slot.offer_file(tmp_path / "none.qtk")
    assert slot.running == 3 and slot.columns == stream.columns and slot.output_width == stream.output_width


def test_a_slot_keeps_a_history(program):
    with pytest.raises(ValueError, match="history"):
        runtime.ModelSlot(program, window=8, history=4)
    slot, stream = runtime.ModelSlot(program, instruments=3, history=16), runtime.Stream(program, instruments=3)
    x = windows(program, steps=5, batch=3)
    for s in (slot, stream):
        for i in range(3):
            assert s.absorb(i, x[:4, i].copy())
        assert s.step(x[4])
    assert slot.instruments == 3 and same_bits(slot.out, stream.out)


# ---- checks

def test_causality_of_a_program(program, session):
    x = windows(program, steps=6, batch=3)
    for model in (program, session):
        result = runtime.check_causality(model, x)
        assert result and result.causal and result.compared > 0 and "no look-ahead" in result.text()


def test_causality_of_any_callable():
    x = np.random.default_rng(1).standard_normal((7, 4, 3)).astype(np.float32)
    assert runtime.check_causality(lambda a: np.cumsum(np.asarray(a), axis=0), x)
    ahead = runtime.check_causality(lambda a: np.asarray(a) - np.asarray(a).mean(axis=0), x)
    assert not ahead and ahead.truncated > 0 and ahead.later_step > 0 and ahead.batch_companions == 0
    across = runtime.check_causality(lambda a: np.asarray(a) - np.asarray(a).mean(axis=1, keepdims=True), x)
    assert not across and across.batch_companions > 0
    assert runtime.check_causality(lambda a: np.asarray(a)[:, :1] * 2, x[0], sequence_in=False, sequence_out=False)
    with pytest.raises(quantick.ShapeError):
        runtime.check_causality(lambda a: a, x[:1])
    with pytest.raises(ZeroDivisionError):
        runtime.check_causality(lambda a: 1 // 0, x)
    with pytest.raises(TypeError):
        runtime.check_causality(lambda a: "text", x)
    with pytest.raises(TypeError, match="model, was a int, expected"):
        runtime.check_causality(7, x)


def test_causality_of_a_network_that_gives_the_newest_step():
    x = np.random.default_rng(1).standard_normal((7, 4, 3)).astype(np.float32)
    newest = runtime.check_causality(lambda a: np.asarray(a)[-1] * 2, x)
    assert newest and newest.compared > 0, "its output has no steps"
    across = runtime.check_causality(lambda a: np.asarray(a)[-1] - np.asarray(a)[-1].mean(axis=0), x)
    assert not across and across.batch_companions > 0


class Quantized:
    """What a quantized network shows of itself."""

    def __init__(self, program):
        self.program = program


def test_a_quantized_network_stands_for_its_program(program, session, tmp_path):
    model, x = Quantized(program), windows(program)
    assert same_bits(runtime.Session(model).run(x), session.run(x))
    stream, slot = runtime.Stream(model, instruments=5), runtime.ModelSlot(model, instruments=5)
    for row in x:
        stream.step(row)
        slot.step(row)
    assert same_bits(stream.out, slot.out) and slot.offer(model) == 2
    assert runtime.identity(model) == program.identity == runtime.save(model, tmp_path / "a.qtk")
    for make in (runtime.Session, runtime.Stream, runtime.ModelSlot, slot.offer, runtime.identity):
        with pytest.raises(TypeError, match="model, was a int, expected a Program"):
            make(7)
    for make in (runtime.Session, runtime.Stream, runtime.ModelSlot):
        with pytest.raises(TypeError, match=r"was a str, expected .*Program.load\(\) reads a file"):
            make("model.qtk")


def test_instruments_in_any_sequence(program, session):
    x = windows(program, steps=2, batch=6)
    streams = [runtime.Stream(session, instruments=6) for _ in range(4)]
    for chosen, stream in zip(([1, 3, 5], range(1, 6, 2), (1, 3, 5), np.arange(1, 6, 2)), streams):
        for row in x:
            assert stream.step(row[1::2].copy(), instruments=chosen)
        assert same_bits(stream.out, streams[0].out)


def test_rows_of_another_width_are_refused(program, session):
    stream, x = runtime.Stream(session, instruments=4), windows(program, steps=3, batch=4)
    columns, width = stream.columns, stream.output_width
    stream.step(x[0])
    before = np.asarray(stream.out).copy()
    for wrong, where in ((x[0].T.copy(), {}), (nd.array(x[0].T.copy()), {}), (x[0].reshape(2, -1), {}),
                         (x[0, :2].reshape(columns, 2).copy(), {"instruments": [1, 2]}),
                         (x[0], {"out": np.zeros((2, width * 2), np.float32)})):
        with pytest.raises(quantick.ShapeError, match=r"rows, expected \d x \d"):
            stream.step(wrong, **where)
    with pytest.raises(quantick.ShapeError, match=f"features, were {columns} rows of {4 * columns} numbers in all"):
        stream.absorb(1, np.zeros((columns, 4), np.float32))
    assert same_bits(stream.out, before), "nothing was stepped"
    stream.step(x[1].ravel(), instruments=None)
    stream.absorb(1, x[:, 1].ravel())
    assert f"4 instruments, {columns} columns -> {width}" in repr(stream) and f"{columns} columns" in repr(session)
    assert "model 1 runs" in repr(runtime.ModelSlot(program))


def test_what_runs_is_not_pickled(program, session):
    for running, text in ((session, "pickle its Program"), (runtime.Stream(program), r"absorb\(\) the history"),
                          (runtime.ModelSlot(program), r"absorb\(\) the history")):
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=f"cannot be pickled or copied: .*{text}"):
                attempt(running)


def test_codes_of_every_value(program, session):
    x = windows(program)
    for value, codes, real in zip(program.values, session.run_all_codes(x), session.run_all(x)):
        if value.quantized:
            assert np.allclose((np.asarray(codes, np.float64) - value.zero_point) * value.scale, real, atol=1e-6)
        else:
            assert same_bits(codes, real)
    assert json.loads(program.json())["nodes"]


def test_the_checks_of_the_command_line():
    rows = runtime.check_bits(outputs=64, lstm_steps=64)
    assert len(rows) > 50 and sum(row.outputs for row in rows) > 0 and not any(row.differing_bits for row in rows)
    widths = runtime.measure_state_widths(seeds=1)
    assert widths and widths[0].half_lives == [10, 60, 250, 1000, 4000]
    assert all(len(row.measured) == len(row.reference) == 5 and row.name in repr(row) for row in widths)
    with pytest.raises(ValueError, match="seeds"):
        runtime.measure_state_widths(seeds=0)


def test_golden_cases_replay(tmp_path):
    report = runtime.check_golden(ROOT / "tests/golden/contract_v1.json")
    assert report and report.passed and report.differing == 0 and report.compared > 10000
    assert report.cases > 0 and report.verdict().startswith("passed") and {r.isa for r in report.results} >= {"scalar"}
    path = tmp_path / "golden.json"
    runtime.write_golden(path, seed=5)
    document = json.loads(path.read_text())
    assert runtime.check_golden(path)
    path2 = tmp_path / "again.json"
    runtime.write_golden(path2, seed=5)
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(path2.read_bytes()).digest() and document
    path.write_text("{}")
    with pytest.raises(quantick.ParseError, match="golden.json"):
        runtime.check_golden(path)


def test_every_way_to_run_agrees(program):
    rows = runtime.check_equality(program, name="golden", outputs=500)
    assert rows and all(row.outputs > 0 and row.differing_bits == 0 for row in rows)
    assert any("golden" in repr(row) for row in rows)
