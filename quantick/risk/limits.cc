#include "quantick/risk/limits.h"

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"

namespace quantick::risk {

namespace {

constexpr double kRounding = 1e-12;  // a sum of thousands of weights near 1 is not exact

void check(std::span<const double> weights, const Limits& limits) {
  for_each_field(limits, [](std::string_view name, double value, std::string_view) {
    QTK_CHECK(value > 0, ValueError, "[risk] limit {}, was {}, expected > 0", name, value);
  });
  for (size_t i = 0; i < weights.size(); ++i) {
    QTK_CHECK(std::isfinite(weights[i]), ValueError, "[risk] weight of instrument {}, was {}, expected a finite number",
              i, weights[i]);
  }
}

}  // namespace

Exposure exposure(std::span<const double> weights) {
  Exposure sum;
  for (const double w : weights) {
    sum.gross += std::fabs(w);
    sum.net += w;
    sum.largest = std::max(sum.largest, std::fabs(w));
    sum.longs += w > 0;
    sum.shorts += w < 0;
  }
  return sum;
}

std::vector<Breach> find_breaches(std::span<const double> weights, const Limits& limits) {
  check(weights, limits);
  std::vector<Breach> breaches;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (std::fabs(weights[i]) > limits.max_weight + kRounding) {
      breaches.push_back({"max_weight", static_cast<int64_t>(i), std::fabs(weights[i]), limits.max_weight});
    }
  }
  const Exposure sum = exposure(weights);
  if (sum.gross > limits.max_gross + kRounding) breaches.push_back({"max_gross", -1, sum.gross, limits.max_gross});
  if (std::fabs(sum.net) > limits.max_net + kRounding) {
    breaches.push_back({"max_net", -1, std::fabs(sum.net), limits.max_net});
  }
  return breaches;
}

std::vector<double> apply_limits(std::span<const double> weights, const Limits& limits) {
  check(weights, limits);
  std::vector<double> inside(weights.begin(), weights.end());
  for (double& w : inside) w = std::clamp(w, -limits.max_weight, limits.max_weight);
  const Exposure sum = exposure(inside);
  double scale = 1;
  if (sum.gross > limits.max_gross) scale = limits.max_gross / sum.gross;
  if (std::fabs(sum.net) > limits.max_net) scale = std::min(scale, limits.max_net / std::fabs(sum.net));
  if (scale < 1) {
    for (double& w : inside) w *= scale;
  }
  return inside;
}

}  // namespace quantick::risk
