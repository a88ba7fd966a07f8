"""Oracles of recurrence and attention: NumPy, SciPy and onnxruntime."""
import numpy as np
from scipy import special

from onnx_oracle import onnx
from oracle_table import oracle

# ---- recurrence; gates i, f, g, o and r, z, n here, i, o, f, c and z, r, h in ONNX

LSTM_GATES, GRU_GATES = [0, 3, 1, 2], [1, 0, 2]


def reordered(array, order):
    blocks = np.split(np.ascontiguousarray(array), len(order))
    return np.concatenate([blocks[at] for at in order])


def recurrent(d, gates):
    steps, batch, inputs, hidden = d.size(6), d.size(4), d.size(6), d.pick(1, 2, 5, 8, 17)
    # Each gate has a scale of its own, so that no two can be exchanged unseen.
    scale = np.repeat(np.array([0.3, 0.7, 1.1, 0.5])[:gates], hidden)[:, None].astype(np.float32)
    w_ih = d.laid(scale * d.floats(gates * hidden, inputs) / np.float32(np.sqrt(inputs)))
    w_hh = d.laid(scale * d.floats(gates * hidden, hidden) / np.float32(np.sqrt(hidden)))
    biases = [d.floats(gates * hidden, scale=0.3) for _ in range(2)]
    return [d.floats(steps, batch, inputs), w_ih, w_hh, *biases], batch, hidden


def onnx_recurrent(op, inputs, states, order, outputs, **attributes):
    x, w_ih, w_hh, b_ih, b_hh = inputs
    bias = np.concatenate([reordered(b_ih, order), reordered(b_hh, order)])[None]
    y, *last = onnx(op, x, reordered(w_ih, order)[None], reordered(w_hh, order)[None], bias, None,
                    *[None if s is None else s[None] for s in states], outputs=outputs,
                    hidden_size=w_hh.shape[1], **attributes)
    return [y[:, 0], *[state[0] for state in last]]


@oracle("lstm")
def lstm(d, order=LSTM_GATES):
    inputs, batch, hidden = recurrent(d, 4)
    states = [d.floats(batch, hidden, scale=0.5), d.floats(batch, hidden, scale=0.5)] if d.chance(0.5) else [None, None]
    return [*inputs, *states], {}, onnx_recurrent("LSTM", inputs, states, order, 3)


@oracle("gru")
def gru(d, order=GRU_GATES):
    inputs, batch, hidden = recurrent(d, 3)
    state = d.pick(None, d.floats(batch, hidden, scale=0.5))
    return [*inputs, state], {}, onnx_recurrent("GRU", inputs, [state], order, 2, linear_before_reset=1)


@oracle("lstm_projection")
def lstm_projection(d):
    """No ONNX operator has it: the equations (Sak et al. 2014) in NumPy and SciPy, float64."""
    (x, w_ih, _, b_ih, b_hh), batch, hidden = recurrent(d, 4)
    projection = d.size(hidden + 2)
    w_hh, w_hr = d.floats(4 * hidden, projection, scale=0.5), d.floats(projection, hidden, scale=0.5)
    states = [d.floats(batch, projection), d.floats(batch, hidden)] if d.chance(0.5) else [None, None]
    h, c = [np.zeros((batch, n)) if s is None else s.astype(np.float64) for s, n in zip(states, (projection, hidden))]
    y = []
    for step in x.astype(np.float64):
        i, f, g, o = np.split(step @ w_ih.T + h @ w_hh.T + b_ih.astype(np.float64) + b_hh, 4, axis=1)
        c = special.expit(f) * c + special.expit(i) * np.tanh(g)
        h = (special.expit(o) * np.tanh(c)) @ w_hr.T.astype(np.float64)
        y.append(h)
    return [x, w_ih, w_hh, b_ih, b_hh, w_hr, *states], {}, [np.float32(v) for v in (np.stack(y), h, c)]


# ---- attention

def heads_of(d):
    heads = d.pick(1, 2, 4)
    return heads, d.pick(*[k for k in (1, 2, 4) if heads % k == 0])


def attended(q, k, v, heads, kv_heads, scale, mask):
    """[batch, tokens, channels] by ONNX's Attention; mask [.., L, S] of bool."""
    return onnx("Attention", q, k, v, mask, q_num_heads=heads, kv_num_heads=kv_heads, scale=scale)[0]


@oracle("attention")
def attention(d):
    (heads, kv_heads), width, out = heads_of(d), d.size(5), d.size(5)
    batch, length, keys = d.size(3), d.size(6), d.size(6)
    causal = d.chance(0.3)
    keys = length if causal else keys
    q, k, v = (d.floats(batch, length, heads * width), d.floats(batch, keys, kv_heads * width),
               d.floats(batch, keys, kv_heads * out))
    scale = d.pick(None, 0.3)
    mask = None if d.chance(0.5) else np.maximum(d.values((batch, keys), np.float32, -1, 1), 0)
    if mask is not None:
        mask[:, 0] = 1  # a row that attends to nothing has no value that all agree on
    seen = np.ones((batch, 1, length, keys), bool) if mask is None else np.repeat((mask > 0)[:, None, None], length, 2)
    if causal:
        seen = seen & np.tril(np.ones((length, keys), bool))
    attributes = {"heads": heads, "kv_heads": kv_heads, "causal": causal, "scale": scale or 0.0}
    return [q, k, v, mask], attributes, [attended(q, k, v, heads, kv_heads, scale, seen)]


def over_time(d):
    (heads, kv_heads), width, out = heads_of(d), d.size(5), d.size(5)
    steps, batch = d.size(8), d.size(3)
    return [d.floats(steps, batch, heads * width), d.floats(steps, batch, kv_heads * width),
            d.floats(steps, batch, kv_heads * out)], heads, kv_heads, d.pick(None, 0.3)


@oracle("sequence_attention")
def sequence_attention(d):
    inputs, heads, kv_heads, scale = over_time(d)
    y = attended(*[x.transpose(1, 0, 2) for x in inputs], heads, kv_heads, scale, None)
    return inputs, {"heads": heads, "kv_heads": kv_heads, "scale": scale or 0.0}, [y.transpose(1, 0, 2)]


@oracle("causal_attention")
def causal_attention(d):
    inputs, heads, kv_heads, scale = over_time(d)
    context, recency = d.size(9), d.pick(0.0, 0.0, 0.5)
    age = np.subtract.outer(np.arange(len(inputs[0])), np.arange(len(inputs[0])))
    seen = (age >= 0) & (age < context)
    bias = np.where(seen, -recency * age, -np.inf).astype(np.float32)  # ALiBi's slope (Press et al. 2021)
    slopes = recency_slopes(heads)[:, None, None] if recency else np.ones((heads, 1, 1))
    mask = np.where(seen, bias * slopes, -np.inf).astype(np.float32)[None]
    y = attended(*[x.transpose(1, 0, 2) for x in inputs], heads, kv_heads, scale, mask)
    attributes = {"context": context, "heads": heads, "kv_heads": kv_heads, "scale": scale or 0.0, "recency": recency}
    return inputs, attributes, [y.transpose(1, 0, 2)]


def recency_slopes(heads):
    return 2.0 ** (-8.0 * np.arange(1, heads + 1) / heads)
