#pragma once
// Element-wise loops of nodes that have no kernel of their own.
#include <cstdint>

namespace quantick {

/// y[i] = f(x[i]...) in blocks of a length that the compiler knows, through memory that nothing overlaps: only such
/// loops become vectors at -O2 (g++ 12). y may be one of x.
template <class T, class F, class... X>
void map_blocks(int64_t n, T* y, F f, const X*... x) {
  constexpr int64_t kBlock = 16;
  int64_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    T block[kBlock];
    for (int64_t k = 0; k < kBlock; ++k) block[k] = f(x[i + k]...);
    for (int64_t k = 0; k < kBlock; ++k) y[i + k] = block[k];
  }
  for (; i < n; ++i) y[i] = f(x[i]...);
}

}  // namespace quantick
