"""Optimizers and schedules against their formulas in NumPy, and the trainer's files."""
import math

import numpy as np
import pytest

import quantick as qt
from quantick import autograd, gluon, lr_scheduler, nd, optimizer
from quantick.gluon import nn

RNG = np.random.default_rng(8)
START = RNG.standard_normal((4, 3)).astype(np.float32)
GRADIENTS = RNG.standard_normal((5, 4, 3)).astype(np.float32)
WD = 0.01


def run(make, steps=5, **keywords):
    made = make(**keywords)
    weight = nd.array(START)
    state = made.create_state(0, weight)
    for gradient in GRADIENTS[:steps]:
        made.update(0, weight, nd.array(gradient), state)
    return weight.asnumpy()


def zeros(count):
    return [np.zeros_like(START, dtype=np.float64) for _ in range(count)]


def sgd(w, g, s, t, lr=0.1, momentum=0.9, nesterov=False):
    s[0][:] = momentum * s[0] - lr * (g + WD * w)
    return w + (momentum * s[0] - lr * (g + WD * w) if nesterov else s[0])


def adam(w, g, s, t, lr=0.1, decoupled=False):
    if decoupled:
        w = w * (1 - lr * WD)
    else:
        g = g + WD * w
    s[0][:] = 0.9 * s[0] + 0.1 * g
    s[1][:] = 0.999 * s[1] + 0.001 * g * g
    return w - lr * (s[0] / (1 - 0.9**t)) / (np.sqrt(s[1] / (1 - 0.999**t)) + 1e-8)


def adagrad(w, g, s, t, lr=0.1):
    s[0][:] += g * g
    return w - lr * (g / np.sqrt(s[0] + 1e-7) + WD * w)


def rmsprop(w, g, s, t, lr=0.1):
    g = g + WD * w
    s[0][:] = 0.9 * s[0] + 0.1 * g * g
    return w - lr * g / np.sqrt(s[0] + 1e-8)


def rmsprop_centered(w, g, s, t, lr=0.1):
    g = g + WD * w
    s[0][:] = 0.9 * s[0] + 0.1 * g * g
    s[1][:] = 0.9 * s[1] + 0.1 * g
    s[2][:] = 0.9 * s[2] - lr * g / np.sqrt(s[0] - s[1] ** 2 + 1e-8)
    return w + s[2]


def adadelta(w, g, s, t, lr=0.1):
    s[0][:] = 0.9 * s[0] + 0.1 * g * g
    delta = np.sqrt(s[1] + 1e-5) / np.sqrt(s[0] + 1e-5) * g
    s[1][:] = 0.9 * s[1] + 0.1 * delta * delta
    return w - delta - WD * w


def ftrl(w, g, s, t, lr=0.1):
    s[0][:] += g - (np.sqrt(s[1] + g * g) - np.sqrt(s[1])) / lr * w
    s[1][:] += g * g
    return np.where(abs(s[0]) > 0.01, (np.sign(s[0]) * 0.01 - s[0]) / ((1 + np.sqrt(s[1])) / lr + WD), 0)


def ftml(w, g, s, t, lr=0.1):
    g = g + WD * w
    s[0][:] = 0.999 * s[0] + 0.001 * g * g
    d = (1 - 0.6**t) / lr * (np.sqrt(s[0] / (1 - 0.999**t)) + 1e-8)
    s[1][:] = 0.6 * s[1] + 0.4 * g - (d - 0.6 * s[2]) * w
    s[2][:] = d
    return -s[1] / d


def adamax(w, g, s, t, lr=0.1):
    g = g + WD * w
    s[0][:] = 0.9 * s[0] + 0.1 * g
    s[1][:] = np.maximum(0.999 * s[1], abs(g))
    return w - lr / (1 - 0.9**t) * s[0] / (s[1] + 1e-8)


def nadam(w, g, s, t, lr=0.1):
    g = g + WD * w
    rate = lambda i: 0.9 * (1 - 0.5 * 0.96 ** (i * 0.004))  # noqa: E731
    product = np.prod([rate(i) for i in range(1, t + 1)])
    s[0][:] = 0.9 * s[0] + 0.1 * g
    s[1][:] = 0.999 * s[1] + 0.001 * g * g
    ahead = (1 - rate(t)) * g / (1 - product) + rate(t + 1) * s[0] / (1 - product * rate(t + 1))
    return w - lr * ahead / (np.sqrt(s[1] / (1 - 0.999**t)) + 1e-8)


def adabelief(w, g, s, t, lr=0.1):
    g = g + WD * w
    s[0][:] = 0.9 * s[0] + 0.1 * g
    s[1][:] = 0.999 * s[1] + 0.001 * (g - s[0]) ** 2 + 1e-6
    return w - lr * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * s[0] / (np.sqrt(s[1]) + 1e-6)


def signum(w, g, s, t, lr=0.1):
    s[0][:] = 0.9 * s[0] - 0.1 * (g + WD * w)
    return w + lr * np.sign(s[0])


def lamb(w, g, s, t, lr=0.1):
    s[0][:] = 0.9 * s[0] + 0.1 * g
    s[1][:] = 0.999 * s[1] + 0.001 * g * g
    direction = s[0] / (1 - 0.9**t) / (np.sqrt(s[1] / (1 - 0.999**t)) + 1e-6) + WD * w
    return w - lr * np.linalg.norm(w) / np.linalg.norm(direction) * direction


def lars(w, g, s, t, lr=0.1):
    size, slope = np.linalg.norm(w), np.linalg.norm(g)
    s[0][:] = 0.9 * s[0] - lr * 0.001 * size / (slope + WD * size) * (g + WD * w)
    return w + s[0]


def dcasgd(w, g, s, t, lr=0.1):
    before = START if t == 1 else s[1].copy()
    s[0][:] = 0.5 * s[0] - lr * (g + WD * w + 0.04 * g * g * (w - before))
    s[1][:] = w
    return w + s[0]


FORMULAS = {
    "SGD": (optimizer.SGD, {"momentum": 0.9}, sgd),
    "SGD nesterov": (optimizer.SGD, {"momentum": 0.9, "nesterov": True}, lambda *a: sgd(*a, nesterov=True)),
    "SGD plain": (optimizer.SGD, {}, lambda *a: sgd(*a, momentum=0)),
    "NAG": (optimizer.NAG, {"momentum": 0.9}, lambda *a: sgd(*a, nesterov=True)),
    "ccSGD": (optimizer.ccSGD, {"momentum": 0.9}, sgd),
    "Adam": (optimizer.Adam, {}, adam),
    "AdamW": (optimizer.AdamW, {}, lambda *a: adam(*a, decoupled=True)),
    "AdaGrad": (optimizer.AdaGrad, {}, adagrad),
    "RMSProp": (optimizer.RMSProp, {}, rmsprop),
    "RMSProp centered": (optimizer.RMSProp, {"centered": True}, rmsprop_centered),
    "AdaDelta": (optimizer.AdaDelta, {}, adadelta),
    "Ftrl": (optimizer.Ftrl, {}, ftrl),
    "FTML": (optimizer.FTML, {}, ftml),
    "Adamax": (optimizer.Adamax, {}, adamax),
    "Nadam": (optimizer.Nadam, {}, nadam),
    "AdaBelief": (optimizer.AdaBelief, {}, adabelief),
    "Signum": (optimizer.Signum, {}, signum),
    "Signum plain": (optimizer.Signum, {"momentum": 0}, lambda w, g, s, t: (1 - 0.1 * WD) * w - 0.1 * np.sign(g)),
    "LAMB": (optimizer.LAMB, {}, lamb),
    "LARS": (optimizer.LARS, {"momentum": 0.9}, lars),
    "DCASGD": (optimizer.DCASGD, {"momentum": 0.5}, dcasgd),
    "LBSGD": (optimizer.LBSGD, {"momentum": 0.9}, sgd),
    "LBSGD lars": (optimizer.LBSGD, {"warmup_strategy": "lars"},
                   lambda w, g, s, t: w - 0.1 * min(100, max(0.01, np.sqrt((w * w).sum() / ((g * g).sum() + WD * (w * w).sum()))))
                   * (g + WD * w)),
    "Test": (optimizer.Test, {}, lambda w, g, s, t: w + g),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_steps_are_those_of_the_formula(name):
    make, keywords, formula = FORMULAS[name]
    expected, states = START.astype(np.float64), zeros(3)
    for t, gradient in enumerate(GRADIENTS.astype(np.float64), start=1):
        expected = formula(expected, gradient, states, t)
    given = run(make, learning_rate=0.1, wd=WD, **keywords)
    assert np.allclose(given, expected, rtol=1e-4, atol=1e-5)


def test_every_optimizer_has_a_formula_here():
    names = {name.split()[0] for name in FORMULAS} | {"SGLD"}
    assert names == {name for name in optimizer.__all__
                     if isinstance(getattr(optimizer, name), type)} - {"Optimizer", "Updater"}


def test_sgld_draws_around_the_step_of_sgd():
    qt.seed(5)
    first = run(optimizer.SGLD, steps=1, learning_rate=0.01)
    qt.seed(5)
    assert np.array_equal(first, run(optimizer.SGLD, steps=1, learning_rate=0.01))
    made, weight, moves = optimizer.SGLD(learning_rate=0.01), nd.zeros((200, 100)), None
    made.update(0, weight, nd.ones((200, 100)), None)
    moves = weight.asnumpy() + 0.005
    assert moves.std() == pytest.approx(0.1, rel=0.02) and abs(moves.mean()) < 0.002


def test_large_batches_warm_up():
    made = optimizer.LBSGD(batch_scale=8, updates_per_epoch=4, warmup_epochs=2, learning_rate=0.1)
    assert [made._scale(t) for t in (2, 8, 20)] == [1 + 7 * 0.25, 8, 8]
    with pytest.raises(ValueError, match="warmup_strategy, was cubic"):
        optimizer.LBSGD(warmup_strategy="cubic")


def test_gradients_are_rescaled_and_clipped():
    plain = run(optimizer.SGD, learning_rate=0.1, rescale_grad=0.5, clip_gradient=0.3)
    expected = START.astype(np.float64)
    for gradient in GRADIENTS:
        expected = expected - 0.1 * np.clip(gradient * 0.5, -0.3, 0.3)
    assert np.allclose(plain, expected, atol=1e-5)


def test_factors_by_name_and_index():
    made = optimizer.SGD(learning_rate=0.1, wd=0.5, param_idx2name={0: "weight", 1: "bias"})
    made.set_lr_mult({"weight": 2.0})
    made.set_wd_mult({1: 0.0})
    weights = [nd.ones((1,)), nd.ones((1,))]
    for index, weight in enumerate(weights):
        made.update(index, weight, nd.ones((1,)), made.create_state(index, weight))
    assert weights[0].item() == pytest.approx(1 - 0.2 * 1.5) and weights[1].item() == pytest.approx(1 - 0.1)


def test_create_by_name():
    assert isinstance(optimizer.create("sgd", momentum=0.5), optimizer.SGD)
    assert isinstance(optimizer.Optimizer.create_optimizer("ADAM"), optimizer.Adam)
    with pytest.raises(ValueError, match="was adm, expected one of adabelief"):
        optimizer.create("adm")

    @optimizer.register
    class Still(optimizer.Optimizer):
        def step(self, weight, grad, state, lr, wd, count):
            weight[:] = weight

    weight = nd.ones((2,))
    updater = optimizer.get_updater(optimizer.create("still"))
    updater(0, nd.ones((2,)), weight)
    assert weight.asnumpy().tolist() == [1, 1]
    del optimizer.base._registry["still"]


SCHEDULES = {
    "factor": (lr_scheduler.FactorScheduler(3, 0.5, base_lr=1), lambda t: 0.5 ** ((t - 1) // 3)),
    "factor stops": (lr_scheduler.FactorScheduler(1, 0.1, stop_factor_lr=0.05, base_lr=1), lambda t: max(0.05, 0.1 ** (t - 1))),
    "multi": (lr_scheduler.MultiFactorScheduler([2, 5], 0.1, base_lr=2), lambda t: 2 * 0.1 ** ((t > 2) + (t > 5))),
    "poly": (lr_scheduler.PolyScheduler(8, base_lr=1, final_lr=0.1), lambda t: 0.1 + 0.9 * (1 - min(t / 8, 1)) ** 2),
    "cosine": (lr_scheduler.CosineScheduler(8, base_lr=1, final_lr=0.1),
               lambda t: 0.1 + 0.9 * (1 + math.cos(math.pi * min(t / 8, 1))) / 2),
    "constant warm-up": (lr_scheduler.ConstantScheduler(1, warmup_steps=4, warmup_begin_lr=0.2),
                         lambda t: 0.2 + 0.8 * t / 4 if t < 4 else 1),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    schedule, formula = SCHEDULES[name]
    assert [schedule(t) for t in range(1, 12)] == pytest.approx([formula(t) for t in range(1, 12)])


def test_a_schedule_takes_the_rate_of_its_optimizer():
    schedule = lr_scheduler.FactorScheduler(2, 0.5)
    made = optimizer.SGD(learning_rate=0.8, lr_scheduler=schedule)
    weight, seen = nd.zeros((1,)), []
    state = made.create_state(0, weight)
    for _ in range(4):
        before = weight.item()
        made.update(0, weight, nd.ones((1,)), state)
        seen.append(before - weight.item())
    assert seen == pytest.approx([0.8, 0.8, 0.4, 0.4])
    assert made.learning_rate == pytest.approx(0.4)
    with pytest.raises(UserWarning):
        made.set_learning_rate(1)
    with pytest.raises(ValueError, match="max_update, was 0"):
        lr_scheduler.PolyScheduler(0)
    with pytest.raises(NotImplementedError):
        lr_scheduler.LRScheduler()(1)


def regression():
    x = RNG.standard_normal((32, 4)).astype(np.float32)
    return x, (x @ np.float32([[1], [-2], [0.5], [0]]) + 0.3).astype(np.float32)


def steps(net, trainer, x, y, count):
    loss = gluon.loss.L2Loss()
    for _ in range(count):
        with autograd.record():
            value = loss(net(x), y)
        value.backward()
        trainer.step(len(x))
    return float(value.asnumpy().mean())


def linear(seed=1):
    net = nn.Dense(1)
    net.initialize("xavier", seed=seed)
    return net


def test_trainer_steps_are_those_of_numpy():
    x, y = regression()
    net = linear()
    net(x)
    w, b = net.weight.data().asnumpy().astype(np.float64), net.bias.data().asnumpy().astype(np.float64)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.01})
    steps(net, trainer, x, y, 6)
    mw, mb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(6):
        error = x @ w.T + b - y
        mw = 0.9 * mw - 0.1 * (error.T @ x / len(x) + 0.01 * w)
        mb = 0.9 * mb - 0.1 * (error.mean(axis=0) + 0.01 * b)
        w, b = w + mw, b + mb
    assert np.allclose(net.weight.data().asnumpy(), w, atol=1e-5)
    assert np.allclose(net.bias.data().asnumpy(), b, atol=1e-5)


def test_trainer_reaches_least_squares():
    x, y = regression()
    y = y + 0.1 * RNG.standard_normal(y.shape).astype(np.float32)
    design = np.hstack([x, np.ones((len(x), 1))])
    best = ((design @ np.linalg.lstsq(design, y, rcond=None)[0] - y) ** 2).mean() / 2
    net = linear()
    trainer = gluon.Trainer(net.collect_params(), optimizer.Adam(learning_rate=0.05))
    assert steps(net, trainer, x, y, 400) < best * 1.01


@pytest.mark.parametrize(("name", "keywords"), [("adam", {"learning_rate": 0.05}), ("sgd", {"momentum": 0.9}),
                                                ("rmsprop", {"centered": True}), ("lars", {"momentum": 0.9})])
def test_states_go_on_with_the_same_bits(tmp_path, name, keywords):
    x, y = regression()
    path = tmp_path / "states.safetensors"

    def trained(split):
        net = linear()
        net(x)
        trainer = gluon.Trainer(net.collect_params(), name, keywords)
        steps(net, trainer, x, y, 3)
        if split:
            trainer.save_states(path)
            trainer = gluon.Trainer(net.collect_params(), name, keywords)
            trainer.load_states(path)
        steps(net, trainer, x, y, 3)
        return net.weight.data().asnumpy()

    if name == "lars":  # its last rate is no state of a weight
        assert np.allclose(trained(True), trained(False), rtol=1e-5)
    else:
        assert np.array_equal(trained(True), trained(False))
    other = linear()
    other(x)
    wrong = gluon.Trainer(other.collect_params(), "adam" if name != "adam" else "sgd", {"learning_rate": 0.1})
    with pytest.raises(ValueError, match="states"):
        wrong.load_states(path)


@pytest.mark.parametrize(("name", "before", "after"), [
    ("SGD", {}, {"wd": 0.5}), ("SGD", {"momentum": 0.9}, {"momentum": 0.5}), ("SGD", {}, {"momentum": 0.9}),
    ("NAG", {"momentum": 0.9}, {"momentum": 0.2}), ("Adam", {}, {"beta1": 0.2, "wd": 0.1}), ("AdamW", {}, {"wd": 0.3})])
def test_settings_that_change_between_steps_count(name, before, after):
    w, slopes = nd.array([1.0, -2.0]), RNG.standard_normal((5, 2)).astype(np.float32)
    made = optimizer.create(name, learning_rate=0.1, **before)
    state = made.create_state(0, w)
    for slope in slopes[:3]:
        made.update(0, w, nd.array(slope), state)
    for setting, value in after.items():
        setattr(made, setting, value)
    # The states of the first steps, and the new settings.
    expected = nd.array(w)
    fresh = optimizer.create(name, learning_rate=0.1, **before | after)
    core = fresh.create_state(0, expected).core
    if core.state_names == state.core.state_names:
        core.restore(3, state.core.states)
    for slope in slopes[3:]:
        made.update(0, w, nd.array(slope), state)
        core.step([expected], [nd.array(slope)], 0.1)
    assert np.array_equal(w.asnumpy(), expected.asnumpy())


def test_an_optimizer_of_the_core_may_be_subclassed():
    class Halved(optimizer.SGD):
        def step(self, weight, grad, state, lr, wd, count):
            super().step(weight, grad, state, lr / 2, wd, count)

    w = nd.array([1.0])
    made = Halved(learning_rate=1.0)
    made.update(0, w, nd.array([1.0]), made.create_state(0, w))
    assert w.item() == 0.5


def test_defaults_are_those_of_mxnet():
    """AdamW's are PyTorch's."""
    learning_rates = {"Adam": 0.001, "AdamW": 0.001, "Adamax": 0.002, "Nadam": 0.001, "RMSProp": 0.001, "Ftrl": 0.1,
                      "SGD": 0.01, "NAG": 0.01, "AdaGrad": 0.01, "AdaDelta": 0.01, "FTML": 0.01, "LAMB": 0.001,
                      "AdaBelief": 0.001, "Signum": 0.01}
    assert {name: optimizer.create(name).learning_rate for name in learning_rates} == learning_rates
    made = [optimizer.create(name) for name in ("Adam", "AdamW", "Adamax", "Nadam", "LAMB", "AdaBelief")]
    assert {(o.beta1, o.beta2) for o in made} == {(0.9, 0.999)}
    assert [optimizer.create(name).epsilon for name in ("Adam", "AdamW", "Nadam", "RMSProp", "AdaDelta", "FTML")] == [
        1e-8, 1e-8, 1e-8, 1e-8, 1e-5, 1e-8]
    assert optimizer.SGD().momentum == 0 and not optimizer.SGD().nesterov
    assert optimizer.NAG(momentum=0.9).nesterov
    assert optimizer.AdamW().wd == 0.01 and optimizer.Adam().wd == 0


def test_factors_on_parameters():
    net = linear()
    x, y = regression()
    net(x)
    before = [net.weight.data().asnumpy(), net.bias.data().asnumpy()]
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "wd": 0.5})
    trainer.optimizer.set_lr_mult({"bias": 0.0})
    trainer.optimizer.set_wd_mult({"weight": 0.0})
    steps(net, trainer, x, y, 1)
    gradient = (x @ before[0].T + before[1] - y).T @ x / len(x)
    assert np.array_equal(net.bias.data().asnumpy(), before[1])
    assert np.allclose(net.weight.data().asnumpy(), before[0] - 0.1 * gradient, atol=1e-6)


def test_trainer_options():
    net = linear()
    net(np.ones((2, 3), np.float32))
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5})
    trainer.set_learning_rate(0.25)
    assert trainer.learning_rate == 0.25
    net.bias.grad_req = "null"
    before = net.weight.data().asnumpy()
    with autograd.record():
        y = nd.sum(net(np.ones((2, 3), np.float32)))
    y.backward()
    trainer.allreduce_grads()
    trainer.update(2)
    assert np.allclose(net.weight.data().asnumpy(), before - 0.25)
    with pytest.raises(ValueError, match="batch_size, was 0"):
        trainer.step(0)
    with pytest.raises(TypeError, match="held a str"):
        gluon.Trainer(["weight"], "sgd")
    with pytest.raises(NotImplementedError, match="dist_sync"):
        gluon.Trainer(net.collect_params(), "sgd", kvstore="dist_sync")
    fresh = nn.Dense(1)
    fresh.initialize()
    lazy = gluon.Trainer(fresh.collect_params(), "sgd")
    with pytest.raises(ValueError, match="run a forward pass first"):
        lazy.step(1)


def test_clip_global_norm():
    arrays = [nd.array(np.float32([3])), nd.array(np.float32([[4]]))]
    assert gluon.utils.clip_global_norm(arrays, 1.0) == pytest.approx(5)
    assert [a.item() for a in arrays] == pytest.approx([0.6, 0.8])
