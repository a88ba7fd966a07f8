"""`quantick compare`, and run files of every model: small markets, daily and within the day."""
import csv
import json
import random

import pytest
import small_run

MODELS = {
    "GRU": "{class: GRU, kwargs: {hidden_size: 8, num_layers: 2, layer_norm: true}}",
    "TCN": "{class: TCN, kwargs: {channels: [8, 8], norm: batch}}",
    "Transformer": "{class: Transformer, kwargs: {units: 8, num_heads: 2, hidden_size: 12}}",
    "CrossTransformer": "{class: CrossTransformer, kwargs: {units: 8, num_heads: 2, hidden_size: 12}}",
}
LSTM = "{class: LSTM, kwargs: {hidden_size: 8, num_layers: 2}}"
COMPARE = """name: small
output: {output}
seed: 3
train: {{epochs: 1, batch_size: 64}}
quantize: {{num_calib_samples: 256}}
evaluation: {{bootstrap: {{resamples: 100, block_length: 5}}}}
data_sets:
  - name: daily
    data: {{path: {daily}, survivorship: None failed., splits: None.}}
    dataset:
      features: [return(1), return(5), rank(return(5))]
      samples: {{window: 6, horizon: 2, label: zscore}}
      train: [2019-02-01, 2019-12-31]
      valid: [2020-01-02, 2020-02-28]
      test: [2020-03-02, 2020-07-31]
    evaluation: {{overlap_k: 2}}
  - name: bars
    data: {{path: {bars}, read: {{bars: intraday}}}}
    dataset:
      features: [return(1), return(2), volatility(3)]
      samples: {{window: 4, horizon: 2, label: return, label_volatility_bars: 3}}
      train: [2019-01-02, 2019-02-28]
      valid: [2019-03-01, 2019-03-29]
      test: [2019-04-01, 2019-05-31]
    train: {{batch_size: 32}}
    models: [small_lstm]
models:
  - {{name: small_lstm, class: LSTM, kwargs: {{hidden_size: 8, num_layers: 1}}}}
  - class: CrossTransformer
    kwargs: {{units: 8, num_heads: 2, hidden_size: 12, num_layers: 1}}
    train: {{batching: dates, batch_size: 8, monitor: loss}}
"""


def intraday_csv(days=110, bars=16):
    draw, price, lines = random.Random(5), 100.0, ["date,time,close"]
    for day in small_run.days(days):
        for bar in range(bars):
            price *= 1 + draw.gauss(0, 0.002)
            lines.append(f"{day},{9 + bar // 12:02}:{bar % 12 * 5:02}:00,{price:.3f}")
    return "\n".join(lines) + "\n"


def write_compare(folder, edit=lambda text: text):
    (folder / "daily.csv").write_text(small_run.wide_csv())
    (folder / "bars.csv").write_text(intraday_csv())
    path = folder / "compare.yaml"
    path.write_text(edit(COMPARE.format(output=folder / "out", daily=folder / "daily.csv", bars=folder / "bars.csv")))
    return path


@pytest.mark.parametrize("name", MODELS)
def test_a_run_file_can_name_the_model(tmp_path, quantick, name):
    def edit(text):
        text = text.replace(LSTM, MODELS[name])
        if name == "CrossTransformer":
            text = text.replace("batch_size: 128", "batch_size: 8, batching: dates, monitor: loss")
        return text
    quantick("run", small_run.write_run(tmp_path, edit=edit))
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["paired"]["top_k_overlap"]["int8"] > 0.7
    assert report["paired"]["ic"]["observations"] > 90
    assert report["layers"][-1]["sqnr_db"] > 15


@pytest.mark.parametrize("model,train,words", [
    ("TCN, kwargs: {channels: []}", "", ["channels", "1 to 15 blocks"]),
    ("TCN, kwargs: {norm: group}", "", ["norm", "group", "batch"]),
    ("GRU, kwargs: {hidden_size: 0}", "", ["hidden_size", "0"]),
    ("Transformer, kwargs: {units: 9, num_heads: 2}", "", ["units", "multiple of num_heads"]),
    ("Transformer, kwargs: {context: 4}", "", ["context", "unknown key"]),
    ("CrossTransformer", "", ["batching", "whole date"]),
    ("CrossTransformer", "batching: dates, ", ["monitor", "loss"]),
    ("Transfomer", "", ["Transfomer", "Transformer"]),
])
def test_wrong_models_are_refused_by_name(tmp_path, quantick, model, train, words):
    run = small_run.write_run(tmp_path, edit=lambda t: t.replace(LSTM, "{class: " + model + "}").replace("{epochs: 1", "{" + train + "epochs: 1"))
    result = quantick("run", run, ok=False)
    assert result.returncode == 1
    for word in words:
        assert word in result.stderr.splitlines()[-1]


def test_one_table_over_daily_and_intraday_data(tmp_path, quantick):
    printed = quantick("compare", write_compare(tmp_path)).stdout
    lines = [line.split("|") for line in printed.splitlines() if line.startswith("| ")]
    assert [(line[1].strip(), line[2].strip()) for line in lines[1:]] == [
        ("daily", "small_lstm"), ("daily", "CrossTransformer"), ("bars", "small_lstm")]
    assert "None failed." in printed and "tested 2020-03-02 to 2020-07-31" in printed
    rows = json.loads((tmp_path / "out/compare.json").read_text())["rows"]
    for row in rows:
        for metric in ("ic", "rank_ic", "mae_change", "top_k_overlap"):
            assert row[f"{metric}_low"] <= row[f"{metric}_difference"] <= row[f"{metric}_high"], metric
        assert abs(row["mae_change_difference"]) < 1
        assert row["mae_int8"] / row["mae_float32"] == pytest.approx(1 + row["mae_change_difference"] / 100, rel=1e-9)
        assert row["sqnr_db"] > 15
    daily, _, bars = rows
    # A window of 4, features of 3 more bars back, a label of 1 + 2 bars ahead: 7 of 16 bars a day.
    assert bars["observations"] == 7 * bars["days"]
    assert daily["observations"] <= 8 * daily["days"]
    with open(tmp_path / "out/compare.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["model"] for row in table] == ["small_lstm", "CrossTransformer", "small_lstm"]
    assert float(table[0]["ic_int8"]) == pytest.approx(daily["ic_int8"])
    assert (tmp_path / "out/daily_CrossTransformer/quantization.txt").read_text().startswith("tensor")


def test_the_same_file_gives_the_same_bits_with_one_thread(tmp_path, quantick):
    path = write_compare(tmp_path)
    results = []
    for threads in ("2", "1"):
        quantick("compare", path, "--only", "daily", QTK_THREADS=threads)
        results.append((tmp_path / "out/compare.json").read_bytes())
    assert results[0] == results[1]


@pytest.mark.parametrize("edit,words", [
    (lambda t: t.replace("/daily.csv", "/absent.csv"), ["data set daily", "absent.csv", "is not there"]),
    (lambda t: t.replace("models: [small_lstm]", "models: [lstm]"), ["compare.yaml:26", "lstm"]),
    (lambda t: t.replace("  - name: bars", "  - name: daily"), ["daily", "no other data set"]),
    (lambda t: t.replace("    evaluation:", "    evaluate:"), ["evaluate", "evaluation"]),
    (lambda t: t.replace("hidden_size: 8, num_layers: 1", "hidden: 8"), ["hidden", "hidden_size"]),
    (lambda t: t.replace("read: {bars: intraday}", "read: {}"), ["bars: intraday"]),
])
def test_mistakes_in_a_compare_file_are_named(tmp_path, quantick, edit, words):
    result = quantick("compare", write_compare(tmp_path, edit), ok=False)
    assert result.returncode == 1
    for word in words:
        assert word in result.stderr.splitlines()[-1], result.stderr


def test_a_backtest_refuses_bars_within_a_day(tmp_path, quantick):
    edit = lambda t: t.replace("dataset:", "  read: {bars: intraday}\ndataset:", 1).replace("2019-02-01, 2019-12-31", "2019-01-02, 2019-02-28").replace(
        "2020-01-02, 2020-02-28", "2019-03-01, 2019-03-29").replace("2020-03-02, 2020-07-31", "2019-04-01, 2019-05-31").replace(
        "rank(return(5)), volatility(10)", "volatility(3)").replace("return(5)", "return(2)").replace("window: 8", "window: 4").replace("label: zscore", "label: return")
    result = quantick("run", small_run.write_run(tmp_path, intraday_csv(), edit=edit), ok=False)
    assert result.returncode == 1
    assert "bars within a day" in result.stderr and "quantick compare" in result.stderr
