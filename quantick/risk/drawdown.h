#pragma once
// Drawdown: how far a series of returns stands below its highest point so far. All are <= 0, as fractions of the peak.
#include <cstdint>
#include <span>
#include <vector>

namespace quantick::risk {

/// Wealth over its running maximum, minus one, after each return. Returns compound; the start (wealth 1) is a peak.
std::vector<double> drawdown_series(std::span<const double> returns);

/// Lowest value of drawdown_series; 0 where nothing was ever lost. Throws ValueError on an empty series.
double max_drawdown(std::span<const double> returns);

/// Qlib's sum mode: the running sum of returns below its running maximum, which does not start from zero, so that a
/// loss on the first day is not a drawdown.
double max_drawdown_of_sum(std::span<const double> returns);

/// Ulcer index: root of the summed squared drawdowns over n - ddof (Martin and McCann 1989 use n, quantstats n - 1).
double ulcer_index(std::span<const double> returns, int ddof);

}  // namespace quantick::risk
