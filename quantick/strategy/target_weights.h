#pragma once
// Weights from elsewhere, an optimizer say: what stands in the place of scores is what to hold.
#include <optional>
#include <string>
#include <tuple>

#include "quantick/risk/limits.h"
#include "quantick/strategy/strategy.h"

namespace quantick::strategy {

struct TargetWeightsOptions {
  static constexpr std::string_view kClass = "TargetWeights";
  double max_weight = 1;
  double max_gross = 2;
  double max_net = 1;
  std::string beyond = "error";
  int64_t rebalance = 1;
  static constexpr auto fields() {
    using O = TargetWeightsOptions;
    return std::make_tuple(field("max_weight", &O::max_weight, "largest |weight| of one instrument"),
                           field("max_gross", &O::max_gross, "largest sum of |weights|"),
                           field("max_net", &O::max_net, "largest |sum of weights|"),
                           field("beyond", &O::beyond,
                                 "weights beyond these limits: error, or scale (each is cut to max_weight, then all "
                                 "are scaled down together)"),
                           field("rebalance", &O::rebalance, "dates from one rebalance to the next"));
  }
};

/// Scores are weights, fractions of equity, shorts negative. An instrument without one (NaN) and one without a price
/// stay as they stand; 0 sells. Limits: `error` looks at the weights given, `scale` also at what stays.
class TargetWeights : public Strategy {
 public:
  TargetWeights(const TargetWeightsOptions& options, const std::vector<std::string>& instruments);

  Target on_scores(const Observation& seen) override;
  const TieCount& ties() const override { return ties_; }
  /// Dates with a weight other than 0 for an instrument without a price.
  int64_t shortfalls() const override { return shortfalls_; }

 private:
  void check_limits(const Observation& seen, std::span<const double> given) const;

  risk::Limits limits_;
  bool scale_;
  int64_t rebalance_;
  std::vector<std::string> instruments_;
  TieCount ties_;  // stays at zero: nothing is ranked
  int64_t shortfalls_ = 0;
  int64_t seen_ = 0;
  std::optional<market::Date> last_;
};

}  // namespace quantick::strategy
