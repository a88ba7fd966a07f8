#include "quantick/tensor/random_array.h"

#include <algorithm>
#include <vector>

namespace quantick {
namespace {

constexpr double kMostDeviations = 4;

template <class Draw>
Array drawn(const Shape& shape, const Draw& draw) {
  std::vector<float> values(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(draw(i));
  return Array::from(values, shape);
}

}  // namespace

Array uniform_array(const Shape& shape, double low, double high, const Key& key) {
  return drawn(shape, [&](size_t i) { return low + (high - low) * key.uniform(i); });
}

Array normal_array(const Shape& shape, double scale, const Key& key) {
  return drawn(shape, [&](size_t i) { return scale * std::clamp(key.normal(i), -kMostDeviations, kMostDeviations); });
}

}  // namespace quantick
