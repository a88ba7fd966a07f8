#include "quantick/kernels/activation/vector_avx2.h"
#include "quantick/kernels/lstm_cell_f32/lstm_cell_f32_rows.h"

namespace quantick::kernels {

void lstm_cell_forward_avx2(const LstmCellForward& call) { lstm_cell_forward_rows<Vector>(call); }
void lstm_cell_backward_avx2(const LstmCellBackward& call) { lstm_cell_backward_rows<Vector>(call); }

}  // namespace quantick::kernels
