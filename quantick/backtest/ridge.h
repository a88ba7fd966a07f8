#pragma once
// Ridge regression in closed form, the linear baseline beside a network. Features and labels are float64; features are
// standardised by the training samples, the intercept is not penalised.
#include <cstdint>
#include <span>
#include <vector>

#include "quantick/strategy/scores.h"

namespace quantick::backtest {

/// Samples [n, features] row by row, a label each, and where its score belongs.
struct Samples {
  int64_t features = 0;
  std::vector<double> x;
  std::vector<double> y;
  std::vector<int32_t> date;        // position in a list of dates, ascending order not required
  std::vector<int32_t> instrument;  // position in a list of instruments
  int64_t count() const { return static_cast<int64_t>(y.size()); }
  /// Throws ShapeError or ValueError (a number that is not finite, with its sample and feature).
  void check(const char* what) const;
};

struct RidgeModel {
  double lambda = 0;  // penalty per sample: minimises mean squared error + lambda * |weights|^2
  double intercept = 0;
  std::vector<double> weights;  // of the raw features
  std::vector<double> predict(std::span<const double> x) const;
};

/// Fits one model per lambda from one pass over the samples (Cholesky, chunks fixed by the size alone). Throws
/// ValueError for lambda < 0 or a system that is not positive definite (collinear features with lambda 0).
std::vector<RidgeModel> fit_ridge(const Samples& training, std::span<const double> lambdas);

/// Every lambda is a trial and counts in the deflated Sharpe ratio.
struct RidgeTrial {
  double lambda;
  double validation_rank_ic;
};
struct RidgeChoice {
  RidgeModel model;
  std::vector<RidgeTrial> trials;
};
/// The model with the highest mean rank IC per date on the validation samples; equal ones: the larger lambda.
RidgeChoice choose_ridge(const Samples& training, const Samples& validation, std::span<const double> lambdas);

/// Predictions of samples as scores on these dates and instruments; NaN where no sample stands.
strategy::ScoreMatrix to_scores(const Samples& samples, std::span<const double> predictions,
                                std::vector<market::Date> dates, std::vector<std::string> instruments);

}  // namespace quantick::backtest
