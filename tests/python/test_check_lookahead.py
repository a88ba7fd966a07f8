"""`quantick check lookahead`: on a trained network and its program, on one file, and what it refuses."""
import json

from small_run import write_run


def test_a_run_has_no_lookahead_from_training_to_program(quantick, tmp_path):
    run = write_run(tmp_path)
    untrained = quantick("check", "lookahead", run).stdout
    assert "LSTM as it starts training: output: " in untrained and "no look-ahead" in untrained
    quantick("train", run)
    quantick("quantize", run)
    document = json.loads(quantick("check", "lookahead", run, "--json").stdout)
    assert document["causal"]
    network, program = document["models"]
    assert network["model"].endswith("network.safetensors") and program["model"].endswith("model.qtk")
    # The steps before the newest one is picked: two LSTM layers of 8 units over 64 steps and 5 rows.
    assert program["inside"]["compared"] > 2 * 64 * 5 * 8
    for model in document["models"]:
        for part in ("output", "inside"):
            assert all(model[part][what] == 0 for what in ("truncated", "later_step", "batch_companions"))
    alone = quantick("check", "lookahead", tmp_path / "out/model.qtk").stdout
    assert "steps inside the window: " in alone and "no look-ahead" in alone


def test_networks_over_whole_dates_are_checked_along_their_rows(quantick, tmp_path):
    run = write_run(tmp_path, edit=lambda text: text.replace(
        "{class: LSTM, kwargs: {hidden_size: 8, num_layers: 2}}",
        "{class: CrossTransformer, kwargs: {units: 8, num_heads: 2, hidden_size: 8, num_layers: 1}}").replace(
        "batch_size: 128", "batch_size: 8, batching: dates, monitor: loss"))
    document = json.loads(quantick("check", "lookahead", run, "--json").stdout)
    assert document["causal"] and document["models"][0]["output"]["compared"] > 0
    assert document["models"][0]["inside"]["compared"] == 0


def test_what_cannot_be_checked_is_an_error(quantick, tmp_path):
    missing = quantick("check", "lookahead", tmp_path / "none.qtk", ok=False)
    assert missing.returncode != 0 and "none.qtk" in missing.stderr
    one = quantick("check", "lookahead", write_run(tmp_path), "--steps", "1", ok=False)
    assert one.returncode != 0 and "steps and rows, were 1 and 5" in one.stderr
