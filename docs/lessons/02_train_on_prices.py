"""Lesson 2: train a network on prices.

    python docs/lessons/02_train_on_prices.py

From a table of closes to a network that scores every name on every day. The prices are made here, with a weak trend in
them that a network can find: with real data you would not know whether there is anything to find.
"""
import numpy as np

from quantick import NDArray, backtest, features, gluon, init, market, nn, train

# Fifteen names over four years of weekdays. Each name drifts up or down for some weeks (what can be learned), under
# noise that is five times as large on every single day (what cannot).
rng = np.random.default_rng(11)
days = np.arange("2018-01-01", "2022-01-01", dtype="datetime64[D]")
days = days[np.is_busday(days)]
names = [f"N{i:02}" for i in range(15)]
drift = np.zeros((len(days), len(names)))
for t in range(1, len(days)):
    drift[t] = 0.96 * drift[t - 1] + rng.normal(0, 0.0006, len(names))
closes = 100 * np.exp(np.cumsum(drift + rng.normal(0, 0.01, drift.shape), axis=0))
prices = market.panel(days, names, closes)
print(prices)

# Features are named by text. What a feature says on a day uses that day's close and earlier ones, nothing later, and
# this can be checked: cut the future off, compute again, and compare every bit.
chosen = features.FeatureSet(["return(1)", "return(5)", "return(20)", "volatility(20)", "rank(return(20))"])
values = chosen.compute(prices)
print("features", chosen.names, values.shape)
assert chosen.check_truncation(prices, [300, 700]) is None

# Three periods, in order: learn on the first, choose when to stop on the second, judge on the third. The scaler (zero
# mean, unit deviation) is fitted on the first alone: a mean over all years would know the future.
learn, choose, judge = ("2018-01-01", "2020-06-30"), ("2020-07-01", "2020-12-31"), ("2021-01-01", "2021-12-31")
scaler = features.fit_scaler(values, chosen.names, 0, int(np.searchsorted(days, np.datetime64("2020-07-01"))), clip=4)
scaled = scaler.transform(values)

# A sample is a window of the last 10 days of one name. Its label is the return over the 5 days that follow, from the
# next close on: the first price at which one could have traded. Labels are compared within a day (z-scores), because a
# portfolio chooses between names. Samples whose label would reach into the next period are left out.
samples = features.dataset(prices, scaled, window=10, horizon=5, label="zscore")
learning = features.samples(samples, samples.labelled(*learn, next_segment=choose[0]))
choosing = features.samples(samples, samples.labelled(*choose, next_segment=judge[0]))
judged = samples.labelled(*judge)
judging = features.samples(samples, judged)
print(len(learning), "samples to learn from,", len(choosing), "to choose on,", len(judging), "to judge on")


# The network: an LSTM reads the window, a Dense layer makes a score of what it remembers at the end.
class Net(nn.HybridBlock):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(16)
        self.last = nn.SequenceLast()
        self.score = nn.Dense(1)

    def forward(self, x: NDArray) -> NDArray:
        return self.score(self.last(self.lstm(x)))


net = Net()
net.initialize(init.Xavier(), seed=5)
history = train.fit(net, gluon.loss.L2Loss(), learning, validation=choosing, epochs=6, batch_size=256, seed=5,
                    optimizer="AdamW", optimizer_params={"learning_rate": 0.003, "wd": 0.05}, monitor="rank_ic")
for epoch in history.epochs:
    print(f"epoch {epoch['epoch']}: loss {epoch['train_loss']:.4f}, rank IC {epoch['validation_rank_ic']:.3f}")

# The judgement: on each day of 2021, do names with higher scores earn more over the next five days? The rank IC is that
# correlation, day by day. Labels of neighbouring days overlap, so its interval is wider than a naive one.
scores = samples.scores(judged.ids, train.predict(net, judging).asnumpy())
by_day = backtest.rank_ic(scores, backtest.forward_returns(prices, 5))
mean, low, high, dates = backtest.mean_interval(by_day, overlap=5)
print(f"rank IC in 2021: {mean:.3f} [{low:.3f}, {high:.3f}] over {dates} days")
assert low > 0, "the planted trend was found"

# Trained twice from the same seed, the scores are the same to the last bit, for any number of threads.
again = Net()
again.initialize(init.Xavier(), seed=5)
train.fit(again, gluon.loss.L2Loss(), learning, validation=choosing, epochs=6, batch_size=256, seed=5,
          optimizer="AdamW", optimizer_params={"learning_rate": 0.003, "wd": 0.05}, monitor="rank_ic")
assert np.array_equal(train.predict(net, judging).asnumpy(), train.predict(again, judging).asnumpy())

# Try: set the drift to zero. The interval should now hold zero; does it?
