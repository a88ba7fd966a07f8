#!/usr/bin/env python3
"""`make bench`: one table on the screen, and out/bench.json.

    tools/bench.py [--peers onnxruntime,openvino,onednn,eigen] [--workloads 'lstm_*'] [--markdown FILE] [--quick]

Starts quantick_bench (the library and the peers that live in its process) and bench_peers.py (those that are called
from Python) for each workload, and lets them take turns, round by round, until the workload's time is up, so that every
ratio is of times taken close together. What was measured is kept where a run is interrupted. Our own benchmark on
networks of our own: not an audited industry result.
"""
import argparse
import fnmatch
import json
import pathlib
import signal
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
SECONDS = 25.0  # of rounds that a workload gets
LEAST_ROUNDS, MOST_ROUNDS = 3, 15
MARK = "<!-- below: tools/bench.py --markdown -->"
# For the time that is announced: building a workload's contenders takes some seconds, of the widest one more, and so
# do the measurements behind the workloads.
OPENING_SECONDS = {"market_lstm_c": 40, "market_lstm_b": 8, "lstm_3x256": 5}
USUAL_OPENING_SECONDS, EXTRA_SECONDS = 3, 60


class Worker:
    """A process that answers each line of commands by a line of JSON. Ctrl-C reaches its driver alone."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        start_new_session=True)

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, which the missing answer says
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.wait()} at \"{line}\"")
        result = json.loads(answer)
        if isinstance(result, dict) and "error" in result:
            raise RuntimeError(f"{line}: {result['error']}")
        return result

    def close(self):
        """Ends the process, which has nothing to finish."""
        self.process.kill()
        self.process.communicate()


class NoWorker:
    """In place of Python's peers where there is no environment for them."""

    def __init__(self, peers, reason):
        self.states = [{"name": peer, "present": False, "text": reason} for peer in peers]

    def ask(self, line):
        return {"peers": self.states} if line == "machine" else []

    def close(self):
        pass


class Workers:
    """Fresh processes for a workload: what the one before left in the heap would be flushed before each cold run."""

    def __init__(self, options, peers):
        self.own_command = [str(options.build / "quantick_bench"), *(p for p in peers if p in IN_PROCESS)]
        self.asked = [p for p in IN_PYTHON if p in peers]
        self.interpreter = options.python

    def __enter__(self):
        self.own = Worker(self.own_command)
        if self.interpreter.exists():
            self.python = Worker([str(self.interpreter), str(ROOT / "tools/bench_peers.py"), *self.asked])
        else:
            self.python = NoWorker(self.asked, f"not installed: {self.interpreter} is missing")
        return self.own, self.python

    def __exit__(self, *_):
        self.own.close()
        self.python.close()


def peer_list(text):
    peers = [p for p in text.replace(",", " ").split() if p]
    unknown = sorted(set(peers) - set(IN_PROCESS) - set(IN_PYTHON))
    if unknown:
        raise SystemExit(f"bench: unknown peer {', '.join(unknown)}; known: {', '.join(IN_PYTHON + IN_PROCESS)}")
    return peers


def units_of(cpuinfo):
    """Names of the instructions for small numbers that the processor has, from the text of /proc/cpuinfo."""
    flags = next((line.split(":")[1].split() for line in cpuinfo.splitlines() if line.startswith("flags")), [])
    return [f for f in ("avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8") if f in flags]


def run_workload(name, own, python, folder, seconds, scale):
    """The workers' results of one workload; what a Python peer could not do is printed. Rounds go on until `seconds` are
    over, LEAST_ROUNDS of them at least."""
    own.ask(f"open {name} {folder}")
    try:
        python.ask(f"open {name} {folder}")
        workers = (own, python)
    except RuntimeError as error:
        print(f"bench: no Python peers for {name}: {error}", file=sys.stderr)
        workers = (own,)
    start, rounds = time.monotonic(), 0
    while rounds < LEAST_ROUNDS or (rounds < MOST_ROUNDS and time.monotonic() - start < seconds):
        for worker in workers:
            worker.ask(f"round {scale}")
        rounds += 1
    return [result for worker in workers for result in worker.ask("close")]


def header_of(machine):
    kib, gib = 1024, 1e9
    caches = ", ".join(f"{name.upper()} {machine[name] // kib:,} KiB" for name in ("l1", "l2", "l3") if machine[name])
    reading = ", ".join(f"{r['bytes'] // kib:,} KiB {r['bytes_per_second'] / gib:.0f} GB/s" for r in machine["reading"])
    peak = machine["vnni_peak"]
    lines = [
        f"machine      {machine['cpu']}, {machine['cores']} cores; {caches}",
        f"instructions {machine['isa']} (of {', '.join(machine['isas'])}); the processor has "
        f"{', '.join(machine['units']) or 'no instructions for small numbers'}",
        f"floors       one core reads {reading}; " +
        (f"VNNI peak {peak / 1e12:.2f} T byte products/s" if peak else "no VNNI") +
        f"; float32 peak {machine['f32_peak'] / 1e12:.2f} T products/s" +
        (f", bf16 {machine['bf16_peak'] / 1e12:.2f} T" if machine["bf16_peak"] else ""),
        f"rules        one thread; every ratio comes from the same process or script, contenders taking turns over "
        f"{LEAST_ROUNDS} to {MOST_ROUNDS} rounds;",
        "             medians; times in us; a clock reading's own time is taken off "
        f"({machine['clock_overhead_ns']:.0f} ns)",
        "             hot: as the step before left the caches; evicted: a buffer of 4 x L2 was read since; cold: all "
        "lines were flushed",
        "             event: step() after prepare(); net: without what the peer's null model (same inputs and outputs, "
        "no layers) took",
        "             x floor: times the floor of its bytes and products; x int8: time / time of int8 (net)",
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


class Report:
    """What was measured so far: rows of the JSON file, and tables."""

    def __init__(self, machine, options):
        self.machine, self.options, self.header = machine, options, header_of(machine)
        self.rows, self.pages, self.extra = [], [], bench_extra.Extra()

    def add(self, title, lines, rows):
        self.rows += rows
        self.pages.append((title, lines))
        print(f"\n{title}\n{bench_table.text_table(lines)}", flush=True)
        self.save()

    def add_bars(self):
        bars = bench_bars.all_bars(bench_table.Rows(self.rows), self.machine, self.extra)
        self.add("bars", [bench_bars.HEAD] + [bar.line() for bar in bars], [])
        counts = [sum(bar.met is state for bar in bars) for state in (True, False, None)]
        return f"bars: {counts[0]} met, {counts[1]} not met, {counts[2]} skipped"

    def save(self):
        self.options.json.parent.mkdir(parents=True, exist_ok=True)
        self.options.json.write_text(json.dumps(self.rows, indent=1) + "\n")
        if self.options.markdown:
            write_markdown(self.options.markdown, self.header, self.pages)


class Progress:
    """A line on the error stream before each part: how long it has taken, and how long all of it may take."""

    def __init__(self, names, seconds, extra):
        self.start = time.monotonic()
        self.left = {name: seconds + OPENING_SECONDS.get(name, USUAL_OPENING_SECONDS) for name in names}
        if extra:
            self.left["what lies beside the workloads"] = EXTRA_SECONDS
        self.parts = len(self.left)

    def seconds(self):
        return time.monotonic() - self.start

    def say(self, name):
        now = self.seconds()
        print(f"bench: {self.parts - len(self.left) + 1} of {self.parts}, {name}; {now:.0f} s so far, about "
              f"{now + sum(self.left.values()):.0f} s in all", file=sys.stderr, flush=True)
        self.left.pop(name)


def measure(report, workers, names, progress, seconds, scale):
    with tempfile.TemporaryDirectory(prefix="quantick-bench-") as folder:
        for name in names:
            progress.say(name)
            try:
                with workers as (own, python):
                    results = run_workload(name, own, python, folder, seconds, scale)
            except RuntimeError as error:
                print(f"bench: nothing measured of {name}: {error}", file=sys.stderr)
                continue
            (pathlib.Path(folder) / f"{name}.safetensors").unlink(missing_ok=True)
            rows = bench_table.rows_of(name, results)
            report.add(name, bench_table.table_of(name, rows), rows)
    if report.options.no_extra:
        return
    progress.say("what lies beside the workloads")
    has_torch = any(s["name"] == "pytorch" and s["present"] for s in report.machine["peers"])
    with workers as (own, python):
        bench_extra.measure(report.extra, own, report.options.build, ROOT, python if has_torch else None,
                            report.options.python)
    for title, lines, rows in report.extra.tables():
        report.add(title, lines, rows)


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
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of rounds that a workload gets; default 25")
    parser.add_argument("--quick", action="store_true", help="three short rounds: does it run at all?")
    parser.add_argument("--no-extra", action="store_true", help="the workloads alone")
    options = parser.parse_args()
    seconds, scale = (0, 0.2) if options.quick else (options.seconds, 1)
    peers = peer_list(options.peers)
    workers = Workers(options, peers)
    with workers as (own, python):
        machine = own.ask("machine")
        machine["units"] = units_of(pathlib.Path("/proc/cpuinfo").read_text())
        machine["peers"] = [s for s in machine["peers"] if s["name"] in peers] + python.ask("machine")["peers"]
    names = [n for n in machine["workloads"] if any(fnmatch.fnmatch(n, p) for p in options.workloads.split(","))]
    if not names:
        raise SystemExit(f"bench: no workload matches {options.workloads}; known: {', '.join(machine['workloads'])}")
    report = Report(machine, options)
    print(report.header, flush=True)

    progress = Progress(names, seconds, not options.no_extra)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    interrupted = False
    try:
        measure(report, workers, names, progress, seconds, scale)
    except KeyboardInterrupt:
        interrupted = True
        print("bench: interrupted; the bars are those of what was measured", file=sys.stderr)
    bars = report.add_bars()
    print(f"\n{len(report.rows)} rows in {options.json}; {bars}; {progress.seconds():.0f} s")
    sys.exit(130 if interrupted else 0)


if __name__ == "__main__":
    main()
