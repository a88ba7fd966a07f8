// The oracle of the float boundary and the residual sum.
#include <cmath>

#include "quantick/kernels/quantize/quantize_kernels.h"
#include "quantick/kernels/quantize/requantize.h"

namespace quantick::kernels {
namespace {

template <class Code>
void quantize(const float* x, int64_t n, float scale, ResultRange range, Code* q) {
  for (int64_t i = 0; i < n; ++i)
    q[i] = static_cast<Code>(round_to_limits(x[i] / scale, {range.low, range.high, range.zero}));
}

template <class Code>
void dequantize(const Code* q, int64_t n, float scale, int32_t zero, float* x) {
  for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(q[i] - zero) * scale;
}

template <class Code>
void add(const Code* a, AddOperand of_a, const Code* b, AddOperand of_b, int64_t n, ResultRange range, Code* y) {
  for (int64_t i = 0; i < n; ++i)
    y[i] = static_cast<Code>(
        requantize2(a[i] - of_a.zero, of_a.scale, b[i] - of_b.zero, of_b.scale, {range.low, range.high, range.zero}));
}

}  // namespace

float max_abs_scalar(const float* x, int64_t n) {
  float most = 0;
  for (int64_t i = 0; i < n; ++i)
    if (std::abs(x[i]) > most) most = std::abs(x[i]);
  return most;
}

constinit const QuantizeKernels<int8_t> kQuantizeS8Scalar{quantize<int8_t>, dequantize<int8_t>, add<int8_t>};
constinit const QuantizeKernels<int16_t> kQuantizeS16Scalar{quantize<int16_t>, dequantize<int16_t>, add<int16_t>};

}  // namespace quantick::kernels
