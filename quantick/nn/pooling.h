#pragma once
#include <string>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/nn/block.h"

namespace quantick::nn {

/// Gluon's defaults. Lists hold one value per axis, or one for all.
struct PoolOptions {
  std::vector<int64_t> strides;
  std::vector<int64_t> padding = {0};
  bool count_include_pad = true;
  static constexpr auto fields() {
    return std::make_tuple(
        field("strides", &PoolOptions::strides, "steps between windows; empty: pool_size"),
        field("padding", &PoolOptions::padding, "on both sides of an axis, less than pool_size"),
        field("count_include_pad", &PoolOptions::count_include_pad, "of averages: divide by the whole window"));
  }
};

/// What the pooling blocks share: (N, C, W) or (N, C, H, W), plane by plane.
class Pooling : public Block {
 public:
  Arrays forward(const Arrays& inputs) override;

 protected:
  enum class Mode { max, average };
  /// An empty pool_size is the whole plane. Throws ValueError for options that do not fit `axes` spatial axes.
  Pooling(Mode mode, int axes, const std::vector<int64_t>& pool_size, const PoolOptions& options);

 private:
  Mode mode_;
  int axes_;
  std::vector<int64_t> kernel_, strides_, pads_;
  bool count_include_pad_;
};

class MaxPool1D final : public Pooling {
 public:
  explicit MaxPool1D(int64_t pool_size = 2, const PoolOptions& options = {})
      : Pooling(Mode::max, 1, {pool_size}, options) {}
  std::string kind() const override { return "max_pool1d"; }
};

class MaxPool2D final : public Pooling {
 public:
  explicit MaxPool2D(const std::vector<int64_t>& pool_size = {2}, const PoolOptions& options = {})
      : Pooling(Mode::max, 2, pool_size, options) {}
  std::string kind() const override { return "max_pool2d"; }
};

class AvgPool1D final : public Pooling {
 public:
  explicit AvgPool1D(int64_t pool_size = 2, const PoolOptions& options = {})
      : Pooling(Mode::average, 1, {pool_size}, options) {}
  std::string kind() const override { return "avg_pool1d"; }
};

class AvgPool2D final : public Pooling {
 public:
  explicit AvgPool2D(const std::vector<int64_t>& pool_size = {2}, const PoolOptions& options = {})
      : Pooling(Mode::average, 2, pool_size, options) {}
  std::string kind() const override { return "avg_pool2d"; }
};

/// (N, C, W) -> (N, C, 1).
class GlobalAvgPool1D final : public Pooling {
 public:
  GlobalAvgPool1D() : Pooling(Mode::average, 1, {}, {}) {}
  std::string kind() const override { return "global_avg_pool1d"; }
};

/// (N, C, H, W) -> (N, C, 1, 1).
class GlobalAvgPool2D final : public Pooling {
 public:
  GlobalAvgPool2D() : Pooling(Mode::average, 2, {}, {}) {}
  std::string kind() const override { return "global_avg_pool2d"; }
};

}  // namespace quantick::nn
