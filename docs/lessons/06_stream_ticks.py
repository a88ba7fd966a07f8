"""Lesson 6: stream ticks.

    python docs/lessons/06_stream_ticks.py

In a backtest a program reads whole windows; live, one row at a time, for many instruments that tick when they like.
Here both give the same bits, a bad tick harms nobody else, and a new model takes over while the old one trades.
"""
import threading

import numpy as np

from quantick import NDArray, init, nn, runtime
from quantick.contrib.quantization import QuantizedNet, Quantizer

INSTRUMENTS, FEATURES, STEPS = 50, 12, 300


# A score per step (no SequenceLast here): live, every tick wants one.
class Net(nn.HybridBlock):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(units, num_layers=2)
        self.score = nn.Dense(1, flatten=False)

    def forward(self, x: NDArray) -> NDArray:
        return self.score(self.lstm(x))


rng = np.random.default_rng(6)
ticks = rng.normal(size=(STEPS, INSTRUMENTS, FEATURES)).astype(np.float32)


def quantized(seed: int, units: int) -> QuantizedNet:
    # Random weights will do to show how a stream runs; lesson 2 trains, lesson 3 quantizes.
    net = Net(units)
    net.initialize(init.Xavier(), seed=seed)
    return Quantizer(model=net).quantize(rng.normal(size=(100, 64, FEATURES)).astype(np.float32))


# What a backtest computes: all steps of all instruments at once.
qnet = quantized(seed=1, units=32)
batch = qnet.predict(ticks).asnumpy()
assert batch.shape == (STEPS, INSTRUMENTS, 1)

# The same, live. A stream keeps a state for each instrument over one set of weights. step() writes into stream.out
# and allocates nothing; its answer is true where all is well. What does not depend on the next tick is done before it
# comes.
stream = qnet.stream(instruments=INSTRUMENTS)
stream.warm_up()
for t in range(100):
    status = stream.step(ticks[t])
    assert status
    assert np.array_equal(np.asarray(stream.out), batch[t])
    stream.prepare()
print(f"100 ticks of {INSTRUMENTS} instruments: the bits of the batch")

# Mostly not all of them tick. One alone is named by its number, some by a list; the others stay as they are.
score = np.empty(1, np.float32)
assert stream.step(ticks[100, 7], score, instruments=7)
assert score[0] == batch[100, 7, 0]
assert stream.step(ticks[100, [3, 40]], instruments=[3, 40])
out = np.asarray(stream.out)
assert out[3, 0] == batch[100, 3, 0] and out[40, 0] == batch[100, 40, 0]

# A bad tick: where a feature is missing, that instrument's output is NaN and it starts anew. Nobody else notices.
bad = ticks[101].copy()
bad[11, 2] = np.nan
status = stream.step(bad)
print(status)
assert not status and status.name == "not finite" and (status.instrument, status.column) == (11, 2)
assert np.isnan(out[11, 0]) and out[3, 0] == batch[101, 3, 0]

# A stream begins with an empty memory. One that joins in the middle of a day first absorbs what it missed.
late = qnet.stream(instruments=1)
late.absorb(0, ticks[:200, 5].copy())  # live calls read memory as it lies, in one piece
assert late.step(ticks[200, 5:6])
assert late.out.asnumpy()[0, 0] == batch[200, 5, 0]

# And where the model was trained on windows of 20 steps, live windows should be 20 steps, too: with `window`, each step
# gives what the session gives for the last 20 rows. Until it has seen so many, it says that it is warming up.
rolling = qnet.stream(instruments=1, window=20)
answers = [rolling.step(ticks[t, :1]).name for t in range(20)]
assert answers == ["warming up"] * 19 + ["ok"]
assert rolling.out.asnumpy()[0, 0] == qnet.predict(ticks[:20, :1]).asnumpy()[19, 0, 0]

# A model that was trained since is offered by another thread while this one ticks. It is checked, packed and warmed up,
# and takes over between two ticks: none waits, none is lost. One that differs in its weights alone goes on with the old
# one's states; this one has more units, and learns the past from the features that the slot kept.
slot = runtime.ModelSlot(qnet.program, instruments=INSTRUMENTS, history=STEPS)
newer = quantized(seed=2, units=48)
offer = threading.Thread(target=slot.offer, args=(newer.program,))
made_by = []
for t in range(STEPS):
    if t == 150:
        offer.start()
    if t == 250:
        offer.join()
    made_by.append(slot.step(ticks[t]).model)
switched = made_by.index(2)
print(f"the newer model took over at tick {switched}")
assert made_by == [1] * switched + [2] * (STEPS - switched)
assert np.array_equal(np.asarray(slot.out), newer.predict(ticks).asnumpy()[-1])

# Try: leave out `history`. Why is the newer model refused then?
