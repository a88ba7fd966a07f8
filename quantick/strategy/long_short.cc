#include "quantick/strategy/long_short.h"

#include <algorithm>

#include "quantick/core/error.h"

namespace quantick::strategy {

LongShort::LongShort(const LongShortOptions& options, const std::vector<std::string>& instruments)
    : options_(options), ranking_(instruments) {
  check_count_or_share("LongShort", "k", options.k);
  const int64_t n = ranking_.size(), sides = options.long_only ? 1 : 2;
  if (options.k >= 1) {
    QTK_CHECK(static_cast<int64_t>(options.k) * sides <= n, ValueError,
              "[LongShort] k, was {} on {} side(s), expected at most {} for a universe of {} instruments", options.k,
              sides, n / sides, n);
  } else {
    QTK_CHECK(options.k * static_cast<double>(sides) <= 1, ValueError,
              "[LongShort] k, was {} of the names on each of 2 sides, expected at most 0.5", options.k);
  }
  QTK_CHECK(options.weighting == "equal" || options.weighting == "rank", ValueError,
            "[LongShort] weighting, was \"{}\", expected \"equal\" or \"rank\"", options.weighting);
  QTK_CHECK(options.gross > 0 && options.gross <= 10, ValueError, "[LongShort] gross, was {}, expected inside (0, 10]",
            options.gross);
  QTK_CHECK(options.rebalance >= 1, ValueError, "[LongShort] rebalance, was {}, expected >= 1", options.rebalance);
}

Target LongShort::on_scores(const Observation& seen) {
  check_observation(seen, ranking_.size(), last_ ? &*last_ : nullptr);
  last_ = seen.date;
  const size_t n = static_cast<size_t>(ranking_.size());
  Target target{std::vector<double>(n, 0.0), std::vector<uint8_t>(n, 0)};
  if (seen_++ % options_.rebalance != 0) {
    std::copy(seen.holdings.begin(), seen.holdings.end(), target.weights.begin());
    std::fill(target.keep.begin(), target.keep.end(), uint8_t{1});
    return target;
  }
  const std::vector<int64_t> order = ranking_.best_first(seen, available(seen));
  const int64_t names = static_cast<int64_t>(order.size()), sides = options_.long_only ? 1 : 2;
  const int64_t wanted = count_or_share(options_.k, names);
  const int64_t k = std::min(wanted, names / sides);
  shortfalls_ += k < wanted;
  count_ties(seen.scores, order, {k, options_.long_only ? 0 : names - k}, ties_);
  const double side = options_.gross / static_cast<double>(sides);
  const bool ranked = options_.weighting == "rank";
  const double total = ranked ? 0.5 * static_cast<double>(k) * static_cast<double>(k + 1) : static_cast<double>(k);
  for (int64_t i = 0; i < k; ++i) {
    const double weight = side * (ranked ? static_cast<double>(k - i) : 1.0) / total;
    target.weights[static_cast<size_t>(order[static_cast<size_t>(i)])] = weight;
    if (!options_.long_only) target.weights[static_cast<size_t>(order[static_cast<size_t>(names - 1 - i)])] = -weight;
  }
  return target;
}

}  // namespace quantick::strategy
