#include <algorithm>
#include <cmath>

#include "quantick/core/thread_pool.h"
#include "quantick/kernels/activation/activation.h"
#include "quantick/ops/elementwise/unary.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

/// Below, the result is +0 (it would be above -2e-6): the sigmoid's pieces end there, and x would scale their rest.
constexpr float kSiluLowest = -16.0f;

/// x * sigmoid(x) in float32; y may be x.
void silu_f32(const float* x, int64_t n, float* y, Isa isa) noexcept {
  constexpr int64_t kBlock = 256;
  float gate[kBlock];
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = std::min(kBlock, n - begin);
    kernels::sigmoid_f32(x + begin, gate, count, isa);
    for (int64_t i = 0; i < count; ++i) y[begin + i] = x[begin + i] < kSiluLowest ? 0.0f : x[begin + i] * gate[i];
  }
}

struct Silu : Unary<Silu> {
  static constexpr std::string_view name = "silu", onnx = "", family = "activation";
  static constexpr std::string_view summary = "x * sigmoid(x), also called swish (Elfwing et al. 2018).";
  /// The sigmoid's own error (2.6e-7), times x up to 16.
  static constexpr double tolerance = 5e-6;
  static constexpr double low = -18, high = 18;

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    if (in[0].dtype() == DType::f64)
      return {map_unary<double, double>(in[0], [](double v) { return v / (1 + std::exp(-v)); })};
    const Array x = in[0].contiguous();
    Array y = Array::empty(x.shape());
    const float* from = x.data<float>();
    float* to = y.mutable_data<float>();
    parallel_ranges(x.size(), kElementwiseGrain,
                    [=](int64_t begin, int64_t end) { silu_f32(from + begin, end - begin, to + begin, active_isa()); });
    return {y};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.prepare = [](const PrepareCall& call) {
      const int64_t width = call.input_types[0].shape.size();
      return make_row_node(call, width, [=, isa = active_isa()](const float* x, int64_t rows, float* y) {
        silu_f32(x, rows * width, y, isa);
      });
    };
    return form;
  }

  static double exact(double v) { return v * std::exp(v) / (1 + std::exp(v)); }
  static Array slope(const Array& x, const Array&) {
    const Array gate = sigmoid(x);
    return gate * (1.0 + x * (1.0 - gate));
  }
};

}  // namespace

const Operator& silu_operator() { return operator_row<Silu>(); }

Array silu(const Array& x) { return invoke1(silu_operator(), {}, {x}); }

}  // namespace quantick
