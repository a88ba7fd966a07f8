"""The bars of `make bench`: what was asked for, what was measured, met or not and why. Computed from the rows."""
import dataclasses

MIB = 1 << 20


@dataclasses.dataclass
class Bar:
    name: str
    measured: str
    wanted: str
    met: bool | None  # None: skipped
    reason: str = ""

    def line(self):
        state = {True: "met", False: "not met", None: "skipped"}[self.met]
        return (state, self.name, self.measured, self.wanted, self.reason)


HEAD = ("", "bar", "measured", "wanted", "why")


def at_least(name, value, wanted, unit, missing, reason=""):
    if value is None:
        return Bar(name, "", f">= {wanted:g}{unit}", None, missing)
    met = value >= wanted
    return Bar(name, f"{value:.2f}{unit}", f">= {wanted:g}{unit}", met, "" if met else reason)


def at_most(name, value, wanted, unit, missing, reason=""):
    if value is None:
        return Bar(name, "", f"<= {wanted:g}{unit}", None, missing)
    met = value <= wanted
    return Bar(name, f"{value:.2f}{unit}", f"<= {wanted:g}{unit}", met, "" if met else reason)


def inverse(value):
    return 1 / value if value else None


class Reasons:
    """Why a bar is out of reach on this machine, in numbers of this run."""

    def __init__(self, machine, facts):
        self.machine, self.facts = machine, facts

    def level(self, size):
        for name in ("l1", "l2", "l3"):
            if self.machine.get(name) and size <= self.machine[name]:
                return name.upper()
        return "memory"

    def bytes_of(self, workload, contender):
        return self.facts.get((workload, contender), {}).get("bytes")

    def caches(self, workload, a="int8", b="f32"):
        few, many = self.bytes_of(workload, a), self.bytes_of(workload, b)
        text = f"{self.machine['isa']}"
        if few and many:
            text += (f"; weights: {a} {few / 1024:,.0f} KiB in {self.level(few)}, "
                     f"{b} {many / 1024:,.0f} KiB in {self.level(many)}")
            if self.level(few) == self.level(many) and self.level(few) != "memory":
                text += ": both in the same level, so fewer bytes save arithmetic and bandwidth but no level"
        return text

    def floor(self, row):
        if not row or not row["floor"]:
            return self.machine["isa"]
        return f"{self.machine['isa']}; {row['value'] - row['floor']:,.0f} ns above a floor of {row['floor']:,.0f} ns"


def peer_missing(machine, peer):
    for state in machine["peers"]:
        if state["name"] == peer and not state["present"]:
            return f"{peer}: {state['text']}"
    return f"no result of {peer}: not asked for, or not on this workload"


def step_bars(rows, machine, why):
    bars = []
    for workload in ("lstm_2x128", "lstm_3x256"):
        for contender, wanted in (("int8", 2.9), ("int8_h8", 3.3)):
            bars.append(at_least(f"{workload} step, {contender} against own f32",
                                 rows.ratio(workload, "f32", contender, "step"), wanted, "x", "not run",
                                 why.caches(workload, contender)))
        bars.append(at_most(f"{workload} step, own f32 against Eigen", rows.ratio(workload, "f32", "eigen_f32", "step"),
                            1.1, "x", peer_missing(machine, "eigen"), machine["isa"]))
    for workload, wanted in (("lstm_2x128", 0.62), ("lstm_3x256", 0.55)):
        row = rows.get(workload, "int8", "event")
        step = rows.net(workload, "int8", "step")
        bars.append(at_most(f"{workload} event / step, int8", row["net"] / step if row and step else None, wanted, "",
                            "not run", why.floor(row)))
    for workload in ("cnn_3x128", "cnn_3x256"):
        row, window = rows.get(workload, "int8", "event"), rows.net(workload, "int8", "window")
        bars.append(at_most(f"{workload} event / whole window, int8", row["net"] / window if row and window else None,
                            0.2, "", "not run", why.floor(row)))
    for workload in ("lstm_2x128", "lstm_3x256", "market_lstm_b", "market_lstm_c"):
        row = rows.get(workload, "int8_h8", "step")
        bars.append(at_most(f"{workload} step / floor, int8_h8", row["value"] / row["floor"]
                            if row and row["floor"] else None, 1.35, "x", "not run", why.floor(row)))
    for workload, limit in (("lstm_2x128", 1.7), ("market_lstm_a", 2.0)):
        row = rows.get(workload, "int8", "event")
        bars.append(event_bar(workload, row, limit, why))
    return bars


def event_bar(workload, row, limit, why):
    """Below `limit` us, or within 1.35 of what its bytes take."""
    name, wanted = f"{workload} event p50, int8", f"< {limit:g} us or <= 1.35 floors"
    if row is None:
        return Bar(name, "", wanted, None, "not run")
    floors = row["value"] / row["floor"] if row["floor"] else float("inf")
    met = row["value"] < 1000 * limit or floors <= 1.35
    return Bar(name, f"{row['value'] / 1000:.2f} us, {floors:.2f} floors", wanted, met, "" if met else why.floor(row))


def peer_bars(rows, machine, why):
    bars = []
    for peer, contenders, wanted in (("onnxruntime", ("onnxruntime_f32", "onnxruntime_int8"), 8),
                                     ("openvino", ("openvino_f32",), 8),
                                     ("pytorch", ("pytorch_eager",), 20)):
        for workload in ("lstm_2x128", "lstm_3x256"):
            found = [(rows.get(workload, c, "step"), c) for c in contenders]
            found = [(r["ratio_to_int8"], c) for r, c in found if r and r["ratio_to_int8"]]
            value, best = min(found) if found else (None, contenders[0])
            bars.append(at_least(f"{workload} step, int8 against {best} (binding subtracted)", value, wanted, "x",
                                 peer_missing(machine, peer), why.caches(workload)))
    for workload, wanted in (("lstm_2x128", 1.8), ("lstm_3x256", 1.4)):
        row = rows.get(workload, "onednn_int8", "step")
        reason = f"its form: {row['note']}; {machine['isa']}" if row else ""
        bars.append(at_least(f"{workload} step, int8 against onednn_int8", row["ratio_to_int8"] if row else None, wanted,
                             "x", peer_missing(machine, "onednn"), reason))
    return bars


def batch_bars(rows, machine, facts, why):
    bars = []
    for workload, wanted in (("lstm_2x128", 2.5), ("lstm_3x256", 3)):
        bars.append(at_least(f"{workload} batch, int8 against own f32", rows.ratio(workload, "f32", "int8", "batch"),
                             wanted, "x", "not run", machine["isa"]))
    workload = "lstm_3x256"
    row, peak = rows.get(workload, "int8", "batch"), facts.get((workload, "vnni_peak"))
    products = facts.get((workload, "int8"), {}).get("byte_products")
    name = f"{workload} batch, int8: share of the measured VNNI peak (a product of 16-bit values counts per byte)"
    value = 100 * products / (row["value"] * 1e-9) / peak if row and peak and products else None
    bars.append(at_least(name, value, 60, " %", "this processor has no VNNI" if row else "not run",
                         f"{machine['isa']}: the exact cell and the first layer's time count too"))
    for workload in ("lstm_2x128", "lstm_3x256"):
        bars.append(at_most(f"{workload} step, int8 / int8_h8", rows.ratio(workload, "int8", "int8_h8", "step"), 1.2,
                            "x", "not run", f"{machine['isa']}: a 16-bit hidden state is two byte planes"))
        wide, narrow = (rows.net(workload, c, "window", "sqnr") for c in ("int8", "int8_h8"))
        bars.append(at_least(f"{workload} SQNR of int8 above int8_h8", wide - narrow if wide and narrow else None, 5,
                             " dB", "not run", "the weights' error is the larger one on these random weights"))
    return bars


def state_bars(state_widths):
    """What 16 bits of the hidden state gain where nothing else differs: `quantick check states` has the whole table."""
    name = "hidden state, SQNR of 16 above 8 bits, on the same quantized weights"
    if not state_widths:
        return [at_least(name, None, 5, " dB", "not run")]
    columns = state_widths["sqnr_db"]
    gains = [wide - narrow for wide, narrow in zip(columns["lstm, this contract"],
                                                   columns["hidden state read at 8 bits"])]
    return [at_least(f"{name}; half-life {steps} steps", gain, 5, " dB", "", "a state this slow is the larger error")
            for steps, gain in zip(state_widths["half_lives"], gains)]


def training_bars(training, machine):
    """From the training kernels' measurements: {(layer, hidden): {"gflops", "share"}}."""
    bars = []
    for hidden in (64, 128):
        own, bf16, peer = (training.get((layer, hidden)) for layer in ("lstm", "lstm_bf16", "lstm_pytorch"))
        name = f"LSTM training, hidden {hidden}"
        bars.append(at_least(f"{name}: share of the f32 GEMM peak", 100 * own["share"] if own else None, 55, " %",
                             "ops_bench is not built", machine["isa"]))
        bars.append(at_least(f"{name} against PyTorch", own["gflops"] / peer["gflops"] if own and peer else None, 1.5,
                             "x", peer_missing(machine, "pytorch"), machine["isa"]))
        missing = "training stays in float32; kernels_bench's `peak` measures bf16 products" if machine["bf16"] else "this processor has no bf16"
        bars.append(at_least(f"{name}: bf16 against own f32", bf16["gflops"] / own["gflops"] if own and bf16 else None,
                             1.3, "x", missing, machine["isa"]))
    return bars


def start_bars(loading):
    bars = []
    per_10mb = None
    if loading:
        per_10mb = loading["load_seconds"] * 1e3 * 10e6 / loading["file_bytes"]
    bars.append(at_most("model load with checksum and packing, per 10 MB", per_10mb, 5, " ms", "not run",
                        f"{loading['file_bytes'] / 1e6:.0f} MB in {loading['load_seconds'] * 1e3:.1f} ms"
                        if loading else ""))
    first = loading["first_step_ns"] / loading["hundredth_step_ns"] if loading else None
    bars.append(at_most("first step after warm_up / hundredth step (1.1 counts as equal)", first, 1.1, "x", "not run",
                        f"{loading['first_step_ns']:,.0f} ns, {loading['hundredth_step_ns']:,.0f} ns"
                        if loading else ""))
    bars.append(Bar("tick path: allocations, locks, system calls", "", "0", None,
                    "shown by quantick/runtime/realtime_test.cc and tests/python/test_strace.py, not by times"))
    bars.append(Bar("quantization-aware epoch / float epoch", "", "<= 1.4x", None,
                    "quantization-aware training is not built"))
    bars.append(Bar("import", "", "< 0.3 s", None, "Python bindings are not built"))
    return bars


def savings_bars(savings, portfolio):
    def of(workload, key):
        found = {r["contender"]: r[key] for r in savings if r["workload"] == workload}
        return (found["int8"], found["f32"]) if {"int8", "f32"} <= set(found) else (None, None)

    bars = []
    for workload, wanted in (("lstm_2x128", 2.5), ("lstm_3x256", 3)):
        int8, f32 = of(workload, "sweeps_per_hour")
        bars.append(at_least(f"{workload} model sweeps per hour, int8 against f32", int8 / f32 if f32 else None, wanted,
                             "x", "not run"))
    for workload in ("lstm_2x128", "lstm_3x256"):
        int8, f32 = of(workload, "cores")
        bars.append(at_least(f"{workload} cores for 3,000 instruments, f32 against int8", f32 / int8 if f32 else None,
                             2.5, "x", "not run"))
    bars.append(at_least("portfolio sweeps per hour over cached predictions", portfolio, 100_000, "", "not run"))
    return bars


def all_bars(rows, machine, facts, savings, loading, training, portfolio, state_widths):
    why = Reasons(machine, facts)
    return (step_bars(rows, machine, why) + peer_bars(rows, machine, why) + batch_bars(rows, machine, facts, why) +
            state_bars(state_widths) + training_bars(training, machine) + start_bars(loading) +
            savings_bars(savings, portfolio))
