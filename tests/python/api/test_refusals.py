"""Calls with arguments that do not fit: refused at once, by an error that names the argument, what it was and what was
expected. Nothing crashes, hangs, or passes for something else."""
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import quantick
from quantick import (
    autograd, backtest, features, gluon, init, kvstore, lr_scheduler, market, metric, nd, nn, optimizer, random, report,
    runtime, strategy, train)
from quantick._refusals import explain

from conftest import ROOT

MODEL = str(ROOT / "tests/golden/lstm_v2.qtk")


@pytest.fixture(scope="module")
def prices():
    close = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, (40, 4)), axis=0))
    return market.panel(np.datetime64("2020-01-01") + np.arange(40), list("ABCD"), {"close": close})


@pytest.fixture(scope="module")
def result(prices):
    return backtest.run(prices, strategy.scores(prices.dates, list("ABCD"), prices["close"]), k=2, n_drop=1)


@pytest.mark.memory
def test_everything_public_refuses_odd_arguments_by_class(tmp_path):
    folder = pathlib.Path(quantick.__file__).parent.parent
    script = pathlib.Path(__file__).parent / "odd_calls.py"
    ran = subprocess.run([sys.executable, str(script), MODEL], capture_output=True, text=True, timeout=120, cwd=tmp_path,
                         env=os.environ | {"PYTHONPATH": str(folder), "MPLBACKEND": "agg"})
    lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    assert ran.returncode == 0, f"{lines[-1]}: {ran.stderr[-2000:]}"
    assert [line for line in lines if "wrong" in line] == []
    assert lines[-1]["done"] > 10_000 and lines[-1]["targets"] > 500


# ---- calls of the core, whose arguments its signatures name

class AnInteger(int):
    pass


@pytest.mark.parametrize("call,text", [
    (lambda: runtime.ModelSlot("model"), r"\[model slot\] model, was a str, expected a Program"),
    (lambda: runtime.ModelSlot(), r"\[ModelSlot\] \w+ is missing, expected \(\w+: .*, instruments: int = ..., "),
    (lambda: runtime.Session.load(3), r"\[Session.load\] path, was 3, expected str \| PathLike\[str\]"),
    (lambda: runtime.Session.load(MODEL).run(), r"\[Session.run\] x is missing, expected \(x: Any\)"),
    (lambda: runtime.Session.load(MODEL).run(1, 2), r"\[Session.run\] arguments, was 2, expected at most 1: \(x: Any\)"),
    (lambda: runtime.Session.load(MODEL).run(X=1), r"\[Session.run\] unknown argument X, expected \(x: Any\)"),
    (lambda: runtime.Stream(runtime.load(MODEL), instruments="3"), r"\[Stream\] instruments, was '3', expected int"),
    (lambda: runtime.Stream(runtime.load(MODEL), instrument=3),
     r"\[Stream\] unknown argument instrument, did you mean instruments\?"),
    (lambda: runtime.Stream(runtime.load(MODEL), 2.5), r"\[Stream\] instruments, was 2.5, expected int"),
    (lambda: runtime.Stream(runtime.load(MODEL), 2 ** 70),
     r"\[Stream\] instruments, was 1180591620717411303424, expected a whole number in its range"),
    (lambda: setattr(nn.Dense(2).weight, "grad_req", 3), r"\[Parameter.grad_req\] was 3, expected str"),
    (lambda: nn.Dense(2).hybridize("on"), r"\[Block.hybridize\] active, was 'on', expected bool"),
    (lambda: nn.Dense(2).save_parameters(None), r"\[Block.save_parameters\] filename, was None, expected str"),
    (lambda: nd.ones(2).astype(), r"\[NDArray.astype\] dtype is missing"),
    (lambda: nd.ones(2).attach_grad(3), r"\[NDArray.attach_grad\] grad_req, was 3, expected str"),
    (lambda: nd.ones(2).backward("x"), r"\[NDArray.backward\] out_grad, was 'x', expected NDArray \| None"),
    (lambda: nd.ones(2).copy(True), r"\[NDArray.copy\] arguments, was 1, expected at most 0"),
    (lambda: nd.zeros(2).reshape(nn.Dense), r"\[shape\] was a nanobind.nb_type"),
    (lambda: init.Xavier(3), r"\[Xavier\] rnd_type, was 3, expected str"),
    (lambda: init.Xavier(rnd="gaussian"), r"\[Xavier\] unknown argument rnd, did you mean rnd_type\?"),
    (lambda: quantick.seed("a"), r"\[seed\] seed, was 'a', expected int"),
    (lambda: quantick.full(2, "a"), r"\[full\] value, was 'a', expected float"),
    (lambda: features.FeatureSet(["return(1)", 3]), r"\[FeatureSet\] specifications\[1\], was 3, expected Sequence\[str\]"),
    (lambda: gluon.utils.clip_global_norm([nd.ones(2)], "1"), r"\[clip_global_norm\] max_norm, was '1', expected float"),
])
def test_calls_that_no_signature_takes_are_explained(call, text):
    with pytest.raises(TypeError, match=text):
        call()


def test_an_explanation_tells_the_likeliest_signature():
    pair = ["def f(self, x: int) -> None", "def f(self, x: str, y: typing.Sequence[int] | None = \\0) -> None"]
    assert explain("A.f", pair, (None, "x", ["a"]), {}) == "[A.f] y[0], was 'a', expected Sequence[int] | None"
    assert explain("A.f", pair, (None,), {}) == "[A.f] x is missing, expected (x: int)"
    assert explain("A.f", pair[:1], (None, 1), {"x": 1}) == "[A.f] x was given twice, by position and by name"
    assert explain("f", ["def f(*args, x: int) -> None"], (1,), {"x": AnInteger(2 ** 80)}) == \
        f"[f] x, was {2 ** 80}, expected a whole number in its range"
    assert explain("f", ["def f(x: typing.Any) -> None"], (np.ones(2),), {}) == \
        "[f] x was a numpy.ndarray, expected (x: Any)"


def test_operators_between_classes_and_errors_of_callbacks_stay_as_they_are():
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \+: 'NDArray' and 'object'"):
        nd.ones(2) + object()

    class Own(train.Callback):
        def on_step(self, step, control):
            raise TypeError("f(): incompatible function arguments. My own")
    net = nn.Dense(1, in_units=2)
    net.initialize()
    with pytest.raises(TypeError, match=r"^f\(\): incompatible function arguments. My own$"):
        train.fit(net, "L2Loss", (np.ones((4, 1, 2), np.float32), np.ones(4, np.float32)), epochs=1, callbacks=[Own()],
                  layout="NTC")


# ---- calls of the Python side

@pytest.mark.parametrize("call,error,text", [
    (lambda: optimizer.create(3), TypeError, r"\[optimizer\] name, was 3, expected an Optimizer or its name"),
    (lambda: optimizer.register(3), TypeError, r"\[optimizer\] klass, was 3, expected a class"),
    (lambda: optimizer.Adam(learning_rate="a"), TypeError, r"\[optimizer\] learning_rate, was 'a', expected a number"),
    (lambda: optimizer.SGD(learning_rate=float("nan")), ValueError, r"learning_rate, was nan, expected a finite number"),
    (lambda: optimizer.RMSProp().create_state(0, None), TypeError, r"\[optimizer\] weight, was None, expected an NDArray"),
    (lambda: lr_scheduler.FactorScheduler(1.5), TypeError, r"\[lr_scheduler\] step, was 1.5, expected a whole number"),
    (lambda: lr_scheduler.MultiFactorScheduler(3), TypeError, r"\[lr_scheduler\] step, was 3, expected a list"),
    (lambda: gluon.loss.HuberLoss(None), TypeError, r"\[loss\] rho, was None, expected a number"),
    (lambda: gluon.Trainer(3, "sgd"), TypeError, r"\[trainer\] params, was 3, expected what collect_params\(\) gives"),
    (lambda: gluon.Trainer([], "sgd", kvstore=3), TypeError, r"\[trainer\] kvstore, was 3, expected a store"),
    (lambda: gluon.Trainer([], "sgd").step(float("nan")), ValueError, r"\[trainer\] batch_size, was nan, expected > 0"),
    (lambda: kvstore.create().init("a", 3), TypeError, r"\[kvstore\] value of 'a', was 3, expected an NDArray"),
    (lambda: metric.register(3), TypeError, r"\[metric\] klass, was 3, expected a class"),
    (lambda: train.fit(nn.Dense(1), "L2Loss", ([], []), optimizer=3), TypeError,
     r"\[fit\] optimizer, was 3, expected SGD, Adam or AdamW, or its name"),
    (lambda: nd.zeros_like(None), TypeError, r"\[array\] was a NoneType"),
    (lambda: nd.save("x", 3), TypeError, r"\[save\] data, was 3, expected an array, or a list or a mapping of arrays"),
    (lambda: random.uniform(1, 0), ValueError, r"\[random\] low and high, were 1 and 0, expected finite numbers"),
    (lambda: random.uniform(0, float("nan")), ValueError, r"\[random\] low and high, were 0 and nan"),
    (lambda: autograd.backward(3), TypeError, r"\[autograd\] heads, was 3, expected an NDArray, or a list of them"),
    (lambda: features.compute(3, ["return(1)"]), TypeError, r"\[frame\] was a int, expected a frame of pandas"),
    (lambda: features.compute_ticks(None, "mid"), TypeError, r"\[features\] specifications, was 'mid', expected a list"),
    (lambda: optimizer.SGD(momentum=None), TypeError, r"\[optimizer\] momentum, was None, expected a number"),
    (lambda: optimizer.NAG("a"), TypeError, r"\[optimizer\] momentum, was 'a', expected a number"),
    (lambda: optimizer.Adam(beta1=[]), TypeError, r"\[optimizer\] beta1, was a list, expected a number"),
    (lambda: gluon.data.ArrayDataset(3), TypeError, r"\[dataset\] arrays, was 3, expected arrays or lists"),
    (lambda: gluon.data.BatchSampler([], "a"), TypeError, r"\[sampler\] batch_size, was 'a', expected a whole number"),
    (lambda: gluon.data.DataLoader(3, 2), TypeError, r"\[data_loader\] dataset, was 3, expected a Dataset or a list"),
    (lambda: gluon.data.default_batchify_fn([]), ValueError, r"\[data_loader\] samples, were none"),
    (lambda: gluon.ParameterDict(3), TypeError, r"\[parameters\] parameters, was 3, expected a mapping of names"),
    (lambda: metric.CustomMetric(3), TypeError, r"\[metric\] feval, was 3, expected a function"),
    (lambda: metric.CompositeEvalMetric(3), TypeError, r"\[metric\] metrics, was 3, expected a list"),
    (lambda: random.uniform("a"), TypeError, r"\[random\] low, was 'a', expected a number"),
    (lambda: report.Report(None), TypeError, r"\[report\] results, was None, expected a BacktestResult, or a mapping"),
    (lambda: train.predict(nn.Dense(1), 3), TypeError, r"\[predict\] data, was 3, expected a Dataset, or an array"),
    (lambda: market.read_ticks(None), TypeError, r"\[ticks\] path, was None, expected a path, or a list of paths"),
    (lambda: features.describe([]), TypeError, r"\[features\] name, was a list, expected a text"),
    (lambda: strategy.scores(["2020-01-01"], 3, [[1]]), TypeError, r"\[scores\] instruments, was 3, expected a list of"),
    (lambda: nd.zeros(b"ab"), TypeError, r"\[shape\] was a bytes, expected a whole number or a sequence of them"),
    (lambda: nd.zeros(np.array(2.0)), TypeError, r"\[shape\] extent 0, was a (numpy\.)?ndarray, expected"),
    (lambda: nn.LSTM(3, num_layers=2 ** 62), ValueError, r"\[lstm\] num_layers, was \d+, expected 1..1024"),
    (lambda: nn.GRU(3, num_layers=2 ** 62), ValueError, r"\[gru\] num_layers, was \d+, expected 1..1024"),
    (lambda: gluon.rnn.RNN(3, 2 ** 62), ValueError, r"\[rnn\] num_layers, was \d+, expected 1..1024"),
    (lambda: nn.causal_cnn(-1, 3), ValueError, r"\[causal_cnn\] blocks, was -1, expected 1..1024"),
    (lambda: nn.Transformer(num_layers=2 ** 62), ValueError, r"\[transformer\] num_layers, was \d+, expected 1..1024"),
    (lambda: nn.Dense(np.array([])), TypeError, r"\[dense\] units, was a numpy.ndarray|units, was a ndarray"),
])
def test_wrong_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_results_are_asked_for_by_name(result):
    for call in (lambda wrong: backtest.check_truncation(wrong), lambda wrong: backtest.equal_weight(wrong),
                 lambda wrong: backtest.benchmark_returns(wrong, result.prices),
                 lambda wrong: backtest.compare(wrong, result), lambda wrong: backtest.compare(result, wrong)):
        for wrong in (3, None, result.returns):
            with pytest.raises(TypeError, match=r"\[backtest\] result, was .*, expected a BacktestResult"):
                call(wrong)


# ---- what was taken quietly, and gave something else

@pytest.mark.parametrize("cuts", [0, -1, [], ()])
def test_a_look_for_look_ahead_that_cuts_nowhere_is_refused(result, cuts):
    """It found none, of course."""
    with pytest.raises(ValueError, match=r"\[backtest\] cuts, was .*, expected"):
        backtest.check_truncation(result, cuts)


def test_more_cuts_than_dates_are_all_of_them(result):
    assert backtest.check_truncation(result, 2 ** 62) is None


@pytest.mark.parametrize("heads", [None, []])
def test_a_backward_pass_from_nothing_is_refused(heads):
    with pytest.raises((TypeError, ValueError), match=r"\[autograd\] heads, was (None|empty), expected"):
        autograd.backward(heads)


@pytest.mark.parametrize("returns,text", [
    (np.ones(3, complex), "was of dtype complex128, expected numbers"), (None, "was None, expected numbers"),
    ("0.5", "was '0.5', expected numbers"), (["0.5", "0.7"], "was of dtype <U3, expected numbers"),
    (object(), "was a object, expected numbers")])
def test_imaginary_parts_and_texts_are_no_returns(returns, text):
    with pytest.raises(TypeError, match=r"\[metrics\] returns, " + text):
        backtest.metrics.total_return(returns)


def test_one_number_is_no_series(prices, result):
    with pytest.raises(quantick.ShapeError, match=r"\[metrics\] returns: shape \(\), expected one dimension"):
        backtest.evaluate(0.5)
    with pytest.raises(quantick.ShapeError, match=r"\[metrics\] benchmark: 0 returns, expected 39"):
        backtest.evaluate(result.returns, benchmark=[])
    with pytest.raises(TypeError, match=r"\[market\] field close, was of dtype complex128"):
        market.panel(prices.dates, list("ABCD"), prices["close"] * 1j)
    with pytest.raises(TypeError, match=r"\[scores\] values, was of dtype complex128"):
        strategy.scores(prices.dates, list("ABCD"), prices["close"] * 1j)


@pytest.mark.parametrize("value,text", [
    (None, "was a NoneType"), ("1.5", "was a str"), (b"1", "was a bytes"),
    (np.ones(3, complex), r"was a \S*ndarray of complex numbers")])
def test_items_are_real_numbers(value, text):
    x = nd.ones((2, 3))
    with pytest.raises(TypeError, match=r"\[array\] value, " + text + ", expected real numbers"):
        x[0] = value
    assert x.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_extents_of_numpy_are_extents():
    assert nd.zeros(np.int64(3)).shape == nd.zeros(np.array(3)).shape == (3,)


def test_a_scaler_takes_a_value_for_each_feature():
    scaler = features.fit_scaler(np.random.default_rng(0).normal(size=(40, 4, 2)), ["a", "b"], 0, 30)
    for shape in ((2, 4), (4,), ()):
        with pytest.raises(quantick.ShapeError, match=r"\[scaler\] values with a last axis of \d, expected 2"):
            scaler.transform(np.ones(shape))
    assert scaler.transform(np.ones((3, 2))).shape == (3, 2)


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"]])
def test_a_scaler_has_a_name_for_each_feature(names):
    with pytest.raises(quantick.ShapeError, match=r"\[features\] names, was \d of them, expected 2: one a feature"):
        features.fit_scaler(np.ones((40, 4, 2)), names, 0, 30)


@pytest.mark.parametrize("name", ["L1Loss", "L2Loss", "HuberLoss", "KLDivLoss", "HingeLoss", "LogisticLoss",
                                  "SigmoidBCELoss", "NegativeICLoss"])
def test_a_transposed_label_is_another_one(name):
    """It was taken in its own order."""
    loss = getattr(gluon.loss, name)()
    with pytest.raises(quantick.ShapeError, match=r"label shape, was \(2, 4\), expected that of the prediction \(4, 2\)"):
        loss(nd.ones((4, 2)), nd.ones((2, 4)))
    for shape in ((4, 6), (4, 1, 6), (4, 2, 3)):
        assert loss(nd.ones((4, 6)), nd.ones(shape)).asnumpy().tobytes() == \
            loss(nd.ones((4, 6)), nd.ones((4, 6))).asnumpy().tobytes()
    with pytest.raises(quantick.ShapeError):
        loss(nd.ones((4, 2)), nd.ones((4, 2)), nd.ones((2, 4)))


@pytest.mark.parametrize("label,text", [([0, 7], "was 7.0"), ([-1, 0], "was -1.0"), ([0, 1.5], "was 1.5"),
                                        ([float("nan"), 0], "was nan")])
def test_labels_are_classes_that_there_are(label, text):
    """Their loss was 0."""
    loss = gluon.loss.SoftmaxCELoss()
    with pytest.raises(ValueError, match=r"\[loss\] label, " + text + r", expected a class number within 0\.\.2"):
        loss(nd.ones((2, 3)), nd.array(label))
    assert loss(nd.ones((2, 3)), nd.array(label), nd.zeros((2, 1))).tolist() == [0, 0]


@pytest.mark.parametrize("numbers,dtype", [([300], "int8"), ([-1], "uint8"), ([2 ** 31], "int32"), ([float("nan")], "int32")])
def test_numbers_that_a_dtype_does_not_have_are_refused(numbers, dtype):
    with pytest.raises(OverflowError, match=rf"\[array\] numbers beyond {dtype}, expected those that fit it"):
        nd.array(numbers, dtype)
    assert nd.array([1.5, True], dtype).tolist() == [1, 1]


# ---- memory handed over

class Again:
    """Hands the same capsule out each time it is asked."""

    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack__(self, **options):
        return self.capsule

    def __dlpack_device__(self):
        return 1, 0


@pytest.mark.parametrize("make", [lambda: nd.ones(3).__dlpack__(), lambda: np.ones(3).__dlpack__(),
                                  lambda: nd.ones(3).__dlpack__(max_version=(1, 0))])
def test_a_capsule_gives_its_memory_once(make):
    for source in (make(), Again(make())):
        assert nd.from_dlpack(source).tolist() == [1, 1, 1]
        with pytest.raises(ValueError, match=r'\[array\] a capsule named "used_dltensor(_versioned)?", expected'):
            nd.from_dlpack(source)


@pytest.mark.parametrize("given", [None, 3, "dltensor"])
def test_what_is_no_capsule_is_named(given):
    with pytest.raises(TypeError, match=r"\[array\] __dlpack__\(\) of a .*Again gave a .*, expected a capsule"):
        nd.from_dlpack(Again(given))


def test_a_pipe_is_no_model(tmp_path):
    pipe = tmp_path / "model.qtk"
    os.mkfifo(pipe)
    for read in (runtime.load, runtime.Session.load, runtime.verify, nd.load, market.read_csv, strategy.read_csv):
        with pytest.raises(OSError, match="model.qtk: not a regular file"):
            read(pipe)
