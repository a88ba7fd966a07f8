"""Lesson 1: arrays and gradients.

    python docs/lessons/01_arrays_and_gradients.py

Arrays hold the numbers, operators compute with them, and autograd gives the slope of a result with respect to whatever
went in. Everything later (networks, training, quantization) is made of these three.
"""
import numpy as np

import quantick
from quantick import autograd, nd

# An array has a shape and a dtype. float32 is the default: networks are trained in it.
prices = nd.array([[100.0, 101.0, 99.5, 102.0], [50.0, 50.5, 51.0, 50.0]])
assert prices.shape == (2, 4)
assert prices.dtype == "float32"

# Operators work element by element, and shapes broadcast as in NumPy. A log return is the difference of two slices.
returns = nd.log(prices[:, 1:]) - nd.log(prices[:, :-1])
print("log returns:")
print(returns.asnumpy().round(4))
assert returns.shape == (2, 3)

# array() copies what it is given; from_numpy() shares its memory, so that large data is never copied.
day = np.zeros(3, dtype=np.float32)
copied, shared = nd.array(day), quantick.from_numpy(day)
day[0] = 7
assert copied[0].item() == 0
assert shared[0].item() == 7

# What does not fit is refused, with an error that names the thing, its value and what was expected.
try:
    prices @ prices
except quantick.ShapeError as error:
    print("refused:", error)
else:
    raise AssertionError("shapes (2, 4) and (2, 4) have no matrix product")

# Gradients: mark an array, compute inside record(), and call backward() on the result. The slope of sum(x * x) is 2 x.
x = nd.array([1.0, -2.0, 3.0])
x.attach_grad()
with autograd.record():
    y = (x * x).sum()
y.backward()
assert np.array_equal(x.grad.asnumpy(), 2 * x.asnumpy())

# That is all that training needs. Here the loss is the squared error of a line through noisy points, and each step
# walks a little down the slope of the loss. The points were made with slope 2 and intercept 0.5.
rng = np.random.default_rng(1)
inputs = rng.normal(size=(200, 1))
targets = 2.0 * inputs + 0.5 + 0.1 * rng.normal(size=(200, 1))
a, b = nd.array(inputs, "float32"), nd.array(targets, "float32")
slope, intercept = nd.zeros((1, 1)), nd.zeros((1,))
slope.attach_grad()
intercept.attach_grad()
for step in range(100):
    with autograd.record():
        miss = a @ slope + intercept - b
        loss = (miss * miss).mean()
    loss.backward()
    for parameter in (slope, intercept):
        parameter[:] = parameter - 0.1 * parameter.grad
print(f"slope {slope.item():.3f}, intercept {intercept.item():.3f}, loss {loss.item():.4f}")
assert abs(slope.item() - 2.0) < 0.05
assert abs(intercept.item() - 0.5) < 0.05

# Try: make the noise ten times larger. How many of the digits above can still be trusted?
