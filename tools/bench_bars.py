"""The bars of `make bench`: what was asked for, what was measured, met or not and why. Computed from the rows, and where
a bar is not met, the reason is made of what the same run measured."""
import dataclasses


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
        return Bar(name, "", f">= {wanted:,g}{unit}", None, missing)
    met = value >= wanted
    return Bar(name, f"{value:,.2f}{unit}", f">= {wanted:,g}{unit}", met, "" if met else reason)


def at_most(name, value, wanted, unit, missing, reason=""):
    if value is None:
        return Bar(name, "", f"<= {wanted:g}{unit}", None, missing)
    met = value <= wanted
    return Bar(name, f"{value:.2f}{unit}", f"<= {wanted:g}{unit}", met, "" if met else reason)


def us(ns):
    return f"{ns / 1000:,.2f} us"


class Reasons:
    """Why a bar is out of reach on this machine, in numbers of this run."""

    def __init__(self, machine, rows):
        self.machine, self.rows, self.isa = machine, rows, machine["isa"]

    def level(self, size):
        for name in ("l1", "l2", "l3"):
            if self.machine.get(name) and size <= self.machine[name]:
                return name.upper()
        return "memory"

    def weights(self, workload, contender, path="step"):
        size = self.rows.net(workload, contender, path, "bytes")
        return f"{size / 1024:,.0f} KiB in {self.level(size)}" if size else "?"

    def floors(self, workload, contender, path):
        """Its time as a multiple of its floor."""
        row = self.rows.get(workload, contender, path)
        return f"{contender} {us(row['value'])}" + (f" = {row['value'] / row['floor']:.2f} floors" if row["floor"] else "")

    def above(self, workload, contender, path):
        """What stands between a run and its floor: the cells of an LSTM, the rest."""
        row = self.rows.get(workload, contender, path)
        if not row or not row["floor"]:
            return self.isa
        text = f"{self.isa}, weights {self.weights(workload, contender, path)}: {us(row['value'])} = floor {us(row['floor'])}"
        over, cells = row["value"] - row["floor"], self.rows.net(workload, "int8", "step", "cells")
        text += f" + {us(over)}"
        if cells:
            text += f"; the exact cells take {us(cells)} alone"
            text += f", of which the products hide {us(cells - over)} at least" if cells > over else ""
        return text

    def apart(self, workload, fast, slow, path="step"):
        """Why one of our contenders is not faster: how far apart their floors are, and how near each comes to its own."""
        a, b = (self.rows.get(workload, name, path) for name in (fast, slow))
        if not (a and b and a["floor"] and b["floor"]):
            return self.isa
        text = (f"{self.isa}: weights {fast} {self.weights(workload, fast, path)}, {slow} "
                f"{self.weights(workload, slow, path)}; floors {b['floor'] / a['floor']:.2f} apart; "
                f"{self.floors(workload, fast, path)}, {self.floors(workload, slow, path)}")
        cells = self.rows.net(workload, "int8", "step", "cells")
        return text + (f"; exact cells alone {us(cells)}" if cells else "")

    def vnni_share(self, workload, contender="int8"):
        """Share of the VNNI peak that batches reach; None where it was not measured."""
        batch, products = (self.rows.net(workload, contender, "batch", m) for m in ("p50", "byte_products"))
        peak = self.rows.net(workload, "core", "batch", "vnni_peak")
        return products / (batch * 1e-9) / peak if batch and products and peak else None

    def arithmetic(self, workload):
        """What batches of int8 and float32 can be apart at most, were both at their peaks."""
        f32, share = self.rows.get(workload, "f32", "batch"), self.vnni_share(workload)
        peaks = [self.rows.net(workload, "core", "batch", p) for p in ("vnni_peak", "f32_peak")]
        if not (f32 and f32["floor"] and share and all(peaks)):
            return f"{self.isa}: no VNNI" if not peaks[0] else self.isa
        int8 = self.rows.get(workload, "int8", "batch")
        least = self.rows.net(workload, "int8", "batch", "byte_products") / peaks[0] * 1e9
        return (f"{self.isa}: this core multiplies bytes {peaks[0] / peaks[1]:.2f}x as fast as floats, and a 16-bit value is "
                f"two byte planes: {f32['floor'] / least:.2f}x where both are at their peak; "
                f"int8 reaches {100 * share:.0f} % of the VNNI peak, f32 {100 * f32['floor'] / f32['value']:.0f} % of its own; "
                f"{us(int8['value'])}, {us(f32['value'])}")

    def peer(self, workload, contender):
        """What the peer takes, in what form, and what a floor of ours would give against it."""
        peer, own = self.rows.get(workload, contender, "step"), self.rows.get(workload, "int8", "step")
        if not peer or not own or not own["floor"]:
            return self.isa
        text = f"{contender} ({peer['note']}) takes {us(peer['net'])}"
        if peer["net"] != peer["value"]:
            text += f" of {us(peer['value'])} with its binding"
        return (f"{text}, int8 {us(own['value'])} = {own['value'] / own['floor']:.2f} floors; at its floor int8 were "
                f"{peer['net'] / own['floor']:.1f}x as fast; instructions at hand: {', '.join(self.machine['units'])}")


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
                                 why.apart(workload, contender, "f32")))
        eigen, f32 = (rows.get(workload, name, "step") for name in ("eigen_f32", "f32"))
        bars.append(at_most(f"{workload} step, own f32 against Eigen", rows.ratio(workload, "f32", "eigen_f32", "step"),
                            1.1, "x", peer_missing(machine, "eigen"),
                            f"{why.isa}: f32 {us(f32['value'])}, Eigen {us(eigen['value'])} ({eigen['note']})"
                            if eigen and f32 else ""))
    for workload, wanted in (("lstm_2x128", 0.62), ("lstm_3x256", 0.55)):
        row = rows.get(workload, "int8", "event")
        step = rows.net(workload, "int8", "step")
        bars.append(at_most(f"{workload} event / step, int8", row["net"] / step if row and step else None, wanted, "",
                            "not run", why.above(workload, "int8", "event")))
    for workload in ("cnn_3x128", "cnn_3x256"):
        row, window = rows.get(workload, "int8", "event"), rows.net(workload, "int8", "window")
        bars.append(at_most(f"{workload} event / whole window, int8", row["net"] / window if row and window else None,
                            0.2, "", "not run", why.above(workload, "int8", "event")))
    for workload in ("lstm_2x128", "lstm_3x256", "market_lstm_b", "market_lstm_c"):
        row = rows.get(workload, "int8_h8", "step")
        bars.append(at_most(f"{workload} step / floor, int8_h8", row["value"] / row["floor"]
                            if row and row["floor"] else None, 1.35, "x", "not run",
                            why.above(workload, "int8_h8", "step")))
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
    return Bar(name, f"{us(row['value'])}, {floors:.2f} floors", wanted, met,
               "" if met else why.above(workload, "int8", "event"))


def peer_bars(rows, machine, why):
    bars = []
    net = " (binding subtracted)"
    for peer, contenders, form, wanted in (("onnxruntime", ("onnxruntime_f32", "onnxruntime_int8"), net, 8),
                                           ("openvino", ("openvino_f32",), net, 8),
                                           ("pytorch", ("pytorch_eager",), "", 20)):
        for workload in ("lstm_2x128", "lstm_3x256"):
            for contender in contenders:
                row = rows.get(workload, contender, "step")
                bars.append(at_least(f"{workload} step, int8 against {contender}{form}",
                                     row["ratio_to_int8"] if row else None, wanted, "x", peer_missing(machine, peer),
                                     why.peer(workload, contender)))
    for workload, wanted in (("lstm_2x128", 1.8), ("lstm_3x256", 1.4)):
        row = rows.get(workload, "onednn_int8", "step")
        bars.append(at_least(f"{workload} step, int8 against onednn_int8", row["ratio_to_int8"] if row else None, wanted,
                             "x", peer_missing(machine, "onednn"), why.peer(workload, "onednn_int8")))
    return bars


def batch_bars(rows, why):
    bars = []
    for workload, wanted in (("lstm_2x128", 2.5), ("lstm_3x256", 3)):
        bars.append(at_least(f"{workload} batch, int8 against own f32", rows.ratio(workload, "f32", "int8", "batch"),
                             wanted, "x", "not run", why.arithmetic(workload)))
    workload = "lstm_3x256"
    row, share = rows.get(workload, "int8", "batch"), why.vnni_share(workload)
    cells = rows.net(workload, "int8", "step", "cells")
    name = f"{workload} batch, int8: share of the measured VNNI peak (a product of 16-bit values counts per byte)"
    bars.append(at_least(name, None if share is None else 100 * share, 60, " %",
                         "this processor has no VNNI" if row else "not run",
                         f"{why.isa}: the exact cells alone take {us(cells)} of a window's step" if cells else why.isa))
    for workload in ("lstm_2x128", "lstm_3x256"):
        bars.append(at_most(f"{workload} step, int8 / int8_h8", rows.ratio(workload, "int8", "int8_h8", "step"), 1.2,
                            "x", "not run", why.apart(workload, "int8_h8", "int8")))
        wide, narrow = (rows.net(workload, c, "window", "sqnr") for c in ("int8", "int8_h8"))
        bars.append(at_least(f"{workload} SQNR of int8 above int8_h8", wide - narrow if wide and narrow else None, 5,
                             " dB", "not run", noise_reason(wide, narrow) if wide and narrow else ""))
    return bars


def noise_reason(wide, narrow):
    """How much of the error of int8_h8 the narrow hidden state makes."""
    share = 1 - 10 ** ((narrow - wide) / 10)
    return (f"int8 {wide:.1f} dB, int8_h8 {narrow:.1f} dB: 8-bit hidden states make {100 * max(share, 0):.0f} % of the error "
            "power, 8-bit weights and features the rest; on equal weights see the bars of the hidden state")


def state_bars(state_widths):
    """What 16 bits of the hidden state gain where nothing else differs: `quantick check states` has the whole table."""
    name = "hidden state, SQNR of 16 above 8 bits, on the same quantized weights"
    if not state_widths:
        return [at_least(name, None, 5, " dB", "not run")]
    columns = state_widths["sqnr_db"]
    pairs = zip(columns["lstm, this contract"], columns["hidden state read at 8 bits"])
    return [at_least(f"{name}; half-life {steps} steps", wide - narrow, 5, " dB", "",
                     f"{wide:.1f} dB and {narrow:.1f} dB: a state this slow gathers the other errors, too")
            for steps, (wide, narrow) in zip(state_widths["half_lives"], pairs)]


def training_bars(training, machine):
    """From the training kernels' measurements: {(layer, hidden): {"gflops", "share", "forward", "backward"}}."""
    bars = []
    for hidden in (64, 128):
        own, bf16, peer = (training.get((layer, hidden)) for layer in ("lstm", "lstm_bf16", "lstm_pytorch"))
        name = f"LSTM training, hidden {hidden}"
        parts = (f"{machine['isa']}: forward {100 * own['forward']:.0f} %, backward {100 * own['backward']:.0f} % of a peak of "
                 f"{own['gflops'] / own['share']:.0f} GFLOP/s" if own else "")
        bars.append(at_least(f"{name}: share of the f32 GEMM peak", 100 * own["share"] if own else None, 55, " %",
                             "ops_bench is not built, or was not run", parts))
        bars.append(at_least(f"{name} against PyTorch", own["gflops"] / peer["gflops"] if own and peer else None, 1.5,
                             "x", peer_missing(machine, "pytorch"),
                             against_pytorch(own, peer["gflops"]) if own and peer else ""))
        missing = "this processor has no bf16"
        if machine["bf16_peak"]:
            missing = ("training stays in float32: this core multiplies bf16 "
                       f"{machine['bf16_peak'] / machine['f32_peak']:.2f}x as fast as float32")
        bars.append(at_least(f"{name}: bf16 against own f32", bf16["gflops"] / own["gflops"] if own and bf16 else None,
                             1.3, "x", missing, machine["isa"]))
    return bars


def against_pytorch(own, gflops):
    peak = own["gflops"] / own["share"]
    return (f"own {own['gflops']:.1f} GFLOP/s = {100 * own['share']:.0f} % of the GEMM peak, PyTorch {gflops:.1f} = "
            f"{100 * gflops / peak:.0f} %; the peak itself were {peak / gflops:.2f}x")


def start_bars(loading, importing):
    bars = []
    per_10mb, parts, first, steps = None, "", None, ""
    if loading:
        per_10mb = loading["load_seconds"] * 1e3 * 10e6 / loading["file_bytes"]
        parts = (f"{loading['file_bytes'] / 1e6:.0f} MB in {loading['load_seconds'] * 1e3:.1f} ms: checks, packing and golden "
                 f"replay {loading['parse_seconds'] * 1e3:.1f} ms; copying the file's bytes alone takes "
                 f"{loading['read_seconds'] * 1e3:.1f} ms")
        first = loading["first_step_ns"] / loading["hundredth_step_ns"]
        steps = f"{loading['first_step_ns']:,.0f} ns, {loading['hundredth_step_ns']:,.0f} ns"
    bars.append(at_most("model load with checksum and packing, per 10 MB", per_10mb, 5, " ms", "not run", parts))
    bars.append(at_most("first step after warm_up / hundredth step (1.1 counts as equal)", first, 1.1, "x", "not run",
                        steps))
    bars.append(Bar("tick path: allocations, locks, system calls", "", "0", None,
                    "shown by quantick/runtime/realtime_test.cc and tests/python/test_strace.py, not by times"))
    bars.append(Bar("quantization-aware epoch / float epoch", "", "<= 1.4x", None,
                    "quantization-aware training is not built"))
    seconds = importing["seconds"] if importing else None
    bars.append(at_most("import quantick, beyond the start of Python", seconds, 0.3, " s",
                        importing["text"] if importing else "not run", importing["text"] if importing else ""))
    return bars


def savings_bars(savings, portfolio, why):
    def of(workload, key):
        found = {r["contender"]: r[key] for r in savings if r["workload"] == workload}
        return (found["int8"], found["f32"]) if {"int8", "f32"} <= set(found) else (None, None)

    bars = []
    for workload, wanted in (("lstm_2x128", 2.5), ("lstm_3x256", 3)):
        int8, f32 = of(workload, "sweeps_per_hour")
        bars.append(at_least(f"{workload} model sweeps per hour, int8 against f32", int8 / f32 if f32 else None, wanted,
                             "x", "not run", why.arithmetic(workload)))
    for workload in ("lstm_2x128", "lstm_3x256"):
        int8, f32 = of(workload, "cores")
        ticks = of(workload, "tick_ns")
        bars.append(at_least(f"{workload} cores for 3,000 instruments, f32 against int8", f32 / int8 if f32 else None,
                             2.5, "x", "not run",
                             f"a tick takes int8 {us(ticks[0])}, f32 {us(ticks[1])}; {why.apart(workload, 'int8', 'f32')}"
                             if f32 else ""))
    bars.append(at_least("portfolio sweeps per hour over cached predictions", portfolio, 100_000, "", "not run"))
    return bars


def all_bars(rows, machine, extra):
    """`extra`: bench_extra.Extra, as far as it was measured."""
    why = Reasons(machine, rows)
    return (step_bars(rows, machine, why) + peer_bars(rows, machine, why) + batch_bars(rows, why) +
            state_bars(extra.state_widths) + training_bars(extra.training, machine) +
            start_bars(extra.loading, extra.importing) + savings_bars(extra.savings, extra.portfolio, why))
