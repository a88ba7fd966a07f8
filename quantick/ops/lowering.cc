#include "quantick/ops/lowering.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"

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

void require_quantized_inputs(const LowerCall& call, std::string_view who) {
  for (const TensorFormat& format : call.inputs)
    QTK_CHECK(format.quantized(), UnsupportedError, "[{}] input, was float32, expected int8 or int16", who);
}

QuantizedWeight quantize_weight(const Array& weight, int bits, std::span<const double> bias, float s_x,
                                std::string_view who) {
  QTK_CHECK(bits >= 2 && bits <= 8, ValueError, "[{}] weight bits, was {}, expected 2..8", who, bits);
  const Array w = weight.astype(DType::f32).contiguous();
  const int64_t rows = w.shape()[0], columns = rows == 0 ? 0 : w.size() / rows;
  const float limit = static_cast<float>((1 << (bits - 1)) - 1);
  QuantizedWeight out{Array::empty(w.shape(), DType::i8), {}};
  const float* from = w.data<float>();
  int8_t* to = out.values.mutable_data<int8_t>();
  for (int64_t r = 0; r < rows; ++r) {
    double top = 0;
    for (int64_t i = 0; i < columns; ++i) {
      QTK_CHECK(std::isfinite(from[r * columns + i]), ValueError, "[{}] weight [{}, {}], was {}, expected a number",
                who, r, i, from[r * columns + i]);
      top = std::max(top, std::abs(static_cast<double>(from[r * columns + i])));
    }
    double scale = top / static_cast<double>(limit);
    if (!bias.empty()) {
      const double b = bias[static_cast<size_t>(r)];
      QTK_CHECK(std::isfinite(b), ValueError, "[{}] bias [{}], was {}, expected a number", who, r, b);
      scale = std::max(scale, std::abs(b) * 0x1p-30 / static_cast<double>(s_x));
    }
    const float s = static_cast<float>(scale > 0 ? scale : 1.0);
    check_scale(s, kLargestScale, who);
    for (int64_t i = 0; i < columns; ++i)
      to[r * columns + i] = static_cast<int8_t>(std::clamp(std::rint(from[r * columns + i] / s), -limit, limit));
    out.scales.push_back(s);
  }
  return out;
}

std::vector<int64_t> quantize_bias(std::span<const double> bias, float s_x, int32_t zero_x,
                                   const QuantizedWeight& weight, std::string_view who) {
  std::vector<int64_t> out;
  const int8_t* w = weight.values.data<int8_t>();
  const auto rows = static_cast<int64_t>(weight.scales.size());
  const int64_t columns = rows == 0 ? 0 : weight.values.size() / rows;
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

}  // namespace quantick
