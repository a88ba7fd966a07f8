#pragma once
// The frame of a quantized recurrent layer, for n independent rows: two integer products and a cell between them and
// the state. LstmKernel and GruKernel are this class with their cells. Every instruction set gives the same bits; the
// bits of a row depend neither on n nor on whether a window is run at once or step by step.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "quantick/core/cpu.h"
#include "quantick/core/large_pages.h"
#include "quantick/kernels/dense/dense.h"
#include "quantick/kernels/dispatch.h"
#include "quantick/kernels/recurrent/packed_tiles.h"
#include "quantick/kernels/recurrent/recurrent_cell.h"

namespace quantick::kernels {

/// Other forms of the two products (DenseSpec): weights of more than 8 bits, groups of columns with a scale each, x in
/// float32 with a scale per row and step.
struct RecurrentForms {
  const int16_t* wx16 = nullptr;  // in place of wx
  const int16_t* wh16 = nullptr;  // in place of wh
  int64_t group_size = 0;         // columns that share a scale: sx, sh [gates * units, groups]; 0: whole rows
  int32_t zero_x = 0;             // with group_size, where x is not dynamic
  bool dynamic = false;           // x is float32; sx is s_wx alone
  const float* bias_x = nullptr;  // [gates * units] float32, in place of bx with group_size or dynamic
  const float* bias_h = nullptr;  // [gates * units] float32 or null, in place of bh with group_size
  /// From the cell's int16 Q0.15 [units] to h, int16 of any scale, [projection->rows]: the width of h and the columns
  /// of wh. Null: h is what the cell gives.
  const DenseSpec* projection = nullptr;
};

/// The two products of a layer with `gates` gates: rows are gate-major, row = gate * units + unit.
struct RecurrentSpec {
  int gates = 0;
  int64_t inputs = 0;
  int64_t units = 0;
  int x_bits = 8;               // 8 or 16
  int h_bits = 16;              // what the recurrent product reads of h: 16 or 8
  const int8_t* wx = nullptr;   // [gates * units, inputs]
  const int8_t* wh = nullptr;   // [gates * units, width of h]
  const int64_t* bx = nullptr;  // [gates * units], in the unit of the input product, zero point folded in
  const int64_t* bh = nullptr;  // [gates * units], in the unit of the recurrent product; null: zeros
  const float* sx = nullptr;    // [gates * units]: s_x * s_wx
  const float* sh = nullptr;    // [gates * units]: s_h * s_wh, s_h = 2^-15, or 2^-7 where h_bits is 8
  RecurrentForms forms;
  std::shared_ptr<LargePages> memory;  // where packed weights go; null: memory of the kernel's own
};

/// Events of the counting calls.
struct RecurrentCounters {
  int64_t saturations = 0;  // a hidden value, narrowed gate or narrowed state that met its limit and was clamped
  int64_t dead_zone = 0;    // an update that was not 0, yet the state did not change
};

class RecurrentKernel {
 public:
  // No call below allocates, locks or throws. The caller's float mode must be nearest-even with denormals kept
  // (core/float_mode.h). Scratch: scratch_bytes() per thread, aligned to 64 bytes for best speed, at least to 8.
  // A dynamic layer runs by input_products and step_products alone.

  /// One step: x [n, inputs] int8 or int16; h [n, hidden] int16 Q0.15 (or as projected) and the state [n, units] are
  /// replaced. hidden() is units() but for a projection.
  void step(const void* x, int16_t* h, float* state, int64_t n, void* scratch) const noexcept;

  /// The same bits, adding events to `counters`; slower.
  void step_counted(const void* x, int16_t* h, float* state, int64_t n, void* scratch,
                    RecurrentCounters& counters) const noexcept;

  // The two products of a step by themselves, any n. Rows of px and ph are row_floats() long; how they lie in a row is
  // the kernel's own.
  /// px = f32(Wx x + bx) * sx of x [n, inputs].
  void input_products(const void* x, int64_t n, float* px, void* scratch) const noexcept;
  /// The same of a dynamic spec, row_scale [n]: px = f32(Wx q) * (row_scale * sx) + bias_x, q = RNE(x / row_scale).
  void input_products(const float* x, const float* row_scale, int64_t n, float* px, void* scratch) const noexcept;
  /// The first half of a step, all that needs no x: ph = f32(Wh h + bh) * sh.
  void prepare(const int16_t* h, int64_t n, float* ph, void* scratch) const noexcept;

  /// The second half, from what prepare left.
  void finish(const void* x, int16_t* h, float* state, int64_t n, const float* ph, void* scratch) const noexcept;
  /// The second half from both products. Adds events to `counters` where given, and is slower then.
  void finish_products(const float* px, int16_t* h, float* state, int64_t n, const float* ph, void* scratch,
                       RecurrentCounters* counters = nullptr) const noexcept;
  /// A step from px. Adds events to `counters` where given, and is slower then.
  void step_products(const float* px, int16_t* h, float* state, int64_t n, void* scratch,
                     RecurrentCounters* counters = nullptr) const noexcept;

  /// A time-major window x [steps, n, inputs]; h and the state are carried in and out; h_out [steps, n, hidden] or
  /// null.
  void run(const void* x, int64_t steps, int64_t n, int16_t* h_out, int16_t* h, float* state,
           void* scratch) const noexcept;

  size_t scratch_bytes() const { return scratch_bytes_; }
  /// Floats of a row of px and of ph.
  int64_t row_floats() const { return tiles_ ? tiles_->x.plan().count * kTileUnits * gates_ : gates_ * units(); }
  int64_t inputs() const { return inputs_; }
  int64_t units() const { return cell_.units; }
  int64_t hidden() const { return hidden_; }
  int64_t gates() const { return gates_; }
  int x_bits() const { return x_bits_; }
  Isa isa() const { return isa_; }
  /// Bytes of packed weights: what a step of one row streams, and what its second half does.
  size_t packed_bytes() const { return input_packed_bytes() + (tiles_ ? tiles_->h.bytes() : dense_->h.packed_bytes()); }
  size_t input_packed_bytes() const { return tiles_ ? tiles_->x.bytes() : dense_->x.packed_bytes(); }

 protected:
  /// Reads the arrays and keeps none of them. Throws ValueError, with `layer` in brackets, for widths, scales, sizes or
  /// sums out of range. `tiles` has null where an instruction set has no tile kernels.
  RecurrentKernel(const RecurrentSpec& spec, const RecurrentCell& cell, const KernelList<RecurrentCellRun>& runs,
                  RecurrentCellCounted counted, const KernelList<const TileKernels*>& tiles, const char* layer,
                  Isa isa);

 private:
  // Two forms of the products. In tiles, for plain layers: the tick path, where the cell follows its products at once.
  // By DenseKernel, for all others: rows of px and ph are gate-major.
  struct Tiles {
    PackedTiles x, h;
    const TileKernels* kernels;
  };
  struct Dense {
    DenseKernel x, h;
    std::optional<DenseKernel> projection;
  };
  struct Scratch {
    float* px;      // [kDenseBlock, row_floats]
    float* ph;      // [kDenseBlock, row_floats]
    int16_t* raw;   // [kDenseBlock, units]: what a projection reads; before it, the int8 view of h
    void* product;  // of the kernels of the products; in counting calls of tiles, the products of one row
  };
  Scratch split(void* scratch) const noexcept;
  int64_t input_bytes() const { return inputs_ * x_bits_ / 8; }  // of a row of x
  /// One row from products in tiles, by the cells of gate-major rows.
  void cell_of_row(const float* px, const float* ph, float* state, int16_t* h, void* scratch,
                   RecurrentCounters* counters) const noexcept;

  Isa isa_;
  RecurrentCell cell_;
  RecurrentCellRun run_;
  RecurrentCellCounted counted_;
  HiddenView hidden_view_;  // null where the product reads all 16 bits
  int64_t inputs_, hidden_, gates_;
  int x_bits_;
  std::optional<Tiles> tiles_;
  std::optional<Dense> dense_;
  size_t scratch_bytes_;
};

}  // namespace quantick::kernels
