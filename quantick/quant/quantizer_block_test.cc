// The calls of a user, on networks of blocks.
#include <gtest/gtest.h>

#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/nn/nn.h"
#include "quantick/quant/quantizer.h"

namespace quantick::quant {
namespace {

Array normals(const Shape& shape, const Key& key) {
  std::vector<float> v(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(std::clamp(key.normal(i), -4.0, 4.0));
  return Array::from(v, shape);
}

nn::Sequential recurrent_net() {
  nn::Sequential net(nn::LSTM(32, {.num_layers = 2, .quantization = true}), nn::LayerNorm(), nn::SequenceLast(),
                     nn::Dropout(0.2), nn::Dense(16, {.activation = "relu"}), nn::Dense(2));
  net.initialize(nn::xavier(), 3);
  return net;
}

TEST(QuantizerOnBlocks, ARecurrentNetWithNormalization) {
  nn::Sequential net = recurrent_net();
  const Array data = normals(Shape{20, 50, 7}, Key(1)), test = normals(Shape{20, 50, 7}, Key(2));
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
  const Array data = normals(Shape{400, 20}, Key(1)), test = normals(Shape{100, 20}, Key(2));
  const QuantizedNet quantized = Quantizer{.model = net}.quantize(data);
  EXPECT_GE(sqnr_db(net(test), quantized.predict(test)), 25) << quantized.report.text();
}

TEST(QuantizerOnBlocks, WhatTheHeadReadsHasSixteenBitsUnlessAskedOtherwise) {
  nn::Sequential net = recurrent_net();
  const Array data = normals(Shape{20, 50, 7}, Key(1));
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
  const Array data = normals(Shape{400, 20}, Key(1));
  const QuantizedNet quantized = Quantizer{.model = net}.quantize(data);
  EXPECT_GE(quantized.program.output().format.bits(), 16) << quantized.program.text();
  EXPECT_GE(sqnr_db(net(data), quantized.predict(data)), 35) << quantized.report.text();
}

TEST(QuantizerOnBlocks, MarksAndExclusionsAreRefusedByName) {
  nn::Sequential net = recurrent_net();
  const Array data = normals(Shape{5, 4, 7}, Key(1));
  net(data);
  net[5].quantization().excluded = true;
  try {
    Quantizer{.model = net}.quantize(data);
    FAIL() << "accepted";
  } catch (const UnsupportedError& error) {
    EXPECT_NE(std::string(error.what()).find("dense (layer \"5\"): its block is marked as excluded"), std::string::npos)
        << error.what();
  }
  net[5].quantization().excluded = false;
  EXPECT_THROW((Quantizer{.model = net, .exclude_layers = {"5"}}.quantize(data)), UnsupportedError);
  EXPECT_THROW((Quantizer{.model = net, .exclude_layers = {"fc_final"}}.quantize(data)), ValueError);
  EXPECT_THROW((Quantizer{.model = net, .quantized_dtype = "uint8"}.quantize(data)), UnsupportedError);
  EXPECT_THROW(Quantizer{.model = net}.quantize(), UnsupportedError);
  EXPECT_THROW(Quantizer{.model = net}.quantize(CalibrationData()), ValueError);
}

TEST(QuantizerOnBlocks, BatchFirstLayoutsSayWhatToDo) {
  nn::Sequential net(nn::LSTM(4, {.layout = "NTC"}), nn::SequenceLast("NTC"), nn::Dense(1));
  net.initialize();
  try {
    Quantizer{.model = net}.quantize(normals(Shape{4, 5, 7}, Key(1)));
    FAIL() << "accepted";
  } catch (const UnsupportedError& error) {
    EXPECT_NE(std::string(error.what()).find("TNC"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace quantick::quant
