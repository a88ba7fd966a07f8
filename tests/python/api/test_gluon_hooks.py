"""Hooks of blocks, as MXNet's: they see every call, inside compiled networks too."""
import gc
import weakref

import numpy as np
import pytest

import quantick as mx
from quantick import gluon
from quantick.gluon import nn, rnn

from draws import draw


def layers():
    net = nn.HybridSequential()
    net.add(nn.Dense(2, in_units=3), nn.Dense(1, in_units=2))
    net.initialize()
    return net


@pytest.mark.parametrize("hybridized", [False, True])
def test_hooks_see_every_call_of_a_layer_inside_a_network(hybridized):
    net, seen, before = layers(), [], []
    if hybridized:
        net.hybridize()
    x = draw(4, 3)
    plain = net(x).asnumpy()
    hook = net[0].register_forward_hook(lambda block, inputs, output: seen.append((block, inputs[0].shape, output)))
    early = net.register_forward_pre_hook(lambda block, inputs: before.append(inputs))
    for calls in (1, 2):
        y = net(x)
        assert len(seen) == len(before) == calls
    assert seen[0][0] is net[0] and seen[0][1] == (4, 3)
    np.testing.assert_array_equal(net[1](seen[-1][2]).asnumpy(), y.asnumpy())
    np.testing.assert_array_equal(y.asnumpy(), plain)
    hook.detach()
    early.detach()
    net(x)
    assert len(seen) == len(before) == 2


def test_a_hook_ends_with_its_scope_and_may_end_itself():
    net, calls = layers(), []
    with net.register_forward_hook(lambda *_: calls.append(1)):
        net(draw(1, 3))
    net(draw(1, 3))
    assert len(calls) == 1
    hook = net.register_forward_hook(lambda *_: hook.detach() or calls.append(2))
    net(draw(1, 3))
    net(draw(1, 3))
    assert calls == [1, 2]


def test_hooks_get_nested_arguments_and_results_as_forward_does():
    class Net(gluon.HybridBlock):
        def forward(self, x, states):
            return x + states[0], [states[0] * 2]

    net, seen = Net(), []
    net.register_forward_hook(lambda block, inputs, output: seen.append((inputs, output)))
    x, state = draw(2), draw(2, seed=1)
    out, (after,) = net(x, [state])
    (inputs, output), = seen
    assert isinstance(inputs, tuple) and isinstance(inputs[1], list) and isinstance(output[1], list)
    np.testing.assert_array_equal(output[0].asnumpy(), out.asnumpy())
    np.testing.assert_array_equal(output[1][0].asnumpy(), after.asnumpy())


def test_hooks_of_recurrent_layers_get_sequence_and_states():
    layer, seen = rnn.LSTM(2), []
    layer.initialize()
    layer.register_forward_hook(lambda block, inputs, output: seen.append((inputs, output)))
    layer(draw(3, 1, 2), layer.begin_state(1))
    (inputs, output), = seen
    assert len(inputs) == 2 and len(inputs[1]) == 2 and len(output[1]) == 2
    layer(draw(3, 1, 2))
    assert len(seen[1][0]) == 1 and seen[1][1].shape == (3, 1, 2)


def test_an_error_in_a_hook_comes_out_of_the_call():
    net = layers()

    def broken(*_):
        raise RuntimeError("of the hook")

    with net[1].register_forward_hook(broken), pytest.raises(RuntimeError, match="of the hook"):
        net(draw(1, 3))
    net(draw(1, 3))
    with pytest.raises(TypeError, match="expected a function"):
        net.register_forward_hook(3)


def test_a_hook_that_holds_its_block_is_collected_with_it():
    class Net(gluon.Block):
        def __init__(self):
            super().__init__()
            self.fc = nn.Dense(1)
            self.fc.register_forward_hook(self.watch)
            self.register_forward_pre_hook(lambda *_: self)

        def watch(self, *_):
            pass

        def forward(self, x):
            return self.fc(x)

    net = Net()
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def test_hooks_do_not_see_traces_and_summaries():
    net, calls = layers(), []
    net(draw(1, 3))
    net[0].register_forward_hook(lambda *_: calls.append(1))
    net.summary((1, 3))
    mx.contrib.quantization.Quantizer(net).quantize(draw(16, 3))
    assert calls == []
