#include "quantick/risk/tail_risk.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/risk/statistics.h"

namespace quantick::risk {

namespace {

void check(std::span<const double> returns, double tail) {
  QTK_CHECK(!returns.empty(), ValueError, "[risk] value at risk of an empty series, expected at least one return");
  QTK_CHECK(tail > 0 && tail < 1, ValueError, "[risk] tail, was {}, expected inside (0, 1), e.g. 0.05 for VaR95", tail);
}

std::vector<double> ascending(std::span<const double> returns) {
  std::vector<double> sorted(returns.begin(), returns.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

}  // namespace

double value_at_risk(std::span<const double> returns, double tail) {
  check(returns, tail);
  return -quantile(returns, tail);
}

double value_at_risk_order_statistic(std::span<const double> returns, double tail) {
  check(returns, tail);
  const size_t below = static_cast<size_t>(static_cast<double>(returns.size()) * tail);
  return -ascending(returns)[std::min(below, returns.size() - 1)];
}

double value_at_risk_normal(std::span<const double> returns, double tail) {
  check(returns, tail);
  return -(mean(returns) + standard_deviation(returns) * normal_quantile(tail));
}

double expected_shortfall(std::span<const double> returns, double tail) {
  check(returns, tail);
  const size_t count = static_cast<size_t>(static_cast<double>(returns.size() - 1) * tail) + 1;
  const std::vector<double> sorted = ascending(returns);
  return -mean(std::span(sorted).first(count));
}

double expected_shortfall_below_normal(std::span<const double> returns, double tail) {
  const double limit = value_at_risk_normal(returns, tail);
  double sum = 0;
  int64_t count = 0;
  for (const double r : returns) {
    if (r < -limit) {
      sum += r;
      ++count;
    }
  }
  return count == 0 ? limit : -sum / static_cast<double>(count);
}

double expected_shortfall_normal(std::span<const double> returns, double tail) {
  check(returns, tail);
  return standard_deviation(returns) * normal_density(normal_quantile(tail)) / tail - mean(returns);
}

double ewma_volatility(std::span<const double> returns, double decay) {
  QTK_CHECK(!returns.empty(), ValueError, "[risk] EWMA of an empty series, expected at least one return");
  QTK_CHECK(decay > 0 && decay < 1, ValueError, "[risk] EWMA decay, was {}, expected inside (0, 1)", decay);
  double square = returns[0] * returns[0];
  for (size_t i = 1; i < returns.size(); ++i) square = decay * square + (1 - decay) * returns[i] * returns[i];
  return std::sqrt(square);
}

double value_at_risk_ewma(std::span<const double> returns, double tail, double decay) {
  check(returns, tail);
  return -ewma_volatility(returns, decay) * normal_quantile(tail);
}

}  // namespace quantick::risk
