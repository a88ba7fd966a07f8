#include "quantick/ops/recurrent/gru_node.h"

#include "quantick/core/error.h"
#include "quantick/kernels/gru/gru.h"
#include "quantick/kernels/gru_cell_f32/gru_cell_f32.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/recurrent/recurrent_float_node.h"
#include "quantick/ops/recurrent/recurrent_node.h"

namespace quantick {
namespace {

constexpr int64_t kGates = 3;

/// Float32 products, cell and output (weight_only, float32): the operator's own forward, in the same order of sums.
class GruFloatNode : public RecurrentFloatNode {
 public:
  explicit GruFloatNode(const PrepareCall& call)
      : RecurrentFloatNode(call, kGates, false, "gru"),
        bias_x_(call.constant("bias_x")),
        bias_h_(call.constant("bias_h")) {
    const auto is_row = [](const Array& x, int64_t size) {
      return x.shape() == Shape{size} && x.dtype() == DType::f32;
    };
    QTK_CHECK(is_row(bias_x_, kGates * units_) && is_row(bias_h_, units_) && units_ == hidden_, FormatError,
              "[gru] biases, were {} and {}, expected float32 of 3 and 1 per unit, for {} units", bias_x_.type().text(),
              bias_h_.type().text(), hidden_);
  }

 private:
  void cell(const Cell& call) const noexcept override {
    kernels::gru_cell_forward({.rows = call.rows,
                               .units = units_,
                               .gates = call.px,
                               .ph = call.ph,
                               .bias_x = bias_x_.data<float>(),
                               .bias_h = bias_h_.data<float>(),
                               .before = call.h,
                               .before_stride = units_,
                               .h = call.h},
                              isa_);
  }

  Array bias_x_, bias_h_;
};

}  // namespace

std::vector<NamedArray> lower_gru(const LowerCall& call) {
  const std::string who = lowering_name("gru", call);
  QTK_CHECK(!parameter_of(call, 4).defined(), UnsupportedError,
            "[{}] h0 has no fixed-bits form: the state starts at zero", who);
  const Precision& precision = call.precision;
  QTK_CHECK(precision.state_top == 1, ValueError, "[{}] state_top, was {}, expected 1: a GRU's state lies within +-1",
            who, precision.state_top);
  RecurrentParameters parameters{.gates = kGates, .w_x = parameter_of(call, 0), .w_h = parameter_of(call, 1)};
  const int64_t rows = parameters.w_h.shape()[0], units = rows / kGates;
  // Of r and z both biases are one; that of n stays inside the reset product.
  parameters.bias_x = parameter_values(parameter_of(call, 2), rows);
  parameters.bias_h = parameter_values(parameter_of(call, 3), rows);
  for (size_t i = 0; i < static_cast<size_t>(2 * units); ++i) {
    parameters.bias_x[i] += parameters.bias_h[i];
    parameters.bias_h[i] = 0;
  }
  if (!precision.real()) return lower_recurrent(call, parameters, who);
  std::vector<NamedArray> out = lower_real_recurrent(call, parameters, who);
  out.push_back({"bias_x", Array::from(real_bias(parameters.bias_x, 1, who))});
  const auto inner = std::span<const double>(parameters.bias_h).subspan(static_cast<size_t>(2 * units));
  out.push_back({"bias_h", Array::from(real_bias(inner, 1, who))});
  return out;
}

std::unique_ptr<IntegerNode> prepare_gru(const PrepareCall& call) {
  if (call.precision.real()) return std::make_unique<GruFloatNode>(call);
  QTK_CHECK(!call.has_constant("wr"), FormatError, "[gru] constant wr, which a GRU does not have");
  const RecurrentConstants constants(call, kGates, "gru");
  auto spec = constants.spec<kernels::GruSpec>(call);
  if (constants.bh().defined()) spec.bh = constants.bh().data<int64_t>() + 2 * spec.units;
  spec.state_bits = static_cast<int>(call.precision.state_bits);
  return make_recurrent_node(call, constants, kernels::GruKernel(spec));
}

}  // namespace quantick
