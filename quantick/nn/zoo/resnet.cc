#include "quantick/nn/zoo/resnet.h"

#include <utility>

#include "quantick/nn/inputs.h"
#include "quantick/nn/nn.h"
#include "quantick/ops/ops.h"

namespace quantick::nn::zoo {
namespace {

Conv2D conv(int64_t channels, int64_t kernel, int64_t stride, int64_t in) {
  return Conv2D(channels, {kernel},
                {.strides = {stride}, .padding = {kernel / 2}, .in_channels = in, .use_bias = false});
}

/// relu(x + normalized convolutions of x).
class BasicBlockV1 final : public Block {
 public:
  BasicBlockV1(int64_t channels, int64_t stride, int64_t in) {
    auto& body = add_child("body", Sequential());
    body.add(conv(channels, 3, stride, in));
    body.add(BatchNorm());
    body.add(Activation("relu"));
    body.add(conv(channels, 3, 1, channels));
    body.add(BatchNorm());
    if (stride == 1 && in == channels) return;
    auto& downsample = add_child("downsample", Sequential());
    downsample.add(conv(channels, 1, stride, in));
    downsample.add(BatchNorm());
  }
  std::string kind() const override { return "basic_block_v1"; }
  Arrays forward(const Arrays& inputs) override {
    const Array& x = one_input(inputs, "basic_block_v1");
    const Array y = (*children()[0].second)(x);
    return {relu((children().size() > 1 ? (*children()[1].second)(x) : x) + y)};
  }
};

/// x + convolutions of the normalized x.
class BasicBlockV2 final : public Block {
 public:
  BasicBlockV2(int64_t channels, int64_t stride, int64_t in) {
    add_child("bn1", BatchNorm());
    auto& body = add_child("body", Sequential());
    body.add(conv(channels, 3, stride, in));
    body.add(BatchNorm());
    body.add(Activation("relu"));
    body.add(conv(channels, 3, 1, channels));
    if (stride != 1 || in != channels) add_child("downsample", conv(channels, 1, stride, in));
  }
  std::string kind() const override { return "basic_block_v2"; }
  Arrays forward(const Arrays& inputs) override {
    const Array& x = one_input(inputs, "basic_block_v2");
    const Array ready = relu((*children()[0].second)(x));
    const Array y = (*children()[1].second)(ready);
    return {y + (children().size() > 2 ? (*children()[2].second)(ready) : x)};
  }
};

}  // namespace

ResNet::ResNet(const ResNetOptions& options) {
  QTK_CHECK(options.version == 1 || options.version == 2, ValueError, "[resnet] version, was {}, expected 1 or 2",
            options.version);
  QTK_CHECK(options.channels.size() == options.layers.size() + 1, ValueError,
            "[resnet] channels, were {} values, expected {}: of the first convolution and of each stage",
            options.channels.size(), options.layers.size() + 1);
  auto& features = add_child("features", Sequential());
  if (options.version == 2) features.add(BatchNorm({.center = false, .scale = false}));
  features.add(Conv2D(options.channels[0], {3}, {.padding = {1}, .use_bias = false}));
  if (options.version == 1) {
    features.add(BatchNorm());
    features.add(Activation("relu"));
  }
  int64_t in = options.channels[0];
  for (size_t stage = 0; stage < options.layers.size(); ++stage) {
    auto& blocks = features.add(Sequential());
    for (int64_t i = 0; i < options.layers[stage]; ++i) {
      const int64_t channels = options.channels[stage + 1], stride = i == 0 && stage > 0 ? 2 : 1;
      if (options.version == 1)
        blocks.add(BasicBlockV1(channels, stride, in));
      else
        blocks.add(BasicBlockV2(channels, stride, in));
      in = channels;
    }
  }
  if (options.version == 2) {
    features.add(BatchNorm());
    features.add(Activation("relu"));
  }
  features.add(GlobalAvgPool2D());
  features.add(Flatten());
  add_child("output", Dense(options.classes, {.in_units = in}));
}

Arrays ResNet::forward(const Arrays& inputs) {
  return {(*children()[1].second)((*children()[0].second)(one_input(inputs, "resnet")))};
}

}  // namespace quantick::nn::zoo
