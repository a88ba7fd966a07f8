"""`quantick sweep`: rows of the table against single backtests, the impossible and the unknown."""
import csv
import hashlib
import json

import pytest
import small_run

SWEEP = """name: sweep
output: {folder}/sweep
scores: {folder}/scores.csv
data: {{path: {folder}/prices.csv}}
strategies:
  - class: TopkDropout
    kwargs: {{k: [1, 2, 4], n_drop: [1, 2], rebalance: [1, 5]}}
  - class: LongShort
    kwargs: {{k: 2, weighting: [equal, rank]}}
backtest: {{commission_bps: [0, 10], slippage_bps: 5}}
trials: 7
"""


@pytest.fixture()
def folder(tmp_path):
    rows = small_run.price_rows()
    (tmp_path / "prices.csv").write_text(small_run.wide_csv(rows))
    lines = ["date," + ",".join(small_run.NAMES)]
    for (_, before), (day, now) in list(zip(rows, rows[5:]))[100:300]:
        lines.append(f"{day}," + ",".join(f"{b / n:.6f}" for b, n in zip(before, now)))
    (tmp_path / "scores.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "sweep.yaml").write_text(SWEEP.format(folder=tmp_path))
    return tmp_path


def test_rows_are_single_backtests(quantick, folder):
    result = quantick("sweep", folder / "sweep.yaml", "--top", 3)
    document = json.loads((folder / "sweep/sweep.json").read_text())
    with open(folder / "sweep/sweep.csv", newline="") as text:
        table = list(csv.DictReader(text))
    assert len(document["rows"]) == len(table) == 24
    assert len(document["refused"]) == 4 and "n_drop, was 2, expected at most k = 1" in document["refused"][0]
    prices = hashlib.sha256((folder / "prices.csv").read_bytes()).hexdigest()
    assert document["data_sha256"] == prices and document["quantick_version"]
    assert document["trials"] == 31 and "31 trials" in result.stdout and "deflated" in result.stdout
    best = document["rows"][document["best"]]
    assert best["sharpe"] == max(row["sharpe"] for row in document["rows"])
    assert 0 <= best["deflated_sharpe"] <= 1
    number, row = next((i, row) for i, row in enumerate(document["rows"]) if row.get("n_drop") == "2")
    assert table[number]["n_drop"] == "2" and float(table[number]["sharpe"]) == row["sharpe"]
    kwargs = ", ".join(f"{key}: {row[key]}" for key in ("k", "n_drop", "rebalance"))
    run = folder / "run.yaml"
    run.write_text(f"name: one\noutput: {folder}/one\ndata: {{path: {folder}/prices.csv}}\n"
                   f"strategy: {{class: {row['class']}, kwargs: {{{kwargs}}}}}\n"
                   f"backtest: {{commission_bps: {row['commission_bps']}, slippage_bps: 5}}\n")
    quantick("backtest", run, "--scores", folder / "scores.csv")
    with open(folder / "one/scores/returns_scores.csv", newline="") as text:
        returns = list(csv.DictReader(text))
    assert sum(int(bar["trades"]) for bar in returns) == row["trades"]
    wealth = 1.0
    for bar in returns:
        wealth *= 1 + float(bar["net_return"])
    assert wealth ** (252 / len(returns)) - 1 == pytest.approx(row["annual_return"], abs=1e-12)


def test_threads_change_nothing(quantick, folder):
    rows = []
    for threads in ("1", "3"):
        quantick("sweep", folder / "sweep.yaml", QTK_THREADS=threads)
        rows.append((folder / "sweep/sweep.csv").read_bytes())
    assert rows[0] == rows[1]


def test_one_setting_after_a_search_claims_nothing(quantick, folder):
    path = folder / "sweep.yaml"
    text = path.read_text()
    for before, after in (("[1, 2, 4], n_drop: [1, 2], rebalance: [1, 5]", "2, n_drop: 1"), ("[0, 10]", "0"),
                          ("  - class: LongShort\n    kwargs: {k: 2, weighting: [equal, rank]}\n", "")):
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)
    result = quantick("sweep", path)
    assert "8 trials" in result.stdout and "no deflated Sharpe ratio" in result.stdout
    document = json.loads((folder / "sweep/sweep.json").read_text())
    assert document["expected_max_sharpe"] is None and document["rows"][0]["deflated_sharpe"] is None
    path.write_text(text.replace("trials: 7\n", ""))
    assert "no deflated" not in quantick("sweep", path).stdout


def test_lists_that_cross_to_too_many_settings_are_refused_at_once(quantick, folder):
    path, many = folder / "sweep.yaml", ", ".join(map(str, range(1, 20001)))
    path.write_text(path.read_text().replace("rebalance: [1, 5]", f"rebalance: [{many}]")
                    .replace("commission_bps: [0, 10]", f"commission_bps: [{many}]"))
    result = quantick("sweep", path, ok=False, timeout=60)
    assert result.returncode == 1 and "lists that make 1000000 settings at most" in result.stderr, result.stderr


@pytest.mark.parametrize("before, after, message", [
    ("n_drop: [1, 2]", "n_drp: [1, 2]", 'unknown key "n_drp"'),
    ("commission_bps: [0, 10]", "commission_bps: [0, -1]", "commission_bps, was -1"),
    ("class: LongShort", "class: LongShrt", "expected one of"),
    ("k: [1, 2, 4]", "k: []", "expected a value, or a list of values"),
    ("name: sweep", "title: sweep", 'unknown key "title"'),
])
def test_mistakes_are_named(quantick, folder, before, after, message):
    path = folder / "sweep.yaml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    result = quantick("sweep", path, ok=False)
    assert result.returncode == 1 and message in result.stderr, result.stderr
