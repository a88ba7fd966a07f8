#include "quantick/ops/float_product.h"

#include "quantick/core/error.h"

namespace quantick {

FloatProduct::FloatProduct(const Array& weight, const Array& bias) {
  QTK_CHECK(weight.ndim() == 2, FormatError, "[program] weight, was {}, expected a matrix", weight.type().text());
  const int64_t rows = weight.shape()[0], columns = weight.shape()[1];
  const Array w = weight.contiguous();
  packed_.pack(true, columns, rows, w.data<float>(), columns);
  if (!bias.defined()) return;
  QTK_CHECK(bias.dtype() == DType::f32 && bias.shape() == Shape{rows}, FormatError,
            "[program] bias, was {}, expected float32 ({},)", bias.type().text(), rows);
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
