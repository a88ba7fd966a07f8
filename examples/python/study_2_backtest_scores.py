"""Task 2: backtest a pandas frame of scores from elsewhere, and read it against a baseline."""
import pathlib  # finds the example file beside this script

import pandas as pd  # where the scores come from here; polars, pyarrow and DuckDB results are taken as well

from quantick import backtest, report  # the engine, and the page that tells what it found

path = pathlib.Path(__file__).with_name("prices.csv")  # or your own
closes = pd.read_csv(path, index_col="date", parse_dates=["date"])  # a row per date, a column per name
scores = closes.pct_change(20).loc["2020":]  # any model's scores: larger is better, known at the close of their day
rules = {"k": 3, "n_drop": 1, "rebalance": 5}  # hold 3 names, exchange at most one a week
result = backtest.run(closes, scores, "TopkDropout", commission_bps=5, slippage_bps=5, **rules)  # fills a day later
baseline = backtest.equal_weight(result)  # every name at one weight, on the same days, at the same costs
for name, run in (("scores", result), ("equal weight", baseline)):  # one line each
    found = backtest.evaluate(run.returns)  # all metrics, each by a convention that is named
    print(f"{name:13} Sharpe {found['sharpe']:.2f}, drawdown {found['max_drawdown']:.1%}")  # net of costs
mean, low, high, days = backtest.mean_interval(result.returns - baseline.returns)  # day by day: what moved both cancels
print(f"difference of a day {mean:.5f} [{low:.5f}, {high:.5f}], {days} days")  # an interval with 0: no skill was shown
print(backtest.check_truncation(result) or "no look-ahead")  # runs again with the future cut off and compares bits
print(report.write(result, "report.html", title="Momentum", survivorship="made-up names"))  # the whole story, one file
