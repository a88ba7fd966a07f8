"""Lesson 3: quantize a network.

    python docs/lessons/03_quantize.py

A quantized network is a program of integers: small, fast, and with one answer. This lesson makes one in three ways,
reads what it cost, and shows that its bits depend neither on the batch nor on where it runs.
"""
import pathlib

import numpy as np

from quantick import NDArray, gluon, init, nn, runtime, train
from quantick.contrib.quantization import Quantizer, quantize_net


# Layers that are to be quantized can be marked where the network is written. They train in float as before.
class Net(nn.HybridBlock):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(hidden_size=64, num_layers=2, quantization=True)
        self.last = nn.SequenceLast()
        self.fc = nn.QuantizedDense(32, activation="gelu")
        self.fc_final = nn.Dense(1)

    def forward(self, x: NDArray) -> NDArray:
        return self.fc_final(self.fc(self.last(self.lstm(x))))


# Windows of 20 steps with 12 features, and a target that is hidden in them.
rng = np.random.default_rng(3)
windows = rng.normal(size=(2000, 20, 12)).astype(np.float32)
target = np.tanh(windows[:, -5:, :3].sum(axis=(1, 2)) / 4).astype(np.float32)
net = Net()
net.initialize(init.Xavier(), seed=7)
history = train.fit(net, gluon.loss.L2Loss(), (windows[:1500], target[:1500]), epochs=8, seed=7,
                    optimizer_params={"learning_rate": 0.003})
print("loss:", [round(loss, 4) for loss in history["train_loss"]])

# Networks read [steps, samples, features].
x = windows[1500:].transpose(1, 0, 2)
calibration = windows[:1500].transpose(1, 0, 2)
expected = net(x)

# Without data. Scales are then taken from each row as it comes (from the past alone: nothing looks ahead), and one
# layer is left in float32: the last one, whose output is the score.
quantizer = Quantizer(model=net, quantized_dtype="auto", exclude_layers=["fc_final"])
dynamic = quantizer.quantize()
print(f"no data:    {dynamic.sqnr_db(x, expected, remove_mean=True):5.1f} dB")

# With data, which fixes the scales beforehand. Only what was trained on belongs in here: data of the period that is
# judged later would be a look into the future.
static = quantizer.quantize(calibration)
print(f"calibrated: {static.sqnr_db(x, expected, remove_mean=True):5.1f} dB")

# With settings of one's own. docs/quantization.md says what there is.
small = quantize_net(net, calib_data=calibration, calib_mode="percentile", method="weight_only", weight_bits=4)
print(f"4 bits:     {small.sqnr_db(x, expected, remove_mean=True):5.1f} dB")

# dB measure noise: 20 dB are a tenth of the signal, 40 dB a hundredth. For trading, ask first whether the order of the
# names changed: of the 100 best by the float network, how many does the int8 network choose, too?
report = static.report
print(report)
best = set(np.argsort(expected.asnumpy()[:, 0])[-100:]) & set(np.argsort(static.predict(x).asnumpy()[:, 0])[-100:])
print(f"{len(best)} of the best 100 are the same; {report.program_bytes} bytes of {report.float_bytes}")
assert len(best) >= 95
assert report.program_bytes < report.float_bytes / 3

# One answer: the same bits for one row or for all of them, and no output that knows of later steps or other rows.
alone = static.predict(x[:, 123:124])
assert np.array_equal(alone.asnumpy()[0], static.predict(x).asnumpy()[123])
causality = runtime.check_causality(static.program, x)
assert causality.causal

# The file holds the program and its identity, a SHA-256 of everything that decides a bit. Loading checks it.
path = pathlib.Path("model.qtk")
identity = static.save(path)
loaded = runtime.load(path)
assert loaded.identity == identity == static.program.identity
assert np.array_equal(runtime.Session(loaded).run(x).asnumpy(), static.predict(x).asnumpy())
print(f"{path}: {path.stat().st_size} bytes, {identity[:16]}...")
path.unlink()

# Try: quantize without `exclude_layers`. How much does the last layer cost?
