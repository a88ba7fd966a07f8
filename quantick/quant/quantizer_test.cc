#include "quantick/quant/quantizer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "quantick/core/error.h"
#include "quantick/core/file.h"
#include "quantick/core/rng.h"
#include "quantick/runtime/causality.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/stream.h"
#include "quantick/tensor/random_array.h"

namespace quantick::quant {
namespace {

struct NetShape {
  int64_t features = 16, units = 64, layers = 2, outputs = 3;
  double gain = 1;
  bool relu_head = false;
};

/// LSTM layers, the newest step, a Dense head; weights of size 1 / sqrt(units).
graph::Graph lstm_net(const NetShape& net, uint64_t seed) {
  const Key key(seed);
  graph::Graph graph;
  auto value = graph.add_input("x", {DType::f32, Shape{5, 2, net.features}});
  const double bound = net.gain / std::sqrt(static_cast<double>(net.units));
  for (int64_t k = 0; k < net.layers; ++k) {
    const Key of_layer = key.fold(static_cast<uint64_t>(k));
    const std::string layer = "lstm" + std::to_string(k);
    const auto parameter = [&](const std::string& name, const Shape& shape) {
      return graph.add_parameter(layer + "." + name, uniform_array(shape, -bound, bound, of_layer.fold(name)));
    };
    const int64_t width = k == 0 ? net.features : net.units, gates = 4 * net.units;
    const auto w_ih = parameter("w_ih", Shape{gates, width}), w_hh = parameter("w_hh", Shape{gates, net.units});
    const auto b_ih = parameter("b_ih", Shape{gates}), b_hh = parameter("b_hh", Shape{gates});
    value = graph.add_node(find_operator("lstm"), {}, {value, w_ih, w_hh, b_ih, b_hh}, layer)[0];
  }
  value = graph.add_node(find_operator("sequence_last"), {}, {value}, "last")[0];
  const auto weight =
      graph.add_parameter("fc.weight", uniform_array(Shape{net.outputs, net.units}, -0.3, 0.3, key.fold("fc")));
  const auto bias = graph.add_parameter("fc.bias", uniform_array(Shape{net.outputs}, -0.1, 0.1, key.fold("bias")));
  value = graph.add_node(find_operator("dense"), {{"flatten", false}}, {value, weight, bias}, "fc")[0];
  if (net.relu_head) value = graph.add_node(find_operator("relu"), {}, {value}, "act")[0];
  graph.set_outputs({value});
  return graph;
}

double mean_squared_error(const Array& a, const Array& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - y[i]) * (x[i] - y[i]);
  return sum / static_cast<double>(x.size());
}

TEST(Quantizer, LstmKeepsFortyDecibels) {
  const graph::Graph graph = lstm_net({}, 1);
  const Array data = normal_array(Shape{30, 64, 16}, 1, Key(2)), held_out = normal_array(Shape{30, 64, 16}, 1, Key(3));
  const QuantizedNet net = quantize_graph(graph, {}, data, held_out);
  const Array reference = graph.run(std::span(&held_out, 1))[0], got = net.predict(held_out);
  EXPECT_GE(sqnr_db(reference, got), 40) << net.report.text();
  EXPECT_GE(sqnr_db(reference, got, true), 30) << net.report.text();
  EXPECT_LT(mean_squared_error(reference, got), 1e-4);
  EXPECT_EQ(net.report.tensors.back().sqnr_db, sqnr_db(reference, got));
  EXPECT_EQ(net.report.tensors.size(), 5u);
  EXPECT_EQ(net.report.tensors[0].name, "input");
  EXPECT_EQ(net.report.tensors[1].name, "lstm0");
  EXPECT_EQ(net.report.tensors[1].dtype, "int16");
  EXPECT_EQ(net.report.tensors.back().dtype, "float32");
  EXPECT_GT(net.report.tensors[1].cosine, 0.9999);
  EXPECT_LT(net.report.program_bytes, net.report.float_bytes * 0.32);
  EXPECT_TRUE(net.report.warnings.empty()) << net.report.text();
}

TEST(Quantizer, LstmErrorStaysSmallWhateverTheInputsScale) {
  for (const double scale : {0.01, 1.0, 10.0})
    for (const int64_t layers : {1, 3}) {
      const graph::Graph graph = lstm_net({.features = 8, .units = 24, .layers = layers}, 4);
      const Array data = normal_array(Shape{25, 40, 8}, scale, Key(5)),
                  test = normal_array(Shape{25, 40, 8}, scale, Key(6));
      const QuantizedNet net = quantize_graph(graph, {}, data);
      EXPECT_LT(mean_squared_error(graph.run(std::span(&test, 1))[0], net.predict(test)), 1e-3) << scale << layers;
    }
}

TEST(Quantizer, SixteenBitInputsAreBetterAndFourBitWeightsWorse) {
  const graph::Graph graph = lstm_net({.features = 8, .units = 24}, 4);
  const Array data = normal_array(Shape{25, 40, 8}, 1, Key(5));
  const auto sqnr = [&](const QuantizationConfig& config) {
    return quantize_graph(graph, config, data).report.tensors.back().sqnr_db;
  };
  QuantizationConfig wide, narrow;
  wide.input_dtype = "int16";
  narrow.weight_bits = 4;
  EXPECT_GT(sqnr(wide), sqnr({}));
  EXPECT_LT(sqnr(narrow), sqnr({}) - 12);
}

TEST(Quantizer, OutputHeadKeepsSixteenBitsOrMore) {
  const Array data = normal_array(Shape{10, 40, 16}, 1, Key(5));
  QuantizationConfig config;
  EXPECT_EQ(quantize_graph(lstm_net({}, 1), config, data).program.output().format.dtype, DType::f32);
  config.output_dtype = "int16";
  EXPECT_EQ(quantize_graph(lstm_net({}, 1), config, data).program.output().format.dtype, DType::i16);
  EXPECT_EQ(quantize_graph(lstm_net({.relu_head = true}, 1), {}, data).program.output().format.dtype, DType::i16);
}

TEST(Quantizer, ResidualSumsLeaveInFloat32) {
  graph::Graph graph;
  const auto x = graph.add_input("x", {DType::f32, Shape{8, 4}});
  const auto branch = [&](const std::string& layer, uint64_t seed) {
    const auto w = graph.add_parameter(layer + ".w", uniform_array(Shape{6, 4}, -1, 1, Key(seed)));
    return graph.add_node(find_operator("dense"), {{"flatten", false}}, {x, w}, layer)[0];
  };
  const auto a = branch("a", 1), b = branch("b", 2);
  graph.set_outputs(graph.add_node(find_operator("add"), {}, {a, b}, "sum"));
  const Array data = normal_array(Shape{300, 4}, 1, Key(3));
  QuantizationConfig narrow;
  narrow.quantized_dtype = "int8";
  const QuantizedNet net = quantize_graph(graph, narrow, data), wider = quantize_graph(graph, {}, data);
  EXPECT_EQ(net.program.output().format.dtype, DType::f32);
  EXPECT_EQ(net.report.tensors[1].dtype, "int8");
  EXPECT_GE(net.report.tensors.back().sqnr_db, 35) << net.report.text();
  // What the output is made of: 16 bits, too, unless int8 is asked for.
  EXPECT_EQ(wider.report.tensors[1].dtype, "int16");
  EXPECT_EQ(wider.report.tensors[2].dtype, "int16");
  EXPECT_GT(wider.report.tensors.back().sqnr_db, net.report.tensors.back().sqnr_db) << wider.report.text();
}

TEST(Quantizer, ANarrowRangeIsSeenInTheReport) {
  const graph::Graph graph = lstm_net({.features = 8, .units = 24}, 4);
  QuantizationConfig config;
  config.calib_mode = "percentile";
  config.percentile = 75;
  const QuantizedNet net = quantize_graph(graph, config, normal_array(Shape{25, 40, 8}, 1, Key(5)));
  EXPECT_NEAR(net.report.tensors[0].saturation, 0.5, 0.05);
  ASSERT_GE(net.report.warnings.size(), 1u);
  EXPECT_NE(net.report.text().find("input: 49.9 %"), std::string::npos) << net.report.text();
}

TEST(Quantizer, ARowOfTinyWeightsWithALargeBiasKeepsItsBias) {
  graph::Graph graph;
  const auto x = graph.add_input("x", {DType::f32, Shape{8, 4}});
  Array weight = uniform_array(Shape{3, 4}, -1, 1, Key(1));
  for (int i = 0; i < 4; ++i) weight.mutable_data<float>()[4 + i] = 1e-12f;
  const Array bias = Array::from(std::vector<float>{0.1f, 1000.0f, -0.2f});
  const auto w = graph.add_parameter("w", weight), b = graph.add_parameter("b", bias);
  graph.set_outputs(graph.add_node(find_operator("dense"), {{"flatten", false}}, {x, w, b}, "fc"));
  const Array data = normal_array(Shape{200, 4}, 1, Key(2));
  const Array got = quantize_graph(graph, {}, data).predict(data);
  for (int64_t n = 0; n < 200; ++n) EXPECT_NEAR(got.data<float>()[3 * n + 1], 1000.0f, 1e-2f);
}

TEST(Quantizer, TheProgramIsCausalAndItsStreamEqualsItsBatch) {
  const graph::Graph graph = lstm_net({.features = 6, .units = 10}, 7);
  const Array data = normal_array(Shape{20, 12, 6}, 1, Key(8));
  const QuantizedNet net = quantize_graph(graph, {}, data);
  EXPECT_TRUE(runtime::check_causality(runtime::Session(net.program), data).causal());
  runtime::Stream stream(net.program, {.instruments = 12});
  Array out = Array::empty(Shape{12, 3});
  for (int64_t t = 0; t < 20; ++t)
    ASSERT_TRUE(stream.step({data.data<float>() + t * 72, 72}, {out.mutable_data<float>(), 36}).ok());
  EXPECT_TRUE(same_bits(out, net.predict(data)));
}

TEST(Quantizer, MissingCellsAreSkippedFilledAndCounted) {
  const graph::Graph graph = lstm_net({.features = 6, .units = 10}, 7);
  Array data = normal_array(Shape{20, 12, 6}, 1, Key(8));
  data.mutable_data<float>()[77] = std::numeric_limits<float>::quiet_NaN();
  QuantizationConfig config;
  config.missing = "fill";
  const QuantizedNet net = quantize_graph(graph, config, data);
  EXPECT_EQ(net.report.tensors[0].missing, 1);
  ASSERT_EQ(net.report.warnings.size(), 1u);
  EXPECT_NE(net.report.warnings[0].find("skipped 1 missing"), std::string::npos);
  EXPECT_NO_THROW(net.predict(data));
  EXPECT_THROW(quantize_graph(graph, {}, data).predict(data), ValueError);
  config.fill_value = 1.5;  // no point of the grid
  const runtime::Program odd = quantize_graph(graph, config, data).program;
  EXPECT_NEAR(odd.inputs[0].fill, 1.5, odd.input().format.scale / 2);
}

#if defined(__x86_64__)
/// Rounds toward zero, flushes denormal results and reads denormals as zero, for a scope.
class OddFloatMode {
 public:
  OddFloatMode() : saved_(_mm_getcsr()) {
    std::fesetround(FE_TOWARDZERO);
    _mm_setcsr(_mm_getcsr() | 0x8040u);
  }
  ~OddFloatMode() {
    std::fesetround(FE_TONEAREST);
    _mm_setcsr(saved_);
  }
  OddFloatMode(const OddFloatMode&) = delete;
  OddFloatMode& operator=(const OddFloatMode&) = delete;

 private:
  unsigned saved_;
};

TEST(Quantizer, TheCallersFloatModeDoesNotMatter) {
  const graph::Graph graph = lstm_net({.features = 6, .units = 10}, 7);
  const Array data = normal_array(Shape{20, 24, 6}, 1, Key(8));
  const std::string path = ::testing::TempDir() + "qtk_float_mode_" + std::to_string(::getpid()) + ".qtk";
  for (const char* calib_mode : {"naive", "moving_average", "percentile"}) {
    QuantizationConfig config;
    config.calib_mode = calib_mode;
    const QuantizedNet expected = quantize_graph(graph, config, data);
    const std::string identity = runtime::save(expected.program, path);
    const auto file = read_file(path);
    const std::string lowered = runtime::identity(lower(graph, calibrate(graph, data, config), config).program);
    std::string got, loaded, verified;
    TensorFormat format;
    {
      const OddFloatMode odd;
      const QuantizedNet net = quantize_graph(graph, config, data);
      got = runtime::save(net.program, path);
      loaded = runtime::identity(runtime::load(path));
      verified = runtime::verify(path);
      // The parts on their own, as someone who calibrates once and lowers often calls them.
      const Calibration calibration = calibrate(graph, data, config);
      EXPECT_EQ(runtime::identity(lower(graph, calibration, config).program), lowered) << calib_mode;
      format = choose_format(calibration.at(graph.inputs()[0]).range());
      EXPECT_EQ(std::fegetround(), FE_TOWARDZERO);
    }
    EXPECT_EQ(got, identity) << calib_mode;
    EXPECT_EQ(loaded, identity) << calib_mode;
    EXPECT_EQ(verified, identity) << calib_mode;
    EXPECT_EQ(read_file(path), file) << calib_mode;
    EXPECT_EQ(format, expected.program.input().format) << calib_mode;
    std::filesystem::remove(path);
  }
}
#endif

std::string refusal(const graph::Graph& graph, const QuantizationConfig& config) {
  try {
    quantize_graph(graph, config, normal_array(Shape{5, 4, 6}, 1, Key(8)));
  } catch (const UnsupportedError& error) {
    return error.what();
  } catch (const ValueError& error) {
    return std::string("value: ") + error.what();
  }
  return "accepted";
}

TEST(Quantizer, NodesThatNoProgramCanHoldAreNamedWithTheReason) {
  QuantizationConfig config;
  config.exclude_layers = {"fd"};
  const graph::Graph plain = lstm_net({.features = 6, .units = 10}, 7);
  EXPECT_NE(refusal(plain, config).find("did you mean \"fc\""), std::string::npos) << refusal(plain, config);

  graph::Graph odd = lstm_net({.features = 6, .units = 10}, 7);
  odd.set_outputs(odd.add_node(find_operator("argmax"), {}, {odd.outputs()[0]}, "tail"));
  EXPECT_NE(refusal(odd, {}).find("argmax (layer \"tail\"): has no form in a program"), std::string::npos)
      << refusal(odd, {});

  graph::Graph flat;
  const auto x = flat.add_input("x", {DType::f32, Shape{5, 4, 6}});
  const auto w = flat.add_parameter("w", uniform_array(Shape{2, 24}, -1, 1, Key(1)));
  flat.set_outputs(flat.add_node(find_operator("dense"), {{"flatten", true}}, {x, w}, "fc"));
  QuantizationConfig sequence;
  sequence.layout = "sequence";
  EXPECT_NE(refusal(flat, sequence).find("flatten = false"), std::string::npos) << refusal(flat, sequence);
}

TEST(SignalToNoise, KnownValues) {
  const Array a = Array::from(std::vector<float>{1, -1, 1, -1}), b = Array::from(std::vector<float>{1.1f, -1, 1, -1});
  EXPECT_NEAR(sqnr_db(a, b), 10 * std::log10(4 / 0.01), 1e-3);
  EXPECT_EQ(sqnr_db(a, a), std::numeric_limits<double>::infinity());
  const Array shifted = Array::from(std::vector<float>{2, 0, 2, 0});
  EXPECT_EQ(sqnr_db(a, shifted), 0);
  EXPECT_EQ(sqnr_db(a, shifted, true), std::numeric_limits<double>::infinity());
  EXPECT_NEAR(cosine_similarity(a, b), 4.1 / std::sqrt(4 * 4.21), 1e-6);
  EXPECT_EQ(cosine_similarity(a, Array::zeros(Shape{4})), 0);
}

}  // namespace
}  // namespace quantick::quant
