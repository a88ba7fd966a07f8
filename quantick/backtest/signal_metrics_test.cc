#include "quantick/backtest/signal_metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/backtest/metrics_json.h"
#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"

namespace quantick::backtest {
namespace {

using strategy::ScoreMatrix;

const std::vector<std::string> kNames{"A", "B", "C", "D"};

TEST(SignalMetrics, CorrelationsByHand) {
  const ScoreMatrix scores{{{1}, {2}, {3}}, kNames, {1, 2, 3, 4, 1, 1, 2, NAN, 1, NAN, NAN, 2}};
  const ScoreMatrix labels{{{1}, {2}, {3}}, kNames, {1, 2, 3, 10, 5, 7, 9, 1, 1, 2, 3, 4}};
  const auto ic = information_coefficient(scores, labels);
  EXPECT_NEAR(ic[0], 14 / std::sqrt(5.0 * 50.0), 1e-15);
  const auto rank_ic = rank_information_coefficient(scores, labels);
  EXPECT_DOUBLE_EQ(rank_ic[0], 1);
  EXPECT_NEAR(rank_ic[1], 1.5 / std::sqrt(1.5 * 2), 1e-15) << "ranks 1.5 1.5 3 and 1 2 3";
  EXPECT_TRUE(std::isnan(rank_ic[2])) << "two pairs say nothing";
  const SeriesSummary s = summarize(rank_ic);
  EXPECT_EQ(s.observations, 2);
  EXPECT_NEAR(s.ratio, s.mean / s.deviation, 1e-15);
}

TEST(SignalMetrics, ForwardReturnsStartAfterTheDelay) {
  const ScoreMatrix closes{{{1}, {2}, {3}, {4}}, {"A"}, {10, 11, 22, 33}};
  const ScoreMatrix one = forward_returns(closes, 1);
  EXPECT_DOUBLE_EQ(one.values[0], 1.0);
  EXPECT_DOUBLE_EQ(one.values[1], 0.5);
  EXPECT_TRUE(std::isnan(one.values[2]));
  EXPECT_DOUBLE_EQ(forward_returns(closes, 2).values[0], 2.0);
  EXPECT_NEAR(forward_returns(closes, 1, 0).values[0], 0.1, 1e-15);
  EXPECT_THROW(forward_returns(closes, 0), ValueError);
}

TEST(SignalMetrics, TheHorizonThatIsKnownHasTheHighestCorrelation) {
  // Scores are the returns from t + 1 to t + 3 themselves.
  ScoreMatrix closes;
  for (int t = 0; t < 40; ++t) closes.dates.push_back({t});
  for (int i = 0; i < 30; ++i) closes.instruments.push_back(std::to_string(i));
  for (uint64_t i = 0; i < 1200; ++i) closes.values.push_back(100 * std::exp(0.1 * Key(1).normal(i)));
  const ScoreMatrix scores = forward_returns(closes, 2);
  const auto mean_at = [&](int64_t horizon) {
    return summarize(rank_information_coefficient(scores, forward_returns(closes, horizon)));
  };
  EXPECT_NEAR(mean_at(2).mean, 1, 1e-12);
  EXPECT_LT(mean_at(1).mean, 0.9);
  EXPECT_LT(mean_at(3).mean, 0.9);
  EXPECT_EQ(mean_at(2).observations, 37);
}

TEST(SignalMetrics, QuantilesAndTheSpread) {
  const ScoreMatrix scores{{{1}, {2}}, kNames, {1, 2, 3, 4, 5, 5, 5, NAN}};
  const ScoreMatrix labels{{{1}, {2}}, kNames, {0.1, 0.2, 0.3, 0.4, 0.3, 0.2, 0.1, 9}};
  const QuantileReturns q = quantile_returns(scores, labels, 2);
  EXPECT_NEAR(q.by_date[0], 0.15, 1e-15);
  EXPECT_NEAR(q.by_date[1], 0.35, 1e-15);
  EXPECT_NEAR(q.long_short[0], 0.2, 1e-15);
  EXPECT_NEAR(q.by_date[2], 0.15, 1e-15) << "equal scores fall by name: A is best, B and C are in the lower half";
  EXPECT_NEAR(q.by_date[3], 0.3, 1e-15);
  EXPECT_NEAR(q.mean[1], 0.325, 1e-15);
  EXPECT_THROW(quantile_returns(scores, labels, 5), ValueError);
}

TEST(SignalMetrics, OverlapOfTheBest) {
  const ScoreMatrix a{{{1}, {2}}, kNames, {4, 3, 2, 1, 1, NAN, 2, 3}};
  const ScoreMatrix b{{{1}, {2}}, kNames, {4, 1, 3, 2, 1, 9, 2, 3}};
  EXPECT_EQ(top_k_overlap(a, b, 2), (std::vector<double>{0.5, 1}));
  EXPECT_EQ(top_k_overlap(a, a, 0.5), (std::vector<double>{1, 1}));
  EXPECT_THROW(top_k_overlap(a, b, 5), ValueError);
}

TEST(SignalMetrics, ErrorPerDate) {
  const ScoreMatrix scores{{{1}, {2}, {3}}, {"A", "B", "C"}, {1, 2, 3, 4, 3, 2, 1, 1, 1}};
  const ScoreMatrix labels{{{1}, {2}, {3}}, {"A", "B", "C"}, {2, 2, 2, 4, 1, NAN, NAN, NAN, NAN}};
  const auto error = absolute_error(scores, labels);
  EXPECT_DOUBLE_EQ(error[0], 2.0 / 3);
  EXPECT_DOUBLE_EQ(error[1], 1);
  EXPECT_TRUE(std::isnan(error[2]));
  EXPECT_THROW(absolute_error(scores, scores.slice(0, 1)), ShapeError);
}

TEST(SignalMetrics, AlignReordersAndLeavesGaps) {
  const ScoreMatrix labels{{{1}, {2}}, {"A", "B"}, {1, 2, 3, 4}};
  const ScoreMatrix out = align(labels, {{{2}, {3}}, {"B", "C", "A"}, {}});
  EXPECT_EQ(out.values[0], 4);
  EXPECT_TRUE(std::isnan(out.values[1]));
  EXPECT_EQ(out.values[2], 3);
  EXPECT_TRUE(std::isnan(out.values[3]));
}

TEST(SignalMetrics, ThreadsDoNotMatter) {
  ScoreMatrix a, b;
  for (int t = 0; t < 300; ++t) a.dates.push_back({t});
  a.instruments = kNames;
  b = a;
  for (uint64_t i = 0; i < 1200; ++i) {
    a.values.push_back(Key(1).normal(i));
    b.values.push_back(Key(2).normal(i));
  }
  const int threads = thread_count();
  set_thread_count(1);
  const auto one = rank_information_coefficient(a, b);
  set_thread_count(2);
  EXPECT_EQ(rank_information_coefficient(a, b), one);
  set_thread_count(threads);
}

TEST(MetricsJson, ReadsAsStated) {
  const std::vector<double> returns{0.01, -0.02, 0.03};
  const std::string text = metrics_json(returns, {}, "vnpy");
  EXPECT_NE(text.find(R"("profile": "vnpy", "observations": 3)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("max_drawdown": {"value": -0.02)"), std::string::npos) << text;
  EXPECT_NE(metrics_json(std::vector<double>{0, 0}, {}, "empyrical").find(R"("sharpe": {"value": null)"),
            std::string::npos);
  const ScoreMatrix scores{{{0}}, kNames, {1, 2, 3, 4}};
  EXPECT_NE(ic_json(scores, scores).find(R"("dates": ["1970-01-01"])"), std::string::npos);
}

}  // namespace
}  // namespace quantick::backtest
