#include "quantick/strategy/topk_dropout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"

namespace quantick::strategy {

TopkDropout::TopkDropout(const TopkDropoutOptions& options, const std::vector<std::string>& instruments)
    : options_(options), ranking_(instruments), age_(instruments.size(), 0) {
  check_count_or_share("TopkDropout", "k", options.k);
  check_count_or_share("TopkDropout", "n_drop", options.n_drop);
  QTK_CHECK(options.k < 1 || static_cast<int64_t>(options.k) <= ranking_.size(), ValueError,
            "[TopkDropout] k, was {}, expected at most {}, the universe's instruments (or a share of them, e.g. 0.2)",
            options.k, ranking_.size());
  const int64_t most_held = count_or_share(options.k, ranking_.size());
  QTK_CHECK(options.n_drop < 1 || options.n_drop <= static_cast<double>(most_held), ValueError,
            "[TopkDropout] n_drop, was {}, expected at most k = {}{}", options.n_drop, options.k,
            options.k < 1 ? fmt::format(", which is {} of {} instruments", most_held, ranking_.size()) : "");
  QTK_CHECK(options.min_hold >= 1, ValueError, "[TopkDropout] min_hold, was {}, expected >= 1", options.min_hold);
  QTK_CHECK(options.invested > 0 && options.invested <= 10, ValueError,
            "[TopkDropout] invested, was {}, expected inside (0, 10]", options.invested);
  QTK_CHECK(options.rebalance >= 1, ValueError, "[TopkDropout] rebalance, was {}, expected >= 1", options.rebalance);
}

Target TopkDropout::on_scores(const Observation& seen) {
  check_observation(seen, ranking_.size(), last_ ? &*last_ : nullptr);
  last_ = seen.date;
  const size_t n = static_cast<size_t>(ranking_.size());
  for (size_t i = 0; i < n; ++i) age_[i] = seen.holdings[i] > 0 ? age_[i] + 1 : 0;
  Target target{std::vector<double>(seen.holdings.begin(), seen.holdings.end()), std::vector<uint8_t>(n, 1)};
  if (seen_++ % options_.rebalance != 0) return target;

  std::vector<int64_t> held, free;
  const std::vector<int64_t> names = available(seen);
  for (size_t i = 0; i < n; ++i) {
    if (seen.holdings[i] > 0) held.push_back(static_cast<int64_t>(i));
    if (seen.holdings[i] < 0) target.weights[i] = 0, target.keep[i] = 0;  // a short is none of this strategy's doing
  }
  std::copy_if(names.begin(), names.end(), std::back_inserter(free),
               [&](int64_t i) { return !(seen.holdings[static_cast<size_t>(i)] > 0); });
  const int64_t available_names = static_cast<int64_t>(names.size()), held_names = static_cast<int64_t>(held.size());
  const int64_t k = count_or_share(options_.k, available_names);
  const int64_t n_drop = std::min(k, count_or_share(options_.n_drop, k));

  const std::vector<int64_t> candidates = ranking_.best_first(seen, free);
  const int64_t considered = std::clamp<int64_t>(n_drop + k - held_names, 0, static_cast<int64_t>(candidates.size()));
  std::vector<int64_t> both = held;
  both.insert(both.end(), candidates.begin(), candidates.begin() + considered);
  both = ranking_.best_first(seen, both);
  // Worst first: the last n_drop of both, and as many more as stand above k (a share of fewer names than before).
  int64_t sold = 0;
  const int64_t surplus = held_names - k;
  for (int64_t place = static_cast<int64_t>(both.size()) - 1; place >= 0; --place) {
    const bool last_ranks = static_cast<int64_t>(both.size()) - place <= n_drop;
    if (!last_ranks && sold >= surplus) break;
    const size_t i = static_cast<size_t>(both[static_cast<size_t>(place)]);
    if (!(seen.holdings[i] > 0) || !seen.tradable[i] || age_[i] < options_.min_hold) continue;
    target.weights[i] = 0;
    target.keep[i] = 0;
    ++sold;
  }
  const int64_t bought = std::clamp<int64_t>(sold + k - held_names, 0, considered);
  double kept = 0;
  for (const int64_t i : held) kept += target.weights[static_cast<size_t>(i)];
  for (int64_t b = 0; b < bought; ++b) {
    const size_t i = static_cast<size_t>(candidates[static_cast<size_t>(b)]);
    target.weights[i] = std::max(0.0, options_.invested - kept) / static_cast<double>(bought);
    target.keep[i] = 0;
  }
  shortfalls_ += held_names - sold + bought < k;
  const std::vector<int64_t> order = ranking_.best_first(seen, names);
  count_ties(seen.scores, order, {k}, ties_);
  return target;
}

}  // namespace quantick::strategy
