#pragma once
// The product of a weight matrix and rows of x, y[n, r] = sum_k W[r, k] * x[n, k] + b[r], as nodes of a fixed-bits
// program compute it: every method, granularity and width of Precision behind one pair of calls (docs/numerics.md,
// section 2). A row of x is what the matrix meets: dynamic scales are per such row.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/kernels/dense/dense.h"
#include "quantick/ops/float_product.h"
#include "quantick/ops/lowering.h"

namespace quantick {

/// Formats and precision of one product; those of the node where it has one product.
struct ProductForm {
  TensorFormat input, output;
  Precision precision;
  std::string prefix = {};  ///< of the constants' names
};

/// Constants "weight", "bias", "scale" for weight [rows, ...] float32 and bias [rows], or empty for zeros. Integer
/// inputs: the product of known scales, whatever method but weight_only and float32, to any output format; float32
/// inputs: the method's product, to float32. Throws UnsupportedError for other pairs, ValueError for what
/// quantize_weight and the accumulator's proof refuse; `who` stands in brackets.
std::vector<NamedArray> lower_product(const Array& weight, std::span<const double> bias, const ProductForm& form,
                                      std::string_view who);

class LoweredProduct {
 public:
  /// Reads the constants with the form's prefix. Throws FormatError where they do not fit together.
  LoweredProduct(const PrepareCall& call, const ProductForm& form, int64_t columns);

  /// x [n, columns] in the form's input format -> y [n, rows] in its output format. No allocation or exception.
  void run(const void* x, int64_t n, void* y, void* scratch) const noexcept;

  /// The same with the scales of the rows given (kernels/quantize): float32 inputs with method dynamic or dynamic_decay
  /// alone.
  void run_scaled(const float* x, const float* row_scale, int64_t n, float* y, void* scratch) const noexcept;

  /// Whether x is float32 that becomes integers with a scale per row.
  bool dynamic() const { return dynamic_; }
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  int64_t scratch_bytes() const { return kernel_ ? static_cast<int64_t>(kernel_->scratch_bytes()) : 0; }

 private:
  int64_t rows_ = 0, columns_ = 0;
  bool dynamic_ = false;
  std::unique_ptr<kernels::DenseKernel> kernel_;  ///< integer products, or
  std::unique_ptr<FloatProduct> real_;
};

}  // namespace quantick
