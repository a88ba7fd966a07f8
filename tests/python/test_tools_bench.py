"""tools/bench*.py: rows, ratios and bars from results that are made up, and the Python peers' models and percentiles."""
import argparse
import json
import pathlib
import struct
import sys

import bench
import bench_bars
import bench_extra
import bench_peers
import bench_table
import numpy as np
import pytest


def result(contender, chunks, path="step", cache="hot", **more):
    return {"kind": "time", "contender": contender, "path": path, "cache": cache, "rows": 1, "samples": 1000,
            "chunks": chunks, "note": "", "p50": sorted(chunks)[len(chunks) // 2], **more}


RESULTS = [
    result("f32", [2000, 9000, 6000], floor=1500, bytes=4096, byte_products=0),
    result("int8", [1000, 3000, 2000], floor=400, bytes=1024, byte_products=77, **{"p99": 4000, "p99.9": 5000}),
    result("int8", [800, 900, 1000], path="event", floor=200),
    result("int8", [1e6, 1e6, 1e6], path="batch", floor=5e5, byte_products=1e6),
    result("int8", [7000, 7000, 7000], cache="evicted"),
    result("onnxruntime_f32", [11000, 31000, 21000], null=1000, null_chunks=[1000, 1000, 1000], p99=50000),
    {"kind": "error", "contender": "int8", "sqnr": 40.0, "max_error": 0.01},
    {"kind": "error", "contender": "f32", "max_error": 0.0},
    {"kind": "vnni_peak", "value": 1e9},
    {"kind": "f32_peak", "value": 4e8},
    {"kind": "cells", "value": 600.0},
    {"kind": "bandwidth", "bytes": 1024.0, "value": 5e10},
]
KEYS = {"workload", "contender", "path", "metric", "value", "unit", "floor", "ratio_to_int8", "cache", "net", "note"}
MACHINE = {"cpu": "a core", "cores": 2, "isa": "avx2", "isas": ["scalar", "avx2"], "bf16_peak": 0, "f32_peak": 4e8, "l1": 32 << 10,
           "l2": 1 << 20, "l3": 8 << 20, "units": ["avx_vnni"], "peers": [{"name": "eigen", "present": False, "text": "not built in"}]}


@pytest.fixture
def rows():
    return bench_table.rows_of("lstm_2x128", RESULTS)


def test_rows_have_the_promised_keys_and_can_be_written(rows):
    assert all(set(row) == KEYS for row in rows)
    assert json.loads(json.dumps(rows)) == rows
    assert {row["metric"] for row in rows} == {"p50", "p99", "p99.9", "throughput", "sqnr", "max_error", "bytes",
                                               "byte_products", "vnni_peak", "f32_peak", "cells", "bandwidth"}


def test_ratios_are_medians_over_rounds_not_ratios_of_medians(rows):
    found = bench_table.Rows(rows)
    assert found.get("lstm_2x128", "f32", "step")["ratio_to_int8"] == 3  # of 2, 3 and 3
    assert found.get("lstm_2x128", "int8", "step")["ratio_to_int8"] == 1
    assert found.ratio("lstm_2x128", "f32", "int8", "step") == 3
    assert found.get("lstm_2x128", "f32", "step", "p99") is None


def test_a_null_model_is_taken_off_in_a_column_of_its_own(rows):
    found = bench_table.Rows(rows)
    peer = found.get("lstm_2x128", "onnxruntime_f32", "step")
    assert (peer["value"], peer["net"], peer["ratio_to_int8"]) == (21000, 20000, 10)
    assert found.get("lstm_2x128", "onnxruntime_f32", "step", "p99")["ratio_to_int8"] == 49000 / 4000
    assert found.get("lstm_2x128", "onnxruntime_f32", "step", "throughput")["net"] == 1e9 / 20000


def test_throughput_counts_rows_and_compares_the_other_way_round(rows):
    found = bench_table.Rows(rows)
    row = found.get("lstm_2x128", "f32", "step", "throughput")
    assert (row["value"], row["unit"], row["ratio_to_int8"]) == (1e9 / 6000, "rows/s", 1 / 3)


def test_table_shows_every_path_once_and_errors_once_per_contender(rows):
    lines = bench_table.table_of("lstm_2x128", rows)
    assert [line[:2] for line in lines[1:]] == [("int8", "step"), ("int8", "event"), ("int8", "batch"),
                                                ("f32", "step"), ("onnxruntime_f32", "step")]
    column = dict(zip(bench_table.HEAD, zip(*lines[1:])))
    assert column["p50"][0] == "2.00" and column["evicted"][0] == "7.00" and column["x floor"][0] == "5.00"
    assert column["SQNR dB"] == ("40.0", "", "", "", "") and column["net p50"][-1] == "20.00"
    text = bench_table.text_table(lines)
    ends = [line.index(word) + len(word) for line, word in zip(text.splitlines(), ("p50", "2.00", "0.90"))]
    assert ends[0] == ends[1] == ends[2]  # numbers end under their heading
    assert bench_table.markdown_table(lines).count("\n") == len(lines)


def test_a_page_keeps_what_stands_above_the_mark(tmp_path, rows):
    lines = bench_table.table_of("lstm_2x128", rows)
    page = tmp_path / "page.md"
    page.write_text(f"# Words\n\n{bench.MARK}\n\nold numbers\n")
    bench.write_markdown(page, "a core", [("lstm_2x128", lines)])
    text = page.read_text()
    assert text.startswith(f"# Words\n\n{bench.MARK}\n\n```\na core\n```\n\n### lstm_2x128\n\n| contender | path |")
    assert "old numbers" not in text
    bench.write_markdown(tmp_path / "new/page.md", "a core", [("lstm_2x128", lines)])
    assert (tmp_path / "new/page.md").read_text().startswith("```\na core")


def bars_of(rows, **measured):
    found = bench_bars.all_bars(bench_table.Rows(rows), MACHINE, bench_extra.Extra(**measured))
    return {bar.name: bar for bar in found}


def test_each_half_life_has_its_bar(rows):
    columns = {"lstm, this contract": [75, 46], "hidden state read at 8 bits": [59, 42]}
    bars = bars_of(rows, state_widths={"half_lives": [10, 4000], "sqnr_db": columns})
    name = "hidden state, SQNR of 16 above 8 bits, on the same quantized weights"
    assert bars[f"{name}; half-life 10 steps"].met is True and bars[f"{name}; half-life 10 steps"].measured == "16.00 dB"
    assert bars[f"{name}; half-life 4000 steps"].met is False
    assert bars_of(rows)[name].met is None


def test_bars_are_met_or_skipped_with_the_reason(rows):
    bars = bars_of(rows)
    met = bars["lstm_2x128 step, int8 against own f32"]
    assert (met.met, met.measured, met.wanted) == (True, "3.00x", ">= 2.9x")
    either = bars["lstm_2x128 event p50, int8"]  # far from its floor, yet fast enough
    assert either.met is True and either.measured == "0.90 us, 4.50 floors"
    skipped = bars["lstm_2x128 step, own f32 against Eigen"]
    assert skipped.met is None and skipped.reason == "eigen: not built in"
    assert bars["lstm_2x128 step, int8 against onnxruntime_f32 (binding subtracted)"].met is True
    assert bars["LSTM training, hidden 64: bf16 against own f32"].reason == "this processor has no bf16"
    quick = bench_bars.training_bars({}, {**MACHINE, "bf16_peak": 2e8})[2]
    assert quick.reason == "training stays in float32: this core multiplies bf16 0.50x as fast as float32"


def test_a_missed_step_says_where_weights_lie_and_how_far_floors_are_apart(rows):
    slow = [dict(row, ratio_to_int8=1.5) if row["contender"] == "f32" and row["metric"] == "p50" else row
            for row in rows]
    bar = bars_of(slow)["lstm_2x128 step, int8 against own f32"]
    assert bar.met is False and bar.measured == "1.50x"
    assert bar.reason == ("avx2: weights int8 1 KiB in L1, f32 4 KiB in L1; floors 3.75 apart; int8 2.00 us = 5.00 floors, "
                          "f32 6.00 us = 4.00 floors; exact cells alone 0.60 us")


def test_a_missed_floor_names_the_cells(rows):
    late = [dict(row, value=1750.0) if (row["path"], row["metric"]) == ("event", "p50") else row for row in rows]
    bar = bars_of(late)["lstm_2x128 event p50, int8"]
    assert bar.met is False and bar.measured == "1.75 us, 8.75 floors"
    assert "1.75 us = floor 0.20 us + 1.55 us; the exact cells take 0.60 us alone" in bar.reason
    hidden = [dict(row, floor=1250.0) if (row["path"], row["metric"]) == ("event", "p50") else row for row in late]
    assert bars_of(hidden)["lstm_2x128 event p50, int8"].reason.endswith("of which the products hide 0.10 us at least")


def test_a_missed_peer_shows_its_time_and_what_a_floor_would_give(rows):
    near = [dict(row, ratio_to_int8=7.0) if row["contender"] == "onnxruntime_f32" and row["metric"] == "p50" else row
            for row in rows]
    bar = bars_of(near)["lstm_2x128 step, int8 against onnxruntime_f32 (binding subtracted)"]
    assert bar.met is False
    assert "takes 20.00 us of 21.00 us with its binding, int8 2.00 us = 5.00 floors" in bar.reason
    assert "at its floor int8 were 50.0x as fast" in bar.reason and bar.reason.endswith("avx_vnni")


def test_share_of_the_vnni_peak_counts_byte_products():
    found = bench_table.Rows(bench_table.rows_of("lstm_3x256", RESULTS))
    bars = bench_bars.batch_bars(found, bench_bars.Reasons(MACHINE, found))
    share = next(bar for bar in bars if "VNNI peak" in bar.name)
    assert share.met is True and share.measured == "100.00 %"  # 1e6 products in 1 ms at 1e9 a second


def test_a_missed_batch_says_what_both_peaks_allow():
    results = RESULTS + [result("f32", [2e6, 2e6, 2e6], path="batch", floor=1.5e6)]
    bars = {bar.name: bar for bar in bench_bars.batch_bars(*reasons_of(bench_table.rows_of("lstm_2x128", results)))}
    bar = bars["lstm_2x128 batch, int8 against own f32"]
    assert bar.met is False and bar.measured == "2.00x"
    assert "multiplies bytes 2.50x as fast as floats" in bar.reason and ": 1.50x where both are" in bar.reason
    assert "int8 reaches 100 % of the VNNI peak, f32 75 % of its own" in bar.reason


def reasons_of(rows):
    found = bench_table.Rows(rows)
    return found, bench_bars.Reasons(MACHINE, found)


def test_the_error_of_a_narrow_hidden_state_is_a_share_of_the_power():
    assert "make 50 % of the error power" in bench_bars.noise_reason(13.01, 10.0)
    assert "make 0 % of the error power" in bench_bars.noise_reason(10.0, 11.0)


def test_savings_and_starts_become_bars():
    savings = [{"workload": "lstm_2x128", "contender": c, "threads": 2, "windows_per_second": v, "sweeps_per_hour": v,
                "tick_ns": 1, "event_ns": 1, "cores": 1 / v} for c, v in (("int8", 60.0), ("f32", 20.0))]
    loading = {"file_bytes": 20e6, "load_seconds": 0.02, "parse_seconds": 0.015, "read_seconds": 0.004, "first_step_ns": 1000, "hundredth_step_ns": 990}
    training = {("lstm", 64): {"gflops": 60.0, "share": 0.6, "forward": 0.7, "backward": 0.5},
                ("lstm_pytorch", 64): {"gflops": 50.0, "share": None, "forward": None, "backward": None}}
    bars = bars_of([], savings=savings, loading=loading, training=training, portfolios={"sweeps_per_hour": 99_999.0},
                   importing={"seconds": 0.5, "text": "0.520 s with, 0.020 s without"})
    assert bars["lstm_2x128 model sweeps per hour, int8 against f32"].measured == "3.00x"
    assert bars["model load with checksum and packing, per 10 MB"].met is False  # 10 ms
    assert bars["first step after warm_up / hundredth step (1.1 counts as equal)"].met is True
    assert bars["LSTM training, hidden 64: share of the f32 GEMM peak"].met is True
    peer = bars["LSTM training, hidden 64 against PyTorch"]
    assert peer.measured == "1.20x"
    assert peer.reason == ("own 60.0 GFLOP/s = 60 % of the GEMM peak, PyTorch 50.0 = 50 %; the peak itself were 2.00x")
    assert bars["portfolio sweeps per hour over cached predictions"].met is False
    late = bars["import quantick, beyond the start of Python"]
    assert (late.met, late.measured, late.reason) == (False, "0.50 s", "0.520 s with, 0.020 s without")
    assert bars_of([])["import quantick, beyond the start of Python"].met is None
    extra = bench_extra.Extra(savings=savings)
    title, lines, rows = extra.tables()[0]
    assert lines[1][-1] == "sweeps x 3.00, cores / 3.00" and all(set(row) == KEYS for row in rows)


def test_training_results_of_google_benchmark():
    text = json.dumps({"benchmarks": [
        {"name": "training_step/layer:0/units:64/iterations:12/manual_time", "label": "lstm", "GFLOP/s": 50.0,
         "of_peak": 0.5, "forward_of_peak": 0.6, "backward_of_peak": 0.4}, {"name": "other/units:64"}]})
    assert bench_extra.training_results(text) == {
        ("lstm", 64): {"gflops": 50.0, "share": 0.5, "forward": 0.6, "backward": 0.4}}


def test_training_beside_pytorch_takes_turns(tmp_path):
    program = tmp_path / "ops_bench"
    run = {"name": "training_step/units:64", "label": "lstm", "GFLOP/s": 50.0, "of_peak": 0.5, "forward_of_peak": 0.6,
           "backward_of_peak": 0.4}
    program.write_text(f"#!/bin/sh\necho '{json.dumps({'benchmarks': [run]})}'\n")
    program.chmod(0o755)

    class Peer:
        values = iter((10.0, 90.0, 30.0))

        def ask(self, line):
            return {"64": next(self.values)}

    found = bench_extra.training(program, Peer())
    assert found["lstm_pytorch", 64] == {"gflops": 30.0, "share": None, "forward": None, "backward": None}
    assert found["lstm", 64]["gflops"] == 50.0
    assert bench_extra.training(program, None) == {("lstm", 64): found["lstm", 64]}
    assert bench_extra.training(tmp_path / "missing", None) == {}


def test_ticks_of_a_replay_and_nothing_of_one_without_latencies():
    times = {"p50": 500.0, "p99": 700.0, "p99.9": 2000.0}
    document = {"ticks_per_second": 8e5, "latency_ns": {"features": times, "model": times, "total": times, "timer": 22}}
    extra = bench_extra.Extra(ticks=[("ticks_if", bench_extra.latency_of(document))])
    title, lines, rows = extra.tables()[0]
    assert lines[-1] == ("ticks_if", "from event to signal", "800,000", "0.50", "0.70", "2.00")
    assert [row["metric"] for row in rows] == ["p50", "p99", "p99.9", "throughput"] and set(rows[0]) == KEYS
    assert bench_extra.latency_of({"ticks_per_second": 1}) is None


def test_unknown_peers_are_refused_with_the_known_ones():
    assert bench.peer_list("onednn, eigen") == ["onednn", "eigen"]
    with pytest.raises(SystemExit, match="unknown peer mxnet; known: onnxruntime"):
        bench.peer_list("mxnet")


class Scripted:
    """A worker that counts its rounds."""

    def __init__(self, refuses=False):
        self.lines, self.refuses = [], refuses

    def ask(self, line):
        self.lines.append(line)
        if self.refuses:
            raise RuntimeError("no such form")
        return [line] if line == "close" else {}


def test_a_workload_gets_its_rounds_even_where_its_time_is_over(capsys):
    own, python = Scripted(), Scripted()
    assert bench.run_workload("w", own, python, "f", 0, 0.5) == ["close", "close"]
    assert own.lines == python.lines == ["open w f"] + ["round 0.5"] * bench.LEAST_ROUNDS + ["close"]
    own, python = Scripted(), Scripted(refuses=True)
    assert bench.run_workload("w", own, python, "f", 3600, 1) == ["close"]
    assert own.lines.count("round 1") == bench.MOST_ROUNDS and python.lines == ["open w f"]
    assert "no Python peers for w: no such form" in capsys.readouterr().err


class ScriptedWorkers:
    """Workers that measure RESULTS, fail at the workload "broken" and are interrupted at "late"."""

    def __enter__(self):
        class Own(Scripted):
            def ask(self, line):
                if "broken" in line:
                    raise RuntimeError("it ended")
                if "late" in line:
                    raise KeyboardInterrupt
                return RESULTS if line == "close" else {}

        return Own(), bench.NoWorker([], "")

    def __exit__(self, *_):
        pass


def test_what_was_measured_before_an_interruption_is_kept(tmp_path, capsys):
    machine = {**MACHINE, "reading": [{"bytes": 1024, "bytes_per_second": 1e9}], "vnni_peak": 0, "clock_overhead_ns": 20}
    options = argparse.Namespace(json=tmp_path / "out/bench.json", markdown=tmp_path / "bench.md", no_extra=False)
    report, names = bench.Report(machine, options), ["broken", "lstm_2x128", "late", "never"]
    progress = bench.Progress(names, 25, True)
    with pytest.raises(KeyboardInterrupt):
        bench.measure(report, ScriptedWorkers(), names, progress, 0, 1)
    assert {row["workload"] for row in json.loads(options.json.read_text())} == {"lstm_2x128"}
    assert not report.add_bars().startswith("bars: 0 met") and "### bars" in options.markdown.read_text()
    said = capsys.readouterr().err
    assert "nothing measured of broken: it ended" in said and "2 of 5, lstm_2x128; 0 s so far, about 144 s in all" in said


def test_a_worker_that_ends_is_an_error_of_its_workload():
    worker = bench.Worker([sys.executable, "-c", "print('{}', flush=True); input()"])
    assert worker.ask("one") == {}
    with pytest.raises(RuntimeError, match="ended with 0 at \"two\""):
        worker.ask("two")
    worker.close()


def test_import_time_of_a_package_in_a_folder_of_a_build(tmp_path):
    nothing = bench_extra.import_time([tmp_path / "no/bin/python"], [])
    assert nothing["seconds"] is None and "no `import quantick` here" in nothing["text"]
    (tmp_path / "quantick").mkdir()
    interpreter = pathlib.Path(sys.executable)
    (tmp_path / "quantick/__init__.py").write_text("")
    found = bench_extra.import_time([interpreter], [tmp_path], runs=1)
    assert found["seconds"] < 5 and "s with the import" in found["text"]


def test_units_for_small_numbers_are_read_from_the_processors_flags():
    text = "model name : x\nflags\t\t: fpu amx_int8 avx512_vnni\nflags\t\t: fpu\n"
    assert bench.units_of(text) == ["avx512_vnni", "amx_int8"]
    assert bench.units_of("Features : asimd\n") == []


def test_percentiles_are_samples():
    assert [bench_peers.percentile([1, 2, 3, 4], p) for p in (0.25, 0.5, 0.51, 1.0)] == [1, 2, 3, 4]
    assert bench_peers.percentile(list(range(1, 1001)), 0.999) == 999


def write_network(path, tensors, text):
    header, data = {"__metadata__": text}, b""
    for name, array in tensors.items():
        raw = array.astype(np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    head = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + data)


def test_onnx_step_carries_its_state_and_agrees_with_the_formula(tmp_path):
    random = np.random.default_rng(1)
    units, columns, steps, rows = 4, 3, 5, 2
    weights = [random.normal(size=s) * 0.5 for s in ((16, columns), (16, units), (16,), (16,))]
    head, bias = random.normal(size=(2, units)), random.normal(size=2)
    x = random.normal(size=(steps, rows, columns))
    h, c = np.zeros((rows, units)), np.zeros((rows, units))

    def sigmoid(v):
        return 1 / (1 + np.exp(-v))

    for t in range(steps):
        i, f, g, o = np.split(x[t] @ weights[0].T + h @ weights[1].T + weights[2] + weights[3], 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    names = ("0.l0_i2h_weight", "0.l0_h2h_weight", "0.l0_i2h_bias", "0.l0_h2h_bias")
    write_network(tmp_path / "n.safetensors",
                  {**dict(zip(names, weights)), "2.weight": head, "2.bias": bias, "bench.windows": x,
                   "bench.truth": h @ head.T + bias},
                  {"kind": "lstm", "window": str(steps), "rows": "1", "layers": "1"})
    worker = bench_peers.Worker(["onnxruntime"])
    worker.command(f"open n {tmp_path}")
    worker.command("round 0.02")
    found = {(r["kind"], r["contender"]): r for r in worker.command("close")}
    assert found["error", "onnxruntime_f32"]["max_error"] < 1e-5
    assert found["error", "onnxruntime_int8"]["sqnr"] > 15
    assert found["time", "onnxruntime_f32"]["p50"] > 0 and len(found["time", "onnxruntime_f32"]["null_chunks"]) == 1
