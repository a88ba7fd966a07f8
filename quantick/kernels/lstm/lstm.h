#pragma once
// One quantized LSTM layer (docs/numerics.md, section 4), for n independent rows: instruments on the tick path, samples
// of a batch. Its calls are those of RecurrentKernel.
#include <array>
#include <cstdint>

#include "quantick/kernels/lstm/lstm_cell.h"
#include "quantick/kernels/recurrent/recurrent_kernel.h"

namespace quantick::kernels {

struct LstmSpec {
  int64_t inputs = 0;
  int64_t units = 0;
  int x_bits = 8;                                // 8 or 16
  const int8_t* wx = nullptr;                    // [4 units, inputs], gate-major i, f, g, o
  const int8_t* wh = nullptr;                    // [4 units, units]
  const int64_t* bx = nullptr;                   // [4 units], in the unit of the input product, zero point folded in
  const float* sx = nullptr;                     // [4 units]: s_x * s_wx
  const float* sh = nullptr;                     // [4 units]: s_h * s_wh, s_h = 2^-15, or 2^-7 where h_bits is 8
  std::array<int, 4> gate_bits{24, 24, 24, 24};  // kept of i, f, g, o: 2..24, 24 is float32
  int cell_bits = 24;                            // kept of the cell: 2..24, 24 is float32
  float cell_top = 1;                            // range of a narrowed cell, a power of two
  int h_bits = 16;                               // what the recurrent product reads of h: 16 or 8
  RecurrentForms forms = {};
  std::shared_ptr<LargePages> memory = nullptr;  // where packed weights go; null: memory of the kernel\'s own
};

/// The state c is float32 [n, units], the hidden state h [n, units] int16 Q0.15.
class LstmKernel : public RecurrentKernel {
 public:
  /// Reads the spec's arrays and keeps none of them. Throws ValueError for widths, scales, sizes or sums out of range.
  explicit LstmKernel(const LstmSpec& spec, Isa isa = active_isa());
};

}  // namespace quantick::kernels
