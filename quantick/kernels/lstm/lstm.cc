#include "quantick/kernels/lstm/lstm.h"

namespace quantick::kernels {
namespace {

constexpr KernelList<LstmCellRun> kCell{lstm_cell_scalar, lstm_cell_avx2, lstm_cell_avx512vnni};
constexpr KernelList<const TileKernels*> kTiles{nullptr, nullptr, &kLstmTilesAvx512vnni};

LstmCell cell_of(const LstmSpec& spec) {
  LstmCell cell{.units = spec.units};
  constexpr const char* kNames[] = {"input gate", "forget gate", "cell candidate", "output gate"};
  for (int g = 0; g < 4; ++g) cell.gates[g] = make_narrowing(spec.gate_bits[g], 1, "lstm", kNames[g]);
  cell.state = make_narrowing(spec.cell_bits, spec.cell_top, "lstm", "cell");
  cell.narrow = cell.state.on;
  for (const Narrowing& gate : cell.gates) cell.narrow |= gate.on;
  return cell;
}

}  // namespace

LstmKernel::LstmKernel(const LstmSpec& spec, Isa isa)
    : RecurrentKernel({.gates = 4,
                       .inputs = spec.inputs,
                       .units = spec.units,
                       .x_bits = spec.x_bits,
                       .h_bits = spec.h_bits,
                       .wx = spec.wx,
                       .wh = spec.wh,
                       .bx = spec.bx,
                       .sx = spec.sx,
                       .sh = spec.sh,
                       .forms = spec.forms,
                       .memory = spec.memory},
                      cell_of(spec), kCell, lstm_cell_counted, kTiles, "lstm", isa) {}

}  // namespace quantick::kernels
