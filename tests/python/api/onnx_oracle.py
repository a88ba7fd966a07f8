"""One-node ONNX models run by onnxruntime; sessions are kept by what they depend on."""
import functools

import numpy as np
import onnxruntime
from onnx import ValueInfoProto, helper

OPSET = 23


@functools.lru_cache(maxsize=None)
def session(op, kinds, outputs, attributes, opset, domain):
    """kinds: element type of each input, "" for one that is left out. Shapes stay open."""
    names = ["" if kind == "" else f"x{i}" for i, kind in enumerate(kinds)]
    given = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), None)
             for name, kind in zip(names, kinds) if name]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, results, domain=domain,
                            **{k: list(v) if isinstance(v, tuple) else v for k, v in attributes})
    graph = helper.make_graph([node], "node", given,
                              [ValueInfoProto(name=name) for name in results])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", opset)])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def onnx(op, *inputs, outputs=1, opset=OPSET, domain="", **attributes):
    """The outputs of one node; an input of None is left out, an attribute of None keeps its default."""
    kept = tuple(sorted((k, tuple(v) if isinstance(v, (list, tuple)) else v) for k, v in attributes.items()
                        if v is not None))
    kinds = tuple("" if x is None else x.dtype.name for x in inputs)
    run = session(op, kinds, outputs, kept, opset, domain)
    return run.run(None, {f"x{i}": np.ascontiguousarray(x) for i, x in enumerate(inputs) if x is not None})
