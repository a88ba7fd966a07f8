"""Scripts as MXNet 1.x tutorials write them: what they call is here, and gives what MXNet gave."""
import numpy as np
import pytest

import quantick as mx
from quantick import autograd, gluon, init, nd
from quantick.gluon import nn, rnn

from draws import draw


def trained(net, x):
    with autograd.record():
        loss = net(x).sum()
    loss.backward()


# Shared parameters


def test_params_shares_parameters_with_another_layer():
    first = nn.Dense(4, in_units=4)
    net = nn.Sequential()
    net.add(first, nn.Dense(4, in_units=4, params=first.params), nn.Dense(1))
    net.initialize()
    net(draw(2, 4))
    assert [name for name in net.collect_params()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    net[1].weight.set_data(nd.ones((4, 4)))
    assert (first.weight.data().asnumpy() == 1).all() and first.weight == net[1].weight
    with pytest.raises(ValueError, match="cannot share"):
        nn.Dense(3, in_units=4, params=first.params)


def test_an_open_shape_is_completed_by_either_of_the_two():
    a = nn.Dense(4)
    b = nn.Dense(4, params=a.params)
    a.initialize()
    b(draw(2, 5))
    assert a.weight.shape == (4, 5) and a.weight.data().shape == (4, 5)


def test_tied_embedding_of_a_language_model():
    class Model(gluon.HybridBlock):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            with self.name_scope():
                self.encoder = nn.Embedding(7, 5)
                self.decoder = nn.Dense(7, in_units=5, flatten=False, params=self.encoder.params)

        def hybrid_forward(self, F, x):
            return self.decoder(self.encoder(x))

    model = Model(prefix="model_", params=None)
    model.initialize()
    trainer = gluon.Trainer(model.collect_params(), "sgd", {"learning_rate": 0.1})
    trained(model, nd.array([[1, 2]]))
    trainer.step(1)
    np.testing.assert_array_equal(model.encoder.weight.data().asnumpy(), model.decoder.weight.data().asnumpy())


def test_a_custom_block_takes_params():
    class Scaled(gluon.HybridBlock):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            with self.name_scope():
                self.scale = self.params.get("scale", shape=(1,), init="ones")

        def hybrid_forward(self, F, x, scale):
            return F.broadcast_mul(x, scale)

    a = Scaled()
    b = Scaled(params=a.params)
    a.initialize()
    assert b(nd.ones((2,))).asnumpy().tolist() == [1, 1] and a.scale == b.scale


@pytest.mark.parametrize("hybridized", [False, True])
def test_a_block_in_two_places_is_updated_once(hybridized):
    layer = nn.Dense(1, in_units=1, use_bias=False)
    net = nn.HybridSequential()
    net.add(layer, layer)
    net.initialize(init.Constant(2))
    if hybridized:
        net.hybridize()
    assert len(net.collect_params()) == 1
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    trained(net, nd.ones((1, 1)))
    trainer.step(1)
    assert layer.weight.data().item() == pytest.approx(2 - 0.1 * 4)


@pytest.mark.parametrize("deduplicate", [False, True])
def test_files_of_shared_parameters_load_into_the_same_network(tmp_path, deduplicate):
    def made():
        layer = nn.Dense(2, in_units=2)
        net = nn.Sequential()
        net.add(layer, layer)
        return net

    net, other = made(), made()
    net.initialize()
    other.initialize(seed=1)
    net.save_parameters(tmp_path / "w", deduplicate=deduplicate)
    other.load_parameters(tmp_path / "w")
    np.testing.assert_array_equal(net(draw(1, 2)).asnumpy(), other(draw(1, 2)).asnumpy())
    apart = nn.Sequential()
    apart.add(nn.Dense(2, in_units=2), nn.Dense(2, in_units=2))
    if deduplicate:
        with pytest.raises(ValueError, match="missing 1.weight"):
            apart.load_parameters(tmp_path / "w")
    else:
        apart.load_parameters(tmp_path / "w")


def test_a_child_added_after_one_was_removed_replaces_none():
    net = nn.Sequential()
    net.add(nn.Dense(1), nn.Dense(2), nn.Dense(3))
    rest = net[1:]
    rest.add(nn.Dense(4))
    assert [name for name in rest.children] == ["1", "2", "3"] and len(rest) == 3

    class Net(gluon.Block):
        def __init__(self):
            super().__init__()
            for _ in range(2):
                self.register_child(nn.Dense(1))

    net = Net()
    setattr(net, "0", None)
    net.register_child(nn.Dense(1))
    assert list(net.children) == ["1", "2"]


# Gradients and training


def test_grad_req_add_sums_gradients_until_zero_grad():
    net = nn.Dense(1, in_units=1)
    net.initialize()
    net.collect_params().setattr("grad_req", "add")
    for count in (1, 2, 3):
        trained(net, nd.ones((1, 1)))
        assert net.weight.grad().item() == count and net.weight.grad_req == "add"
    net.zero_grad()
    assert net.weight.grad().item() == 0
    net.weight.grad_req = "write"
    for _ in range(2):
        trained(net, nd.ones((1, 1)))
    assert net.weight.grad().item() == 1 and net.bias.grad().item() == 2
    net.cast("float64")
    for _ in range(2):
        trained(net, nd.ones((1, 1), "float64"))
    assert net.bias.grad().item() == 2

    x = nd.ones((2,))
    x.attach_grad("add")
    for _ in range(3):
        trained(lambda v: v * 2, x)
    assert x.grad.asnumpy().tolist() == [6, 6]
    x.attach_grad()
    for _ in range(2):
        trained(lambda v: v * 2, x)
    assert x.grad.asnumpy().tolist() == [2, 2]


def test_factors_of_a_parameter_count_in_the_trainer():
    net = nn.Dense(1, in_units=1)
    net.initialize(init.One())
    net.collect_params(".*bias").setattr("lr_mult", 0.5)
    net.weight.wd_mult = 0.0
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1.0, "wd": 0.25})
    trained(net, nd.ones((1, 1)))
    trainer.step(1)
    assert net.weight.data().item() == 0 and net.bias.data().item() == -0.5
    net.bias.lr_mult = 0.0
    trained(net, nd.ones((1, 1)))
    trainer.step(1)
    assert net.bias.data().item() == -0.5 and net.bias.lr_mult == 0


def test_a_gradient_is_used_once():
    net = nn.Sequential()
    net.add(nn.Dense(1, in_units=1), nn.Dense(1, in_units=1))
    net.initialize(init.One())
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1.0})
    with pytest.raises(UserWarning, match="0.weight"):
        trainer.step(1)
    trained(net[0], nd.ones((1, 1)))
    with pytest.raises(UserWarning, match="gradient of 1.weight, 1.bias was not set"):
        trainer.step(1)
    trainer.step(1, ignore_stale_grad=True)
    assert net[0].weight.data().item() == 0
    trainer.step(1, ignore_stale_grad=True)
    assert net[0].weight.data().item() == 0 and net[1].weight.data().item() == 1


def test_functions_with_gradients_of_their_own():
    class Sigmoid(autograd.Function):
        def forward(self, x):
            y = 1 / (1 + nd.exp(-x))
            self.save_for_backward(y)
            return y

        def backward(self, dy):
            y, = self.saved_tensors
            return dy * y * (1 - y) * 2  # twice, to be seen

    x = draw(5)
    x.attach_grad()
    with autograd.record():
        y = Sigmoid()(x * 1) * 3
    y.backward()
    s = 1 / (1 + np.exp(-x.asnumpy()))
    np.testing.assert_allclose(y.asnumpy(), 3 * s, rtol=1e-6)
    np.testing.assert_allclose(x.grad.asnumpy(), 6 * s * (1 - s), rtol=1e-5)
    np.testing.assert_allclose(Sigmoid()(x).asnumpy(), s, rtol=1e-6)


def test_functions_of_several_arrays():
    class Swap(autograd.Function):
        def forward(self, a, b):
            return b, a

        def backward(self, of_first, of_second):
            return of_second, None

    a, b = draw(2), draw(2, seed=1)
    a.attach_grad()
    b.attach_grad()
    with autograd.record():
        first, second = Swap()(a, b)
        loss = (first * 5 + second * 7).sum()
    loss.backward()
    assert a.grad.asnumpy().tolist() == [7, 7] and b.grad.asnumpy().tolist() == [0, 0]
    with autograd.record():
        first, second = Swap()(a, b)
        loss = first.sum()
    loss.backward()
    assert a.grad.asnumpy().tolist() == [0, 0]


def test_functions_refuse_what_they_cannot_do():
    class Wrong(autograd.Function):
        def forward(self, x):
            return x

        def backward(self, dy):
            return nd.ones((7,)) if self.wide else (dy, dy)

    for wide, error in ((True, mx.ShapeError), (False, ValueError)):
        x = draw(3)
        x.attach_grad()
        function = Wrong()
        function.wide = wide
        with autograd.record():
            y = function(x)
        with pytest.raises(error, match=r"\[function\] gradient"):
            y.backward()

    class Net(gluon.HybridBlock):
        def forward(self, x):
            return Wrong()(x)

    net = Net()
    net.hybridize()
    with pytest.raises(NotImplementedError, match="hybridized"):
        net(draw(3))


def test_detach_is_refused_where_a_graph_would_keep_its_values():
    class Net(gluon.HybridBlock):
        def forward(self, x):
            return x.detach() * 2

    net = Net()
    assert net(nd.ones((1,))).item() == 2
    net.hybridize()
    with pytest.raises(NotImplementedError, match="hybridized"):
        net(nd.ones((1,)))


def test_random_numbers_are_refused_where_a_graph_would_keep_them():
    class Noisy(gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            return x + F.random.normal(0, 1, shape=x.shape)

    net = Noisy()
    assert (net(nd.ones((3,))).asnumpy() != net(nd.ones((3,))).asnumpy()).all()
    net.hybridize()
    with pytest.raises(NotImplementedError, match=r"\[random\] numbers drawn in a forward that is hybridized"):
        net(nd.ones((3,)))


def test_an_optimizer_written_for_mxnet():
    @mx.optimizer.register
    class Momentum(mx.optimizer.Optimizer):
        def __init__(self, momentum=0.9, **kwargs):
            super().__init__(**kwargs)
            self.momentum = momentum

        def create_state(self, index, weight):
            return nd.zeros(weight.shape, ctx=weight.context, dtype=weight.dtype)

        def update(self, index, weight, grad, state):
            self._update_count(index)
            lr, wd = self._get_lr(index), self._get_wd(index)
            state[:] = self.momentum * state - lr * (grad * self.rescale_grad + wd * weight)
            weight[:] = weight + state

    def weight_after(optimizer):
        net = nn.Dense(1, in_units=1)
        net.initialize(init.One())
        net.weight.lr_mult = 0.5
        trainer = gluon.Trainer(net.collect_params(), optimizer, {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.1})
        for _ in range(3):
            trained(net, nd.ones((2, 1)))
            trainer.step(2)
        return net.weight.data().item()

    assert weight_after("momentum") == pytest.approx(weight_after("sgd"), rel=1e-6)


def test_a_loss_written_for_mxnet():
    class Pinball(gluon.loss.Loss):
        def __init__(self, tau=0.5, weight=None, batch_axis=0, **kwargs):
            super().__init__(weight, batch_axis, **kwargs)
            self._tau = tau

        def hybrid_forward(self, F, pred, label, sample_weight=None):
            d = F.reshape_like(label, pred) - pred
            loss = F.broadcast_maximum(self._tau * d, (self._tau - 1) * d)
            loss = gluon.loss._apply_weighting(F, loss, self._weight, sample_weight)
            return F.mean(loss, axis=self._batch_axis, exclude=True)

    loss, pred, label = Pinball(0.9), nd.array([[1.0], [2.0]]), nd.array([2.0, 1.0])
    for _ in range(2):
        assert loss(pred, label).asnumpy().tolist() == pytest.approx([0.9, 0.1])
        loss.hybridize()
    assert Pinball(0.9, weight=2.0)(pred, label, nd.array([[1.0], [0.0]])).asnumpy().tolist() == pytest.approx([1.8, 0])


def test_the_core_s_training_loop_refuses_factors():
    net = nn.Dense(1, in_units=2, flatten=False)
    net.initialize()
    net.bias.lr_mult = 0.5
    data = mx.train.ArrayDataset(np.ones((4, 1, 2), "float32"), np.ones((4,), "float32"))
    with pytest.raises(NotImplementedError, match=r"lr_mult and wd_mult of bias, were 0.5 and 1"):
        mx.train.fit(net, gluon.loss.L2Loss(), data, epochs=1)


# Parameters and files


def test_an_initializer_written_for_mxnet():
    @mx.init.register
    class Twos(mx.init.Initializer):
        def __init__(self, value=2):
            super().__init__(value=value)
            self.value = value

        def _init_weight(self, name, array):
            array[:] = self.value

    for given, wanted in (("twos", 2), (Twos(3), 3)):
        layer = nn.Dense(2, in_units=2, weight_initializer=given)
        layer.initialize()
        assert (layer.weight.data().asnumpy() == wanted).all() and (layer.bias.data().asnumpy() == 0).all()
    array = nd.zeros((3, 3))
    mx.initializer.Xavier()(mx.init.InitDesc("weight"), array)
    assert (array.asnumpy() != 0).any()
    with pytest.raises(TypeError, match="subclass of Initializer"):
        mx.init.register(3)
    with pytest.raises(ValueError, match="threes"):
        nn.Dense(2, weight_initializer="threes")


def test_constants_are_kept_and_not_trained():
    class Net(gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.c = self.params.get_constant("c", nd.array([[1.0, 2.0]]))
            self.fc = nn.Dense(2, in_units=1, use_bias=False)

        def hybrid_forward(self, F, x, c):
            return F.broadcast_mul(self.fc(x), c)

    net = Net()
    net.initialize(init.One())
    assert net(nd.ones((1, 1))).asnumpy().tolist() == [[1, 2]] and net.c.grad_req == "null"
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1.0})
    trained(net, nd.ones((1, 1)))
    trainer.step(1)
    assert net.c.data().asnumpy().tolist() == [[1, 2]]
    net.initialize(force_reinit=True)
    assert net.c.data().asnumpy().tolist() == [[1, 2]]
    assert gluon.Constant("k", nd.array([3.0])).data().item() == 3


def test_load_parameters_may_take_over_the_dtype_of_the_file(tmp_path):
    net = nn.Dense(2, in_units=2)
    net.initialize()
    net.cast("float64")
    net.save_parameters(tmp_path / "w")
    for keywords, dtype in (({}, "float32"), ({"cast_dtype": True}, "float32"),
                            ({"cast_dtype": True, "dtype_source": "saved"}, "float64")):
        other = nn.Dense(2, in_units=2)
        other.load_parameters(tmp_path / "w", ctx=mx.cpu(), **keywords)
        assert other.weight.dtype == dtype
        np.testing.assert_allclose(other.weight.data().asnumpy(), net.weight.data().asnumpy(), rtol=1e-6)
    with pytest.raises(ValueError, match="dtype_source"):
        other.load_parameters(tmp_path / "w", cast_dtype=True, dtype_source="file")


# Recurrent networks


def test_begin_state_calls_func():
    layer = rnn.LSTM(3, 2)
    layer.initialize()
    for states in (layer.begin_state(func=nd.zeros, batch_size=4), layer.begin_state(4, ctx=mx.cpu())):
        assert [s.shape for s in states] == [(2, 4, 3)] * 2 and states[0].sum().item() == 0
    drawn = layer.begin_state(func=nd.random.normal, batch_size=4, loc=5, scale=0.1)
    assert 4 < drawn[0].mean().item() < 6
    layer(draw(5, 4, 2), drawn)
    assert rnn.GRUCell(3).begin_state(func=nd.ones, batch_size=2)[0].shape == (2, 3)


CELLS = {
    "rnn": lambda: rnn.RNNCell(3),
    "lstm": lambda: rnn.LSTMCell(3),
    "gru": lambda: rnn.GRUCell(3),
    "both": lambda: rnn.BidirectionalCell(rnn.LSTMCell(3), rnn.GRUCell(3)),
}


def stacked():
    cells = rnn.SequentialRNNCell()
    cells.add(rnn.LSTMCell(3))
    cells.add(rnn.DropoutCell(0.5))
    cells.add(rnn.ResidualCell(rnn.GRUCell(3)))
    return cells


@pytest.mark.parametrize("make", [*CELLS.values(), stacked], ids=[*CELLS, "stacked"])
@pytest.mark.parametrize("layout", ["NTC", "TNC"])
def test_valid_length_gives_what_the_cut_sequences_give(make, layout):
    cell = make()
    cell.initialize()
    x, lengths = draw(3, 5, 2), [2, 5, 1]
    given = x if layout == "NTC" else x.transpose(1, 0, 2)
    y, states = cell.unroll(5, given, layout=layout, merge_outputs=True, valid_length=lengths)
    y = y if layout == "NTC" else y.transpose(1, 0, 2)
    for row, length in enumerate(lengths):
        cut, after = cell.unroll(length, x[row:row + 1, :length], layout="NTC", merge_outputs=True)
        np.testing.assert_array_equal(y[row:row + 1, :length].asnumpy(), cut.asnumpy())
        assert (y[row, length:].asnumpy() == 0).all()
        for state, wanted in zip(states, after, strict=True):
            np.testing.assert_array_equal(state[row:row + 1].asnumpy(), wanted.asnumpy())


def test_gradients_do_not_flow_from_behind_the_end():
    cell = rnn.GRUCell(3)
    cell.initialize()
    x = draw(2, 4, 2)
    x.attach_grad()
    with autograd.record():
        steps, _ = cell.unroll(4, x, layout="NTC", valid_length=nd.array([2, 4]), merge_outputs=False)
        loss = nd.add_n(*steps).sum()
    loss.backward()
    assert (x.grad[0, 2:].asnumpy() == 0).all() and (x.grad[0, :2].asnumpy() != 0).all()
    assert (x.grad[1].asnumpy() != 0).all()


@pytest.mark.parametrize("lengths", [[0, 1], [1, 5], [[1], [2]]])
def test_wrong_lengths_are_refused(lengths):
    cell = rnn.RNNCell(3)
    cell.initialize()
    with pytest.raises(ValueError, match=r"\[unroll\] lengths, were"):
        cell.unroll(4, draw(2, 4, 2), valid_length=nd.array(lengths))


def test_truncated_backpropagation_through_time():
    net = rnn.LSTM(4, 2, input_size=3)
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    states = net.begin_state(func=nd.zeros, batch_size=2)
    for piece in range(3):
        states = [state.detach() for state in states]
        with autograd.record():
            y, states = net(draw(5, 2, 3, seed=piece), states)
            loss = (y * y).mean()
        loss.backward()
        gluon.utils.clip_global_norm([p.grad() for p in net.collect_params().values()], 0.2)
        trainer.step(1)
    assert np.isfinite(loss.item())


# Contexts and data


def test_contexts_are_the_cpu():
    ctx = mx.gpu() if mx.context.num_gpus() else mx.cpu()
    x = nd.zeros((2, 3), ctx=ctx)
    assert x.context == ctx == mx.cpu(0) and x.ctx == ctx and str(mx.cpu(1)) == "cpu(1)" and ctx != "gpu(0)"
    assert x.as_in_context(ctx).shape == (2, 3) and x.copyto(ctx).shape == (2, 3)
    y = nd.ones((2, 3), ctx)
    assert nd.array([1, 2], ctx).dtype == nd.zeros((1,), ctx).dtype == nd.full((1,), 2, ctx).dtype == "float32"
    assert y.copyto(x) is x and (x.asnumpy() == 1).all()
    net = nn.Dense(1)
    net.initialize(init.Xavier(), ctx=[ctx])
    net.collect_params().reset_ctx(ctx)
    assert net.weight.list_ctx() == [mx.cpu()]
    for refused in (lambda: mx.gpu(), lambda: nd.zeros((1,), ctx="gpu(0)"), lambda: nd.random.normal(ctx="gpu(0)"),
                    lambda: x.as_in_context("gpu(0)"), lambda: net.weight.reset_ctx("gpu(0)")):
        with pytest.raises(NotImplementedError, match="gpu"):
            refused()
    assert mx.kv is mx.kvstore and mx.initializer is mx.init


def test_a_batch_is_split():
    parts = gluon.utils.split_and_load(draw(8, 3), [mx.cpu(0), mx.cpu(1)])
    assert [p.shape for p in parts] == [(4, 3)] * 2
    assert [p.shape for p in gluon.utils.split_data(draw(9, 3), 2, even_split=False)] == [(4, 3), (5, 3)]
    assert gluon.utils.split_data(draw(2, 4), 2, batch_axis=1)[1].shape == (2, 2)
    with pytest.raises(ValueError, match="divisor"):
        gluon.utils.split_data(draw(9, 3), 2)
    with pytest.raises(NotImplementedError, match="gpu"):
        gluon.utils.split_and_load(draw(8, 3), ["gpu(0)"])


def test_the_loader_takes_what_other_loaders_run_in_processes():
    loader = gluon.data.DataLoader(gluon.data.ArrayDataset(draw(5, 2)), 2, num_workers=4, pin_memory=True, prefetch=8)
    assert [batch.shape[0] for batch in loader] == [2, 2, 1]
