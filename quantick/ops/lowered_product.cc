#include "quantick/ops/lowered_product.h"

#include "quantick/core/error.h"

namespace quantick {
namespace {

enum class Way { known, dynamic, real };  // scales of x: known, per row; or no integers at all

Way way_of(const ProductForm& form, std::string_view who) {
  const Precision& p = form.precision;
  QTK_CHECK(form.input.quantized() || p.method != "static", UnsupportedError,
            "[{}] input, was float32, expected int8 or int16", who);
  QTK_CHECK(!(form.input.quantized() && p.real()), UnsupportedError,
            "[{}] input, was {}, expected float32 with method {}", who, form.input.name(), p.method);
  QTK_CHECK(form.input.quantized() || !form.output.quantized(), UnsupportedError,
            "[{}] output, was {}, expected float32 with method {}", who, form.output.name(), p.method);
  return form.input.quantized() ? Way::known : p.real() ? Way::real : Way::dynamic;
}

template <class Run>
void with_codes(const Array& codes, Run&& run) {
  if (codes.dtype() == DType::i16)
    run(codes.data<int16_t>());
  else
    run(codes.data<int8_t>());
}

}  // namespace

std::vector<NamedArray> lower_product(const Array& weight, std::span<const double> bias, const ProductForm& form,
                                      std::string_view who) {
  const Way way = way_of(form, who);
  const std::string weight_name = form.prefix + "weight", bias_name = form.prefix + "bias",
                    scale_name = form.prefix + "scale";
  const int64_t rows = weight.shape()[0];
  const std::vector<double> zeros(bias.empty() ? static_cast<size_t>(rows) : 0, 0.0);
  const std::span<const double> b = bias.empty() ? zeros : bias;
  QTK_CHECK(static_cast<int64_t>(b.size()) == rows, ValueError, "[{}] bias, was of {} rows, expected {}", who, b.size(),
            rows);
  if (way == Way::real) {
    const WeightForm weights = form.precision.method == "weight_only" ? weight_form(form.precision) : WeightForm{};
    std::vector<NamedArray> out = lower_real_weight(weight_name, weight, form.precision, weights, who);
    out.push_back({bias_name, Array::from(real_bias(b, 1, who))});
    return out;
  }
  const WeightForm weights = weight_form(form.precision);
  const bool integer_bias = way == Way::known && weights.granularity != "group-wise";
  const float s_x = way == Way::known ? form.input.scale : 1.0f;
  const QuantizedWeight w = quantize_weight(weight, weights, integer_bias ? b : std::span<const double>(), s_x, who);
  const Array bias_array = integer_bias ? Array::from(quantize_bias(b, s_x, form.input.zero_point, w, who))
                                        : Array::from(real_bias(b, form.output.scale, who));
  const int x_bits = way == Way::known ? form.input.bits() : 8;
  with_codes(w.values, [&](const auto* codes) {
    kernels::accumulator_bits(codes, rows, rows == 0 ? 0 : w.values.size() / rows,
                              integer_bias ? bias_array.data<int64_t>() : nullptr, x_bits);
  });
  return {{weight_name, pack_codes(w.values, w.bits)},
          {bias_name, bias_array},
          {scale_name, w.scale_array(row_scales(s_x, w.scales, form.output.scale, kLargestScale, who))}};
}

LoweredProduct::LoweredProduct(const PrepareCall& call, const ProductForm& form, int64_t columns) : columns_(columns) {
  const Way way = way_of(form, "program");
  const Array& bias = call.constant(form.prefix + "bias");
  if (way == Way::real) {
    real_ = std::make_unique<FloatProduct>(call, form.prefix + "weight", columns, bias);
    rows_ = real_->rows();
    return;
  }
  dynamic_ = way == Way::dynamic;
  const bool grouped = form.precision.granularity == "group-wise";
  const Array codes = unpack_codes(call.constant(form.prefix + "weight"), columns);
  const Array& scale = call.constant(form.prefix + "scale");
  rows_ = codes.shape()[0];
  const int64_t size = form.precision.group_size;
  QTK_CHECK(size >= 1, FormatError, "[program] group_size, was {}, expected >= 1", size);
  const int64_t groups = grouped ? (columns + size - 1) / size : 1;
  const bool integer_bias = way == Way::known && !grouped;
  QTK_CHECK(bias.shape() == Shape{rows_} && bias.dtype() == (integer_bias ? DType::i64 : DType::f32) &&
                scale.dtype() == DType::f32 && scale.shape() == (grouped ? Shape{rows_, groups} : Shape{rows_}),
            FormatError, "[program] constants of a product, were {}, {}, {}, expected {} rows and {} scales in each",
            codes.type().text(), bias.type().text(), scale.type().text(), rows_, groups);
  const Array b = bias.contiguous(), s = scale.contiguous();
  kernels::DenseSpec spec{.rows = rows_,
                          .cols = columns,
                          .scale = s.data<float>(),
                          .zero_y = form.output.zero_point,
                          .x_bits = dynamic_ ? 8 : form.input.bits(),
                          .y_bits = form.output.bits(),
                          .group_size = grouped ? size : 0,
                          .zero_x = grouped && !dynamic_ ? form.input.zero_point : 0,
                          .dynamic = dynamic_,
                          // What is stored two codes in a byte has 4 bits at most.
                          .weight_bits = call.constant(form.prefix + "weight").dtype() == DType::u8 ? 4 : 8,
                          .memory = call.memory};
  if (codes.dtype() == DType::i16)
    spec.weights16 = codes.data<int16_t>();
  else
    spec.weights = codes.data<int8_t>();
  if (integer_bias)
    spec.bias = b.data<int64_t>();
  else
    spec.bias_real = b.data<float>();
  kernel_ = std::make_unique<kernels::DenseKernel>(spec);
}

void LoweredProduct::run(const void* x, int64_t n, void* y, void* scratch) const noexcept {
  if (real_)
    real_->run(static_cast<const float*>(x), n, static_cast<float*>(y));
  else if (dynamic_)
    kernel_->run_dynamic(static_cast<const float*>(x), n, static_cast<float*>(y), scratch);
  else
    kernel_->run(x, n, y, scratch);
}

void LoweredProduct::run_scaled(const float* x, const float* row_scale, int64_t n, float* y,
                                void* scratch) const noexcept {
  kernel_->run_scaled(x, row_scale, n, y, scratch);
}

}  // namespace quantick
