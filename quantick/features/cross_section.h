#pragma once
// Transforms of one date's values across instruments, in place. NaN stays NaN and does not count.
#include <cstdint>
#include <span>
#include <vector>

namespace quantick::features {

/// Ranks to [-0.5, 0.5], ties averaged; 0 for a single value. `scratch` is room for the order.
void cross_sectional_rank(std::span<double> values, std::vector<int64_t>& scratch);
/// Minus the mean.
void cross_sectional_demean(std::span<double> values);
/// Minus the mean, over the standard deviation (n); 0 where all values are equal.
void cross_sectional_zscore(std::span<double> values);

}  // namespace quantick::features
