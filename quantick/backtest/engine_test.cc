#include "quantick/backtest/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "quantick/core/error.h"
#include "quantick/core/file.h"
#include "quantick/core/interrupt.h"
#include "quantick/core/rng.h"

namespace quantick::backtest {
namespace {

using strategy::Observation;
using strategy::ScoreMatrix;
using strategy::Target;

const std::vector<std::string> kNames{"A", "B", "C"};

// Gives the targets of a list, one per date; an empty one keeps everything.
class Scripted : public strategy::Strategy {
 public:
  explicit Scripted(std::vector<std::vector<double>> targets) : targets_(std::move(targets)) {}
  Target on_scores(const Observation& seen) override {
    holdings.emplace_back(seen.holdings.begin(), seen.holdings.end());
    const size_t n = seen.scores.size();
    if (day_ >= targets_.size() || targets_[day_].empty()) {
      ++day_;
      return {holdings.back(), std::vector<uint8_t>(n, 1)};
    }
    return {targets_[day_++], std::vector<uint8_t>(n, 0)};
  }
  const strategy::TieCount& ties() const override { return ties_; }
  int64_t shortfalls() const override { return 0; }
  std::vector<std::vector<double>> holdings;

 private:
  std::vector<std::vector<double>> targets_;
  size_t day_ = 0;
  strategy::TieCount ties_;
};

std::vector<market::Date> days(int count) {
  std::vector<market::Date> out;
  for (int t = 0; t < count; ++t) out.push_back({18000 + t});
  return out;
}

// A 10 10 11 12 12 12, B 20 20 18 18 18 18, C 5.
Prices six_days() { return {days(6), kNames, {10, 20, 5, 10, 20, 5, 11, 18, 5, 12, 18, 5, 12, 18, 5, 12, 18, 5}}; }
ScoreMatrix zeros(const Prices& prices) {
  return {prices.dates, prices.instruments, std::vector<double>(prices.close.size(), 0.0)};
}
BacktestOptions free_of_cost() {
  return {.capital = 1000, .commission_bps = 0, .slippage_bps = 0, .borrow_rate = 0, .lot_size = 0};
}
BacktestResult run(const Prices& prices, Scripted& script, const BacktestOptions& options) {
  return run_backtest(prices, zeros(prices), script, options, BacktestModels::from(options));
}
BacktestResult run(const Prices& prices, std::vector<std::vector<double>> targets, const BacktestOptions& options) {
  Scripted script(std::move(targets));
  return run(prices, script, options);
}

TEST(Backtest, SixDaysByHandWithAllCosts) {
  BacktestOptions options{
      .capital = 1000, .commission_bps = 10, .slippage_bps = 20, .borrow_rate = 2.52, .lot_size = 0};
  const BacktestResult result = run(six_days(), {{0.5, -0.5, 0}, {}, {0, 0, 0}}, options);
  ASSERT_EQ(result.bar_count(), 5);
  // Bar 1: 50 A at 10 and -25 B at 20 trade at the close: 1000 traded, commission 1, slippage 2.
  EXPECT_DOUBLE_EQ(result.equity[0], 997);
  EXPECT_DOUBLE_EQ(result.turnover[0], 1);
  EXPECT_DOUBLE_EQ(result.commission[0], 0.001);
  EXPECT_DOUBLE_EQ(result.slippage[0], 0.002);
  EXPECT_DOUBLE_EQ(result.gross_exposure[0], 1000.0 / 997);
  EXPECT_NEAR(result.net_exposure[0], 0, 1e-15);
  EXPECT_EQ(result.trades[0], 2);
  EXPECT_EQ(result.quantities[0], 50);
  EXPECT_EQ(result.quantities[1], -25);
  // Bar 2: A gains 50, the short of B 50; borrowing 500 at 1 % a bar costs 5.
  EXPECT_DOUBLE_EQ(result.gross_return[1], 100.0 / 997);
  EXPECT_DOUBLE_EQ(result.borrow[1], 5.0 / 997);
  EXPECT_DOUBLE_EQ(result.equity[1], 1092);
  // Bar 3: A gains 50, borrowing 450 costs 4.5, closing trades 1050 for 1.05 and 2.10.
  EXPECT_DOUBLE_EQ(result.equity[2], 1134.35);
  EXPECT_DOUBLE_EQ(result.turnover[2], 1050.0 / 1092);
  // Bars 4 and 5: nothing held, nothing happens.
  EXPECT_EQ(result.net_return[3], 0);
  EXPECT_DOUBLE_EQ(result.equity[4], 1134.35);
  EXPECT_EQ(result.trade_count, 4);
  EXPECT_FALSE(result.looks_ahead);
}

TEST(Backtest, OpensAreUsedWhereTheyAre) {
  Prices prices = six_days();
  prices.open = prices.close;
  prices.open[3] = 10.5;
  prices.close[3] = 11;
  BacktestOptions options = free_of_cost();
  options.cash_rate = 0.252;
  const BacktestResult result = run(prices, {{1, 0, 0}}, options);
  EXPECT_DOUBLE_EQ(result.equity[0], 1000 + 1000 * 0.001 + 50)
      << "100 shares bought at 10.5, worth 11; a day's interest";
  EXPECT_DOUBLE_EQ(result.interest[1] * result.equity[0], -49 * 0.001) << "cash 1001 - 1050";
  EXPECT_NE(result.notes[0].find("open"), std::string::npos);
}

TEST(Backtest, SameCloseMustBeSpelledOutAndIsStated) {
  BacktestOptions options = free_of_cost();
  options.execution = "same_close_looks_ahead";
  const BacktestResult result = run(six_days(), {{}, {1, 0, 0}}, options);
  EXPECT_TRUE(result.looks_ahead);
  EXPECT_EQ(result.notes[0].substr(0, 11), "LOOKS AHEAD");
  EXPECT_DOUBLE_EQ(result.equity[1], 1100) << "bought at 10, the close just seen";
  options.execution = "same_close";
  EXPECT_THROW(run(six_days(), {{1, 0, 0}}, options), ValueError);
}

TEST(Backtest, DelayCountsBarsAndHoldingsCountPendingOrders) {
  BacktestOptions options = free_of_cost();
  options.delay_bars = 3;
  Scripted script({{1, 0, 0}});
  const BacktestResult result = run(six_days(), script, options);
  EXPECT_EQ(result.trades, (std::vector<int64_t>{0, 0, 1, 0, 0}));
  EXPECT_DOUBLE_EQ(script.holdings[1][0], 1) << "on its way";
  EXPECT_DOUBLE_EQ(result.equity[2], 1000) << "100 shares, bought at 12";
}

TEST(Backtest, WholeLotsRoundTowardsZero) {
  BacktestOptions options = free_of_cost();
  options.lot_size = 30;
  const BacktestResult result = run(six_days(), {{0.5, -0.7, 0.1}}, options);
  EXPECT_EQ(result.quantities[0], 30);   // of 50
  EXPECT_EQ(result.quantities[1], -30);  // of -35
  EXPECT_EQ(result.quantities[2], 0);    // of 20
}

TEST(Backtest, MissingPricesBlockAndCarry) {
  Prices prices = six_days();
  prices.close[3] = NAN;  // A on day 1
  BacktestOptions options = free_of_cost();
  const BacktestResult cancelled = run(prices, {{1, 0, 0}}, options);
  EXPECT_EQ(cancelled.blocked_no_price, 1);
  EXPECT_EQ(cancelled.trade_count, 0);
  options.unfilled = "carry";
  const BacktestResult carried = run(prices, {{1, 0, 0}}, options);
  EXPECT_EQ(carried.trades, (std::vector<int64_t>{0, 1, 0, 0, 0}));
  EXPECT_DOUBLE_EQ(carried.equity[2], 1100) << "100 shares at 11, then 12";
}

TEST(Backtest, PriceLimitsBlockOneSide) {
  Prices prices = six_days();
  prices.close[6] = 11;  // A +10 % on day 2
  BacktestOptions options = free_of_cost();
  options.limit_move = 0.1;
  const BacktestResult result = run(prices, {{}, {0.5, 0, 0.5}}, options);
  EXPECT_EQ(result.blocked_limit, 1);
  EXPECT_EQ(result.quantities[3 + 2], 100);
  EXPECT_EQ(result.quantities[3], 0);
}

TEST(Backtest, VolumeCapFillsInParts) {
  Prices prices = six_days();
  prices.volume.assign(18, 300);
  BacktestOptions options = free_of_cost();
  options.max_volume_share = 0.1;
  options.unfilled = "carry";
  const BacktestResult result = run(prices, {{0.7, 0, 0}}, options);  // 70 shares at 30 a bar
  EXPECT_EQ(result.quantities[0], 30);
  EXPECT_EQ(result.quantities[3], 60);
  EXPECT_EQ(result.quantities[6], 70);
  EXPECT_EQ(result.blocked_volume, 2);
}

TEST(Backtest, DelistedAtTheLastPrice) {
  Prices prices = six_days();
  for (const size_t t : {2u, 3u, 4u, 5u}) prices.close[t * 3] = NAN;
  BacktestOptions options = free_of_cost();
  options.delist_after_bars = 2;
  const BacktestResult result = run(prices, {{1, 0, 0}}, options);
  ASSERT_EQ(result.delistings.size(), 1u);
  EXPECT_EQ(result.delistings[0].instrument, "A");
  EXPECT_EQ(result.delistings[0].date, prices.dates[3]);
  EXPECT_EQ(result.delistings[0].price, 10);
  EXPECT_EQ(result.quantities[2 * 3], 0);
  EXPECT_EQ(result.equity.back(), 1000);
}

TEST(Backtest, RuinClosesEverything) {
  Prices prices = six_days();
  for (const size_t t : {2u, 3u, 4u, 5u}) prices.close[t * 3] = 40;
  const BacktestResult result = run(prices, {{-1, 0, 0}, {}, {1, 0, 0}}, free_of_cost());
  ASSERT_TRUE(result.ruined.has_value());
  EXPECT_EQ(*result.ruined, prices.dates[2]);
  EXPECT_DOUBLE_EQ(result.equity[1], -2000);
  EXPECT_EQ(result.net_return[2], 0);
  EXPECT_EQ(result.trade_count, 1);
}

// Random walks with gaps; 20 names, `count` days.
Prices random_prices(int count, double gaps = 0.05) {
  Prices prices;
  prices.dates = days(count);
  for (int i = 0; i < 20; ++i) prices.instruments.push_back(std::string(1, static_cast<char>('A' + i)));
  std::vector<double> last(20, 50);
  for (uint64_t t = 0; t < static_cast<uint64_t>(count); ++t) {
    for (uint64_t i = 0; i < 20; ++i) {
      const double open = last[i] * std::exp(0.01 * Key(1).normal(t * 20 + i));
      last[i] = open * std::exp(0.02 * Key(2).normal(t * 20 + i));
      const bool gap = Key(3).uniform(t * 20 + i) < gaps;
      prices.open.push_back(gap ? NAN : open);
      prices.close.push_back(gap ? NAN : last[i]);
      prices.volume.push_back(1e5 * Key(4).uniform(t * 20 + i));
    }
  }
  return prices;
}
ScoreMatrix random_scores(const Prices& prices) {
  ScoreMatrix scores{prices.dates, prices.instruments, {}};
  for (size_t i = 0; i < prices.close.size(); ++i) scores.values.push_back(std::floor(Key(9).uniform(i) * 40));
  return scores;
}
const BacktestOptions kRich{.capital = 1e5,
                            .commission_minimum = 1,
                            .impact = 0.1,
                            .cash_rate = 0.02,
                            .limit_move = 0.05,
                            .max_volume_share = 0.05,
                            .unfilled = "carry",
                            .delist_after_bars = 3};
const std::vector<strategy::StrategyOptions> kStrategies{
    strategy::LongShortOptions{.k = 0.3, .weighting = "rank", .gross = 1.5, .rebalance = 2},
    strategy::TopkDropoutOptions{.k = 6, .n_drop = 2, .min_hold = 2}};

TEST(Backtest, NetIsGrossLessCostsAndTheAccountAgrees) {
  const Prices prices = random_prices(120);
  for (const auto& options : kStrategies) {
    const BacktestResult r = run_backtest(prices, random_scores(prices), options, kRich);
    double equity = kRich.capital;
    int64_t costly = 0;
    for (size_t t = 0; t < r.dates.size(); ++t) {
      EXPECT_NEAR(r.gross_return[t] + r.interest[t] - r.commission[t] - r.slippage[t] - r.borrow[t], r.net_return[t],
                  1e-12);
      equity *= 1 + r.net_return[t];
      EXPECT_NEAR(r.equity[t] / equity, 1, 1e-12);
      costly += r.commission[t] > 0 && r.slippage[t] > 0;
    }
    EXPECT_GT(costly, 50);
    EXPECT_GT(r.ties.tied, 0) << "40 score values for 20 names must tie";
  }
}

TEST(Backtest, CuttingTheFutureChangesNoEarlierBit) {
  const Prices all = random_prices(120), cut = random_prices(70);
  const ScoreMatrix all_scores = random_scores(all), cut_scores = random_scores(cut);
  for (const auto& options : kStrategies) {
    const BacktestResult whole = run_backtest(all, all_scores, options, kRich);
    const BacktestResult part = run_backtest(cut, cut_scores, options, kRich);
    ASSERT_EQ(part.bar_count(), 69);
    const auto same = [](const std::vector<double>& a, const std::vector<double>& b) {
      return std::equal(a.begin(), a.end(), b.begin());
    };
    EXPECT_TRUE(same(part.net_return, whole.net_return));
    EXPECT_TRUE(same(part.gross_return, whole.gross_return));
    EXPECT_TRUE(same(part.quantities, whole.quantities));
    EXPECT_TRUE(same(part.weights, whole.weights));
  }
}

TEST(Backtest, TopkDropoutNeverHoldsMoreThanK) {
  const Prices prices = random_prices(120, 0);
  const BacktestResult r = run_backtest(prices, random_scores(prices), kStrategies[1], free_of_cost());
  for (const int64_t longs : r.longs) EXPECT_LE(longs, 6);
  for (const int64_t shorts : r.shorts) EXPECT_EQ(shorts, 0);
  EXPECT_EQ(r.longs.back(), 6);
}

TEST(Backtest, ScoresMayCoverAPartOfThePrices) {
  const Prices prices = six_days();
  const ScoreMatrix scores{{{18001}, {18003}}, {"C", "A"}, {1, 2, 2, 1}};
  const BacktestResult r =
      run_backtest(prices, scores, strategy::LongShortOptions{.k = 1, .long_only = true}, free_of_cost());
  EXPECT_EQ(r.dates, (std::vector<market::Date>{{18002}, {18003}}));
  EXPECT_DOUBLE_EQ(r.equity[1], 1100) << "100 A, sized at 10, bought at 11, worth 12";
}

/// A split of two for one on the second day; 2000 shares are traded on the first, 6000 new ones on the second.
market::Panel split_panel() {
  market::Panel panel;
  panel.dates = days(2);
  panel.instruments = {"A"};
  panel.field_names = {"open", "close", "adjusted", "volume"};
  panel.values = {{90, 51}, {100, 52}, {50, 52}, {2000, 6000}};
  panel.price_field = "adjusted";
  return panel;
}

TEST(Backtest, PanelsWithAdjustedPricesAdjustOpensAndVolumes) {
  const Prices prices = Prices::from_panel(split_panel());
  EXPECT_EQ(prices.close, (std::vector<double>{50, 52}));
  EXPECT_EQ(prices.open, (std::vector<double>{45, 51}));
  EXPECT_EQ(prices.volume, (std::vector<double>{4000, 6000})) << "the first day's value is 2000 x 100 either way";
  EXPECT_EQ(prices.close_name, "adjusted");
  market::Panel raw = split_panel();
  raw.price_field = "close";
  EXPECT_EQ(Prices::from_panel(raw).volume, (std::vector<double>{2000, 6000}));
  EXPECT_EQ(Prices::from_panel(raw).open, (std::vector<double>{90, 51}));
}

TEST(Backtest, VolumeCapCountsAdjustedShares) {
  market::Panel panel = split_panel();
  panel.dates = days(3);
  panel.values = {{100, 100, 50}, {100, 100, 50}, {50, 50, 50}, {2000, 2000, 4000}};
  const Prices prices = Prices::from_panel(panel);
  const ScoreMatrix scores{prices.dates, {"A"}, {1, 1, 1}};
  const BacktestResult r = run_backtest(
      prices, scores, strategy::LongShortOptions{.k = 1, .long_only = true},
      {.capital = 1e6, .commission_bps = 0, .slippage_bps = 0, .max_volume_share = 0.1, .unfilled = "cancel"});
  EXPECT_EQ(r.quantities[0], 400) << "a tenth of 4000 shares at 50";
  EXPECT_EQ(r.quantities[1], 800) << "the split changes nothing";
}

TEST(Backtest, FilesHoldWhatHappened) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "quantick_backtest_csv";
  const BacktestResult result = run(six_days(), {{0.5, -0.5, 0}, {}, {0, 0, 0}}, free_of_cost());
  write_positions((folder / "positions.csv").string(), result);
  write_bars((folder / "bars.csv").string(), result);
  const std::string positions = read_file((folder / "positions.csv").string());
  EXPECT_EQ(positions.substr(0, positions.find('\n', 33) + 1),
            "date,instrument,quantity,weight\n2019-04-15,A,50,0.5\n");
  const std::string bars = read_file((folder / "bars.csv").string());
  EXPECT_EQ(std::count(bars.begin(), bars.end(), '\n'), 6);
  std::filesystem::remove_all(folder);
}

TEST(Backtest, CanBeInterrupted) {
  request_interrupt();
  EXPECT_THROW(run(six_days(), {{0.5, -0.5, 0}}, free_of_cost()), InterruptedError);
  clear_interrupt();
}

TEST(Backtest, BadInputsAreNamed) {
  const Prices prices = six_days();
  const auto message = [&](const Prices& p, const ScoreMatrix& s, const BacktestOptions& o) -> std::string {
    try {
      run_backtest(p, s, strategy::LongShortOptions{.k = 1}, o);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const ScoreMatrix scores = zeros(prices);
  ScoreMatrix elsewhere = scores;
  elsewhere.dates.back() = {19000};
  EXPECT_NE(message(prices, elsewhere, {}).find("2022-01-08, which is not a date of the prices"), std::string::npos);
  ScoreMatrix unknown = scores;
  unknown.instruments = {"A", "B", "D"};
  EXPECT_NE(message(prices, unknown, {}).find("instrument \"D\""), std::string::npos);
  Prices negative = prices;
  negative.close[4] = -20;
  EXPECT_NE(message(negative, scores, {}).find("close of B on 2019-04-15, was -20"), std::string::npos);
  EXPECT_NE(message(prices, scores.slice(0, 1), {}).find("at least two"), std::string::npos);
  EXPECT_NE(message(prices, scores, {.capital = 0}).find("capital"), std::string::npos);
  EXPECT_NE(message(prices, scores, {.delay_bars = 0}).find("delay_bars"), std::string::npos);
  EXPECT_NE(message(prices, scores, {.execution = "next_open"}).find("no opens"), std::string::npos);
  EXPECT_NE(message(prices, scores, {.lot_size = -1}).find("lot_size"), std::string::npos);
  EXPECT_NE(message(prices, scores, {.unfilled = "wait"}).find("unfilled"), std::string::npos);
  EXPECT_NE(message(prices, scores, {.execution = "same_close_looks_ahead", .delay_bars = 2}).find("delay_bars"),
            std::string::npos);
}

TEST(Backtest, OptionsCanBeCheckedBeforeThereArePrices) {
  EXPECT_NO_THROW(check_options(BacktestOptions{}));
  EXPECT_NO_THROW(check_options({.execution = "next_open"})) << "whether there are opens is the prices' affair";
  for (const auto& [options, part] : std::vector<std::pair<BacktestOptions, std::string>>{
           {{.capital = 0}, "capital"},
           {{.execution = "next_week"}, "execution, was \"next_week\""},
           {{.delay_bars = 0}, "delay_bars"},
           {{.commission_bps = -1}, "commission_bps"},
           {{.slippage_bps = -1}, "slippage_bps"},
           {{.impact = -1}, "impact"},
           {{.limit_move = 1}, "limit_move"},
           {{.max_volume_share = 2}, "max_volume_share"},
           {{.unfilled = "wait"}, "unfilled"}}) {
    try {
      check_options(options);
      ADD_FAILURE() << part;
    } catch (const ValueError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace quantick::backtest
