"""`quantick replay`: a small tick file through features, model, stream and backtest; the real files where they are."""
import csv
import hashlib
import json
import math
import random
import re

import pytest

HEADER = "symbol,action_date,action_time_ms,last,total_volume,volume,bid1,ask1,bid1_qty,ask1_qty\n"
REPLAY = """name: ticks
output: {folder}/out
seed: 3
data:
  train: {folder}/first.csv
  replay: [{folder}/second.csv, {folder}/third.csv]
  read: {{format: level1, utc_offset: 8}}
features:
  list: [imbalance(), "order_flow_imbalance(5)", mid_return(3), spread()]
  max_gap: 300
label: {{ticks: 5}}
model: {{hidden_size: 8, num_layers: 2, window: 6}}
train: {{epochs: 2, batch_size: 64, learning_rate: 0.01}}
quantize: {{num_calib_samples: 512}}
trading: {{max_position: 2, multiplier: 10, fee_per_contract: 0.1, enter_share: 0.8, flat_at: "09:50:00"}}
latency: {{line_us: 300000}}
bootstrap: {{block_length: 50, resamples: 100}}
"""


def write_ticks(path, date, rows, seed, holes=()):
    """Quotes whose sizes lean to where the mid goes next, every half second from 09:30; a break of ten minutes in the
    middle, and rows without an ask at `holes`."""
    draw, mid, lean, volume, lines = random.Random(seed), 5000.0, 0.0, 0, [HEADER]
    for i in range(rows):
        lean = 0.9 * lean + draw.gauss(0, 1)
        mid += 0.2 * round(0.4 * lean + draw.gauss(0, 1))
        seconds = 0.5 * i + (600 if 2 * i >= rows else 0)
        clock = f"{9 + int(30 + seconds // 60) // 60}{int(30 + seconds // 60) % 60:02}{seconds % 60 * 1000:05.0f}"
        bought = draw.randint(0, 5)
        volume += bought
        bid, ask = max(1, 10 + round(4 * lean)), max(1, 10 - round(4 * lean))
        hole = i in holes
        lines.append(f"X1,{date},{clock},{mid:.1f},{volume},{bought},{mid - 0.2:.1f},{0 if hole else mid + 0.2:.1f},"
                     f"{bid},{0 if hole else ask}\n")
    path.write_text("".join(lines))


@pytest.fixture()
def folder(tmp_path):
    write_ticks(tmp_path / "first.csv", 20210104, 1500, 1)
    write_ticks(tmp_path / "second.csv", 20210105, 900, 2, holes={100, 101, 300})
    write_ticks(tmp_path / "third.csv", 20210106, 600, 3)
    (tmp_path / "replay.yaml").write_text(REPLAY.format(folder=tmp_path))
    return tmp_path


def rows_of(path):
    with open(path, newline="") as text:
        return list(csv.DictReader(text))


def check_results(folder, stdout):
    document = json.loads((folder / "replay.json").read_text())
    replay, same = document["replay"], document["stream_against_batch"]
    assert same == {"rows": replay["rows"], "different_feature_rows": 0, "different_signals": 0}
    assert document["refused_events"] == 0 and document["quantick_version"]
    assert replay["ticks"] == replay["rows"] + replay["ticks_without_a_feature"]
    latencies, signals = rows_of(folder / "latencies.csv"), rows_of(folder / "signals.csv")
    assert len(latencies) == len(signals) == replay["rows"]
    quantiles = document["latency_ns"]
    assert quantiles["total"]["max"] == pytest.approx(max(float(row["total_ns"]) for row in latencies), abs=1)
    assert 0 < quantiles["total"]["p50"] <= quantiles["total"]["p99"] <= quantiles["total"]["p99.9"]
    for name in ("zero", "measured", "measured_next"):
        trading = document["trading"][name]
        assert trading["orders"] == trading["fills"] + trading["refused"] + trading["in_flight"]
        assert trading["profit"] == pytest.approx(sum(day["profit"] for day in trading["days"]))
        assert f"\n{name} " in stdout
    assert document["trading"]["zero"]["adverse"] == 0 and document["trading"]["zero"]["latency_cost"] == 0
    assert "0 feature rows and 0 signals" in stdout
    return document, signals


def test_synthetic_days(quantick, folder):
    result = quantick("replay", folder / "replay.yaml")
    document, signals = check_results(folder / "out", result.stdout)
    # Three rows lack an ask and are no ticks; both days have a break in the middle, behind which order_flow_imbalance(5)
    # needs five ticks anew.
    assert document["replay"]["events"] == 1500 and document["replay"]["ticks"] == 1497
    assert document["replay"]["stretches"] == 4 and document["restarts"] == 3
    assert document["replay"]["ticks_without_a_feature"] == 4 * 5
    assert document["signal"]["ic"]["value"] > 0.2, "the sizes tell where the mid goes"
    assert document["signal"]["ic"]["low"] < document["signal"]["ic"]["value"] < document["signal"]["ic"]["high"]
    measured = document["trading"]["measured"]
    assert measured["fills"] > 10 and "line 300000000 ns" in measured["notes"][0]
    assert len(measured["days"]) == 2
    assert any(math.isnan(float(row["label"])) for row in signals)
    assert "NO FEES" not in result.stdout and measured["fees"] > 0
    assert "lstm" in quantick("inspect", folder / "out/model.qtk").stdout.lower()


def test_windows_and_a_second_run(quantick, folder):
    path = folder / "replay.yaml"
    path.write_text(path.read_text().replace("window: 6}", "window: 6, carried: false}"))
    document, signals = check_results(folder / "out", quantick("replay", path).stdout)
    warming_up = sum(math.isnan(float(row["signal"])) for row in signals)
    assert warming_up == 5 * document["replay"]["stretches"]
    latencies = folder / "latencies.csv"
    (folder / "out/latencies.csv").rename(latencies)
    path.write_text(path.read_text().replace("line_us: 300000}", f"line_us: 300000, file: {latencies}}}"))
    again, signals_again = check_results(folder / "out", quantick("replay", path, QTK_THREADS="1").stdout)
    assert [row["signal"] for row in signals] == [row["signal"] for row in signals_again]
    assert again["model_sha256"] == document["model_sha256"]
    assert "latencies.csv" in again["trading"]["measured"]["notes"][0]
    assert again["sha256"]["latency"] == {str(latencies): hashlib.sha256(latencies.read_bytes()).hexdigest()}


def test_a_gap_ends_the_memory_where_every_feature_goes_on(quantick, folder):
    path = folder / "replay.yaml"
    text = path.read_text()
    assert ', "order_flow_imbalance(5)", mid_return(3)' in text
    text = text.replace("fee_per_contract: 0.1, ", "")
    path.write_text(text.replace(', "order_flow_imbalance(5)", mid_return(3)', ""))
    result = quantick("replay", path)
    document, _ = check_results(folder / "out", result.stdout)
    assert "NO FEES" in result.stdout and document["trading"]["measured"]["fees"] == 0
    assert document["replay"]["ticks_without_a_feature"] == 0
    assert document["replay"]["stretches"] == 4 and document["restarts"] == 3


@pytest.mark.parametrize("carried", ["true", "false"])
def test_nothing_behind_the_training_part_enters_the_model(quantick, folder, carried):
    """With one epoch there is none to choose: scaler, weights, ranges and unit come from the training part alone."""
    path, ticks = folder / "replay.yaml", folder / "first.csv"
    text = path.read_text().replace("epochs: 2", "epochs: 1").replace("window: 6", f"window: 6, carried: {carried}")
    path.write_text(text)
    document, _ = check_results(folder / "out", quantick("replay", path).stdout)
    model, rows = document["model_sha256"], document["train"]["rows"]
    assert rows == 1500 - 2 * 5
    # Row 0 is the sixth tick, and five are missing behind the break.
    first = int(rows * 0.75) + 2 * 5
    lines = ticks.read_text().splitlines(True)
    # One tick earlier is the newest that a label of the training part looks at.
    for begin, same in ((first, True), (first - 1, False)):
        changed = lines[:1 + begin]
        for line in lines[1 + begin:]:
            cells = line.split(",")
            cells[6], cells[7] = f"{float(cells[6]) - 40:.1f}", f"{float(cells[7]) + 60:.1f}"
            cells[8] = str(1000 * int(cells[8]))
            changed.append(",".join(cells))
        ticks.write_text("".join(changed))
        again, _ = check_results(folder / "out", quantick("replay", path).stdout)
        assert again["train"]["rows"] == rows
        assert (again["model_sha256"] == model) == same


@pytest.mark.parametrize("before, after, message", [
    ("label:", "labels:", 'unknown key "labels" (labels), did you mean "label"?'),
    ("epochs: 2", "epoch: 2", 'did you mean "epochs"?'),
    ("imbalance()", "imbalanc()", "imbalance"),
    ("ticks: 5", "ticks: 0", "expected one of them above zero"),
    ("window: 6", "window: 0", "model.window"),
    ("09:50:00", "9:50", "flat_at"),
    ("enter_share: 0.8", "enter_share: 0.8, enter: 1", "trading.enter_share, was \"0.8\", expected nothing"),
    ("enter_share: 0.8", "exit: 0.5", "trading.exit, was \"0.5\", expected nothing"),
    ("line_us: 300000", "line_us: 300000, file: no_such.csv", "no_such.csv"),
    ("second.csv, ", "first.csv, ", "begins before the data ahead of it ends"),
    ("window: 6", "window: 5000", "model.window"),
    ("max_gap: 300", "max_gap: 300\n  quotes: both", "quotes, was \"both\""),
])
def test_mistakes_are_named(quantick, folder, before, after, message):
    path = folder / "replay.yaml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    result = quantick("replay", path, ok=False)
    assert result.returncode == 1 and message in result.stderr, result.stderr
    assert not (folder / "out").exists(), "mistakes show before the work"


def test_another_instrument_is_refused_by_name(quantick, folder):
    for name in ("third", "second"):
        ticks = folder / f"{name}.csv"
        ticks.write_text(ticks.read_text().replace("X1,", "X2,"))
        result = quantick("replay", folder / "replay.yaml", ok=False)
        expected = {"third": 'source 2 is of "X2", expected "X1"', "second": 'second.csv holds "X2", expected "X1"'}
        assert result.returncode == 1 and expected[name] in result.stderr, result.stderr


@pytest.mark.parametrize("example, data", [("if_ticks", ("cn_if2101_l1_ticks_20210105.csv.gz",)),
                                           ("binance_ticks", ("binance", "spot_btcusdt_20240809.jsonl.gz"))])
def test_real_ticks(quantick, tmp_path, example, data):
    from conftest import ROOT, shared
    shared("data", *data)
    text = (ROOT / "examples" / f"{example}.yaml").read_text()
    text = text.replace(f"name: {example}", f"name: {example}\noutput: {tmp_path}/out")
    text, count = re.subn(r"epochs: \d+", "epochs: 1", text)
    assert count == 1
    (tmp_path / "replay.yaml").write_text(text)
    document, _ = check_results(tmp_path / "out", quantick("replay", tmp_path / "replay.yaml").stdout)
    assert document["replay"]["rows"] > 20000
    assert document["signal"]["ic"]["high"] > 0
