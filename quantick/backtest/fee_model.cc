#include "quantick/backtest/fee_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"

namespace quantick::backtest {

BasisPointFee::BasisPointFee(double basis_points, double minimum) : basis_points_(basis_points), minimum_(minimum) {
  QTK_CHECK(std::isfinite(basis_points) && basis_points >= 0, ValueError,
            "[backtest] commission_bps, was {}, expected >= 0", basis_points);
  QTK_CHECK(std::isfinite(minimum) && minimum >= 0, ValueError, "[backtest] commission_minimum, was {}, expected >= 0",
            minimum);
}

double BasisPointFee::commission(const Trade& trade) const {
  return std::max(minimum_, trade.notional() * basis_points_ * 1e-4);
}

std::string BasisPointFee::describe() const {
  return fmt::format("commission {} bps of traded value, at least {} per trade", basis_points_, minimum_);
}

}  // namespace quantick::backtest
