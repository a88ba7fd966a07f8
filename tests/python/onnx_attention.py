"""ONNX's Attention (opsets 23 to 25) as calls of our operators: our attention where it says the same, else parts."""
import numpy as np


def split(c, value, shape, heads):
    """[batch, tokens, heads * width] as [batch, heads, tokens, width]."""
    split_shape = [shape[0], shape[1], heads, shape[2] // heads]
    return c("transpose", c("reshape", value, shape=split_shape), axes=[0, 2, 1, 3])


def repeat_heads(c, value, shape, times):
    """Head h of the result is head h / times of the value."""
    batch, heads, tokens, width = shape
    wide = c("broadcast_to", c("expand_dims", value, axis=2), shape=[batch, heads, times, tokens, width])
    return c("reshape", wide, shape=[batch, heads * times, tokens, width])


def allowed_keys(n, queries, keys, past, lengths):
    """Which keys the attributes and the lengths of padded caches let a query see: [queries, keys] or [batch, 1, ..]."""
    offset = np.asarray(past) if lengths is None else (lengths.reshape(-1, 1, 1, 1) - queries)
    ahead = np.arange(keys)[None, :] - (np.arange(queries)[:, None] + offset)
    allowed = np.ones(ahead.shape, bool)
    left, right = n.attr("left_window_size", -1), n.attr("right_window_size", -1)
    if n.attr("is_causal", 0):
        allowed &= ahead <= 0
    if left >= 0:
        allowed &= -ahead <= left
    if right >= 0:
        allowed &= ahead <= right
    if lengths is not None:
        allowed &= np.arange(keys) < lengths.reshape(-1, 1, 1, 1)
    return allowed


def bias_of(c, n, queries, keys, past):
    """Sum of the masks, 0 and -inf where they are of bool; None where every key counts."""
    mask, lengths = n.input(3), n.input(6)
    zero, never = c.put(np.float32(0)), c.put(np.float32(-np.inf))
    allowed = allowed_keys(n, queries, keys, past, lengths)
    parts = [] if allowed.all() else [c("where", c.put(allowed), zero, never)]
    if mask is not None:
        missing = [(0, 0)] * (mask.ndim - 1) + [(0, keys - mask.shape[-1])]
        if mask.dtype == bool:
            parts.append(c("where", c.put(np.pad(mask, missing)), zero, never))
        else:
            parts.append(c.put(np.pad(mask.astype(np.float32), missing, constant_values=-np.inf)))
    return c("add", *parts) if len(parts) == 2 else parts[0] if parts else None


def is_ours(n):
    """Whether our attention says the same: one output, masks by key alone."""
    masked = n.input(3) is not None or any(n.attr(side, -1) >= 0 for side in ("left_window_size", "right_window_size"))
    padded_causal = n.input(6) is not None and n.attr("is_causal", 0)
    return not (masked or padded_causal or n.input(4) is not None or n.attr("softcap", 0.0) or len(n.outputs) > 1)


def our_attention(c, n):
    q, k, v, lengths = n.input(0), n.input(1), n.input(2), n.input(6)
    flat = q.ndim == 3
    heads, kv_heads = (n.attr("q_num_heads"), n.attr("kv_num_heads")) if flat else (q.shape[1], k.shape[1])
    names = [c.put(x) for x in (q, k, v)]
    if not flat:
        names = [c("reshape", c("transpose", name, axes=[0, 2, 1, 3]), shape=[x.shape[0], x.shape[2], -1])
                 for name, x in zip(names, (q, k, v))]
    mask = None
    if lengths is not None:
        mask = c.put((np.arange(k.shape[-2]) < lengths.reshape(-1, 1)).astype(np.float32))
    y = c("attention", *names, mask, heads=heads, kv_heads=kv_heads, causal=bool(n.attr("is_causal", 0)),
          scale=n.attr("scale") or 0.0)
    return [y if flat else split(c, y, (q.shape[0], q.shape[2], heads * v.shape[3]), heads)]


def attention(c, n):
    if is_ours(n):
        return our_attention(c, n)
    q, k, v, past_k, past_v = n.input(0), n.input(1), n.input(2), n.input(4), n.input(5)
    flat = q.ndim == 3
    names = [c.put(x) for x in (q, k, v)]
    heads, kv_heads = (n.attr("q_num_heads"), n.attr("kv_num_heads")) if flat else (q.shape[1], k.shape[1])
    shapes = [x.shape for x in (q, k, v)]
    if flat:
        counts = (heads, kv_heads, kv_heads)
        names = [split(c, name, s, h) for name, s, h in zip(names, shapes, counts)]
        shapes = [(s[0], h, s[1], s[2] // h) for s, h in zip(shapes, counts)]
    q, k, v = names
    past = 0
    if past_k is not None:
        past = past_k.shape[2]
        k, v = c("concat", c.put(past_k), k, axis=2), c("concat", c.put(past_v), v, axis=2)
    present_k, present_v = k, v
    (batch, _, queries, width), (_, _, _, value_width) = shapes[0], shapes[2]
    keys = shapes[1][2] + past
    if heads != kv_heads:
        k = repeat_heads(c, k, (batch, kv_heads, keys, width), heads // kv_heads)
        v = repeat_heads(c, v, (batch, kv_heads, keys, value_width), heads // kv_heads)
    # Half of the scale on either side, as ONNX's function body has it.
    half = c.put(np.float32(np.sqrt(n.attr("scale") or 1 / np.sqrt(width))))
    k_t = c("transpose", c("multiply", k, half), axes=[0, 1, 3, 2])
    scores = c("matmul", c("multiply", q, half), k_t)
    shown = scores
    if cap := n.attr("softcap", 0.0):
        limit = c.put(np.float32(cap))
        scores = c("multiply", c("tanh", c("divide", scores, limit)), limit)
        shown = scores
    bias, zero = bias_of(c, n, queries, keys, past), c.put(np.float32(0))
    mode = n.attr("qk_matmul_output_mode", 0)
    if bias is None:
        weights = c("softmax", scores, axis=-1)
    else:
        scores = c("add", scores, bias)
        shown = scores if mode == 2 else shown
        # A query that sees no key gives zeros.
        sees = c("greater", c("max", bias, axes=[-1], keepdims=True), c.put(np.float32(-np.inf)))
        weights = c("where", sees, c("softmax", c("where", sees, scores, zero), axis=-1), zero)
    y = c("matmul", weights, v)
    if flat:
        y = c("reshape", c("transpose", y, axes=[0, 2, 1, 3]), shape=[batch, queries, heads * value_width])
    return [y, present_k, present_v, weights if mode == 3 else shown]
