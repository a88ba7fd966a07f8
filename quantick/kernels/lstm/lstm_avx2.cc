#include "quantick/kernels/activation/vector_avx2.h"
#include "quantick/kernels/lstm/lstm_units.h"

namespace quantick::kernels {

void lstm_cell_avx2(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h) {
  cell_rows<LstmUnits<Vector, false>>(cell, px, ph, n, c, h);
}

}  // namespace quantick::kernels
