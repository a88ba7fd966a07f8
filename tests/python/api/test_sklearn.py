"""QuantRegressor as scikit-learn checks estimators, and as a user of scikit-learn uses them."""
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from quantick.sklearn import QuantRegressor

# Batches are cut by rows: a row of weight 0 still takes a place in one, and a row of weight 2 takes one place, so that
# weights are not the same as leaving out or repeating rows.
WEIGHTS = "stochastic batches are cut by rows, so weights are not repetitions"


def expected_failures(estimator):
    return {"check_sample_weight_equivalence_on_dense_data": WEIGHTS}


@parametrize_with_checks([QuantRegressor(epochs=30, hidden_sizes=(16,)),
                          QuantRegressor(epochs=30, hidden_sizes=(16,), quantize=False)],
                         expected_failed_checks=expected_failures)
def test_estimator_passes_what_scikit_learn_checks(estimator, check):
    check(estimator)


def problem(rows=1500, seed=3):
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 6))
    y = x[:, 0] * x[:, 1] + 0.5 * np.sin(2 * x[:, 2]) + 0.1 * random.normal(size=rows)
    return x, y


def test_it_learns_what_a_line_cannot_and_int8_keeps_it():
    x, y = problem()
    model = QuantRegressor(epochs=60).fit(x[:1200], y[:1200])
    ridge = Ridge().fit(x[:1200], y[:1200])
    assert model.score(x[1200:], y[1200:]) > ridge.score(x[1200:], y[1200:]) + 0.3
    plain = clone(model).set_params(quantize=False).fit(x[:1200], y[:1200])
    assert abs(model.score(x[1200:], y[1200:]) - plain.score(x[1200:], y[1200:])) < 0.02
    assert "dB" in str(model.report_)


def test_predictions_are_the_bits_of_a_stream_and_of_a_pickle():
    x, y = problem(400)
    model = QuantRegressor(epochs=5).fit(x, y)
    expected = model.predict(x)
    again = pickle.loads(pickle.dumps(model))
    assert again.predict(x).tobytes() == expected.tobytes()
    assert again.quantized_.program.identity == model.quantized_.program.identity
    stream = model.quantized_.stream(instruments=1)
    scaled = ((x - model.feature_mean_) / model.feature_scale_).astype(np.float32)
    out = np.empty((1, 1), np.float32)
    live = []
    for row in scaled:
        stream.step(row.reshape(1, -1), out)
        live.append(float(out[0, 0]) * model.target_scale_[0] + model.target_mean_[0])
    assert np.array(live).tobytes() == expected.tobytes()


def test_windows_of_recurrent_networks():
    random = np.random.default_rng(1)
    x = random.normal(size=(800, 8, 3)).astype(np.float32)
    y = x[:, -1, 0] + 0.8 * x[:, -3, 1]
    for network in ("lstm", "gru"):
        model = QuantRegressor(network, (24,), epochs=40, learning_rate=0.01).fit(x[:600], y[:600])
        assert model.score(x[600:], y[600:]) > 0.6, network
    with pytest.raises(ValueError, match=r"X, was \(10, 3\), expected \(samples, steps, features\)"):
        QuantRegressor("lstm", (4,)).fit(x[:10, 0], y[:10])


def test_two_outputs_and_weights():
    x, y = problem(600)
    both = np.stack([y, -2 * y], axis=1)
    model = QuantRegressor(epochs=30).fit(x, both)
    assert model.predict(x).shape == (600, 2)
    assert np.corrcoef(model.predict(x)[:, 0], model.predict(x)[:, 1])[0, 1] < -0.9
    spoilt = y.copy()
    spoilt[::2] += 100
    weights = np.ones(600)
    weights[::2] = 1e-6
    weighted = QuantRegressor(epochs=60, standardize=False, learning_rate=0.01).fit(x, spoilt, sample_weight=weights)
    assert abs(np.mean(weighted.predict(x)) - np.mean(y)) < 5


def test_it_stands_in_pipelines_and_searches():
    x, y = problem(300)
    pipeline = make_pipeline(StandardScaler(), QuantRegressor(epochs=3))
    assert len(cross_val_score(pipeline, x, y, cv=TimeSeriesSplit(3))) == 3
    search = GridSearchCV(QuantRegressor(epochs=2), {"hidden_sizes": [(4,), (8,)]}, cv=TimeSeriesSplit(2)).fit(x, y)
    assert search.best_params_["hidden_sizes"] in [(4,), (8,)]


@pytest.mark.parametrize("arguments, message", [
    ({"network": "cnn"}, "network, was 'cnn', expected one of mlp, lstm, gru"),
    ({"loss": "L3Loss"}, "loss, was 'L3Loss', expected one of"),
    ({"validation_fraction": 1.5}, "validation_fraction, was 1.5"),
    ({"network": "lstm", "hidden_sizes": (8, 4)}, r"hidden_sizes, was \(8, 4\), expected equal ones"),
    ({"quantization": {"quantised_dtype": "int8"}}, "quantised_dtype"),
])
def test_wrong_settings_are_named(arguments, message):
    x, y = problem(50)
    with pytest.raises((ValueError, TypeError), match=message):
        QuantRegressor(epochs=1, **arguments).fit(x, y)


def test_the_same_number_gives_the_same_bits():
    x, y = problem(200)
    first, second, other = (QuantRegressor(epochs=3, random_state=s).fit(x, y).predict(x) for s in (5, 5, 6))
    assert first.tobytes() == second.tobytes() != other.tobytes()


def test_random_states_of_scikit_learn():
    x = np.random.default_rng(1).normal(size=(60, 3))

    def fitted(state):
        return QuantRegressor(hidden_sizes=4, epochs=1, random_state=state).fit(x, x[:, 0]).predict(x)
    np.testing.assert_array_equal(fitted(np.random.RandomState(3)), fitted(np.random.RandomState(3)))
    np.testing.assert_array_equal(fitted(np.int64(3)), fitted(3))
    np.random.seed(5)
    first = fitted(None)
    assert (first != fitted(None)).any(), "drawn anew"
    np.random.seed(5)
    np.testing.assert_array_equal(fitted(None), first)


def test_one_hidden_layer_as_a_number():
    x = np.random.default_rng(1).normal(size=(60, 3))
    one, several = (QuantRegressor(hidden_sizes=sizes, epochs=1).fit(x, x[:, 0]) for sizes in (4, (4,)))
    np.testing.assert_array_equal(one.predict(x), several.predict(x))
    assert one.get_params()["hidden_sizes"] == 4
