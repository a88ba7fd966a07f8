#pragma once
// Hold k names; on each rebalance sell the worst n_drop and buy the best names not held (Qlib's TopkDropoutStrategy).
//
// A name is sold only where it ranks among the last n_drop of what is held and what could be bought, so that nothing
// is swapped for something worse. Names that stay are not traded. What the sales and idle cash free is shared equally
// by the names bought. Unlike Qlib's, a sale that cannot be made (no price, held too short) frees no place, so that
// never more than k names are held (but where the market refuses a sale that was decided).
#include <optional>
#include <tuple>

#include "quantick/core/fields.h"
#include "quantick/strategy/strategy.h"

namespace quantick::strategy {

struct TopkDropoutOptions {
  static constexpr std::string_view kClass = "TopkDropout";
  double k = 50;
  double n_drop = 5;
  int64_t min_hold = 1;
  double invested = 0.95;
  int64_t rebalance = 1;
  static constexpr auto fields() {
    using O = TopkDropoutOptions;
    return std::make_tuple(
        field("k", &O::k, "names held: a count, or a share of the names available that day inside (0, 1)"),
        field("n_drop", &O::n_drop,
              "names replaced at most per rebalance: a count up to k, or a share of k inside (0, 1)"),
        field("min_hold", &O::min_hold, "dates that a name is held at least"),
        field("invested", &O::invested, "share of equity in names, the rest stays cash"),
        field("rebalance", &O::rebalance, "dates from one rebalance to the next"));
  }
};

class TopkDropout : public Strategy {
 public:
  /// Throws ValueError for options out of range, e.g. k above the number of instruments.
  TopkDropout(const TopkDropoutOptions& options, const std::vector<std::string>& instruments);

  Target on_scores(const Observation& seen) override;
  const TieCount& ties() const override { return ties_; }
  int64_t shortfalls() const override { return shortfalls_; }

 private:
  TopkDropoutOptions options_;
  Ranking ranking_;
  TieCount ties_;
  int64_t shortfalls_ = 0;
  int64_t seen_ = 0;
  std::vector<int64_t> age_;  // dates held, per instrument
  std::optional<market::Date> last_;
};

}  // namespace quantick::strategy
