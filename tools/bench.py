#!/usr/bin/env python3
"""`make bench`: one table on the screen, and out/bench.json.

    tools/bench.py [--peers onnxruntime,openvino,onednn,eigen] [--workloads 'lstm_*'] [--markdown FILE] [--quick]

Starts quantick_bench (the library and the peers that live in its process) and bench_peers.py (those that are called
from Python), and lets them take turns, round by round, so that every ratio is of times taken close together. Our own
benchmark on networks of our own: not an audited industry result.
"""
import argparse
import fnmatch
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import bench_bars
import bench_extra
import bench_table

ROOT = pathlib.Path(__file__).resolve().parent.parent
IN_PROCESS = ("onednn", "eigen")
IN_PYTHON = ("onnxruntime", "openvino", "pytorch")
DEFAULT_PEERS = ("onnxruntime", "openvino", "onednn", "eigen")
ROUNDS = 5
MARK = "<!-- below: tools/bench.py --markdown -->"
# Networks whose whole window takes a second or more are not worth many rounds: their times scatter by little.
FEW_ROUNDS = {"market_lstm_b": 3, "market_lstm_c": 2}


class Worker:
    """A process that answers each line of commands by a line of JSON."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.wait()} at \"{line}\"")
        result = json.loads(answer)
        if isinstance(result, dict) and "error" in result:
            raise RuntimeError(f"{line}: {result['error']}")
        return result

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class NoWorker:
    """In place of Python's peers where there is no environment for them."""

    def __init__(self, peers, reason):
        self.states = [{"name": peer, "present": False, "text": reason} for peer in peers]

    def ask(self, line):
        return {"peers": self.states} if line == "machine" else []

    def close(self):
        pass


def peer_list(text):
    peers = [p for p in text.replace(",", " ").split() if p]
    unknown = sorted(set(peers) - set(IN_PROCESS) - set(IN_PYTHON))
    if unknown:
        raise SystemExit(f"bench: unknown peer {', '.join(unknown)}; known: {', '.join(IN_PYTHON + IN_PROCESS)}")
    return peers


def run_workload(name, own, python, folder, rounds, scale):
    """The workers' results of one workload; what a Python peer could not do is printed."""
    own.ask(f"open {name} {folder}")
    try:
        python.ask(f"open {name} {folder}")
        workers = (own, python)
    except RuntimeError as error:
        print(f"bench: no Python peers for {name}: {error}", file=sys.stderr)
        workers = (own,)
    for _ in range(rounds):
        for worker in workers:
            worker.ask(f"round {scale}")
    return [result for worker in workers for result in worker.ask("close")]


def facts_of(workload, results):
    """What bars need beside the rows: bytes of weights, byte products of a batch, the VNNI peak."""
    facts = {}
    for r in results:
        if r["kind"] == "vnni_peak":
            facts[workload, "vnni_peak"] = r["value"]
        if r["kind"] == "time" and r["cache"] == "hot" and "byte_products" in r:
            entry = facts.setdefault((workload, r["contender"]), {})
            if r["path"] == "batch":
                entry["byte_products"] = r["byte_products"]
            if r["path"] == "step":
                entry["bytes"] = r["bytes"]
    return facts


def header_of(machine, arguments, rounds):
    kib, gib = 1024, 1e9
    caches = ", ".join(f"{name.upper()} {machine[name] // kib:,} KiB" for name in ("l1", "l2", "l3") if machine[name])
    reading = ", ".join(f"{r['bytes'] // kib:,} KiB {r['bytes_per_second'] / gib:.0f} GB/s" for r in machine["reading"])
    peak = machine["vnni_peak"]
    lines = [
        f"machine      {machine['cpu']}, {machine['cores']} cores; {caches}",
        f"instructions {machine['isa']} (this processor has {', '.join(machine['isas'])}; bf16: "
        f"{'yes' if machine['bf16'] else 'no'})",
        f"floors       one core reads {reading}; " +
        (f"VNNI peak {peak / 1e12:.2f} T byte products/s" if peak else "no VNNI"),
        f"rules        one thread; every ratio comes from the same process or script, contenders taking turns over "
        f"{rounds} rounds;",
        "             medians; times in us; a clock reading's own time is taken off "
        f"({machine['clock_overhead_ns']:.0f} ns)",
        "             hot: as the step before left the caches; evicted: a buffer of 4 x L2 was read since; cold: all "
        "lines were flushed",
        "             event: step() after prepare(); net: without what the peer's null model (same inputs and outputs, "
        "no layers) took",
        "             x floor: times the floor of its bytes and byte products; x int8: time / time of int8 (net)",
        "             Our own benchmark, random weights of our own: not an audited industry result.",
    ]
    for state in machine["peers"]:
        lines.append(f"peer         {state['name']}: {state['text']}")
    return "\n".join(lines)


def write_markdown(path, header, pages):
    """The tables as a page. A file that has a line MARK keeps what stands above it."""
    text = [f"```\n{header}\n```"]
    text += [f"### {title}\n\n{bench_table.markdown_table(lines)}" for title, lines in pages]
    before, mark, _ = path.read_text().partition(MARK) if path.exists() else ("", "", "")
    kept = before + mark + "\n\n" if mark else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(kept + "\n\n".join(text) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=",".join(DEFAULT_PEERS), help="onnxruntime, openvino, onednn, eigen, pytorch")
    parser.add_argument("--workloads", default="*", help="patterns, separated by commas")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench")
    parser.add_argument("--python", type=pathlib.Path, default=ROOT / ".venv-bench/bin/python",
                        help="interpreter that has the Python peers")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "out/bench.json")
    parser.add_argument("--markdown", type=pathlib.Path,
                        help=f"writes the same tables as a page, too: the whole file, or what stands below its line {MARK}")
    parser.add_argument("--quick", action="store_true", help="two short rounds: does it run at all?")
    parser.add_argument("--no-extra", action="store_true", help="the workloads alone")
    options = parser.parse_args()
    start = time.monotonic()
    peers = peer_list(options.peers)
    rounds, scale = (2, 0.2) if options.quick else (ROUNDS, 1)

    own = Worker([str(options.build / "quantick_bench"), *(p for p in peers if p in IN_PROCESS)])
    machine = own.ask("machine")
    asked = [p for p in IN_PYTHON if p in peers]
    if options.python.exists():
        python = Worker([str(options.python), str(ROOT / "tools/bench_peers.py"), *asked])
    else:
        python = NoWorker(asked, f"not installed: {options.python} is missing")
    machine["peers"] = [s for s in machine["peers"] if s["name"] in peers] + python.ask("machine")["peers"]
    header = header_of(machine, options, rounds)
    print(header, flush=True)

    patterns = options.workloads.split(",")
    names = [n for n in machine["workloads"] if any(fnmatch.fnmatch(n, p) for p in patterns)]
    if not names:
        raise SystemExit(f"bench: no workload matches {options.workloads}; known: {', '.join(machine['workloads'])}")
    rows, facts, pages = [], {}, []
    with tempfile.TemporaryDirectory(prefix="quantick-bench-") as folder:
        for name in names:
            results = run_workload(name, own, python, folder, min(rounds, FEW_ROUNDS.get(name, rounds)), scale)
            (pathlib.Path(folder) / f"{name}.safetensors").unlink(missing_ok=True)
            new = bench_table.rows_of(name, results)
            rows += new
            facts.update(facts_of(name, results))
            lines = bench_table.table_of(name, new)
            pages.append((name, lines))
            print(f"\n{name}\n{bench_table.text_table(lines)}", flush=True)
    extra = bench_extra.Extra()
    if not options.no_extra:
        has_torch = any(s["name"] == "pytorch" and s["present"] for s in machine["peers"])
        extra = bench_extra.measure(own, options.build, ROOT, python if has_torch else None)
    own.close()
    python.close()

    for title, lines, more in extra.tables():
        rows += more
        pages.append((title, lines))
        print(f"\n{title}\n{bench_table.text_table(lines)}", flush=True)
    bars = bench_bars.all_bars(bench_table.Rows(rows), machine, facts, extra.savings, extra.loading, extra.training,
                               extra.portfolio, extra.state_widths)
    lines = [bench_bars.HEAD] + [bar.line() for bar in bars]
    pages.append(("bars", lines))
    print(f"\nbars\n{bench_table.text_table(lines)}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(rows, indent=1) + "\n")
    if options.markdown:
        write_markdown(options.markdown, header, pages)
    counts = [sum(bar.met is state for bar in bars) for state in (True, False, None)]
    print(f"\n{len(rows)} rows in {options.json}; bars: {counts[0]} met, {counts[1]} not met, {counts[2]} skipped; "
          f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
