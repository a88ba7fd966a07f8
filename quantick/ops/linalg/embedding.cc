#include <cmath>

#include "quantick/kernels/quantize/requantize.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

/// A table of rows in codes or, for the real methods, in float32.
class EmbeddingNode : public IntegerNode {
 public:
  explicit EmbeddingNode(const PrepareCall& call)
      : input_(call.inputs[0]),
        output_(call.output),
        ids_(call.input_types[0].shape.size()),
        width_(call.output_type.shape.ndim() == 0 ? 0 : call.output_type.shape[-1]) {
    check_extent("embedding", "output channels", call.output_type.shape.size(), ids_ * width_);
    if (call.precision.real()) {
      table_ = real_weight(call, "weight", width_);
    } else {
      table_ = unpack_codes(call.constant("weight"), width_);
      const Array& scale = call.constant("scale");
      const int64_t rows = table_.shape()[0];
      group_ = scale.ndim() == 1 ? width_ : call.precision.group_size;
      groups_ = scale.ndim() == 1 ? 1 : scale.shape()[-1];
      QTK_CHECK(scale.size() == rows * groups_ && groups_ * group_ >= width_, FormatError,
                "[embedding] scales, were {}, expected one per row or group of {}", scale.type().text(),
                table_.type().text());
      scale_ = scale.to_vector<float>();
    }
    count_ = table_.shape()[0];
    QTK_CHECK(count_ > 0, FormatError, "[embedding] weight, was {}, expected rows", table_.type().text());
  }

  void run(const Call& call) const noexcept override {
    NodeCounters ignored;
    run_counted(call, ignored);
  }

  void run_counted(const Call& call, NodeCounters& counters) const noexcept override {
    const int64_t n = call.steps * call.batch * ids_;
    auto* row = static_cast<float*>(call.scratch);
    for (int64_t i = 0; i < n; ++i) {
      float id = 0;
      load_codes(static_cast<const std::byte*>(call.inputs[0]) + i * dtype_size(input_.dtype), 1, input_, isa_, &id);
      const int64_t at = row_of(id);
      if (static_cast<float>(at) != id) ++counters.saturations;
      auto* to = static_cast<std::byte*>(call.output) + i * width_ * dtype_size(output_.dtype);
      if (table_.dtype() == DType::f32)
        store_codes(table_.data<float>() + at * width_, width_, output_, isa_, to);
      else if (table_.dtype() == DType::i8)
        scaled(table_.data<int8_t>(), at, row, to);
      else
        scaled(table_.data<int16_t>(), at, row, to);
    }
  }

  int64_t scratch_bytes(int64_t, int64_t) const override { return width_ * static_cast<int64_t>(sizeof(float)); }

 private:
  /// The nearest row; the first for NaN.
  int64_t row_of(float id) const noexcept {
    const auto last = static_cast<float>(count_ - 1);
    if (!(id > 0)) return 0;
    return id < last ? static_cast<int64_t>(std::rint(id)) : count_ - 1;
  }

  /// Codes times scales, which hold 1 / s_y already where the output is in integers.
  template <class T>
  void scaled(const T* table, int64_t at, float* row, std::byte* to) const noexcept {
    const T* codes = table + at * width_;
    float* y = output_.quantized() ? row : reinterpret_cast<float*>(to);
    for (int64_t k = 0; k < width_; ++k)
      y[k] = static_cast<float>(codes[k]) * scale_[static_cast<size_t>(at * groups_ + k / group_)];
    if (!output_.quantized()) return;
    const kernels::OutputLimits limits = kernels::output_limits(output_.bits(), output_.zero_point);
    for (int64_t k = 0; k < width_; ++k) {
      const int32_t code = kernels::round_to_limits(y[k], limits);
      if (output_.dtype == DType::i8)
        reinterpret_cast<int8_t*>(to)[k] = static_cast<int8_t>(code);
      else
        reinterpret_cast<int16_t*>(to)[k] = static_cast<int16_t>(code);
    }
  }

  TensorFormat input_, output_;
  int64_t ids_, width_;  ///< ids per batch row, elements per table row
  int64_t count_ = 0, group_ = 1, groups_ = 1;
  Array table_;
  std::vector<float> scale_;
  Isa isa_ = active_isa();
};

struct Embedding {
  static constexpr std::string_view name = "embedding", family = "linalg", onnx = "Gather";
  static constexpr std::string_view summary =
      "Rows of weight [count, width] by ids, whole numbers of any numeric dtype: ids.shape + [width].";
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() { return {"ids", "weight"}; }

  static Types infer(const Attrs&, const Types& in) {
    visit_number(in[0].dtype, name, [](auto) { return 0; });
    check_float(name, "weight", in[1]);
    check_ndim(name, "weight", in[1], 2);
    Shape out = in[0].shape;
    out.push_back(in[1].shape[1]);
    return {{in[1].dtype, out}};
  }

  /// Throws IndexError with the first id that is no row.
  static std::vector<int64_t> checked_ids(const Array& ids, int64_t count) {
    std::vector<int64_t> out;
    for (const double id : ids.to_vector<double>()) {
      QTK_CHECK(id >= 0 && id < static_cast<double>(count) && id == std::floor(id), IndexError,
                "[embedding] id, was {}, expected a whole number within 0..{}", id, count - 1);
      out.push_back(static_cast<int64_t>(id));
    }
    return out;
  }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    const Array weight = in[1].contiguous();
    const int64_t width = weight.shape()[1];
    const auto ids = checked_ids(in[0], weight.shape()[0]);
    Array out = Array::empty(infer({}, {in[0].type(), weight.type()})[0].shape, weight.dtype());
    const int64_t bytes = width * dtype_size(weight.dtype());
    std::byte* to = out.mutable_raw();
    for (const int64_t id : ids) to = std::copy_n(weight.raw() + id * bytes, bytes, to);
    return {out};
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) {
    const auto w = in[1].to_vector<double>();
    const auto width = in[1].shape()[1];
    std::vector<double> y;
    for (const double id : in[0].to_vector<double>())
      for (int64_t k = 0; k < width; ++k) y.push_back(w[static_cast<size_t>(std::lround(id) * width + k)]);
    return {Array::from(y, infer({}, {in[0].type(), in[1].type()})[0].shape)};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array& weight = call.inputs[1];
    const Array d = call.output_grads[0].contiguous();
    const int64_t width = weight.shape()[1];
    Array out = Array::zeros(weight.shape(), weight.dtype());
    visit_float(weight.dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T* from = d.data<T>();
      T* rows = out.mutable_data<T>();
      for (const int64_t id : checked_ids(call.inputs[0], weight.shape()[0]))
        for (int64_t k = 0; k < width; ++k) rows[id * width + k] += *from++;
    });
    return {Array(), out};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.lower = lower;
    form.prepare = [](const PrepareCall& call) -> std::unique_ptr<IntegerNode> {
      return std::make_unique<EmbeddingNode>(call);
    };
    form.error_steps = 1.5;  // half a step of a weight is up to one of the output
    return form;
  }

  static std::vector<NamedArray> lower(const LowerCall& call) {
    const std::string who = lowering_name(name, call);
    const Array weight = parameter_of(call, 0);
    const WeightForm form = call.precision.method == "float32" ? WeightForm{} : weight_form(call.precision);
    if (call.precision.real()) return lower_real_weight("weight", weight, call.precision, form, who);
    const QuantizedWeight w = quantize_weight(weight, form, {}, 1, who);
    std::vector<float> scales = w.scales;
    if (call.output.quantized())
      for (float& scale : scales) {
        scale /= call.output.scale;
        check_scale(scale, kLargestScale, who);
      }
    return {{"weight", pack_codes(w.values, w.bits)}, {"scale", w.scale_array(scales)}};
  }

  static std::vector<OperatorSample> samples() {
    const auto ids = [](const Shape& shape) { return TensorType{DType::i64, shape}; };
    return {{{ids({3, 2}), float32({7, 5})}, {}, 0, 7},
            {{ids({2, 3, 4}), float32({2, 17})}, {}, 0, 2},
            {{ids({9}), float32({3, 4})}, {}, 0, 3},
            {{{DType::i32, Shape{}}, float32({3, 4})}, {}, 0, 3},
            {{ids({0, 2}), float32({3, 4})}, {}, 0, 3}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2}), float32({4})}, {}, "[embedding] weight, was (4,), expected 2 dimensions"},
            {{{DType::boolean, Shape{2}}, float32({4, 3})}, {}, "[embedding] dtype, was bool"}};
  }
};

}  // namespace

const Operator& embedding_operator() { return operator_row<Embedding>(); }

Array embedding(const Array& ids, const Array& weight) { return invoke1(embedding_operator(), {}, {ids, weight}); }

}  // namespace quantick
