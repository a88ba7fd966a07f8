#include "quantick/strategy/equal_weight.h"

#include "quantick/core/error.h"

namespace quantick::strategy {

EqualWeight::EqualWeight(const EqualWeightOptions& options, const std::vector<std::string>& instruments)
    : options_(options), instruments_(static_cast<int64_t>(instruments.size())) {
  QTK_CHECK(options.invested > 0 && options.invested <= 10, ValueError,
            "[EqualWeight] invested, was {}, expected inside (0, 10]", options.invested);
  QTK_CHECK(options.rebalance >= 1, ValueError, "[EqualWeight] rebalance, was {}, expected >= 1", options.rebalance);
}

Target EqualWeight::on_scores(const Observation& seen) {
  check_observation(seen, instruments_, last_ ? &*last_ : nullptr);
  last_ = seen.date;
  const size_t n = static_cast<size_t>(instruments_);
  if (seen_++ % options_.rebalance != 0) {
    return {{seen.holdings.begin(), seen.holdings.end()}, std::vector<uint8_t>(n, 1)};
  }
  Target target{std::vector<double>(n, 0.0), std::vector<uint8_t>(n, 0)};
  const std::vector<int64_t> names = available(seen);
  for (const int64_t i : names) {
    target.weights[static_cast<size_t>(i)] = options_.invested / static_cast<double>(names.size());
  }
  return target;
}

}  // namespace quantick::strategy
