"""Results of `make bench` as rows of out/bench.json, and as a table for the screen or for a page.

A row: {workload, contender, path, metric, value, unit, floor, ratio_to_int8, cache, net, note}. `value` is what was
measured, `net` the same without the binding of a peer that is called from Python (what its null model took), `floor`
the least time that the run's bytes and byte products take on this core. `ratio_to_int8` is net / int8's value: of
median times the median over the rounds, in which contenders take turns.
"""
import statistics

METRICS = ("p50", "p99", "p99.9")
CACHES = ("hot", "evicted", "cold")
ORDER = ("int8", "int8_h8", "int4", "bf16", "f32")


def rank(contender):
    return (ORDER.index(contender), "") if contender in ORDER else (len(ORDER), contender)


def net_chunks(result):
    null = result.get("null_chunks")
    return [a - b for a, b in zip(result["chunks"], null)] if null else result["chunks"]


def round_ratio(result, base):
    """Median over the rounds of time / base's time."""
    pairs = [(a, b) for a, b in zip(net_chunks(result), net_chunks(base)) if b > 0]
    return statistics.median(a / b for a, b in pairs) if pairs else None


def rows_of(workload, results):
    """Rows of one workload from the workers' results."""
    times = [r for r in results if r["kind"] == "time"]
    base = {(r["path"], r["cache"]): r for r in times if r["contender"] == "int8"}
    forms = {("int8", "step"): f"exact cells alone {microseconds(r['value'])} us" for r in results
             if r["kind"] == "cells"}
    rows = []
    for result in sorted(times, key=lambda r: (rank(r["contender"]), r["path"], CACHES.index(r["cache"]))):
        int8 = base.get((result["path"], result["cache"]))
        null = result.get("null", 0)
        floor = result.get("floor") or None

        def add(metric, value, unit, floor, ratio, net):
            rows.append({"workload": workload, "contender": result["contender"], "path": result["path"],
                         "metric": metric, "value": value, "unit": unit, "floor": floor, "ratio_to_int8": ratio,
                         "cache": result["cache"], "net": net,
                         "note": forms.get((result["contender"], result["path"]), result.get("note", ""))})

        for metric in METRICS:
            if metric not in result:
                continue
            net = result[metric] - null
            if int8 is None or metric not in int8:
                ratio = None
            else:
                ratio = round_ratio(result, int8) if metric == "p50" else net / int8[metric]
            add(metric, result[metric], "ns", floor if metric == "p50" else None, ratio, net)
        if result["cache"] == "hot":
            net = result["p50"] - null
            per_second = result["rows"] * 1e9 / net if net > 0 else None
            ratio = round_ratio(result, int8) if int8 else None
            add("throughput", result["rows"] * 1e9 / result["p50"], "rows/s",
                result["rows"] * 1e9 / floor if floor else None, 1 / ratio if ratio else None, per_second)
    for error in (r for r in results if r["kind"] == "error"):
        rows += [row(workload, error["contender"], "window", metric, error[metric], unit,
                     note="against the float64 network")
                 for metric, unit in (("sqnr", "dB"), ("max_error", "")) if metric in error]
    return rows + core_rows(workload, results)


def row(workload, contender, path, metric, value, unit, ratio=None, note=""):
    """A row of a value without a floor and without a binding to take off."""
    return {"workload": workload, "contender": contender, "path": path, "metric": metric, "value": value, "unit": unit,
            "floor": None, "ratio_to_int8": ratio, "cache": "hot", "net": value, "note": note}


def core_rows(workload, results):
    """What bounds the times: this core's bandwidths and peaks, the exact cells of an LSTM alone, bytes and products."""
    kinds = {"bandwidth": ("core", "step", "bytes/s", "a hot buffer of {bytes:.0f} bytes"),
             "vnni_peak": ("core", "batch", "products/s", "products of two bytes"),
             "f32_peak": ("core", "batch", "products/s", "products of two float32"),
             "cells": ("int8", "step", "ns", "the exact cells of all layers, without products to hide behind")}
    rows = []
    for result in results:
        if result["kind"] in kinds and result["value"] > 0:
            contender, path, unit, note = kinds[result["kind"]]
            rows.append(row(workload, contender, path, result["kind"], result["value"], unit,
                            note=note.format_map(result)))
        if result["kind"] == "time" and result["cache"] == "hot":
            rows += [row(workload, result["contender"], result["path"], metric, result[metric], unit, note=note)
                     for metric, unit, note in
                     (("bytes", "bytes", "weights that a run reads"),
                      ("byte_products", "products", "a product of 16-bit values counts per byte"))
                     if result.get(metric)]
    return rows


class Rows:
    """Looks rows up."""

    def __init__(self, rows):
        self.rows = rows
        self.index = {(r["workload"], r["contender"], r["path"], r["metric"], r["cache"]): r for r in rows}

    def get(self, workload, contender, path, metric="p50", cache="hot"):
        """The row, or None."""
        return self.index.get((workload, contender, path, metric, cache))

    def net(self, *key, **more):
        row = self.get(*key, **more)
        return None if row is None else row["net"]

    def ratio(self, workload, contender, base, path):
        """Time of `contender` over time of `base`, each by its ratio to int8."""
        a, b = (self.get(workload, name, path) for name in (contender, base))
        if a is None or b is None or not a["ratio_to_int8"] or not b["ratio_to_int8"]:
            return None
        return a["ratio_to_int8"] / b["ratio_to_int8"]


def microseconds(ns):
    if ns is None:
        return ""
    us = ns / 1000
    return f"{us:,.0f}" if us >= 1000 else f"{us:.1f}" if us >= 100 else f"{us:.2f}"


def plain(value, digits=2):
    return "" if value is None else f"{value:,.{digits}f}"


HEAD = ("contender", "path", "p50", "net p50", "p99", "p99.9", "evicted", "cold", "floor", "x floor", "x int8",
        "rows/s", "SQNR dB", "max error", "form")


def table_of(workload, rows):
    """Lines of cells, HEAD first, of one workload: a line per contender and path. Times in microseconds."""
    found = Rows([r for r in rows if r["workload"] == workload])
    lines, said = [HEAD], set()
    keys = sorted({(r["contender"], r["path"]) for r in found.rows if r["metric"] == "p50"},
                  key=lambda k: (rank(k[0]), ("step", "event", "window", "batch").index(k[1])))
    for contender, path in keys:
        def value(metric, cache="hot"):
            row = found.get(workload, contender, path, metric, cache)
            return None if row is None else row["value"]
        p50 = found.get(workload, contender, path)
        sqnr, most = (found.net(workload, contender, "window", metric) for metric in ("sqnr", "max_error"))
        first = contender not in said
        said.add(contender)
        floor = p50["floor"]
        throughput = found.net(workload, contender, path, "throughput")
        lines.append((contender, path, microseconds(p50["value"]),
                      microseconds(p50["net"]) if p50["net"] != p50["value"] else "", microseconds(value("p99")),
                      microseconds(value("p99.9")), microseconds(value("p50", "evicted")),
                      microseconds(value("p50", "cold")), microseconds(floor),
                      plain(p50["value"] / floor) if floor else "", plain(p50["ratio_to_int8"]),
                      plain(throughput, 0) if path == "batch" else "", plain(sqnr, 1) if first else "",
                      f"{most:.1e}" if first and most is not None else "", p50["note"] if first else ""))
    return lines


# Headings of words, which begin where their column begins; numbers end where it ends.
WORDS = {"", "contender", "path", "form", "bar", "why", "workload", "part", "layer"}


def kept_columns(lines):
    """(index, whether it holds words) of the columns that are not empty."""
    return [(k, lines[0][k] in WORDS) for k in range(len(lines[0])) if any(line[k] for line in lines[1:])]


def text_table(lines):
    """Aligned columns, empty ones left out. Only the last column may be long."""
    widths = {k: max(len(line[k]) for line in lines) for k, _ in kept_columns(lines)}
    return "\n".join("  ".join(line[k].ljust(widths[k]) if words else line[k].rjust(widths[k])
                               for k, words in kept_columns(lines)).rstrip() for line in lines)


def markdown_table(lines):
    kept = kept_columns(lines)
    out = ["| " + " | ".join(lines[0][k] for k, _ in kept) + " |",
           "|" + "|".join("---" if words else "---:" for _, words in kept) + "|"]
    out += ["| " + " | ".join(line[k] for k, _ in kept) + " |" for line in lines[1:]]
    return "\n".join(out)
