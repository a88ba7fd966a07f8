"""Ranges of the entropy and mse observers against plain NumPy: counts in equal bins, and the values themselves."""
import numpy as np
import pytest

BINS = 4001  # over [-top, top]


def divergence(counts, half, levels):
    """Of the middle 2 * half + 1 bins, what lies outside counting as their ends, and its form in `levels` equal cells,
    each spread over the bins of it that held something."""
    middle = len(counts) // 2
    inner = counts[middle - half:middle + half + 1].astype(float)
    clipped = inner.copy()
    clipped[0] += counts[:middle - half].sum()
    clipped[-1] += counts[middle + half + 1:].sum()
    quantized = np.zeros_like(inner)
    edges = np.linspace(0, len(inner), levels + 1).round().astype(int)
    for start, stop in zip(edges[:-1], edges[1:]):
        held = inner[start:stop] > 0
        if held.any():
            quantized[start:stop][held] = inner[start:stop].sum() / held.sum()
    some = clipped > 0
    quantized = np.where(some & (quantized == 0), 1e-4, quantized)
    p, q = clipped[some] / clipped.sum(), quantized[some] / quantized.sum()
    return float((p * np.log(p / q)).sum())


DRAWS = {
    "normal": lambda draw: draw.normal(size=30_000),
    "laplace": lambda draw: draw.laplace(size=30_000),
    "student": lambda draw: draw.standard_t(3, size=30_000),
    "cubes": lambda draw: draw.normal(size=30_000) ** 3,
}


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("name", DRAWS)
def test_entropy_finds_a_threshold_of_small_divergence(oracle, name, bits):
    values = DRAWS[name](np.random.default_rng(3)).astype(np.float32)
    top, levels = float(np.abs(values).max()), 2 ** bits - 1
    counts, _ = np.histogram(values, BINS, (-top, top))
    halves = range(levels // 2 + 1, BINS // 2 + 1, 20)
    found = {half: divergence(counts, half, levels) for half in halves}
    ours = oracle("observer", name="entropy", bits=bits, symmetric=True, values=values.tolist())
    end = max(-ours["low"], ours["high"])
    got = divergence(counts, max(round(end / top * (BINS // 2)), levels // 2 + 1), levels)
    least, whole = min(found.values()), found[max(halves)]
    # Both densities are estimates: equal bins there, bins of equal relative width here.
    assert got <= 2 * least
    if whole > 2.5 * least:  # clipping matters
        assert got < whole / 1.5 and end < 0.7 * top


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("name", DRAWS)
def test_mse_finds_the_threshold_of_least_error(oracle, name, bits, symmetric):
    values = DRAWS[name](np.random.default_rng(4)).astype(np.float32)
    if not symmetric:
        values = np.abs(values)
    highest = 2 ** (bits - 1) - 1 if symmetric else 2 ** bits - 1
    lowest = -highest if symmetric else 0

    def error(end):
        scale = end / highest
        codes = np.clip(np.round(values / scale), lowest, highest)
        return float(np.mean((values - codes * scale) ** 2))

    top = float(np.abs(values).max())
    least = min(error(end) for end in np.geomspace(top / 200, top, 300))
    ours = oracle("observer", name="mse", bits=bits, symmetric=symmetric, values=values.tolist())
    assert error(max(-ours["low"], ours["high"])) <= 1.03 * least  # bins hide where the few largest values lie
