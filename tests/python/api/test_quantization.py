"""quantick.contrib.quantization: the calls as users write them, the configuration, the report."""
import copy
import json
import logging
import os
import pickle
import signal
import sys
import threading

import numpy as np
import pytest

import quantick
from quantick import gluon, nd, nn
from quantick.contrib.quantization import QuantizationConfig, QuantizedNet, Quantizer, quantize_net, sqnr_db


class Net(nn.Block):
    """An LSTM over time, the newest step, two Dense layers."""

    def __init__(self, hidden=64):
        super().__init__()
        self.lstm = nn.LSTM(hidden_size=hidden, num_layers=2, quantization=True)
        self.fc = nn.Dense(8, activation="gelu")
        self.fc_final = nn.Dense(1)

    def forward(self, x):
        return self.fc_final(self.fc(nd.sequence_last(self.lstm(x))))


def windows(steps=10, batch=32, features=6, seed=0):
    return np.random.default_rng(seed).standard_normal((steps, batch, features)).astype(np.float32)


@pytest.fixture(scope="module")
def net():
    made = Net(hidden=12)
    made.initialize(init=quantick.init.Xavier())
    made(nd.array(windows()))
    return made


@pytest.fixture(scope="module")
def data():
    return windows(batch=64, seed=1)


def same_bits(a, b):
    a, b = (np.ascontiguousarray(v) for v in (a, b))
    return a.shape == b.shape and np.array_equal(a.view(np.uint32), b.view(np.uint32))


# ---- the calls

def test_the_calls_of_the_ancestor_run_as_they_stand():
    model = Net()
    model.initialize()
    x, label = nd.array(windows()), nd.array(np.zeros((32, 1), np.float32))
    trainer = gluon.Trainer(model.collect_params(), "adam", {"learning_rate": 0.001})
    with quantick.autograd.record():
        loss = gluon.loss.L2Loss()(model(x), label)
    loss.backward()
    trainer.step(32)
    data = windows(seed=1)

    quantizer = quantick.contrib.quantization.Quantizer(model=model, quantized_dtype='auto', exclude_layers=['fc_final'])
    dynamic = quantizer.quantize()
    static = quantizer.quantize(data)

    for qnet, method in ((dynamic, "dynamic"), (static, "static")):
        assert qnet.program.metadata["quantization.method"] == method
        assert qnet.sqnr_db(x, model, remove_mean=True) > 20
        assert [node.name for node in qnet.report.float_nodes if "exclude" in node.reason] == ["fc_final"]
    assert static.report.tensors[0].dtype == "int8" and static.report.calibration_rows == 32
    assert dynamic.report.calibration_rows == 0


def test_predictions_step_by_step(net, data):
    qnet = Quantizer(net).quantize(data)
    x = windows(batch=4, seed=2)
    y = qnet.predict(x)
    assert y.shape == (4, 1) and same_bits(y, qnet(nd.array(x))) and same_bits(y, qnet.predict(x.astype(np.float64)))
    stream = qnet.stream(instruments=4)
    for row in x:
        assert stream.step(row)
    assert same_bits(stream.out, y)
    assert quantick.runtime.check_causality(qnet, x)
    rolling = qnet.stream(instruments=4, window=10)
    for row in np.concatenate([x, x]):
        rolling.step(row)
    assert same_bits(rolling.out, y)


def test_data_comes_in_any_form(net, data):
    halves = [data[:, :32], data[:, 32:]]
    loader = gluon.data.DataLoader(gluon.data.ArrayDataset(data.transpose(1, 0, 2).copy(), np.zeros(64, np.float32)),
                                   batch_size=32)
    expected = Quantizer(net).quantize(halves).program.identity
    forms = {
        "NumPy": data,
        "NDArray": nd.array(data),
        "float64": data.astype(np.float64),
        "strided": np.asfortranarray(data),
        "list": halves,
        "tuple": tuple(nd.array(h) for h in halves),
        "generator": (h for h in halves),
        "with labels": [(h, np.zeros(32)) for h in halves],
        "lists with labels": ([nd.array(h), nd.array(np.zeros(32))] for h in halves),
        "loader": (x.transpose((1, 0, 2)) for x, _ in loader),
    }
    assert {name: Quantizer(net).quantize(form).program.identity for name, form in forms.items()} == dict.fromkeys(
        forms, expected)


def test_a_frame_is_data_for_single_rows():
    pandas = pytest.importorskip("pandas")
    net = nn.Dense(2)
    net.initialize()
    rows = windows()[0]
    net(nd.array(rows))
    qnet = Quantizer(net).quantize(pandas.DataFrame(rows))
    assert qnet.program == Quantizer(net).quantize(rows).program
    assert same_bits(qnet.predict(pandas.DataFrame(rows)), qnet.predict(rows))


def test_a_frame_names_the_columns():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    net = nn.Dense(2)
    net.initialize()
    frame = pandas.DataFrame(windows()[0], columns=list("abcdef"))
    for data in (frame, polars.from_pandas(frame)):
        qnet = quantize_net(net, calib_data=data)
        assert qnet.program.columns == list("abcdef")
        assert same_bits(qnet.predict(frame), qnet.predict(frame.to_numpy()))
        with pytest.raises(ValueError, match="columns of the frame, were f, e, d, c, b, a, expected a, b, c, d, e, f"):
            qnet.predict(data[list("fedcba")])


@pytest.mark.parametrize("wrong, error, text", [
    ([], ValueError, "the iterable is empty"),
    (iter(()), ValueError, "the iterable is empty"),
    ("data.csv", TypeError, "was a str, expected an array"),
    (7, TypeError, "was a int, expected an array"),
    ({"x": 1}, TypeError, "was a dict"),
    (["a"], TypeError, "dtype"),
    (np.zeros((2, 3, 6), np.int64), TypeError, "int64, expected float32"),
    (np.full((2, 3, 6), np.nan, np.float32), ValueError, "all 36 cells of the data are missing"),
    (np.zeros((2, 3, 5), np.float32), quantick.ShapeError,
     r"calibration data, was \(2, 3, 5\), the model was last called with \(10, 32, 6\)"),
    ([np.ones((2, 3, 6), np.float32), np.ones((2, 3, 7), np.float32)], quantick.ShapeError,
     r"batch 1 of the calibration data, was \(2, 3, 7\), batch 0 \(2, 3, 6\)"),
    (np.zeros((2, 0, 6), np.float32), ValueError, r"the data are empty: 1 batches, the first of shape \(2, 0, 6\)"),
    ([np.ones((2, 3, 6), np.int8)], TypeError, "calibration data, was int8, expected float32"),
])
def test_wrong_data_is_refused(net, wrong, error, text):
    with pytest.raises(error, match=text):
        Quantizer(net).quantize(wrong)


def test_wrong_networks_are_refused_at_once(net, data):
    qnet = Quantizer(net).quantize(data)
    for make in (Quantizer, quantize_net):
        with pytest.raises(TypeError, match="was a QuantizedNet, expected the float Block that it was made of"):
            make(qnet)
        with pytest.raises(TypeError, match="network, was a NoneType, expected a Block"):
            make(None)
    wide = nn.Dense(2)
    wide.initialize()
    wide(nd.array(np.zeros((3, 4), np.float32)))
    wide.cast("float64")
    with pytest.raises(TypeError, match=r'parameter weight, was float64, expected float32: cast\("float32"\)'):
        quantize_net(wide, calib_data=np.zeros((3, 4), np.float32))


def test_a_quantizer_takes_every_setting(net, data):
    by_quantizer = Quantizer(net, quantize_granularity="group-wise", group_size=4, weight_bits=6).quantize(data)
    by_call = quantize_net(net, calib_data=data, quantize_granularity="group-wise", group_size=4, weight_bits=6)
    assert by_quantizer.program == by_call.program
    with pytest.raises(TypeError, match="grup_size, did you mean group_size"):
        Quantizer(net, grup_size=4)


def test_the_network_may_change_afterwards():
    net = Net(hidden=4)
    net.initialize()
    x = windows()
    qnet = quantize_net(net, calib_data=x)
    before, identity = qnet.predict(x), qnet.program.identity
    for parameter in net.collect_params().values():
        parameter.set_data(parameter.data() * 3)
    assert same_bits(before, qnet.predict(x)) and qnet.program.identity == identity
    assert same_bits(before, pickle.loads(pickle.dumps(qnet)).predict(x))


def test_names_in_errors_are_names_of_layers(net, data):
    class Plain(nn.Block):
        def __init__(self):
            super().__init__()
            self.fc = nn.Dense(2)

        def forward(self, x):
            return self.fc(x) * 2

    plain = Plain()
    plain.initialize()
    with pytest.raises(ValueError, match="it has: fc$"):
        quantize_net(plain, data_shapes=(3, 4), exclude_layers=["nope"])


def test_a_network_that_was_never_called_says_so():
    fresh = Net(hidden=4)
    fresh.initialize()
    with pytest.raises(ValueError, match="call the model once, or pass calibration data"):
        Quantizer(fresh).quantize()
    by_shape = quantize_net(fresh, data_shapes=[(10, 1, 6)])
    assert by_shape.predict(windows()).shape == (32, 1)
    assert quantize_net(fresh, data_shapes=(10, 1, 6)).program == by_shape.program
    assert quantize_net(fresh, data_shapes=[("data", (10, 1, 6))]).program == by_shape.program
    with pytest.raises(ValueError, match="data_shapes, were 2"):
        quantize_net(fresh, data_shapes=[(1, 2, 3), (1, 2, 3)])
    with pytest.raises(TypeError, match="network, was a function, expected a Block"):
        quantize_net(lambda x: x)


def test_a_network_of_two_inputs_is_told_what_to_do():
    class Two(nn.Block):
        def __init__(self):
            super().__init__()
            self.fc = nn.Dense(2, flatten=False)

        def forward(self, x, z):
            return self.fc(x) * z

    class Joined(Two):
        def forward(self, x):
            return super().forward(x[:, :, :4], x[:, :, 4:])

    two, joined = Two(), Joined()
    for block, inputs in ((two, (windows(features=4), windows(features=2))), (joined, (windows(),))):
        block.initialize()
        block(*map(nd.array, inputs))
    for data in (None, windows(features=4)):
        with pytest.raises(quantick.UnsupportedError, match="inputs .* were 2"):
            quantize_net(two, calib_data=data)
    assert quantize_net(joined, calib_data=windows()).sqnr_db(windows(), joined) > 25


def test_a_call_that_failed_is_not_the_last_call():
    fresh = Net(hidden=4)
    fresh.initialize()
    fresh(nd.array(windows()))
    expected = quantize_net(fresh).program
    for wrong in (windows(features=9), windows().astype(np.float64)):
        with pytest.raises((TypeError, ValueError)):
            fresh(nd.array(wrong))
    assert quantize_net(fresh).program == expected
    fresh.fc_final.hybridize()
    fresh.hybridize()
    fresh(nd.array(windows(batch=5)))
    assert quantize_net(fresh.fc_final).predict(np.zeros((5, 8), np.float32)).shape == (5, 1)


def test_layers_that_no_program_holds_are_named():
    class Odd(nn.Block):
        def forward(self, x):
            return nd.argmax(x, axis=1)

    odd = Odd()
    with pytest.raises(quantick.UnsupportedError, match="argmax"):
        quantize_net(odd, data_shapes=(4, 3))


# ---- quantize_net

def test_quantize_net_takes_mxnets_arguments_in_mxnets_order(net, data):
    by_place = quantize_net(net, "int8", "full", "tensor-wise", ["fc_final"], None, None, data, None, "entropy", 1)
    by_name = quantize_net(net, quantized_dtype="int8", quantize_granularity="tensor-wise", exclude_layers=["fc_final"],
                           calib_data=[data], calib_mode="entropy")
    config = QuantizationConfig(quantized_dtype="int8", quantize_granularity="tensor-wise",
                                exclude_layers=["fc_final"], calib_mode="entropy")
    assert by_place.program == by_name.program == quantize_net(net, config, calib_data=data).program
    assert by_place.report.config == config
    assert quantize_net(net, config.to_dict(), calib_data=data).program == by_name.program
    assert quantize_net(net, config=config, calib_data=data, calib_mode="naive").report.config.calib_mode == "naive"


def test_quantize_net_without_data_is_dynamic(net):
    assert quantize_net(net).program == Quantizer(net).quantize().program
    assert quantize_net(net, method="weight_only", weight_bits=4).program.metadata["quantization.method"] == "weight_only"
    with pytest.raises(ValueError, match="no calibration data"):
        quantize_net(net, calib_mode="naive")


def test_number_of_batches_is_bounded(net, data):
    taken = []

    def endless():
        while True:
            taken.append(True)
            yield data

    assert quantize_net(net, calib_data=endless(), num_calib_batches=3).report.calibration_rows == 3 * 64
    assert len(taken) == 3
    taken.clear()
    assert quantize_net(net, calib_data=endless(), num_calib_examples=65).report.calibration_rows == 2 * 64
    assert len(taken) == 2
    assert quantize_net(net, calib_data=data, num_calib_examples=1000).report.calibration_rows == 64
    for name in ("num_calib_batches", "num_calib_examples"):
        with pytest.raises(ValueError, match=f"{name}, was 0"):
            quantize_net(net, calib_data=data, **{name: 0})


def test_arguments_without_a_meaning_are_refused_by_name(net, data):
    quantize_net(net, calib_data=data, ctx="cpu(0)", device="cpu", LayerOutputCollector=None)
    for keywords, error, text in (
            ({"ctx": "gpu(0)"}, ValueError, "ctx, was gpu"),
            ({"device": "cuda"}, ValueError, "device, was cuda"),
            ({"calib_mod": "naive"}, TypeError, "calib_mod.*calib_mode"),
            ({"calib_mode": "entropi"}, ValueError, "did you mean entropy"),
            ({"quantized_dtype": "int9"}, ValueError, "quantized_dtype, was \"int9\""),
            ({"exclude_layers": ["fc_finale"]}, ValueError, "fc_finale"),
            ({"layers": [{"match": "fc", "metod": "dynamic"}]}, TypeError, "metod.*method"),
            ({"layers": ["fc"]}, TypeError, r"layers\[0\], was a str, expected a dict"),
            ({"weight_bits": "8"}, TypeError, "weight_bits, was a str, expected a whole number"),
            ({"weight_bits": 20}, ValueError, "weight_bits, was 20"),
    ):
        with pytest.raises(error, match=text):
            quantize_net(net, calib_data=data, **keywords)
    with pytest.raises(TypeError, match="config is given twice"):
        quantize_net(net, QuantizationConfig(), config=QuantizationConfig())


def test_rules_for_single_layers_and_tensors(net, data):
    qnet = quantize_net(
        net, calib_data=data, calib_mode="percentile", percentile=99.9, corrections=["bias_correction"],
        tensors=[{"match": "lstm*.weight", "dtype": "int6"}, {"match": "fc.output", "dtype": "int12"}],
        layers=[{"match": "fc", "quantize_granularity": "group-wise", "group_size": 4}])
    by_name = {tensor.name: tensor for tensor in qnet.report.tensors}
    assert by_name["fc"].dtype == "int12" or any(t.dtype == "int12" for t in qnet.report.tensors)
    fc = next(node.precision for node in qnet.program.nodes if node.op == "dense" and node.layer == "fc")
    assert fc["granularity"] == "group-wise" and fc["group_size"] == 4
    lstm = [node.precision for node in qnet.program.nodes if node.op == "lstm"]
    assert lstm and all("int6" in p["weight_dtype"] for p in lstm)
    assert any(note.correction == "bias_correction" and not note.skipped for note in qnet.report.corrections)


def test_marked_layers_alone_in_smart_mode(net, data):
    smart = quantize_net(net, calib_data=data, quantize_mode="smart")
    kept = {node.name for node in smart.report.float_nodes}
    assert {"fc", "fc_final"} <= kept and not any(name.startswith("lstm") for name in kept)


def test_held_out_data_is_what_the_report_compares_on(net, data):
    other = windows(batch=7, seed=9)
    qnet = quantize_net(net, calib_data=data, held_out=other)
    assert qnet.report.compared_rows == 7 and qnet.report.calibration_rows == 64
    dynamic = Quantizer(net).quantize(held_out=other)
    assert dynamic.report.compared_rows == 7 and np.isfinite(dynamic.report.tensors[-1].sqnr_db)
    parts = quantize_net(net, calib_data=data, held_out=[other[:, :3], (other[:, 3:], np.zeros(4))])
    assert parts.report.to_dict() == qnet.report.to_dict()
    for wrong, error, text in (([], ValueError, "no held_out data"),
                               (other[:, :0], ValueError, r"held_out, was \(10, 0, 6\), expected at least one row"),
                               (other[:, :, :5], quantick.ShapeError, r"held_out, was \(10, 7, 5\)"),
                               (other[0], TypeError, r"held_out, was float32 \(7, 6\)"),
                               (other.astype(np.int64), TypeError, "held_out, was int64")):
        with pytest.raises(error, match=text):
            quantize_net(net, calib_data=data, held_out=wrong)


def test_a_logger_hears_what_happened(net, data, caplog):
    with caplog.at_level(logging.INFO):
        quantize_net(net, calib_data=np.where(data > 2.5, np.nan, data).astype(np.float32), missing="fill",
                     logger=logging.getLogger("quantize"))
    assert "calibrated on 64 rows" in caplog.text and "missing cells" in caplog.text


# ---- long calls

def test_progress_is_told_and_may_stop(net, data):
    seen = []
    Quantizer(net).quantize([data] * 3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]

    def stop(done, total):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        Quantizer(net).quantize([data] * 3, progress=stop)
    with pytest.raises(TypeError, match="progress, was a int, expected a callable"):
        Quantizer(net).quantize(data, progress=3)


def test_ctrl_c_ends_calibration(ctrl_c, net, data):
    seen = []

    def interrupt(done, total):
        seen.append(done)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        Quantizer(net).quantize([data] * 50, progress=interrupt)
    assert len(seen) < 50
    assert Quantizer(net).quantize(data).predict(data).shape == (64, 1)  # and nothing of it lasts


def test_other_threads_run_meanwhile(net):
    many = windows(batch=2000, seed=3)
    ran, go = [], threading.Event()
    other = threading.Thread(target=lambda: (go.wait(), ran.append(True)))
    other.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # the lock changes hands only where it is given up
    try:
        go.set()
        Quantizer(net).quantize(many)
        seen = list(ran)
    finally:
        sys.setswitchinterval(interval)
        other.join()
    assert seen == [True]


# ---- the configuration

def test_every_field_is_an_argument_an_attribute_and_a_key():
    config = QuantizationConfig()
    names = list(config.to_dict())
    assert {"quantized_dtype", "method", "calib_mode", "layers", "tensors", "ranges", "corrections"} <= set(names)
    for name in names:
        assert name in QuantizationConfig.__init__.__doc__
        value = getattr(config, name)
        setattr(config, name, value)
        assert getattr(config, name) == value == config.to_dict()[name]
    assert config == QuantizationConfig(**config.to_dict()) and repr(config) == "QuantizationConfig()"
    config.weight_bits, config.exclude_layers, config.layers = 4, ["a", "b"], [{"match": "x", "method": "dynamic"}]
    assert config.layers[0]["method"] == "dynamic" and config.layers[0]["group_size"] == 0
    assert "weight_bits=4" in repr(config) and "decay" not in repr(config)
    assert config != QuantizationConfig() and config.copy() == config
    with pytest.raises(TypeError, match="weight_bits, was a str"):
        config.weight_bits = "4"
    with pytest.raises(AttributeError):
        config.weight_bit = 4
    config.calib_mode = "no such"
    with pytest.raises(ValueError, match="calib_mode, was \"no such\""):
        config.validate()
    assert QuantizationConfig(calib_mode="none").default_method() == "dynamic"
    assert Quantizer(Net(), calib_mode="mse").config().calib_mode == "mse"


# ---- the report

@pytest.fixture(scope="module")
def qnet(net, data):
    return Quantizer(net, exclude_layers=["fc_final"]).quantize(data)


def test_the_report_says_what_quantization_cost(qnet, net, data):
    report = qnet.report
    assert isinstance(qnet, QuantizedNet) and "QuantizedNet(Program(" in repr(qnet)
    first, last = report.tensors[0], report.tensors[-1]
    assert first.name == "input" and first.dtype == "int8" and first.observed == data.size and first.missing == 0
    assert sum(first.histogram) == data.size and first.low == pytest.approx(data.min(), abs=1e-5)
    assert first.high == pytest.approx(data.max(), abs=1e-5)
    assert last.dtype == "float32" and 20 < last.sqnr_db < 80 and last.cosine > 0.99
    assert last.sqnr_db == pytest.approx(qnet.sqnr_db(data, net), abs=1e-6)
    assert sqnr_db(net(nd.array(data)), qnet(data)) == pytest.approx(last.sqnr_db, abs=1e-6)
    assert report.float_bytes > report.program_bytes > 0 and report.compared_rows == 64
    assert str(report) == report.text() and "SQNR dB" in report.text() and "fc_final" in report.text()
    assert "tensors" in repr(report) and "sqnr_db" in repr(last)
    assert all(isinstance(line, str) for line in [*report.advice, *report.warnings])


def test_the_report_as_data(qnet):
    document = qnet.report.to_dict()
    assert json.loads(json.dumps(document)) is not None
    assert document["config"]["exclude_layers"] == ["fc_final"]
    assert [t["name"] for t in document["tensors"]] == [t.name for t in qnet.report.tensors]
    assert document["tensors"][1]["sqnr_db"] == qnet.report.tensors[1].sqnr_db
    assert document["float_nodes"][0]["reason"] == qnet.report.float_nodes[0].reason


def test_everything_is_pickled_and_copied(qnet, data):
    again = pickle.loads(pickle.dumps(qnet))
    assert again.program == qnet.program and same_bits(again.predict(data), qnet.predict(data))
    assert again.report.to_dict() == qnet.report.to_dict() and again.report.text() == qnet.report.text()
    assert copy.deepcopy(qnet.program).identity == qnet.program.identity
    assert copy.copy(qnet.report.config) == qnet.report.config == pickle.loads(pickle.dumps(qnet.report.config))
    with pytest.raises(quantick.FormatError):
        type(qnet.program).from_bytes(qnet.program.to_bytes()[:-1])


def test_the_report_as_a_frame(qnet):
    pytest.importorskip("pandas")
    frame = qnet.report.to_frame()
    assert list(frame.index) == [t.name for t in qnet.report.tensors]
    assert frame.loc["input", "dtype"] == "int8" and frame["sqnr_db"].dtype == np.float64


def test_the_report_shows_itself_in_a_notebook(qnet):
    page, shown = qnet.report.to_html(), qnet.report._repr_html_()
    for name in ("lstm", "fc_final"):
        assert name in page
    assert page.startswith("<!DOCTYPE html>") and "http://" not in page and "https://" not in page
    assert shown == qnet._repr_html_()
    assert shown.startswith("<iframe") and shown.count('"') == 6, "nothing ends the frame's attribute early"
    import html
    assert html.unescape(shown.split('srcdoc="')[1].split('"></iframe>')[0]) == page
