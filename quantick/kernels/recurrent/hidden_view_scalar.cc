#include "quantick/kernels/recurrent/recurrent_cell.h"

namespace quantick::kernels {

void hidden_s8_scalar(const int16_t* h, int64_t n, int8_t* out) {
  for (int64_t i = 0; i < n; ++i) {
    const int v = (h[i] + 128) >> 8;
    out[i] = static_cast<int8_t>(v < 127 ? v : 127);
  }
}

}  // namespace quantick::kernels
