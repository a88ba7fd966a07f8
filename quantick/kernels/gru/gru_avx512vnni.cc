#include "quantick/kernels/activation/vector_avx512vnni.h"
#include "quantick/kernels/gru/gru_units.h"
#include "quantick/kernels/recurrent/recurrent_tiles_avx512vnni.h"

namespace quantick::kernels {

void gru_cell_avx512vnni(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* s, int16_t* h) {
  cell_rows<GruUnits<Vector, false>>(cell, px, ph, n, s, h);
}

const TileKernels kGruTilesAvx512vnni{tile_products<3>, tile_finish<GruUnits, Vector, true>,
                                      tile_finish<GruUnits, Vector, false>};

}  // namespace quantick::kernels
