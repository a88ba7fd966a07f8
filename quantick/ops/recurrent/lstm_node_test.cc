// The LSTM's node in every precision: against the contract worked out step by step, the float operator, and itself over
// instruction sets, batch rows and steps.
#include "quantick/ops/recurrent/lstm_node.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/kernels/activation/pieces.h"
#include "quantick/kernels/gemm_f32/gemm.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/ops.h"
#include "quantick/tensor/random_array.h"

namespace quantick {
namespace {

Array uniform(const Shape& shape, double bound, const Key& key) { return uniform_array(shape, -bound, bound, key); }

struct Sizes {
  int64_t steps = 9, batch = 3, inputs = 7, units = 5;
};

/// A random layer and window, its input on the grid of `format`, and the node made from it.
struct Case {
  Sizes s;
  Array x, w_ih, w_hh, b_ih, b_hh;
  TensorFormat format;
  Precision precision;
  LowerCall lower;
  PrepareCall prepare;
  Attributes attributes;

  Case(const Sizes& sizes, const Precision& wanted, const TensorFormat& of_x = {}) : s(sizes), format(of_x) {
    const Key key = Key(7).fold("lstm node");
    x = uniform({s.steps, s.batch, s.inputs}, 2, key.fold("x"));
    if (format.quantized()) {
      std::vector<float> v = x.to_vector<float>();
      for (float& q : v) q = std::rint(q / format.scale) * format.scale;
      x = Array::from(v, x.shape());
    }
    w_ih = uniform({4 * s.units, s.inputs}, 0.8, key.fold("w_ih"));
    w_hh = uniform({4 * s.units, s.units}, 0.8, key.fold("w_hh"));
    b_ih = uniform({4 * s.units}, 1, key.fold("b_ih")), b_hh = uniform({4 * s.units}, 1, key.fold("b_hh"));
    precision = wanted;
    lower.inputs = prepare.inputs = {format};
    lower.parameters = {w_ih, w_hh, b_ih, b_hh};
    lower.precision = prepare.precision = precision;
    lower.lead_axes = prepare.lead_axes = 2;
    prepare.input_types = lower.input_types = {{format.dtype, Shape{s.inputs}}};
    lower.output = prepare.output = precision.real() ? TensorFormat{} : kQ15;
    prepare.output_type = {prepare.output.dtype, Shape{s.units}};
    prepare.constants = lower_lstm(lower);
  }

  /// Codes of x as the node reads them.
  Array input() const {
    if (!format.quantized()) return x;
    std::vector<double> v = x.to_vector<double>();
    for (double& q : v) q = std::rint(q / static_cast<double>(format.scale)) + format.zero_point;
    return Array::from(v, x.shape()).astype(format.dtype);
  }

  Array run(Isa isa, int64_t first, int64_t rows, int64_t at_once, NodeCounters* counters = nullptr) const {
    const ForcedIsa forced(isa);
    const auto node = prepare_lstm(prepare);
    const Array codes = input().slice(1, first, first + rows).copy();
    Array out = Array::zeros({s.steps, rows, s.units}, prepare.output.dtype);
    std::vector<double> state(static_cast<size_t>(node->state_bytes() * rows / 8 + 1));
    std::vector<double> scratch(static_cast<size_t>(node->scratch_bytes(at_once, rows) / 8 + 8));
    for (int64_t t = 0; t < s.steps; t += at_once) {
      const void* from = codes.raw() + t * rows * s.inputs * dtype_size(codes.dtype());
      const IntegerNode::Call call{.steps = std::min(at_once, s.steps - t),
                                   .batch = rows,
                                   .inputs = std::span(&from, 1),
                                   .output = out.mutable_raw() + t * rows * s.units * dtype_size(out.dtype()),
                                   .state = state.data(),
                                   .scratch = scratch.data()};
      if (counters)
        node->run_counted(call, *counters);
      else
        node->run(call);
    }
    return out;
  }
  Array run() const { return run(active_isa(), 0, s.batch, s.steps); }

  /// Real values of the node's output.
  std::vector<double> values() const {
    std::vector<double> v = run().to_vector<double>();
    for (double& h : v) h *= static_cast<double>(prepare.output.scale);
    return v;
  }
  std::vector<double> float_values() const { return lstm(x, w_ih, w_hh, b_ih, b_hh)[0].to_vector<double>(); }
  double largest_error() const {
    const auto got = values(), want = float_values();
    double largest = 0;
    for (size_t i = 0; i < got.size(); ++i) largest = std::max(largest, std::abs(got[i] - want[i]));
    return largest;
  }
};

const TensorFormat kInt8{DType::i8, 0.021f, 9}, kInt16{DType::i16, 0x1p-13f, 0};

/// Every way to keep numbers that the layer has.
std::vector<Precision> all_precisions() {
  std::vector<Precision> out;
  for (const char* method : {"static", "dynamic", "dynamic_decay", "weight_only"}) {
    out.push_back({.method = method});
    for (const char* dtype : {"int2", "int4", "int9", "int16"})
      out.push_back({.method = method, .weight_dtype = dtype});
    out.push_back({.method = method, .gate_weight_bits = {3, 8, 4, 12}});
    out.push_back({.method = method, .granularity = "tensor-wise"});
    out.push_back({.method = method, .granularity = "group-wise", .group_size = 3});
    out.push_back({.method = method, .weight_dtype = "int4", .granularity = "group-wise", .group_size = 2});
    out.push_back({.method = method, .power_of_two = true});
  }
  for (const char* method : {"static", "dynamic", "dynamic_decay"}) {
    out.push_back({.method = method, .gate_bits = {16, 8, 12, 4}});
    out.push_back({.method = method, .state_bits = 12, .state_top = 4});
    out.push_back({.method = method, .hidden_bits = 8});
  }
  for (const char* dtype : {"float32", "bf16", "fp16"}) out.push_back({.method = "float32", .weight_dtype = dtype});
  return out;
}

std::string describe(const Precision& p) {
  return p.method + " " + p.weight_dtype + " " + p.granularity + (p.power_of_two ? " power of two" : "") + " h" +
         std::to_string(p.hidden_bits) + " state " + std::to_string(p.state_bits) + " gates " +
         std::to_string(p.gate_bits.size()) + "/" + std::to_string(p.gate_weight_bits.size());
}

std::vector<TensorFormat> formats_of(const Precision& p) {
  if (p.method == "static") return {kInt8, kInt16};
  return {TensorFormat{}};
}

TEST(LstmNode, RowsAndStepsGiveTheSameBitsInEveryPrecision) {
  for (const Sizes& sizes : {Sizes{}, Sizes{5, 67, 3, 17}})
    for (const Precision& precision : all_precisions())
      for (const TensorFormat& format : formats_of(precision)) {
        const Case c(sizes, precision, format);
        for (const Isa isa : supported_isas()) {
          const std::string what = describe(precision) + " on " + std::string(isa_name(isa));
          const Array window = c.run(isa, 0, sizes.batch, sizes.steps);
          ASSERT_TRUE(same_bits(c.run(isa, 0, sizes.batch, 1), window)) << what << ", step by step";
          ASSERT_TRUE(same_bits(c.run(isa, 0, sizes.batch, 2), window)) << what << ", in pairs of steps";
          for (const int64_t row : {int64_t{0}, sizes.batch - 1})
            ASSERT_TRUE(same_bits(c.run(isa, row, 1, sizes.steps), window.slice(1, row, row + 1))) << what << row;
          if (!precision.real()) {
            ASSERT_TRUE(same_bits(window, c.run(Isa::scalar, 0, sizes.batch, sizes.steps))) << what << ", oracle";
          }
        }
      }
}

TEST(LstmNode, CountingLeavesTheBitsAndCountsNarrowStates) {
  for (const Precision& precision : all_precisions())
    for (const TensorFormat& format : formats_of(precision)) {
      const Case c({}, precision, format);
      NodeCounters counters;
      ASSERT_TRUE(same_bits(c.run(active_isa(), 0, 3, 9, &counters), c.run())) << describe(precision);
      const bool narrow = !precision.gate_bits.empty() || precision.state_bits < 24;
      if (!narrow) {
        EXPECT_EQ(counters.saturations, 0) << describe(precision);
      }
    }
  NodeCounters counters;
  Case({}, {.state_bits = 3}, kInt8).run(active_isa(), 0, 3, 9, &counters);
  EXPECT_GT(counters.saturations, 0);
  EXPECT_GT(counters.dead_zone, 0);
}

/// Sections 2 and 4 of the contract for the dynamic methods, one unit at a time.
std::vector<double> dynamic_truth(const Case& c) {
  const auto [T, N, I, H] = c.s;
  const QuantizedWeight wx = quantize_weight(c.w_ih, 8, {}, 1, "test"), wh = quantize_weight(c.w_hh, 8, {}, 1, "test");
  const auto qx = wx.values.to_vector<int>(), qh = wh.values.to_vector<int>();
  const auto x = c.x.to_vector<float>(), b_ih = c.b_ih.to_vector<float>(), b_hh = c.b_hh.to_vector<float>();
  const bool decay = c.precision.method == "dynamic_decay";
  std::vector<double> out(static_cast<size_t>(T * N * H));
  for (int64_t n = 0; n < N; ++n) {
    std::vector<int> h(H, 0);
    std::vector<float> cell(H, 0.0f);
    float maximum = 0;
    for (int64_t t = 0; t < T; ++t) {
      const float* row = x.data() + (t * N + n) * I;
      float largest = 0;
      for (int64_t k = 0; k < I; ++k) largest = std::max(largest, std::fabs(row[k]));
      maximum = decay ? std::max(largest, static_cast<float>(c.precision.decay) * maximum) : largest;
      const float s = maximum < 0x1p-100f ? 1.0f : maximum / 127.0f;
      std::vector<int> next(H);
      for (int64_t u = 0; u < H; ++u) {
        float p[4];
        for (int64_t g = 0; g < 4; ++g) {
          const int64_t r = g * H + u;
          int64_t ax = 0, ah = 0;
          for (int64_t k = 0; k < I; ++k) ax += qx[r * I + k] * static_cast<int64_t>(std::rint(row[k] / s));
          for (int64_t k = 0; k < H; ++k) ah += qh[r * H + k] * h[k];
          const float scale = s * wx.scales[r];
          const float product = static_cast<float>(ax) * scale;
          const float biased = product + (b_ih[r] + b_hh[r]);
          const float hidden = static_cast<float>(ah) * (0x1p-15f * wh.scales[r]);
          p[g] = biased + hidden;
        }
        const float kept = kernels::sigmoid1(p[1]) * cell[u];
        const float added = kernels::sigmoid1(p[0]) * kernels::tanh1(p[2]);
        cell[u] = kept + added;
        next[u] = static_cast<int>(std::rint((kernels::sigmoid1(p[3]) * kernels::tanh1(cell[u])) * 32768.0f));
        out[(t * N + n) * H + u] = next[u] / 32768.0;
      }
      h = next;
    }
  }
  return out;
}

TEST(LstmNode, DynamicInputsFollowTheWrittenOrder) {
  for (const char* method : {"dynamic", "dynamic_decay"})
    for (const double decay : {0.5, 0.999}) {
      const Case c({20, 3, 7, 5}, {.method = method, .decay = decay});
      EXPECT_EQ(c.values(), dynamic_truth(c)) << method;
    }
  const Case row({}, {.method = "dynamic"}), past({}, {.method = "dynamic_decay"});
  EXPECT_NE(row.values(), past.values());
}

TEST(LstmNode, DynamicLayersReadIntegersWithTheirKnownScale) {
  EXPECT_TRUE(same_bits(Case({}, {.method = "dynamic"}, kInt8).run(), Case({}, {}, kInt8).run()));
}

TEST(LstmNode, DynamicScalesLookNeitherAheadNorAtOtherRows) {
  for (const char* method : {"dynamic", "dynamic_decay"}) {
    Case c({}, {.method = method});
    const Array before = c.run();
    std::vector<float> x = c.x.to_vector<float>();
    const auto row = static_cast<size_t>(c.s.inputs);
    for (size_t i = x.size() - 3 * row; i < x.size(); ++i) x[i] *= 50;  // the last step
    for (size_t i = 0; i < x.size(); ++i)
      if (i / row % 3 == 2) x[i] *= 9;  // the last row
    c.x = Array::from(x, c.x.shape());
    const Array after = c.run();
    EXPECT_TRUE(same_bits(after.slice(0, 0, 8).slice(1, 0, 2), before.slice(0, 0, 8).slice(1, 0, 2))) << method;
    EXPECT_FALSE(same_bits(after, before));
  }
}

TEST(LstmNode, FloatWeightsGiveTheOperatorsSums) {
  for (const Sizes& sizes : {Sizes{}, Sizes{5, 67, 3, 17}, Sizes{3, 2, 130, 9}}) {
    const Case c(sizes, {.method = "float32", .weight_dtype = "float32"});
    EXPECT_LT(c.largest_error(), 2e-6);  // the operator sums x and h in one chain
  }
  // Where the operator's chain is cut between x and h, the sums are the same ones.
  const Case c({3, 2, kernels::kGemmDepth, 9}, {.method = "float32", .weight_dtype = "float32"});
  EXPECT_TRUE(same_bits(c.run(), lstm(c.x, c.w_ih, c.w_hh, c.b_ih, c.b_hh)[0]));
}

TEST(LstmNode, TwoByteWeightsGiveTheBitsOfTheirFloat32Values) {
  for (const char* dtype : {"bf16", "fp16"})
    for (const Isa isa : supported_isas()) {
      const Case two_bytes({5, 3, 21, 19}, {.method = "float32", .weight_dtype = dtype});
      Case widened({5, 3, 21, 19}, {.method = "float32", .weight_dtype = "float32"});
      for (NamedArray& constant : widened.prepare.constants)
        if (constant.name != "bias")
          constant.value = real_weight(two_bytes.prepare, constant.name, constant.value.shape()[1]);
      const auto run = [&](const Case& c) { return c.run(isa, 0, c.s.batch, 1); };
      EXPECT_TRUE(same_bits(run(two_bytes), run(widened))) << dtype << ", " << isa_name(isa);
    }
}

TEST(LstmNode, WiderWeightsAreNearerToTheFloatOperator) {
  for (const char* method : {"static", "dynamic", "weight_only"}) {
    const TensorFormat format = std::string(method) == "static" ? kInt16 : TensorFormat{};
    const auto error = [&](const char* dtype) {
      return Case({}, {.method = method, .weight_dtype = dtype}, format).largest_error();
    };
    EXPECT_LT(error("int8"), 0.02) << method;
    EXPECT_LT(error("int8"), error("int4") / 4) << method;
    EXPECT_LT(error("int16"), std::string(method) == "dynamic" ? 0.02 : 1e-3) << method;
  }
  const auto real = [](const char* dtype) {
    return Case({}, {.method = "float32", .weight_dtype = dtype}).largest_error();
  };
  EXPECT_LT(real("bf16"), 0.01);
  EXPECT_LT(real("fp16"), real("bf16") / 2);
  EXPECT_GT(real("fp16"), 0);
}

TEST(LstmNode, EachGateMayHaveItsOwnWeightBits) {
  const Case c({}, {.gate_weight_bits = {2, 8, 3, 5}}, kInt8);
  const Array wx = unpack_codes(c.prepare.constant("wx"), c.s.inputs);
  const int limits[] = {1, 127, 3, 15};
  for (int64_t g = 0; g < 4; ++g) {
    int largest = 0;
    for (const int q : wx.slice(0, g * 5, g * 5 + 5).to_vector<int>()) largest = std::max(largest, std::abs(q));
    EXPECT_EQ(largest, limits[g]);
  }
  const Case wide({}, {.gate_weight_bits = {8, 8, 8, 9}}, kInt8);
  EXPECT_EQ(wide.prepare.constant("wh").dtype(), DType::i16);
  EXPECT_EQ(Case({}, {.weight_dtype = "int4"}, kInt8).prepare.constant("wh").dtype(), DType::u8);
}

TEST(LstmNode, RefusesWhatDoesNotFit) {
  const auto refusal = [](auto&& make) {
    try {
      make();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(refusal([] {
              Case({}, {.gate_bits = {8, 8, 8}}, kInt8);
            }).find("gate_bits, was a list of 3, expected 4, one per gate"),
            std::string::npos);
  EXPECT_NE(refusal([] { Case({}, {.method = "weight_only", .gate_weight_bits = {8}}); }).find("gate_weight_bits"),
            std::string::npos);
  Case c({}, {}, kInt8);
  std::erase_if(c.prepare.constants, [](const NamedArray& a) { return a.name == "bx"; });
  EXPECT_NE(refusal([&] { c.run(); }).find("constant bx, was missing"), std::string::npos);
  Case wrong({}, {.method = "weight_only"});
  wrong.prepare.output = kQ15;
  EXPECT_NE(refusal([&] { wrong.run(); }).find("expected float32"), std::string::npos);
}

/// Section 4 of the contract for a projection: static int8 input, one unit at a time.
TEST(LstmNode, ProjectionsFollowTheWrittenOrder) {
  const Case c({15, 2, 7, 6}, {}, kInt8);
  const int64_t T = c.s.steps, N = c.s.batch, I = c.s.inputs, H = c.s.units, P = 3;
  const Array w_hh = uniform({4 * H, P}, 0.8, Key(8)), w_hr = uniform({P, H}, 1.5, Key(9));
  LowerCall lower = c.lower;
  lower.parameters = {c.w_ih, w_hh, c.b_ih, c.b_hh, w_hr};
  PrepareCall prepare = c.prepare;
  prepare.constants = lower_lstm_projection(lower);
  const float scale = prepare.constant("scale_r").data<float>()[0];
  prepare.output = {DType::i16, scale, 0};
  prepare.output_type = {DType::i16, Shape{P}};

  const auto bias = [&] {
    std::vector<double> b = c.b_ih.to_vector<double>(), second = c.b_hh.to_vector<double>();
    for (size_t i = 0; i < b.size(); ++i) b[i] += second[i];
    return b;
  }();
  const QuantizedWeight wx = quantize_weight(c.w_ih, 8, bias, kInt8.scale, "test");
  const QuantizedWeight wh = quantize_weight(w_hh, 8, {}, 1, "test"), wr = quantize_weight(w_hr, 8, {}, 1, "test");
  const std::vector<int64_t> bx = quantize_bias(bias, kInt8.scale, kInt8.zero_point, wx, "test");
  const auto qx = wx.values.to_vector<int>(), qh = wh.values.to_vector<int>(), qr = wr.values.to_vector<int>();
  double bound = 0;
  for (int64_t j = 0; j < P; ++j) {
    double sum = 0;
    for (int64_t k = 0; k < H; ++k) sum += std::abs(qr[j * H + k]) * static_cast<double>(wr.scales[j]);
    bound = std::max(bound, sum);
  }
  EXPECT_LE(bound, std::ldexp(static_cast<double>(scale), 15));
  EXPECT_GT(2 * bound, std::ldexp(static_cast<double>(scale), 15));

  const auto x = c.input().to_vector<int>();
  std::vector<int> want(static_cast<size_t>(T * N * P));
  for (int64_t n = 0; n < N; ++n) {
    std::vector<int> r(P, 0), h(H);
    std::vector<float> cell(H, 0.0f);
    for (int64_t t = 0; t < T; ++t) {
      for (int64_t u = 0; u < H; ++u) {
        float p[4];
        for (int64_t g = 0; g < 4; ++g) {
          const int64_t row = g * H + u;
          int64_t ax = bx[row], ah = 0;
          for (int64_t k = 0; k < I; ++k) ax += qx[row * I + k] * x[(t * N + n) * I + k];
          for (int64_t k = 0; k < P; ++k) ah += qh[row * P + k] * r[k];
          const float first = static_cast<float>(ax) * (kInt8.scale * wx.scales[row]);
          const float second = static_cast<float>(ah) * (scale * wh.scales[row]);
          p[g] = first + second;
        }
        const float kept = kernels::sigmoid1(p[1]) * cell[u];
        const float added = kernels::sigmoid1(p[0]) * kernels::tanh1(p[2]);
        cell[u] = kept + added;
        h[u] = static_cast<int>(std::rint((kernels::sigmoid1(p[3]) * kernels::tanh1(cell[u])) * 32768.0f));
      }
      for (int64_t j = 0; j < P; ++j) {
        int64_t sum = 0;
        for (int64_t k = 0; k < H; ++k) sum += qr[j * H + k] * h[k];
        r[j] = static_cast<int>(std::rint(static_cast<float>(sum) * (0x1p-15f * wr.scales[j] / scale)));
        want[(t * N + n) * P + j] = r[j];
      }
    }
  }

  const auto node = prepare_lstm_projection(prepare);
  const Array codes = c.input();
  std::vector<int16_t> got(want.size());
  std::vector<double> state(static_cast<size_t>(node->state_bytes() * N / 8 + 1));
  std::vector<double> scratch(static_cast<size_t>(node->scratch_bytes(T, N) / 8 + 8));
  const void* from = codes.raw();
  node->run({.steps = T,
             .batch = N,
             .inputs = std::span(&from, 1),
             .output = got.data(),
             .state = state.data(),
             .scratch = scratch.data()});
  EXPECT_EQ(std::vector<int>(got.begin(), got.end()), want);
}

TEST(LstmNode, StateRangeIsTheLargestCell) {
  const Case c({}, {}, kInt8);
  const Arrays inputs = {c.x, c.w_ih, c.w_hh, c.b_ih, c.b_hh};
  const double range = find_operator("lstm").integer.state_range({}, inputs);
  double largest = 0;
  for (int64_t t = 1; t <= c.s.steps; ++t)
    for (const double v : lstm(c.x.slice(0, 0, t), c.w_ih, c.w_hh, c.b_ih, c.b_hh)[2].to_vector<double>())
      largest = std::max(largest, std::abs(v));
  EXPECT_EQ(range, largest);
}

}  // namespace
}  // namespace quantick
