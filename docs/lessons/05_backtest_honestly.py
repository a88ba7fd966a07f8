"""Lesson 5: backtest honestly.

    python docs/lessons/05_backtest_honestly.py

Scores from anywhere can be tested: a number per day and name, larger is better. This lesson brings its own, and then
fools itself in the four usual ways, to show what each looks like and which check finds it.
"""
import numpy as np

from quantick import backtest, frames, market, strategy

# Prices without any pattern, 25 names over four years: whatever looks good below is a mistake or luck.
rng = np.random.default_rng(4)
days = np.arange("2018-01-01", "2022-01-01", dtype="datetime64[D]")
days = days[np.is_busday(days)]
names = [f"N{i:02}" for i in range(25)]
returns = rng.normal(0, 0.009, (len(days), 1)) + rng.normal(0, 0.015, (len(days), len(names)))
closes = 80 * np.exp(np.cumsum(returns, axis=0))
prices = market.panel(days, names, closes)


def scores_of(values: np.ndarray) -> strategy.ScoreMatrix:
    # Scores of one's own: anything with a date column and a column per name (or a row per date and name): pandas,
    # polars, a CSV file, or a plain dict of arrays, as here.
    return frames.read_scores({"date": days, **dict(zip(names, values.T))})


def sharpe(result: backtest.BacktestResult) -> float:
    return backtest.evaluate(result.returns)["sharpe"]


# 1. Looking ahead. An honest score of a day knows that day's close. Its orders trade at the next close, so it earns
# what comes after that one. A score that has seen this return, by a feature shifted the wrong way, say, earns a
# fortune.
known = scores_of(returns)
peeking = scores_of(np.vstack([returns[2:], np.zeros((2, len(names)))]))
honest, fooled = (backtest.run(prices, s, strategy="LongShort", k=5) for s in (known, peeking))
print(f"score known at the close: Sharpe {sharpe(honest):6.2f}")
print(f"score that has peeked:    Sharpe {sharpe(fooled):6.2f}")
assert sharpe(fooled) > 20 > sharpe(honest)

# The engine cannot know where a score comes from. Its own part can be checked: cut the future off and run again; every
# earlier bar keeps its bits. For features and models there is the same check (lessons 2 and 3).
assert backtest.check_truncation(honest) is None
# Trading at the close that was just seen has to be asked for by a name that one would not write by accident.
same_close = backtest.run(prices, known, strategy="LongShort", k=5, execution="same_close_looks_ahead")
assert same_close.looks_ahead and not honest.looks_ahead

# 2. Leaving out costs. Random scores, rebalanced every day: nothing to gain, and every trade pays.
noise = scores_of(rng.normal(size=returns.shape))
free = backtest.run(prices, noise, strategy="LongShort", k=5, commission_bps=0, slippage_bps=0, borrow_rate=0)
paid = backtest.run(prices, noise, strategy="LongShort", k=5)
turnover = float(paid.turnover.mean())
print(f"random scores: Sharpe {sharpe(free):.2f} without costs, {sharpe(paid):.2f} with; "
      f"{turnover:.2f} of the account traded each day")
assert sharpe(paid) < sharpe(free) - 1

# 3. Having no baseline. A rising market lifts everything that is long. Compare with holding all names, on the same days
# and at the same costs, and take the difference day by day.
rising = market.panel(days, names, closes * np.exp(0.001 * np.arange(len(days)))[:, None])
long_only = backtest.run(rising, noise, strategy="TopkDropout", k=5, n_drop=1, invested=1.0)
baseline = backtest.equal_weight(long_only)
difference = backtest.mean_interval(long_only.returns - baseline.returns)
print(f"long only in a rising market: Sharpe {sharpe(long_only):.2f}; holding everything: {sharpe(baseline):.2f}; "
      f"the difference of a day is {difference[0]:.5f} [{difference[1]:.5f}, {difference[2]:.5f}]")
assert sharpe(baseline) > sharpe(long_only)
assert difference[1] < 0, "no gain over the baseline is shown"

# 4. Trying until it works. A hundred strategies of random scores, none of them worth anything, and one that looks
# well. The deflated Sharpe ratio asks: how probable is it that this beats the best of a hundred worthless ones? Below
# 0.95 it is called luck. It needs an honest count of what was tried, also of what was thrown away.
tried = [backtest.run(prices, scores_of(rng.normal(size=returns.shape)), strategy="LongShort", k=5, rebalance=20,
                      commission_bps=0, slippage_bps=0, borrow_rate=0) for _ in range(100)]
best = max(tried, key=sharpe)
per_day = [sharpe(result) / 252**0.5 for result in tried]
alone = backtest.metrics.probabilistic_sharpe(best.returns)
deflated = backtest.metrics.deflated_sharpe(best.returns, len(tried), float(np.var(per_day, ddof=1)))
print(f"best of {len(tried)}: Sharpe {sharpe(best):.2f}, probably above zero: {alone:.3f}, deflated: {deflated:.3f}")
assert alone > 0.95 > deflated

# Try: give the prices a real pattern (lesson 2 has one), and see which of the four numbers above still stands.
