// The calls of a user, on networks of blocks.
#include <gtest/gtest.h>

#include "quantick/core/error.h"
#include "quantick/nn/nn.h"
#include "quantick/ops/ops.h"
#include "quantick/quant/quantizer.h"
#include "quantick/tensor/random_array.h"

namespace quantick::quant {
namespace {

nn::Sequential recurrent_net() {
  nn::Sequential net(nn::LSTM(32, {.num_layers = 2, .quantization = true}), nn::LayerNorm(), nn::SequenceLast(),
                     nn::Dropout(0.2), nn::Dense(16, {.activation = "relu"}), nn::Dense(2));
  net.initialize(nn::xavier(), 3);
  return net;
}

TEST(QuantizerOnBlocks, ARecurrentNetWithNormalization) {
  nn::Sequential net = recurrent_net();
  const Array data = normal_array(Shape{20, 50, 7}, 1, Key(1)), test = normal_array(Shape{20, 50, 7}, 1, Key(2));
  const QuantizedNet quantized = Quantizer{.model = net}.quantize(data);
  const Array expected = net(test), got = quantized.predict(test);
  EXPECT_EQ(got.shape(), (Shape{50, 2}));
  EXPECT_GE(sqnr_db(expected, got, true), 25) << quantized.report.text();
  EXPECT_EQ(quantized.report.tensors.back().dtype, "float32");
  const QuantizedNet again = quantize_net(net, Quantizer{.model = net}.config(), data);
  EXPECT_TRUE(again.program == quantized.program);
}

TEST(QuantizerOnBlocks, AnMlpOnFrames) {
  nn::Sequential net(nn::Dense(64, {.activation = "relu"}), nn::Dense(32, {.activation = "tanh"}), nn::Dense(3));
  net.initialize(nn::xavier(), 3);
  const Array data = normal_array(Shape{400, 20}, 1, Key(1)), test = normal_array(Shape{100, 20}, 1, Key(2));
  const QuantizedNet quantized = Quantizer{.model = net}.quantize(data);
  EXPECT_GE(sqnr_db(net(test), quantized.predict(test)), 25) << quantized.report.text();
}

TEST(QuantizerOnBlocks, WhatTheHeadReadsHasSixteenBitsUnlessAskedOtherwise) {
  nn::Sequential net = recurrent_net();
  const Array data = normal_array(Shape{20, 50, 7}, 1, Key(1));
  const auto formats = [&](const std::string& dtype) {
    std::vector<std::string> out;
    for (const TensorReport& t : Quantizer{.model = net, .quantized_dtype = dtype}.quantize(data).report.tensors)
      out.push_back(t.op + " " + t.dtype);
    return out;
  };
  EXPECT_EQ(formats("auto"),
            (std::vector<std::string>{" int8", "lstm int16", "lstm int16", "layer_norm int8", "sequence_last int8",
                                      "dense int16", "relu int16", "dense float32"}));
  EXPECT_EQ(formats("int8")[5], "dense int8");
  EXPECT_EQ(formats("int16")[3], "layer_norm int16");
}

TEST(QuantizerOnBlocks, ABoundedOutputKeepsMoreThanEightBits) {
  nn::Sequential net(nn::Dense(8, {.activation = "sigmoid"}));
  net.initialize(nn::xavier(), 3);
  const Array data = normal_array(Shape{400, 20}, 1, Key(1));
  const QuantizedNet quantized = Quantizer{.model = net}.quantize(data);
  EXPECT_GE(quantized.program.output().format.bits(), 16) << quantized.program.text();
  EXPECT_GE(sqnr_db(net(data), quantized.predict(data)), 35) << quantized.report.text();
}

TEST(QuantizerOnBlocks, MarkedAndExcludedLayersStayFloatInsideTheProgram) {
  nn::Sequential net = recurrent_net();
  const Array data = normal_array(Shape{20, 50, 7}, 1, Key(1));
  const Array expected = net(data);
  const QuantizedNet whole = Quantizer{.model = net}.quantize(data);
  EXPECT_TRUE(whole.report.float_nodes.empty());
  net[5].quantization().excluded = true;
  const QuantizedNet marked = Quantizer{.model = net}.quantize(data);
  ASSERT_EQ(marked.report.float_nodes.size(), 1u);
  EXPECT_EQ(marked.report.float_nodes[0].layer, "5");
  EXPECT_EQ(marked.report.float_nodes[0].reason, "its block is marked as excluded");
  EXPECT_EQ(marked.program.nodes.back().precision.method, "float32");
  net[5].quantization().excluded = false;
  const QuantizedNet named = Quantizer{.model = net, .exclude_layers = {"5"}}.quantize(data);
  EXPECT_EQ(named.report.float_nodes[0].reason, "excluded by exclude_layers");
  EXPECT_TRUE(same_bits(named.predict(data), marked.predict(data)));
  const QuantizedNet lstm = Quantizer{.model = net, .exclude_operators = {"lstm"}}.quantize(data);
  EXPECT_EQ(lstm.report.float_nodes.size(), 2u);
  EXPECT_GT(sqnr_db(expected, lstm.predict(data), true), sqnr_db(expected, whole.predict(data), true))
      << lstm.report.text();
  EXPECT_THROW((Quantizer{.model = net, .exclude_layers_match = {"zz*"}}.quantize(data)), ValueError);
  const QuantizedNet all = Quantizer{.model = net, .exclude_layers_match = {"*"}}.quantize(data);
  EXPECT_GT(sqnr_db(expected, all.predict(data), true), 90) << all.report.text();
  EXPECT_THROW((Quantizer{.model = net, .exclude_layers = {"fc_final"}}.quantize(data)), ValueError);
  EXPECT_THROW(Quantizer{.model = net}.quantize(CalibrationData()), ValueError);
}

TEST(QuantizerOnBlocks, WithoutDataItIsDynamicAndCausal) {
  nn::Sequential net = recurrent_net();
  const Array data = normal_array(Shape{20, 50, 7}, 1, Key(1));
  EXPECT_THROW(Quantizer{.model = net}.quantize(), ValueError) << "the input's width is not known yet";
  const Array expected = net(data);
  const QuantizedNet quantized = Quantizer{.model = net}.quantize();
  EXPECT_EQ(quantized.program.input().format.dtype, DType::f32);
  EXPECT_EQ(quantized.program.nodes[0].precision.method, "dynamic");
  EXPECT_GE(sqnr_db(expected, quantized.predict(data), true), 25) << quantized.program.text();
  EXPECT_EQ(quantized.report.compared_rows, 0);
  EXPECT_GT(quantized.report.float_bytes, 3 * quantized.report.program_bytes);
  const QuantizedNet again = Quantizer{.model = net, .exclude_layers = {"5"}}.quantize();
  EXPECT_EQ(again.report.float_nodes.size(), 1u);
}

TEST(QuantizerOnBlocks, SmartModeQuantizesMarkedLayersAlone) {
  nn::Sequential net = recurrent_net();  // its LSTM is marked
  const Array data = normal_array(Shape{20, 50, 7}, 1, Key(1));
  const QuantizedNet smart = Quantizer{.model = net, .quantize_mode = "smart"}.quantize(data);
  for (const runtime::ProgramNode& node : smart.program.nodes) {
    if (node.op == "lstm") {
      EXPECT_EQ(node.precision.method, "static");
    }
    if (node.op == "dense" || node.op == "layer_norm") {
      EXPECT_EQ(node.precision.method, "float32") << node.layer;
    }
  }
  EXPECT_GE(sqnr_db(net(data), smart.predict(data), true), 30) << smart.report.text();
}

/// Four features and the number of a sector, which an Embedding reads from the same input.
class SectorNet final : public nn::Block {
 public:
  std::string kind() const override { return "sector_net"; }
  Arrays forward(const Arrays& in) override {
    const Array features = slice(in[0], 1, 0, 4), sector = slice(in[0], 1, 4, 5);
    const Array looked_up = flatten(embedding_(sector));
    return {head_(relu(join_(concat({features, looked_up}, 1))))};
  }

 private:
  nn::Embedding& embedding_ = add_child("sector", nn::QuantizedEmbedding(11, 6));
  nn::Dense& join_ = add_child("join", nn::Dense(16));
  nn::Dense& head_ = add_child("head", nn::Dense(2));
};

TEST(QuantizerOnBlocks, NumbersOfAnEmbeddingAreNotRounded) {
  SectorNet net;
  net.initialize(nn::xavier(), 3);
  Array x = normal_array(Shape{300, 5}, 1, Key(6));
  for (int64_t n = 0; n < 300; ++n) x.mutable_data<float>()[5 * n + 4] = static_cast<float>(n % 11);
  const Array expected = net(x);
  const QuantizedNet quantized = Quantizer{.model = net}.quantize(x);
  EXPECT_EQ(quantized.program.input().format.dtype, DType::f32);
  EXPECT_GE(sqnr_db(expected, quantized.predict(x), true), 28) << quantized.report.text();
  EXPECT_GE(sqnr_db(expected, Quantizer{.model = net}.quantize().predict(x), true), 28);
}

/// Two layers side by side, the second a hundred times as wide, and one behind both.
class BranchesNet final : public nn::Block {
 public:
  explicit BranchesNet(bool narrow_first) : narrow_first_(narrow_first) {}
  std::string kind() const override { return "branches_net"; }
  Arrays forward(const Arrays& in) override {
    const Array small = small_(in[0]), large = multiply(large_(in[0]), 100.0f);
    return {head_(concat(narrow_first_ ? Arrays{small, large} : Arrays{large, small}, 1))};
  }

 private:
  bool narrow_first_;
  nn::Dense& small_ = add_child("small", nn::Dense(8));
  nn::Dense& large_ = add_child("large", nn::Dense(8));
  nn::Dense& head_ = add_child("head", nn::Dense(3));
};

TEST(QuantizerOnBlocks, JoinedTensorsGetAFormatThatHoldsAll) {
  const Array x = normal_array(Shape{400, 5}, 1, Key(4));
  for (const bool narrow_first : {true, false})
    for (const char* dtype : {"int8", "auto"}) {
      BranchesNet net(narrow_first);
      net.initialize(nn::xavier(), 3);
      const Array expected = net(x);
      const QuantizedNet quantized = Quantizer{.model = net, .quantized_dtype = dtype}.quantize(x);
      EXPECT_GE(sqnr_db(expected, quantized.predict(x), true), 28) << quantized.program.text();
      for (const runtime::ProgramNode& node : quantized.program.nodes) {
        if (node.op != "concat") continue;
        const TensorFormat& joined = quantized.program.values[static_cast<size_t>(node.output)].format;
        const TensorFormat& wide =
            quantized.program.values[static_cast<size_t>(node.inputs[narrow_first ? 1 : 0])].format;
        EXPECT_EQ(joined.dtype, wide.dtype);
        EXPECT_GE(joined.scale, wide.scale);
        EXPECT_LE(joined.scale, 1.02f * wide.scale);
      }
    }
  // What one float32 tensor joins is float32.
  BranchesNet net(true);
  net.initialize(nn::xavier(), 3);
  const Array expected = net(x);
  const QuantizedNet mixed = Quantizer{.model = net, .exclude_layers = {"small"}}.quantize(x);
  for (const runtime::ProgramNode& node : mixed.program.nodes)
    if (node.op == "concat") {
      EXPECT_FALSE(mixed.program.values[static_cast<size_t>(node.output)].format.quantized());
    }
  EXPECT_GE(sqnr_db(expected, mixed.predict(x), true), 28) << mixed.program.text();
}

/// A narrow and a wide layer side by side; the narrow one may have another reader than the join.
class SharedBranchNet final : public nn::Block {
 public:
  explicit SharedBranchNet(bool shared) {
    if (shared) side_ = &add_child("side", nn::Dense(3));
  }
  std::string kind() const override { return "shared_branch_net"; }
  Arrays forward(const Arrays& in) override {
    const Array small = small_(in[0]), large = relu(multiply(large_(in[0]), 100.0f));
    const Array y = head_(concat({reshape(concat({small, small}, 1), {-1, 16}), large}, 1));
    return {side_ != nullptr ? y + (*side_)(small) : y};
  }

 private:
  nn::Dense& small_ = add_child("small", nn::Dense(8));
  nn::Dense& large_ = add_child("large", nn::Dense(8));
  nn::Dense& head_ = add_child("head", nn::Dense(3));
  nn::Dense* side_ = nullptr;
};

TEST(QuantizerOnBlocks, WhatAJoinAloneReadsIsRoundedOnce) {
  const Array x = normal_array(Shape{400, 5}, 1, Key(4));
  for (const bool shared : {false, true}) {
    SharedBranchNet net(shared);
    net.initialize(nn::xavier(), 3);
    net(x);
    const QuantizedNet quantized = Quantizer{.model = net, .quantized_dtype = "int8"}.quantize(x);
    std::vector<TensorFormat> formats;  // of small, of the large branch, of the inner and of the outer join
    const auto& nodes = quantized.program.nodes;
    for (const runtime::ProgramNode& node : nodes)
      if (node.layer == "small" || node.op == "concat" || node.op == "relu")
        formats.push_back(quantized.program.values[static_cast<size_t>(node.output)].format);
    ASSERT_EQ(formats.size(), 4u) << quantized.program.text();
    EXPECT_EQ(formats[1], formats[3]) << quantized.program.text();
    EXPECT_EQ(formats[2], formats[0]) << quantized.program.text();
    EXPECT_EQ(formats[0] == formats[3], !shared) << quantized.program.text();
  }
}

TEST(QuantizerOnBlocks, BatchFirstLayoutsSayWhatToDo) {
  nn::Sequential net(nn::LSTM(4, {.layout = "NTC"}), nn::SequenceLast("NTC"), nn::Dense(1));
  net.initialize();
  try {
    Quantizer{.model = net}.quantize(normal_array(Shape{4, 5, 7}, 1, Key(1)));
    FAIL() << "accepted";
  } catch (const UnsupportedError& error) {
    EXPECT_NE(std::string(error.what()).find("TNC"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace quantick::quant
