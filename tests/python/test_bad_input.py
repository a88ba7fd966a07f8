"""Bad files and run files: an error that names the thing, exit status 1, and nothing half-written."""
import gzip

import pytest
import small_run

ROWS = small_run.price_rows()


def change(row, column, value):
    lines = small_run.wide_csv().splitlines()
    cells = lines[row].split(",")
    cells[column] = value
    lines[row] = ",".join(cells)
    return "\n".join(lines) + "\n"


def swap_lines(a, b):
    lines = small_run.wide_csv().splitlines()
    lines[a], lines[b] = lines[b], lines[a]
    return "\n".join(lines) + "\n"


def without_column(k):
    rows = [(day, [None if i == k else p for i, p in enumerate(prices)]) for day, prices in ROWS]
    return small_run.wide_csv(rows)


DUPLICATE = "\n".join(small_run.wide_csv().splitlines()[:50] + [small_run.wide_csv().splitlines()[49]]) + "\n"
PRICES = {
    "empty file": (b"", ["prices.csv", "empty"]),
    "header only": ("Date,AAA,BBB\n", ["prices.csv"]),
    "text in a number": (change(30, 3, "12x4"), ["prices.csv:31", "CCC", "12x4"]),
    "duplicate date": (DUPLICATE, ["prices.csv:51", "2019-"]),
    "unsorted dates": (swap_lines(40, 41), ["prices.csv:42", "2019-"]),
    "NaN column": (without_column(2), ["CCC"]),
    "infinity": (change(30, 3, "inf"), ["prices.csv:31", "CCC", "inf"]),
    "zero price": (change(30, 3, "0"), ["prices.csv:31", "CCC", "0"]),
    "negative price": (change(30, 3, "-4.5"), ["prices.csv:31", "CCC", "-4.5"]),
}
RUN_FILES = {
    "unknown section": (lambda t: t.replace("quantize:", "quantise:"), ["run.yaml:14", "quantise", "quantize"]),
    "unknown key": (lambda t: t.replace("epochs: 1", "epoch: 1"), ["run.yaml:13", "epoch", "epochs"]),
    "text for a number": (lambda t: t.replace("batch_size: 128", "batch_size: many"), ["run.yaml:13", "many", "integer"]),
    "unknown class": (lambda t: t.replace("class: LSTM", "class: LTSM"), ["run.yaml:12", "LTSM", "LSTM"]),
    "unknown feature": (lambda t: t.replace("volatility(10)", "volatilty(10)"), ["volatilty", "volatility"]),
    "segments that overlap": (lambda t: t.replace("2020-01-02", "2019-11-04"), ["run.yaml:10", "2019-12-31"]),
    "k above the universe": (lambda t: t.replace("k: 0.5", "k: 9"), ["9", "8"]),
    "periods": (lambda t: t.replace("evaluation: {", "evaluation: {periods_per_year: -1, "),
                ["run.yaml:16", "periods_per_year", "above 0"]),
    "profile": (lambda t: t.replace("evaluation: {", "evaluation: {profile: empirical, "), ["run.yaml:16", "empirical", "empyrical"]),
    "calibration": (lambda t: t.replace("quantize: {", "quantize: {calib_mode: foo, "), ["run.yaml:14", "calib_mode", "foo"]),
    "execution": (lambda t: t + "backtest: {execution: now}\n", ["run.yaml:17", "execution", "now"]),
    "delay": (lambda t: t + "backtest: {delay_bars: 9223372036854775807}\n", ["run.yaml:17", "delay_bars"]),
    "epochs": (lambda t: t.replace("epochs: 1", "epochs: 0"), ["run.yaml:13", "train.epochs", "0"]),
    "huge batch": (lambda t: t.replace("128", "9223372036854775807"), ["run.yaml:13", "train.batch_size"]),
    "huge network": (lambda t: t.replace("hidden_size: 8", "hidden_size: 100000000"), ["run.yaml:12", "hidden_size"]),
    "huge horizon": (lambda t: t.replace("horizon: 2", "horizon: 9223372036854775807"), ["run.yaml:8", "horizon"]),
    "label": (lambda t: t.replace("zscore", "z-score"), ["run.yaml:8", "z-score", "zscore"]),
    "loss by date": (lambda t: t.replace("epochs: 1", "loss: {class: NegativeICLoss}, epochs: 1"), ["run.yaml:13", "batching: dates"]),
    "kwargs": (lambda t: t.replace("epochs: 1", "optimizer: {class: Adam, kwargs: {lr: 1}}"), ["run.yaml:13", "lr"]),
    "layer that is not there": (lambda t: t.replace("quantize: {", "quantize: {exclude_layers: [fc_final], "),
                                ["exclude_layers", "fc_final"]),
    "rule that meets nothing": (lambda t: t.replace("quantize: {", "quantize: {tensors: [{match: '*.cel', dtype: int8}], "),
                                ["*.cel", "0.cell"]),
    "width that is none": (lambda t: t.replace("quantize: {", "quantize: {tensors: [{match: '*.cell', dtype: int99}], "),
                           ["0.cell", "int99"]),
    "rule that sets nothing": (lambda t: t.replace("quantize: {", "quantize: {layers: [{match: '0'}], "),
                               ["nothing to set", "group_size"]),
    "method that is none": (lambda t: t.replace("quantize: {", "quantize: {layers: [{match: '0', method: dynamik}], "),
                            ["dynamik", "dynamic"]),
    "no volumes": (lambda t: t + "backtest: {max_volume_share: 0.1}\n", ["max_volume_share", "prices.csv"]),
    "output is a file": (lambda t: t.replace("/out", "/prices.csv"), ["prices.csv"]),
    "alias bomb": (lambda t: t + "x: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(f"x{k}: &{chr(98+k)} [{', '.join(['*' + chr(97+k)] * 10)}]\n" for k in range(7)),
                   ["run.yaml", "values"]),
    "not YAML": (lambda t: t + "a: [1,\n", ["run.yaml"]),
    "no prices": (lambda t: t.replace("prices.csv", "absent.csv"), ["absent.csv"]),
    "wrong column": (lambda t: t.replace("dataset:", "  read: {date_column: day}\ndataset:"), ["day", "Date"]),
}


def refused(quantick, folder, run, words):
    result = quantick("run", run, ok=False)
    assert result.returncode == 1, result.stdout + result.stderr
    last = result.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last, last
    assert "unexpected" not in last and "Invariant" not in last
    out = folder / "out"
    assert not out.exists() or not list(out.iterdir())


@pytest.mark.parametrize("case", PRICES)
def test_bad_prices(case, tmp_path, quantick):
    text, words = PRICES[case]
    refused(quantick, tmp_path, small_run.write_run(tmp_path, text), words)


def test_truncated_gzip(tmp_path, quantick):
    whole = gzip.compress(small_run.wide_csv().encode())
    refused(quantick, tmp_path, small_run.write_run(tmp_path, whole[: len(whole) // 2], "prices.csv.gz"), ["prices.csv.gz"])


@pytest.mark.parametrize("case", RUN_FILES)
def test_bad_run_file(case, tmp_path, quantick):
    edit, words = RUN_FILES[case]
    refused(quantick, tmp_path, small_run.write_run(tmp_path, edit=edit), words)


def test_a_missing_run_file(tmp_path, quantick):
    result = quantick("run", tmp_path / "none.yaml", ok=False)
    assert result.returncode == 1 and "none.yaml" in result.stderr


@pytest.mark.parametrize("fault", ["truncated", "flipped"])
def test_altered_model_files(fault, tmp_path, quantick):
    run = small_run.write_run(tmp_path)
    quantick("train", run)
    quantick("quantize", run)
    model = tmp_path / "out/model.qtk"
    assert "verified" in quantick("inspect", model, "--verify").stdout
    data = bytearray(model.read_bytes())
    if fault == "truncated":
        data = data[:-100]
    else:
        data[len(data) * 2 // 3] ^= 4
    model.write_bytes(data)
    for command in (["inspect", model], ["backtest", run]):
        result = quantick(*command, ok=False)
        assert result.returncode == 1 and "model.qtk" in result.stderr, result.stderr
    assert not (tmp_path / "out/report.json").exists()
