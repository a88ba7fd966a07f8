#include "quantick/kernels/gru/gru.h"

#include <algorithm>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/kernels/gru/gru_cell.h"

namespace quantick::kernels {
namespace {

constexpr KernelList<RecurrentCellRun> kCell{gru_cell_scalar, gru_cell_avx2, gru_cell_avx512vnni};
constexpr KernelList<const TileKernels*> kTiles{nullptr, nullptr, &kGruTilesAvx512vnni};

/// The bias of the recurrent product: zeros for r and z, whose two biases are one.
std::vector<int64_t> recurrent_bias(const GruSpec& spec) {
  QTK_CHECK(spec.units > 0 && (spec.bh != nullptr || spec.forms.bias_h != nullptr), ValueError,
            "[gru] units, were {}, expected at least 1 and a bias of n", spec.units);
  if (spec.bh == nullptr) return {};
  std::vector<int64_t> out(static_cast<size_t>(3 * spec.units), 0);
  std::copy_n(spec.bh, spec.units, out.begin() + 2 * spec.units);
  return out;
}

RecurrentCell cell_of(const GruSpec& spec) {
  RecurrentCell cell{.units = spec.units};
  constexpr const char* kNames[] = {"reset gate", "update gate", "candidate"};
  for (size_t g = 0; g < 3; ++g) cell.gates[g] = make_narrowing(spec.gate_bits[g], 1, "gru", kNames[g]);
  cell.state = make_narrowing(spec.state_bits, 1, "gru", "state");
  cell.narrow = cell.state.on;
  for (const Narrowing& gate : cell.gates) cell.narrow |= gate.on;
  return cell;
}

}  // namespace

GruKernel::GruKernel(const GruSpec& spec, Isa isa)
    : RecurrentKernel({.gates = 3,
                       .inputs = spec.inputs,
                       .units = spec.units,
                       .x_bits = spec.x_bits,
                       .h_bits = spec.h_bits,
                       .wx = spec.wx,
                       .wh = spec.wh,
                       .bx = spec.bx,
                       .bh = recurrent_bias(spec).data(),
                       .sx = spec.sx,
                       .sh = spec.sh,
                       .forms = spec.forms,
                       .memory = spec.memory},
                      cell_of(spec), kCell, gru_cell_counted, kTiles, "gru", isa) {}

}  // namespace quantick::kernels
