#pragma once
// The array kernels behind quantize.h, one set per instruction set; `Code` is int8_t or int16_t.
#include <cstdint>

#include "quantick/kernels/quantize/quantize.h"

namespace quantick::kernels {

/// Limits of a result less its zero point (requantize.h), passed as plain numbers.
struct ResultRange {
  float low, high;
  int32_t zero;
};

template <class Code>
struct QuantizeKernels {
  void (*quantize)(const float* x, int64_t n, float scale, ResultRange range, Code* q);
  void (*dequantize)(const Code* q, int64_t n, float scale, int32_t zero, float* x);
  void (*add)(const Code* a, AddOperand of_a, const Code* b, AddOperand of_b, int64_t n, ResultRange range, Code* y);
};

using MaxAbs = float (*)(const float* x, int64_t n);
float max_abs_scalar(const float* x, int64_t n);
float max_abs_avx2(const float* x, int64_t n);
float max_abs_avx512vnni(const float* x, int64_t n);

extern const QuantizeKernels<int8_t> kQuantizeS8Scalar, kQuantizeS8Avx2, kQuantizeS8Avx512vnni;
extern const QuantizeKernels<int16_t> kQuantizeS16Scalar, kQuantizeS16Avx2, kQuantizeS16Avx512vnni;

}  // namespace quantick::kernels
