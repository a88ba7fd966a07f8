#include "quantick/kernels/quantize/quantize.h"

#include <algorithm>

#include "quantick/kernels/dispatch.h"
#include "quantick/kernels/quantize/quantize_kernels.h"
#include "quantick/kernels/quantize/requantize.h"

namespace quantick::kernels {
namespace {

constexpr KernelList<const QuantizeKernels<int8_t>*> kS8{&kQuantizeS8Scalar, &kQuantizeS8Avx2, &kQuantizeS8Avx512vnni};
constexpr KernelList<const QuantizeKernels<int16_t>*> kS16{&kQuantizeS16Scalar, &kQuantizeS16Avx2,
                                                           &kQuantizeS16Avx512vnni};
constexpr KernelList<MaxAbs> kMaxAbs{max_abs_scalar, max_abs_avx2, max_abs_avx512vnni};

ResultRange range(int bits, int32_t zero) {
  const OutputLimits limits = output_limits(bits, zero);
  return {limits.low, limits.high, limits.zero};
}

}  // namespace

void quantize_s8(const float* x, int64_t n, float scale, int32_t zero, int8_t* q, Isa isa) noexcept {
  kS8[isa]->quantize(x, n, scale, range(8, zero), q);
}
void quantize_s16(const float* x, int64_t n, float scale, int32_t zero, int16_t* q, Isa isa) noexcept {
  kS16[isa]->quantize(x, n, scale, range(16, zero), q);
}

void dequantize_s8(const int8_t* q, int64_t n, float scale, int32_t zero, float* x, Isa isa) noexcept {
  kS8[isa]->dequantize(q, n, scale, zero, x);
}
void dequantize_s16(const int16_t* q, int64_t n, float scale, int32_t zero, float* x, Isa isa) noexcept {
  kS16[isa]->dequantize(q, n, scale, zero, x);
}

float max_abs(const float* x, int64_t n, Isa isa) noexcept { return kMaxAbs[isa](x, n); }

float dynamic_scale(float maximum) noexcept { return maximum < 0x1p-100f ? 1.0f : maximum / 127.0f; }

void dynamic_scales(const float* x, int64_t rows, int64_t width, float* scales, Isa isa) noexcept {
  for (int64_t i = 0; i < rows; ++i) scales[i] = dynamic_scale(kMaxAbs[isa](x + i * width, width));
}

void decaying_scales(const float* x, int64_t steps, int64_t rows, int64_t width, float decay, float* maxima,
                     float* scales, Isa isa) noexcept {
  for (int64_t t = 0; t < steps; ++t)
    for (int64_t i = 0; i < rows; ++i, x += width, ++scales) {
      maxima[i] = std::max(kMaxAbs[isa](x, width), decay * maxima[i]);
      *scales = dynamic_scale(maxima[i]);
    }
}

void quantize_symmetric_s8(const float* x, int64_t n, float scale, int8_t* q, Isa isa) noexcept {
  kS8[isa]->quantize(x, n, scale, {-127.0f, 127.0f, 0}, q);
}

void add_s8(const int8_t* a, AddOperand of_a, const int8_t* b, AddOperand of_b, int64_t n, int32_t zero_y, int8_t* y,
            Isa isa) noexcept {
  kS8[isa]->add(a, of_a, b, of_b, n, range(8, zero_y), y);
}
void add_s16(const int16_t* a, AddOperand of_a, const int16_t* b, AddOperand of_b, int64_t n, int32_t zero_y,
             int16_t* y, Isa isa) noexcept {
  kS16[isa]->add(a, of_a, b, of_b, n, range(16, zero_y), y);
}

}  // namespace quantick::kernels
