#include "quantick/kernels/activation/vector_avx2.h"
#include "quantick/kernels/gru_cell_f32/gru_cell_f32_rows.h"

namespace quantick::kernels {

void gru_cell_forward_avx2(const GruCellForward& call) { gru_cell_forward_rows<Vector>(call); }
void gru_cell_backward_avx2(const GruCellBackward& call) { gru_cell_backward_rows<Vector>(call); }

}  // namespace quantick::kernels
