"""Qlib's workflow files run here: windows and rows, three networks, float32 and int8, and what is refused."""
import numpy as np
import pandas as pd
import pytest
import qlib_data
import yaml

import quantick
from quantick import qlib

WORKFLOW = """
qlib_init:
    provider_uri: "{folder}"
    region: cn
market: &market all
benchmark: &benchmark SH600000
data_handler_config: &data_handler_config
    start_time: 2018-02-01
    end_time: 2018-09-28
    fit_start_time: 2018-02-01
    fit_end_time: 2018-05-31
    instruments: *market
    infer_processors:
        - class: FilterCol
          kwargs:
              fields_group: feature
              col_list: ["ROC5", "STD10", "KMID", "VSTD5", "RSV5"]
        - class: RobustZScoreNorm
          kwargs:
              fields_group: feature
              clip_outlier: true
        - class: Fillna
          kwargs:
              fields_group: feature
    learn_processors:
        - class: DropnaLabel
        - class: CSRankNorm
          kwargs:
              fields_group: label
    label: ["Ref($close, -2) / Ref($close, -1) - 1"]
task:
    model:
        class: LSTM
        module_path: qlib.contrib.model.pytorch_lstm_ts
        kwargs:
            d_feat: 5
            hidden_size: 8
            num_layers: 1
            dropout: 0.0
            n_epochs: 3
            lr: 1e-2
            early_stop: 2
            batch_size: 64
            metric: loss
            loss: mse
            n_jobs: 20
            GPU: 0
    dataset:
        class: TSDatasetH
        module_path: qlib.data.dataset
        kwargs:
            handler:
                class: Alpha158
                module_path: qlib.contrib.data.handler
                kwargs: *data_handler_config
            segments:
                train: [2018-02-01, 2018-05-31]
                valid: [2018-06-01, 2018-07-13]
                test: [2018-07-16, 2018-09-28]
            step_len: 10
    record:
        - class: SignalRecord
          module_path: qlib.workflow.record_temp
          kwargs: {{}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("qlib") / "data"
    qlib_data.make(path)
    return path


@pytest.fixture
def config(folder):
    return yaml.safe_load(WORKFLOW.format(folder=folder))


@pytest.fixture(scope="module")
def result(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "workflow.yaml"
    path.write_text(WORKFLOW.format(folder=folder))
    return qlib.run_workflow(path)


def test_windows_give_predictions_for_the_test_days_in_float_and_int8(result):
    days = result.pred.index.get_level_values("datetime")
    assert days.min() == pd.Timestamp("2018-07-16") and days.max() == pd.Timestamp("2018-09-28")
    assert result.pred.index.equals(result.pred_quantized.index)
    assert set(result.metrics) == {"float32", "int8"} and set(result.metrics["int8"]) == {"IC", "ICIR", "Rank IC", "Rank ICIR"}
    noise = (result.pred_quantized - result.pred).std() / result.pred.std()
    assert 0 < noise < 0.1
    assert "GPU = 0 is not used" in str(result) and "Rank ICIR" in str(result)
    assert len(result.history["train_loss"]) <= 3


def test_predictions_of_the_network_are_those_of_a_stream(result):
    """The newest window of an instrument, tick by tick, gives the bits of the workflow's prediction."""
    name = "SH600000"
    last = result.pred_quantized.xs(name, level="instrument").index[-1]
    workflow = result.workflow
    data = qlib.BinData(workflow.provider_uri)
    features, labels = qlib.handlers.load(data, "all", qlib.alpha158(), {"LABEL0": workflow.label[0]}, workflow.start,
                                          workflow.end)
    table = {"feature": features, "label": labels}
    for processor in workflow.infer:
        table = processor.apply(table)
    window = table["feature"].xs(name, level="instrument").loc[:last].iloc[-10:]
    window = np.ascontiguousarray(window, dtype=np.float32)
    stream = result.quantized.stream()
    out = np.empty((1, 1), np.float32)
    for row in window:
        stream.step(row[None], out)
    assert out[0, 0] == np.float32(result.pred_quantized[(last, name)])


def test_earlier_predictions_keep_their_bits_when_the_future_is_cut_off(result, config, tmp_path):
    cut = tmp_path / "cut"
    qlib_data.make(cut)
    days = (cut / "calendars/day.txt").read_text().splitlines()[:160]
    (cut / "calendars/day.txt").write_text("\n".join(days) + "\n")
    for path in cut.glob("features/*/*.bin"):
        values = np.fromfile(path, "<f4")
        values[:1 + max(0, 160 - int(values[0]))].tofile(path)
    config["task"]["dataset"]["kwargs"]["segments"]["test"] = ["2018-07-16", days[-1]]
    short = qlib.run_workflow(config, provider_uri=cut)
    same = result.pred_quantized.loc[short.pred_quantized.index]
    assert len(same) > 100
    assert same.to_numpy().tobytes() == short.pred_quantized.to_numpy().tobytes()


def test_rows_and_dense_layers(config):
    config["task"]["dataset"]["class"] = "DatasetH"
    config["task"]["dataset"]["kwargs"].pop("step_len")
    config["task"]["model"] = {"class": "DNNModelPytorch", "kwargs": {
        "lr": 0.01, "max_steps": 50, "batch_size": 64, "early_stop_rounds": 5, "optimizer": "adam", "loss": "mse",
        "pt_model_kwargs": {"input_dim": 5, "layers": [16]}}}
    result = qlib.run_workflow(config)
    assert len(result.pred) == len(result.pred_quantized) > 200


def test_alpha360_is_a_window_of_sixty_days(config):
    handler = config["task"]["dataset"]["kwargs"]["handler"]
    handler["class"] = "Alpha360"
    handler["kwargs"]["infer_processors"] = handler["kwargs"]["infer_processors"][1:]
    config["task"]["dataset"]["class"] = "DatasetH"
    config["task"]["model"] = {"class": "GRU", "kwargs": {"d_feat": 6, "hidden_size": 4, "num_layers": 1, "n_epochs": 1}}
    config["quantize"] = {"quantized_dtype": "int16"}
    result = qlib.run_workflow(config)
    assert result.net[0].collect_params()["l0_i2h_weight"].shape == (12, 6)
    assert result.quantized.report.config.quantized_dtype == "int16"
    config["quantize"] = None
    assert qlib.run_workflow(config).pred_quantized is None


def test_signal_metrics_are_means_of_daily_correlations():
    index = pd.MultiIndex.from_product([pd.bdate_range("2020-01-01", periods=3), list("abcde")])
    pred = pd.Series([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1.0], index=index)
    label = pd.Series([1, 2, 3, 4, 9, 2, 1, 3, 4, 5, 1, 2, 3, 4, 5.0], index=index)
    index.names = ["datetime", "instrument"]
    ics = [np.corrcoef(pred[i:i + 5], label[i:i + 5])[0, 1] for i in (0, 5, 10)]
    got = qlib.signal_metrics(pred, label)
    np.testing.assert_allclose([got["IC"], got["ICIR"], got["Rank IC"]],
                               [np.mean(ics), np.mean(ics) / np.std(ics, ddof=1), np.mean([1, 0.9, -1])])


@pytest.mark.parametrize("change, error, message", [
    (lambda c: c["task"]["model"].update({"class": "LGBModel"}), quantick.UnsupportedError, "model LGBModel, expected one of LSTM"),
    (lambda c: c["task"].pop("dataset"), ValueError, "task.dataset is missing"),
    (lambda c: c["task"]["model"]["kwargs"].update({"hiden_size": 3}), ValueError, "model settings hiden_size"),
    (lambda c: c["task"]["dataset"]["kwargs"]["handler"].update({"class": "Alpha101"}), quantick.UnsupportedError,
     "handler Alpha101, expected one of Alpha158, Alpha360"),
    (lambda c: c["task"]["dataset"]["kwargs"]["segments"].update({"test": ["2031-01-01", "2032-01-01"]}), ValueError,
     "segment test from 2031-01-01 to 2032-01-01 has no rows"),
    (lambda c: c.update({"BASE_CONFIG_PATH": "x.yaml"}), quantick.UnsupportedError, "key BASE_CONFIG_PATH"),
    (lambda c: c["task"]["model"]["kwargs"].update({"loss": "mae"}), ValueError, "loss, was 'mae', expected mse"),
    (lambda c: c["qlib_init"].pop("provider_uri"), ValueError, "provider_uri is missing"),
])
def test_what_is_not_here_is_named(config, change, error, message):
    change(config)
    with pytest.raises(error) as raised:
        qlib.run_workflow(config)
    assert message in str(raised.value)


def test_templates_are_named(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text("market: {{ market }}")
    with pytest.raises(quantick.UnsupportedError, match="Jinja template"):
        qlib.read_workflow(path)
