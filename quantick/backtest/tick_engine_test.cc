#include "quantick/backtest/tick_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"

namespace quantick::backtest {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

QuoteFill after(int64_t ns) { return {std::make_shared<ConstantLatency>(ns), 0}; }

/// One-lot quotes a second apart, two points wide about `mid`.
TickStep step(int64_t seconds, double mid, double signal, double size = 10) {
  return {seconds * kSecond, {.bid = mid - 1, .ask = mid + 1, .bid_size = size, .ask_size = size}, signal};
}

TickOptions plain() { return {.enter = 1, .exit = 0.5, .utc_offset = 0}; }

// In at 101 on the signal of second 1, kept by the hysteresis, out at 104 when the signal falls below 0.5, short at 103
// on -1 and marked.
const std::vector<TickStep> kByHand{step(0, 100, 0.9), step(1, 100, 1.5), step(2, 103, 0.6),
                                    step(3, 105, 0.4), step(4, 104, -1),  step(5, 102, -0.7)};

TEST(TickBacktest, ByHandWithoutLatency) {
  TickOptions options = plain();
  options.multiplier = 10;
  options.fee_per_contract = 2;
  options.fee_bps = 10;
  const TickResult r = run_tick_backtest(kByHand, options, after(0));
  EXPECT_EQ(r.position, (std::vector<double>{0, 0, 1, 1, 0, -1}));
  // Bought at 101: value 1010, fee 2 + 1.01. Mid 103 at second 2: +20 - 3.01.
  EXPECT_DOUBLE_EQ(r.profit[2], 16.99);
  EXPECT_DOUBLE_EQ(r.profit[3], 36.99);
  // Sold at 104: +30 - 3.01 - 3.04.
  EXPECT_NEAR(r.profit[4], 23.95, 1e-9);
  // Sold short at 103: fee 2 + 1.03; mid 102: +10.
  EXPECT_NEAR(r.profit[5], 23.95 + 10 - 3.03, 1e-9);
  EXPECT_EQ(r.orders, 3);
  EXPECT_EQ(r.fills, 3);
  EXPECT_EQ(r.adverse + r.favourable + r.refused + r.in_flight + r.cut_by_size, 0);
  EXPECT_DOUBLE_EQ(r.fees, 3.01 + 3.04 + 3.03);
  EXPECT_DOUBLE_EQ(r.spread_cost, 30);
  EXPECT_EQ(r.latency_cost, 0);
  EXPECT_EQ(r.final_position, -1);
  EXPECT_NEAR(r.max_drawdown, 36.99 - 23.95, 1e-9);
  ASSERT_EQ(r.days.size(), 1u);
  EXPECT_DOUBLE_EQ(r.days[0].profit, r.final_profit);
  EXPECT_DOUBLE_EQ(r.days[0].contracts, 3);
  EXPECT_DOUBLE_EQ(r.days[0].fees, r.fees);
}

TEST(TickBacktest, ByHandWithASecondAndAHalfOfLatency) {
  const TickResult r = run_tick_backtest(kByHand, plain(), after(1500 * 1'000'000));
  // Decided at 1, there at 2.5: the ask of second 2 is 104, 3 worse than the 101 seen. Sold on the decision at 3, there
  // at 4.5: the bid 103, 1 worse. The short of second 4 is there at 5.5, behind the last event.
  EXPECT_EQ(r.position, (std::vector<double>{0, 0, 0, 1, 1, 0}));
  EXPECT_DOUBLE_EQ(r.profit[3], 1);
  EXPECT_DOUBLE_EQ(r.final_profit, -1);
  EXPECT_EQ(r.adverse, 2);
  EXPECT_DOUBLE_EQ(r.latency_cost, 4);
  EXPECT_EQ(r.in_flight, 1);
}

TEST(TickBacktest, AQuoteAtTheMomentOfArrivalCounts) {
  EXPECT_DOUBLE_EQ(run_tick_backtest(kByHand, plain(), after(kSecond)).latency_cost, 3 + 1 + 2)
      << "decided at 1, 3, 4; filled at the quotes of 2, 4, 5";
  EXPECT_DOUBLE_EQ(run_tick_backtest(kByHand, plain(), after(kSecond - 1)).latency_cost, 0);
}

TEST(TickBacktest, NextTakesTheFirstQuoteBehindTheArrival) {
  TickOptions options = plain();
  options.fill_quote = "next";
  const TickResult r = run_tick_backtest(kByHand, options, after(1));
  EXPECT_DOUBLE_EQ(r.latency_cost, 3 + 1 + 2);
  EXPECT_EQ(r.position, (std::vector<double>{0, 0, 1, 1, 0, -1}));
  EXPECT_EQ(run_tick_backtest(kByHand, options, after(0)).position, r.position)
      << "the quote that the decision saw is not behind it";
}

TEST(TickBacktest, NoMoreThanTheQuoteShowsAndTheRestIsOrderedAnew) {
  TickOptions options = plain();
  options.max_position = 5;
  const std::vector<TickStep> steps{step(0, 100, 2, 2), step(1, 100, 2, 2), step(2, 100, 2, 2), step(3, 100, 2, 2)};
  const TickResult r = run_tick_backtest(steps, options, after(0));
  EXPECT_EQ(r.position, (std::vector<double>{0, 2, 4, 5}));
  EXPECT_EQ(r.cut_by_size, 2);
  EXPECT_EQ(r.orders, 3);
}

TEST(TickBacktest, PartsThatRoundOrderNoDust) {
  TickOptions options = plain();
  options.max_position = 0.01;
  const std::vector<TickStep> steps{step(0, 100, 2, 0.001), step(1, 100, 2, 0.1), step(2, 100, 2, 0.1)};
  ASSERT_NE(0.001 + (0.01 - 0.001), 0.01);
  const TickResult r = run_tick_backtest(steps, options, after(0));
  EXPECT_EQ(r.orders, 2);
  EXPECT_DOUBLE_EQ(r.final_position, 0.01);
}

TEST(TickBacktest, WhatIsOnItsWayIsNotOrderedAgain) {
  const std::vector<TickStep> steps{step(0, 100, 2), step(1, 100, 2), step(2, 100, 2), step(9, 100, 2)};
  const TickResult r = run_tick_backtest(steps, plain(), after(5 * kSecond));
  EXPECT_EQ(r.orders, 1);
  EXPECT_EQ(r.position.back(), 1);
}

/// 2 s for the first decision, 1 ns for all others.
class SlowFirst : public LatencyModel {
 public:
  int64_t nanoseconds(int64_t decision) const override { return decision == 0 ? 2 * kSecond : 1; }
  std::string describe() const override { return "slow first"; }
};

TEST(TickBacktest, ASlowDecisionIsNotOvertaken) {
  const std::vector<TickStep> steps{step(0, 100, 2), step(1, 110, -2), step(3, 120, NAN), step(4, 130, NAN)};
  const TickResult r = run_tick_backtest(steps, plain(), {std::make_shared<SlowFirst>(), 0});
  EXPECT_EQ(r.position, (std::vector<double>{0, 0, -1, -1})) << "both at second 2";
  // Bought one at 111, sold two at 109.
  EXPECT_DOUBLE_EQ(r.profit[2], -111 + 2 * 109 - 120);
}

TEST(TickBacktest, SignalsThatAreMissingChangeNothingAndBadQuotesRefuse) {
  std::vector<TickStep> steps{step(0, 100, 2), step(1, 100, NAN), step(2, 100, NAN), step(3, 100, 0)};
  EXPECT_EQ(run_tick_backtest(steps, plain(), after(0)).position, (std::vector<double>{0, 1, 1, 1}));
  steps[1].quote = {};
  const TickResult r = run_tick_backtest(steps, plain(), after(kSecond));
  EXPECT_EQ(r.refused, 1) << "there at 1, where no quote stood";
  EXPECT_EQ(r.position, (std::vector<double>{0, 0, 0, 0}));
  EXPECT_EQ(r.final_position, 1) << "ordered again at 2, there at 3";
}

TEST(TickBacktest, FlatAtTheEndOfEachDay) {
  TickOptions options = plain();
  options.flat_at = "01:00:00";
  options.utc_offset = 8;
  constexpr int64_t kEight = 8 * 3600, kNight = 24 * 3600;
  const int64_t start = kNight - kEight;  // midnight of the options' clock
  const std::vector<TickStep> steps{step(start, 100, 2),          step(start + 3599, 101, 2),
                                    step(start + 3600, 102, 2),   step(start + 3700, 103, 2),
                                    step(start + kNight, 110, 2), step(start + kNight + 10, 111, 2)};
  const TickResult r = run_tick_backtest(steps, options, after(0));
  EXPECT_EQ(r.position, (std::vector<double>{0, 1, 1, 0, 0, 1}));
  ASSERT_EQ(r.days.size(), 2u);
  EXPECT_EQ(r.days[0].date.days, 1);
  EXPECT_DOUBLE_EQ(r.days[0].profit, 0) << "bought at 101, sold at 101";
  EXPECT_DOUBLE_EQ(r.days[1].profit, 0) << "bought at 111, marked at 111";
}

TEST(TickBacktest, DaysAheadOf1970BeginAtMidnightToo) {
  TickOptions options = plain();
  options.flat_at = "23:00:00";
  constexpr int64_t kNight = 24 * 3600;
  const std::vector<TickStep> steps{
      step(-kNight - 10, 100, 2), step(-kNight, 101, 2), step(-3601, 102, 2), step(-3600, 103, 2),
      step(-1, 104, 2),           step(0, 105, 2),       step(1, 106, 2)};
  const TickResult r = run_tick_backtest(steps, options, after(0));
  EXPECT_EQ(r.position, (std::vector<double>{0, 0, 1, 1, 0, 0, 1}));
  ASSERT_EQ(r.days.size(), 3u);
  for (int day = 0; day < 3; ++day) EXPECT_EQ(r.days[static_cast<size_t>(day)].date.days, day - 2);
}

TEST(TickBacktest, AnOrderOfTheEveningCountsForItsDay) {
  constexpr int64_t kNight = 24 * 3600;
  const std::vector<TickStep> steps{step(kNight - 1, 100, 2), step(kNight + 5, 110, 2)};
  const TickResult r = run_tick_backtest(steps, plain(), after(0));
  ASSERT_EQ(r.days.size(), 2u);
  EXPECT_DOUBLE_EQ(r.days[0].profit, -1);
  EXPECT_DOUBLE_EQ(r.days[1].profit, 10);
  EXPECT_DOUBLE_EQ(r.days[0].contracts, 1);
}

/// A walk with gaps in the quotes and the signals.
std::vector<TickStep> walk(size_t count) {
  std::vector<TickStep> steps;
  double mid = 1000;
  int64_t time = 0;
  for (uint64_t i = 0; i < count; ++i) {
    mid += std::floor(Key(1).uniform(i) * 3) - 1;
    time += static_cast<int64_t>(Key(2).uniform(i) * 1e9);
    steps.push_back({time, {.bid = mid - 1, .ask = mid + 1, .bid_size = 1, .ask_size = 2}, Key(3).normal(i)});
    if (Key(4).uniform(i) < 0.05) steps.back().quote.ask = NAN;
    if (Key(5).uniform(i) < 0.05) steps.back().signal = NAN;
  }
  return steps;
}

TEST(TickBacktest, CuttingTheFutureChangesNoEarlierRow) {
  TickOptions options = plain();
  options.max_position = 3;
  options.fee_bps = 1;
  const QuoteFill fill(std::make_shared<EmpiricalLatency>(
                           std::vector<std::pair<double, double>>{{0, 1e6}, {0.9, 4e8}, {1, 3e9}}, 5, "test"),
                       200'000'000);
  for (const char* quote : {"valid", "next"}) {
    options.fill_quote = quote;
    const auto steps = walk(3000);
    const TickResult whole = run_tick_backtest(steps, options, fill);
    EXPECT_GT(whole.fills, 100);
    EXPECT_GT(whole.adverse, 10);
    EXPECT_GT(whole.refused, 5);
    for (const size_t cut : {1u, 500u, 1777u, 2999u}) {
      const TickResult part = run_tick_backtest(std::span(steps).first(cut), options, fill);
      EXPECT_TRUE(std::equal(part.profit.begin(), part.profit.end(), whole.profit.begin())) << quote << cut;
      EXPECT_TRUE(std::equal(part.position.begin(), part.position.end(), whole.position.begin())) << quote << cut;
    }
    EXPECT_EQ(whole.orders, whole.fills + whole.refused + whole.in_flight);
  }
}

TEST(TickBacktest, BadInputsAreNamed) {
  const auto message = [](const TickOptions& options, std::vector<TickStep> steps) -> std::string {
    try {
      run_tick_backtest(steps, options, after(0));
    } catch (const ValueError& error) {
      return error.what();
    }
    return "no error";
  };
  const auto with = [](auto member, auto value) {
    TickOptions options = plain();
    options.*member = value;
    return options;
  };
  EXPECT_NE(message(with(&TickOptions::enter, 0), {}).find("enter, was 0"), std::string::npos);
  EXPECT_NE(message(with(&TickOptions::exit, 2), {}).find("exit, was 2"), std::string::npos);
  EXPECT_NE(message(with(&TickOptions::fee_bps, NAN), {}).find("fee_bps"), std::string::npos);
  EXPECT_NE(message(with(&TickOptions::fill_quote, "best"), {}).find("fill_quote, was \"best\""), std::string::npos);
  EXPECT_NE(message(with(&TickOptions::flat_at, "25:00:00"), {}).find("flat_at, was \"25:00:00\""), std::string::npos);
  EXPECT_NE(message(plain(), {step(5, 1, 0), step(4, 1, 0)}).find("step 1"), std::string::npos);
  EXPECT_EQ(run_tick_backtest({}, plain(), after(0)).final_profit, 0) << "no event, no trade";
}

}  // namespace
}  // namespace quantick::backtest
