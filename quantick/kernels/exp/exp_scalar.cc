#include "quantick/kernels/exp/exp.h"
#include "quantick/kernels/exp/exp_value.h"

namespace quantick::kernels {

void exp_f32_scalar(const float* x, float* y, int64_t n) { exp_values(x, y, n); }

}  // namespace quantick::kernels
