#include "quantick/ops/convolution/gathered_product.h"

#include <fmt/format.h>

#include <algorithm>

#include "quantick/core/error.h"

namespace quantick {
namespace {

constexpr int64_t kAlignment = 64;
int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

ProductForm group_form(const TensorFormat& input, const TensorFormat& output, const Precision& precision,
                       int64_t groups, int64_t group) {
  return {input, output, precision, group_prefix(groups, group)};
}

}  // namespace

std::string group_prefix(int64_t groups, int64_t group) { return groups == 1 ? "" : fmt::format("g{}_", group); }

std::vector<NamedArray> lower_gathered(const LowerCall& call, int64_t groups, std::string_view who) {
  const Array weight = parameter_of(call, 0);
  const int64_t rows = weight.shape()[0], out = rows / groups;
  const Array by_taps = weight.reshape({rows, weight.shape()[1], -1}).transpose({0, 2, 1}).contiguous();
  const std::vector<double> bias = parameter_values(parameter_of(call, 1), rows);
  std::vector<NamedArray> constants;
  for (int64_t g = 0; g < groups; ++g) {
    const Array part = by_taps.slice(0, g * out, (g + 1) * out).contiguous().reshape({out, -1});
    const auto first = bias.begin() + g * out;
    for (NamedArray& constant : lower_product(part, std::vector<double>(first, first + out),
                                              group_form(call.inputs[0], call.output, call.precision, groups, g), who))
      constants.push_back(std::move(constant));
  }
  return constants;
}

GatheredProduct::GatheredProduct(const PrepareCall& call, int64_t groups, int64_t taps, int64_t in)
    : taps_(taps), in_(in), element_(dtype_size(call.inputs[0].dtype)), result_(dtype_size(call.output.dtype)) {
  for (int64_t g = 0; g < groups; ++g)
    products_.emplace_back(call, group_form(call.inputs[0], call.output, call.precision, groups, g), taps * in);
  for (const LoweredProduct& product : products_)
    QTK_CHECK(product.rows() == out(), FormatError, "[program] rows of a group, were {}, expected {}", product.rows(),
              out());
}

int64_t GatheredProduct::scratch_bytes() const {
  int64_t most = 0;
  for (const LoweredProduct& product : products_) most = std::max(most, product.scratch_bytes());
  return aligned(kRows * taps_ * in_ * element_) + aligned(kRows * out() * result_) + aligned(most);
}

const std::byte* GatheredProduct::run(int64_t group, int64_t n, const float* row_scale, void* scratch) const noexcept {
  std::byte* x = rows(scratch);
  std::byte* y = x + aligned(kRows * taps_ * in_ * element_);
  std::byte* rest = y + aligned(kRows * out() * result_);
  const LoweredProduct& product = products_[static_cast<size_t>(group)];
  if (row_scale != nullptr)
    product.run_scaled(reinterpret_cast<const float*>(x), row_scale, n, reinterpret_cast<float*>(y), rest);
  else
    product.run(x, n, y, rest);
  return y;
}

}  // namespace quantick
