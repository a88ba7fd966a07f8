#include "quantick/kernels/activation/vector_avx512vnni.h"
#include "quantick/kernels/lstm/lstm_units.h"
#include "quantick/kernels/recurrent/recurrent_tiles_avx512vnni.h"

namespace quantick::kernels {

void lstm_cell_avx512vnni(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* c,
                          int16_t* h) {
  cell_rows<LstmUnits<Vector, false>>(cell, px, ph, n, c, h);
}

// The two products of an LSTM are added: it does not matter which of them is fresh.
const TileKernels kLstmTilesAvx512vnni{tile_products<4>, tile_finish<LstmUnits, Vector, true>,
                                       tile_finish<LstmUnits, Vector, true>};

}  // namespace quantick::kernels
