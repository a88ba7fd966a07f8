#include "quantick/kernels/activation/vector_avx2.h"
#include "quantick/kernels/gru/gru_units.h"

namespace quantick::kernels {

void gru_cell_avx2(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* s, int16_t* h) {
  cell_rows<GruUnits<Vector, false>>(cell, px, ph, n, s, h);
}

}  // namespace quantick::kernels
