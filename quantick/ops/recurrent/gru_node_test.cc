// The GRU's node in every precision: against the contract worked out step by step from its constants, the float
// operator, and itself over instruction sets, batch rows and steps.
#include "quantick/ops/recurrent/gru_node.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/kernels/activation/pieces.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/ops.h"
#include "quantick/tensor/random_array.h"

namespace quantick {
namespace {

Array uniform(const Shape& shape, double bound, const Key& key) { return uniform_array(shape, -bound, bound, key); }

const TensorFormat kInt8{DType::i8, 0.021f, 9}, kInt16{DType::i16, 0x1p-13f, 0};

/// A random layer and window, its input on the grid of `format`, and the node made from it.
struct Case {
  int64_t steps = 9, batch = 3, inputs = 7, units = 5;
  Array x;  ///< codes of `format`, or floats
  Arrays parameters;
  TensorFormat format;
  LowerCall lower;
  PrepareCall prepare;
  Attributes attributes;

  explicit Case(const Precision& precision, const TensorFormat& of_x = {}, int64_t rows = 3, int64_t width = 5)
      : batch(rows), units(width), format(of_x) {
    const Key key = Key(7).fold("gru node");
    x = uniform({steps, batch, inputs}, 2, key.fold("x"));
    if (format.quantized()) {
      std::vector<double> v = x.to_vector<double>();
      for (double& q : v) q = std::rint(q / static_cast<double>(format.scale)) + format.zero_point;
      x = Array::from(v, x.shape()).astype(format.dtype);
    }
    parameters = {uniform({3 * units, inputs}, 0.8, key.fold("w_ih")),
                  uniform({3 * units, units}, 0.8, key.fold("w_hh")), uniform({3 * units}, 1, key.fold("b_ih")),
                  uniform({3 * units}, 1, key.fold("b_hh"))};
    lower.inputs = prepare.inputs = {format};
    lower.parameters = parameters;
    lower.precision = prepare.precision = precision;
    lower.lead_axes = prepare.lead_axes = 2;
    prepare.input_types = lower.input_types = {{format.dtype, Shape{inputs}}};
    lower.output = prepare.output = precision.real() ? TensorFormat{} : kQ15;
    prepare.output_type = {prepare.output.dtype, Shape{units}};
    prepare.constants = lower_gru(lower);
  }

  Array run(Isa isa, int64_t first, int64_t rows, int64_t at_once, NodeCounters* counters = nullptr) const {
    const ForcedIsa forced(isa);
    const auto node = prepare_gru(prepare);
    const Array codes = x.slice(1, first, first + rows).copy();
    Array out = Array::zeros({steps, rows, units}, prepare.output.dtype);
    std::vector<double> state(static_cast<size_t>(node->state_bytes() * rows / 8 + 1));
    std::vector<double> scratch(static_cast<size_t>(node->scratch_bytes(at_once, rows) / 8 + 8));
    for (int64_t t = 0; t < steps; t += at_once) {
      const void* from = codes.raw() + t * rows * inputs * dtype_size(codes.dtype());
      const IntegerNode::Call call{.steps = std::min(at_once, steps - t),
                                   .batch = rows,
                                   .inputs = std::span(&from, 1),
                                   .output = out.mutable_raw() + t * rows * units * dtype_size(out.dtype()),
                                   .state = state.data(),
                                   .scratch = scratch.data()};
      if (counters)
        node->run_counted(call, *counters);
      else
        node->run(call);
    }
    return out;
  }
  Array run() const { return run(active_isa(), 0, batch, steps); }

  double largest_error() const {
    std::vector<double> real = x.to_vector<double>();
    if (format.quantized())
      for (double& q : real) q = (q - format.zero_point) * static_cast<double>(format.scale);
    const Array in = Array::from(real, x.shape()).astype(DType::f32);
    const auto want = gru(in, parameters[0], parameters[1], parameters[2], parameters[3])[0].to_vector<double>();
    const auto got = run().to_vector<double>();
    const double unit = prepare.output.quantized() ? 0x1p-15 : 1;
    double largest = 0;
    for (size_t i = 0; i < got.size(); ++i) largest = std::max(largest, std::abs(got[i] * unit - want[i]));
    return largest;
  }
};

std::string describe(const Precision& p) {
  return p.method + " " + p.weight_dtype + " " + p.granularity + (p.power_of_two ? " power of two" : "") + " h" +
         std::to_string(p.hidden_bits) + " state " + std::to_string(p.state_bits);
}

/// Every way to keep numbers that the layer has.
std::vector<Precision> all_precisions() {
  std::vector<Precision> out;
  for (const char* method : {"static", "dynamic", "dynamic_decay", "weight_only"}) {
    for (const char* dtype : {"int8", "int2", "int4", "int9", "int16"})
      out.push_back({.method = method, .weight_dtype = dtype});
    out.push_back({.method = method, .gate_weight_bits = {3, 8, 12}});
    out.push_back({.method = method, .granularity = "tensor-wise"});
    out.push_back({.method = method, .weight_dtype = "int4", .granularity = "group-wise", .group_size = 2});
    out.push_back({.method = method, .power_of_two = true});
  }
  for (const char* method : {"static", "dynamic", "dynamic_decay"}) {
    out.push_back({.method = method, .gate_bits = {16, 8, 12}});
    out.push_back({.method = method, .state_bits = 12});
    out.push_back({.method = method, .hidden_bits = 8});
  }
  for (const char* dtype : {"float32", "bf16", "fp16"}) out.push_back({.method = "float32", .weight_dtype = dtype});
  return out;
}

std::vector<TensorFormat> formats_of(const Precision& p) {
  if (p.method == "static") return {kInt8, kInt16};
  return {TensorFormat{}};
}

/// The contract's section 5, one unit at a time, from the constants of the file: int8 weights, a scale per row.
std::vector<int> truth(const Case& c) {
  const PrepareCall& file = c.prepare;
  const auto wx = file.constant("wx").to_vector<int64_t>(), wh = file.constant("wh").to_vector<int64_t>();
  const auto sx = file.constant("sx").to_vector<float>(), sh = file.constant("sh").to_vector<float>();
  const auto bh = file.constant("bh").to_vector<int64_t>();
  const bool dynamic = !c.format.quantized(), decay = file.precision.method == "dynamic_decay";
  const auto bx = dynamic ? std::vector<int64_t>() : file.constant("bx").to_vector<int64_t>();
  const auto bias = dynamic ? file.constant("bias_x").to_vector<float>() : std::vector<float>();
  const auto x = c.x.to_vector<float>();
  const int64_t I = c.inputs, H = c.units;
  std::vector<int> out(static_cast<size_t>(c.steps * c.batch * H));
  for (int64_t n = 0; n < c.batch; ++n) {
    std::vector<int64_t> h(static_cast<size_t>(H), 0);
    std::vector<float> state(static_cast<size_t>(H), 0.0f);
    float maximum = 0;
    for (int64_t t = 0; t < c.steps; ++t) {
      const float* row = x.data() + (t * c.batch + n) * I;
      float largest = 0;
      for (int64_t k = 0; k < I; ++k) largest = std::max(largest, std::fabs(row[k]));
      maximum = decay ? std::max(largest, static_cast<float>(file.precision.decay) * maximum) : largest;
      const float s = maximum / 127.0f;
      std::vector<int64_t> next(static_cast<size_t>(H));
      for (int64_t u = 0; u < H; ++u) {
        float px[3], ph[3];
        for (int64_t g = 0; g < 3; ++g) {
          const auto r = static_cast<size_t>(g * H + u);
          int64_t ax = dynamic ? 0 : bx[r], ah = bh[r];
          for (int64_t k = 0; k < I; ++k)
            ax += wx[r * I + k] * static_cast<int64_t>(dynamic ? std::rint(row[k] / s) : row[k]);
          for (int64_t k = 0; k < H; ++k) ah += wh[r * H + k] * h[k];
          if (dynamic) {
            const float scale = s * sx[r];
            const float product = static_cast<float>(ax) * scale;
            px[g] = product + bias[r];
          } else {
            px[g] = static_cast<float>(ax) * sx[r];
          }
          ph[g] = static_cast<float>(ah) * sh[r];
        }
        const float inner = kernels::sigmoid1(px[0] + ph[0]) * ph[2];
        const float z = kernels::sigmoid1(px[1] + ph[1]), candidate = kernels::tanh1(px[2] + inner);
        const float kept = z * (state[u] - candidate);
        state[u] = candidate + kept;
        next[u] = std::clamp<int64_t>(std::llrint(state[u] * 32768.0f), -32767, 32767);
        out[static_cast<size_t>((t * c.batch + n) * H + u)] = static_cast<int>(next[u]);
      }
      h = next;
    }
  }
  return out;
}

TEST(GruNode, FollowsTheWrittenOrder) {
  for (const TensorFormat& format : {kInt8, kInt16}) {
    const Case c({}, format);
    EXPECT_EQ(c.run().to_vector<int>(), truth(c)) << format.name();
  }
  for (const char* method : {"dynamic", "dynamic_decay"})
    for (const double decay : {0.5, 0.999}) {
      const Case c({.method = method, .decay = decay});
      EXPECT_EQ(c.run().to_vector<int>(), truth(c)) << method << " " << decay;
    }
}

TEST(GruNode, RowsAndStepsGiveTheSameBitsInEveryPrecision) {
  for (const auto& [rows, units] : {std::pair<int64_t, int64_t>{3, 5}, {67, 17}})
    for (const Precision& precision : all_precisions())
      for (const TensorFormat& format : formats_of(precision)) {
        const Case c(precision, format, rows, units);
        for (const Isa isa : supported_isas()) {
          const std::string what = describe(precision) + " on " + std::string(isa_name(isa));
          const Array window = c.run(isa, 0, rows, c.steps);
          ASSERT_TRUE(same_bits(c.run(isa, 0, rows, 1), window)) << what << ", step by step";
          ASSERT_TRUE(same_bits(c.run(isa, 0, rows, 2), window)) << what << ", in pairs of steps";
          for (const int64_t row : {int64_t{0}, rows - 1})
            ASSERT_TRUE(same_bits(c.run(isa, row, 1, c.steps), window.slice(1, row, row + 1))) << what << row;
          if (precision.real()) continue;
          ASSERT_TRUE(same_bits(window, c.run(Isa::scalar, 0, rows, c.steps))) << what << ", oracle";
        }
      }
}

TEST(GruNode, CountingLeavesTheBitsAndCountsNarrowStates) {
  for (const Precision& precision : all_precisions())
    for (const TensorFormat& format : formats_of(precision)) {
      const Case c(precision, format);
      NodeCounters counters;
      ASSERT_TRUE(same_bits(c.run(active_isa(), 0, 3, 9, &counters), c.run())) << describe(precision);
    }
  NodeCounters narrow, wide;
  Case({.gate_bits = {24, 24, 2}, .state_bits = 3}, kInt8).run(active_isa(), 0, 3, 9, &narrow);
  EXPECT_GT(narrow.saturations, 0);
  EXPECT_GT(narrow.dead_zone, 0);
  Case({}, kInt8).run(active_isa(), 0, 3, 9, &wide);
  EXPECT_EQ(wide.saturations, 0);
  EXPECT_EQ(wide.dead_zone, 0);
}

TEST(GruNode, DynamicScalesLookNeitherAheadNorAtOtherRows) {
  for (const char* method : {"dynamic", "dynamic_decay"}) {
    Case c({.method = method});
    const Array before = c.run();
    std::vector<float> x = c.x.to_vector<float>();
    const auto row = static_cast<size_t>(c.inputs);
    for (size_t i = x.size() - 3 * row; i < x.size(); ++i) x[i] *= 50;  // the last step
    for (size_t i = 0; i < x.size(); ++i)
      if (i / row % 3 == 2) x[i] *= 9;  // the last row
    c.x = Array::from(x, c.x.shape());
    const Array after = c.run();
    EXPECT_TRUE(same_bits(after.slice(0, 0, 8).slice(1, 0, 2), before.slice(0, 0, 8).slice(1, 0, 2))) << method;
    EXPECT_FALSE(same_bits(after, before));
  }
}

TEST(GruNode, FloatWeightsGiveTheOperatorsBits) {
  const Case c({.method = "float32", .weight_dtype = "float32"}, {}, 67, 17);
  const Arrays& p = c.parameters;
  EXPECT_TRUE(same_bits(c.run(), gru(c.x, p[0], p[1], p[2], p[3])[0]));
}

TEST(GruNode, WiderWeightsAreNearerToTheFloatOperator) {
  for (const char* method : {"static", "dynamic", "weight_only"}) {
    const TensorFormat format = std::string(method) == "static" ? kInt16 : TensorFormat{};
    const auto error = [&](const char* dtype) {
      return Case({.method = method, .weight_dtype = dtype}, format).largest_error();
    };
    EXPECT_LT(error("int8"), 0.02) << method;
    EXPECT_LT(error("int8"), error("int4") / 4) << method;
    EXPECT_LT(error("int16"), std::string(method) == "dynamic" ? 0.02 : 1e-3) << method;
  }
}

TEST(GruNode, RefusesWhatDoesNotFit) {
  const auto refusal = [](auto&& make) {
    try {
      make();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const auto lowered = [&](const Precision& precision) { return refusal([&] { Case(precision, kInt8); }); };
  EXPECT_NE(lowered({.gate_bits = {8, 8, 8, 8}}).find("gate_bits, was a list of 4, expected 3"), std::string::npos);
  EXPECT_NE(lowered({.state_bits = 16, .state_top = 8}).find("state_top, was 8, expected 1"), std::string::npos);
  Case c({}, kInt8);
  c.lower.parameters.push_back(Array::zeros({3, 5}));
  EXPECT_NE(refusal([&] { lower_gru(c.lower); }).find("h0 has no fixed-bits form"), std::string::npos);
  std::erase_if(c.prepare.constants, [](const NamedArray& a) { return a.name == "bx"; });
  EXPECT_NE(refusal([&] { c.run(); }).find("constant bx, was missing"), std::string::npos);
  Case wrong({.method = "weight_only"});
  wrong.prepare.output = kQ15;
  EXPECT_NE(refusal([&] { wrong.run(); }).find("expected float32"), std::string::npos);
}

}  // namespace
}  // namespace quantick
