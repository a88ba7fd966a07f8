"""Task 1: train an LSTM on a CSV of prices, and quantize it. Run it as it stands, then give it your own file."""
import pathlib  # finds the example file beside this script

from quantick import backtest, features, gluon, init, market, nn, train  # reading, samples, networks, training, judging
from quantick.contrib.quantization import Quantizer  # float network in, program of integers out

prices = market.read_csv(pathlib.Path(__file__).with_name("prices.csv"))  # a column or a row per name: both are read
chosen = features.FeatureSet(["return(1)", "return(5)", "return(20)", "rank(return(20))"])  # features.names(): all
values = chosen.compute(prices)  # [dates, names, features]; what a day's values know is that day and earlier ones
scaled = features.fit_scaler(values, chosen.names, 0, 500).transform(values)  # scale by the first 500 days alone
data = features.dataset(prices, scaled, window=10, horizon=5, label="zscore")  # 10 days in, the next 5 days' return out
past = data.labelled("2019-01-01", "2020-11-30", next_segment="2021-01-01")  # labels that reach into 2021 are left out
later = data.labelled("2021-01-01", "2021-09-30")  # what nothing has learned from
net = nn.HybridSequential()  # layers one after the other
net.add(nn.LSTM(16, quantization=True), nn.SequenceLast(), nn.Dense(1))  # read a window, keep its last step, one score
net.initialize(init.Xavier(), seed=1)  # the same seed gives the same bits, on any machine and any number of threads
train.fit(net, gluon.loss.L2Loss(), features.samples(data, past), epochs=4, seed=1)  # train.fit? lists the settings
qnet = Quantizer(model=net).quantize(data.gather(past.ids, labels=False)[0])  # calibrated on the past, never on 2021
print(qnet.report)  # what each layer cost, how large it is now, and what to change first
scores = data.scores(later.ids, qnet.predict(data.gather(later.ids)[0]).asnumpy().ravel())  # a score per day and name
by_day = backtest.rank_ic(scores, backtest.forward_returns(prices, 5))  # do higher scores earn more in the next 5 days?
print("rank IC, low, high, days:", backtest.mean_interval(by_day, overlap=5))  # with 0 outside: yes
print(qnet.save("model.qtk"))  # the file that backtests and live streams load; prints the SHA-256 of its bits
