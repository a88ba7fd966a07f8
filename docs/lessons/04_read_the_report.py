"""Lesson 4: read the report.

    python docs/lessons/04_read_the_report.py

A report of a backtest is one HTML page, and the same numbers as JSON. This lesson makes one (report.html, in the folder
where you run it) and reads it from top to bottom: what each part answers, and which number to look at first.
"""
import json
import math

import numpy as np

from quantick import backtest, frames, market, report, strategy

# Twenty names over three years, and a model's scores for them: a weak signal of the coming week in much noise. The
# int8 version of the model gives nearly the same scores; the difference is what quantization does.
rng = np.random.default_rng(21)
days = np.arange("2019-01-01", "2022-01-01", dtype="datetime64[D]")
days = days[np.is_busday(days)]
names = [f"N{i:02}" for i in range(20)]
market_move = rng.normal(0.0003, 0.008, (len(days), 1))
closes = 50 * np.exp(np.cumsum(market_move + rng.normal(0, 0.012, (len(days), 20)), axis=0))
prices = market.panel(days, names, closes)
coming = np.nan_to_num(backtest.forward_returns(prices, 5).values)
signal = 2.0 * coming / coming.std() + 20 * rng.normal(size=coming.shape)
float_scores = frames.read_scores({"date": days, **dict(zip(names, signal.T))})
int8_scores = frames.read_scores({"date": days, **dict(zip(names, np.round(signal * 4).T / 4))})

# Both are traded by the same strategy, on the same days, at the same costs. Only then may they be compared.
rules = strategy.TopkDropout(k=5, n_drop=1, rebalance=5)
results = {name: backtest.run(prices, scores, rules, commission_bps=5, slippage_bps=5)
           for name, scores in (("float32", float_scores), ("int8", int8_scores))}
page = report.Report(results, title="Lesson 4", survivorship="made-up names: none was ever delisted", trials=1)
page.write("report.html")
numbers = json.loads(page.json())
print(page.summary, "\n")

# First the verdict: a column per strategy, a row per metric, each with its interval and its convention ("Sharpe" alone
# means little: tools differ by a factor of twenty). Equal weight is there unasked: a model that loses to holding
# everything is not worth running.
for key in ("sharpe", "max_drawdown", "rank_ic", "turnover"):
    print(numbers["metrics"][key]["label"], "--", numbers["metrics"][key]["convention"])
    for column in numbers["strategies"].values():
        cell = column["metrics"][key]
        if cell["value"] is not None:
            interval = "" if cell["low"] is None else f"  [{cell['low']:.3f}, {cell['high']:.3f}]"
            print(f"    {column['label']:12} {cell['value']:8.3f}{interval}")

# A number of the report is a number of the result: nothing is scaled or rounded on the way.
sharpe = numbers["strategies"]["int8"]["metrics"]["sharpe"]
assert math.isclose(sharpe["value"], backtest.evaluate(results["int8"].returns)["sharpe"])

# How wide is the interval of a Sharpe ratio? Over one year about plus or minus two, over these three years still more
# than one in each direction. Two strategies whose intervals overlap like this are not told apart by their Sharpe.
print(f"\nSharpe of int8: {sharpe['value']:.2f}, 95 % interval {sharpe['low']:.2f} to {sharpe['high']:.2f}")
assert sharpe["high"] - sharpe["low"] > 2

# Their difference is another matter: it is taken day by day, so that what moved both cancels. Here stands what
# quantization did, with an interval by block bootstrap. An interval that holds zero says: no change was seen.
print(numbers["paired_interval"])
for key in ("rank_ic", "top_k_overlap", "turnover", "sharpe"):
    row = numbers["paired"][key]
    print(f"    {key:14} {row['difference']:8.4f}  [{row['low']:.4f}, {row['high']:.4f}]  {row['observations']} days")
paired = numbers["paired"]["sharpe"]
assert paired["high"] - paired["low"] < sharpe["high"] - sharpe["low"]
assert numbers["paired"]["rank_ic"]["low"] <= 0 <= numbers["paired"]["rank_ic"]["high"]

# Scores that are rounded tie, and ties are decided by the names' order: a bet that nobody made. The report counts them.
print("tied scores:", numbers["tied_scores"])
assert numbers["tied_scores"]["int8"] > numbers["tied_scores"]["float32"]

# Costs: gross return, less commission, slippage and borrowing, is the net return. If the first is small beside the
# second, trade less often before you look for a better model.
costs = numbers["costs"]["int8"]
print("a year, of the account:", {key: round(value, 4) for key, value in costs.items() if key != "label"})
parts = costs["gross"] - costs["commission"] - costs["slippage"] - costs["borrow"]
assert math.isclose(parts, costs["net"], abs_tol=1e-9)

# Then: is the signal worth anything, costs aside? IC decay tells for how long (a signal that lives for one day cannot
# be traded weekly), quantiles whether it orders all the names or only finds a few at one end.
decay = {h: round(v["value"], 4) for h, v in zip(numbers["ic_decay"]["horizons"], numbers["ic_decay"]["lines"]["int8"])}
print("rank IC by days held:", decay)

# At last the fine print, which decides whether any of this means something: the data with its survivorship and
# adjustments, every convention of the backtest, and warnings.
print(page.warnings or "no warnings")
for note in results["int8"].notes:
    print("  -", note)
assert "delisted" in numbers["survivorship"]

# Try: open report.html. Then set trials=50, as if this were the best of fifty models, and look at the deflated Sharpe.
