#pragma once
// Random float32 arrays: element i is a function of (key, i) alone.
#include "quantick/core/rng.h"
#include "quantick/tensor/array.h"

namespace quantick {

/// Within [low, high).
Array uniform_array(const Shape& shape, double low, double high, const Key& key);

/// `scale` times standard normals cut at 4 deviations, so that no single draw decides a range.
Array normal_array(const Shape& shape, double scale, const Key& key);

}  // namespace quantick
