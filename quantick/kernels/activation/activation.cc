#include "quantick/kernels/activation/activation.h"

#include "quantick/kernels/activation/pieces.h"
#include "quantick/kernels/dispatch.h"

namespace quantick::kernels {
namespace {

using Function = void (*)(const float*, float*, int64_t);
constexpr KernelList<Function> kSigmoid{sigmoid_f32_scalar, sigmoid_f32_avx2, sigmoid_f32_avx512vnni};
constexpr KernelList<Function> kTanh{tanh_f32_scalar, tanh_f32_avx2, tanh_f32_avx512vnni};
constexpr KernelList<Function> kErf{erf_f32_scalar, erf_f32_avx2, erf_f32_avx512vnni};

}  // namespace

void sigmoid_f32_scalar(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = sigmoid1(x[i]);
}

void tanh_f32_scalar(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = tanh1(x[i]);
}

void erf_f32_scalar(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = erf1(x[i]);
}

void sigmoid_f32(const float* x, float* y, int64_t n, Isa isa) noexcept { kSigmoid[isa](x, y, n); }
void tanh_f32(const float* x, float* y, int64_t n, Isa isa) noexcept { kTanh[isa](x, y, n); }
void erf_f32(const float* x, float* y, int64_t n, Isa isa) noexcept { kErf[isa](x, y, n); }

}  // namespace quantick::kernels
