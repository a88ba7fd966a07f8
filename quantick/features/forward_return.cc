#include "quantick/features/forward_return.h"

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"

namespace quantick::features {

std::vector<double> forward_returns(const market::Panel& panel, int64_t horizon) {
  QTK_CHECK(horizon >= 1, ValueError, "[forward_return] horizon, was {}, expected 1 or more bars", horizon);
  const auto price = panel.field("price");
  const int64_t count = panel.instrument_count(), cells = panel.date_count() * count;
  std::vector<double> returns(cells, market::kMissing);
  const int64_t span = (1 + std::min(horizon, panel.date_count())) * count;
  for (int64_t k = 0; k + span < cells; ++k) {
    const double value = price[k + span] / price[k + count] - 1;
    const bool overnight = panel.intraday() && panel.dates[k / count] != panel.dates[(k + span) / count];
    if (std::isfinite(value) && !overnight) returns[k] = value;
  }
  return returns;
}

}  // namespace quantick::features
