#include "quantick/ops/code_clamp.h"

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/ops/blocks.h"

namespace quantick {
namespace {

class CodeClamp : public IntegerNode {
 public:
  CodeClamp(const TensorFormat& format, int64_t width, int32_t low, int32_t high)
      : dtype_(format.dtype), width_(width), low_(low), high_(high) {}

  void run(const Call& call) const noexcept override {
    const int64_t n = call.steps * call.batch * width_;
    if (dtype_ == DType::i8)
      clamp(static_cast<const int8_t*>(call.inputs[0]), n, static_cast<int8_t*>(call.output));
    else
      clamp(static_cast<const int16_t*>(call.inputs[0]), n, static_cast<int16_t*>(call.output));
  }

 private:
  template <class T>
  void clamp(const T* x, int64_t n, T* y) const noexcept {
    const auto low = static_cast<T>(low_), high = static_cast<T>(high_);
    map_blocks(
        n, y,
        [=](T v) {
          const T least = v > low ? v : low;
          return least < high ? least : high;
        },
        x);
  }

  DType dtype_;
  int64_t width_;
  int32_t low_, high_;
};

}  // namespace

bool keeps_codes(const PrepareCall& call) { return call.inputs[0].quantized() && call.inputs[0] == call.output; }

std::unique_ptr<IntegerNode> make_code_clamp(const PrepareCall& call, int32_t low, int32_t high) {
  QTK_CHECK(keeps_codes(call), UnsupportedError,
            "[clamp] output format, was another than the input's, expected the same integer format");
  QTK_CHECK(call.output_type.shape.size() == call.input_types[0].shape.size(), FormatError,
            "[clamp] output channels, were {}, expected {}", call.output_type.shape.text(),
            call.input_types[0].shape.text());
  return std::make_unique<CodeClamp>(call.inputs[0], call.input_types[0].shape.size(), low, high);
}

int32_t code_of(float x, const TensorFormat& format) {
  const float top = static_cast<float>(int32_t{1} << (format.bits() - 1)), zero = static_cast<float>(format.zero_point);
  const float steps = std::clamp(x / format.scale, -top - zero, top - 1 - zero);
  return static_cast<int32_t>(std::rint(steps)) + format.zero_point;
}

}  // namespace quantick
