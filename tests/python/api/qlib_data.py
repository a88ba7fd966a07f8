"""A Qlib data folder made by formula: six instruments, a late listing, an early end, suspensions, a flat stretch, days
out of the index. tests/golden/qlib_0_9_7.json holds what Qlib itself computes on it:

    pip install pyqlib==0.9.7 pyarrow && python tests/python/api/qlib_data.py tests/golden/qlib_0_9_7.json
"""
import json
import pathlib
import sys
import tempfile

import numpy as np
import pandas as pd

DAYS = pd.bdate_range("2018-01-01", periods=200)
START, END, FIT_END = "2018-04-02", "2018-09-28", "2018-07-31"
INFER = [{"class": "RobustZScoreNorm", "kwargs": {"fields_group": "feature", "clip_outlier": True,
                                                  "fit_start_time": START, "fit_end_time": FIT_END}},
         {"class": "Fillna", "kwargs": {"fields_group": "feature"}}]
LEARN = [{"class": "DropnaLabel"}, {"class": "CSRankNorm", "kwargs": {"fields_group": "label"}}]
ROWS = slice(None, None, 37)  # of all rows: enough to see every instrument in every state


def make(folder):
    root = pathlib.Path(folder)
    (root / "calendars").mkdir(parents=True)
    (root / "instruments").mkdir()
    (root / "calendars/day.txt").write_text("".join(f"{d:%Y-%m-%d}\n" for d in DAYS))
    everything, index = [], []
    for k in range(6):
        name, start, stop = f"SH60000{k}", 17 * k if k > 3 else 0, len(DAYS) - 10 * (k == 2)
        t = np.arange(start, stop)
        close = (10 + k) * np.exp(0.2 * np.sin(t / (7 + k)) + 0.03 * np.sin(t * (2.3 + 0.1 * k)))
        opened = close * np.exp(0.01 * np.sin(t * (1.7 + k)))
        high = np.maximum(close, opened) * (1 + 0.005 * np.sin(t + k) ** 2)
        low = np.minimum(close, opened) * (1 - 0.005 * np.cos(t * 1.3) ** 2)
        volume = 1e4 * np.exp(np.sin(t * (0.9 + 0.05 * k)))
        if k == 1:
            for a in (close, opened, high, low, volume):
                a[90:93] = np.nan
        if k == 3:
            close[60:80] = close[60]
            volume[85] = 0
        folder = root / "features" / name.lower()
        folder.mkdir(parents=True)
        fields = {"close": close, "open": opened, "high": high, "low": low, "volume": volume,
                  "vwap": (high + low + close) / 3}
        for field, values in fields.items():
            np.concatenate([[start], values]).astype("<f4").tofile(folder / f"{field}.day.bin")
        everything.append(f"{name}\t{DAYS[start]:%Y-%m-%d}\t{DAYS[stop - 1]:%Y-%m-%d}\n")
        if k % 2 == 0:
            index.append(f"{name}\t{DAYS[start]:%Y-%m-%d}\t{DAYS[110]:%Y-%m-%d}\n")
            index.append(f"{name}\t{DAYS[140]:%Y-%m-%d}\t{DAYS[stop - 1]:%Y-%m-%d}\n")
    (root / "instruments/all.txt").write_text("".join(everything))
    (root / "instruments/index.txt").write_text("".join(index))


def write_golden(path):
    import qlib
    from qlib.contrib.data import handler as handlers
    out = {"source": f"pyqlib {qlib.__version__}, tests/python/api/qlib_data.py", "cases": []}
    with tempfile.TemporaryDirectory() as folder:
        make(pathlib.Path(folder) / "data")
        qlib.init(provider_uri=folder + "/data", region="cn", kernels=1)
        for cls, market in (("Alpha158", "all"), ("Alpha158", "index"), ("Alpha360", "index")):
            handler = getattr(handlers, cls)(instruments=market, start_time=START, end_time=END, fit_start_time=START,
                                             fit_end_time=FIT_END, infer_processors=INFER, learn_processors=LEARN)
            case = {"handler": cls, "market": market}
            for key, columns in (("raw", ["feature", "label"]), ("infer", ["feature"]), ("learn", ["feature", "label"])):
                table = handler.fetch(col_set=columns, data_key=key)
                kept = table.iloc[ROWS]
                if cls == "Alpha360":
                    kept = kept.iloc[:, ::29]
                case[key] = {"rows": len(table), "columns": [c[1] for c in kept.columns],
                             "index": [[f"{d:%Y-%m-%d}", i] for d, i in kept.index],
                             "values": [[None if np.isnan(v) else float(f"{v:.7g}") for v in row] for row in kept.to_numpy()]}
            out["cases"].append(case)
    pathlib.Path(path).write_text(json.dumps(out, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    write_golden(sys.argv[1])
