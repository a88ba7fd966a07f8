#include "quantick/backtest/compare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quantick/backtest/signal_metrics.h"
#include "quantick/core/error.h"
#include "quantick/core/interrupt.h"
#include "quantick/core/thread_pool.h"
#include "quantick/risk/statistics.h"

namespace quantick::backtest {
namespace {

using strategy::ScoreMatrix;

TEST(Bootstrap, BlocksHaveTheLengthAskedFor) {
  for (const char* method : {"stationary", "moving"}) {
    const BootstrapOptions options{.method = method, .block_length = 10, .seed = 3};
    int64_t starts = 0, total = 0;
    for (int64_t r = 0; r < 200; ++r) {
      const auto dates = bootstrap_dates(500, r, options);
      ASSERT_EQ(dates.size(), 500u);
      for (size_t i = 0; i < dates.size(); ++i) {
        ASSERT_TRUE(dates[i] >= 0 && dates[i] < 500);
        starts += i == 0 || dates[i] != (dates[i - 1] + 1) % 500;
        ++total;
      }
    }
    EXPECT_NEAR(static_cast<double>(total) / static_cast<double>(starts), 10, 0.4) << method;
  }
}

TEST(Bootstrap, SameSeedSameDates) {
  const BootstrapOptions a{.seed = 1}, b{.seed = 2};
  EXPECT_EQ(bootstrap_dates(100, 5, a), bootstrap_dates(100, 5, a));
  EXPECT_NE(bootstrap_dates(100, 5, a), bootstrap_dates(100, 5, b));
  EXPECT_NE(bootstrap_dates(100, 5, a), bootstrap_dates(100, 6, a));
}

// Means of two independent normal series: the interval's width is known, and covers at about its rate.
TEST(Bootstrap, IntervalCoversAtItsRate) {
  const BootstrapOptions options{.block_length = 1, .resamples = 400};
  constexpr int64_t kDates = 200;
  int covered = 0;
  double width = 0;
  for (uint64_t trial = 0; trial < 200; ++trial) {
    std::vector<double> x[2];
    for (uint64_t t = 0; t < kDates; ++t) {
      x[0].push_back(Key(trial).normal(2 * t));
      x[1].push_back(Key(trial).normal(2 * t + 1) + 0.3);
    }
    const PairedMetric m = paired_metric(
        "mean", kDates,
        [&](int side, std::span<const int64_t> dates) {
          double sum = 0;
          for (const int64_t t : dates) sum += x[side][static_cast<size_t>(t)];
          return sum / static_cast<double>(dates.size());
        },
        options);
    covered += m.low <= 0.3 && 0.3 <= m.high;
    width += (m.high - m.low) / 200;
  }
  EXPECT_NEAR(width, 2 * 1.96 * std::sqrt(2.0 / kDates), 0.02);
  EXPECT_GE(covered, 180);
  EXPECT_LE(covered, 199);
}

struct Market {
  Market() {
    for (int t = 0; t < 400; ++t) scores.dates.push_back({18100 + t});  // 2019-07-23 to 2020-08-25
    for (int i = 0; i < 12; ++i) scores.instruments.push_back(std::string(1, static_cast<char>('A' + i)));
    closes = labels = coarse = scores;
    std::vector<double> price(12, 40);
    for (uint64_t t = 0; t < 400; ++t) {
      for (uint64_t i = 0; i < 12; ++i) {
        price[i] *= std::exp(0.02 * Key(7).normal(t * 12 + i));
        closes.values.push_back(price[i]);
      }
    }
    labels = forward_returns(closes, 1);
    for (uint64_t i = 0; i < labels.values.size(); ++i) {
      const double known = std::isnan(labels.values[i]) ? 0 : labels.values[i];
      scores.values.push_back(0.1 * known + 0.01 * Key(8).normal(i));
      coarse.values.push_back(std::round(scores.values.back() * 200) / 200);
    }
  }
  BacktestResult trade(const ScoreMatrix& s) const {
    return run_backtest(Prices::from_closes(closes), s, strategy::LongShortOptions{.k = 3}, {});
  }
  ScoreMatrix scores, coarse, closes, labels;
};

TEST(Compare, SidesThatAreOneDifferByNothing) {
  const Market market;
  const BacktestResult run = market.trade(market.scores);
  const Comparison c = compare({market.scores, market.scores, market.labels, run, run}, {.resamples = 100});
  ASSERT_EQ(c.overall.size(), 7u);
  for (const PairedMetric& m : c.overall) {
    EXPECT_TRUE(std::isfinite(m.float32)) << m.name;
    EXPECT_EQ(m.difference, 0) << m.name;
    EXPECT_EQ(m.low, 0) << m.name;
    EXPECT_EQ(m.high, 0) << m.name;
  }
}

TEST(Compare, CoarseScoresOverallAndByYear) {
  const Market market;
  const BacktestResult fine = market.trade(market.scores), rough = market.trade(market.coarse);
  PairedRun paired{market.scores, market.coarse, market.labels, fine, rough};
  paired.top_k = 3;
  const Comparison c = compare(paired, {.resamples = 200});
  std::vector<std::string> names;
  for (const PairedMetric& m : c.overall) {
    names.push_back(m.name);
    EXPECT_LE(m.low, m.high) << m.name;
    EXPECT_LE(m.low, m.difference + 0.05 * std::fabs(m.difference)) << m.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"ic", "rank_ic", "mae_bps", "top_k_overlap", "turnover", "sharpe",
                                             "max_drawdown"}));
  EXPECT_EQ(c.overall[0].observations, 398) << "the last two dates have no label";
  EXPECT_EQ(c.overall[5].observations, 399);
  EXPECT_EQ(c.overall[3].float32, 1);
  EXPECT_LT(c.overall[3].high, 0) << "coarse scores pick other names, beyond doubt";
  EXPECT_NEAR(c.overall[0].float32, summarize(information_coefficient(market.scores, market.labels)).mean, 1e-15);
  ASSERT_EQ(c.years.size(), 2u);
  EXPECT_EQ(c.years[0].first, 2019);
  EXPECT_EQ(c.years[1].first, 2020);
  EXPECT_EQ(c.years[0].second[0].observations + c.years[1].second[0].observations, 398);
}

TEST(Compare, ThreadsAndRepetitionDoNotMatter) {
  const Market market;
  const BacktestResult fine = market.trade(market.scores), rough = market.trade(market.coarse);
  const auto run = [&] {
    return compare({market.scores, market.coarse, market.labels, fine, rough}, {.resamples = 100});
  };
  const int threads = thread_count();
  set_thread_count(1);
  const Comparison one = run();
  set_thread_count(2);
  const Comparison two = run();
  set_thread_count(threads);
  for (size_t i = 0; i < one.overall.size(); ++i) {
    EXPECT_EQ(one.overall[i].low, two.overall[i].low);
    EXPECT_EQ(one.overall[i].high, two.overall[i].high);
  }
}

TEST(Compare, CanBeInterrupted) {
  const Market market;
  const BacktestResult run = market.trade(market.scores);
  request_interrupt();
  EXPECT_THROW(compare({market.scores, market.coarse, market.labels, run, run}), InterruptedError);
  clear_interrupt();
}

TEST(Compare, RefusesNonsense) {
  const Market market;
  const BacktestResult run = market.trade(market.scores);
  const ScoreMatrix part = market.scores.slice(0, 100);
  EXPECT_THROW(compare({market.scores, part, market.labels, run, run}), ShapeError);
  EXPECT_THROW(compare({market.scores, market.scores, market.labels, run, run}, {.method = "jackknife"}), ValueError);
  EXPECT_THROW(compare({market.scores, market.scores, market.labels, run, run}, {.resamples = 5}), ValueError);
  EXPECT_THROW(compare({market.scores, market.scores, market.labels, run, run}, {.block_length = 0}), ValueError);
}

TEST(Compare, OptionsCanBeCheckedBeforeThereAreScores) {
  EXPECT_NO_THROW(check_options(BootstrapOptions{}));
  EXPECT_THROW(check_options(BootstrapOptions{.method = "jackknife"}), ValueError);
  EXPECT_THROW(check_options(BootstrapOptions{.block_length = 0}), ValueError);
  EXPECT_THROW(check_options(BootstrapOptions{.resamples = 5}), ValueError);
  EXPECT_THROW(check_options(BootstrapOptions{.confidence = 1}), ValueError);
}

TEST(CompareScores, CountsErrorsInDeviationsOfTheLabelsAndTheirChangeInPercent) {
  ScoreMatrix labels, f;
  for (int i = 0; i < 8; ++i) labels.instruments.push_back(std::string(1, static_cast<char>('A' + i)));
  const Key key(5);
  for (int t = 0; t < 60; ++t) {
    labels.dates.push_back(market::Date{t});
    for (int i = 0; i < 8; ++i) labels.values.push_back(3 * key.normal(labels.values.size()));
  }
  f = labels;
  ScoreMatrix q = labels;
  for (size_t k = 0; k < f.values.size(); ++k) {
    f.values[k] += 2;  // every error is 2
    q.values[k] += 2.02;
  }
  q.values[5] = std::nan("");  // a score that one side lacks
  const auto metrics = compare_scores(f, q, labels, 0.25, {.block_length = 5, .resamples = 200});
  ASSERT_EQ(metrics.size(), 5U);
  const double deviation = risk::standard_deviation(labels.values);
  EXPECT_EQ(metrics[0].name, "ic");
  EXPECT_NEAR(metrics[0].difference, 0, 1e-12);
  EXPECT_EQ(metrics[2].name, "mae");
  EXPECT_NEAR(metrics[2].float32, 2 / deviation, 1e-12);
  EXPECT_EQ(metrics[3].name, "mae_change");
  EXPECT_NEAR(metrics[3].difference, 1, 1e-9);
  EXPECT_NEAR(metrics[3].low, 1, 1e-9);
  EXPECT_NEAR(metrics[3].high, 1, 1e-9);
  EXPECT_EQ(metrics[4].name, "top_k_overlap");
  EXPECT_EQ(metrics[4].int8, 1);
  EXPECT_EQ(metrics[4].observations, 60);
}

}  // namespace
}  // namespace quantick::backtest
