#include "quantick/ops/recurrent/lstm_node.h"

#include <optional>

#include "quantick/core/error.h"
#include "quantick/kernels/lstm/lstm.h"
#include "quantick/kernels/lstm_cell_f32/lstm_cell_f32.h"
#include "quantick/ops/define.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/recurrent/recurrent_float_node.h"
#include "quantick/ops/recurrent/recurrent_node.h"

namespace quantick {
namespace {

constexpr int64_t kGates = 4;

/// Float32 products, cell and output (weight_only, float32).
class LstmFloatNode : public RecurrentFloatNode {
 public:
  LstmFloatNode(const PrepareCall& call, bool projected)
      : RecurrentFloatNode(call, kGates, true, projected ? "lstm_projection" : "lstm"), bias_(call.constant("bias")) {
    QTK_CHECK(
        bias_.shape() == Shape{kGates * units_} && bias_.dtype() == DType::f32 && (projected || units_ == hidden_),
        FormatError, "[lstm] bias, was {}, expected float32 of 4 per unit, for {} units", bias_.type().text(), hidden_);
    if (!projected) return;
    projection_.emplace(call, "wr", units_);
    check_extent("lstm_projection", "rows of wr", projection_->rows(), hidden_);
  }

 private:
  void cell(const Cell& call) const noexcept override {
    kernels::lstm_cell_forward({.rows = call.rows,
                                .units = units_,
                                .gates = call.px,
                                .ph = call.ph,
                                .bias = bias_.data<float>(),
                                .c_before = call.c,
                                .c = call.c,
                                .h = projection_ ? call.raw : call.h,
                                .h_stride = units_},
                               isa_);
    if (projection_) projection_->run(call.raw, call.rows, call.h);
  }

  Array bias_;
  std::optional<FloatProduct> projection_;
};

std::vector<NamedArray> lower_layer(const LowerCall& call, bool projected) {
  const std::string who = lowering_name(projected ? "lstm_projection" : "lstm", call);
  const size_t h0 = projected ? 5 : 4;
  QTK_CHECK(!parameter_of(call, h0).defined() && !parameter_of(call, h0 + 1).defined(), UnsupportedError,
            "[{}] h0 and c0 have no fixed-bits form: the state starts at zero", who);
  RecurrentParameters parameters{.gates = kGates, .w_x = parameter_of(call, 0), .w_h = parameter_of(call, 1)};
  const int64_t rows = parameters.w_h.shape()[0];
  parameters.bias_x = parameter_values(parameter_of(call, 2), rows);
  const std::vector<double> second = parameter_values(parameter_of(call, 3), rows);
  for (size_t i = 0; i < second.size(); ++i) parameters.bias_x[i] += second[i];
  if (projected) parameters.w_r = parameter_of(call, 4);
  if (!call.precision.real()) return lower_recurrent(call, parameters, who);
  std::vector<NamedArray> out = lower_real_recurrent(call, parameters, who);
  out.push_back({"bias", Array::from(real_bias(parameters.bias_x, 1, who))});
  return out;
}

std::unique_ptr<IntegerNode> prepare_layer(const PrepareCall& call, bool projected) {
  if (call.precision.real()) return std::make_unique<LstmFloatNode>(call, projected);
  const std::string_view name = projected ? "lstm_projection" : "lstm";
  QTK_CHECK(call.has_constant("wr") == projected, FormatError, "[{}] constant wr, which the projection has, alone",
            name);
  const RecurrentConstants constants(call, kGates, name);
  auto spec = constants.spec<kernels::LstmSpec>(call);
  spec.cell_bits = static_cast<int>(call.precision.state_bits);
  spec.cell_top = static_cast<float>(call.precision.state_top);
  return make_recurrent_node(call, constants, kernels::LstmKernel(spec));
}

}  // namespace

std::vector<NamedArray> lower_lstm(const LowerCall& call) { return lower_layer(call, false); }
std::vector<NamedArray> lower_lstm_projection(const LowerCall& call) { return lower_layer(call, true); }

std::unique_ptr<IntegerNode> prepare_lstm(const PrepareCall& call) { return prepare_layer(call, false); }
std::unique_ptr<IntegerNode> prepare_lstm_projection(const PrepareCall& call) { return prepare_layer(call, true); }

}  // namespace quantick
