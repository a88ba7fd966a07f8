#include "quantick/nn/zoo/tcn.h"

#include <utility>

#include "quantick/nn/inputs.h"
#include "quantick/nn/nn.h"
#include "quantick/ops/ops.h"

namespace quantick::nn::zoo {
namespace {

Conv1D conv(int64_t channels, int64_t kernel, int64_t dilation) {
  return Conv1D(channels, kernel, {.dilation = {dilation}, .layout = "TNC", .causal = true});
}

/// relu(x + dilated convolutions of x); with `in` other than `channels`, x goes through a convolution of one tap.
class TemporalBlock final : public Block {
 public:
  TemporalBlock(int64_t in, int64_t channels, int64_t dilation, const TCNOptions& options) {
    auto& body = add_child("body", Sequential());
    for (int64_t i = 0; i < options.convolutions; ++i) {
      body.add(conv(channels, options.kernel_size, dilation));
      if (options.norm == "layer") body.add(LayerNorm());
      if (options.norm == "batch") body.add(BatchNorm({.axis = 2}));
      body.add(Activation("relu"));
      if (options.dropout > 0) body.add(Dropout(options.dropout));
    }
    if (in != channels) add_child("shortcut", conv(channels, 1, 1));
  }
  std::string kind() const override { return "temporal_block"; }
  Arrays forward(const Arrays& inputs) override {
    const Array& x = one_input(inputs, "temporal_block");
    const Array y = (*children()[0].second)(x);
    return {relu((children().size() > 1 ? (*children()[1].second)(x) : x) + y)};
  }
};

}  // namespace

TCNOptions causal_cnn(int64_t blocks, int64_t channels) {
  QTK_CHECK(blocks >= 1 && blocks <= 1024, ValueError, "[causal_cnn] blocks, was {}, expected 1..1024", blocks);
  return {.channels = std::vector<int64_t>(static_cast<size_t>(blocks), channels),
          .kernel_size = 8,
          .norm = "none",
          .inputs = channels,
          .convolutions = 1,
          .dilation_base = 1};
}

TCN::TCN(const TCNOptions& options) {
  QTK_CHECK(options.norm == "layer" || options.norm == "batch" || options.norm == "none", ValueError,
            "[tcn] norm, was {}, expected layer, batch or none", options.norm);
  QTK_CHECK(options.inputs >= 0 && options.convolutions > 0 && options.dilation_base > 0, ValueError,
            "[tcn] inputs, convolutions and dilation_base, were {}, {} and {}, expected >= 0, > 0 and > 0",
            options.inputs, options.convolutions, options.dilation_base);
  auto& blocks = add_child("blocks", Sequential());
  int64_t in = options.inputs, dilation = 1;
  for (const int64_t channels : options.channels) {
    blocks.add(TemporalBlock(in, channels, dilation, options));
    in = channels;
    dilation *= options.dilation_base;
  }
  auto& output = add_child("output", Sequential());
  output.add(SequenceLast());
  output.add(Dense(options.outputs));
}

Arrays TCN::forward(const Arrays& inputs) {
  return {(*children()[1].second)((*children()[0].second)(one_input(inputs, "tcn")))};
}

}  // namespace quantick::nn::zoo
