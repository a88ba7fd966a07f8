#include "quantick/strategy/target_weights.h"

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::strategy {

TargetWeights::TargetWeights(const TargetWeightsOptions& options, const std::vector<std::string>& instruments)
    : limits_{options.max_weight, options.max_gross, options.max_net},
      scale_(options.beyond == "scale"),
      rebalance_(options.rebalance),
      instruments_(instruments) {
  for_each_field(limits_, [](std::string_view name, double value, std::string_view) {
    QTK_CHECK(value > 0, ValueError, "[TargetWeights] {}, was {}, expected > 0", name, value);
  });
  QTK_CHECK(scale_ || options.beyond == "error", ValueError,
            "[TargetWeights] beyond, was \"{}\", expected error or scale", options.beyond);
  QTK_CHECK(options.rebalance >= 1, ValueError, "[TargetWeights] rebalance, was {}, expected >= 1", options.rebalance);
}

void TargetWeights::check_limits(const Observation& seen, std::span<const double> given) const {
  for (const risk::Breach& breach : risk::find_breaches(given, limits_)) {
    fail<ValueError>(
        "[TargetWeights] {}: {} of the weights{}, was {}, expected at most {}; set beyond: scale to bring "
        "them inside",
        seen.date.to_string(), breach.limit,
        breach.instrument < 0 ? "" : " (" + instruments_[static_cast<size_t>(breach.instrument)] + ")", breach.value,
        breach.allowed);
  }
}

Target TargetWeights::on_scores(const Observation& seen) {
  const size_t n = instruments_.size();
  check_observation(seen, static_cast<int64_t>(n), last_ ? &*last_ : nullptr);
  last_ = seen.date;
  Target target{{seen.holdings.begin(), seen.holdings.end()}, std::vector<uint8_t>(n, 1)};
  if (seen_++ % rebalance_ != 0) return target;
  std::vector<double> given(n, 0.0);
  bool any = false, lacking = false;
  for (size_t i = 0; i < n; ++i) {
    if (std::isnan(seen.scores[i])) continue;
    any = true;
    given[i] = seen.scores[i];
    if (seen.tradable[i]) {
      target.weights[i] = given[i];
      target.keep[i] = 0;
    } else {
      lacking |= given[i] != 0;
    }
  }
  shortfalls_ += lacking;
  if (!any) return target;
  if (!scale_) {
    check_limits(seen, given);
    return target;
  }
  const std::vector<double> inside = risk::apply_limits(target.weights, limits_);
  for (size_t i = 0; i < n; ++i) {
    if (inside[i] == target.weights[i] || !seen.tradable[i]) continue;
    target.weights[i] = inside[i];
    target.keep[i] = 0;
  }
  return target;
}

}  // namespace quantick::strategy
