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

double ulcer_index(std::span<const double> returns, int ddof) {
  QTK_CHECK(returns.size() > static_cast<size_t>(ddof), ValueError,
            "[risk] ulcer index of {} returns, expected over {}", returns.size(), ddof);
  double sum = 0;
  for (const double d : drawdown_series(returns)) sum += d * d;
  return std::sqrt(sum / static_cast<double>(returns.size() - static_cast<size_t>(ddof)));
}

}  // namespace quantick::risk
