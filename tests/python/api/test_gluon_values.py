"""The same values as MXNet 1.9.1, which gave tests/golden/mxnet_1_9_1_values.json."""
import json

import numpy as np
import pytest

from conftest import ROOT
from quantick import autograd, lr_scheduler, metric, nd, optimizer
from quantick.gluon import loss, nn, rnn

GOLDEN = json.loads((ROOT / "tests/golden/mxnet_1_9_1_values.json").read_text())


def cases(kind):
    return [pytest.param(case, id=f"{case['name']} {case['keywords']}") for case in GOLDEN[kind]]


def array(values):
    return None if values is None else nd.array(np.asarray(values, dtype=np.float32))


@pytest.mark.parametrize("case", cases("losses"))
def test_loss(case):
    arguments = [array(values) for values in case["arguments"]]
    arguments[0].attach_grad()
    with autograd.record():
        value = getattr(loss, case["name"])(**case["keywords"])(*arguments)
    value.backward()
    # MXNet gives (N, 1) where its documents say (N,), and (1,) for a number.
    assert np.allclose(value.asnumpy().ravel(), np.ravel(case["value"]), rtol=1e-5, atol=1e-5)
    if case["gradient"] is not None:
        assert np.allclose(arguments[0].grad.asnumpy(), case["gradient"], rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("case", cases("optimizers"))
def test_optimizer(case):
    made = optimizer.create(case["name"], **case["keywords"])
    weight = array(GOLDEN["optimizer_start"])
    state = made.create_state(0, weight)
    for gradient, expected in zip(GOLDEN["optimizer_gradients"], case["weights"], strict=True):
        made.update(0, weight, array(gradient), state)
        assert np.allclose(weight.asnumpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", cases("schedules"))
def test_schedule(case):
    schedule = getattr(lr_scheduler, case["name"])(**case["keywords"])
    assert [schedule(t) for t in range(1, 13)] == pytest.approx(case["rates"], rel=1e-6)


@pytest.mark.parametrize("case", cases("metrics"))
def test_metric(case):
    made = getattr(metric, case["name"])(**case["keywords"])
    for labels, predictions in zip(case["labels"], case["predictions"], strict=True):
        made.update([array(labels)], [array(predictions)])
    name, value = made.get()
    assert name == case["shown"] and value == pytest.approx(case["value"], rel=1e-5)


@pytest.mark.parametrize("case", cases("layers"))
def test_layer(case):
    net = getattr({"nn": nn, "rnn": rnn}[case["module"]], case["name"])(*case["arguments"], **case["keywords"])
    net.initialize()
    x = array(case["x"])

    def run():
        return net.unroll(x.shape[0], x, layout="TNC")[0] if hasattr(net, "unroll") else net(x)

    run()
    parameters = net.collect_params()
    assert set(parameters) == set(case["parameters"])
    for name, values in case["parameters"].items():
        parameters[name].set_data(array(values))
    y = run().asnumpy()
    assert y.shape == np.shape(case["y"]) and np.allclose(y, case["y"], rtol=1e-5, atol=1e-5)
