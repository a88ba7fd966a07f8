"""Random arguments of operator calls: shapes with empty and odd extents, every memory layout, and special values."""
import numpy as np

from quantick import nd

FLOATS = (np.float32, np.float64)
NUMBERS = (np.float32, np.float64, np.int32, np.int64)
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 3e38, 1.0, -1.0])


def draw(*shape, seed=0):
    """A float32 array of normal numbers."""
    return nd.array(np.random.default_rng(seed).standard_normal(shape).astype("float32"))


class Draw:
    """Random numbers of one call."""

    def __init__(self, seed, call):
        self.random = np.random.default_rng([seed, call])

    def chance(self, probability):
        return self.random.random() < probability

    def size(self, most, least=1):
        return int(self.random.integers(least, most + 1))

    def pick(self, *options):
        return options[self.random.integers(len(options))]

    def extent(self, most=7):
        """Mostly small; sometimes empty, sometimes past a vector's width."""
        if self.chance(0.04):
            return 0
        return self.size(37) if self.chance(0.1) else self.size(most)

    def shape(self, most=4, least=0):
        return tuple(self.extent() for _ in range(self.size(most, least)))

    def axis(self, ndim):
        return int(self.random.integers(-ndim, ndim))

    def axes(self, ndim):
        """Some axes, each once, from either end; empty means all of them."""
        chosen = [a for a in range(ndim) if self.chance(0.4)]
        self.random.shuffle(chosen)
        return [a - ndim if self.chance(0.3) else a for a in chosen]

    def broadcast_pair(self):
        """Two shapes that broadcast."""
        whole = self.shape()

        def part():
            kept = whole[self.size(len(whole), 0):] if self.chance(0.3) else whole
            return tuple(1 if self.chance(0.2) else e for e in kept)
        return part(), part()

    def values(self, shape, dtype, low=-3.0, high=3.0, special=False):
        dtype = np.dtype(dtype)
        if dtype == bool:
            out = self.random.random(shape) < 0.5
        elif dtype.kind in "iu":
            out = self.random.integers(max(low, np.iinfo(dtype).min), min(high, np.iinfo(dtype).max), shape,
                                       endpoint=True)
        else:
            out = self.random.uniform(low, high, shape)
            if special:
                out = np.where(self.random.random(shape) < 0.1, self.random.choice(SPECIAL, shape), out)
        with np.errstate(over="ignore"):
            return np.asarray(out, dtype)

    def laid(self, array):
        """The same values in another layout: strided, reversed, transposed, repeated, at an offset, read-only."""
        kind = self.pick("plain", "plain", "strided", "reversed", "fortran", "offset", "read-only", "repeated")
        if kind == "strided" and array.ndim > 0:
            axis = self.size(array.ndim) - 1
            wide = np.zeros([e * (2 if a == axis else 1) for a, e in enumerate(array.shape)], array.dtype)
            at = tuple(slice(None, None, 2) if a == axis else slice(None) for a in range(array.ndim))
            wide[at] = array
            return wide[at]
        if kind == "reversed" and array.ndim > 0:
            axis = self.size(array.ndim) - 1
            return np.flip(np.ascontiguousarray(np.flip(array, axis)), axis)
        if kind == "fortran" and array.ndim > 0:
            return np.asfortranarray(array)
        if kind == "offset":
            flat = np.empty(array.size + 3, array.dtype)
            flat[3:] = array.ravel()
            return flat[3:].reshape(array.shape)
        if kind == "repeated" and array.ndim > 0 and array.shape[0] > 1:
            return np.broadcast_to(array[:1], array.shape)
        if kind == "read-only":
            array = array.copy()
            array.flags.writeable = False
        return array

    def array(self, shape, dtype, low=-3.0, high=3.0, special=False):
        return self.laid(self.values(shape, dtype, low, high, special))

    def floats(self, *shape, dtype=np.float32, scale=1.0):
        return self.laid((scale * self.random.normal(size=shape)).astype(dtype))

    def codes(self, shape, dtype):
        """8-bit codes that use their whole range."""
        info = np.iinfo(dtype)
        return self.laid(self.random.integers(info.min, info.max, shape, endpoint=True).astype(dtype))
