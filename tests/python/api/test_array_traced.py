"""A hybridized forward is recorded once: what its graph would not hold is refused by name."""
import numpy as np
import pytest

from quantick import nd, nn


class Forward(nn.HybridBlock):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def assigned(x):
    out = nd.zeros(x.shape)
    out[0] = x[0]
    return out


def in_place(x):
    y = x * 1
    y += 1
    return y


FOLLOWED = {
    "arithmetic": lambda x: (1 - x) * 2 @ x.T, "views": lambda x: x[:, ::2].T.reshape(-1)[1:],
    "rows": lambda x: x[[1, 0]],
    "constant mask": lambda x: x[np.array([True, False])], "backwards": lambda x: x[::-1],
    "reductions": lambda x: x.sum(axis=0),
    "copies": lambda x: x.copy() + x.astype("float64"),
    "constants": lambda x: x + nd.array([1, 2, 3]) * float(nd.array(2.0)),
    "where": lambda x: nd.where(x > 2, x, -x), "text": lambda x: (repr(x), x + 1)[1],
}
REFUSED = {
    "item assignment": assigned, "in place": in_place, "condition": lambda x: x if x.sum() > 0 else -x,
    "number": lambda x: x * float(x.max()), "item": lambda x: x * x[0, 0].item(), "mask": lambda x: x[x > 0],
    "picked by values": lambda x: x[x.argmax(axis=1)], "NumPy": lambda x: nd.array(np.asarray(x) * 2),
    "asnumpy": lambda x: nd.array(x.asnumpy()), "tolist": lambda x: nd.array(x.tolist()),
    "logic": lambda x: nd.where((x > 0) & (x < 2), x, -x),
    "inverse": lambda x: nd.where(~(x > 0), x, -x), "DLPack": lambda x: nd.from_dlpack(x.__dlpack__()),
}


@pytest.mark.parametrize("kind", FOLLOWED)
def test_operators_methods_and_views_are_followed(kind):
    net, plain = Forward(FOLLOWED[kind]), FOLLOWED[kind]
    net.initialize()
    net.hybridize()
    for scale in (1, -2):  # the second call runs the graph of the first
        x = nd.array([[1, 2, 3], [4, 5, 6]]) * scale
        np.testing.assert_array_equal(np.asarray(net(x)), np.asarray(plain(x)))


@pytest.mark.parametrize("kind", REFUSED)
def test_what_the_graph_would_not_hold_is_refused(kind):
    net, x = Forward(REFUSED[kind]), nd.array([[1, 0, 1], [2, 1, 0]])
    net.initialize()
    assert net(x) is not None  # imperatively it runs
    net.hybridize()
    with pytest.raises(NotImplementedError,
                       match=r"\[trace\] values of an array of shape \(.*\) asked for in a forward "
                                                  r"that is hybridized or exported, expected operators alone"):
        net(x)
    np.asarray(x)  # the trace is over
