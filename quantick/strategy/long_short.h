#pragma once
// Long the best names and short the worst, rebalanced every so many dates.
#include <optional>
#include <tuple>

#include "quantick/core/fields.h"
#include "quantick/strategy/strategy.h"

namespace quantick::strategy {

struct LongShortOptions {
  static constexpr std::string_view kClass = "LongShort";
  double k = 0.2;
  bool long_only = false;
  std::string weighting = "equal";
  double gross = 1;
  int64_t rebalance = 1;
  static constexpr auto fields() {
    using O = LongShortOptions;
    return std::make_tuple(
        field("k", &O::k, "names on each side: a count, or a share of the names available that day inside (0, 1)"),
        field("long_only", &O::long_only, "hold the best names alone"),
        field("weighting", &O::weighting, "equal, or rank: the best of k names weighs k times the last"),
        field("gross", &O::gross, "sum of |weights| over both sides"),
        field("rebalance", &O::rebalance, "dates from one rebalance to the next"));
  }
};

class LongShort : public Strategy {
 public:
  /// Throws ValueError for options out of range, e.g. 2 k names of fewer instruments.
  LongShort(const LongShortOptions& options, const std::vector<std::string>& instruments);

  Target on_scores(const Observation& seen) override;
  const TieCount& ties() const override { return ties_; }
  int64_t shortfalls() const override { return shortfalls_; }

 private:
  LongShortOptions options_;
  Ranking ranking_;
  TieCount ties_;
  int64_t shortfalls_ = 0;
  int64_t seen_ = 0;
  std::optional<market::Date> last_;
};

}  // namespace quantick::strategy
