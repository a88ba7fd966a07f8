#pragma once
// The GRU cell between the two integer products and the hidden state (docs/numerics.md, section 5), for any
// instruction set. Rows of px and ph are gate-major r, z, n: row = gate * units + unit; the bias inside the reset
// product is in ph.
#include "quantick/kernels/recurrent/recurrent_tiles.h"

namespace quantick::kernels {

void gru_cell_scalar(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* s, int16_t* h);
void gru_cell_avx2(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* s, int16_t* h);
void gru_cell_avx512vnni(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* s, int16_t* h);

/// The scalar cell, which also counts (RecurrentCounters, recurrent_kernel.h).
void gru_cell_counted(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* s, int16_t* h,
                      int64_t* saturations, int64_t* dead_zone);

extern const TileKernels kGruTilesAvx512vnni;

}  // namespace quantick::kernels
