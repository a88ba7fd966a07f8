#pragma once
// A recurrent layer in float32 inside a fixed-bits program (methods weight_only and float32): the products of x and of
// h, each with its own sums, meet in the cell. Those of h need no input: they are the first half of a tick.
#include <string_view>
#include <vector>

#include "quantick/core/cpu.h"
#include "quantick/ops/float_product.h"
#include "quantick/ops/integer_form.h"

namespace quantick {

/// State of a batch, float32: the cells [batch, cells], where the layer has them, then the hidden values [batch, width
/// of h].
class RecurrentFloatNode : public IntegerNode {
 public:
  void run(const Call& call) const noexcept override;
  void prepare_step(const Call& call) const noexcept override;
  void finish_step(const Call& call) const noexcept override;
  int64_t pending_bytes() const override { return h_.rows() * kFloat; }
  int64_t state_bytes() const override { return (cells_ + hidden_) * kFloat; }
  std::vector<int64_t> state_parts() const override { return {cells_ * kFloat, hidden_ * kFloat}; }
  int64_t scratch_bytes(int64_t steps, int64_t batch) const override;

 protected:
  static constexpr int64_t kFloat = sizeof(float);

  /// Constants wx and wh, with `gates` rows per unit; `cells` of a row: its units, or 0 for none. Throws FormatError.
  RecurrentFloatNode(const PrepareCall& call, int64_t gates, bool has_cells, std::string_view who);

  /// One step of `rows` rows.
  struct Cell {
    int64_t rows;
    float* px;        ///< [rows, gates * units]: the products of x; may be overwritten
    const float* ph;  ///< [rows, gates * units]: the products of h
    float *c, *h;     ///< [rows, cells], [rows, width of h]: replaced by the next ones
    float* raw;       ///< [rows, units] to work in
  };
  virtual void cell(const Cell& call) const noexcept = 0;

  int64_t inputs_, hidden_, units_, cells_;
  Isa isa_ = active_isa();

 private:
  FloatProduct x_, h_;
};

}  // namespace quantick
