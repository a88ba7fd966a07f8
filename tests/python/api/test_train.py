"""The training loop from Python: datasets, callbacks, losses, resuming, Ctrl-C."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import quantick as qt
from quantick import gluon, lr_scheduler, nd, optimizer, train
from quantick.gluon import nn

RNG = np.random.default_rng(2)
X = RNG.standard_normal((120, 5, 3)).astype(np.float32)
W = np.float32([1, -2, 0.5])
Y = (X[:, -1] @ W + 0.2 * X[:, 0, 0]).astype(np.float32)
DATES = np.repeat(np.arange(12), 10)


class Net(nn.HybridBlock):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.hidden = nn.LSTM(6)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Dense(1)

    def forward(self, x):
        return self.head(self.dropout(self.hidden(x)[-1]))


def network(seed=1, **kwargs):
    net = Net(**kwargs)
    net.initialize("xavier", seed=seed)
    return net


def weights(net):
    return [p.data().asnumpy() for p in net.collect_params().values()]


def same(a, b):
    return all(np.array_equal(u, v) for u, v in zip(weights(a), weights(b), strict=True))


def test_a_linear_network_reaches_least_squares():
    flat = X.reshape(120, -1)
    design = np.hstack([flat, np.ones((120, 1), np.float32)])
    noisy = Y + 0.3 * RNG.standard_normal(120).astype(np.float32)
    best = ((design @ np.linalg.lstsq(design, noisy, rcond=None)[0] - noisy) ** 2).mean() / 2
    net = nn.Dense(1)
    net.initialize("xavier")
    history = train.fit(net, gluon.loss.L2Loss(), (X, noisy), epochs=300, batch_size=120, layout="NTC",
                        optimizer_params={"learning_rate": 0.03})
    assert history.steps == 300 and len(history.epochs) == 300
    assert best * 0.999 < history.epochs[-1]["train_loss"] < best * 1.01
    assert history["train_loss"][0] > 2 * best


def test_losses_of_python_and_of_the_core_take_the_same_steps():
    def squares(prediction, label):
        return nd.square(prediction - nd.reshape(label, prediction.shape)) * 0.5

    class Squares(gluon.loss.Loss):
        def __init__(self):
            super().__init__(None, 0)

        def forward(self, pred, label, sample_weight=None):
            return self._per_sample(nd.square(pred - nd.reshape(label, pred.shape)) * 0.5, sample_weight)

    nets = [network() for _ in range(4)]
    for net, loss in zip(nets, (gluon.loss.L2Loss(), "L2Loss", squares, Squares()), strict=True):
        train.fit(net, loss, (X, Y), epochs=2, batch_size=32)
    assert same(nets[0], nets[1]) and same(nets[2], nets[3])
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(weights(nets[0]), weights(nets[2]), strict=True))


def test_optimizers_and_schedules_by_name_and_as_objects():
    options = {"epochs": 2, "batch_size": 32}
    a, b, c = (network() for _ in range(3))
    train.fit(a, "L2Loss", (X, Y), optimizer="AdamW", optimizer_params={"learning_rate": 0.02, "wd": 0.1},
              lr_scheduler="FactorScheduler", lr_scheduler_params={"step": 2, "factor": 0.5, "base_lr": 0.02}, **options)
    schedule = lr_scheduler.FactorScheduler(2, 0.5, base_lr=0.02)
    train.fit(b, "L2Loss", (X, Y), optimizer=optimizer.AdamW(0.02, wd=0.1), lr_scheduler=schedule, **options)
    train.fit(c, "L2Loss", (X, Y), optimizer=optimizer.AdamW(0.02, wd=0.1, lr_scheduler=schedule), **options)
    assert same(a, b) and same(a, c)
    for wrong in (optimizer.Nadam(), optimizer.SGD(clip_gradient=1.0)):
        with pytest.raises(TypeError, match=r"\[fit\] optimizer, was a .*gluon.Trainer takes the others"):
            train.fit(a, "L2Loss", (X, Y), optimizer=wrong)


def test_the_trainer_takes_the_steps_of_fit():
    a, b = network(), network()
    train.fit(a, "L2Loss", (X, Y), epochs=3, batch_size=120, shuffle=False, optimizer_params={"learning_rate": 0.01})
    trainer = gluon.Trainer(b.collect_params(), "adam", {"learning_rate": 0.01})
    loss = gluon.loss.L2Loss()
    x = nd.array(X.transpose(1, 0, 2).copy())
    b(x)
    for _ in range(3):
        with qt.autograd.record():
            value = nd.mean(loss(b(x), nd.array(Y)))
        value.backward()
        trainer.step(1)
    assert same(a, b)


def test_hybridized_or_not_the_bits_are_the_same():
    nets = [network(dropout=0.3) for _ in range(2)]
    for net, hybridize in zip(nets, (True, False), strict=True):
        train.fit(net, "L2Loss", (X, Y), epochs=2, batch_size=32, hybridize=hybridize)
        assert net.hybridized == hybridize
    assert same(*nets)


def test_a_plain_block_is_not_traced():
    class Plain(nn.Block):
        calls = 0

        def __init__(self):
            super().__init__()
            self.head = nn.Dense(1)

        def forward(self, x):
            self.calls += 1
            return self.head(x[-1])

    net = Plain()
    net.initialize()
    train.fit(net, "L2Loss", (X, Y), epochs=1, batch_size=40)
    assert not net.hybridized and net.calls == 4  # three steps, and one call that completes shapes


class Watch(train.Callback):
    def __init__(self, stop_at=None):
        self.steps, self.epochs, self.stop_at = [], [], stop_at

    def on_step(self, step, control):
        self.steps.append((step.epoch, step.step, step.step_of_epoch, step.steps_per_epoch, step.loss))
        assert step.learning_rate == 0.01 and step.gradient_norm > 0 and step.epochs == 3
        if step.step == self.stop_at:
            control.stop("seen enough")
            assert control.stopping and control.reason == "seen enough"

    def on_epoch(self, epoch, control):
        self.epochs.append((epoch.epoch, epoch.steps, epoch.train_loss))


def test_callbacks_and_progress_see_every_step():
    watch, seen = Watch(), []
    history = train.fit(network(), "L2Loss", (X, Y), validation=(X[:30], Y[:30]), epochs=3, batch_size=60,
                        callbacks=[watch], progress=lambda step: seen.append(step.step),
                        optimizer_params={"learning_rate": 0.01})
    assert [s[:4] for s in watch.steps] == [(1, 1, 1, 2), (1, 2, 2, 2), (2, 3, 1, 2), (2, 4, 2, 2), (3, 5, 1, 2), (3, 6, 2, 2)]
    assert seen == [1, 2, 3, 4, 5, 6]
    assert [e[0] for e in watch.epochs] == [1, 2, 3] == history["epoch"]
    assert [e[2] for e in watch.epochs] == history["train_loss"]
    assert json.loads(json.dumps(history.to_dict()))["steps"] == 6
    assert history.best_epoch == 3 and history.epochs[-1]["best"] and np.isfinite(history["validation_loss"]).all()


def test_a_callback_stops():
    history = train.fit(network(), "L2Loss", (X, Y), epochs=3, batch_size=60, callbacks=[Watch(stop_at=3)],
                        optimizer_params={"learning_rate": 0.01})
    assert history.steps == 3 and history.stopped_early and history.stop_reason == "seen enough"


def test_a_control_may_be_kept():
    """What a callback keeps outlives the training, and what is asked of it between calls counts from the next one on."""
    class Keeper(train.Callback):
        control = None

        def on_step(self, step, control):
            assert self.control in (None, control)
            self.control = control

    keeper = Keeper()

    class Asker(train.Callback):
        def on_epoch(self, epoch, control):
            if epoch.epoch == 2:
                keeper.control.stop("asked from afar")

    history = train.fit(network(), "L2Loss", (X, Y), epochs=4, batch_size=60, callbacks=[keeper, Asker()])
    assert (len(history.epochs), history.stop_reason) == (2, "asked from afar")
    assert (keeper.control.stopping, keeper.control.reason) == (True, "asked from afar")
    again = Keeper()
    train.fit(network(), "L2Loss", (X, Y), epochs=1, batch_size=60, callbacks=[again])
    assert not again.control.stopping
    again.control.stop("too late")
    assert again.control.reason == "too late"


def test_exceptions_of_callbacks_pass_through():
    class Fails(train.Callback):
        def on_epoch(self, epoch, control):
            raise LookupError("mine", epoch.epoch)

    with pytest.raises(LookupError) as caught:
        train.fit(network(), "L2Loss", (X, Y), callbacks=[Fails()])
    assert caught.value.args == ("mine", 1)
    with pytest.raises(ZeroDivisionError):
        train.fit(network(), lambda p, y: 1 / 0, (X, Y))


def test_early_stopping_restores_the_best():
    net = network()
    history = train.fit(net, "L2Loss", (X, Y), validation=(X[:40], Y[:40]), epochs=50, patience=2, min_delta=1e9)
    assert history.best_epoch == 1 and len(history.epochs) == 3 and "not improved" in history.stop_reason
    again = network()
    train.fit(again, "L2Loss", (X, Y), epochs=1)
    assert same(net, again)


def test_dates_for_losses_across_a_date():
    data = train.ArrayDataset(X, Y, groups=DATES)
    net = network()
    history = train.fit(net, gluon.loss.NegativeICLoss(), data, validation=data, batching="dates", batch_size=3,
                        epochs=30, monitor="rank_ic", optimizer_params={"learning_rate": 0.01})
    assert history.steps == 30 * 4
    predictions = train.predict(net, data)
    measured = data.information_coefficient(predictions, data.labels())
    assert measured["groups"] == 12 and measured["rank_ic"] == pytest.approx(max(history["validation_rank_ic"]))
    assert measured["rank_ic"] > 0.8
    with pytest.raises(ValueError, match="batching, was samples, expected dates"):
        train.fit(net, gluon.loss.NegativeICLoss(), data)


@pytest.mark.parametrize("wrong", [2.0, np.ones(3), np.ones((120, 2)), np.ones((60, 2))])
def test_weights_that_do_not_fit(wrong):
    with pytest.raises(qt.ShapeError, match=r"\[train\] weights, was .*, expected \(120,\) or as y"):
        train.ArrayDataset(X, Y, weights=wrong)


def test_weights_of_samples():
    scaled = train.ArrayDataset(X, Y, weights=np.where(np.arange(120) < 60, 1, 0))
    cut = train.ArrayDataset(X[:60], Y[:60])
    a, b = network(), network()
    train.fit(a, "L2Loss", scaled, epochs=1, batch_size=120, shuffle=False, optimizer="SGD",
              optimizer_params={"learning_rate": 0.2})
    train.fit(b, "L2Loss", cut, epochs=1, batch_size=60, shuffle=False, optimizer="SGD",
              optimizer_params={"learning_rate": 0.1})
    assert all(np.allclose(u, v, atol=1e-6) for u, v in zip(weights(a), weights(b), strict=True))


def test_windows_of_a_panel():
    features = RNG.standard_normal((9, 4, 2)).astype(np.float32)
    labels = RNG.standard_normal((9, 4)).astype(np.float32)
    features[3, 1, 0] = np.nan
    labels[8] = np.nan
    labels[5, 2] = np.nan
    data = train.PanelDataset(features, labels, window=3, first=2)
    expected = [(t, i) for t in range(2, 9) for i in range(4)
                if np.isfinite(features[t - 2:t + 1, i]).all() and np.isfinite(labels[t, i])]
    places = data.places().asnumpy()
    assert places.tolist() == [list(p) for p in expected] and len(data) == len(expected)
    assert np.array_equal(data.labels().asnumpy(), [labels[t, i] for t, i in expected])
    assert (data.steps, data.features, data.outputs) == (3, 2, 1)

    net = nn.HybridSequential()
    net.add(nn.Dense(1))
    net.initialize("xavier")
    windows = np.stack([features[t - 2:t + 1, i] for t, i in expected])
    given = train.predict(net, data, layout="NTC").asnumpy()
    assert np.array_equal(given, train.predict(net, windows, layout="NTC").asnumpy())
    assert np.allclose(given, net(windows).asnumpy()[:, 0], atol=1e-6)
    for arguments, text in (((features, labels[:3], 3), r"labels, was \(3, 4\), expected \(9, 4\)"),
                            ((features[0], labels, 3), "features, was"), ((features, labels, 0), "window, was 0")):
        with pytest.raises(ValueError, match=text):
            train.PanelDataset(*arguments)
    with pytest.raises(ValueError, match="dates 5 to 2"):
        train.PanelDataset(features, labels, 3, first=5, last=2)


def test_several_labels():
    net = nn.Dense(2)
    net.initialize("xavier")
    two = np.stack([Y, -Y], axis=1)
    train.fit(net, "L2Loss", (X, two), epochs=60, layout="NTC", optimizer_params={"learning_rate": 0.03})
    given = train.predict(net, X, layout="NTC").asnumpy()
    assert given.shape == (120, 2) and np.corrcoef(given[:, 0], Y)[0, 1] > 0.9 > -0.9 > np.corrcoef(given[:, 1], Y)[0, 1]


def test_resuming_gives_the_bits_of_the_whole_run(tmp_path):
    options = {"batch_size": 32, "validation": (X[:30], Y[:30]), "optimizer": "AdamW", "clip_gradient_norm": 1.0,
               "lr_scheduler": "CosineScheduler", "lr_scheduler_params": {"max_update": 24}}
    whole = network(dropout=0.2)
    history = train.fit(whole, "L2Loss", (X, Y), epochs=6, **options)
    path = str(tmp_path / "state.qtc")

    class StopAt(train.Callback):
        def on_step(self, step, control):
            if step.step == 9:
                raise KeyboardInterrupt

    first = network(dropout=0.2)
    with pytest.raises(KeyboardInterrupt):
        train.fit(first, "L2Loss", (X, Y), epochs=6, checkpoint=path, checkpoint_every_steps=2, callbacks=[StopAt()], **options)
    second = network(seed=77, dropout=0.2)
    resumed = train.fit(second, "L2Loss", (X, Y), epochs=6, checkpoint=path, resume=True, **options)
    assert same(whole, second)
    assert resumed["train_loss"] == history["train_loss"] and resumed.best_epoch == history.best_epoch
    with pytest.raises(ValueError, match="batch_size"):
        train.fit(network(dropout=0.2), "L2Loss", (X, Y), checkpoint=path, resume=True, **{**options, "batch_size": 16})


def test_ctrl_c_keeps_a_checkpoint(ctrl_c, tmp_path):
    path = tmp_path / "state.qtc"
    script = textwrap.dedent(f"""
        import sys
        import numpy as np
        from quantick import train
        from quantick.gluon import nn

        net = nn.HybridSequential()
        net.add(nn.LSTM(8), nn.SequenceLast(), nn.Dense(1))
        net.initialize()
        x = np.zeros((64, 4, 2), np.float32)

        class Say(train.Callback):
            def on_step(self, step, control):
                if step.step == 20:
                    print("running", flush=True)

        try:
            train.fit(net, "L2Loss", (x, x[:, 0, 0]), epochs=10**9, batch_size=64, checkpoint={str(path)!r},
                      checkpoint_every_epochs=0, callbacks=[Say()])
        except KeyboardInterrupt as stopped:
            print("stopped", stopped, flush=True)
            sys.exit(3)
        """)
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    try:
        assert child.stdout.readline() == "running\n"
        assert not path.exists()
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 3 and "stopped by the user" in said and path.name in said
    assert path.stat().st_size > 0


def test_training_leaves_other_threads_running():
    net = network()
    training = threading.Thread(target=lambda: train.fit(net, "L2Loss", (X, Y), epochs=400, batch_size=40))
    training.start()
    turns = 0
    while training.is_alive():
        turns += 1
        training.join(0.0005)
    assert turns > 10


def test_options_are_checked():
    net = network()
    for keywords, error, text in (
            ({"epochs": "many"}, TypeError, r"\[fit\] epochs, was a str, expected a whole number"),
            ({"epochs": 0}, ValueError, "epochs, was 0"),
            ({"optimizer": "Adm"}, ValueError, "did you mean Adam"),
            ({"optimizer_params": {"lr": 1}}, ValueError, "unknown attribute lr"),
            ({"optimizer_params": 3}, TypeError, r"\[fit\] optimizer_params, was a int, expected a dict"),
            ({"lr_scheduler": "Cosine"}, ValueError, "CosineScheduler"),
            ({"monitor": "mse"}, ValueError, "monitor, was mse"),
            ({"patience": 2}, ValueError, "needs validation data"),
            ({"resume": True}, ValueError, "resume needs"),
            ({"seed": -1}, ValueError, "seed, was -1"),
    ):
        with pytest.raises(error, match=text):
            train.fit(net, "L2Loss", (X, Y), **keywords)
    with pytest.raises(TypeError, match="epoch"):
        train.fit(net, "L2Loss", (X, Y), epoch=3)
    with pytest.raises(TypeError, match=r"\[fit\] data, was a int"):
        train.fit(net, "L2Loss", 3)
    with pytest.raises(ValueError, match="did you mean L2Loss"):
        train.fit(net, "L3Loss", (X, Y))
    with pytest.raises(qt.ShapeError, match=r"x, was \(120, 15\), expected \(samples, steps, features\)"):
        train.ArrayDataset(X.reshape(120, 15), Y)
    with pytest.raises(qt.ShapeError, match=r"y, was \(4,\), expected"):
        train.ArrayDataset(X, Y[:4])
    with pytest.raises(ValueError, match="not finite"):
        train.fit(net, "L2Loss", (X, np.where(Y > 0, Y, np.nan)))


def test_defaults_are_those_of_the_core():
    """The page of options in quantick/train/fit.h, read as text."""
    import inspect
    import re

    root = pathlib.Path(__file__).resolve().parents[3]
    header = (root / "quantick/train/fit.h").read_text()
    body = header[header.index("struct FitOptions"):header.index("};", header.index("struct FitOptions"))]
    core = dict(re.findall(r"^  [\w:]+ (\w+) = (.+?);", body, re.MULTILINE))
    names = {"optimizer_kwargs": "optimizer_params", "lr_scheduler_kwargs": "lr_scheduler_params"}
    ours = inspect.signature(train.fit).parameters
    for name, value in core.items():
        if name == "validation":
            continue
        default = ours[names.get(name, name)].default
        written = {"true": True, "false": False}.get(value, value.strip('"') if '"' in value else value)
        assert (default == written) or float(default) == float(written), name


def test_predictions_do_not_depend_on_later_samples():
    net = network()
    a = train.predict(net, X, batch_size=50).asnumpy()
    b = train.predict(net, X[:70], batch_size=50).asnumpy()
    assert np.array_equal(a[:70], b)
