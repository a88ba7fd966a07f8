#include "quantick/ops/recurrent/lstm_node.h"

#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/kernels/gemm_f32/gemm.h"
#include "quantick/kernels/lstm/lstm.h"
#include "quantick/kernels/lstm_cell_f32/lstm_cell_f32.h"
#include "quantick/ops/define.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/recurrent/recurrent_node.h"

namespace quantick {
namespace {

constexpr int64_t kGates = 4;
/// Batch rows whose products are computed together.
constexpr int64_t kBlock = 64;

/// Float32 products, cell and output (weight_only, float32): the operator's own forward, in the same order of sums.
/// State of a batch: the cells [batch, units], then the hidden values [batch, width of h], float32.
class LstmFloatNode : public IntegerNode {
 public:
  LstmFloatNode(const PrepareCall& call, bool projected)
      : inputs_(call.input_types[0].shape.size()),
        hidden_(call.output_type.shape.size()),
        projected_(projected),
        bias_(call.constant("bias")) {
    QTK_CHECK(!call.inputs[0].quantized() && !call.output.quantized(), FormatError,
              "[lstm] input and output with method {}, expected float32", call.precision.method);
    const Array wx = real_weight(call, "wx", inputs_), wh = real_weight(call, "wh", hidden_);
    const int64_t rows = wh.shape()[0], width = inputs_ + hidden_;
    units_ = rows / kGates;
    QTK_CHECK(rows == kGates * units_ && wx.shape()[0] == rows && bias_.shape() == Shape{rows} &&
                  bias_.dtype() == DType::f32 && (projected || units_ == hidden_),
              FormatError, "[lstm] constants, were {}, {}, {}, expected 4 rows per unit", wx.type().text(),
              wh.type().text(), bias_.type().text());
    std::vector<float> joined(static_cast<size_t>(rows * width));
    for (int64_t r = 0; r < rows; ++r) {
      std::copy_n(wx.data<float>() + r * inputs_, inputs_, joined.data() + r * width);
      std::copy_n(wh.data<float>() + r * hidden_, hidden_, joined.data() + r * width + inputs_);
    }
    weights_.pack(true, width, rows, joined.data(), width);
    if (!projected) return;
    const Array wr = real_weight(call, "wr", units_);
    check_extent("lstm_projection", "rows of wr", wr.shape()[0], hidden_);
    projection_.pack(true, units_, hidden_, wr.data<float>(), units_);
  }

  void run(const Call& call) const noexcept override {
    auto* c = static_cast<float*>(call.state);
    float* h = c + call.batch * units_;
    const auto* x = static_cast<const float*>(call.inputs[0]);
    auto* y = static_cast<float*>(call.output);
    const int64_t width = inputs_ + hidden_;
    auto* xh = static_cast<float*>(call.scratch);
    float* gates = xh + kBlock * width;
    float* raw = gates + kBlock * kGates * units_;
    for (int64_t row = 0; row < call.batch; row += kBlock) {
      const int64_t rows = std::min(kBlock, call.batch - row);
      float *cell = c + row * units_, *h_here = h + row * hidden_;
      for (int64_t t = 0; t < call.steps; ++t) {
        const int64_t first = t * call.batch + row;
        for (int64_t r = 0; r < rows; ++r) {
          std::copy_n(x + (first + r) * inputs_, inputs_, xh + r * width);
          std::copy_n(h_here + r * hidden_, hidden_, xh + r * width + inputs_);
        }
        weights_.multiply(rows, xh, width, 1, 1.0f, false, gates, kGates * units_);
        float* to = projected_ ? raw : h_here;
        kernels::lstm_cell_forward({rows, units_, gates, bias_.data<float>(), cell, cell, to, units_}, isa_);
        if (projected_) projection_.multiply(rows, raw, units_, 1, 1.0f, false, h_here, hidden_);
        std::copy_n(h_here, rows * hidden_, y + first * hidden_);
      }
    }
  }

  int64_t state_bytes() const override { return (units_ + hidden_) * static_cast<int64_t>(sizeof(float)); }
  std::vector<int64_t> state_parts() const override {
    return {units_ * static_cast<int64_t>(sizeof(float)), hidden_ * static_cast<int64_t>(sizeof(float))};
  }
  void reset_state(void* state, int64_t batch, int64_t row) const noexcept override {
    auto* c = static_cast<float*>(state);
    std::fill_n(c + row * units_, units_, 0.0f);
    std::fill_n(c + batch * units_ + row * hidden_, hidden_, 0.0f);
  }
  int64_t scratch_bytes(int64_t, int64_t) const override {
    return kBlock * (inputs_ + hidden_ + (kGates + 1) * units_) * static_cast<int64_t>(sizeof(float));
  }

 private:
  int64_t inputs_, hidden_, units_ = 0;
  bool projected_;
  Array bias_;
  kernels::PackedMatrix weights_, projection_;
  Isa isa_ = active_isa();
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
