"""Information coefficients against scipy, to 1e-9: ties, missing cells, dates without enough pairs."""
import numpy as np
import pytest
import scipy.stats

TOLERANCE = 1e-9


def rows(matrix):
    return [[None if np.isnan(v) else float(v) for v in row] for row in matrix]


@pytest.mark.parametrize("decimals", [8, 1, 0])  # fewer decimals, more ties
def test_ic_and_rank_ic_are_those_of_scipy(oracle, decimals):
    draw = np.random.default_rng(decimals)
    scores = np.round(draw.normal(size=(40, 25)), decimals)
    labels = 0.02 * draw.standard_t(3, size=(40, 25)) + 0.003 * scores
    scores[draw.random(scores.shape) < 0.1] = np.nan
    labels[draw.random(labels.shape) < 0.1] = np.nan
    labels[7, 2:] = np.nan
    ours = oracle("ic", scores=rows(scores), labels=rows(labels))
    for date in range(40):
        both = ~np.isnan(scores[date]) & ~np.isnan(labels[date])
        if both.sum() < 3:
            assert ours["ic"][date] is None and ours["rank_ic"][date] is None
            continue
        x, y = scores[date][both], labels[date][both]
        assert ours["ic"][date] == pytest.approx(scipy.stats.pearsonr(x, y).statistic, abs=TOLERANCE)
        assert ours["rank_ic"][date] == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=TOLERANCE)
    assert ours["ic"][7] is None
