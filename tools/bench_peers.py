#!/usr/bin/env python3
"""Peers of `make bench` that are reached from Python: ONNX Runtime, OpenVINO, PyTorch. Runs in .venv-bench.

    bench_peers.py [PEER...]     with a line a command on standard input, a line of JSON an answer, as quantick_bench:
    machine                      versions, and why a peer cannot run
    open WORKLOAD FOLDER         reads FOLDER/WORKLOAD.safetensors, builds all contenders and their null models
    round [SCALE]                measures each contender and its null model once
    close                        results
    training                     PyTorch's LSTM layer, forward and backward

A null model has the contender's inputs and outputs and computes nothing: what it costs is the binding, not the peer.
"""
import gc
import importlib.metadata
import importlib.util
import json
import logging
import math
import os
import pathlib
import struct
import sys
import tempfile
import time

for switch in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[switch] = "1"

import numpy as np  # noqa: E402  after the number of threads

NAMES = {"onnxruntime": ("onnxruntime", "onnx"), "openvino": ("openvino", "onnx"), "pytorch": ("torch",)}
SECONDS = 0.05  # of a contender in one round
WARM_RUNS = 30


def read_safetensors(path):
    """{name: array}, and the text beside the tensors."""
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    text = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        dtype = {"F32": np.float32, "F64": np.float64}[entry["dtype"]]
        tensors[name] = np.frombuffer(data[8 + length + begin:8 + length + end], dtype).reshape(entry["shape"]).copy()
    return tensors, text


class Network:
    """The workload's parameters; layers as (weights...) tuples."""

    def __init__(self, path):
        self.tensors, self.text = read_safetensors(path)
        self.kind = self.text["kind"]
        self.window, self.rows, self.layers = (int(self.text[k]) for k in ("window", "rows", "layers"))
        self.windows, self.truth = self.tensors["bench.windows"], self.tensors["bench.truth"]
        self.columns, self.outputs = self.windows.shape[-1], self.truth.shape[-1]

    def lstm(self):
        """(wx, wh, bias of both) of each layer, gates i, f, g, o."""
        names = ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")
        return [tuple(self.tensors[f"0.l{k}_{name}"] for name in names) for k in range(self.layers)]

    def dense(self):
        """(weight, bias) of each Dense layer behind it."""
        names = {"lstm": ["2"], "dense": ["0", "1", "2"], "convolution": ["output.1"]}[self.kind]
        return [(self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]) for name in names]

    def convolutions(self):
        """(weight (out, in, taps), bias) of each."""
        names = [f"blocks.{k}.body.0" for k in range(self.layers)]
        return [(self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]) for name in names]


def onnx_gates(array):
    """Rows of gates i, f, g, o in ONNX's order i, o, f, c."""
    i, f, g, o = np.split(array, 4, axis=0)
    return np.concatenate([i, o, f, g], axis=0)


def onnx_model(net, null=False):
    """The network as one step (LSTM, with its state as inputs and outputs), a batch (Dense) or a window (convolutions).
    With `null`: the same inputs and outputs and nothing between them."""
    import onnx
    from onnx import helper, numpy_helper
    f32 = onnx.TensorProto.FLOAT
    nodes, weights, inputs, outputs = [], [], [], []

    def constant(name, value):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(op, ins, outs, **attributes):
        if not null:
            nodes.append(helper.make_node(op, ins, outs, **attributes))

    def place(kind, name, shape):
        kind.append(helper.make_tensor_value_info(name, f32, shape))
        return name

    if net.kind == "lstm":
        value = place(inputs, "x", [1, 1, net.columns])
        for k, (wx, wh, bx, bh) in enumerate(net.lstm()):
            units = wh.shape[1]
            h, c = place(inputs, f"h{k}", [1, 1, units]), place(inputs, f"c{k}", [1, 1, units])
            hn, cn = place(outputs, f"hn{k}", [1, 1, units]), place(outputs, f"cn{k}", [1, 1, units])
            if null:
                nodes += [helper.make_node("Identity", [h], [hn]), helper.make_node("Identity", [c], [cn])]
                continue
            bias = np.concatenate([onnx_gates(bx), onnx_gates(bh)])[None]
            node("LSTM", [value, constant(f"w{k}", onnx_gates(wx)[None]), constant(f"r{k}", onnx_gates(wh)[None]),
                          constant(f"b{k}", bias), "", h, c], [f"y{k}", hn, cn], hidden_size=units)
            value = f"hn{k}"
        shape = constant("row", np.array([1, -1], np.int64)) if not null else ""
        node("Reshape", [value, shape], ["last"])
        value = "last"
        rows = 1
    elif net.kind == "dense":
        rows = net.rows
        value = place(inputs, "x", [rows, net.columns])
    else:
        rows = 1
        value = place(inputs, "x", [1, net.columns, net.window])
        for k, (weight, bias) in enumerate(net.convolutions() if not null else []):
            taps = weight.shape[2]
            node("Conv", [value, constant(f"cw{k}", weight), constant(f"cb{k}", bias)], [f"conv{k}"],
                 pads=[taps - 1, 0], kernel_shape=[taps])
            node("Relu", [f"conv{k}"], [f"body{k}"])
            node("Add", [value, f"body{k}"], [f"sum{k}"])
            node("Relu", [f"sum{k}"], [f"relu{k}"])
            value = f"relu{k}"
        if not null:
            node("Slice", [value, constant("first", np.array([net.window - 1], np.int64)),
                           constant("end", np.array([net.window], np.int64)),
                           constant("axis", np.array([2], np.int64))], ["newest"])
            node("Flatten", ["newest"], ["last"])
            value = "last"
    layers = net.dense()
    for k, (weight, bias) in enumerate(layers if not null else []):
        last = k + 1 == len(layers)
        out = "y" if last else f"d{k}"
        node("Gemm", [value, constant(f"dw{k}", weight), constant(f"db{k}", bias)], [out], transB=1)
        if not last:
            node("Relu", [out], [f"a{k}"])
        value = out if last else f"a{k}"
    if null:
        y = list(inputs[0].type.tensor_type.shape.dim)
        place(outputs, "y", [d.dim_value for d in y])
        nodes.append(helper.make_node("Identity", ["x"], ["y"]))
    else:
        place(outputs, "y", [rows, net.outputs])
    graph = helper.make_graph(nodes, "net", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


class OnnxRuntime:
    """A session with bound inputs and outputs; the states of two steps change places."""

    def __init__(self, model):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        shapes = {i.name: i.shape for i in self.session.get_inputs()}
        outs = {o.name: o.shape for o in self.session.get_outputs()}
        self.x = np.zeros(shapes["x"], np.float32)
        values = {"x": onnxruntime.OrtValue.ortvalue_from_numpy(self.x)}  # looks at the array's memory
        self.state, self.bindings = [], []
        for name in shapes:
            if name != "x":
                pair = [np.zeros(shapes[name], np.float32), np.zeros(shapes[name], np.float32)]
                self.state.append(pair)
                values[name] = [onnxruntime.OrtValue.ortvalue_from_numpy(a) for a in pair]
        self.y = np.zeros(outs["y"], np.float32)
        y = onnxruntime.OrtValue.ortvalue_from_numpy(self.y)
        for side in (0, 1):
            binding = self.session.io_binding()
            binding.bind_ortvalue_input("x", values["x"])
            for name in outs:
                if name == "y":
                    binding.bind_ortvalue_output("y", y)
                else:
                    before = name.replace("n", "", 1)
                    binding.bind_ortvalue_input(before, values[before][side])
                    binding.bind_ortvalue_output(name, values[before][1 - side])
            self.bindings.append(binding)
        self.reset()

    def reset(self):
        self.side = 0
        for pair in self.state:
            for array in pair:
                array[...] = 0

    def run(self):
        self.session.run_with_iobinding(self.bindings[self.side])
        self.side ^= 1


class OpenVino:
    """Infer requests over fixed memory, latency hint, one thread; the states of two steps change places."""

    def __init__(self, model):
        import openvino
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(model), "CPU",
                                      {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1})

        def shape(port):
            return list(port.get_partial_shape().to_shape())

        self.x = np.zeros(shape(compiled.input("x")), np.float32)
        self.y = np.zeros(shape(compiled.output("y")), np.float32)
        names = [name for port in compiled.inputs for name in port.names if name != "x"]
        self.state = [[np.zeros(shape(compiled.input(name)), np.float32) for _ in (0, 1)] for name in names]
        self.requests = []
        for side in (0, 1):
            request = compiled.create_infer_request()
            request.set_tensor("x", openvino.Tensor(self.x, shared_memory=True))
            request.set_tensor("y", openvino.Tensor(self.y, shared_memory=True))
            for name, pair in zip(names, self.state):
                request.set_tensor(name, openvino.Tensor(pair[side], shared_memory=True))
                request.set_tensor(name.replace("h", "hn").replace("c", "cn"),
                                   openvino.Tensor(pair[1 - side], shared_memory=True))
            self.requests.append(request)
        self.precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.reset()

    reset = OnnxRuntime.reset

    def run(self):
        request = self.requests[self.side]
        request.start_async()
        request.wait()
        self.side ^= 1


class PyTorch:
    """The torch modules of the network, in inference mode; `compiled` by torch.compile."""

    def __init__(self, net, compiled):
        import torch
        torch.set_num_threads(1)
        self.torch, self.net = torch, net

        def tensor(array):
            return torch.from_numpy(array.copy())

        class Step(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = torch.nn.ModuleList()
                for weight, bias in net.dense():
                    layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
                    layer.weight.data, layer.bias.data = tensor(weight), tensor(bias)
                    self.layers.append(layer)
                if net.kind == "lstm":
                    units = net.lstm()[0][1].shape[1]
                    self.lstm = torch.nn.LSTM(net.columns, units, net.layers)
                    for k, weights in enumerate(net.lstm()):
                        for name, value in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), weights):
                            getattr(self.lstm, f"{name}_l{k}").data = tensor(value)
                if net.kind == "convolution":
                    self.convolutions = torch.nn.ModuleList()
                    for weight, bias in net.convolutions():
                        layer = torch.nn.Conv1d(weight.shape[1], weight.shape[0], weight.shape[2])
                        layer.weight.data, layer.bias.data = tensor(weight), tensor(bias)
                        self.convolutions.append(layer)

            def forward(self, x, h, c):
                if net.kind == "lstm":
                    y, (h, c) = self.lstm(x, (h, c))
                    x = y[-1]
                if net.kind == "convolution":
                    for layer in self.convolutions:
                        padded = torch.nn.functional.pad(x, (layer.kernel_size[0] - 1, 0))
                        x = torch.relu(x + torch.relu(layer(padded)))
                    x = x[:, :, -1]
                for k, layer in enumerate(self.layers):
                    x = layer(x)
                    if k + 1 < len(self.layers):
                        x = torch.relu(x)
                return x, h, c

        self.module = Step().eval()
        if compiled:
            self.module = torch.compile(self.module)
        shape = {"lstm": (1, 1, net.columns), "dense": (net.rows, net.columns),
                 "convolution": (1, net.columns, net.window)}[net.kind]
        self.x = np.zeros(shape, np.float32)
        self.given = torch.from_numpy(self.x)
        self.reset()
        self.run()
        self.reset()

    def reset(self):
        units = self.net.lstm()[0][1].shape[1] if self.net.kind == "lstm" else 1
        self.h, self.c = (self.torch.zeros(max(1, self.net.layers), 1, units) for _ in (0, 1))

    def run(self):
        with self.torch.inference_mode():
            y, self.h, self.c = self.module(self.given, self.h, self.c)
        self.result = y

    @property
    def y(self):
        return self.result.numpy()


class Rows:
    """Feeds Dense quantization's calibration."""

    def __init__(self, x, rows):
        self.batches = iter([{"x": x[k:k + rows]} for k in range(0, len(x) - rows + 1, rows)])

    def get_next(self):
        return next(self.batches, None)


def quantized_onnx(net, model, folder):
    """ONNX Runtime's own int8 form: dynamic for LSTM, QDQ with calibrated scales for the others."""
    from onnxruntime import quantization
    import onnx
    plain, made = str(folder / "plain.onnx"), str(folder / "int8.onnx")
    onnx.save(model, plain)
    if net.kind == "lstm":
        quantization.quantize_dynamic(plain, made, weight_type=quantization.QuantType.QInt8, per_channel=True)
        return pathlib.Path(made).read_bytes(), "DynamicQuantizeLSTM"
    x = net.windows if net.kind == "dense" else np.ascontiguousarray(net.windows.transpose(1, 2, 0))
    quantization.quantize_static(plain, made, Rows(x, net.rows), quant_format=quantization.QuantFormat.QDQ,
                                 activation_type=quantization.QuantType.QUInt8,
                                 weight_type=quantization.QuantType.QInt8, per_channel=True)
    return pathlib.Path(made).read_bytes(), "QDQ"


class Contender:
    def __init__(self, name, note, peer, null):
        self.name, self.note, self.peer, self.null = name, note, peer, null
        self.times, self.null_times, self.chunks, self.null_chunks = [], [], [], []


def contenders_of(peers, net):
    found = []
    if net.kind == "book":
        return found
    if "onnxruntime" in peers or "openvino" in peers:
        model = onnx_model(net)
        null = onnx_model(net, null=True).SerializeToString()
        with tempfile.TemporaryDirectory() as folder:
            int8, form = quantized_onnx(net, model, pathlib.Path(folder))
        f32 = model.SerializeToString()
        if "onnxruntime" in peers:
            found.append(Contender("onnxruntime_f32", "I/O binding", OnnxRuntime(f32), OnnxRuntime(null)))
            found.append(Contender("onnxruntime_int8", f"I/O binding, {form}", OnnxRuntime(int8), OnnxRuntime(null)))
        if "openvino" in peers:
            peer = OpenVino(f32)
            found.append(Contender("openvino_f32", f"infer request, computes in {peer.precision}", peer, OpenVino(null)))
            if form == "QDQ":
                found.append(Contender("openvino_int8", "infer request, QDQ", OpenVino(int8), OpenVino(null)))
    if "pytorch" in peers:
        found.append(Contender("pytorch_eager", "", PyTorch(net, False), None))
        found.append(Contender("pytorch_compiled", "torch.compile", PyTorch(net, True), None))
    return found


def error_of(net, peer):
    """SQNR in dB with means removed, and the largest error, against the float64 network."""
    got = np.zeros_like(net.truth)
    for first in range(0, len(got) - net.rows + 1, net.rows):
        peer.reset()
        part = slice(first, first + net.rows)
        if net.kind == "convolution":
            peer.x[...] = net.windows[:, part].transpose(1, 2, 0)
            peer.run()
        elif net.kind == "dense":
            peer.x[...] = net.windows[part]
            peer.run()
        else:
            for t in range(net.window):
                peer.x[...] = net.windows[t:t + 1, part]
                peer.run()
        got[part] = peer.y
    signal, noise = net.truth - net.truth.mean(), (net.truth - got) - (net.truth - got).mean()
    power = float((noise.astype(np.float64) ** 2).sum())
    sqnr = 10 * math.log10(float((signal.astype(np.float64) ** 2).sum()) / power) if power > 0 else None
    return sqnr, float(np.abs(net.truth - got).max())


def sample(peer, seconds):
    """Nanoseconds of calls for about `seconds`, one at least."""
    clock, times = time.perf_counter_ns, []
    stop = clock() + int(seconds * 1e9)
    for _ in range(WARM_RUNS):
        if clock() > stop - int(0.8e9 * seconds):
            break
        peer.run()
    while True:
        before = clock()
        peer.run()
        after = clock()
        times.append(after - before)
        if after >= stop:
            return times


def percentile(ordered, p):
    """Sample number ceil(p * n) of ascending values, counted from 1."""
    return float(ordered[min(len(ordered), max(1, math.ceil(p * len(ordered) - 1e-9))) - 1])


def pytorch_training(hidden, steps=30, batch=512, repeats=7):
    """GFLOP/s of an LSTM layer of PyTorch, forward and backward, one thread: products alone, counted three times."""
    import torch
    torch.set_num_threads(1)
    layer = torch.nn.LSTM(hidden, hidden)
    x, dy = torch.randn(steps, batch, hidden, requires_grad=True), torch.randn(steps, batch, hidden)
    times = []
    for _ in range(repeats + 1):
        layer.zero_grad(set_to_none=True)
        x.grad = None
        start = time.perf_counter()
        layer(x)[0].backward(dy)
        times.append(time.perf_counter() - start)
    flops = 2.0 * steps * batch * 2 * hidden * 4 * hidden
    return 3 * flops / percentile(sorted(times[1:]), 0.5) * 1e-9


class Worker:
    def __init__(self, peers):
        logging.getLogger().setLevel(logging.ERROR)  # ONNX Runtime advises a pass that finds nothing in these networks
        self.peers, self.states = [], []
        for peer in peers:
            missing = [package for package in NAMES[peer] if importlib.util.find_spec(package) is None]
            if missing:
                self.states.append({"name": peer, "present": False, "text": f"not installed: {', '.join(missing)}"})
            else:
                self.peers.append(peer)
                text = " ".join((NAMES[peer][0], importlib.metadata.version(NAMES[peer][0])))
                self.states.append({"name": peer, "present": True, "text": text})

    def command(self, line):
        name, *rest = line.split()
        if name == "machine":
            return {"peers": self.states}
        if name == "training":
            return {str(hidden): pytorch_training(hidden) for hidden in (64, 128)}
        if name == "open":
            self.net = Network(pathlib.Path(rest[1]) / f"{rest[0]}.safetensors")
            self.contenders = contenders_of(self.peers, self.net)
            self.errors = [error_of(self.net, c.peer) for c in self.contenders]
            return {}
        if name == "round":
            seconds = SECONDS * (float(rest[0]) if rest else 1)
            gc.collect()
            gc.disable()
            for c in self.contenders:
                for peer, times, chunks in ((c.peer, c.times, c.chunks), (c.null, c.null_times, c.null_chunks)):
                    if peer is not None:
                        new = sample(peer, seconds)
                        times += new
                        chunks.append(percentile(sorted(new), 0.5))
            gc.enable()
            return {}
        if name == "close":
            rows = self.results()
            self.contenders = []
            gc.collect()
            return rows
        raise ValueError(f"command, was {name!r}, expected machine, open, round, close or training")

    def results(self):
        rows = []
        for c, (sqnr, most) in zip(self.contenders, self.errors):
            ordered = sorted(c.times)
            row = {"kind": "time", "contender": c.name, "cache": "hot", "note": c.note, "rows": self.net.rows,
                   "path": "window" if self.net.kind == "convolution" else "step", "samples": len(ordered),
                   "chunks": c.chunks, "p50": percentile(ordered, 0.5)}
            for key, p in (("p99", 0.99), ("p99.9", 0.999)):
                if len(ordered) * (1 - p) >= 1:
                    row[key] = percentile(ordered, p)
            if c.null is not None:
                row["null"] = percentile(sorted(c.null_times), 0.5)
                row["null_chunks"] = c.null_chunks
            rows.append(row)
            error = {"kind": "error", "contender": c.name, "max_error": most}
            if sqnr is not None:
                error["sqnr"] = sqnr
            rows.append(error)
        return rows


def main():
    worker = Worker(sys.argv[1:])
    for line in sys.stdin:
        try:
            answer = worker.command(line)
        except Exception as error:  # the driver says it and goes on
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
