#include "quantick/cli/pipeline/backtest_stage.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "quantick/backtest/profiles.h"
#include "quantick/core/error.h"
#include "quantick/core/log.h"

namespace quantick::cli {
namespace {

/// Penalties that the ridge baseline chooses from; each counts as a trial.
constexpr std::array kLambdas{1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0};

backtest::Samples newest_steps(const features::WindowDataset& windows, const features::SampleList& list, bool labels) {
  backtest::Samples out;
  out.features = windows.width();
  const auto width = static_cast<size_t>(windows.width());
  for (const int64_t id : list.ids) {
    const auto row = windows.features().subspan(static_cast<size_t>(id) * width, width);
    out.x.insert(out.x.end(), row.begin(), row.end());
    out.y.push_back(labels ? windows.label(id) : 0.0);
    out.date.push_back(static_cast<int32_t>(windows.date_of(id)));
    out.instrument.push_back(static_cast<int32_t>(windows.instrument_of(id)));
  }
  return out;
}

/// A value per sample on the dates and instruments of `like`.
template <class Value>
strategy::ScoreMatrix matrix_like(const strategy::ScoreMatrix& like, const features::WindowDataset& windows,
                                  Value&& value) {
  strategy::ScoreMatrix out = like;
  size_t t = 0;
  for (size_t d = 0; d < like.dates.size(); ++d) {
    while (windows.dates()[t] < like.dates[d]) ++t;
    for (int64_t n = 0; n < like.instrument_count(); ++n)
      out.row(static_cast<int64_t>(d))[static_cast<size_t>(n)] =
          value(static_cast<int64_t>(t) * windows.instrument_count() + n);
  }
  return out;
}

double deviation(std::span<const double> values) {
  double n = 0, sum = 0, squares = 0;
  for (double v : values)
    if (std::isfinite(v)) n += 1, sum += v;
  for (double v : values)
    if (std::isfinite(v)) squares += (v - sum / n) * (v - sum / n);
  return std::sqrt(squares / (n - 1));
}

void judge(Contender& c, const strategy::ScoreMatrix& labels) {
  const auto aligned = backtest::align(labels, c.scores);
  c.ic = backtest::information_coefficient(c.scores, aligned);
  c.rank_ic = backtest::rank_information_coefficient(c.scores, aligned);
}

int64_t rebalance_of(const strategy::StrategyOptions& options) {
  return std::visit([](const auto& o) { return o.rebalance; }, options);
}

/// Every name that trades, at one weight, rebalanced as often as the strategy and with its costs.
Contender equal_weight(const RunConfig& config, const backtest::Prices& prices, const strategy::ScoreMatrix& like) {
  strategy::ScoreMatrix same = like;
  std::fill(same.values.begin(), same.values.end(), 0.0);
  const strategy::EqualWeightOptions options{.rebalance = rebalance_of(config.strategy_options)};
  return {.key = "equal_weight",
          .label = "Equal weight",
          .role = report::Role::kEqualWeight,
          .result = backtest::run_backtest(prices, same, strategy::StrategyOptions(options), config.backtest)};
}

/// float32 against int8, where both are there.
void compare_networks(const RunConfig& config, Evaluation& e) {
  const Contender *f = e.find("float32"), *q = e.find("int8");
  if (f == nullptr || q == nullptr) return;
  auto bootstrap = config.evaluation.bootstrap;
  if (bootstrap.seed == 0) bootstrap.seed = static_cast<uint64_t>(config.seed);
  e.comparison = backtest::compare({.float32_scores = f->scores,
                                    .int8_scores = q->scores,
                                    .labels = e.labels,
                                    .float32_backtest = f->result,
                                    .int8_backtest = q->result,
                                    .top_k = config.evaluation.overlap_k,
                                    .periods_per_year = config.evaluation.periods()},
                                   bootstrap);
}

Contender traded(const RunConfig& config, const backtest::Prices& prices, std::string key, std::string label,
                 report::Role role, strategy::ScoreMatrix scores) {
  Contender c{.key = std::move(key), .label = std::move(label), .role = role, .scores = std::move(scores)};
  c.result = backtest::run_backtest(prices, c.scores, config.strategy_options, config.backtest);
  return c;
}

}  // namespace

std::vector<double> returns_of(const market::Panel& benchmark, const std::vector<market::Date>& dates) {
  const auto price = benchmark.field("price");
  std::vector<double> out;
  double last = market::kMissing;
  size_t b = 0;
  for (const auto& date : dates) {
    double now = last;
    for (; b < benchmark.dates.size() && benchmark.dates[b] <= date; ++b) {
      if (benchmark.dates[b] < dates.front()) last = price[b];
      if (std::isfinite(price[b])) now = price[b];
    }
    out.push_back(std::isfinite(last) && std::isfinite(now) ? now / last - 1 : 0.0);
    last = now;
  }
  return out;
}

const Contender* Evaluation::find(std::string_view key) const {
  const auto found =
      std::find_if(contenders.begin(), contenders.end(), [&](const Contender& c) { return c.key == key; });
  return found == contenders.end() ? nullptr : &*found;
}

strategy::ScoreMatrix score_ridge(const PreparedData& data, std::vector<backtest::RidgeTrial>& trials) {
  const auto& windows = *data.dataset;
  const auto choice = backtest::choose_ridge(newest_steps(windows, data.train, true),
                                             newest_steps(windows, data.valid, true), kLambdas);
  trials = choice.trials;
  log(LogLevel::info, fmt::format("Ridge baseline: lambda {} of {} tried", choice.model.lambda, trials.size()));
  backtest::Samples test = newest_steps(windows, data.test_predictions, false);
  const auto scores = choice.model.predict(test.x);
  // Dates of the panel that have no sample get no row.
  std::vector<market::Date> dates;
  for (size_t g = 0; g < data.test_predictions.groups.size(); ++g) {
    const auto& group = data.test_predictions.groups[g];
    dates.push_back(windows.dates()[static_cast<size_t>(group.date)]);
    std::fill(test.date.begin() + group.begin, test.date.begin() + group.end, static_cast<int32_t>(g));
  }
  return backtest::to_scores(test, scores, std::move(dates),
                             {windows.instruments().begin(), windows.instruments().end()});
}

Evaluation evaluate(const RunConfig& config, const PreparedData& data, strategy::ScoreMatrix float32,
                    strategy::ScoreMatrix int8) {
  Evaluation out;
  const auto& windows = *data.dataset;
  out.labels = matrix_like(int8, windows, [&](int64_t id) { return windows.label(id); });
  out.forward_returns = matrix_like(int8, windows, [&](int64_t id) { return windows.forward_return(id); });
  out.label_deviation = deviation(out.labels.values);
  auto ridge = score_ridge(data, out.ridge_trials);
  log(LogLevel::info, "Backtesting float32, int8, ridge and equal weight");
  out.contenders.push_back(
      traded(config, data.prices, "float32", "Network, float32", report::Role::kFloat32, std::move(float32)));
  out.contenders.push_back(traded(config, data.prices, "int8", "Network, int8", report::Role::kInt8, std::move(int8)));
  out.contenders.push_back(
      traded(config, data.prices, "ridge", "Ridge regression", report::Role::kRidge, std::move(ridge)));
  for (Contender& c : out.contenders) judge(c, out.forward_returns);
  out.contenders.push_back(equal_weight(config, data.prices, out.labels));
  out.trials = config.evaluation.trials + static_cast<int64_t>(out.ridge_trials.size());
  compare_networks(config, out);
  if (data.benchmark) out.benchmark_returns = returns_of(*data.benchmark, out.contenders.front().result.dates);
  return out;
}

void complete(Evaluation& e, const RunConfig& config, const market::Panel& panel, bool with_equal_weight) {
  const auto prices = backtest::Prices::from_panel(panel);
  const strategy::ScoreMatrix closes{prices.dates, prices.instruments, prices.close};
  const auto returns = backtest::forward_returns(closes, config.dataset.samples.horizon);
  e.forward_returns = backtest::align(returns, e.contenders.front().scores);
  e.labels = e.forward_returns;
  e.label_deviation = deviation(e.labels.values);
  for (Contender& c : e.contenders) judge(c, returns);
  compare_networks(config, e);
  if (with_equal_weight) e.contenders.push_back(equal_weight(config, prices, e.labels));
  e.trials = config.evaluation.trials;
}

Evaluation evaluate_scores(const RunConfig& config, const market::Panel& panel, strategy::ScoreMatrix scores) {
  Evaluation out;
  out.contenders.push_back(traded(config, backtest::Prices::from_panel(panel), "scores", "Scores of the file",
                                  report::Role::kOther, std::move(scores)));
  complete(out, config, panel, true);
  return out;
}

}  // namespace quantick::cli
