#pragma once
#include <string>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/nn/block.h"

namespace quantick::nn {

/// Gluon's defaults. Lists hold one value per axis, or one for all. Initializers: null means the one given to
/// initialize().
struct ConvOptions {
  std::vector<int64_t> strides = {1};
  std::vector<int64_t> padding = {0};
  std::vector<int64_t> dilation = {1};
  int64_t groups = 1;
  std::string layout;
  bool causal = false;
  int64_t in_channels = 0;
  std::string activation;
  bool use_bias = true;
  InitializerPtr weight_initializer = nullptr;
  InitializerPtr bias_initializer = nullptr;  ///< null: zeros
  bool quantization = false;
  static constexpr auto fields() {
    using C = ConvOptions;
    return std::make_tuple(
        field("strides", &C::strides, "steps between windows"),
        field("padding", &C::padding, "zeros on both sides of an axis"),
        field("dilation", &C::dilation, "distance of taps"),
        field("groups", &C::groups, "groups of channels that do not see each other"),
        field("layout", &C::layout, "Conv1D: NCW, or TNC with causal; Conv2D: NCHW; empty: that of the class"),
        field("causal", &C::causal, "Conv1D: pads the start alone, so that no output sees a later input"),
        field("in_channels", &C::in_channels, "input channels; 0: from the first input"),
        field("activation", &C::activation, "relu, sigmoid, tanh, softrelu, softsign"),
        field("use_bias", &C::use_bias, "adds a bias"),
        field("quantization", &C::quantization, "marks the layer for quantization"));
  }
};

/// What Conv1D and Conv2D share. Parameters: "weight" (channels, in_channels / groups, kernel...), "bias" (channels,).
class Convolution : public Block {
 public:
  int64_t channels() const { return channels_; }
  const ConvOptions& options() const { return options_; }
  void infer_shapes(const Types& inputs) override;
  Arrays forward(const Arrays& inputs) override;

 protected:
  /// Throws ValueError for options that do not fit `axes` spatial axes.
  Convolution(int axes, int64_t channels, const std::vector<int64_t>& kernel_size, const ConvOptions& options);

 private:
  int64_t channels_;
  std::vector<int64_t> kernel_;
  ConvOptions options_;
  bool time_major_;
  Parameter weight_, bias_;
};

/// (N, C, W) -> (N, channels, W'), or with layout TNC and causal (T, N, ..., C) -> (T, N, ..., channels): axes between
/// batch and channels share the weights.
class Conv1D : public Convolution {
 public:
  Conv1D(int64_t channels, int64_t kernel_size, const ConvOptions& options = {})
      : Convolution(1, channels, {kernel_size}, options) {}
  std::string kind() const override { return "conv1d"; }
};

/// (N, C, H, W) -> (N, channels, H', W').
class Conv2D final : public Convolution {
 public:
  /// `kernel_size`: height and width, or one value for both.
  Conv2D(int64_t channels, const std::vector<int64_t>& kernel_size, const ConvOptions& options = {})
      : Convolution(2, channels, kernel_size, options) {}
  std::string kind() const override { return "conv2d"; }
};

/// One value per axis from a list that may hold one for all. Throws ValueError for another length or values < least.
std::vector<int64_t> per_axis(const std::vector<int64_t>& values, int axes, int64_t least, std::string_view who,
                              std::string_view what);

}  // namespace quantick::nn
