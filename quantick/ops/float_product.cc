#include "quantick/ops/float_product.h"

#include "quantick/core/error.h"
#include "quantick/ops/lowering.h"

namespace quantick {

FloatProduct::FloatProduct(const Array& weight, const Array& bias) {
  QTK_CHECK(weight.ndim() == 2, FormatError, "[program] weight, was {}, expected a matrix", weight.type().text());
  pack(weight);
  set_bias(bias);
}

FloatProduct::FloatProduct(const PrepareCall& call, const std::string& weight, int64_t columns, const Array& bias)
    : packed_(call.memory) {
  const Array stored = call.precision.method == "weight_only" ? real_weight(call, weight, columns)
                                                              : stored_real_weight(call, weight, columns);
  if (stored.dtype() == DType::f32) {
    pack(stored);
  } else {
    const int16_t* bits = stored.data<int16_t>();
    const int64_t rows = stored.shape()[0];
    if (call.precision.weight_dtype == "fp16")
      packed_.pack(true, columns, rows, reinterpret_cast<const kernels::Fp16*>(bits), columns);
    else
      packed_.pack(true, columns, rows, reinterpret_cast<const kernels::Bf16*>(bits), columns);
  }
  set_bias(bias);
}

void FloatProduct::pack(const Array& weight) {
  const int64_t rows = weight.shape()[0], columns = weight.shape()[1];
  const Array w = weight.contiguous();
  packed_.pack(true, columns, rows, w.data<float>(), columns);
}

void FloatProduct::set_bias(const Array& bias) {
  if (!bias.defined()) return;
  QTK_CHECK(bias.dtype() == DType::f32 && bias.shape() == Shape{rows()}, FormatError,
            "[program] bias, was {}, expected float32 ({},)", bias.type().text(), rows());
  bias_ = bias.to_vector<float>();
}

void FloatProduct::run(const float* x, int64_t n, float* y) const noexcept {
  const int64_t rows = this->rows();
  packed_.multiply(n, x, columns(), 1, 1.0f, false, y, rows);
  if (bias_.empty()) return;
  for (int64_t i = 0; i < n; ++i, y += rows)
    for (int64_t r = 0; r < rows; ++r) y[r] += bias_[static_cast<size_t>(r)];
}

}  // namespace quantick
