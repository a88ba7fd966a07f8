#include "quantick/kernels/rms_norm/rms_norm.h"

#include <cmath>

#include "quantick/kernels/lane_sum.h"

namespace quantick::kernels {

void rms_norm_f32(const float* x, int64_t rows, int64_t n, const float* gamma, float epsilon, float* y,
                  float* rstd_out) noexcept {
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const float squares = lane_sum(n, [=](int64_t k) { return x[k] * x[k]; });
    const float rstd = 1.0f / std::sqrt(squares / static_cast<float>(n) + epsilon);
    for (int64_t k = 0; k < n; ++k) y[k] = (x[k] * rstd) * gamma[k];
    if (rstd_out) rstd_out[r] = rstd;
  }
}

}  // namespace quantick::kernels
