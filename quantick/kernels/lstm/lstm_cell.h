#pragma once
// The LSTM cell between the two integer products and the hidden state (docs/numerics.md, section 4), for any
// instruction set. Rows of px and ph are gate-major i, f, g, o: row = gate * units + unit.
#include "quantick/kernels/recurrent/recurrent_tiles.h"

namespace quantick::kernels {

using LstmCell = RecurrentCell;
using LstmCellRun = RecurrentCellRun;

void lstm_cell_scalar(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h);
void lstm_cell_avx2(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h);
void lstm_cell_avx512vnni(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h);

/// The scalar cell, which also counts (RecurrentCounters, recurrent_kernel.h).
void lstm_cell_counted(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h,
                       int64_t* saturations, int64_t* dead_zone);

extern const TileKernels kLstmTilesAvx512vnni;

}  // namespace quantick::kernels
