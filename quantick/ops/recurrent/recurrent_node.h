#pragma once
// Layers with integer products and a float32 state in fixed-bits programs (docs/numerics.md, sections 4 and 5):
// constants and node of LSTM and GRU, whose kernels differ in the cell alone.
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "quantick/kernels/recurrent/recurrent_kernel.h"
#include "quantick/ops/integer_form.h"

namespace quantick {

/// Weights [gates * units, ...] and biases of a layer, in float.
struct RecurrentParameters {
  int64_t gates = 0;
  Array w_x, w_h;
  std::vector<double> bias_x;  ///< added to the input product
  std::vector<double> bias_h;  ///< added to the recurrent product; empty: none
  Array w_r;                   ///< projection of h [width of h, units], or undefined
};

/// Constants of a node with method static, dynamic or dynamic_decay: wx, sx, wh, sh, and the biases: bx and bh as
/// integers, or bias_x and bias_h in float32 where no integer goes (dynamic inputs, group-wise scales); with a
/// projection wr, sr and scale_r, the scale of h. Throws ValueError for widths, scales and sums out of range; `who`
/// stands in brackets.
std::vector<NamedArray> lower_recurrent(const LowerCall& call, const RecurrentParameters& parameters,
                                        std::string_view who);

/// Constants wx, wh and, with a projection, wr of a node with method weight_only or float32. Biases are the caller's.
std::vector<NamedArray> lower_real_recurrent(const LowerCall& call, const RecurrentParameters& parameters,
                                             std::string_view who);

/// The constants as kernels read them.
class RecurrentConstants {
 public:
  /// `layer` stands in brackets. Throws FormatError where they do not fit each other or the formats. A spec made here
  /// points into this object.
  RecurrentConstants(const PrepareCall& call, int64_t gates, std::string_view layer);
  RecurrentConstants(const RecurrentConstants&) = delete;
  RecurrentConstants& operator=(const RecurrentConstants&) = delete;

  bool dynamic() const { return forms_.dynamic; }
  /// Of h: Q0.15, or that of a projection.
  TensorFormat hidden_format() const { return hidden_format_; }
  const Array& bh() const { return bh_; }
  /// A spec of an LSTM or a GRU that points at them; widths of gates and state, and bh, are left to the caller.
  template <class Spec>
  Spec spec(const PrepareCall& call) const {
    Spec out;
    out.inputs = inputs_, out.units = units_;
    out.x_bits = forms_.dynamic ? 8 : call.inputs[0].bits();
    out.h_bits = static_cast<int>(call.precision.hidden_bits);
    if (wx_.dtype() == DType::i8) out.wx = wx_.template data<int8_t>();
    if (wh_.dtype() == DType::i8) out.wh = wh_.template data<int8_t>();
    if (bx_.defined()) out.bx = bx_.template data<int64_t>();
    out.sx = sx_.template data<float>(), out.sh = sh_.template data<float>();
    for (size_t g = 0; g < call.precision.gate_bits.size(); ++g)
      out.gate_bits[g] = static_cast<int>(call.precision.gate_bits[g]);
    out.forms = forms_;
    out.memory = call.memory;
    return out;
  }

 private:
  int64_t inputs_, hidden_, units_;
  Array wx_, wh_, sx_, sh_, bx_, bh_, bias_x_, bias_h_, wr_;
  TensorFormat hidden_format_ = kQ15;
  kernels::DenseSpec projection_;
  kernels::RecurrentForms forms_;
};

/// The node around a kernel (one of the kernels that derive from it, whose cell it has taken over).
std::unique_ptr<IntegerNode> make_recurrent_node(const PrepareCall& call, const RecurrentConstants& constants,
                                                 kernels::RecurrentKernel kernel);

/// Throws ValueError where a list of widths gate by gate has another length.
void check_gate_lists(const Precision& precision, int64_t gates, std::string_view who);

}  // namespace quantick
