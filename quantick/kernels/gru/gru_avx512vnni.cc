#include "quantick/kernels/activation/vector_avx512vnni.h"
#include "quantick/kernels/gru/gru_rows.h"

namespace quantick::kernels {

void gru_cell_avx512vnni(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* s, int16_t* h) {
  gru_cell_any<Vector>(cell, px, ph, n, s, h);
}

}  // namespace quantick::kernels
