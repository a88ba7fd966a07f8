"""Losses against NumPy and SciPy, with weights and other axes of samples; gradients against finite differences."""
import numpy as np
import pytest
from scipy import special, stats

from quantick import autograd, nd
from quantick.gluon import loss as losses

RNG = np.random.default_rng(4)
P, Y = RNG.standard_normal((2, 6, 5)).astype(np.float32)
SIGNS = np.where(RNG.random((6, 5)) > 0.5, 1, -1).astype(np.float32)
BITS = (SIGNS + 1) / 2
CLASSES = RNG.integers(0, 5, 6)
D = (Y - P).astype(np.float64)


def softmax_cross_entropy(p, classes, axis=-1):
    return -np.take_along_axis(special.log_softmax(p, axis), np.expand_dims(classes, axis), axis).squeeze(axis)


def rows(x):
    return x.reshape(len(x), -1).mean(axis=1)


SOFT = special.softmax(Y, axis=-1)
LOG_SOFT = special.log_softmax(P, axis=-1)
POSITIVE = special.expit(P)
CASES = {
    "L2Loss": (losses.L2Loss(), (P, Y), rows(D * D / 2)),
    "L2Loss weight": (losses.L2Loss(weight=3), (P, Y), rows(D * D * 1.5)),
    "L1Loss": (losses.L1Loss(), (P, Y), rows(abs(D))),
    "HuberLoss": (losses.HuberLoss(rho=0.5), (P, Y), rows(np.where(abs(D) > 0.5, abs(D) - 0.25, D * D))),
    "QuantileLoss": (losses.QuantileLoss(0.9), (P, Y), rows(np.maximum(0.9 * D, -0.1 * D))),
    "SigmoidBCELoss": (losses.SigmoidBCELoss(), (P, BITS),
                       rows(-(BITS * special.log_expit(P) + (1 - BITS) * special.log_expit(-P)))),
    "SigmoidBCELoss from_sigmoid": (losses.SigmoidBCELoss(from_sigmoid=True), (POSITIVE, BITS),
                                    rows(-(BITS * special.log_expit(P) + (1 - BITS) * special.log_expit(-P)))),
    "SigmoidBCELoss pos_weight": (losses.SigmoidBCELoss(), (P, BITS, None, np.full(5, 2, np.float32)),
                                  rows(-(2 * BITS * special.log_expit(P) + (1 - BITS) * special.log_expit(-P)))),
    "SigmoidBCELoss from_sigmoid pos_weight": (
        losses.SigmoidBCELoss(from_sigmoid=True), (POSITIVE, BITS, None, np.full(5, 3, np.float32)),
        rows(-(3 * BITS * special.log_expit(P) + (1 - BITS) * special.log_expit(-P)))),
    "SoftmaxCELoss": (losses.SoftmaxCELoss(), (P, CLASSES), softmax_cross_entropy(P, CLASSES)),
    "SoftmaxCELoss from_logits": (losses.SoftmaxCELoss(from_logits=True), (LOG_SOFT, CLASSES),
                                  softmax_cross_entropy(P, CLASSES)),
    "SoftmaxCELoss dense": (losses.SoftmaxCELoss(sparse_label=False), (P, SOFT), -(SOFT * LOG_SOFT).sum(axis=1)),
    "SoftmaxCELoss axis": (losses.SoftmaxCELoss(axis=1), (P.reshape(2, 3, 5), CLASSES[:10].reshape(2, 3)[:, :1] % 3 + np.zeros((2, 5), int)),
                           softmax_cross_entropy(P.reshape(2, 3, 5), CLASSES[:10].reshape(2, 3)[:, :1] % 3 + np.zeros((2, 5), int), 1).mean(axis=1)),
    "KLDivLoss": (losses.KLDivLoss(), (LOG_SOFT, SOFT), special.rel_entr(SOFT, np.exp(LOG_SOFT)).sum(axis=1)),
    "KLDivLoss from_logits=False": (losses.KLDivLoss(from_logits=False), (P, SOFT),
                                    special.rel_entr(SOFT, np.exp(LOG_SOFT)).sum(axis=1)),
    "HingeLoss": (losses.HingeLoss(margin=0.5), (P, SIGNS), rows(np.maximum(0, 0.5 - P * SIGNS))),
    "SquaredHingeLoss": (losses.SquaredHingeLoss(), (P, SIGNS), rows(np.maximum(0, 1 - P * SIGNS) ** 2)),
    "LogisticLoss": (losses.LogisticLoss(), (P, SIGNS), rows(np.logaddexp(0, -P * SIGNS))),
    "LogisticLoss binary": (losses.LogisticLoss(label_format="binary"), (P, BITS), rows(np.logaddexp(0, -P * SIGNS))),
    "TripletLoss": (losses.TripletLoss(margin=2), (P, Y, SIGNS),
                    np.maximum(0, ((Y - P) ** 2).sum(1) - ((SIGNS - P) ** 2).sum(1) + 2)),
    "PoissonNLLLoss": (losses.PoissonNLLLoss(), (P, abs(Y)), (np.exp(P) - abs(Y) * P).mean()),
    "PoissonNLLLoss full": (losses.PoissonNLLLoss(from_logits=False, compute_full=True), (POSITIVE, 3 * abs(Y)),
                            (POSITIVE - 3 * abs(Y) * np.log(POSITIVE + 1e-8) + np.where(
                                3 * abs(Y) > 1, 3 * abs(Y) * np.log(3 * abs(Y)) - 3 * abs(Y)
                                + 0.5 * np.log(2 * np.pi * 3 * abs(Y)), 0)).mean()),
    "CosineEmbeddingLoss": (losses.CosineEmbeddingLoss(margin=0.1), (P, Y, SIGNS[:, 0]), np.where(
        SIGNS[:, 0] == 1, 1 - (P * Y).sum(1) / np.linalg.norm(P, axis=1) / np.linalg.norm(Y, axis=1),
        np.maximum(0, (P * Y).sum(1) / np.linalg.norm(P, axis=1) / np.linalg.norm(Y, axis=1) - 0.1))),
    "NegativeICLoss": (losses.NegativeICLoss(), (P[:, :1], Y[:, 0]), [-stats.pearsonr(P[:, 0], Y[:, 0])[0]]),
}


@pytest.mark.parametrize("case", CASES)
def test_values(case):
    loss, arguments, expected = CASES[case]
    given = loss(*(None if a is None else nd.array(np.asarray(a, dtype=np.float32)) for a in arguments))
    assert given.shape == np.shape(expected)
    assert np.allclose(given.asnumpy(), expected, rtol=2e-5, atol=2e-6)


def test_sdml():
    x, y = P[:, :3].astype(np.float64), Y[:, :3].astype(np.float64)
    distances = ((x[:, None] - y[None]) ** 2).sum(axis=2)
    labels = np.where(np.eye(6) == 1, 0.7, 0.3 / 5)
    expected = special.rel_entr(labels, special.softmax(-distances, axis=1)).sum(axis=1)
    given = losses.SDMLLoss()(nd.array(P[:, :3].copy()), nd.array(Y[:, :3].copy()))
    assert np.allclose(given.asnumpy(), expected, rtol=1e-5)
    assert np.allclose(losses.SDMLLoss(weight=3)(nd.array(P[:, :3]), nd.array(Y[:, :3])).asnumpy(), 3 * expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["L2Loss", "L1Loss", "HuberLoss", "LogisticLoss", "HingeLoss"])
def test_weights_and_axes_of_samples(name):
    make = getattr(losses, name)
    p, y = nd.array(P), nd.array(SIGNS)
    weights = np.arange(1, 7, dtype=np.float32)
    plain = make()(p, y).asnumpy()
    assert np.allclose(make()(p, y, nd.array(weights)).asnumpy(), plain * weights, rtol=1e-5)
    full = RNG.random((6, 5)).astype(np.float32)
    assert np.allclose(make(batch_axis=1)(nd.array(P.T.copy()), nd.array(SIGNS.T.copy())).asnumpy(), plain, rtol=1e-5)
    assert np.allclose(make(weight=0.5)(p, y).asnumpy(), plain * (0.5 if name != "L2Loss" else 0.5), rtol=1e-5)
    assert make()(p, y, nd.array(full)).shape == (6,)
    assert np.allclose(make()(p, nd.array(SIGNS.reshape(30)), None).asnumpy(), plain)  # labels of another shape


@pytest.mark.parametrize("case", [c for c in CASES if "full" not in c])
def test_gradients(case):
    loss, arguments, _ = CASES[case]
    arrays = [None if a is None else nd.array(np.asarray(a, dtype=np.float64), dtype="float64") for a in arguments]
    x = arrays[0]
    x.attach_grad()
    with autograd.record():
        total = nd.sum(loss(*arrays))
    total.backward()
    gradient, values = x.grad.asnumpy(), x.asnumpy()
    for place in [(0, 0), (3, 0), (5, values.shape[-1] - 1)] if values.ndim == 2 else [(0, 0, 0), (1, 2, 3)]:
        ends = []
        for step in (1e-6, -1e-6):
            moved = values.copy()
            moved[place] += step
            ends.append(nd.sum(loss(nd.array(moved, dtype="float64"), *arrays[1:])).item())
        assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=2e-5, abs=1e-7)


def test_losses_are_finite_far_out():
    far = nd.array(np.float32([[-200.0, 200.0]]))
    for loss in (losses.SigmoidBCELoss(), losses.LogisticLoss()):
        assert np.isfinite(loss(far, nd.array(np.float32([[1, 0]]))).asnumpy()).all()


def test_errors():
    with pytest.raises(ValueError, match="label_format, was other"):
        losses.LogisticLoss(label_format="other")
    with pytest.raises(ValueError, match="samples, was 1"):
        losses.SDMLLoss()(nd.ones((1, 2)), nd.ones((1, 2)))
    with pytest.raises(NotImplementedError, match="no forward"):
        losses.Loss(None, 0)(nd.ones((1,)))
    assert repr(losses.L2Loss()) == "L2Loss(batch_axis=0, w=1.0)"
