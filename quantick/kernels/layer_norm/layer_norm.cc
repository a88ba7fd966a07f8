#include "quantick/kernels/layer_norm/layer_norm.h"

#include <cmath>

#include "quantick/kernels/dispatch.h"
#include "quantick/kernels/lane_sum.h"

namespace quantick::kernels {
namespace {

using RowKernel = RowMoments (*)(const float*, int64_t, const float*, const float*, float, float*);
constexpr KernelList<RowKernel> kRow{layer_norm_row_f32_scalar, layer_norm_row_f32_avx2, layer_norm_row_f32_avx512vnni};

}  // namespace

RowMoments layer_norm_row_f32_scalar(const float* x, int64_t n, const float* gamma, const float* beta, float epsilon,
                                     float* y) {
  const float count = static_cast<float>(n);
  const float mean = lane_sum(n, [&](int64_t k) { return x[k]; }) / count;
  const float squares = lane_sum(n, [&](int64_t k) {
    const float d = x[k] - mean;
    return d * d;
  });
  const float rstd = 1.0f / std::sqrt(squares / count + epsilon);
  for (int64_t k = 0; k < n; ++k) {
    const float scaled = ((x[k] - mean) * rstd) * gamma[k];
    y[k] = scaled + beta[k];
  }
  return {mean, rstd};
}

void layer_norm_f32(const float* x, int64_t rows, int64_t n, const float* gamma, const float* beta, float epsilon,
                    float* y, float* mean, float* rstd, Isa isa) noexcept {
  const RowKernel row = kRow[isa];
  for (int64_t r = 0; r < rows; ++r) {
    const RowMoments moments = row(x + r * n, n, gamma, beta, epsilon, y + r * n);
    if (mean) mean[r] = moments.mean;
    if (rstd) rstd[r] = moments.rstd;
  }
}

}  // namespace quantick::kernels
