"""`quantick run` as a user has it: results, the same hashes again, other file forms, other threads, resume, look-ahead."""
import csv
import json
import pathlib
import signal
import subprocess

import pytest
import small_run

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def report_of(folder):
    return json.loads((folder / "out/report.json").read_text())


@pytest.fixture(scope="module")
def finished(tmp_path_factory, quantick):
    folder = tmp_path_factory.mktemp("run")
    quantick("run", small_run.write_run(folder))
    return folder


def test_a_run_leaves_report_model_predictions_and_tables(finished):
    names = {p.name for p in (finished / "out").iterdir()}
    assert {"report.html", "report.json", "model.qtk", "network.safetensors", "scores_float32.csv", "scores_int8.csv"} <= names
    assert not [n for n in names if ".tmp" in n]
    report = report_of(finished)
    assert all(len(report["hashes"][key]) == 64 for key in ("data", "model", "predictions"))
    for metric in ("ic", "rank_ic", "mae", "top_k_overlap", "turnover", "sharpe", "max_drawdown"):
        row = report["paired"][metric]
        assert set(row) >= {"float32", "int8", "difference", "low", "high", "observations"}
        assert row["low"] <= row["difference"] <= row["high"], metric
        assert report["years"]["2020"][metric]["observations"] > 0
    assert {"name", "sqnr_db", "cosine", "saturation"} <= set(report["layers"][0])
    assert report["timings"]


def test_the_same_run_gives_the_same_hashes_with_one_thread(finished, tmp_path, quantick):
    quantick("run", small_run.write_run(tmp_path), QTK_THREADS="1")
    assert report_of(tmp_path)["hashes"] == report_of(finished)["hashes"]
    for name in ("scores_float32.csv", "scores_int8.csv", "model.qtk"):
        assert (tmp_path / "out" / name).read_bytes() == (finished / "out" / name).read_bytes(), name


def test_every_instruction_set_gives_the_same_int8_scores(finished, tmp_path, quantick):
    """The float network is trained once; its program is quantized and run by each set of kernels."""
    for isa in ("scalar", "avx2"):
        folder = tmp_path / isa
        folder.mkdir()
        run = small_run.write_run(folder)
        (folder / "out").mkdir()
        (folder / "out/network.safetensors").write_bytes((finished / "out/network.safetensors").read_bytes())
        quantick("quantize", run)
        quantick("backtest", run, QTK_ISA=isa)
        assert (folder / "out/scores_int8.csv").read_bytes() == (finished / "out/scores_int8.csv").read_bytes(), isa


@pytest.mark.parametrize("name,text", [("p.csv.gz", small_run.wide_csv()), ("long.csv", small_run.long_csv())])
def test_other_forms_of_the_same_prices_give_the_same_scores(finished, tmp_path, quantick, name, text):
    quantick("run", small_run.write_run(tmp_path, text, name))
    assert (tmp_path / "out/scores_int8.csv").read_bytes() == (finished / "out/scores_int8.csv").read_bytes()


def test_missing_cells_are_counted_and_run(tmp_path, quantick):
    rows = small_run.price_rows()
    blanked = range(60, len(rows), 37)
    for t in blanked:
        rows[t][1][t % 8] = None
    quantick("run", small_run.write_run(tmp_path, small_run.wide_csv(rows)))
    assert report_of(tmp_path)["data"][0]["missing"] == {"missing cells, close": len(blanked)}


def test_files_of_another_run_are_refused(tmp_path, quantick):
    run = small_run.write_run(tmp_path)
    quantick("run", run)
    text = run.read_text()
    changes = {"window: 8": "window: 9", "return(1), return(5)": "return(5), return(1)", "label: zscore": "label: rank", "seed: 3": "seed: 4",
               "[2019-02-01, 2019-12-31]": "[2019-02-01, 2019-11-29]", "hidden_size: 8": "hidden_size: 9"}
    for old, new in changes.items():
        assert old in text
        run.write_text(text.replace(old, new))
        result = quantick("backtest", run, ok=False)
        assert result.returncode == 1 and "network.safetensors" in result.stderr, result.stderr
    run.write_text(text)
    quantick("train", small_run.write_run(tmp_path, edit=lambda t: t.replace("epochs: 1", "epochs: 2")))
    assert not (tmp_path / "out/report.html").exists()
    result = quantick("backtest", run, ok=False)
    assert result.returncode == 1 and "model.qtk" in result.stderr


def test_cutting_the_future_off_changes_no_earlier_score_position_or_return(finished, tmp_path, quantick):
    """Features, network, quantizer, strategy and backtest: the file ends a month earlier, all else is the same."""
    cut = "2020-06-30"
    rows = [row for row in small_run.price_rows() if str(row[0]) <= cut]
    run = small_run.write_run(tmp_path, small_run.wide_csv(rows), edit=lambda t: t.replace("2020-07-31", cut))
    quantick("run", run)
    for name in ("scores_float32.csv", "scores_int8.csv", "positions_int8.csv", "returns_int8.csv"):
        short = (tmp_path / "out" / name).read_text().splitlines()
        whole = (finished / "out" / name).read_text().splitlines()
        kept = [line for line in whole[1:] if line.split(",")[0] <= cut]
        # The last bar differs by design: the whole run still trades on it.
        assert len(short) > 50 and short[1:] == kept[: len(short) - 1], name


def test_a_backtest_of_foreign_scores_needs_no_model(finished, tmp_path, quantick):
    run = small_run.write_run(tmp_path)
    run.write_text(run.read_text().replace("dataset:", "x_dataset:").split("x_dataset:")[0] + "strategy:" + run.read_text().split("strategy:")[1])
    result = quantick("backtest", run, "--scores", finished / "out/scores_int8.csv")
    assert (tmp_path / "out/scores/report.html").exists()
    assert "Sharpe" in result.stdout
    with (finished / "out/scores_int8.csv").open() as file:
        wide = list(csv.DictReader(file))
    long = tmp_path / "long.csv"
    names = small_run.NAMES
    key = list(wide[0])[0]
    lines = ["date,instrument,score"] + [f"{r[key]},{n},{r[n]}" for r in wide for n in names if r[n] != ""]
    long.write_text("\n".join(lines) + "\n")
    assert quantick("backtest", run, "--scores", long).stdout == result.stdout


def test_train_then_quantize_then_backtest_equals_run(finished, tmp_path, quantick):
    run = small_run.write_run(tmp_path)
    quantick("train", run)
    quantick("quantize", run)
    quantick("backtest", run)
    for name in ("network.safetensors", "model.qtk", "scores_int8.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (finished / "out" / name).read_bytes(), name


def test_an_interrupted_training_resumes_to_the_same_bits(tmp_path, binary, quantick):
    def longer(text):
        return text.replace("epochs: 1", "epochs: 60, patience: 0")

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    quantick("train", small_run.write_run(whole, edit=longer))
    run = small_run.write_run(broken, edit=longer)
    with subprocess.Popen([str(binary), "train", str(run)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        for line in process.stderr:
            if "epoch  2" in line:
                process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert not (broken / "out/network.safetensors").exists()
    assert (broken / "out/checkpoint.safetensors").exists()
    quantick("train", run, "--resume")
    assert (broken / "out/network.safetensors").read_bytes() == (whole / "out/network.safetensors").read_bytes()
    assert not (broken / "out/checkpoint.safetensors").exists()
    again = quantick("train", run, "--resume", ok=False)
    assert again.returncode == 1 and "--resume" in again.stderr
