#pragma once
// Hold every name that has a score and a price, equally: the baseline that asks no model.
#include <optional>
#include <tuple>

#include "quantick/core/fields.h"
#include "quantick/strategy/strategy.h"

namespace quantick::strategy {

struct EqualWeightOptions {
  static constexpr std::string_view kClass = "EqualWeight";
  double invested = 1;
  int64_t rebalance = 21;
  static constexpr auto fields() {
    using O = EqualWeightOptions;
    return std::make_tuple(field("invested", &O::invested, "share of equity in names"),
                           field("rebalance", &O::rebalance, "dates from one rebalance to the next (21: a month)"));
  }
};

class EqualWeight : public Strategy {
 public:
  EqualWeight(const EqualWeightOptions& options, const std::vector<std::string>& instruments);

  Target on_scores(const Observation& seen) override;
  const TieCount& ties() const override { return ties_; }
  int64_t shortfalls() const override { return 0; }

 private:
  EqualWeightOptions options_;
  int64_t instruments_;
  TieCount ties_;  // stays at zero: nothing is ranked
  int64_t seen_ = 0;
  std::optional<market::Date> last_;
};

}  // namespace quantick::strategy
