#pragma once
// One quantized LSTM layer (docs/numerics.md, section 4), for n independent rows: instruments on the tick path, samples
// of a batch. Every instruction set gives the same bits; the bits of a row depend neither on n nor on whether a window
// is run at once or step by step.
#include <array>
#include <cstddef>
#include <cstdint>

#include "quantick/core/cpu.h"
#include "quantick/kernels/dense/dense.h"
#include "quantick/kernels/lstm/lstm_cell.h"

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
};

/// Events of the counting entry.
struct LstmCounters {
  int64_t saturations = 0;  // a hidden value, narrowed gate or narrowed cell that met its limit and was clamped
  int64_t dead_zone = 0;    // i * g was not 0, yet the cell did not change
};

class LstmKernel {
 public:
  /// Reads the spec's arrays and keeps none of them. Throws ValueError for widths, scales, sizes or sums out of range.
  explicit LstmKernel(const LstmSpec& spec, Isa isa = active_isa());

  // No call below allocates, locks or throws. The caller's float mode must be nearest-even with denormals kept
  // (core/float_mode.h). Scratch: scratch_bytes() per thread, aligned to 64 bytes for best speed, at least to 8.

  /// One step: x [n, inputs] int8 or int16; h [n, units] int16 Q0.15 and c [n, units] are replaced.
  void step(const void* x, int16_t* h, float* c, int64_t n, void* scratch) const noexcept;

  /// The same bits, counting events into `counters`; slower.
  void step_counted(const void* x, int16_t* h, float* c, int64_t n, void* scratch,
                    LstmCounters& counters) const noexcept;

  /// A step in two halves, n <= kDenseBlock: prepare does all that needs no x and leaves it in scratch, which finish
  /// reads.
  void prepare(const int16_t* h, int64_t n, void* scratch) const noexcept;
  void finish(const void* x, int16_t* h, float* c, int64_t n, void* scratch) const noexcept;

  /// A time-major window x [steps, n, inputs]; h and c carry the state in and out; h_out [steps, n, units] or null.
  void run(const void* x, int64_t steps, int64_t n, int16_t* h_out, int16_t* h, float* c, void* scratch) const noexcept;

  size_t scratch_bytes() const { return scratch_bytes_; }
  int64_t inputs() const { return x_product_.cols(); }
  int64_t units() const { return cell_.units; }
  int x_bits() const { return x_product_.x_bits(); }
  Isa isa() const { return isa_; }
  /// Bytes of packed weights: what a step of one row streams.
  size_t packed_bytes() const { return x_product_.packed_bytes() + h_product_.packed_bytes(); }

 private:
  struct Scratch {
    float* px;      // [kDenseBlock, 4 units]
    float* ph;      // [kDenseBlock, 4 units]
    int8_t* h8;     // [kDenseBlock, units]
    void* product;  // of the two Dense kernels
  };
  Scratch split(void* scratch) const noexcept;

  Isa isa_;
  LstmCell cell_;
  LstmCellRun cell_run_;
  HiddenView hidden_view_;  // null where the product reads all 16 bits
  DenseKernel x_product_, h_product_;
  size_t scratch_bytes_;
};

}  // namespace quantick::kernels
