#pragma once
// One quantized GRU layer in the reset-after form of PyTorch and cuDNN (docs/numerics.md, section 5), for n
// independent rows; its calls are those of RecurrentKernel.
#include <array>
#include <cstdint>

#include "quantick/kernels/recurrent/recurrent_kernel.h"

namespace quantick::kernels {

struct GruSpec {
  int64_t inputs = 0;
  int64_t units = 0;
  int x_bits = 8;                                // 8 or 16
  const int8_t* wx = nullptr;                    // [3 units, inputs], gate-major r, z, n
  const int8_t* wh = nullptr;                    // [3 units, units]
  const int64_t* bx = nullptr;                   // [3 units], in the unit of the input product, zero point folded in
  const int64_t* bh = nullptr;                   // [units] of n, in the unit of the recurrent product: inside r * (...)
  const float* sx = nullptr;                     // [3 units]: s_x * s_wx
  const float* sh = nullptr;                     // [3 units]: s_h * s_wh, s_h = 2^-15, or 2^-7 where h_bits is 8
  std::array<int, 3> gate_bits{24, 24, 24};      // kept of r, z, n: 2..24, 24 is float32
  int state_bits = 24;                           // kept of the state, over [-1, 1): 2..24, 24 is float32
  int h_bits = 16;                               // what the recurrent product reads of h: 16 or 8
  RecurrentForms forms = {};                     // bias_h, where given, has 0 for r and z
  std::shared_ptr<LargePages> memory = nullptr;  // where packed weights go; null: memory of the kernel\'s own
};

/// The state s is float32 [n, units] and h [n, units] its int16 Q0.15, which every step writes anew.
class GruKernel : public RecurrentKernel {
 public:
  /// Reads the spec's arrays and keeps none of them. Throws ValueError for widths, scales, sizes or sums out of range.
  explicit GruKernel(const GruSpec& spec, Isa isa = active_isa());
};

}  // namespace quantick::kernels
