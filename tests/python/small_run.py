"""A small market and run file for tests of the program: 8 instruments, 420 days, an LSTM of 8 units, one epoch."""
import datetime
import gzip
import random

YAML = """name: small
seed: 3
output: {output}
data:
  path: {prices}
dataset:
  features: [return(1), return(5), rank(return(5)), volatility(10)]
  samples: {{window: 8, horizon: 2, label: zscore}}
  train: [2019-02-01, 2019-12-31]
  valid: [2020-01-02, 2020-02-28]
  test: [2020-03-02, 2020-07-31]
model: {{class: LSTM, kwargs: {{hidden_size: 8, num_layers: 2}}}}
train: {{epochs: 1, batch_size: 128}}
quantize: {{num_calib_samples: 512}}
strategy: {{class: TopkDropout, kwargs: {{k: 0.5, n_drop: 1}}}}
evaluation: {{bootstrap: {{resamples: 200}}}}
"""
NAMES = ["AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH"]


def days(count=420, first=datetime.date(2019, 1, 2)):
    out, day = [], first
    while len(out) < count:
        if day.weekday() < 5:
            out.append(day)
        day += datetime.timedelta(days=1)
    return out


def price_rows(seed=11):
    """[(date, [price per name])]; a random walk with two decimals."""
    draw = random.Random(seed)
    level = [50.0 + 10 * k for k in range(len(NAMES))]
    rows = []
    for day in days():
        level = [p * (1 + draw.gauss(0.0003, 0.015)) for p in level]
        rows.append((day, [round(p, 2) for p in level]))
    return rows


def wide_csv(rows=None):
    lines = ["Date," + ",".join(NAMES)]
    lines += [f"{day}," + ",".join("" if p is None else str(p) for p in prices) for day, prices in rows or price_rows()]
    return "\n".join(lines) + "\n"


def long_csv(rows=None):
    lines = ["date,symbol,close"]
    lines += [f"{day},{name},{p}" for day, prices in rows or price_rows() for name, p in zip(NAMES, prices)]
    return "\n".join(lines) + "\n"


def write_run(folder, prices=None, name="prices.csv", edit=lambda text: text):
    """Writes prices and run file into the folder; returns the run file's path. Output goes to folder/out."""
    path = folder / name
    data = wide_csv() if prices is None else prices
    if isinstance(data, str):
        data = data.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") and not data.startswith(b"\x1f\x8b") else data)
    run = folder / "run.yaml"
    run.write_text(edit(YAML.format(prices=path, output=folder / "out")))
    return run
