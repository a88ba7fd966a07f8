// Transformers through the calls of a user: over time and across instruments, with and without data.
#include <gtest/gtest.h>

#include "quantick/nn/zoo/transformer.h"
#include "quantick/quant/quantizer.h"
#include "quantick/runtime/stream.h"
#include "quantick/tensor/random_array.h"

namespace quantick::quant {
namespace {

nn::zoo::TransformerOptions sizes(const char* norm) {
  return {.units = 16, .num_heads = 4, .hidden_size = 24, .num_layers = 2, .context = 6, .norm = norm};
}

TEST(QuantizedTransformer, OverTimeItKeepsItsScoresAndRunsInIntegers) {
  for (const char* norm : {"layer", "rms"}) {
    nn::zoo::Transformer net(sizes(norm));
    net.initialize(nn::xavier(), 3);
    const Array data = normal_array(Shape{12, 60, 7}, 1, Key(1)), test = normal_array(Shape{12, 60, 7}, 1, Key(2));
    const Array expected = net(test);
    const QuantizedNet fixed = Quantizer{.model = net}.quantize(data);
    EXPECT_TRUE(fixed.report.float_nodes.empty());
    EXPECT_GE(sqnr_db(expected, fixed.predict(test), true), 25) << fixed.report.text();
    int attentions = 0;
    for (const auto& node : fixed.program.nodes) {
      if (node.op != "causal_attention") continue;
      ++attentions;
      EXPECT_TRUE(fixed.program.values[static_cast<size_t>(node.inputs[0])].format.quantized());
    }
    EXPECT_EQ(attentions, 2);
    // Layers whose scales were moved are compared with the float network whose scales were moved, too.
    QuantizationConfig moved;
    moved.corrections = {"scale_migration"};
    for (const TensorReport& t : quantize_net(net, moved, data).report.tensors) {
      EXPECT_GE(t.own_sqnr_db, 25) << t.name;
      EXPECT_FALSE(t.collapsed) << t.name;
      EXPECT_LT(t.saturation, 0.05) << t.name;  // GELU gathers values at its minimum and loses none
    }
    const QuantizedNet dynamic = Quantizer{.model = net}.quantize();
    EXPECT_GE(sqnr_db(expected, dynamic.predict(test), true), 25);
    const QuantizedNet real = Quantizer{.model = net, .exclude_layers_match = {"*"}}.quantize(data);
    EXPECT_GE(sqnr_db(expected, real.predict(test), true), 90);
  }
}

TEST(QuantizedTransformer, AStreamThatCarriesItsKeysHasTheBitsOfTheWholeWindow) {
  nn::zoo::Transformer net(sizes("layer"));
  net.initialize(nn::xavier(), 3);
  const int64_t steps = 17, rows = 5;  // the steps pass the context of both cells
  const Array data = normal_array(Shape{steps, 40, 7}, 1, Key(1)), x = normal_array(Shape{steps, rows, 7}, 1, Key(2));
  net(data);
  for (const QuantizedNet& quantized : {Quantizer{.model = net}.quantize(data), Quantizer{.model = net}.quantize()}) {
    runtime::Stream stream(quantized.program, {.instruments = rows});
    std::vector<float> scores(static_cast<size_t>(rows));
    for (int64_t t = 0; t < steps; ++t)
      stream.step(std::span(x.data<float>() + t * rows * 7, static_cast<size_t>(rows * 7)), scores);
    EXPECT_EQ(scores, quantized.predict(x).to_vector<float>());
  }
}

TEST(QuantizedTransformer, AcrossInstrumentsItKeepsItsScores) {
  nn::zoo::CrossTransformer net(sizes("layer"));
  net.initialize(nn::xavier(), 3);
  const Array data = normal_array(Shape{60, 9, 7}, 1, Key(1)), test = normal_array(Shape{60, 9, 7}, 1, Key(2));
  const Array expected = net(test);
  const QuantizedNet fixed = Quantizer{.model = net}.quantize(data);
  EXPECT_TRUE(fixed.report.float_nodes.empty());
  EXPECT_EQ(fixed.predict(test).shape(), (Shape{60, 9, 1}));
  EXPECT_GE(sqnr_db(expected, fixed.predict(test), true), 25) << fixed.report.text();
  const QuantizedNet dynamic = Quantizer{.model = net}.quantize();
  EXPECT_GE(sqnr_db(expected, dynamic.predict(test), true), 25);
}

}  // namespace
}  // namespace quantick::quant
