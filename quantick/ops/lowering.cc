#include "quantick/ops/lowering.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "quantick/core/error.h"
#include "quantick/core/float16.h"
#include "quantick/kernels/dense/dense_pack.h"

namespace quantick {
namespace {
/// Below it a product with a large accumulator could still vanish in the rounding of float32's smallest numbers.
constexpr float kSmallestScale = 0x1p-100f;
constexpr double kLargestBias = 0x1p31 - 1;
}  // namespace

void check_scale(float scale, float largest, std::string_view who) {
  QTK_CHECK(scale >= kSmallestScale && scale <= largest, ValueError, "[{}] scale, was {}, expected within [{}, {}]",
            who, scale, kSmallestScale, largest);
}

std::string lowering_name(std::string_view op, const LowerCall& call) {
  return call.layer.empty() ? std::string(op) : fmt::format("{} \"{}\"", op, call.layer);
}

std::vector<double> parameter_values(const Array& parameter, int64_t count) {
  if (!parameter.defined()) return std::vector<double>(static_cast<size_t>(count), 0.0);
  return parameter.to_vector<double>();
}

Array parameter_of(const LowerCall& call, size_t index) {
  return index < call.parameters.size() ? call.parameters[index] : Array();
}

WeightForm weight_form(const Precision& precision) {
  return {.bits = precision.weight_bits(),
          .granularity = precision.granularity,
          .group_size = precision.group_size,
          .power_of_two = precision.power_of_two};
}

WeightForm gate_weight_form(const Precision& precision, int64_t gates, int64_t units, std::string_view who) {
  WeightForm form = weight_form(precision);
  const auto& bits = precision.gate_weight_bits;
  if (bits.empty()) return form;
  QTK_CHECK(static_cast<int64_t>(bits.size()) == gates, ValueError, "[{}] gate_weight_bits, were {}, expected {}", who,
            bits.size(), gates);
  for (const int64_t b : bits) form.row_bits.insert(form.row_bits.end(), static_cast<size_t>(units), b);
  return form;
}

Array QuantizedWeight::scale_array(std::span<const float> numbers) const {
  return Array::from(numbers, groups > 0 ? Shape{rows(), groups} : Shape{rows()});
}

namespace {

/// Scales in float64, before the rounding to float32: [rows] or [rows, groups].
std::vector<double> weight_scales(const float* w, int64_t rows, int64_t columns, const WeightForm& form,
                                  std::span<const double> limits, std::span<const double> bias, float s_x,
                                  std::string_view who) {
  const bool grouped = form.granularity == "group-wise";
  const int64_t size = grouped ? form.group_size : std::max<int64_t>(columns, 1);
  const int64_t groups = grouped ? (columns + size - 1) / size : 1;
  std::vector<double> tops(static_cast<size_t>(rows * groups), 0.0);
  double largest = 0, floor = 0;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < columns; ++i) {
      const float v = w[r * columns + i];
      QTK_CHECK(std::isfinite(v), ValueError, "[{}] weight [{}, {}], was {}, expected a number", who, r, i, v);
      double& top = tops[static_cast<size_t>(r * groups + i / size)];
      top = std::max(top, std::abs(static_cast<double>(v)));
      largest = std::max(largest, top);
    }
    if (bias.empty()) continue;
    const double b = bias[static_cast<size_t>(r)];
    QTK_CHECK(std::isfinite(b), ValueError, "[{}] bias [{}], was {}, expected a number", who, r, b);
    floor = std::max(floor, std::abs(b));
  }
  std::vector<double> scales;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t g = 0; g < groups; ++g) {
      const bool tensor = form.granularity == "tensor-wise";
      double scale = (tensor ? largest : tops[static_cast<size_t>(r * groups + g)]) / limits[static_cast<size_t>(r)];
      if (!bias.empty() && !grouped) {
        const double b = tensor ? floor : std::abs(bias[static_cast<size_t>(r)]);
        scale = std::max(scale, b * 0x1p-30 / static_cast<double>(s_x));
      }
      if (!(scale > 0)) scale = 1;
      if (form.power_of_two) {
        int exponent = 0;
        const double mantissa = std::frexp(scale, &exponent);
        scale = std::ldexp(1.0, mantissa == 0.5 ? exponent - 1 : exponent);
      }
      scales.push_back(scale);
    }
  return scales;
}

}  // namespace

QuantizedWeight quantize_weight(const Array& weight, const WeightForm& form, std::span<const double> bias, float s_x,
                                std::string_view who) {
  const Array w = weight.astype(DType::f32).contiguous();
  const int64_t rows = w.shape()[0], columns = rows == 0 ? 0 : w.size() / rows;
  QTK_CHECK(form.row_bits.empty() || static_cast<int64_t>(form.row_bits.size()) == rows, ValueError,
            "[{}] weight bits, were of {} rows, expected {}", who, form.row_bits.size(), rows);
  QTK_CHECK(form.group_size >= 1, ValueError, "[{}] group_size, was {}, expected >= 1", who, form.group_size);
  QuantizedWeight out;
  out.bits = 2;
  std::vector<double> limits;
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t bits = form.row_bits.empty() ? form.bits : form.row_bits[static_cast<size_t>(r)];
    QTK_CHECK(bits >= 2 && bits <= 16, ValueError, "[{}] weight bits, was {}, expected 2..16", who, bits);
    limits.push_back(static_cast<double>((1 << (bits - 1)) - 1));
    out.bits = std::max(out.bits, static_cast<int>(bits));
  }
  const bool grouped = form.granularity == "group-wise";
  if (grouped) out.groups = (columns + form.group_size - 1) / form.group_size;
  out.values = Array::empty(w.shape(), out.bits > 8 ? DType::i16 : DType::i8);
  const float* from = w.data<float>();
  for (const double scale : weight_scales(from, rows, columns, form, limits, bias, s_x, who)) {
    out.scales.push_back(static_cast<float>(scale));
    check_scale(out.scales.back(), kLargestScale, who);
  }
  const auto fill = [&](auto* to) {
    using Code = std::remove_pointer_t<decltype(to)>;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < columns; ++i) {
        const float s = out.scales[static_cast<size_t>(grouped ? r * out.groups + i / form.group_size : r)];
        const auto limit = static_cast<float>(limits[static_cast<size_t>(r)]);
        to[r * columns + i] = static_cast<Code>(std::clamp(std::rint(from[r * columns + i] / s), -limit, limit));
      }
  };
  if (out.bits > 8)
    fill(out.values.mutable_data<int16_t>());
  else
    fill(out.values.mutable_data<int8_t>());
  return out;
}

QuantizedWeight quantize_weight(const Array& weight, int bits, std::span<const double> bias, float s_x,
                                std::string_view who) {
  return quantize_weight(weight, WeightForm{.bits = bits}, bias, s_x, who);
}

std::vector<int64_t> quantize_bias(std::span<const double> bias, float s_x, int32_t zero_x,
                                   const QuantizedWeight& weight, std::string_view who) {
  std::vector<int64_t> out;
  QTK_CHECK(weight.groups == 0, ValueError, "[{}] integer bias, expected one scale per row", who);
  const Array codes = weight.values.astype(DType::i16);
  const int16_t* w = codes.data<int16_t>();
  const int64_t rows = weight.rows(), columns = rows == 0 ? 0 : weight.values.size() / rows;
  for (int64_t r = 0; r < rows; ++r) {
    const auto at = static_cast<size_t>(r);
    const double q = std::rint(bias[at] / (static_cast<double>(s_x) * static_cast<double>(weight.scales[at])));
    QTK_CHECK(std::abs(q) <= kLargestBias, ValueError, "[{}] bias of row {}, was {} steps, expected within int32", who,
              r, q);
    int64_t sum = 0;
    for (int64_t i = 0; i < columns; ++i) sum += w[r * columns + i];
    out.push_back(static_cast<int64_t>(q) - zero_x * sum);
  }
  return out;
}

std::vector<float> row_scales(float s_x, std::span<const float> s_w, float s_y, float largest, std::string_view who) {
  std::vector<float> out;
  for (const float w : s_w) {
    const float product = s_x * w;
    out.push_back(product / s_y);
    check_scale(out.back(), largest, who);
  }
  return out;
}

std::vector<float> real_bias(std::span<const double> bias, float s_y, std::string_view who) {
  std::vector<float> out;
  for (size_t r = 0; r < bias.size(); ++r) {
    out.push_back(static_cast<float>(bias[r]) / s_y);
    QTK_CHECK(std::isfinite(out.back()), ValueError, "[{}] bias [{}], was {} in units of {}, expected a number", who, r,
              bias[r], s_y);
  }
  return out;
}

Array pack_codes(const Array& codes, int bits) {
  const int64_t rows = codes.shape()[0], columns = rows == 0 ? 0 : codes.size() / rows;
  const Array flat = codes.contiguous().reshape({rows, columns});
  if (bits > 4) return flat;
  const int64_t bytes = (columns + 1) / 2;
  Array out = Array::zeros({rows, bytes}, DType::u8);
  const int8_t* from = flat.data<int8_t>();
  uint8_t* to = out.mutable_data<uint8_t>();
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < columns; ++i) {
      uint8_t& byte = to[r * bytes + i / 2];
      byte = static_cast<uint8_t>(byte | (from[r * columns + i] & 15) << (i % 2 * 4));
    }
  return out;
}

Array unpack_codes(const Array& stored, int64_t columns) {
  const bool packed = stored.dtype() == DType::u8;
  QTK_CHECK((packed || stored.dtype() == DType::i8 || stored.dtype() == DType::i16) && stored.ndim() == 2 &&
                stored.shape()[1] == (packed ? (columns + 1) / 2 : columns),
            FormatError, "[program] weight, was {}, expected codes of {} columns", stored.type().text(), columns);
  if (!packed) return stored.contiguous();
  const int64_t rows = stored.shape()[0], bytes = stored.shape()[1];
  const Array bits = stored.contiguous();
  Array out = Array::empty({rows, columns}, DType::i8);
  const uint8_t* from = bits.data<uint8_t>();
  int8_t* to = out.mutable_data<int8_t>();
  for (int64_t r = 0; r < rows; ++r) kernels::from_nibbles(from + r * bytes, columns, to + r * columns, active_isa());
  return out;
}

Array dequantize_weight(const Array& codes, const Array& scales, int64_t group_size) {
  const int64_t rows = codes.shape()[0], columns = codes.shape()[1];
  const bool grouped = scales.ndim() == 2;
  QTK_CHECK(group_size >= 1, FormatError, "[program] group_size, was {}, expected >= 1", group_size);
  const int64_t groups = grouped ? (columns + group_size - 1) / group_size : 1;
  QTK_CHECK(scales.shape() == (grouped ? Shape{rows, groups} : Shape{rows}), FormatError,
            "[program] scales of a weight of {} rows, were {}, expected {} per row", rows, scales.type().text(),
            groups);
  Array out = codes.astype(DType::f32).contiguous().copy();
  const Array s = scales.contiguous();
  const float* scale = s.data<float>();
  float* w = out.mutable_data<float>();
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < columns; ++i)
      w[r * columns + i] = w[r * columns + i] * scale[grouped ? r * groups + i / group_size : r];
  return out;
}

std::vector<NamedArray> lower_real_weight(const std::string& name, const Array& weight, const Precision& precision,
                                          const WeightForm& form, std::string_view who) {
  if (precision.method == "weight_only") {
    const QuantizedWeight w = quantize_weight(weight, form, {}, 1, who);
    return {{name, pack_codes(w.values, w.bits)}, {name + "_scale", w.scale_array(w.scales)}};
  }
  const int64_t rows = weight.shape()[0];
  const Array w = weight.astype(DType::f32).contiguous().reshape({rows, rows == 0 ? 0 : weight.size() / rows});
  const bool bf16 = precision.weight_dtype == "bf16", fp16 = precision.weight_dtype == "fp16";
  const float* from = w.data<float>();
  std::vector<int16_t> bits;
  for (int64_t i = 0; i < w.size(); ++i) {
    const uint16_t b = fp16 ? to_fp16(from[i]) : to_bf16(from[i]);
    const float kept = fp16 ? from_fp16(b) : bf16 ? from_bf16(b) : from[i];
    QTK_CHECK(std::isfinite(kept), ValueError, "[{}] weight value {}, was {}, expected a number within {}", who, i,
              from[i], precision.weight_dtype);
    bits.push_back(static_cast<int16_t>(b));
  }
  if (bf16 || fp16) return {{name, Array::from(bits, w.shape())}};
  return {{name, w}};
}

Array stored_real_weight(const PrepareCall& call, const std::string& name, int64_t columns) {
  const Array& stored = call.constant(name);
  const bool half = call.precision.weight_dtype == "bf16" || call.precision.weight_dtype == "fp16";
  QTK_CHECK(stored.ndim() == 2 && stored.shape()[1] == columns && stored.dtype() == (half ? DType::i16 : DType::f32),
            FormatError, "[program] constant {}, was {}, expected {} of {} columns", name, stored.type().text(),
            half ? "int16" : "float32", columns);
  return stored.contiguous();
}

Array real_weight(const PrepareCall& call, const std::string& name, int64_t columns) {
  if (call.precision.method == "weight_only")
    return dequantize_weight(unpack_codes(call.constant(name), columns), call.constant(name + "_scale"),
                             call.precision.group_size);
  const Array stored = stored_real_weight(call, name, columns);
  if (stored.dtype() == DType::f32) return stored;
  const bool fp16 = call.precision.weight_dtype == "fp16";
  Array out = Array::empty(stored.shape());
  const int16_t* from = stored.data<int16_t>();
  float* to = out.mutable_data<float>();
  for (int64_t i = 0; i < out.size(); ++i) {
    const auto b = static_cast<uint16_t>(from[i]);
    to[i] = fp16 ? from_fp16(b) : from_bf16(b);
  }
  return out;
}

}  // namespace quantick
