// Dense with several scales per row, or weights of more than 8 bits: 64-bit sums, and float32 steps in the order of
// docs/numerics.md, section 2. The oracle of groups, and for wide weights the one code of every instruction set.
#include "quantick/kernels/dense/dense_plan.h"
#include "quantick/kernels/quantize/requantize.h"

namespace quantick::kernels {
namespace {

template <class W, class X>
int64_t dot(const W* w, const X* x, int64_t n) {
  // Columns whose products surely fit int32 in sum; two factors of 16 bits fill it alone.
  constexpr int64_t kShort = sizeof(W) + sizeof(X) == 2 ? 1 << 16 : sizeof(W) + sizeof(X) == 3 ? 1 << 8 : 1;
  int64_t sum = 0;
  for (int64_t k = 0; k < n; k += kShort) {
    const int64_t end = n - k < kShort ? n : k + kShort;
    int32_t part = 0;
    for (int64_t j = k; j < end; ++j) part += int32_t{w[j]} * int32_t{x[j]};
    sum += part;
  }
  return sum;
}

template <class W, class X>
float result(const DenseGroupPlan& p, const W* weights, const X* x, int64_t row, float factor) {
  const W* w = weights + row * p.cols;
  float t = 0;
  for (int64_t g = 0; g < p.groups; ++g) {
    const int64_t first = g * p.group_size, left = p.cols - first, at = row * p.groups + g;
    const int64_t sum = p.start[at] + dot(w + first, x + first, left < p.group_size ? left : p.group_size);
    const float term = static_cast<float>(sum) * (factor * p.scale[at]);
    t = g == 0 ? term : t + term;
  }
  return p.bias ? t + p.bias[row] : t;
}

template <class W, class X>
void run(const DenseGroupPlan& p, const W* weights, const X* x, int64_t n, const float* row_scale, void* y) {
  const OutputLimits limits{p.low, p.high, p.zero};
  for (int64_t i = 0; i < n; ++i, x += p.cols)
    for (int64_t r = 0; r < p.rows; ++r) {
      const float v = result(p, weights, x, r, row_scale ? row_scale[i] : 1.0f);
      const int64_t at = i * p.rows + r;
      if (p.y_bits == 32)
        static_cast<float*>(y)[at] = v;
      else if (p.y_bits == 16)
        static_cast<int16_t*>(y)[at] = static_cast<int16_t>(round_to_limits(v, limits));
      else
        static_cast<int8_t*>(y)[at] = static_cast<int8_t>(round_to_limits(v, limits));
    }
}

template <class W>
void run(const DenseGroupPlan& p, const W* weights, const void* x, int64_t n, const float* row_scale, void* y) {
  if (p.x_bits == 16)
    run(p, weights, static_cast<const int16_t*>(x), n, row_scale, y);
  else
    run(p, weights, static_cast<const int8_t*>(x), n, row_scale, y);
}

}  // namespace

void dense_groups(const DenseGroupPlan& p, const void* x, int64_t n, const float* row_scale, void* y) {
  if (p.weights16)
    run(p, p.weights16, x, n, row_scale, y);
  else
    run(p, p.weights, x, n, row_scale, y);
}

}  // namespace quantick::kernels
