#include "quantick/backtest/slippage_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"

namespace quantick::backtest {

BasisPointSlippage::BasisPointSlippage(double basis_points, double impact)
    : basis_points_(basis_points), impact_(impact) {
  QTK_CHECK(std::isfinite(basis_points) && basis_points >= 0, ValueError,
            "[backtest] slippage_bps, was {}, expected >= 0", basis_points);
  QTK_CHECK(std::isfinite(impact) && impact >= 0, ValueError, "[backtest] impact, was {}, expected >= 0", impact);
}

double BasisPointSlippage::slippage(const Trade& trade) const {
  const double fixed = basis_points_ * 1e-4;
  if (impact_ == 0) return fixed;
  const double share = trade.volume > 0 ? std::min(1.0, std::fabs(trade.quantity) / trade.volume) : 1.0;
  return fixed + impact_ * share * share;
}

std::string BasisPointSlippage::describe() const {
  return impact_ == 0 ? fmt::format("slippage {} bps", basis_points_)
                      : fmt::format("slippage {} bps + {} x (share of the bar's volume)^2", basis_points_, impact_);
}

}  // namespace quantick::backtest
