// The oracle of the Dense layer: 64-bit sums over the canonical weights.
#include "quantick/kernels/dense/dense_plan.h"
#include "quantick/kernels/quantize/requantize.h"

namespace quantick::kernels {
namespace {

template <class X>
void run(const DensePlan& plan, const int32_t* before, const X* x, int64_t n, void* y) {
  const OutputLimits limits{plan.low, plan.high, plan.zero};
  for (int64_t i = 0; i < n; ++i)
    for (int64_t r = 0; r < plan.rows; ++r) {
      const int8_t* row = plan.weights + r * plan.cols;
      const X* input = x + i * plan.cols;
      int64_t sum = plan.bias[r];
      for (int64_t k = 0; k < plan.cols; ++k) sum += int32_t{row[k]} * int32_t{input[k]};
      const int64_t at = i * plan.rows + r;
      if (before) sum += before[at];
      if (plan.raw)
        static_cast<int32_t*>(y)[at] = static_cast<int32_t>(sum);
      else if (plan.y_bits == 32)
        static_cast<float*>(y)[at] = static_cast<float>(sum) * plan.scale[r];
      else if (plan.y_bits == 16)
        static_cast<int16_t*>(y)[at] = static_cast<int16_t>(requantize(sum, plan.scale[r], limits));
      else
        static_cast<int8_t*>(y)[at] = static_cast<int8_t>(requantize(sum, plan.scale[r], limits));
    }
}

}  // namespace

void dense_s8_scalar(const DensePlan& plan, const int32_t* before, const void* x, int64_t n, void* y, void*) {
  if (plan.x_bits == 16)
    run(plan, before, static_cast<const int16_t*>(x), n, y);
  else
    run(plan, before, static_cast<const int8_t*>(x), n, y);
}

}  // namespace quantick::kernels
