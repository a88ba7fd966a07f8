#pragma once
// Information coefficients of predictions, date by date. NaN where they are not defined.
#include <cstdint>
#include <span>

namespace quantick::train {

/// Pearson's correlation, in double; NaN for fewer than three pairs or a constant side.
double pearson(std::span<const double> a, std::span<const double> b);

/// Spearman's: Pearson's on ranks, ties get their mean rank.
double spearman(std::span<const double> a, std::span<const double> b);

struct InformationCoefficient {
  double ic = 0;       ///< mean over groups of pearson()
  double rank_ic = 0;  ///< mean over groups of spearman()
  int64_t groups = 0;  ///< that have both
};

/// `group_sizes` are runs of consecutive values that add up to their number; groups without a correlation are left out.
InformationCoefficient information_coefficient(std::span<const float> predictions, std::span<const float> labels,
                                               std::span<const int64_t> group_sizes);

}  // namespace quantick::train
