#pragma once
// A product in float32 inside a fixed-bits program (methods weight_only and float32): packed once, then run without
// allocation. The bits of a row do not depend on the other rows; instruction sets may differ in the last bits
// (kernels/gemm_f32).
#include <string>
#include <vector>

#include "quantick/kernels/gemm_f32/gemm.h"
#include "quantick/ops/integer_form.h"
#include "quantick/tensor/array.h"

namespace quantick {

class FloatProduct {
 public:
  /// weight float32 [rows, columns]; bias float32 [rows], or undefined for none.
  explicit FloatProduct(const Array& weight, const Array& bias = {});

  /// The node's constant `weight` of that many columns, as lower_real_weight (lowering.h) kept it; bf16 and fp16 stay
  /// in their two bytes, with the bits of the product with float32 values. Throws FormatError.
  FloatProduct(const PrepareCall& call, const std::string& weight, int64_t columns, const Array& bias = {});

  /// x [n, columns] -> y [n, rows] = x * weight^T, then + bias.
  void run(const float* x, int64_t n, float* y) const noexcept;

  int64_t rows() const { return packed_.width(); }
  int64_t columns() const { return packed_.depth(); }

 private:
  void pack(const Array& weight);
  void set_bias(const Array& bias);

  kernels::PackedMatrix packed_;
  std::vector<float> bias_;
};

}  // namespace quantick
