#pragma once
// Losses in the Gluon manner: loss(prediction, label) gives one value per sample, of which training takes the mean.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/ops/operator.h"

namespace quantick::optim {

/// Built of operators, so that gradients and graphs come by themselves.
class Loss {
 public:
  virtual ~Loss() = default;
  /// `prediction` is (N, ...); `label` has as many elements; `sample_weight`, where given, N or as many as the
  /// prediction. `groups` are sizes of consecutive runs of samples (the dates of a batch) that add up to N; losses that
  /// look at single samples ignore them. Throws ShapeError.
  virtual Array operator()(const Array& prediction, const Array& label, const Array& sample_weight = {},
                           std::span<const int64_t> groups = {}) const = 0;
  /// Class name, as make_loss takes it.
  virtual std::string kind() const = 0;
  /// Whether the value depends on which samples stand in one group.
  virtual bool per_group() const { return false; }
};

struct L2LossOptions {
  double weight = 1;
  static constexpr auto fields() {
    return std::make_tuple(field("weight", &L2LossOptions::weight, "factor, beside the 1/2"));
  }
};

/// weight / 2 * (label - prediction)^2, mean over all axes but the first: (N,). The 1/2 is Gluon's.
class L2Loss final : public Loss {
 public:
  explicit L2Loss(const L2LossOptions& options = {}) : options_(options) {}
  Array operator()(const Array& prediction, const Array& label, const Array& sample_weight = {},
                   std::span<const int64_t> groups = {}) const override;
  std::string kind() const override { return "L2Loss"; }

 private:
  L2LossOptions options_;
};

struct L1LossOptions {
  double weight = 1;
  static constexpr auto fields() { return std::make_tuple(field("weight", &L1LossOptions::weight, "factor")); }
};

/// weight * |label - prediction|.
class L1Loss final : public Loss {
 public:
  explicit L1Loss(const L1LossOptions& options = {}) : options_(options) {}
  Array operator()(const Array& prediction, const Array& label, const Array& sample_weight = {},
                   std::span<const int64_t> groups = {}) const override;
  std::string kind() const override { return "L1Loss"; }

 private:
  L1LossOptions options_;
};

struct HuberLossOptions {
  double rho = 1;
  double weight = 1;
  static constexpr auto fields() {
    return std::make_tuple(field("rho", &HuberLossOptions::rho, "distance at which the square turns into a line"),
                           field("weight", &HuberLossOptions::weight, "factor"));
  }
};

/// d^2 / (2 rho) for d = |label - prediction| <= rho, d - rho / 2 above: Gluon's scaling of Huber 1964.
class HuberLoss final : public Loss {
 public:
  explicit HuberLoss(const HuberLossOptions& options = {});
  Array operator()(const Array& prediction, const Array& label, const Array& sample_weight = {},
                   std::span<const int64_t> groups = {}) const override;
  std::string kind() const override { return "HuberLoss"; }

 private:
  HuberLossOptions options_;
};

struct QuantileLossOptions {
  double quantile = 0.5;
  double weight = 1;
  static constexpr auto fields() {
    return std::make_tuple(field("quantile", &QuantileLossOptions::quantile, "level, between 0 and 1"),
                           field("weight", &QuantileLossOptions::weight, "factor"));
  }
};

/// max(q d, (q - 1) d) for d = label - prediction (Koenker & Bassett 1978): the prediction becomes the q-quantile.
class QuantileLoss final : public Loss {
 public:
  explicit QuantileLoss(const QuantileLossOptions& options = {});
  Array operator()(const Array& prediction, const Array& label, const Array& sample_weight = {},
                   std::span<const int64_t> groups = {}) const override;
  std::string kind() const override { return "QuantileLoss"; }

 private:
  QuantileLossOptions options_;
};

struct NegativeICLossOptions {
  double weight = 1;
  /// Added to both variances, so that a constant prediction has a gradient: 1e-12 is a standard deviation of 1e-6.
  double epsilon = 1e-12;
  static constexpr auto fields() {
    return std::make_tuple(field("weight", &NegativeICLossOptions::weight, "factor"),
                           field("epsilon", &NegativeICLossOptions::epsilon, "added to both variances"));
  }
};

/// Minus the (weighted) Pearson correlation of prediction and label within each group, the information coefficient:
/// one value per group, (G,); the whole batch is one group where none are given.
class NegativeICLoss final : public Loss {
 public:
  explicit NegativeICLoss(const NegativeICLossOptions& options = {});
  Array operator()(const Array& prediction, const Array& label, const Array& sample_weight = {},
                   std::span<const int64_t> groups = {}) const override;
  std::string kind() const override { return "NegativeICLoss"; }
  bool per_group() const override { return true; }

 private:
  NegativeICLossOptions options_;
};

/// By class name with keyword arguments, as a configuration file has them. Throws ValueError with the nearest name.
std::unique_ptr<Loss> make_loss(std::string_view class_name, const Attributes& kwargs = {});
std::vector<std::string> loss_names();

}  // namespace quantick::optim
