#include "quantick/kernels/exp/exp.h"

#include "quantick/kernels/dispatch.h"
#include "quantick/kernels/exp/exp_value.h"
#include "quantick/kernels/lane_sum.h"

namespace quantick::kernels {
namespace {

constexpr KernelList<void (*)(const float*, float*, int64_t)> kExp{exp_f32_scalar, exp_f32_avx2, exp_f32_avx512vnni};

float largest(const float* x, int64_t n, int64_t stride) {
  float top = x[0];
  for (int64_t k = 1; k < n; ++k) top = x[k * stride] > top ? x[k * stride] : top;
  return top;
}

}  // namespace

void exp_f32(const float* x, float* y, int64_t n, Isa isa) noexcept { kExp[isa](x, y, n); }

void softmax_f32(const float* x, int64_t n, int64_t stride, float* y, Isa isa) noexcept {
  if (n == 0) return;
  const float top = largest(x, n, stride);
  for (int64_t k = 0; k < n; ++k) y[k * stride] = x[k * stride] - top;
  if (stride == 1)
    exp_f32(y, y, n, isa);
  else
    for (int64_t k = 0; k < n; ++k) y[k * stride] = exp_value(y[k * stride]);
  const float total = lane_sum(n, [=](int64_t k) { return y[k * stride]; });
  for (int64_t k = 0; k < n; ++k) y[k * stride] /= total;
}

void log_softmax_f32(const float* x, int64_t n, int64_t stride, float* y, Isa isa) noexcept {
  if (n == 0) return;
  const float top = largest(x, n, stride);
  constexpr int64_t kBlock = 16 * kSumLanes;
  // y still may be x: exponentials go through a block on the stack, added lane by lane as lane_sum has it.
  float block[kBlock], lanes[kSumLanes] = {};
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = n - begin < kBlock ? n - begin : kBlock;
    for (int64_t k = 0; k < count; ++k) block[k] = x[(begin + k) * stride] - top;
    exp_f32(block, block, count, isa);
    for (int64_t k = 0; k < count; ++k) lanes[k % kSumLanes] += block[k];
  }
  const float shift = log_value(fold_lanes(lanes));
  for (int64_t k = 0; k < n; ++k) y[k * stride] = (x[k * stride] - top) - shift;
}

}  // namespace quantick::kernels
