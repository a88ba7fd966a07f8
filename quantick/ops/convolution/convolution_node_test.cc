// Convolutions of a program: against the written contract in plain loops, for every method, in windows and in steps.
#include "quantick/ops/convolution/convolution_node.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "quantick/core/cpu.h"
#include "quantick/core/large_pages.h"
#include "quantick/kernels/quantize/requantize.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/ops.h"
#include "quantick/tensor/random_array.h"

namespace quantick {
namespace {

Array random(const Shape& shape, uint64_t seed) { return uniform_array(shape, -1, 1, Key(seed)); }

/// One node with its constants.
struct Node {
  Node(std::string_view name, const Attributes& attrs, const Array& weight, const Array& bias, const TensorFormat& x,
       const TensorFormat& y, const Shape& x_row, const Shape& y_row, const Precision& precision, int lead)
      : attributes(attrs), steps_first(lead == 2), out_dtype(y.dtype), x_size(x_row.size()), y_size(y_row.size()) {
    const Operator& op = find_operator(name);
    const LowerCall lower{.attributes = &attributes,
                          .layer = "test",
                          .inputs = {x},
                          .parameters = {weight, bias},
                          .output = y,
                          .precision = precision,
                          .lead_axes = lead,
                          .input_types = {{x.dtype, x_row}}};
    constants = op.integer.lower(lower);
    const PrepareCall prepare{.attributes = &attributes,
                              .inputs = {x},
                              .input_types = {{x.dtype, x_row}},
                              .output = y,
                              .output_type = {y.dtype, y_row},
                              .constants = constants,
                              .precision = precision,
                              .lead_axes = lead};
    node = op.integer.prepare(prepare);
  }

  /// x [steps, batch, ...], `at_once` steps at a time from a state of zeros.
  Array run(const Array& x, int64_t at_once) const {
    const int64_t steps = x.shape()[0], batch = x.shape()[1];
    Array y = Array::zeros({steps, batch, y_size}, out_dtype);
    std::vector<std::byte> state(static_cast<size_t>(node->state_bytes() * batch));
    for (int64_t t = 0; t < steps; t += at_once) run(x, t, std::min(at_once, steps - t), y, state.data());
    return y;
  }

  void run(const Array& x, int64_t first, int64_t steps, Array& y, void* state) const {
    const int64_t batch = x.shape()[1];
    std::vector<std::byte> scratch(static_cast<size_t>(node->scratch_bytes(steps, batch)));
    const void* in = x.raw() + first * batch * x_size * dtype_size(x.dtype());
    node->run({.steps = steps,
               .batch = batch,
               .inputs = {&in, 1},
               .output = y.mutable_raw() + first * batch * y_size * dtype_size(out_dtype),
               .state = state,
               .scratch = scratch.data()});
  }

  const Array& constant(std::string_view name) const {
    for (const NamedArray& c : constants)
      if (c.name == name) return c.value;
    throw std::out_of_range(std::string(name));
  }

  Attributes attributes;
  bool steps_first;
  DType out_dtype;
  int64_t x_size, y_size;
  std::vector<NamedArray> constants;
  std::unique_ptr<IntegerNode> node;
};

Array codes(const Array& x, const TensorFormat& format) {
  std::vector<double> v = x.to_vector<double>();
  for (double& q : v) q = std::clamp(std::rint(q / format.scale) + format.zero_point, -128.0, 127.0);
  return Array::from(v, x.shape()).astype(format.dtype);
}

Attributes causal(int64_t dilation, int64_t groups) { return {{"dilation", dilation}, {"groups", groups}}; }

constexpr TensorFormat kX{DType::i8, 0.01f, -17}, kY{DType::i8, 0.03f, 9};

TEST(CausalConvolutionNode, IsTheContract) {
  const int64_t T = 23, N = 3, C = 5, O = 7, K = 3, D = 2;
  const Array weight = random({O, C, K}, 1), bias = random({O}, 2);
  const Node node("causal_convolution", causal(D, 1), weight, bias, kX, kY, {C}, {O}, {}, 2);
  const Array x = codes(random({T, N, C}, 3), kX);
  const auto q = x.to_vector<int64_t>(), w = node.constant("weight").to_vector<int64_t>(),
             b = node.constant("bias").to_vector<int64_t>();
  const auto scale = node.constant("scale").to_vector<float>();
  std::vector<int8_t> want;
  for (int64_t t = 0; t < T; ++t)
    for (int64_t n = 0; n < N; ++n)
      for (int64_t o = 0; o < O; ++o) {
        int64_t sum = b[static_cast<size_t>(o)];
        for (int64_t k = 0; k < K; ++k)
          for (int64_t c = 0; c < C; ++c) {
            const int64_t at = t - (K - 1 - k) * D;  // the newest tap comes last
            const int64_t v = at < 0 ? kX.zero_point : q[static_cast<size_t>((at * N + n) * C + c)];
            sum += v * w[static_cast<size_t>((o * K + k) * C + c)];
          }
        want.push_back(static_cast<int8_t>(
            kernels::requantize(sum, scale[static_cast<size_t>(o)], kernels::output_limits(8, kY.zero_point))));
      }
  EXPECT_TRUE(same_bits(node.run(x, T), Array::from(want, {T, N, O})));
}

TEST(ConvolutionNode, IsTheContract) {
  const int64_t N = 2, C = 4, H = 6, W = 5, O = 6, G = 2;
  const Array weight = random({O, C / G, 3, 2}, 1), bias = random({O}, 2);
  const Attributes attributes = {{"strides", std::vector<int64_t>{2, 1}},
                                 {"pads", std::vector<int64_t>{1, 0, 1, 1}},
                                 {"dilations", std::vector<int64_t>{1, 2}},
                                 {"groups", G}};
  const int64_t h = 3, w = 4;  // of the result
  const Node node("convolution", attributes, weight, bias, kX, kY, {C, H, W}, {O, h, w}, {}, 1);
  const Array x = codes(random({1, N, C * H * W}, 3), kX);
  const auto q = x.to_vector<int64_t>();
  std::vector<int8_t> want;
  for (int64_t n = 0; n < N; ++n)
    for (int64_t o = 0; o < O; ++o) {
      const std::string prefix = o < O / G ? "g0_" : "g1_";
      const auto row = static_cast<size_t>(o % (O / G));
      const auto weights = node.constant(prefix + "weight").to_vector<int64_t>();
      for (int64_t r = 0; r < h; ++r)
        for (int64_t s = 0; s < w; ++s) {
          int64_t sum = node.constant(prefix + "bias").to_vector<int64_t>()[row];
          size_t at = row * static_cast<size_t>(3 * 2 * C / G);
          for (int64_t a = 0; a < 3; ++a)
            for (int64_t b = 0; b < 2; ++b)
              for (int64_t c = 0; c < C / G; ++c) {
                const int64_t v = r * 2 + a - 1, u = s + 2 * b, channel = o / (O / G) * (C / G) + c;
                const bool inside = v >= 0 && v < H && u < W;
                const auto from = static_cast<size_t>(((n * C + channel) * H + v) * W + u);
                sum += (inside ? q[from] : kX.zero_point) * weights[at++];
              }
          want.push_back(static_cast<int8_t>(kernels::requantize(
              sum, node.constant(prefix + "scale").to_vector<float>()[row], kernels::output_limits(8, kY.zero_point))));
        }
    }
  EXPECT_TRUE(same_bits(node.run(x, 1), Array::from(want, {1, N, O * h * w})));
}

struct Method {
  std::string name;
  Precision precision;
  double tolerance;
};

std::vector<Method> methods() {
  return {{"dynamic", {.method = "dynamic"}, 0.04},
          {"dynamic decay", {.method = "dynamic_decay", .decay = 0.9}, 0.2},
          {"weight only", {.method = "weight_only"}, 0.03},
          {"4 bits", {.method = "weight_only", .weight_dtype = "int4"}, 0.5},
          {"groups", {.method = "dynamic", .granularity = "group-wise", .group_size = 4}, 0.04},
          {"bf16", {.method = "float32", .weight_dtype = "bf16"}, 0.03},
          {"float32", {.method = "float32", .weight_dtype = "float32"}, 1e-5}};
}

TEST(CausalConvolutionNode, EveryMethodStaysNearFloatAndStepsAreTheWindow) {
  const int64_t T = 40, N = 3, C = 6, O = 8;
  const TensorFormat real;
  for (const int64_t groups : {1, 2})
    for (const Method& method : methods()) {
      const Array weight = random({O, C / groups, 3}, 1), bias = random({O}, 2), x = random({T, N, C}, 3);
      const Node node("causal_convolution", causal(4, groups), weight, bias, real, real, {C}, {O}, method.precision, 2);
      const Array y = node.run(x, T);
      const Array want = causal_convolution(x, weight, bias, 4, groups);
      EXPECT_LT(max(abs(y - want)).item(), method.tolerance) << method.name;
      EXPECT_TRUE(same_bits(node.run(x, 1), y)) << method.name << ", step by step";
      EXPECT_TRUE(same_bits(node.run(x, 7), y)) << method.name << ", in pieces";
      const Array alone = node.run(x.slice(1, 1, 2).copy(), T);
      EXPECT_TRUE(same_bits(alone, y.slice(1, 1, 2).copy())) << method.name << ", one row alone";
      EXPECT_TRUE(same_bits(node.run(x.slice(0, 0, 20).copy(), 20), y.slice(0, 0, 20).copy())) << method.name;
    }
}

TEST(CausalConvolutionNode, ColumnsAreRowsOfABatch) {
  const int64_t T = 9, N = 2, W = 5, C = 4, O = 6;
  const TensorFormat real;
  for (const char* method : {"static", "dynamic", "dynamic_decay"})
    for (const int64_t groups : {1, 2}) {
      const bool known = std::string_view(method) == "static";
      const TensorFormat in = known ? kX : real, out = known ? kY : real;
      const Array weight = random({O, C / groups, 3}, 1), bias = random({O}, 2), x = random({T, N, W, C}, 3);
      const Precision precision{.method = method};
      const Node wide("causal_convolution", causal(2, groups), weight, bias, in, out, {W, C}, {W, O}, precision, 2);
      const Node narrow("causal_convolution", causal(2, groups), weight, bias, in, out, {C}, {O}, precision, 2);
      const Array input = known ? codes(x, kX) : x;
      const Array want = narrow.run(input.reshape({T, N * W, C}), T).reshape({T, N, W * O});
      for (const int64_t at_once : {T, int64_t{4}, int64_t{1}})
        EXPECT_TRUE(same_bits(wide.run(input, at_once), want)) << method << ", " << at_once << " steps at once";
    }
}

TEST(CausalConvolutionNode, SumsOlderTapsAheadWhereThatIsExact) {
  const Array weight = random({6, 8, 3}, 1), bias = random({6}, 2);
  const TensorFormat real, wide{DType::i16, 1e-4f, 0};
  const auto pending = [&](const Array& w, const TensorFormat& x, const TensorFormat& y, const Precision& precision) {
    const Shape in{w.shape()[1]}, out{w.shape()[0]};
    return Node("causal_convolution", causal(1, 1), w, bias, x, y, in, out, precision, 2).node->pending_bytes();
  };
  EXPECT_EQ(pending(weight, kX, kY, {}), 6 * 4);
  EXPECT_EQ(pending(weight, wide, wide, {}), 6 * 4);
  EXPECT_EQ(pending(weight, kX, real, {.weight_dtype = "int4"}), 6 * 4);
  EXPECT_EQ(pending(weight, kX, kY, {.weight_dtype = "int12"}), 0);
  EXPECT_EQ(pending(weight, kX, kY, {.granularity = "group-wise", .group_size = 4}), 0);
  EXPECT_EQ(pending(weight, real, real, {.method = "dynamic"}), 0);
  EXPECT_EQ(pending(weight, real, real, {.method = "weight_only"}), 0);
  EXPECT_EQ(pending(weight.slice(2, 0, 1).copy(), kX, kY, {}), 0) << "one tap";
  EXPECT_EQ(pending(Array::ones({6, 300, 3}), wide, wide, {}), 0) << "sums of 64 bits";
}

TEST(CausalConvolutionNode, WeightsOfFourBitsStreamHalfTheBytes) {
  const Array weight = random({64, 64, 3}, 1), bias = random({64}, 2), x = codes(random({9, 2, 64}, 3), kX);
  const Precision precision{.weight_dtype = "int4"};
  const auto node = [&] {
    return Node("causal_convolution", causal(1, 1), weight, bias, kX, kY, {64}, {64}, precision, 2);
  };
  const auto packed = [&](Isa isa) {
    const ForcedIsa forced(isa);
    Node made = node();
    const auto pool = std::make_shared<LargePages>();
    const PrepareCall prepare{.attributes = &made.attributes,
                              .inputs = {kX},
                              .input_types = {{kX.dtype, Shape{64}}},
                              .output = kY,
                              .output_type = {kY.dtype, Shape{64}},
                              .constants = made.constants,
                              .precision = precision,
                              .lead_axes = 2,
                              .memory = pool};
    const auto kept = find_operator("causal_convolution").integer.prepare(prepare);
    return pool->used();
  };
  const auto run = [&](Isa isa) {
    const ForcedIsa forced(isa);
    return node().run(x, 1);
  };
  const Array want = run(Isa::scalar);
  for (const Isa isa : supported_isas()) {
    EXPECT_TRUE(same_bits(run(isa), want)) << isa_name(isa);
    EXPECT_LT(packed(isa), isa == Isa::avx512vnni ? 64u * 64 * 3 : 2u * 64 * 64 * 3) << isa_name(isa);
  }
}

TEST(ConvolutionNode, EveryMethodStaysNearFloat) {
  const Array weight = random({6, 4, 3, 3}, 1), bias = random({6}, 2), x = random({3, 4, 8, 9}, 3);
  const Attributes attributes = {{"pads", std::vector<int64_t>{1, 1, 1, 1}}};
  const Array want = convolution(x, weight, bias, {}, {1, 1, 1, 1});
  for (const Method& method : methods()) {
    const TensorFormat real;
    const Node node("convolution", attributes, weight, bias, real, real, {4, 8, 9}, {6, 8, 9}, method.precision, 1);
    const Array y = node.run(x.reshape({1, 3, -1}), 1);
    EXPECT_LT(max(abs(y - want.reshape({1, 3, -1}))).item(), method.tolerance * 1.5) << method.name;
  }
}

}  // namespace
}  // namespace quantick
