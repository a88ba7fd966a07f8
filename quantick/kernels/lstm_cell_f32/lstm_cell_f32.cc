#include "quantick/kernels/lstm_cell_f32/lstm_cell_f32.h"

#include "quantick/kernels/dispatch.h"

namespace quantick::kernels {
namespace {
constexpr KernelList<void (*)(const LstmCellForward&)> kForward = {lstm_cell_forward_scalar, lstm_cell_forward_avx2,
                                                                   lstm_cell_forward_avx512vnni};
constexpr KernelList<void (*)(const LstmCellBackward&)> kBackward = {lstm_cell_backward_scalar, lstm_cell_backward_avx2,
                                                                     lstm_cell_backward_avx512vnni};
}  // namespace

void lstm_cell_forward(const LstmCellForward& call, Isa isa) noexcept { kForward[isa](call); }
void lstm_cell_backward(const LstmCellBackward& call, Isa isa) noexcept { kBackward[isa](call); }

}  // namespace quantick::kernels
