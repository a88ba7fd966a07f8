#include "quantick/kernels/gru_cell_f32/gru_cell_f32.h"

#include "quantick/kernels/dispatch.h"

namespace quantick::kernels {
namespace {
constexpr KernelList<void (*)(const GruCellForward&)> kForward = {gru_cell_forward_scalar, gru_cell_forward_avx2,
                                                                  gru_cell_forward_avx512vnni};
constexpr KernelList<void (*)(const GruCellBackward&)> kBackward = {gru_cell_backward_scalar, gru_cell_backward_avx2,
                                                                    gru_cell_backward_avx512vnni};
}  // namespace

void gru_cell_forward(const GruCellForward& call, Isa isa) noexcept { kForward[isa](call); }
void gru_cell_backward(const GruCellBackward& call, Isa isa) noexcept { kBackward[isa](call); }

}  // namespace quantick::kernels
