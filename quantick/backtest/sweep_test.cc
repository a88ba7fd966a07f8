#include "quantick/backtest/sweep.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "quantick/backtest/metrics.h"
#include "quantick/core/error.h"
#include "quantick/core/interrupt.h"
#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"
#include "quantick/risk/statistics.h"

namespace quantick::backtest {
namespace {

constexpr int kNames = 12, kDays = 150;

Prices walks() {
  Prices prices;
  for (int i = 0; i < kNames; ++i) prices.instruments.push_back(std::string(1, static_cast<char>('A' + i)));
  std::vector<double> last(kNames, 40);
  for (uint64_t t = 0; t < kDays; ++t) {
    prices.dates.push_back({18000 + static_cast<int32_t>(t)});
    for (uint64_t i = 0; i < kNames; ++i) {
      const double open = last[i] * std::exp(0.01 * Key(1).normal(t * kNames + i));
      last[i] = open * std::exp(0.02 * Key(2).normal(t * kNames + i));
      const bool gap = Key(3).uniform(t * kNames + i) < 0.04;
      prices.open.push_back(gap ? NAN : open);
      prices.close.push_back(gap ? NAN : last[i]);
      prices.volume.push_back(1e5 * Key(4).uniform(t * kNames + i));
    }
  }
  return prices;
}

/// On every second date, some missing, with ties.
strategy::ScoreMatrix scores_for(const Prices& prices) {
  strategy::ScoreMatrix scores{{}, {"C", "A", "F", "B", "K", "D"}, {}};
  for (size_t t = 5; t < prices.dates.size(); t += 2) {
    scores.dates.push_back(prices.dates[t]);
    for (uint64_t i = 0; i < 6; ++i)
      scores.values.push_back(Key(6).uniform(t * 6 + i) < 0.1 ? NAN : std::floor(Key(5).uniform(t * 6 + i) * 9));
  }
  return scores;
}

std::vector<SweepSetting> settings() {
  std::vector<SweepSetting> out;
  for (const double bps : {0.0, 5.0, 20.0}) {
    for (const double k : {1.0, 2.0, 3.0}) {
      BacktestOptions costs{.capital = 1e5, .commission_bps = bps, .max_volume_share = 0.01, .unfilled = "carry"};
      out.push_back({strategy::LongShortOptions{.k = k, .weighting = "rank"}, costs});
      out.push_back({strategy::TopkDropoutOptions{.k = k, .n_drop = 1, .min_hold = 2}, costs});
    }
    out.push_back({strategy::EqualWeightOptions{}, {.commission_bps = bps}});
  }
  return out;
}

/// Equal in bits, all members.
bool same(const SweepRow& a, const SweepRow& b) {
  const auto bits = [](double v) {
    uint64_t out;
    std::memcpy(&out, &v, sizeof(out));
    return out;
  };
  return bits(a.annual_return) == bits(b.annual_return) && bits(a.annual_volatility) == bits(b.annual_volatility) &&
         bits(a.sharpe) == bits(b.sharpe) && bits(a.sharpe_low) == bits(b.sharpe_low) &&
         bits(a.sharpe_high) == bits(b.sharpe_high) && bits(a.max_drawdown) == bits(b.max_drawdown) &&
         bits(a.turnover) == bits(b.turnover) && bits(a.costs) == bits(b.costs) && a.trades == b.trades &&
         a.blocked == b.blocked && a.ruined == b.ruined && bits(a.deflated_sharpe) == bits(b.deflated_sharpe);
}

TEST(Sweep, EachRowIsThePlainRunWhateverTheThreads) {
  const Prices prices = walks();
  const auto scores = scores_for(prices);
  const auto grid = settings();
  const int threads = thread_count();
  set_thread_count(1);
  const SweepResult one = run_sweep({prices, scores}, grid);
  set_thread_count(4);
  const SweepResult four = run_sweep({prices, scores}, grid);
  set_thread_count(threads);
  ASSERT_EQ(one.rows.size(), grid.size());
  for (size_t i = 0; i < grid.size(); ++i) {
    EXPECT_TRUE(same(one.rows[i], four.rows[i])) << i;
    const BacktestResult plain = run_backtest(prices, scores, grid[i].strategy, grid[i].backtest);
    EXPECT_EQ(one.rows[i].sharpe, sharpe(plain.net_return, 252)) << i;
    EXPECT_EQ(one.rows[i].annual_return, annual_return(plain.net_return, 252)) << i;
    EXPECT_EQ(one.rows[i].turnover, risk::mean(plain.turnover)) << i;
    EXPECT_EQ(one.rows[i].trades, plain.trade_count) << i;
    EXPECT_GT(plain.trade_count, 0) << i;
  }
}

TEST(Sweep, OnlySeriesLeavesOutPositionsAndNothingElse) {
  const Prices prices = walks();
  const BacktestInputs inputs(prices, scores_for(prices));
  const strategy::StrategyOptions strategy = strategy::LongShortOptions{.k = 2};
  const BacktestResult all = run_backtest(inputs, strategy), less = run_backtest(inputs, strategy, {}, Record::series);
  EXPECT_EQ(less.net_return, all.net_return);
  EXPECT_EQ(less.gross_exposure, all.gross_exposure);
  EXPECT_EQ(all.quantities.size(), all.dates.size() * 6);
  EXPECT_TRUE(less.quantities.empty() && less.weights.empty());
}

/// Sorts for itself, whatever order it is offered.
class Unsorted : public strategy::Strategy {
 public:
  Unsorted(const strategy::StrategyOptions& options, const std::vector<std::string>& instruments)
      : inner_(strategy::make_strategy(options, instruments)) {}
  strategy::Target on_scores(const strategy::Observation& seen) override {
    return inner_->on_scores({seen.date, seen.scores, seen.tradable, seen.holdings});
  }
  const strategy::TieCount& ties() const override { return inner_->ties(); }
  int64_t shortfalls() const override { return inner_->shortfalls(); }

 private:
  std::unique_ptr<strategy::Strategy> inner_;
};

TEST(Sweep, TheSharedOrderIsTheOneStrategiesSortThemselves) {
  const Prices prices = walks();
  const BacktestInputs inputs(prices, scores_for(prices));
  for (const SweepSetting& setting : settings()) {
    Unsorted alone(setting.strategy, inputs.instruments());
    const BacktestResult a = run_backtest(inputs, alone, setting.backtest, BacktestModels::from(setting.backtest));
    const BacktestResult b = run_backtest(inputs, setting.strategy, setting.backtest);
    EXPECT_EQ(a.quantities, b.quantities);
    EXPECT_EQ(a.ties.tied, b.ties.tied);
    EXPECT_EQ(a.ties.boundary_dates, b.ties.boundary_dates);
  }
}

TEST(Sweep, TheBestIsJudgedByTheNumberOfTrials) {
  const Prices prices = walks();
  const BacktestInputs inputs(prices, scores_for(prices));
  const auto grid = settings();
  const SweepResult few = run_sweep(inputs, grid), many = run_sweep(inputs, grid, {.trials_before = 1000});
  const auto best = static_cast<size_t>(few.best);
  std::vector<double> sharpes;
  for (const SweepRow& row : few.rows) {
    EXPECT_LE(row.sharpe, few.rows[best].sharpe);
    sharpes.push_back(row.sharpe / std::sqrt(252.0));
  }
  EXPECT_EQ(few.trials, 21);
  EXPECT_EQ(many.trials, 1021);
  EXPECT_DOUBLE_EQ(few.expected_max_sharpe, expected_max_sharpe(21, risk::variance(sharpes)) * std::sqrt(252.0));
  const auto returns = run_backtest(inputs, grid[best].strategy, grid[best].backtest).net_return;
  EXPECT_NEAR(few.rows[best].deflated_sharpe, deflated_sharpe(returns, 21, risk::variance(sharpes)), 1e-12);
  EXPECT_LT(many.rows[best].deflated_sharpe, few.rows[best].deflated_sharpe);
  EXPECT_GT(few.rows[best].sharpe, few.rows[best].sharpe_low);
}

TEST(Sweep, OneSettingDoesNotTellHowTheTrialsBeforeItScatter) {
  const Prices prices = walks();
  const BacktestInputs inputs(prices, scores_for(prices));
  const std::vector<SweepSetting> one{settings().front()};
  const SweepResult alone = run_sweep(inputs, one), searched = run_sweep(inputs, one, {.trials_before = 500});
  EXPECT_TRUE(std::isfinite(alone.rows[0].deflated_sharpe));
  EXPECT_EQ(alone.expected_max_sharpe, 0);
  EXPECT_EQ(searched.rows[0].sharpe, alone.rows[0].sharpe);
  EXPECT_TRUE(std::isnan(searched.rows[0].deflated_sharpe)) << "500 trials must not count for nothing";
  EXPECT_TRUE(std::isnan(searched.expected_max_sharpe));
}

TEST(Sweep, BadSettingsAreNamedBeforeAnythingRuns) {
  const Prices prices = walks();
  const BacktestInputs inputs(prices, scores_for(prices));
  auto grid = settings();
  grid.push_back({strategy::TopkDropoutOptions{.k = 50}, {}});
  int64_t done = 0;
  try {
    run_sweep(inputs, grid, {.progress = [&](int64_t n) { done = n; }});
    ADD_FAILURE();
  } catch (const ValueError& error) {
    EXPECT_NE(std::string(error.what()).find("setting 21: [TopkDropout] k, was 50"), std::string::npos) << error.what();
  }
  EXPECT_EQ(done, 0);
  EXPECT_THROW(run_sweep(inputs, {}), ValueError);
}

TEST(Sweep, CanBeInterruptedAndReportsProgress) {
  const Prices prices = walks();
  const BacktestInputs inputs(prices, scores_for(prices));
  std::vector<SweepSetting> grid(300, settings().front());
  std::vector<int64_t> seen;
  run_sweep(inputs, grid, {.progress = [&](int64_t done) { seen.push_back(done); }});
  EXPECT_EQ(seen, (std::vector<int64_t>{128, 256, 300}));
  const SweepOptions stops{.progress = [](int64_t) { request_interrupt(); }};
  EXPECT_THROW(run_sweep(inputs, grid, stops), InterruptedError);
  clear_interrupt();
}

}  // namespace
}  // namespace quantick::backtest
