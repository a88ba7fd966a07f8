"""Observers, collectors written in Python, calibration in time order, and what settings mean before any data is run."""
import datetime

import numpy as np
import pytest

import quantick
from quantick import nd, nn
from quantick.contrib import quantization
from quantick.contrib.quantization import (CalibrationCollector, QuantizationConfig, Quantizer, make_observer, plan,
                                           quantize_net, quantize_walk_forward, walk_forward_windows)


class Net(nn.Block):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8)
        self.fc = nn.Dense(6, activation="relu")
        self.head = nn.Dense(1)

    def forward(self, x):
        return self.head(self.fc(nd.sequence_last(self.lstm(x))))


def windows(steps=10, batch=32, features=5, seed=0):
    return np.random.default_rng(seed).standard_normal((steps, batch, features)).astype(np.float32)


@pytest.fixture(scope="module")
def net():
    made = Net()
    made.initialize(init=quantick.init.Xavier())
    made(nd.array(windows()))
    return made


# ---- observers

def test_observers_see_batches_and_choose_ranges():
    x = np.random.default_rng(0).standard_normal(50000).astype(np.float32)
    assert set(quantization.observer_names()) >= {"naive", "moving_average", "percentile", "entropy", "mse"}
    naive = make_observer("naive")
    for part in (x[:30000].reshape(100, -1), nd.array(x[30000:])):
        naive.observe(part)
    assert naive.range == (x.min(), x.max())
    cut = make_observer("percentile", percentile=99.0)
    cut.observe(x)
    assert cut.range == pytest.approx(np.percentile(x, [1, 99]), rel=0.02)
    fine, coarse = (make_observer("mse", bits=bits) for bits in (8, 3))
    for observer in (fine, coarse):
        observer.observe(x)
    assert coarse.range[1] < fine.range[1] <= x.max() and coarse.range == fine.range_for(3)
    with pytest.raises(ValueError, match="did you mean \"entropy\""):
        make_observer("entrop")
    with pytest.raises(ValueError, match="bits, was 1, expected 2..16"):
        fine.range_for(1)
    with pytest.raises(TypeError, match="values, were float64, expected float32"):
        naive.observe(x.astype(np.float64))


def test_histograms_merge_in_any_order():
    x = np.random.default_rng(1).standard_normal(3000).astype(np.float32)
    x[7] = np.nan
    parts = []
    for part in np.split(x, 3):
        parts.append(make_observer("naive"))
        parts[-1].observe(part)
    parts[2].merge(parts[0])
    parts[2].merge(parts[1])
    h = parts[2].histogram
    assert (h.observed, h.missing, h.low, h.high) == (2999, 1, np.nanmin(x), np.nanmax(x))
    assert sum(h.equal_bins(10)) == 2999 == sum(count for _, _, count in h.bins())
    assert h.quantile(0.5) == pytest.approx(np.nanmedian(x), abs=0.01)
    with pytest.raises(TypeError, match="of different kinds"):
        parts[0].merge(make_observer("mse"))


def test_a_format_covers_a_range():
    scale, zero = quantization.choose_format(-1, 3)
    assert scale == pytest.approx(4 / 255) and zero == -64
    assert quantization.choose_format(-1, 3, bits=12) == (pytest.approx(3 / 2047), 0)
    with pytest.raises(ValueError, match=r"range, was \[3, 1\]"):
        quantization.choose_format(3, 1)


# ---- observers of one's own

class Peaks(CalibrationCollector):
    """The largest magnitude so far, on both sides."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def collect(self, name, op_name, arr):
        self.calls.append((name, op_name, arr.shape))
        peak = max(float(abs(arr.asnumpy()).max()), *map(abs, self.min_max_dict.get(name, (0.0,))))
        self.min_max_dict[name] = (-peak, peak)


def test_a_collector_chooses_the_ranges(net):
    data = [windows(seed=1), windows(seed=2)]
    peaks = Peaks()
    qnet = quantize_net(net, calib_data=data, LayerOutputCollector=peaks)
    assert peaks.calls[0] == ("input", "", (10, 32, 5)) and len(peaks.calls) % 2 == 0
    assert {"input", "lstm.output", "fc.output", "head.output"} <= {name for name, _, _ in peaks.calls}
    peak = max(abs(batch).max() for batch in data)
    first = qnet.report.tensors[0]
    assert (first.low, first.high) == (-peak, peak) and first.scale == pytest.approx(2 * peak / 255)
    by_hand = quantize_net(net, calib_data=data, calib_mode="custom",
                           ranges=[{"match": "input", "low": -peak, "high": peak}])
    assert qnet.program.input.scale == by_hand.program.input.scale
    assert qnet.sqnr_db(data[0], net, remove_mean=True) > 20


def test_a_collector_sees_copies_and_may_leave_tensors_out(net):
    class Spoiler(CalibrationCollector):
        def collect(self, name, op_name, arr):
            np.asarray(arr)[...] = 0

    data = windows(seed=1)
    assert quantize_net(net, calib_data=data, LayerOutputCollector=Spoiler()).program.input.scale == quantize_net(
        net, calib_data=data).program.input.scale


def test_wrong_collectors_are_refused(net):
    data = windows(seed=1)

    class Wrong(CalibrationCollector):
        def __init__(self, ranges):
            super().__init__()
            self.min_max_dict = ranges

        def collect(self, name, op_name, arr):
            pass

    for collector, settings, error, text in (
            (object(), {}, TypeError, "was a object without collect"),
            (Peaks(), {"calib_mode": "entropy"}, ValueError, "calib_mode, was entropy, expected custom"),
            (Peaks(), {"corrections": ["bias_correction"]}, quantick.UnsupportedError, "bias_correction"),
            (Wrong({"inputs": (0, 1)}), {}, ValueError, 'did you mean "input"'),
            (Wrong({"input": (1, 0)}), {}, ValueError, r'range of "input", was \[1, 0\]'),
            (Wrong({"input": (1, 2, 3)}), {}, ValueError, "range of input, had 3 numbers"),
            (CalibrationCollector(), {}, NotImplementedError, "collect"),
    ):
        with pytest.raises(error, match=text):
            quantize_net(net, calib_data=data, LayerOutputCollector=collector, **settings)
    with pytest.raises(ValueError, match="calib_data was None"):
        quantize_net(net, LayerOutputCollector=Peaks())


# ---- in time order

def test_windows_keep_the_rows_of_a_time_together():
    expected = [(0, 4, 6, 8), (2, 6, 8, 10)]

    def rows(found):
        return [(w.first, w.last, w.valid_from, w.valid_to) for w in found]

    days = [np.datetime64("2020-01-01") + day for day in range(5) for _ in range(2)]
    zoned = pytest.importorskip("pandas").DatetimeIndex(days).tz_localize("Asia/Shanghai")
    for times in (np.repeat(np.arange(5), 2), days, np.array(days), zoned, [str(day) for day in days],
                  [datetime.date(2020, 1, 1) + datetime.timedelta(i // 2) for i in range(10)]):
        assert rows(walk_forward_windows(times, 2, 1, embargo=1)) == expected
    assert rows(walk_forward_windows(10, 4, 3)) == [(0, 4, 4, 7), (3, 7, 7, 10)]
    assert "rows 0..3 for rows 6..7" in repr(walk_forward_windows(days, 2, 1, 1)[0])
    for times, error, text in (
            ([2, 1], ValueError, "time of row 1, was 1 after 2"),
            ([1.5, 2], TypeError, "times, were float64"),
            (["monday"], TypeError, "expected dates or whole numbers"),
            ([[1, 2]], ValueError, "expected one per row"),
            (np.array(["NaT", "2020-01-01"], "datetime64[D]"), ValueError, "time of row 0 is missing")):
        with pytest.raises(error, match=text):
            walk_forward_windows(times, 1, 1)
    with pytest.raises(ValueError, match="step, was 0"):
        walk_forward_windows(10, 4, 0)


def test_no_range_knows_the_future(net):
    rows = windows(batch=60, seed=3)
    later = rows.copy()
    later[:, 40:] *= 1000
    found = walk_forward_windows(60, 20, 10)
    made, changed = (quantize_walk_forward(net, x, found, calib_mode="mse") for x in (rows, later))
    assert len(made) == len(found) == 4
    for window, a, b in zip(found, made, changed):
        assert (a.program == b.program) == (window.last <= 40)
        assert a.program == quantize_net(net, calib_data=rows[:, window.first:window.last], calib_mode="mse").program
        assert a.report.calibration_rows == 20
    config = QuantizationConfig(weight_bits=4)
    one = quantize_walk_forward(net, nd.array(rows), found[:1], config, LayerOutputCollector=Peaks)[0]
    assert one.report.config.weight_bits == 4 and one.report.tensors[0].low == -one.report.tensors[0].high
    with pytest.raises(TypeError, match="window, was a tuple, expected a WalkForwardWindow"):
        quantize_walk_forward(net, rows, [(0, 20, 20, 30)])
    with pytest.raises(quantick.ShapeError, match="rows 0 to 20, expected within 10 rows"):
        quantize_walk_forward(net, rows[:, :10], found)


# ---- what settings mean

def test_a_plan_says_what_becomes_of_each_layer(net):
    found = {p.name: p for p in plan(net, weight_bits=6, exclude_layers=["head"],
                                     layers=[{"match": "fc", "method": "dynamic"}])}
    assert found["lstm"].method == "static" and found["lstm"].weight_dtype == "int6" and found["lstm"].op == "lstm"
    assert found["fc"].method == "dynamic" and found["fc"].granularity == "channel-wise" and not found["fc"].reason
    assert found["head"].stays_float and found["head"].reason == "excluded by exclude_layers"
    assert found["head"].to_dict()["method"] == "float32" and not found["head"].refused
    assert {p.name for p in plan(net)} == {t.name for t in Quantizer(net).quantize(windows()).report.tensors[1:]
                                           if t.method}
    with pytest.raises(ValueError, match="fc_final"):
        plan(net, exclude_layers=["fc_final"])


def test_a_plan_names_what_cannot_be_in_a_program():
    class Odd(nn.Block):
        def forward(self, x):
            return nd.argmax(x, axis=1)

    (odd,) = plan(Odd(), data_shapes=(4, 3))
    assert odd.refused and odd.op == "argmax" and odd.reason
    with pytest.raises(ValueError, match="call it once, or pass data_shapes"):
        plan(Odd())
    with pytest.raises(TypeError, match="network, was a int, expected a Block"):
        plan(7)


def test_a_network_of_flat_windows_is_told_about_its_layout():
    block = nn.Dense(2)
    block.initialize()
    x = windows(steps=7, batch=3, features=4)
    block(nd.array(x))
    with pytest.raises(quantick.UnsupportedError, match=r"Where the input is \[batch, \.\.\.\], layout = frame says so"):
        quantize_net(block, calib_data=x)
    assert quantize_net(block, calib_data=x, layout="frame").sqnr_db(x, block) > 30


def test_what_is_refused_at_every_step_is_said_once():
    class Unrolled(nn.Block):
        def forward(self, x):
            return sum((nd.relu(x[step]) for step in range(1, 6)), start=nd.relu(x[0]))

    with pytest.raises(quantick.UnsupportedError, match=r"into \(3, 4\); .* \(\d+ times\)") as refused:
        quantize_net(Unrolled(), calib_data=windows(steps=6, batch=3, features=4))
    assert str(refused.value).count("slice") <= 2


def test_a_layer_can_be_marked_to_stay_float(net):
    assert not net.fc.quantization_excluded
    net.fc.quantization_excluded = True
    try:
        kept = {node.name: node.reason for node in Quantizer(net).quantize(windows()).report.float_nodes}
    finally:
        net.fc.quantization_excluded = False
    assert kept.pop("fc") == "its block is marked as excluded" and set(kept) == {"fc.2"}


def test_layers_that_compute_with_their_parameters_can_be_quantized():
    for layer in (nn.InstanceNorm(), nn.GroupNorm()):
        block = nn.HybridSequential()
        block.add(nn.Conv1D(4, 3), layer, nn.Dense(2))
        block.initialize(init=quantick.init.Xavier())
        x = np.random.default_rng(0).standard_normal((6, 3, 9)).astype(np.float32)
        block(nd.array(x))
        assert quantize_net(block, calib_data=x).sqnr_db(x, block, remove_mean=True) > 20

    class Tied(nn.Block):
        def __init__(self):
            super().__init__()
            self.scale = quantick.gluon.Parameter("scale", shape=(1, 3), init="ones")

        def forward(self, x):
            return x * nd.square(self.scale.data())

    tied = Tied()
    tied.initialize()
    tied.scale.set_data(nd.array([[1, 2, 3]]))
    x = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    qnet = quantize_net(tied, calib_data=x)
    assert qnet.sqnr_db(x, tied) > 30 and qnet.report.float_bytes == 12


class Handmade(nn.Block):
    """A layer that keeps its weights itself."""

    def __init__(self):
        super().__init__()
        self.w = quantick.gluon.Parameter("w", shape=(5, 4), init="xavier")
        self.b = quantick.gluon.Parameter("b", shape=(4,), init="zeros")
        self.head = nn.Dense(1, flatten=False)

    def forward(self, x):
        return self.head(nd.relu(self.product(x, self.w.data()) + self.b.data()))


@pytest.mark.parametrize("product", [lambda x, w: x @ w, lambda x, w: nd.dot(x, w),
                                     lambda x, w: nd.dot(x, w.T, transpose_b=True)], ids=["@", "dot", "transposed"])
def test_products_with_weights_of_ones_own_are_dense_layers(product):
    block = Handmade()
    block.product = product
    block.initialize()
    for x in (windows(), windows()[0]):
        block(nd.array(x))
        qnet = quantize_net(block, calib_data=x)
        assert [node.op for node in qnet.program.nodes] == ["dense", "add", "relu", "dense"]
        assert qnet.sqnr_db(x, block, remove_mean=True) > 25 and qnet.program.nodes[0].precision["weight_dtype"] == "int8"


def test_a_trace_shows_what_a_network_computes(net):
    graph = net.trace((10, 4, 5))
    assert graph.operators[0] == "lstm" and graph.layers[-1] == "head" and "lstm" in graph.text() and "{" in graph.json()
    x = nd.array(windows(batch=3))
    assert np.array_equal(graph(x)[0], net(x))
    assert net.trace(x).operators == graph.operators
