#include <algorithm>
#include <cstddef>

#include "quantick/kernels/quantize/quantize.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/linalg/product.h"
#include "quantick/ops/lowered_product.h"

namespace quantick {
namespace {

class DenseNode : public IntegerNode {
 public:
  DenseNode(const PrepareCall& call, bool flatten)
      : width_(call.input_types[0].shape.size()),
        product_(call, {call.inputs[0], call.output, call.precision},
                 flatten || call.input_types[0].shape.ndim() == 0 ? width_ : call.input_types[0].shape[-1]),
        rows_(product_.columns() > 0 ? width_ / product_.columns() : 0),
        decay_(static_cast<float>(call.precision.decay)) {
    // Without steps there is no past: each frame stands alone, in a window and on a tick.
    decaying_ = product_.dynamic() && call.precision.method == "dynamic_decay" && call.lead_axes == 2;
    check_extent("dense", "output channels", call.output_type.shape.size(), rows_ * product_.rows());
  }

  void run(const Call& call) const noexcept override {
    const int64_t n = call.batch * rows_;
    if (!decaying_) {
      product_.run(call.inputs[0], call.steps * n, call.output, call.scratch);
      return;
    }
    const auto* x = static_cast<const float*>(call.inputs[0]);
    auto* scales = reinterpret_cast<float*>(static_cast<std::byte*>(call.scratch) + product_.scratch_bytes());
    kernels::decaying_scales(x, call.steps, n, product_.columns(), decay_, static_cast<float*>(call.state), scales);
    product_.run_scaled(x, scales, call.steps * n, static_cast<float*>(call.output), call.scratch);
  }
  int64_t state_bytes() const override { return decaying_ ? rows_ * static_cast<int64_t>(sizeof(float)) : 0; }
  int64_t scratch_bytes(int64_t steps, int64_t batch) const override {
    return product_.scratch_bytes() + (decaying_ ? steps * batch * rows_ * static_cast<int64_t>(sizeof(float)) : 0);
  }

 private:
  int64_t width_;
  LoweredProduct product_;
  int64_t rows_;  ///< products per batch row: more than one where channels have several axes and flatten is off
  float decay_;
  bool decaying_;  ///< state: the largest magnitude so far, per batch row and product
};

struct Dense {
  static constexpr std::string_view name = "dense", family = "linalg", onnx = "Gemm";
  static constexpr std::string_view summary =
      "x * weight^T + bias: x [batch, ...], weight [units, in]. With flatten, all axes but the first are one.";
  static constexpr int optional_inputs = 1;
  static constexpr double tolerance = 1e-5;
  struct Attrs {
    bool flatten = true;
    static constexpr auto fields() {
      return std::make_tuple(
          field("flatten", &Attrs::flatten, "join all axes but the first; else the last axis alone"));
    }
  };
  static std::vector<std::string> inputs() { return {"x", "weight", "bias"}; }

  static int64_t width(const Attrs& attrs, const Shape& x) {
    if (!attrs.flatten) return x[-1];
    int64_t n = 1;
    for (int i = 1; i < x.ndim(); ++i) n *= x[i];
    return n;
  }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    QTK_CHECK(in[0].shape.ndim() >= 2, ShapeError, "[dense] x, was {}, expected 2 dimensions or more",
              in[0].shape.text());
    check_same_dtype(name, "weight", in[1], in[0].dtype);
    check_ndim(name, "weight", in[1], 2);
    check_extent(name, "weight columns", in[1].shape[1], width(attrs, in[0].shape));
    if (in.size() > 2 && !is_absent(in[2])) {
      check_same_dtype(name, "bias", in[2], in[0].dtype);
      check_ndim(name, "bias", in[2], 1);
      check_extent(name, "bias length", in[2].shape[0], in[1].shape[0]);
    }
    Shape out = attrs.flatten ? Shape{in[0].shape[0], 1} : in[0].shape;
    out[-1] = in[1].shape[0];
    return {{in[0].dtype, out}};
  }

  /// x as [rows, in].
  static Array rows(const Array& x, int64_t in) { return x.reshape({in == 0 ? 0 : x.size() / in, in}); }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const int64_t units = in[1].shape()[0], k = in[1].shape()[1];
    Shape shape = attrs.flatten ? Shape{in[0].shape()[0], 1} : in[0].shape();
    shape[-1] = units;
    Array out = Array::empty(shape, in[0].dtype());
    const int64_t n = units == 0 ? 0 : out.size() / units;
    const Array x = in[0].contiguous();
    const MatrixOperand weight(in[1]);
    const bool biased = in.size() > 2 && in[2].defined();
    if (biased) out.assign(in[2].broadcast_to(shape));
    visit_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      product(false, !weight.transposed, n, units, k, x.data<T>(), k, reinterpret_cast<const T*>(weight.array.raw()),
              weight.stride, biased ? T(1) : T(0), out.mutable_data<T>(), units);
    });
    return {out};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const auto x = in[0].to_vector<double>(), w = in[1].to_vector<double>();
    const bool biased = in.size() > 2 && in[2].defined();
    const auto b = biased ? in[2].to_vector<double>() : std::vector<double>();
    const auto units = static_cast<size_t>(in[1].shape()[0]), k = static_cast<size_t>(in[1].shape()[1]);
    std::vector<double> y;
    for (size_t r = 0; k > 0 && r < x.size() / k; ++r)
      for (size_t u = 0; u < units; ++u) {
        double total = biased ? b[u] : 0;
        for (size_t i = 0; i < k; ++i) total += x[r * k + i] * w[u * k + i];
        y.push_back(total);
      }
    return {Array::from(y, infer(attrs, {in[0].type(), in[1].type()})[0].shape)};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array &x = call.inputs[0], &weight = call.inputs[1];
    const Array d = rows(call.output_grads[0], weight.shape()[0]);
    Arrays out = {matmul(d, weight).reshape(x.shape()), matmul(transpose(d), rows(x, weight.shape()[1]))};
    if (call.inputs.size() > 2) out.push_back(call.inputs[2].defined() ? sum(d, {0}) : Array());
    return out;
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.reads_integers = true;
    form.lower = lower;
    form.prepare = [](const PrepareCall& call) -> std::unique_ptr<IntegerNode> {
      return std::make_unique<DenseNode>(call, from_attributes<Attrs>(*call.attributes, name).flatten);
    };
    form.error_steps = 1.25;  // the weights' rounding, summed over the samples' longest row
    return form;
  }

  static std::vector<NamedArray> lower(const LowerCall& call) {
    const Array weight = parameter_of(call, 0);
    return lower_product(weight, parameter_values(parameter_of(call, 1), weight.shape()[0]),
                         {call.inputs[0], call.output, call.precision}, lowering_name(name, call));
  }

  static std::vector<OperatorSample> samples() {
    const Attributes flat = to_attributes(Attrs{true}), last = to_attributes(Attrs{false});
    return {{{float32({3, 5}), float32({4, 5}), float32({4})}, flat, -1, 1},
            {{float32({3, 5}), float32({4, 5})}, flat, -1, 1},
            {{float32({2, 3, 5}), float32({4, 15}), float32({4})}, flat, -1, 1},
            {{float32({2, 3, 5}), float32({4, 5}), float32({4})}, last, -1, 1},
            {{float32({5, 3, 37}), float32({9, 37}), float32({9})}, last, -1, 1},
            {{float32({3, 2, 3, 7}), float32({4, 42}), float32({4})}, flat, -1, 1},
            {{float32({0, 5}), float32({4, 5}), float32({4})}, flat, -1, 1},
            {{float32({67, 33}), float32({1, 33}), float32({1})}, flat, -1, 1},
            {{float32({70, 65}), float32({37, 65}), float32({37})}, flat, -1, 1}};
  }
  static std::vector<OperatorMisuse> misuses() {
    const Attributes flat = to_attributes(Attrs{true});
    return {{{float32({2, 32}), float32({4, 64})}, flat, "[dense] weight columns, was 64, expected 32"},
            {{float32({2, 3}), float32({4, 3}), float32({5})}, flat, "[dense] bias length, was 5, expected 4"},
            {{float32({3}), float32({4, 3})}, flat, "[dense] x, was (3,), expected 2 dimensions or more"},
            {{{DType::i8, Shape{2, 3}}, float32({4, 3})}, flat, "[dense] x, was int8, expected float32 or float64"}};
  }
};

}  // namespace

const Operator& dense_operator() { return operator_row<Dense>(); }

Array dense(const Array& x, const Array& weight, const Array& bias, bool flatten) {
  const Attributes attributes = to_attributes(Dense::Attrs{flatten});
  if (!bias.defined()) return invoke1(dense_operator(), attributes, {x, weight});
  return invoke1(dense_operator(), attributes, {x, weight, bias});
}

}  // namespace quantick
