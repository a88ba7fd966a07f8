"""Layers by Gluon's names against NumPy, and the errors of their constructors."""
import inspect

import numpy as np
import pytest

import quantick as qt
from quantick import autograd, init, nd
from quantick.gluon import nn, rnn


def floats(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def ready(block, *inputs, seed=1):
    block.initialize("xavier" if not isinstance(block, (nn.BatchNorm, nn.LayerNorm)) else None, seed=seed)
    block(*inputs)
    return block


def close(actual, expected, tolerance=2e-5):
    assert np.allclose(actual.asnumpy(), expected, rtol=tolerance, atol=tolerance)


def test_dense():
    x = floats(2, 3, 4)
    layer = ready(nn.Dense(5, activation="relu", bias_initializer="ones"), x)
    assert layer.weight.shape == (5, 12)
    close(layer(x), np.maximum(x.reshape(2, 12) @ layer.weight.data().asnumpy().T + 1, 0))
    layer = ready(nn.Dense(5, flatten=False, use_bias=False), x)
    assert layer.weight.shape == (5, 4) and list(layer.params) == ["weight"]
    close(layer(x), x @ layer.weight.data().asnumpy().T)
    assert nn.Dense(2, dtype="float64", in_units=3).weight.dtype == "float64"


def test_convolutions_and_pools():
    x = floats(2, 3, 10)
    layer = nn.Conv1D(4, 3, padding=1, strides=2)
    layer.initialize("xavier")
    y, w = layer(x).asnumpy(), layer.weight.data().asnumpy()
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    expected = np.stack([np.einsum("ncw,ocw->no", padded[:, :, 2 * t:2 * t + 3], w) for t in range(5)], axis=2)
    assert np.allclose(y, expected, atol=1e-5)
    image = floats(2, 3, 6, 6)
    assert ready(nn.Conv2D(4, (3, 3), padding=(1, 1)), image)(image).shape == (2, 4, 6, 6)
    assert ready(nn.Conv2D(4, 3, 2), image)(image).shape == (2, 4, 2, 2)
    blocks = image.reshape(2, 3, 3, 2, 3, 2)
    close(nn.MaxPool2D()(image), blocks.max(axis=(3, 5)))
    close(nn.AvgPool2D(2)(image), blocks.mean(axis=(3, 5)))
    close(nn.MaxPool1D(2)(x), x.reshape(2, 3, 5, 2).max(axis=3))
    close(nn.AvgPool1D()(x), x.reshape(2, 3, 5, 2).mean(axis=3))
    close(nn.GlobalAvgPool2D()(image), image.mean(axis=(2, 3), keepdims=True))
    close(nn.GlobalMaxPool2D()(image), image.max(axis=(2, 3), keepdims=True))
    close(nn.GlobalAvgPool1D()(x), x.mean(axis=2, keepdims=True))
    close(nn.GlobalMaxPool1D()(x), x.max(axis=2, keepdims=True))
    close(nn.ReflectionPad2D(2)(image), np.pad(image, ((0, 0), (0, 0), (2, 2), (2, 2)), mode="reflect"))
    close(nn.ReflectionPad2D((0, 0, 0, 0, 1, 0, 2, 3))(image), np.pad(image, ((0, 0), (0, 0), (1, 0), (2, 3)), mode="reflect"))
    causal = ready(nn.Conv1D(4, 3, layout="TNC", causal=True), floats(5, 2, 3))
    assert causal(floats(5, 2, 3)).shape == (5, 2, 4)


def test_options_of_gluon_that_have_one_value_here():
    for make in (lambda: nn.MaxPool2D(ceil_mode=True), lambda: nn.AvgPool1D(layout="NWC"), lambda: nn.Dropout(0.1, axes=(1,)),
                 lambda: nn.Embedding(3, 2, sparse_grad=True), lambda: nn.GlobalMaxPool1D(layout="NWC")):
        with pytest.raises(NotImplementedError, match="expected"):
            make()


def test_norms():
    x = floats(4, 3, 5)
    layer = ready(nn.LayerNorm(), x)
    close(layer(x), (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5))
    layer = ready(nn.RMSNorm(), x)
    close(layer(x), x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5))
    close(ready(nn.InstanceNorm(), x)(x), (x - x.mean(2, keepdims=True)) / np.sqrt(x.var(2, keepdims=True) + 1e-5))
    image = floats(2, 6, 4, 4)
    groups = image.reshape(2, 3, -1)
    expected = (groups - groups.mean(2, keepdims=True)) / np.sqrt(groups.var(2, keepdims=True) + 1e-5)
    close(ready(nn.GroupNorm(3), image)(image), expected.reshape(image.shape))
    gamma, beta = np.float32([0.5, 2, -3]), np.float32([1, -2, 0.25])
    for layer, given, wide, plain in ((nn.InstanceNorm(), x, (1, 3, 1), ready(nn.InstanceNorm(), x)(x).asnumpy()),
                                      (nn.GroupNorm(3), image, (1, 3, 1), expected)):
        ready(layer, given)
        layer.gamma.set_data(gamma)
        layer.beta.set_data(beta)
        close(layer(given).reshape(*plain.shape), plain * gamma.reshape(wide) + beta.reshape(wide))
    batch = nn.BatchNorm(momentum=0.5)
    batch.initialize()
    with autograd.record():
        y = batch(x)
    mean, variance = x.mean(axis=(0, 2)), x.var(axis=(0, 2))
    close(y, (x - mean[:, None]) / np.sqrt(variance[:, None] + 1e-5))
    close(batch.running_mean.data(), 0.5 * mean)
    both = ready(nn.BatchNormReLU(), x)
    close(both(x), np.maximum(x / np.sqrt(1 + 1e-5), 0))
    assert nn.LayerNorm(center=False).params["beta"].grad_req == "null"


def test_activations():
    from scipy import special

    x = floats(7, 3) * 3
    close(nn.LeakyReLU(0.2)(x), np.where(x > 0, x, 0.2 * x))
    close(nn.ELU(0.7)(x), np.where(x > 0, x, 0.7 * np.expm1(np.minimum(x, 0))))
    close(nn.ELU()(x), np.where(x > 0, x, np.expm1(np.minimum(x, 0))))
    close(nn.SELU()(x), 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))))
    close(nn.GELU()(x), x * (1 + special.erf(x / np.sqrt(2))) / 2)
    close(nn.Swish(1.5)(x), x * special.expit(1.5 * x))
    for shape, channels in (((7, 3), 1), ((7, 3), 3), ((2, 3, 4), 3)):
        given = floats(*shape)
        layer = ready(nn.PReLU(in_channels=channels), given)
        alpha = np.arange(1, channels + 1, dtype=np.float32) / 10
        layer.alpha.set_data(alpha)
        wide = alpha.reshape(1, -1, *[1] * (len(shape) - 2))
        close(layer(given), np.where(given > 0, given, wide * given))
    close(nn.Activation("softrelu")(x), np.logaddexp(0, x))
    with pytest.raises(ValueError, match="did you mean sigmoid"):
        nn.Activation("sigmoit")


def test_embedding_dropout_and_shaping():
    table = ready(nn.Embedding(5, 3), np.array([0]))
    ids = np.array([[4, 0], [2, 2]])
    close(table(ids), table.weight.data().asnumpy()[ids])
    assert repr(table) == "Embedding(5 -> 3, float32)"
    assert repr(nn.Embedding(5, 3, dtype="float64")) == "Embedding(5 -> 3, float64)"
    x = floats(3, 4, 5)
    layer = nn.Dropout(0.5)
    assert np.array_equal(layer(x).asnumpy(), x)
    with autograd.record():
        y = layer(x).asnumpy()
    assert set(np.unique((y / x).round(4))) == {0.0, 2.0}
    assert nn.Flatten()(x).shape == (3, 20)
    assert np.array_equal(nn.SequenceLast()(x).asnumpy(), x[-1])
    assert np.array_equal(nn.Identity()(x).asnumpy(), x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_reference(x, w, r, b, c):
    """Gates i, f, g, o; x (T, N, C)."""
    hidden = r.shape[1]
    h = s = np.zeros((x.shape[1], hidden))
    out = []
    for step in x:
        rows = step @ w.T + b + h @ r.T + c
        i, f, g, o = (rows[:, k * hidden:(k + 1) * hidden] for k in range(4))
        s = sigmoid(f) * s + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(s)
        out.append(h)
    return np.stack(out), h, s


def test_lstm_gives_states_where_it_got_some():
    x = floats(6, 2, 3)
    layer = nn.LSTM(4, i2h_bias_initializer="lstm_bias")
    layer.initialize("xavier")
    layer(x)
    values = [p.data().asnumpy() for p in layer.params.values()]
    y, h, c = lstm_reference(x, *values)
    close(layer(x), y)
    out, states = layer(x, layer.begin_state(batch_size=2))
    assert isinstance(states, list) and [s.shape for s in states] == [(1, 2, 4)] * 2
    close(out, y)
    close(states[0][0], h)
    close(states[1][0], c)
    first, middle = layer(x[:3], states=layer.begin_state(2))
    second, _ = layer(x[3:], middle)
    assert np.array_equal(np.concatenate([first.asnumpy(), second.asnumpy()]), out.asnumpy())
    assert list(nn.LSTM(4, num_layers=2, bidirectional=True).params)[:4] == [
        "l0_i2h_weight", "l0_h2h_weight", "l0_i2h_bias", "l0_h2h_bias"]
    assert np.array_equal(ready(nn.LSTM(4, layout="NTC"), x)(x).shape, (6, 2, 4))


def test_quantized_names_are_marked_layers():
    assert nn.LSTM(4).quantization is False
    for layer in (nn.LSTM(4, quantization=True), nn.QuantizedLSTM(4), nn.QuantizedDense(2), nn.QuantizedConv1D(2, 3),
                  nn.QuantizedEmbedding(3, 2)):
        assert layer.quantization is True
    x = floats(3, 2, 4)
    assert np.array_equal(ready(nn.QuantizedLSTM(4), x)(x).asnumpy(), ready(nn.LSTM(4), x)(x).asnumpy())


def test_the_newest_step_by_its_index_can_be_quantized():
    from quantick.contrib.quantization import Quantizer

    class Model(nn.Block):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            with self.name_scope():
                self.lstm = nn.LSTM(hidden_size=8, num_layers=2, quantization=True)
                self.fc_final = nn.Dense(1)

        def forward(self, x):
            return self.fc_final(self.lstm(x)[-1])

    x = floats(6, 4, 3)
    model = ready(Model(), x)
    quantized = Quantizer(model=model, quantized_dtype="auto", exclude_layers=["fc_final"]).quantize(x)
    assert np.allclose(quantized.predict(x).asnumpy(), model(x).asnumpy(), atol=0.02)


@pytest.mark.parametrize(("cell", "layer"), [(rnn.LSTMCell, nn.LSTM), (rnn.GRUCell, nn.GRU)])
def test_cells_compute_what_the_layers_do(cell, layer):
    x = floats(5, 3, 2)
    whole = ready(layer(4), x)
    stepped = cell(4)
    stepped.initialize()
    stepped(x[0], stepped.begin_state(3))
    for name, parameter in stepped.params.items():
        parameter.set_data(whole.params[f"l0_{name}"].data())
    outputs, states = stepped.unroll(5, x, layout="TNC")
    y, last = whole(x, whole.begin_state(3))
    close(outputs, y.asnumpy())
    for a, b in zip(states, last):
        close(a, b.asnumpy()[0])
    steps, _ = stepped.unroll(5, nd.transpose(nd.array(x), (1, 0, 2)), merge_outputs=False)
    assert len(steps) == 5
    close(steps[-1], y.asnumpy()[-1])


def test_rnn_layer_and_cells():
    x = floats(4, 2, 3)
    layer = rnn.RNN(3, num_layers=2, activation="tanh", bidirectional=True)
    layer.initialize("xavier")
    y, (h,) = layer(x, layer.begin_state(2))
    assert y.shape == (4, 2, 6) and h.shape == (4, 2, 3)
    values = {name: p.data().asnumpy() for name, p in layer.collect_params().items()}

    def run(steps, name):
        state, out = np.zeros((2, 3)), []
        for step in steps:
            state = np.tanh(step @ values[f"{name}_i2h_weight"].T + values[f"{name}_i2h_bias"]
                            + state @ values[f"{name}_h2h_weight"].T + values[f"{name}_h2h_bias"])
            out.append(state)
        return np.stack(out)

    below = np.concatenate([run(x, "l0"), run(x[::-1], "r0")[::-1]], axis=2)
    close(y, np.concatenate([run(below, "l1"), run(below[::-1], "r1")[::-1]], axis=2))
    assert np.array_equal(layer(x).asnumpy(), y.asnumpy())
    for layers in (1, 2):  # dropout stands between layers alone
        dropped = ready(rnn.RNN(40, num_layers=layers, activation="tanh", dropout=0.5), x)
        with autograd.record():
            given = dropped(x).asnumpy()
        assert (given != 0).all() and np.array_equal(given, dropped(x).asnumpy()) == (layers == 1)

    stack = rnn.SequentialRNNCell()
    stack.add(rnn.LSTMCell(3))
    stack.add(rnn.DropoutCell(0.5))
    stack.add(rnn.ResidualCell(rnn.GRUCell(3)))
    stack.add(rnn.ZoneoutCell(rnn.RNNCell(2), 0.3, 0.3))
    stack.initialize("xavier")
    out, states = stack.unroll(4, x, layout="TNC")
    assert out.shape == (4, 2, 2) and [s.shape for s in states] == [(2, 3), (2, 3), (2, 3), (2, 2)]
    with autograd.record():
        assert stack.unroll(4, x, layout="TNC")[0].shape == (4, 2, 2)
    both = rnn.BidirectionalCell(rnn.GRUCell(3), rnn.GRUCell(3))
    both.initialize()
    out, states = both.unroll(4, x, layout="TNC")
    assert out.shape == (4, 2, 6) and len(states) == 2
    with pytest.raises(NotImplementedError, match="reads the future"):
        both(x[0], [])


def test_attention_and_zoo():
    x = floats(6, 2, 8)
    assert ready(nn.MultiHeadAttention(8, 2, causal=True, context=4), x)(x).shape == (6, 2, 8)
    tokens, mask = floats(2, 5, 8), np.ones((2, 5), np.float32)
    attention = ready(nn.MultiHeadAttention(8, 2, axis="tokens"), tokens)
    assert np.allclose(attention(tokens, mask=mask).asnumpy(), attention(tokens).asnumpy(), atol=1e-6)
    mask[:, 3:] = 0
    changed = tokens.copy()
    changed[:, 3:] += 1
    cut = attention(tokens, mask).asnumpy()[:, :3]
    assert np.allclose(attention(changed, mask).asnumpy()[:, :3], cut, atol=1e-6)
    cell = nn.TransformerEncoderCell(8, 2, 16, attention={"causal": True, "context": 3}, norm="rms")
    assert ready(cell, x)(x).shape == (6, 2, 8)
    with pytest.raises(TypeError, match=r"attention\.contxt, did you mean context"):
        nn.TransformerEncoderCell(8, 2, 16, attention={"contxt": 3})
    assert ready(nn.Transformer(units=8, num_heads=2, num_layers=1, outputs=3), x)(x).shape == (2, 3)
    assert ready(nn.CrossTransformer(units=8, num_heads=2, num_layers=1), tokens)(tokens).shape == (2, 5, 1)
    assert ready(nn.TCN(channels=[4, 4], outputs=2), x)(x).shape == (2, 2)
    assert ready(nn.causal_cnn(2, 8), x)(x).shape == (2, 1)
    assert ready(nn.DeepLOB(features=8, channels=2, hidden_size=3), floats(10, 2, 8))(floats(10, 2, 8)).shape == (2, 3)
    image = floats(1, 1, 8, 8)
    assert ready(nn.ResNet(layers=[1, 1], channels=[2, 2, 4], classes=3), image)(image).shape == (1, 3)


def test_arguments_by_place_and_by_name():
    assert repr(nn.Dense(3, "relu", False)) == "Dense(None -> 3, Activation(relu))"
    assert list(nn.Dense(3, "relu", False).params) == ["weight"]
    assert repr(nn.Conv2D(4, 3, 2, 1)) == "Conv2D(None -> 4, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1))"
    assert repr(nn.LSTM(8, 2, "NTC", 0.5, True)) == "LSTM(None -> 8, NTC, num_layers=2, dropout=0.5, bidirectional)"
    for make, text in (
            (lambda: nn.Dense(), r"\[dense\] units is missing, expected int"),
            (lambda: nn.Dense(3, unit=3), r"\[dense\] unknown argument unit, did you mean units\?"),
            (lambda: nn.Dense(3, units=3), r"\[dense\] units is given twice"),
            (lambda: nn.Dense("3"), r"\[dense\] units, was a str, expected a whole number"),
            (lambda: nn.Dense(3.5), r"\[dense\] units, was a float, expected a whole number"),
            (lambda: nn.Dense(True), r"\[dense\] units, was a bool, expected a whole number"),
            (lambda: nn.Dense(3, use_bias=1), r"\[dense\] use_bias, was a int, expected True or False"),
            (lambda: nn.Dense(3, weight_initializer=3), r"initializer, was a int, expected an Initializer or a name"),
            (lambda: nn.LSTM(3, dropout="much"), r"\[lstm\] dropout, was a str, expected a number"),
            (lambda: nn.Conv1D(3, [3, 3]), r"kernel_size, were 2 values"),
            (lambda: nn.Conv2D(3, ["a"]), r"\[conv2d\] kernel_size\[0\], was a str"),
            (lambda: nn.Dense(3, None, True, True, "float32", None, None, 0, False, None, None, 1), r"values, was 12, expected at most 11"),
    ):
        with pytest.raises((TypeError, ValueError), match=text):
            make()
    with pytest.raises(ValueError, match="units, was 0"):
        nn.Dense(0)
    with pytest.raises(ValueError, match=r"was 9223372036854775808, expected a number that fits 64 bits"):
        nn.Dense(2**63)
    assert nn.Dense(np.int64(3), use_bias=np.bool_(False)).weight.shape == (3, 0)


def test_signatures_and_docstrings_are_written():
    text, doc, *_ = nn.Dense.__init__.__nb_signature__[0]
    assert text.startswith("def __init__(self, units: int, activation: str | None = None, use_bias: bool = True")
    assert "in_units: input width; 0: from the first input" in doc
    assert "batch" in nn.BatchNorm.__doc__
    for name in nn.__all__:
        thing = getattr(nn, name)
        assert inspect.getdoc(thing), f"{name} has no docstring"


def test_initializers():
    def filled(initializer, *shape):
        layer = nn.Parameter("weight", shape=shape, init=initializer)
        layer.initialize(seed=3)
        return layer.data().asnumpy()

    assert (filled("zeros", 3) == 0).all() and (filled(init.One(), 3) == 1).all()
    assert (filled(init.Constant(2.5), 3) == 2.5).all()
    assert np.abs(filled(init.Uniform(0.5), 1000)).max() <= 0.5
    assert filled(init.Normal(2), 20000).std() == pytest.approx(2, rel=0.05)
    limit = np.sqrt(3 / ((20 + 30) / 2))
    values = filled(init.Xavier(), 20, 30)
    assert 0.9 * limit < np.abs(values).max() <= limit
    assert filled(init.MSRAPrelu("in", 0), 100, 200).std() == pytest.approx(np.sqrt(2 / 200), rel=0.05)
    q = filled(init.Orthogonal(), 4, 9)
    assert np.allclose(q @ q.T, np.eye(4), atol=1e-5)
    assert filled(init.LSTMBias(2), 8).tolist() == [0, 0, 2, 2, 0, 0, 0, 0]
    assert np.array_equal(filled("Xavier", 2, 3), filled(init.Xavier(), 2, 3))
    assert repr(init.Xavier()) == "Xavier(uniform, avg, 3)"
    with pytest.raises(ValueError, match="did you mean xavier"):
        filled("xavir", 2, 2)

    class Ramp(init.Initializer):
        def _init_weight(self, name, array):
            array[:] = nd.reshape(nd.arange(array.size), array.shape)

    assert filled(Ramp(), 4).tolist() == [0, 1, 2, 3]
    layer = nn.Dense(2, weight_initializer=Ramp(), in_units=1)
    layer.initialize()
    assert layer.weight.data().asnumpy().ravel().tolist() == [0, 1]


def test_shape_errors_name_the_layer():
    net = nn.HybridSequential()
    net.add(nn.Dense(3, in_units=4))
    net.initialize()
    with pytest.raises(qt.ShapeError, match=r'input columns, was 5, expected 4 \(layer "0"'):
        net(floats(2, 5))
