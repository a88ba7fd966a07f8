#include "quantick/backtest/ridge.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quantick/backtest/signal_metrics.h"
#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/risk/statistics.h"

namespace quantick::backtest {

namespace {

/// Solves a x = b for a symmetric positive definite [n, n], in place of both.
void cholesky_solve(std::vector<double>& a, std::vector<double>& b, double lambda) {
  const size_t n = b.size();
  for (size_t j = 0; j < n; ++j) {
    for (size_t k = 0; k < j; ++k) a[j * n + j] -= a[j * n + k] * a[j * n + k];
    // Standardised features have a diagonal of 1 + lambda; what is left of it below rounding is collinearity.
    constexpr double kSingular = 1e-12;
    QTK_CHECK(a[j * n + j] > kSingular, ValueError,
              "[ridge] feature {} is a combination of others at lambda {}, expected lambda > 0", j, lambda);
    a[j * n + j] = std::sqrt(a[j * n + j]);
    for (size_t i = j + 1; i < n; ++i) {
      for (size_t k = 0; k < j; ++k) a[i * n + j] -= a[i * n + k] * a[j * n + k];
      a[i * n + j] /= a[j * n + j];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) b[i] -= a[i * n + k] * b[k];
    b[i] /= a[i * n + i];
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
    b[i] /= a[i * n + i];
  }
}

struct Standard {
  std::vector<double> mean, scale;  // scale 0: a constant feature, left out by a weight of 0
  double label_mean = 0;
};

Standard standard_of(const Samples& s) {
  const size_t f = static_cast<size_t>(s.features), n = s.y.size();
  Standard out{std::vector<double>(f, 0.0), std::vector<double>(f, 0.0), risk::mean(s.y)};
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < f; ++j) out.mean[j] += s.x[i * f + j];
  }
  for (double& m : out.mean) m /= static_cast<double>(n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < f; ++j) {
      const double d = s.x[i * f + j] - out.mean[j];
      out.scale[j] += d * d;
    }
  }
  for (size_t j = 0; j < f; ++j) {
    out.scale[j] = std::sqrt(out.scale[j] / static_cast<double>(n));
    constexpr double kConstant = 1e-13;  // relative to the mean: rounding of a constant column
    if (out.scale[j] <= kConstant * std::fabs(out.mean[j])) out.scale[j] = 0;
  }
  return out;
}

}  // namespace

void Samples::check(const char* what) const {
  QTK_CHECK(features >= 1 && count() >= 2, ValueError,
            "[ridge] {}: {} samples of {} features, expected 2 and 1 or more", what, count(), features);
  const size_t f = static_cast<size_t>(features);
  QTK_CHECK(x.size() == y.size() * f && date.size() == y.size() && instrument.size() == y.size(), ShapeError,
            "[ridge] {}: {} feature values, {} labels, {} dates and {} instruments, expected n x {}, n, n and n", what,
            x.size(), y.size(), date.size(), instrument.size(), f);
  for (size_t i = 0; i < x.size(); ++i) {
    QTK_CHECK(std::isfinite(x[i]), ValueError, "[ridge] {}: feature {} of sample {}, was {}, expected a finite number",
              what, i % f, i / f, x[i]);
  }
  for (size_t i = 0; i < y.size(); ++i) {
    QTK_CHECK(std::isfinite(y[i]), ValueError, "[ridge] {}: label of sample {}, was {}, expected a finite number", what,
              i, y[i]);
  }
}

std::vector<double> RidgeModel::predict(std::span<const double> x) const {
  const size_t f = weights.size();
  QTK_CHECK(f > 0 && x.size() % f == 0, ShapeError, "[ridge] {} feature values, expected a multiple of {}", x.size(),
            f);
  std::vector<double> out;
  out.reserve(x.size() / f);
  for (size_t i = 0; i < x.size(); i += f) {
    double sum = intercept;
    for (size_t j = 0; j < f; ++j) sum += x[i + j] * weights[j];
    out.push_back(sum);
  }
  return out;
}

std::vector<RidgeModel> fit_ridge(const Samples& training, std::span<const double> lambdas) {
  training.check("training");
  const size_t f = static_cast<size_t>(training.features);
  const int64_t n = training.count();
  const Standard standard = standard_of(training);
  constexpr int64_t kChunks = 16;  // partial sums, added in order
  const int64_t grain = (n + kChunks - 1) / kChunks, chunks = (n + grain - 1) / grain;
  std::vector<std::vector<double>> grams(static_cast<size_t>(chunks)), moments(static_cast<size_t>(chunks));
  parallel_for(chunks, [&](int64_t c) {
    std::vector<double> gram(f * f, 0.0), moment(f, 0.0), row(f);
    for (int64_t i = c * grain; i < std::min(n, (c + 1) * grain); ++i) {
      const double* x = &training.x[static_cast<size_t>(i) * f];
      for (size_t j = 0; j < f; ++j)
        row[j] = standard.scale[j] == 0 ? 0 : (x[j] - standard.mean[j]) / standard.scale[j];
      const double y = training.y[static_cast<size_t>(i)] - standard.label_mean;
      for (size_t j = 0; j < f; ++j) {
        moment[j] += row[j] * y;
        for (size_t k = 0; k <= j; ++k) gram[j * f + k] += row[j] * row[k];
      }
    }
    grams[static_cast<size_t>(c)] = std::move(gram);
    moments[static_cast<size_t>(c)] = std::move(moment);
  });
  std::vector<double> gram(f * f, 0.0), moment(f, 0.0);
  for (size_t c = 0; c < grams.size(); ++c) {
    for (size_t j = 0; j < f * f; ++j) gram[j] += grams[c][j] / static_cast<double>(n);
    for (size_t j = 0; j < f; ++j) moment[j] += moments[c][j] / static_cast<double>(n);
  }
  std::vector<RidgeModel> models;
  for (const double lambda : lambdas) {
    QTK_CHECK(std::isfinite(lambda) && lambda >= 0, ValueError, "[ridge] lambda, was {}, expected >= 0", lambda);
    std::vector<double> a = gram, w = moment;
    for (size_t j = 0; j < f; ++j) a[j * f + j] += standard.scale[j] == 0 ? 1.0 : lambda;
    cholesky_solve(a, w, lambda);
    RidgeModel model{lambda, standard.label_mean, std::vector<double>(f, 0.0)};
    for (size_t j = 0; j < f; ++j) {
      if (standard.scale[j] != 0) model.weights[j] = w[j] / standard.scale[j];
      model.intercept -= model.weights[j] * standard.mean[j];
    }
    models.push_back(std::move(model));
  }
  return models;
}

RidgeChoice choose_ridge(const Samples& training, const Samples& validation, std::span<const double> lambdas) {
  QTK_CHECK(!lambdas.empty(), ValueError, "[ridge] no lambda, expected at least one");
  validation.check("validation");
  QTK_CHECK(validation.features == training.features, ShapeError,
            "[ridge] {} features in validation, {} in training, expected the same", validation.features,
            training.features);
  const auto [date_low, dates] = std::minmax_element(validation.date.begin(), validation.date.end());
  const auto [name_low, names] = std::minmax_element(validation.instrument.begin(), validation.instrument.end());
  QTK_CHECK(*date_low >= 0 && *name_low >= 0, ValueError,
            "[ridge] a negative date or instrument position in validation");
  strategy::ScoreMatrix like;
  for (int32_t t = 0; t <= *dates; ++t) like.dates.push_back({t});
  for (int32_t i = 0; i <= *names; ++i) like.instruments.push_back(std::to_string(i));
  const strategy::ScoreMatrix labels = to_scores(validation, validation.y, like.dates, like.instruments);
  RidgeChoice choice;
  double best = -std::numeric_limits<double>::infinity();
  for (RidgeModel& model : fit_ridge(training, lambdas)) {
    const auto scores = to_scores(validation, model.predict(validation.x), like.dates, like.instruments);
    const double rank_ic = summarize(rank_information_coefficient(scores, labels)).mean;
    choice.trials.push_back({model.lambda, rank_ic});
    const bool better = rank_ic > best || (rank_ic == best && model.lambda > choice.model.lambda);
    if (choice.model.weights.empty() || better) {
      best = std::isnan(rank_ic) ? best : rank_ic;
      choice.model = std::move(model);
    }
  }
  return choice;
}

strategy::ScoreMatrix to_scores(const Samples& samples, std::span<const double> predictions,
                                std::vector<market::Date> dates, std::vector<std::string> instruments) {
  QTK_CHECK(predictions.size() == samples.y.size(), ShapeError, "[ridge] {} predictions, expected {}, one per sample",
            predictions.size(), samples.y.size());
  strategy::ScoreMatrix out{std::move(dates), std::move(instruments), {}};
  out.values.assign(out.dates.size() * out.instruments.size(), std::numeric_limits<double>::quiet_NaN());
  for (size_t i = 0; i < predictions.size(); ++i) {
    QTK_CHECK(samples.date[i] >= 0 && samples.date[i] < out.date_count() && samples.instrument[i] >= 0 &&
                  samples.instrument[i] < out.instrument_count(),
              IndexError, "[ridge] sample {} stands at date {} and instrument {}, expected inside {} x {}", i,
              samples.date[i], samples.instrument[i], out.date_count(), out.instrument_count());
    out.row(samples.date[i])[static_cast<size_t>(samples.instrument[i])] = predictions[i];
  }
  return out;
}

}  // namespace quantick::backtest
