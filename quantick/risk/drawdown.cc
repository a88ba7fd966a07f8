#include "quantick/risk/drawdown.h"

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"

namespace quantick::risk {

std::vector<double> drawdown_series(std::span<const double> returns) {
  std::vector<double> depths;
  depths.reserve(returns.size());
  double wealth = 1, peak = 1;
  for (const double r : returns) {
    wealth *= 1 + r;
    peak = std::max(peak, wealth);
    depths.push_back(wealth / peak - 1);
  }
  return depths;
}

double max_drawdown(std::span<const double> returns) {
  QTK_CHECK(!returns.empty(), ValueError, "[risk] drawdown of an empty series, expected at least one return");
  const std::vector<double> depths = drawdown_series(returns);
  return std::min(0.0, *std::min_element(depths.begin(), depths.end()));
}

double max_drawdown_of_sum(std::span<const double> returns) {
  QTK_CHECK(!returns.empty(), ValueError, "[risk] drawdown of an empty series, expected at least one return");
  double sum = 0, peak = returns[0], lowest = 0;
  for (const double r : returns) {
    sum += r;
    peak = std::max(peak, sum);
    lowest = std::min(lowest, sum - peak);
  }
  return lowest;
}

std::vector<DrawdownPeriod> drawdown_periods(std::span<const double> returns) {
  const std::vector<double> depths = drawdown_series(returns);
  const int64_t n = static_cast<int64_t>(depths.size());
  std::vector<DrawdownPeriod> periods;
  for (int64_t i = 0; i < n; ++i) {
    if (!(depths[static_cast<size_t>(i)] < 0)) continue;
    DrawdownPeriod period{i - 1, i, n, 0};
    for (; i < n && depths[static_cast<size_t>(i)] < 0; ++i) {
      if (depths[static_cast<size_t>(i)] < period.depth) {
        period.depth = depths[static_cast<size_t>(i)];
        period.trough = i;
      }
    }
    period.recovery = i;
    periods.push_back(period);
  }
  std::stable_sort(periods.begin(), periods.end(), [](const auto& a, const auto& b) { return a.depth < b.depth; });
  return periods;
}

double ulcer_index(std::span<const double> returns, int ddof) {
  QTK_CHECK(returns.size() > static_cast<size_t>(ddof), ValueError,
            "[risk] ulcer index of {} returns, expected over {}", returns.size(), ddof);
  double sum = 0;
  for (const double d : drawdown_series(returns)) sum += d * d;
  return std::sqrt(sum / static_cast<double>(returns.size() - static_cast<size_t>(ddof)));
}

}  // namespace quantick::risk
