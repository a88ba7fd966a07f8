// Embedding by hand, what it learns, and the layers that are marked for quantization by their names.
#include "quantick/nn/embedding.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/autograd/autograd.h"
#include "quantick/core/error.h"
#include "quantick/nn/quantized.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {
namespace {

Array table() { return Array::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2}); }

Embedding filled() {
  Embedding net(3, 2);
  net.initialize();
  net.collect_params()[0].second.set_data(table());
  return net;
}

TEST(Embedding, PicksRows) {
  Embedding net = filled();
  const Array y = net(Array::from(std::vector<float>{2, 0, 2, 1}, {2, 2}));
  EXPECT_EQ(y.shape(), (Shape{2, 2, 2}));
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{5, 6, 1, 2, 5, 6, 3, 4}));
  EXPECT_EQ(net(Array::from(std::vector<int64_t>{1})).to_vector<float>(), (std::vector<float>{3, 4}));
}

TEST(Embedding, GradientCountsHowOftenARowWasRead) {
  Embedding net = filled();
  {
    const autograd::Record record;
    const Array loss = sum(net(Array::from(std::vector<float>{2, 0, 2})));
    autograd::backward(loss);
  }
  EXPECT_EQ(net.collect_params()[0].second.grad().to_vector<float>(), (std::vector<float>{1, 1, 0, 0, 2, 2}));
}

std::string id_error(float id) {
  Embedding net = filled();
  try {
    net(Array::from(std::vector<float>{0, id}));
  } catch (const IndexError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Embedding, RefusesIdsThatAreNoRow) {
  EXPECT_EQ(id_error(3), "[embedding] id, was 3, expected a whole number within 0..2");
  EXPECT_EQ(id_error(-1), "[embedding] id, was -1, expected a whole number within 0..2");
  EXPECT_EQ(id_error(0.5f), "[embedding] id, was 0.5, expected a whole number within 0..2");
  EXPECT_EQ(id_error(NAN), "[embedding] id, was nan, expected a whole number within 0..2");
  EXPECT_THROW(Embedding(0, 2), ValueError);
  EXPECT_THROW(Embedding(2, 0), ValueError);
}

TEST(QuantizedLayers, AreTheSameBlocksWithTheirMark) {
  QuantizedDense dense(4, {.activation = "relu"});
  QuantizedLSTM lstm(4, {.num_layers = 2});
  QuantizedConv1D conv(4, 3, {.padding = {1}});
  QuantizedEmbedding embedding(3, 2);
  EXPECT_TRUE(dense.quantization().enabled && dense.options().quantization);
  EXPECT_TRUE(lstm.quantization().enabled && lstm.options().quantization);
  EXPECT_TRUE(conv.quantization().enabled && conv.options().quantization);
  EXPECT_TRUE(embedding.quantization().enabled && embedding.options().quantization);
  EXPECT_FALSE(Dense(4).quantization().enabled || LSTM(4).quantization().enabled ||
               Embedding(3, 2).quantization().enabled);
  EXPECT_EQ(dense.kind(), "dense");
  EXPECT_EQ(dense.options().activation, "relu");
  EXPECT_EQ(conv.options().padding, std::vector<int64_t>{1});

  Dense plain(4, {.activation = "relu"});
  dense.initialize();
  plain.initialize();
  const Array x = Array::from(std::vector<float>{1, -2, 3, 0.5f}, {2, 2});
  EXPECT_TRUE(same_bits(dense(x), plain(x)));
}

}  // namespace
}  // namespace quantick::nn
