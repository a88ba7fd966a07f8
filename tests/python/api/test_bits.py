"""One model, one hash: from C++, the C interface, the command line, and Python by window and by step."""
import ctypes
import hashlib

import numpy as np
import pytest
import yaml

import quantick as q
from quantick import features, gluon, market, nd, nn, runtime
from quantick.contrib.quantization import Quantizer

import small_run
from conftest import ROOT

UNITS, LAYERS, STEPS, FEATURES = 12, 2, 10, 4


def make_network():
    """What the program makes of `model: {class: LSTM}`, and quantick_oracle of "quantized_network"."""
    net = nn.HybridSequential()
    net.add(nn.LSTM(UNITS, num_layers=LAYERS), nn.SequenceLast(), nn.Dense(1))
    return net


def windows(batch, seed):
    return np.random.default_rng(seed).standard_normal((STEPS, batch, FEATURES)).astype(np.float32)


def sha256(array):
    array = np.ascontiguousarray(array)
    assert array.dtype == np.float32
    return hashlib.sha256(array.tobytes()).hexdigest()


def document(array):
    return {"shape": list(array.shape), "values": array.astype(np.float64).ravel().tolist()}


def values(answer):
    return np.array(answer["values"], np.float64).astype(np.float32).reshape(answer["shape"])


@pytest.fixture(scope="module")
def trained():
    net = make_network()
    net.initialize(q.init.Xavier())
    x, y = nd.array(windows(64, 1)), nd.array(windows(64, 2)[0, :, :1].copy())
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01})
    for _ in range(5):
        with q.autograd.record():
            loss = gluon.loss.HuberLoss()(net(x), y)
        loss.backward()
        trainer.step(64)
    return net


@pytest.fixture(scope="module")
def qnet(trained):
    return Quantizer(trained).quantize(windows(200, 3))


def through_c(library, path, x):
    c = ctypes.CDLL(str(library))
    c.qtk_model_outputs.restype = ctypes.c_int64
    model = ctypes.c_void_p()
    assert c.qtk_model_load(str(path).encode(), ctypes.byref(model)) == 0
    y = np.empty((x.shape[1], c.qtk_model_outputs(model)), np.float32)
    status = c.qtk_model_run(model, x.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(x.shape[0]),
                             ctypes.c_int64(x.shape[1]), y.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(y.size))
    c.qtk_model_free(model)
    assert status == 0
    return y


def test_python_command_line_c_and_streams_give_one_hash(qnet, quantick, build, tmp_path):
    model, x = tmp_path / "model.qtk", windows(37, 4)
    identity = qnet.save(model)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "x64.npy", np.asfortranarray(x.astype(np.float64)))
    expected = sha256(qnet.predict(x))

    said = quantick("predict", model, tmp_path / "x.npy", "--output", tmp_path / "y.npy").stdout
    assert f"SHA-256 {expected}\n" in said and "output (37, 1) float32" in said
    assert sha256(np.load(tmp_path / "y.npy")) == expected
    assert expected in quantick("predict", model, tmp_path / "x64.npy").stdout
    assert identity in quantick("inspect", model, "--verify").stdout

    assert sha256(runtime.Session.load(model)(x)) == expected
    library = build / "libquantick.so"
    assert library.is_file(), f"{library} is not built"
    assert sha256(through_c(library, model, x)) == expected

    stream = runtime.Stream(runtime.load(model), instruments=37)
    for row in x:
        assert stream.step(row)
    assert sha256(stream.out) == expected
    one_by_one = runtime.Stream(runtime.load(model), instruments=37, window=STEPS)
    for row in np.concatenate([x, x]):
        for i in range(37):
            one_by_one.step(row[i], instruments=i)
    assert sha256(one_by_one.out) == expected


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_network_trained_in_python_is_the_same_network_in_cpp(trained, oracle, tmp_path, calibrated):
    x, data = windows(9, 5), windows(50, 6)
    parameters = tmp_path / "network.safetensors"
    trained.save_parameters(str(parameters))
    trained(nd.array(x))
    qnet = Quantizer(trained).quantize(data if calibrated else None)
    answer = oracle("quantized_network", safetensors=str(parameters), hidden_size=UNITS, num_layers=LAYERS,
                    x=document(x), **({"calibration": document(data)} if calibrated else {}))
    assert sha256(trained(nd.array(x))) == sha256(values(answer["float"]))
    assert qnet.program.identity == answer["identity"]
    assert sha256(qnet(x)) == sha256(values(answer["quantized"]))


def test_the_command_lines_run_again_in_python(quantick, tmp_path):
    """From the prices on: its parameters, its integers, its scores, bit by bit."""
    quantick("run", small_run.write_run(tmp_path))
    out, settings = tmp_path / "out", yaml.safe_load((tmp_path / "run.yaml").read_text())
    program, data = runtime.load(out / "model.qtk"), settings["dataset"]

    prices = market.read_csv(tmp_path / "prices.csv")
    chosen = features.FeatureSet(data["features"])
    values = chosen.compute(prices)
    dates = np.asarray(prices.dates)
    begin, end = (int(np.searchsorted(dates, np.datetime64(day), side)) for day, side in zip(data["train"], ("left", "right")))
    scaler = features.fit_scaler(values, chosen.names, begin, end)
    windows = features.dataset(prices, scaler.transform(values), **data["samples"])

    net = nn.HybridSequential()
    net.add(nn.LSTM(8, num_layers=2), nn.SequenceLast(), nn.Dense(1))
    net.load_parameters(str(out / "network.safetensors"))

    def inputs(segment, **options):
        return windows.labelled(*map(str, data[segment]), **options).ids

    train = inputs("train", next_segment=str(data["valid"][0]))[-512:]
    ours = Quantizer(net).quantize(windows.gather(train)[0]).program
    ours.metadata, ours.columns = program.metadata, chosen.names
    assert ours == program and ours.identity == program.identity == runtime.verify(out / "model.qtk")

    ids = windows.predictable(*map(str, data["test"])).ids
    x = windows.gather(ids, labels=False)[0]
    for name, scores in (("int8", runtime.Session(ours)(x)), ("float32", net(nd.array(x)))):
        windows.scores(ids, np.asarray(scores).ravel()).write_csv(str(tmp_path / name))
        assert (tmp_path / name).read_bytes() == (out / f"scores_{name}.csv").read_bytes()
    np.save(tmp_path / "x.npy", x)
    assert sha256(runtime.Session(program)(x)) in quantick("predict", out / "model.qtk", tmp_path / "x.npy").stdout


def test_csv_and_npy_inputs_give_one_hash(qnet, quantick, tmp_path):
    program = runtime.load(ROOT / "tests/golden/lstm_v2.qtk")
    names = [f"feature {c}" for c in range(program.input.channels[0])]
    program.columns = names
    program.save(tmp_path / "named.qtk")
    x = np.random.default_rng(8).standard_normal((6, 1, len(names))).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    expected = sha256(runtime.Session(program)(x))
    assert expected in quantick("predict", tmp_path / "named.qtk", tmp_path / "x.npy").stdout
    # Columns are found by name, in any order, beside others.
    order = list(reversed(range(len(names))))
    lines = [",".join(["date", *(names[c] for c in order)])]
    lines += [",".join([f"2020-01-{t + 1:02}", *(repr(float(row[0, c])) for c in order)]) for t, row in enumerate(x)]
    (tmp_path / "x.csv").write_text("\n".join(lines) + "\n")
    assert expected in quantick("predict", tmp_path / "named.qtk", tmp_path / "x.csv").stdout


def test_predict_says_what_is_wrong(quantick, tmp_path):
    program, model = runtime.load(ROOT / "tests/golden/lstm_v2.qtk"), tmp_path / "nameless.qtk"
    program.columns = []
    program.save(model)
    width = program.input.channels[0]
    np.save(tmp_path / "x.npy", np.zeros((3, 2, width + 1), np.float32))
    np.save(tmp_path / "ints.npy", np.zeros((3, 2, width), np.int32))
    np.save(tmp_path / "nan.npy", np.full((3, 2, width), np.nan, np.float32))
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    for arguments, text in (
            ((model, tmp_path / "x.npy"), "input"),
            ((model, tmp_path / "ints.npy"), '"<i4", expected "<f4" or "<f8"'),
            ((model, tmp_path / "nan.npy"), "nan in column"),
            ((model, tmp_path / "none.npy"), "none.npy: no such file"),
            ((tmp_path / "none.qtk", tmp_path / "x.npy"), "none.qtk: no such file"),
            ((tmp_path / "x.npy", tmp_path / "x.npy"), "x.npy"),
            ((model, tmp_path / "x.csv"), f"columns, were 2, expected the model's {width}"),
            ((model, tmp_path / "x.npy", "--output", "y.csv"), "--output, was y.csv"),
    ):
        result = quantick("predict", *arguments, ok=False)
        assert result.returncode == 1 and text in result.stderr, result.stderr
    program.columns = [f"c{c}" for c in range(width)]
    program.save(tmp_path / "named.qtk")
    result = quantick("predict", tmp_path / "named.qtk", tmp_path / "x.csv", ok=False)
    assert result.returncode == 1 and 'no column "c0"' in result.stderr
