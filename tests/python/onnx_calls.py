"""Programs of our operators for quantick_oracle's `sessions` command, written call by call:

    c = Calls()
    y = c("softmax", c.put(x), axis=-1)
    got = c.arrays(answer)[y]
"""
import numpy as np

# NumPy's names to ours. Codes are held in the smallest of our types that holds them, narrow floats as their values.
HELD = {"uint16": "int32", "int4": "int8", "uint4": "uint8", "int2": "int8", "uint2": "uint8"}
OURS = ("float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")


def held(array):
    """The array in a type that our operators have."""
    name = array.dtype.name
    return array.astype(HELD.get(name, name if name in OURS else "float32"))


def document(array):
    """What the oracle reads."""
    array = held(np.asarray(array))
    values = array.ravel().tolist()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        values = [v if np.isfinite(v) else str(v) for v in values]  # "nan", "inf", "-inf"
    return {"shape": list(array.shape), "dtype": array.dtype.name, "values": values}


def array_of(document):
    values = [float(v) for v in document["values"]] if document["dtype"].startswith("float") else document["values"]
    return np.array(values).astype(document["dtype"]).reshape(document["shape"])


class Calls:
    """One session. Values go by names; None stands for an input that is left out. `wide` makes float32 float64."""
    def __init__(self, wide=False):
        self.values, self.calls, self.wide = {}, [], wide

    def put(self, array):
        array = held(np.asarray(array))
        if self.wide and array.dtype == np.float32:
            array = array.astype(np.float64)
        name = f"v{len(self.values)}"
        self.values[name] = document(array)
        return name

    def __call__(self, operator, *inputs, outputs=1, **attributes):
        """The name of the output, or a list of names where several are asked for."""
        names = [f"c{len(self.calls)}_{i}" for i in range(outputs)]
        self.calls.append({"name": operator, "attributes": attributes, "inputs": list(inputs), "outputs": names})
        return names[0] if outputs == 1 else names

    def session(self, results):
        return {"values": self.values, "calls": self.calls, "results": [name for name in results if name]}
