"""Operators of quantick.nd in MXNet's form against NumPy; their gradients, and what hybridize() makes of them."""
import numpy as np
import pytest

import quantick as mx
from quantick import autograd, gluon, nd

RNG = np.random.default_rng(3)
A = RNG.standard_normal((2, 3)).astype("float32")
B = RNG.standard_normal((3, 4)).astype("float32")
C = RNG.standard_normal((2, 3, 4)).astype("float32")
D = RNG.standard_normal((2, 4, 5)).astype("float32")
IMAGE = RNG.standard_normal((2, 3, 6, 6)).astype("float32")
KERNEL = RNG.standard_normal((4, 3, 3, 3)).astype("float32")
WEIGHT = RNG.standard_normal((4, 12)).astype("float32")
ORDER = np.array([[3, 1, 2], [2, 2, 5]], "float32")


def padded(x, kernel, stride, pad):
    wide = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(wide, kernel.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwij,ocij->nohw", windows, kernel)


#: (name, call, what NumPy gives)
CASES = [
    ("sum axis", lambda F: F.sum(C, axis=1), C.sum(1)),
    ("sum axes keepdims", lambda F: F.sum(C, axis=(0, 2), keepdims=True), C.sum((0, 2), keepdims=True)),
    ("sum exclude", lambda F: F.sum(C, axis=0, exclude=True), C.sum((1, 2))),
    ("sum all", lambda F: F.sum(C), C.sum()),
    ("mean exclude", lambda F: F.mean(C, axis=-1, exclude=True), C.mean((0, 1))),
    ("mean exclude all", lambda F: F.mean(A, axis=(0, 1), exclude=True), A),
    ("max", lambda F: F.max(C, axis=2), C.max(2)),
    ("min", lambda F: F.min(C, axis=-1), C.min(-1)),
    ("norm", lambda F: F.norm(C, axis=1), np.linalg.norm(C, axis=1)),
    ("norm 1", lambda F: F.norm(C, ord=1, axis=1, keepdims=True), np.abs(C).sum(1, keepdims=True)),
    ("concat dim", lambda F: F.concat(A, A, dim=0), np.concatenate([A, A], 0)),
    ("concat default", lambda F: F.concat(A, A), np.concatenate([A, A], 1)),
    ("concat list", lambda F: F.concat([A, A], axis=1), np.concatenate([A, A], 1)),
    ("concat list by place", lambda F: F.concat([A, A], 1), np.concatenate([A, A], 1)),
    ("Concat", lambda F: F.Concat(A, A, A, dim=1), np.concatenate([A, A, A], 1)),
    ("stack", lambda F: F.stack(A, A, axis=1), np.stack([A, A], 1)),
    ("stack default", lambda F: F.stack(A, A), np.stack([A, A])),
    ("clip", lambda F: F.clip(A, a_min=-0.5, a_max=0.25), A.clip(-0.5, 0.25)),
    ("where", lambda F: F.where(nd.array([[1, 0, 2], [0, 1, 0]]), A, 0), np.where([[1, 0, 2], [0, 1, 0]], A, 0)),
    ("slice", lambda F: F.slice(C, begin=(0, 1), end=(1, None)), C[0:1, 1:]),
    ("slice by place", lambda F: F.slice(C, (None, 0, -3), (None, 2, None)), C[:, 0:2, -3:]),
    ("slice step", lambda F: F.slice(C, begin=(0, 0, 1), end=(None, None, None), step=(1, 2, 2)), C[:, ::2, 1::2]),
    ("slice_axis", lambda F: F.slice_axis(C, axis=2, begin=-2, end=None), C[:, :, -2:]),
    ("slice_like", lambda F: F.slice_like(C, nd.array(A), axes=(1,)), C[:, :3]),
    ("slice_like all", lambda F: F.slice_like(B, nd.array(A)), B[:2, :3]),
    ("squeeze", lambda F: F.squeeze(C[:1, :, :1]), C[0, :, 0]),
    ("reshape -3", lambda F: F.reshape(C, shape=(-3, 0)), C.reshape(6, 4)),
    ("reshape -2", lambda F: F.reshape(C, shape=(0, -2)), C),
    ("reshape -4", lambda F: F.reshape(C, shape=(0, 0, -4, -1, 2)), C.reshape(2, 3, 2, 2)),
    ("reshape 0", lambda F: F.Reshape(C, shape=(0, -1)), C.reshape(2, 12)),
    ("reshape_like", lambda F: F.reshape_like(A.reshape(-1), nd.array(A)), A),
    ("swapaxes", lambda F: F.swapaxes(C, 0, 2), C.swapaxes(0, 2)),
    ("moveaxis", lambda F: F.moveaxis(C, 0, -1), np.moveaxis(C, 0, -1)),
    ("flip", lambda F: F.flip(C, axis=1), C[:, ::-1]),
    ("flip two", lambda F: F.flip(C, axis=(0, 2)), C[::-1, :, ::-1]),
    ("flip vector", lambda F: F.reverse(A[0], axis=0), A[0][::-1]),
    ("broadcast_axis", lambda F: F.broadcast_axis(A[:1], axis=0, size=4), np.broadcast_to(A[:1], (4, 3))),
    ("broadcast_like", lambda F: F.broadcast_like(A[:1], nd.array(A)), np.broadcast_to(A[:1], (2, 3))),
    ("tile", lambda F: F.tile(A, reps=(2, 1, 3)), np.tile(A, (2, 1, 3))),
    ("tile short", lambda F: F.tile(C, reps=2), np.tile(C, 2)),
    ("repeat", lambda F: F.repeat(C, repeats=3, axis=1), C.repeat(3, 1)),
    ("repeat flat", lambda F: F.repeat(A, repeats=2), A.repeat(2)),
    ("dot", lambda F: F.dot(A, B), A @ B),
    ("dot ta", lambda F: F.dot(A, A, transpose_a=True), A.T @ A),
    ("dot tb", lambda F: F.dot(A, A, transpose_b=True), A @ A.T),
    ("dot vectors", lambda F: F.dot(A[0], A[1]), A[0] @ A[1]),
    ("dot 3d", lambda F: F.dot(C, D[0]), np.tensordot(C, D[0], 1)),
    ("batch_dot", lambda F: F.batch_dot(C, D), C @ D),
    ("batch_dot t", lambda F: F.batch_dot(C, C, transpose_b=True), C @ C.swapaxes(1, 2)),
    ("one_hot", lambda F: F.one_hot(nd.array([0, 2, 7]), 3), np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0]])),
    ("one_hot values", lambda F: F.one_hot(nd.array([1]), depth=3, on_value=8, off_value=-1), [[-1, 8, -1]]),
    ("pick", lambda F: F.pick(A, nd.array([2, 0])), A[[0, 1], [2, 0]]),
    ("pick axis", lambda F: F.pick(A, nd.array([1, 0, 9]), axis=0, keepdims=True), A[[1, 0, 1], [0, 1, 2]][None]),
    ("pick column", lambda F: F.pick(A, nd.array([[1], [-4]]), axis=1), A[[0, 1], [1, 0]]),
    ("topk", lambda F: F.topk(ORDER), [[0], [2]]),
    ("topk k", lambda F: F.topk(ORDER, k=2), [[0, 2], [2, 0]]),
    ("topk value", lambda F: F.topk(ORDER, k=2, ret_typ="value"), [[3, 2], [5, 2]]),
    ("topk smallest", lambda F: F.topk(ORDER, axis=0, ret_typ="value", is_ascend=True), [[2, 1, 2]]),
    ("topk mask", lambda F: F.topk(ORDER, k=2, ret_typ="mask"), [[1, 0, 1], [1, 0, 1]]),
    ("topk uint8", lambda F: F.topk(nd.array([[0, 200, 3]], "uint8"), k=3), [[1, 2, 0]]),
    ("sort", lambda F: F.sort(C, axis=1), np.sort(C, 1)),
    ("sort falling", lambda F: F.sort(A, is_ascend=False), -np.sort(-A)),
    ("argsort", lambda F: F.argsort(C), np.argsort(C)),
    ("argmin", lambda F: F.argmin(C, axis=1), C.argmin(1)),
    ("add_n", lambda F: F.add_n(A, A, A), A + A + A),
    ("rsqrt", lambda F: F.rsqrt(np.abs(A)), 1 / np.sqrt(np.abs(A))),
    ("log2", lambda F: F.log2(np.abs(A)), np.log2(np.abs(A))),
    ("log10", lambda F: F.log10(np.abs(A)), np.log10(np.abs(A))),
    ("reciprocal", lambda F: F.reciprocal(A), 1 / A),
    ("hard_sigmoid", lambda F: F.hard_sigmoid(A * 4), (0.2 * A * 4 + 0.5).clip(0, 1)),
    ("softmin", lambda F: F.softmin(A), np.exp(-A) / np.exp(-A).sum(-1, keepdims=True)),
    ("logical_not", lambda F: F.logical_not(nd.array([0.0, 2.0])), [True, False]),
    ("smooth_l1", lambda F: F.smooth_l1(A, scalar=2), np.where(np.abs(A) < 0.25, 2 * A * A, np.abs(A) - 0.125)),
    ("elemwise_add", lambda F: F.elemwise_add(A, A), A + A),
    ("broadcast_lesser", lambda F: F.broadcast_lesser(A, A[:1]), A < A[:1]),
    ("FullyConnected", lambda F: F.FullyConnected(C, WEIGHT, no_bias=True, num_hidden=4),
     C.reshape(2, 12) @ WEIGHT.T),
    ("Activation", lambda F: F.Activation(A, act_type="softrelu"), np.log1p(np.exp(A))),
    ("LeakyReLU", lambda F: F.LeakyReLU(A, slope=0.1), np.where(A > 0, A, 0.1 * A)),
    ("elu", lambda F: F.LeakyReLU(A, act_type="elu", slope=0.5), np.where(A > 0, A, 0.5 * np.expm1(A))),
    ("prelu", lambda F: F.LeakyReLU(A, nd.array([0.1, 0.2, 0.3]), act_type="prelu"),
     np.where(A > 0, A, A * np.array([0.1, 0.2, 0.3]))),
    ("Convolution", lambda F: F.Convolution(IMAGE, KERNEL, kernel=(3, 3), num_filter=4, stride=(2, 2), pad=(1, 1),
                                            no_bias=True), padded(IMAGE, KERNEL, 2, 1)),
    ("Pooling", lambda F: F.Pooling(IMAGE, kernel=(2, 2), stride=(2, 2)), IMAGE.reshape(2, 3, 3, 2, 3, 2).max((3, 5))),
    ("Pooling avg", lambda F: F.Pooling(IMAGE, kernel=(2, 2), stride=(2, 2), pool_type="avg"),
     IMAGE.reshape(2, 3, 3, 2, 3, 2).mean((3, 5))),
    ("Pooling global", lambda F: F.Pooling(IMAGE, global_pool=True, pool_type="avg"),
     IMAGE.mean((2, 3), keepdims=True)),
    ("Dropout", lambda F: F.Dropout(A, p=0.5), A),
    ("LayerNorm", lambda F: F.LayerNorm(C, np.ones(4, "float32"), np.zeros(4, "float32"), eps=1e-5),
     (C - C.mean(-1, keepdims=True)) / np.sqrt(C.var(-1, keepdims=True) + 1e-5)),
    ("Embedding", lambda F: F.Embedding(nd.array([2, 0]), B, input_dim=3, output_dim=4), B[[2, 0]]),
    ("SequenceMask", lambda F: F.SequenceMask(C, nd.array([1, 0, 2]), True, value=-1),
     np.where((np.arange(2)[:, None] < [1, 0, 2])[:, :, None], C, -1)),
    ("SequenceMask axis", lambda F: F.SequenceMask(C, nd.array([1, 3]), True, axis=1),
     np.where((np.arange(3) < np.array([[1], [3]]))[:, :, None], C, 0)),
    ("SequenceMask none", lambda F: F.SequenceMask(C), C),
    ("SequenceLast", lambda F: F.SequenceLast(C, nd.array([1, 2, 1]), True), C[[0, 1, 0], [0, 1, 2]]),
    ("SequenceLast axis", lambda F: F.SequenceLast(C, axis=1), C[:, -1]),
    ("SequenceReverse", lambda F: F.SequenceReverse(D.transpose(1, 0, 2), nd.array([3, 1]), True),
     np.stack([D[0][[2, 1, 0, 3]], D[1]], 1)),
    ("linspace", lambda F: F.linspace(0, 1, 5), np.linspace(0, 1, 5)),
    ("eye", lambda F: F.eye(2, 3, 1), np.eye(2, 3, 1)),
]


@pytest.mark.parametrize(("call", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_values(call, wanted):
    found = call(nd)
    assert found.shape == np.shape(wanted)
    np.testing.assert_allclose(found.asnumpy(), wanted, rtol=3e-6, atol=3e-6)


def test_split_gives_a_list_or_the_array_itself():
    for part, wanted in zip(nd.split(C, num_outputs=2, axis=2), np.split(C, 2, 2), strict=True):
        np.testing.assert_array_equal(part.asnumpy(), wanted)
    assert [part.shape for part in nd.SliceChannel(C, 3, squeeze_axis=True)] == [(2, 4)] * 3
    assert nd.split(C, 1).shape == C.shape
    values, places = nd.topk(ORDER, k=2, ret_typ="both")
    assert values.asnumpy().tolist() == [[3, 2], [5, 2]] and places.asnumpy().tolist() == [[0, 2], [2, 0]]


def test_methods():
    x = nd.array(ORDER)
    np.testing.assert_array_equal(x.topk(k=2).asnumpy(), nd.topk(x, k=2).asnumpy())
    np.testing.assert_array_equal(x.pick(nd.array([0, 1])).asnumpy(), [3, 2])
    assert x.slice_axis(axis=1, begin=0, end=2).shape == (2, 2) and len(x.split(3)) == 3
    assert x.reshape_like(nd.ones((3, 2))).shape == (3, 2) and x.norm().item() == pytest.approx(np.linalg.norm(ORDER))


@pytest.mark.parametrize(("call", "message"), [
    (lambda: nd.split(C, 5), "divisor of the axis of 3"),
    (lambda: nd.topk(A, k=4), "at most 3"),
    (lambda: nd.topk(A, ret_typ="best"), "value, indices, mask or both"),
    (lambda: nd.norm(A, ord=3), "expected 1 or 2"),
    (lambda: nd.Activation(A, "swish"), "relu, sigmoid"),
    (lambda: nd.LeakyReLU(A, act_type="prelu"), "prelu with gamma"),
    (lambda: nd.FullyConnected(A, B.T, num_hidden=9), "4 rows"),
    (lambda: nd.Convolution(IMAGE, KERNEL, kernel=(5, 5), no_bias=True), "the weight's"),
    (lambda: nd.Pooling(IMAGE, (2, 2), "sum"), "max or avg"),
    (lambda: nd.Embedding(nd.array([0]), B, 5), "the weight's"),
    (lambda: nd.SequenceLast(C, nd.array([1, 3, 1]), True), r"\[sequence\] lengths, were .*, expected one of 1 .. 2"),
    (lambda: nd.SequenceReverse(C, nd.array([1, 3, 1]), True), r"\[sequence\] lengths"),
    (lambda: nd.SequenceLast(C, None, True), "sequence_length"),
    (lambda: nd.SequenceMask(C, use_sequence_length=True), "sequence_length"),
])
def test_errors_name_the_thing(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_gradients_flow():
    x = nd.array(C)
    x.attach_grad()
    with autograd.record():
        picked = nd.pick(x, nd.array(np.full((2, 3), 2)))
        best = nd.topk(x, axis=1, k=1, ret_typ="value")
        masked = nd.SequenceMask(x, nd.array([1, 2, 0]), True)
        loss = picked.sum() * 3 + best.sum() * 5 + masked.sum() * 7 + nd.stop_gradient(x).sum() * 11
    loss.backward()
    wanted = np.zeros(C.shape)
    wanted[:, :, 2] += 3
    np.put_along_axis(wanted, C.argmax(1)[:, None], np.take_along_axis(wanted, C.argmax(1)[:, None], 1) + 5, 1)
    wanted += 7 * (np.arange(2)[:, None] < [1, 2, 0])[:, :, None]
    np.testing.assert_array_equal(x.grad.asnumpy(), wanted)


def test_hybridized_networks_follow_them():
    class Net(gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            x = F.concat(F.Activation(x, act_type="tanh"), F.LeakyReLU(x, slope=0.1), dim=1)
            x = F.reshape(x, shape=(0, -4, 2, -1))
            x = F.batch_dot(x, x, transpose_b=True)
            a, b = F.split(x, num_outputs=2, axis=1)
            x = F.broadcast_add(F.squeeze(a, axis=1), F.flip(F.squeeze(b, axis=1), axis=1))
            return F.concat(x, F.expand_dims(F.mean(x, axis=0, exclude=True), axis=1), F.one_hot(x, 2).sum(axis=1))

    net, plain = Net(), Net()
    net.hybridize()
    for seed in range(3):
        x = nd.array(np.random.default_rng(seed).standard_normal((2, 4)).astype("float32"))
        np.testing.assert_array_equal(net(x).asnumpy(), plain(x).asnumpy())


@pytest.mark.parametrize("call", [lambda x: nd.topk(x), lambda x: nd.sort(x), lambda x: nd.stop_gradient(x)])
def test_what_reads_values_is_refused_in_a_graph(call):
    class Net(gluon.HybridBlock):
        def forward(self, x):
            return call(x) * x

    net = Net()
    net.hybridize()
    with pytest.raises(mx.UnsupportedError, match="hybridized"):
        net(nd.array(A))


def test_random_arrays():
    mx.random.seed(5)
    x = nd.random.randn(3, 4, loc=10, scale=0.1)
    assert x.shape == (3, 4) and 9 < x.mean().item() < 11
    rows = nd.random.shuffle(nd.arange(50))
    assert sorted(rows.asnumpy().tolist()) == list(range(50)) and rows.asnumpy().tolist() != list(range(50))
