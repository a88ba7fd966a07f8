#include "quantick/ops/convolution/tap_product.h"

#include <algorithm>

#include "quantick/ops/convolution/gathered_product.h"
#include "quantick/ops/lowering.h"

namespace quantick {
namespace {

constexpr int kPlainAccumulator = 32;

/// Columns begin .. end - 1 of codes [rows, columns].
std::vector<int8_t> columns_of(const Array& codes, int64_t begin, int64_t end) {
  const int64_t rows = codes.shape()[0], columns = codes.shape()[1];
  std::vector<int8_t> out;
  for (int64_t r = 0; r < rows; ++r) {
    const int8_t* row = codes.data<int8_t>() + r * columns;
    out.insert(out.end(), row + begin, row + end);
  }
  return out;
}

}  // namespace

std::unique_ptr<TapProduct> TapProduct::make(const PrepareCall& call, const CausalSizes& sizes) {
  if (sizes.taps < 2 || !call.inputs[0].quantized() || call.precision.real() ||
      call.precision.granularity == "group-wise")
    return nullptr;
  const int x_bits = call.inputs[0].bits();
  const int64_t columns = sizes.taps * sizes.in(), older = columns - sizes.in();
  std::vector<Part> parts;
  for (int64_t g = 0; g < sizes.groups; ++g) {
    const std::string prefix = group_prefix(sizes.groups, g);
    const Array& stored = call.constant(prefix + "weight");
    const Array codes = unpack_codes(stored, columns);
    const int weight_bits = stored.dtype() == DType::u8 ? 4 : 8;  // two codes in a byte
    const Array bias = call.constant(prefix + "bias").contiguous(),
                scale = call.constant(prefix + "scale").contiguous();
    const int64_t rows = codes.shape()[0];
    if (codes.dtype() != DType::i8 || bias.dtype() != DType::i64 || scale.dtype() != DType::f32 ||
        bias.shape() != Shape{rows} || scale.shape() != Shape{rows} || (g > 0 && rows != parts[0].older.rows()) ||
        kernels::accumulator_bits(codes.data<int8_t>(), rows, columns, bias.data<int64_t>(), x_bits) !=
            kPlainAccumulator)
      return nullptr;
    const std::vector<int8_t> past = columns_of(codes, 0, older), now = columns_of(codes, older, columns);
    parts.push_back({kernels::DenseKernel({.rows = rows,
                                           .cols = older,
                                           .weights = past.data(),
                                           .bias = bias.data<int64_t>(),
                                           .x_bits = x_bits,
                                           .y_bits = 32,
                                           .raw_sums = true,
                                           .weight_bits = weight_bits,
                                           .memory = call.memory}),
                     kernels::DenseKernel({.rows = rows,
                                           .cols = sizes.in(),
                                           .weights = now.data(),
                                           .scale = scale.data<float>(),
                                           .zero_y = call.output.zero_point,
                                           .x_bits = x_bits,
                                           .y_bits = call.output.bits(),
                                           .weight_bits = weight_bits,
                                           .memory = call.memory})});
  }
  return std::unique_ptr<TapProduct>(new TapProduct(std::move(parts)));
}

int64_t TapProduct::scratch_bytes() const {
  size_t most = 0;
  for (const Part& part : parts_) most = std::max({most, part.older.scratch_bytes(), part.newest.scratch_bytes()});
  return static_cast<int64_t>(most);
}

}  // namespace quantick
