#pragma once
// What the tests of Dense share: keyed inputs, and a run of a kernel.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/kernels/dense/dense.h"

namespace quantick::kernels {

inline int64_t between(Key key, uint64_t i, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(key.below(i, static_cast<uint64_t>(high - low + 1)));
}

inline std::vector<int16_t> random_input(uint64_t seed, int64_t count, int bits) {
  const Key key = Key(seed).fold("dense input");
  const int64_t top = int64_t{1} << (bits - 1);
  std::vector<int16_t> x(count);
  for (int64_t i = 0; i < count; ++i)  // every ninth value at an end of the range
    x[i] = static_cast<int16_t>(i % 9 == 0 ? (i & 1 ? -top : top - 1) : between(key, i, -top, top - 1));
  return x;
}

/// Runs x [n, cols] (given as int16) and returns the raw bytes of y.
inline std::vector<char> run(const DenseKernel& kernel, const std::vector<int16_t>& x, int64_t n) {
  std::vector<int8_t> narrow(x.begin(), x.end());
  std::vector<char> y(n * kernel.rows() * kernel.y_bits() / 8 + 1, 0x5a), scratch(kernel.scratch_bytes());
  kernel.run(kernel.x_bits() == 8 ? static_cast<const void*>(narrow.data()) : x.data(), n, y.data(), scratch.data());
  EXPECT_EQ(y.back(), 0x5a) << "wrote past the end";
  return y;
}

}  // namespace quantick::kernels
