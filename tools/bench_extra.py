"""What `make bench` measures beside the workloads: what int8 saves, loading, training kernels, the import of the Python
package, and real ticks, by `quantick replay` on the examples."""
import dataclasses
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import bench_table
from bench_table import row

SAVINGS_HEAD = ("workload", "contender", "windows/s", "model sweeps/h", "tick us", "cores", "against f32")
TRAINING_HEAD = ("layer", "hidden", "GFLOP/s", "share of GEMM peak", "forward", "backward")
TICKS_HEAD = ("workload", "part", "ticks/s", "p50", "p99", "p99.9")
REPLAYS = ("if_ticks", "binance_ticks")
TICK_PARTS = {"features": "book and features", "model": "model", "total": "from event to signal"}


@dataclasses.dataclass
class Extra:
    savings: list = dataclasses.field(default_factory=list)
    portfolios: dict | None = None
    loading: dict | None = None
    state_widths: dict | None = None  # {"half_lives", "sqnr_db": {column: by half-life}}
    # (layer, hidden): {"gflops", "share", "forward", "backward"}, shares of the GEMM peak
    training: dict = dataclasses.field(default_factory=dict)
    importing: dict | None = None  # {"seconds", "text"}; seconds None where no Python can import the package
    ticks: list = dataclasses.field(default_factory=list)  # (workload, what latency_of() gives)

    @property
    def portfolio(self):
        return self.portfolios["sweeps_per_hour"] if self.portfolios else None

    def tables(self):
        """(title, lines, rows) of each table that has something to say."""
        found = [self.savings_table(), self.training_table(), self.ticks_table()]
        return [(title, lines, rows) for title, lines, rows in found if len(lines) > 1]

    def savings_table(self):
        lines, rows = [SAVINGS_HEAD], []
        base = {(r["workload"], r["contender"]): r for r in self.savings}
        for r in self.savings:
            int8, f32 = base[r["workload"], "int8"], base[r["workload"], "f32"]
            ratio = ""
            if r is int8:
                ratio = (f"sweeps x {r['sweeps_per_hour'] / f32['sweeps_per_hour']:.2f}, "
                         f"cores / {f32['cores'] / r['cores']:.2f}")
            lines.append((r["workload"], r["contender"], f"{r['windows_per_second']:,.0f}",
                          f"{r['sweeps_per_hour']:,.1f}", bench_table.microseconds(r["tick_ns"]), f"{r['cores']:.3f}",
                          ratio))
            note = f"{r['threads']} threads"
            for metric, path, unit in (("windows_per_second", "batch", "windows/s"),
                                       ("sweeps_per_hour", "batch", "sweeps/h"), ("cores", "event", "cores")):
                rows.append(row(r["workload"], r["contender"], path, metric, r[metric], unit,
                                r[metric] / int8[metric], note if path == "batch" else "3,000 instruments, 10 ticks/s"))
        if self.portfolios:
            p = self.portfolios
            name = f"portfolios {p['instruments']} x {p['bars']}"
            lines.append((name, "quantick", "", f"{p['sweeps_per_hour']:,.0f}", "", "", ""))
            rows.append(row(name, "quantick", "batch", "sweeps_per_hour", p["sweeps_per_hour"], "sweeps/h",
                            note=f"{p['threads']} threads, {p['settings']} settings"))
        title = ("what it saves: 261,000 windows x 20 steps a model sweep, all cores; cores for 3,000 instruments at 10 "
                 "ticks a second (prepare() and step())")
        return title, lines, rows

    def training_table(self):
        lines, rows = [TRAINING_HEAD], []
        for (layer, hidden), r in sorted(self.training.items()):
            lines.append((layer, str(hidden), f"{r['gflops']:.1f}",
                          *(f"{100 * r[part]:.0f} %" if r[part] else "" for part in ("share", "forward", "backward"))))
            contender = {"lstm_bf16": "bf16", "gru_bf16": "bf16", "lstm_pytorch": "pytorch_eager"}.get(layer, "f32")
            rows.append(row(f"training_{layer.split('_')[0]}_{hidden}", contender, "batch", "throughput",
                            r["gflops"], "GFLOP/s", note=f"{r['share']:.3f} of the GEMM peak" if r["share"] else ""))
        return "training: forward and backward, T = 30, N = 512, one layer, one thread", lines, rows

    def ticks_table(self):
        lines, rows = [TICKS_HEAD], []
        for workload, r in self.ticks:
            for part, what in TICK_PARTS.items():
                rate = f"{r['ticks_per_second']:,.0f}" if part == "total" else ""
                lines.append((workload, what, rate, *(bench_table.microseconds(r[part][m]) for m in bench_table.METRICS)))
            rows += [row(workload, "int8", "event", m, r["total"][m], "ns", note=TICK_PARTS["total"])
                     for m in bench_table.METRICS]
            rows.append(row(workload, "int8", "event", "throughput", r["ticks_per_second"], "ticks/s"))
        return "real ticks through book, features and model, as `quantick replay` measures them", lines, rows


def training_results(text):
    """{(layer, hidden): {"gflops", "share"}} of ops_bench's training_step in Google Benchmark's JSON."""
    found = {}
    for run in json.loads(text)["benchmarks"]:
        units = re.search(r"units:(\d+)", run["name"])
        if units and "of_peak" in run:
            found[run["label"], int(units.group(1))] = {"gflops": run["GFLOP/s"], "share": run["of_peak"],
                                                        "forward": run["forward_of_peak"],
                                                        "backward": run["backward_of_peak"]}
    return found


def training(program, python):
    """Extra.training. Where PyTorch is a peer the two take turns, and each value is a median over the rounds."""
    rounds = []
    for _ in range(3 if python else 1):
        rounds.append({})
        if program.exists():
            run = subprocess.run([str(program), "--benchmark_filter=training_step", "--benchmark_format=json"],
                                 capture_output=True, text=True)
            rounds[-1] = training_results(run.stdout) if run.returncode == 0 else {}
        for hidden, gflops in (python.ask("training") if python else {}).items():
            rounds[-1]["lstm_pytorch", int(hidden)] = {"gflops": gflops, "share": None, "forward": None,
                                                       "backward": None}
    return {key: {part: statistics.median(r[key][part] for r in rounds) if first[part] is not None else None
                  for part in first} for key, first in rounds[0].items()}


def replay_results(root):
    """Latencies of out/*/replay.json as (workload, record); the newest of each data set."""
    found = {}
    for path in sorted((root / "out").glob("*/replay.json"), key=lambda p: p.stat().st_mtime):
        record = latency_of(json.loads(path.read_text()))
        if record is not None:
            found["ticks_binance" if "binance" in str(path.parent.name).lower() else "ticks_if"] = record
    return sorted(found.items())


def latency_of(document):
    """What a replay measured per tick, in ns: {part: {"p50", "p99", "p99.9"}} and "ticks_per_second"; None where it did
    not."""
    latency = document.get("latency_ns", {})
    if "ticks_per_second" not in document or not all(part in latency for part in TICK_PARTS):
        return None
    return {"ticks_per_second": document["ticks_per_second"], **{part: latency[part] for part in TICK_PARTS}}


def import_time(interpreters, folders, runs=7):
    """{"seconds", "text"} of `import quantick` beyond the start of Python, by the first interpreter that can: installed,
    or from one of the folders of a build."""
    with tempfile.TemporaryDirectory() as nowhere:  # where no folder is called quantick
        for interpreter in (i for i in interpreters if i.exists()):
            for folder in (None, *folders):
                environment = {**os.environ, "PYTHONPATH": str(folder)} if folder else os.environ

                def run(code):
                    start = time.monotonic()
                    done = subprocess.run([str(interpreter), "-c", code], cwd=nowhere, env=environment,
                                          capture_output=True)
                    return time.monotonic() - start if done.returncode == 0 else None

                if run("import quantick; assert quantick.__file__") is None:
                    continue
                pairs = [(run("import quantick"), run("pass")) for _ in range(runs)]
                with_it, without = (statistics.median(column) for column in zip(*pairs))
                return {"seconds": with_it - without,
                        "text": f"{with_it:.3f} s with the import, {without:.3f} s without; "
                                f"{interpreter.parts[-3]}{', from the build' if folder else ''}"}
    return {"seconds": None, "text": "the Python package is not installed, nor built: no `import quantick` here"}


def replay(program, root):
    """Replays the examples of ticks whose data are here; what cannot run is printed."""
    for name in REPLAYS:
        done = subprocess.run([str(program), "replay", f"examples/{name}.yaml"], cwd=root, capture_output=True, text=True)
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
            print(f"bench: {name}: {reason}", file=sys.stderr)


def measure(extra, own, build, root, python, interpreter):
    """Fills `extra` part by part. `python`: bench_peers.py where PyTorch is asked for, or None."""
    for name in ("loading", "state_widths", "portfolios", "savings"):
        try:
            setattr(extra, name, own.ask(name))
        except RuntimeError as error:
            print(f"bench: {name}: {error}", file=sys.stderr)
    extra.training = training(build / "ops_bench", python)
    if (build / "quantick").exists():
        replay(build / "quantick", root)
    extra.ticks = replay_results(root)
    folders = sorted((root / "build").glob("*/python"), key=lambda p: p.stat().st_mtime, reverse=True)
    extra.importing = import_time((interpreter, root / ".venv/bin/python"), folders)
