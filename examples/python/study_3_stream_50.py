"""Task 3: stream ticks of 50 instruments through a quantized network."""
import numpy as np  # makes the ticks of this example

from quantick import init, nn, runtime  # network and live runtime
from quantick.contrib.quantization import Quantizer  # float network in, program of integers out

net = nn.HybridSequential()  # a small network with random weights; task 1 trains one
net.add(nn.LSTM(32, num_layers=2), nn.Dense(1, flatten=False))  # a score at each step
net.initialize(init.Xavier(), seed=3)  # from a seed
rng = np.random.default_rng(3)  # ticks: [time, instrument, feature], float32
ticks = rng.normal(size=(500, 50, 12)).astype(np.float32)  # yours come from a feed, a row per instrument
Quantizer(model=net).quantize(ticks[:100]).save("model.qtk")  # the file that research hands to trading
program = runtime.load("model.qtk")  # every byte is checked
stream = runtime.Stream(program, instruments=50)  # 50 states over one set of weights
stream.warm_up()  # the first tick is then as fast as the hundredth
for tick in ticks[:400]:  # all 50 tick together
    if not stream.step(tick):  # one call per tick: no copy, no allocation
        raise SystemExit("a feature was missing")  # the status says which instrument and column
    stream.prepare()  # in the pause: what does not depend on the next tick
stream.step(ticks[400, [7, 21]], instruments=[7, 21])  # two tick alone; the others wait with their states untouched
print("scores:", np.asarray(stream.out)[[7, 21], 0])  # the newest outputs, a row per instrument, read where they lie
