#include "quantick/ops/row_node.h"

#include <algorithm>
#include <cstring>

#include "quantick/core/error.h"
#include "quantick/kernels/quantize/quantize.h"

namespace quantick {
namespace {

/// Rows that are float at one time.
constexpr int64_t kRows = 32;

class RowNode : public IntegerNode {
 public:
  RowNode(const PrepareCall& call, int64_t width, RowFunction function)
      : input_(call.inputs[0]),
        output_(call.output),
        width_(width),
        rows_(call.input_types[0].shape.size() / width),
        function_(std::move(function)) {
    QTK_CHECK(call.output_type.shape.size() == call.input_types[0].shape.size(), FormatError,
              "[program] output channels, were {}, expected those of the input, {}", call.output_type.shape.text(),
              call.input_types[0].shape.text());
  }

  void run(const Call& call) const noexcept override {
    const int64_t total = call.steps * call.batch * rows_;
    auto* x = static_cast<float*>(call.scratch);
    for (int64_t row = 0; row < total; row += kRows) {
      const int64_t rows = std::min(kRows, total - row), n = rows * width_;
      const auto* from = static_cast<const std::byte*>(call.inputs[0]) + row * width_ * dtype_size(input_.dtype);
      load_codes(from, n, input_, isa_, x);
      function_(x, rows, x);
      store_codes(x, n, output_, isa_, static_cast<std::byte*>(call.output) + row * width_ * dtype_size(output_.dtype));
    }
  }

  int64_t scratch_bytes(int64_t, int64_t) const override {
    return kRows * width_ * static_cast<int64_t>(sizeof(float));
  }

 private:
  TensorFormat input_, output_;
  int64_t width_, rows_;
  RowFunction function_;
  Isa isa_ = active_isa();
};

}  // namespace

void load_codes(const void* codes, int64_t n, const TensorFormat& format, Isa isa, float* x) noexcept {
  if (format.dtype == DType::i8)
    kernels::dequantize_s8(static_cast<const int8_t*>(codes), n, format.scale, format.zero_point, x, isa);
  else if (format.dtype == DType::i16)
    kernels::dequantize_s16(static_cast<const int16_t*>(codes), n, format.scale, format.zero_point, x, isa);
  else
    std::memcpy(x, codes, static_cast<size_t>(n) * sizeof(float));
}

void store_codes(const float* x, int64_t n, const TensorFormat& format, Isa isa, void* codes) noexcept {
  if (format.dtype == DType::i8)
    kernels::quantize_s8(x, n, format.scale, format.zero_point, static_cast<int8_t*>(codes), isa);
  else if (format.dtype == DType::i16)
    kernels::quantize_s16(x, n, format.scale, format.zero_point, static_cast<int16_t*>(codes), isa);
  else
    std::memcpy(codes, x, static_cast<size_t>(n) * sizeof(float));
}

std::unique_ptr<IntegerNode> make_row_node(const PrepareCall& call, int64_t width, RowFunction function) {
  QTK_CHECK(call.output_type.shape.size() == call.input_types[0].shape.size(), FormatError,
            "[program] output channels, were {}, expected {}", call.output_type.shape.text(),
            call.input_types[0].shape.text());
  return std::make_unique<RowNode>(call, width, std::move(function));
}

}  // namespace quantick
