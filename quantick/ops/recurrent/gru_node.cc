#include "quantick/ops/recurrent/gru_node.h"

#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/kernels/gemm_f32/gemm.h"
#include "quantick/kernels/gru/gru.h"
#include "quantick/kernels/gru_cell_f32/gru_cell_f32.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/recurrent/recurrent_node.h"

namespace quantick {
namespace {

constexpr int64_t kGates = 3;
/// Batch rows whose products are computed together.
constexpr int64_t kBlock = 64;

/// Float32 products, cell and output (weight_only, float32): the operator's own forward, in the same order of sums.
/// State of a batch: [batch, units] float32.
class GruFloatNode : public IntegerNode {
 public:
  explicit GruFloatNode(const PrepareCall& call)
      : inputs_(call.input_types[0].shape.size()),
        units_(call.output_type.shape.size()),
        bias_x_(call.constant("bias_x")),
        bias_h_(call.constant("bias_h")) {
    QTK_CHECK(!call.inputs[0].quantized() && !call.output.quantized(), FormatError,
              "[gru] input and output with method {}, expected float32", call.precision.method);
    const Array wx = real_weight(call, "wx", inputs_), wh = real_weight(call, "wh", units_);
    const int64_t rows = kGates * units_;
    const auto is_row = [](const Array& x, int64_t size) {
      return x.shape() == Shape{size} && x.dtype() == DType::f32;
    };
    QTK_CHECK(wx.shape()[0] == rows && wh.shape()[0] == rows && is_row(bias_x_, rows) && is_row(bias_h_, units_),
              FormatError, "[gru] constants, were {}, {}, {}, {}, expected 3 rows per unit", wx.type().text(),
              wh.type().text(), bias_x_.type().text(), bias_h_.type().text());
    w_x_.pack(true, inputs_, rows, wx.data<float>(), inputs_);
    w_h_.pack(true, units_, rows, wh.data<float>(), units_);
  }

  void run(const Call& call) const noexcept override {
    auto* state = static_cast<float*>(call.state);
    auto* px = static_cast<float*>(call.scratch);
    const int64_t width = kGates * units_;
    float* ph = px + kBlock * width;
    for (int64_t row = 0; row < call.batch; row += kBlock) {
      const int64_t rows = std::min(kBlock, call.batch - row);
      float* h = state + row * units_;
      for (int64_t t = 0; t < call.steps; ++t) {
        const int64_t first = t * call.batch + row;
        w_x_.multiply(rows, static_cast<const float*>(call.inputs[0]) + first * inputs_, inputs_, 1, 1.0f, false, px,
                      width);
        w_h_.multiply(rows, h, units_, 1, 1.0f, false, ph, width);
        kernels::gru_cell_forward({.rows = rows,
                                   .units = units_,
                                   .gates = px,
                                   .ph = ph,
                                   .bias_x = bias_x_.data<float>(),
                                   .bias_h = bias_h_.data<float>(),
                                   .before = h,
                                   .before_stride = units_,
                                   .h = h},
                                  isa_);
        std::copy_n(h, rows * units_, static_cast<float*>(call.output) + first * units_);
      }
    }
  }

  int64_t state_bytes() const override { return units_ * static_cast<int64_t>(sizeof(float)); }
  void reset_state(void* state, int64_t, int64_t row) const noexcept override {
    std::fill_n(static_cast<float*>(state) + row * units_, units_, 0.0f);
  }
  int64_t scratch_bytes(int64_t, int64_t) const override {
    return 2 * kBlock * kGates * units_ * static_cast<int64_t>(sizeof(float));
  }

 private:
  int64_t inputs_, units_;
  Array bias_x_, bias_h_;
  kernels::PackedMatrix w_x_, w_h_;
  Isa isa_ = active_isa();
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
