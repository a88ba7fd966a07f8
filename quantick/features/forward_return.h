#pragma once
// What a signal of date t can earn: it is traded at close t+1 and held for `horizon` bars.
#include <cstdint>
#include <vector>

#include "quantick/market/panel.h"

namespace quantick::features {

/// price[t+1+horizon] / price[t+1] - 1 as [T, N]; NaN where a price is missing or after the data, and with intraday
/// bars where t+1+horizon is on another day. For labels and scoring only: it looks ahead. Throws ValueError for a
/// horizon below 1.
std::vector<double> forward_returns(const market::Panel& panel, int64_t horizon);

}  // namespace quantick::features
