#include "quantick/strategy/strategy.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quantick/core/error.h"

namespace quantick::strategy {

TieCount& TieCount::operator+=(const TieCount& other) {
  decisions += other.decisions;
  ranked += other.ranked;
  tied += other.tied;
  boundary_dates += other.boundary_dates;
  return *this;
}

Ranking::Ranking(const std::vector<std::string>& instruments) {
  std::vector<int64_t> order(instruments.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return instruments[static_cast<size_t>(a)] < instruments[static_cast<size_t>(b)];
  });
  by_name_.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) by_name_[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
}

std::vector<int64_t> Ranking::best_first(std::span<const double> scores, std::vector<int64_t> members) const {
  std::sort(members.begin(), members.end(), [&](int64_t a, int64_t b) {
    const double x = scores[static_cast<size_t>(a)], y = scores[static_cast<size_t>(b)];
    if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
    if (x != y && !std::isnan(x)) return x > y;
    return by_name_[static_cast<size_t>(a)] < by_name_[static_cast<size_t>(b)];
  });
  return members;
}

std::vector<int64_t> Ranking::best_first(const Observation& seen, std::vector<int64_t> members) const {
  if (seen.order.empty()) return best_first(seen.scores, std::move(members));
  std::vector<uint8_t> wanted(seen.order.size(), 0);
  for (const int64_t i : members) wanted[static_cast<size_t>(i)] = 1;
  members.push_back(0);  // the loop writes before it knows whether the place counts
  size_t count = 0;
  for (const int64_t i : seen.order) {
    members[count] = i;
    count += wanted[static_cast<size_t>(i)];
  }
  members.pop_back();
  return members;
}

std::vector<int64_t> available(const Observation& seen) {
  std::vector<int64_t> members;
  for (size_t i = 0; i < seen.scores.size(); ++i) {
    if (seen.tradable[i] && !std::isnan(seen.scores[i])) members.push_back(static_cast<int64_t>(i));
  }
  return members;
}

void check_observation(const Observation& seen, int64_t instruments, const market::Date* previous) {
  const size_t n = static_cast<size_t>(instruments);
  QTK_CHECK(seen.scores.size() == n && seen.tradable.size() == n && seen.holdings.size() == n, ShapeError,
            "[strategy] {} scores, {} tradable and {} holdings, expected {} of each", seen.scores.size(),
            seen.tradable.size(), seen.holdings.size(), n);
  QTK_CHECK(seen.order.empty() || seen.order.size() == n, ShapeError,
            "[strategy] an order of {} instruments, expected {} or none", seen.order.size(), n);
  QTK_CHECK(previous == nullptr || *previous < seen.date, ValueError,
            "[strategy] date {} behind {}, expected dates that ascend", seen.date.to_string(), previous->to_string());
}

int64_t count_or_share(double k, int64_t names) {
  if (k >= 1) return static_cast<int64_t>(k);
  // 0.3 * 10 is 3 to the user, and 2.9999999999999996 to some fractions: a hair above keeps the whole number.
  return std::max<int64_t>(1, static_cast<int64_t>(std::floor(k * static_cast<double>(names) + 1e-9)));
}

void check_count_or_share(std::string_view strategy, std::string_view name, double k) {
  QTK_CHECK(std::isfinite(k) && k > 0 && (k < 1 || k == std::floor(k)), ValueError,
            "[{}] {}, was {}, expected a whole number >= 1, or a share of the names inside (0, 1)", strategy, name, k);
}

void count_ties(std::span<const double> scores, std::span<const int64_t> order, std::initializer_list<int64_t> cuts,
                TieCount& ties) {
  const auto score = [&](int64_t place) { return scores[static_cast<size_t>(order[static_cast<size_t>(place)])]; };
  const int64_t n = static_cast<int64_t>(order.size());
  ++ties.decisions;
  ties.ranked += n;
  for (int64_t i = 0; i < n; ++i) {
    ties.tied += (i > 0 && score(i) == score(i - 1)) || (i + 1 < n && score(i) == score(i + 1));
  }
  ties.boundary_dates +=
      std::any_of(cuts.begin(), cuts.end(), [&](int64_t k) { return k > 0 && k < n && score(k) == score(k - 1); });
}

}  // namespace quantick::strategy
