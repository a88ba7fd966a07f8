"""Metrics against NumPy, SciPy and scikit-learn's formulas, over several batches."""
import math

import numpy as np
import pytest
from scipy import special, stats

from quantick import metric, nd

RNG = np.random.default_rng(6)
LABELS = [RNG.integers(0, 3, 8), RNG.integers(0, 3, 5)]
SCORES = [special.softmax(RNG.standard_normal((n, 3)), axis=1).astype(np.float32) for n in (8, 5)]
REAL = [RNG.standard_normal(n).astype(np.float32) for n in (8, 5)]
GUESS = [r + RNG.standard_normal(len(r)).astype(np.float32) for r in REAL]
BITS = [RNG.integers(0, 2, n) for n in (8, 5)]
CHANCE = [RNG.random(n).astype(np.float32) for n in (8, 5)]


def measured(made, labels, predictions):
    for label, prediction in zip(labels, predictions):
        made.update([nd.array(label)], [nd.array(prediction)])
    return made.get()[1]


def counts(labels, predictions):
    given, true = predictions > 0.5, labels == 1
    return ((given & true).sum(), (given & ~true).sum(), (~given & true).sum(), (~given & ~true).sum())


def f1(labels, predictions):
    tp, fp, fn, _ = counts(labels, predictions)
    return 2 * tp / (2 * tp + fp + fn)


def phi(labels, predictions):
    return np.corrcoef(labels, predictions > 0.5)[0, 1]


ALL_L, ALL_S = np.concatenate(LABELS), np.concatenate(SCORES)
TAKEN = ALL_S[np.arange(13), ALL_L]
CASES = {
    "accuracy": (metric.Accuracy(), LABELS, SCORES, (ALL_S.argmax(1) == ALL_L).mean()),
    "top 2": (metric.TopKAccuracy(2), LABELS, SCORES,
              np.mean([label in row.argsort()[-2:] for label, row in zip(ALL_L, ALL_S)])),
    "f1": (metric.F1(), BITS, CHANCE, np.mean([f1(a, b) for a, b in zip(BITS, CHANCE)])),
    "f1 micro": (metric.F1(average="micro"), BITS, CHANCE, f1(np.concatenate(BITS), np.concatenate(CHANCE))),
    "mcc micro": (metric.MCC(average="micro"), BITS, CHANCE, phi(np.concatenate(BITS), np.concatenate(CHANCE))),
    "pcc": (metric.PCC(), BITS, [np.stack([1 - c, c], 1) for c in CHANCE],
            phi(np.concatenate(BITS), np.concatenate(CHANCE))),
    "mae": (metric.MAE(), REAL, GUESS, np.mean([abs(a - b).mean() for a, b in zip(REAL, GUESS)])),
    "mse": (metric.MSE(), REAL, GUESS, np.mean([((a - b) ** 2).mean() for a, b in zip(REAL, GUESS)])),
    "rmse": (metric.RMSE(), REAL, GUESS, np.mean([np.sqrt(((a - b) ** 2).mean()) for a, b in zip(REAL, GUESS)])),
    "cross-entropy": (metric.CrossEntropy(), LABELS, SCORES, -np.log(TAKEN).mean()),
    "nll": (metric.NegativeLogLikelihood(), LABELS, SCORES, -np.log(TAKEN).mean()),
    "perplexity": (metric.Perplexity(None), LABELS, SCORES, np.exp(-np.log(TAKEN).mean())),
    "perplexity without 0": (metric.Perplexity(0), LABELS, SCORES, np.exp(-np.log(TAKEN[ALL_L != 0]).mean())),
    "pearson": (metric.PearsonCorrelation(), REAL, GUESS,
                np.mean([stats.pearsonr(a, b)[0] for a, b in zip(REAL, GUESS)])),
    "pearson micro": (metric.PearsonCorrelation(average="micro"), REAL, GUESS,
                      stats.pearsonr(np.concatenate(REAL), np.concatenate(GUESS))[0]),
    "rank ic": (metric.RankIC(), REAL, GUESS, np.mean([stats.spearmanr(a, b)[0] for a, b in zip(REAL, GUESS)])),
    "loss": (metric.Loss(), REAL, REAL, np.concatenate(REAL).mean()),
    "custom": (metric.create(lambda label, pred: float((label + pred).sum())), REAL, GUESS,
               np.mean([(a + b).sum() for a, b in zip(REAL, GUESS)])),
    "custom with counts": (metric.np(lambda label, pred: (label.sum(), label.size), "mean"), REAL, GUESS,
                           np.concatenate(REAL).mean()),
}


@pytest.mark.parametrize("name", CASES)
def test_values(name):
    made, labels, predictions, expected = CASES[name]
    made.reset()
    assert math.isnan(made.get()[1])
    assert measured(made, labels, predictions) == pytest.approx(float(expected), rel=1e-5)
    assert made.get_name_value() == [made.get()] and made.get_global() == made.get()


def test_composites_and_names():
    made = metric.create(["mse", metric.MAE(), lambda a, b: 1.0])
    made.update(nd.array(REAL[0]), nd.array(GUESS[0]))
    assert made.get()[0] == ["mse", "mae", "custom(<lambda>)"] and made.get()[1][2] == 1.0
    assert made.get_metric(0).name == "mse"
    for name in ("acc", "accuracy", "top_k_accuracy", "f1", "pearsonr", "rank_ic", "ce", "perplexity", "RMSE"):
        keywords = {"ignore_label": None} if name == "perplexity" else {}
        assert isinstance(metric.create(name, **keywords), metric.EvalMetric)
    with pytest.raises(ValueError, match="was msee, expected one of acc"):
        metric.create("msee")
    with pytest.raises(TypeError, match="was a int"):
        metric.create(3)
    named = metric.MSE(label_names=["y"], output_names=["p"])
    named.update_dict({"y": REAL[0], "z": REAL[1]}, {"p": REAL[0], "q": GUESS[1]})
    assert named.get() == ("mse", 0.0) and str(named) == "EvalMetric: {'mse': 0.0}"
    assert named.get_config()["metric"] == "MSE"


def test_mismatches_are_refused():
    with pytest.raises(ValueError, match="expected the same"):
        metric.MSE().update([REAL[0]], [REAL[0], REAL[1]])
    with pytest.raises(ValueError, match=r"\[mse\] predictions \(5,\)"):
        metric.MSE().update(REAL[0], REAL[1])
    with pytest.raises(ValueError, match="expected 0 and 1 alone"):
        metric.F1().update(LABELS[0] + 1, CHANCE[0])
    extra = metric.CustomMetric(lambda a, b: 1.0, "one", allow_extra_outputs=True)
    extra.update([REAL[0]], [REAL[0], REAL[1]])
    assert extra.get() == ("one", 1.0)
