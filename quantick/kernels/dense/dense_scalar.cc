// The oracle of the Dense layer: 64-bit sums over the canonical weights.
#include "quantick/kernels/dense/dense_plan.h"
#include "quantick/kernels/quantize/requantize.h"

namespace quantick::kernels {
namespace {

float real_result(const DensePlan& plan, const DenseCall& call, int64_t sum, int64_t i, int64_t r) {
  const float scale = call.row_scale ? call.row_scale[i] * plan.scale[r] : plan.scale[r];
  float v = static_cast<float>(sum) * scale;
  if (call.add) v = static_cast<const float*>(call.y)[i * plan.rows + r] + v;
  return plan.bias_real ? v + plan.bias_real[r] : v;
}

template <class X>
void run(const DensePlan& plan, const DenseCall& call) {
  const OutputLimits limits{plan.low, plan.high, plan.zero};
  for (int64_t i = 0; i < call.n; ++i)
    for (int64_t r = 0; r < plan.rows; ++r) {
      const int8_t* row = plan.weights + r * plan.cols;
      const X* input = reinterpret_cast<const X*>(static_cast<const char*>(call.x) + i * call.x_stride);
      int64_t sum = plan.bias[r];
      for (int64_t k = 0; k < plan.cols; ++k) sum += int32_t{row[k]} * int32_t{input[k]};
      const int64_t at = i * plan.rows + r;
      if (call.before) sum += call.before[at];
      if (plan.raw)
        static_cast<int32_t*>(call.y)[at] = static_cast<int32_t>(sum);
      else if (plan.y_bits == 32)
        static_cast<float*>(call.y)[at] = real_result(plan, call, sum, i, r);
      else if (plan.y_bits == 16)
        static_cast<int16_t*>(call.y)[at] = static_cast<int16_t>(requantize(sum, plan.scale[r], limits));
      else
        static_cast<int8_t*>(call.y)[at] = static_cast<int8_t>(requantize(sum, plan.scale[r], limits));
    }
}

}  // namespace

void dense_s8_scalar(const DensePlan& plan, const DenseCall& call) {
  if (plan.x_bits == 16)
    run<int16_t>(plan, call);
  else
    run<int8_t>(plan, call);
}

}  // namespace quantick::kernels
