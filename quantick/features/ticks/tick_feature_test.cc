// Laws that hold for every registered feature of ticks, and values worked out by hand.
#include "quantick/features/ticks/tick_feature_set.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"
#include "quantick/features/ticks/tick_registry.h"
#include "quantick/features/ticks/tick_window.h"
#include "quantick/market/test_files.h"
#include "quantick/market/tick_reader.h"

namespace quantick::features {
namespace {

using market::Quote;
using market::Side;
using market::TickEvent;
using market::TickTape;

constexpr int64_t kSecond = 1'000'000'000;

std::vector<std::string> every_example() {
  std::vector<std::string> examples;
  for (const auto& row : tick_feature_registry()) examples.push_back(row.example);
  return examples;
}

TickEvent quote_at(int64_t time, Quote quote, int32_t instrument = 0) {
  return {.receipt_time = time, .instrument = instrument, .has_quote = true, .quote = quote};
}

TickEvent trade_at(int64_t time, double price, double size, Side aggressor = Side::unknown) {
  return {.receipt_time = time, .has_trade = true, .trade = {price, size, aggressor}};
}

/// Quotes, trades and changes of the book of some instruments; one-sided and crossed quotes, breaks of trading, equal
/// times.
TickTape random_tape(int64_t count, int32_t instruments, uint64_t seed) {
  const Key key(seed);
  uint64_t draw = 0;
  const auto below = [&](uint64_t bound) { return static_cast<int64_t>(key.below(draw++, bound)); };
  TickTape tape;
  int64_t time = 1000 * kSecond;
  std::vector<int64_t> price(static_cast<size_t>(instruments), 10000), id(static_cast<size_t>(instruments), 0);
  market::DepthUpdate depth;
  for (int64_t n = 0; n < count; ++n) {
    time += below(4) == 0 ? 0 : below(200'000'000);
    if (below(300) == 0) time += 700 * kSecond;
    TickEvent event{.exchange_time = time - 5, .receipt_time = time};
    event.instrument = static_cast<int32_t>(below(static_cast<uint64_t>(instruments)));
    int64_t& mid = price[static_cast<size_t>(event.instrument)];
    int64_t& last_id = id[static_cast<size_t>(event.instrument)];
    mid += below(5) - 2;
    const int64_t kind = below(4);
    if (kind <= 1) {
      event.has_quote = true;
      event.quote = {static_cast<double>(mid) / 100, static_cast<double>(mid + below(4)) / 100,
                     static_cast<double>(below(9)), static_cast<double>(1 + below(9)) / 8};
    }
    if (kind == 1 || kind == 2) {
      event.has_trade = true;
      event.trade = {static_cast<double>(mid) / 100, static_cast<double>(1 + below(50)) / 1000,
                     static_cast<Side>(below(3) - 1)};
    }
    if (kind == 3) {
      depth = {.snapshot = last_id == 0 || below(50) == 0,
               .previous_id = last_id + (below(100) == 0),
               .last_id = last_id + 2};
      last_id += 2;
      for (int64_t i = 0; i < (depth.snapshot ? 20 : 3); ++i) {
        depth.bids.push_back({9999 - below(20) + (below(200) == 0 ? 20 : 0), static_cast<double>(below(8))});
        depth.asks.push_back({10001 + below(20), static_cast<double>(below(8))});
      }
      event.depth = &depth;
    }
    tape.append(event);
  }
  return tape;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// The live form over a tape.
std::vector<float> stream(const std::vector<std::string>& features, const TickFeatureOptions& options,
                          std::span<const TickEvent> events) {
  TickFeatureSet set(features, options);
  std::vector<float> rows(events.size() * features.size());
  for (size_t i = 0; i < events.size(); ++i) {
    const TickPoint point = set.update(events[i], std::span(rows).subspan(i * features.size(), features.size()));
    EXPECT_TRUE(point.accepted);
  }
  return rows;
}

class EveryTickFeature : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  std::vector<std::string> features() const { return {std::get<0>(GetParam())}; }
  TickFeatureOptions options(int64_t instruments) const {
    return {.instruments = instruments, .quotes = std::get<1>(GetParam())};
  }
};
INSTANTIATE_TEST_SUITE_P(Registry, EveryTickFeature,
                         ::testing::Combine(::testing::ValuesIn(every_example()), ::testing::Values("file", "book")),
                         [](const auto& info) {
                           std::string name = std::get<0>(info.param) + std::get<1>(info.param);
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

TEST_P(EveryTickFeature, HasTheNameOfItsSpecification) {
  EXPECT_EQ(make_tick_feature(features()[0])->name(), features()[0]);
}

TEST_P(EveryTickFeature, StreamEqualsBatchInBitsForAnyThreadCount) {
  const TickTape tape = random_tape(4000, 5, 11);
  const auto live = stream(features(), options(5), tape.events());
  const int before = thread_count();
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    const TickMatrix batch = compute_tick_features(features(), options(5), tape.events());
    EXPECT_TRUE(same_bits(batch.values, live)) << threads << " threads";
  }
  set_thread_count(before);
  const auto values = std::count_if(live.begin(), live.end(), [](float v) { return std::isfinite(v); });
  EXPECT_GT(values, 400) << "the tape must give values to compare";
}

TEST_P(EveryTickFeature, CuttingTheFutureOffChangesNoEarlierBit) {
  const TickTape tape = random_tape(1200, 2, 12);
  const TickMatrix whole = compute_tick_features(features(), options(2), tape.events());
  for (const size_t cut : {1u, 2u, 30u, 500u, 1199u}) {
    const TickMatrix part = compute_tick_features(features(), options(2), tape.events().first(cut));
    EXPECT_TRUE(same_bits(part.values, std::span(whole.values).first(cut))) << "cut at " << cut;
  }
}

TEST_P(EveryTickFeature, OtherInstrumentsDoNotMatter) {
  const TickTape tape = random_tape(2000, 3, 13);
  const TickMatrix together = compute_tick_features(features(), options(3), tape.events());
  std::vector<TickEvent> own;
  std::vector<float> expected;
  for (size_t i = 0; i < tape.events().size(); ++i) {
    if (tape.events()[i].instrument != 1) continue;
    own.push_back(tape.events()[i]);
    expected.push_back(together.values[i]);
  }
  EXPECT_TRUE(same_bits(compute_tick_features(features(), options(3), own).values, expected));
}

TEST_P(EveryTickFeature, AResetIsANewBeginning) {
  const TickTape tape = random_tape(600, 1, 14);
  TickFeatureSet set(features(), options(1));
  std::vector<float> first(600), second(600);
  for (auto* rows : {&first, &second}) {
    for (size_t i = 0; i < 600; ++i) set.update(tape.events()[i], std::span(*rows).subspan(i, 1));
    set.reset();
  }
  EXPECT_TRUE(same_bits(first, second));
}

/// Values of one feature after each event.
std::vector<double> values_of(const std::string& feature, const std::vector<TickEvent>& events,
                              const TickFeatureOptions& options = {}) {
  const auto rows = stream({feature}, options, events);
  return {rows.begin(), rows.end()};
}

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

void expect_values(const std::vector<double>& actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(actual[i])) << "event " << i << ": " << actual[i];
    } else {
      EXPECT_NEAR(actual[i], expected[i], 1e-6 * std::max(1.0, std::abs(expected[i]))) << "event " << i;
    }
  }
}

TEST(TickFeatureValues, OfTheQuoteInForce) {
  const std::vector<TickEvent> events{trade_at(1, 10, 1), quote_at(2, {99, 101, 3, 1}), trade_at(3, 101, 1),
                                      quote_at(4, {99, 99, 3, 1}), quote_at(5, {kNone, 99, 0, 1})};
  expect_values(values_of("spread", events), {kNone, 2, 2, kNone, kNone});
  expect_values(values_of("relative_spread", events), {kNone, 0.02, 0.02, kNone, kNone});
  expect_values(values_of("imbalance", events), {kNone, 0.5, 0.5, kNone, kNone});
  expect_values(values_of("microprice", events), {kNone, 100.5, 100.5, kNone, kNone});
  expect_values(values_of("microprice_offset", events), {kNone, 0.005, 0.005, kNone, kNone});
}

TEST(TickFeatureValues, OrderFlowImbalance) {
  // Contributions by hand: bid up: +its size; ask equal: + before - now. Then bid equal: now - before; ask down: - now.
  const std::vector<TickEvent> events{quote_at(1, {99, 101, 3, 5}),    quote_at(2, {100, 101, 2, 7}),
                                      quote_at(3, {100, 100.5, 6, 1}), quote_at(4, {98, 102, 4, 9}),
                                      quote_at(5, {98, 98, 1, 1}),  // touching: no tick, and the next has none ahead
                                      quote_at(6, {97, 103, 1, 1}),    quote_at(7, {97, 103, 2, 1})};
  // 2 + (5 - 7) = 0; (6 - 2) - 1 = 3; -6 + 1 = -5; 2 - 1 + 1 - 1 = 1
  expect_values(values_of("order_flow_imbalance(1)", events), {kNone, 0, 3, -5, -5, -5, 1});
  expect_values(values_of("order_flow_imbalance(2)", events), {kNone, kNone, 3, -2, -2, -2, -4});
}

TEST(TickFeatureValues, SignedVolumeByFileAndByQuote) {
  const std::vector<TickEvent> events{trade_at(1, 100, 50),             // no quote ahead of it: no side
                                      quote_at(2, {99, 101, 1, 1}),     //
                                      trade_at(3, 101, 4, Side::sell),  // the file knows better
                                      trade_at(4, 101, 2),              // above the mid
                                      trade_at(5, 100, 1),              // at the mid, price fell
                                      trade_at(6, 100, 1),              // still
                                      quote_at(7, {99, 101, 1, 1}),
                                      trade_at(8, 100.5, 8)};
  expect_values(values_of("signed_volume(1)", events), {kNone, 0, -4, -2, -3, -4, 0, 8});
  expect_values(values_of("signed_volume(2)", events), {kNone, kNone, kNone, kNone, kNone, kNone, -4, 4});
  // The first trade, at the mid, moved from nowhere; a price of 0 is one like others; a break forgets the last move.
  expect_values(values_of("signed_volume(1)",
                          {quote_at(1, {-1, 1, 1, 1}), trade_at(2, 0, 4), trade_at(3, 1, 1), trade_at(4, 0, 2),
                           trade_at(5, 1, 1), trade_at(6, 0, 2), quote_at(7, {0, 2, 1, 1}), trade_at(8, 1, 3),
                           quote_at(900 * kSecond, {-1, 1, 1, 1}), trade_at(901 * kSecond, 0, 4)}),
                {0, 0, 1, -1, 0, -2, 0, 3, 0, 0});
  // A snapshot's trades came before its quote: judged by the quote ahead, counted with the row's tick.
  TickEvent row = quote_at(9, {101, 103, 1, 1});
  row.has_trade = true;
  row.trade = {101, 3, Side::unknown};
  expect_values(values_of("signed_volume(1)", {quote_at(2, {99, 101, 1, 1}), row}), {0, 3});
}

TEST(TickFeatureValues, MovesOfTheMid) {
  const std::vector<TickEvent> events{quote_at(1, {99, 101, 1, 1}), quote_at(2, {100, 102, 1, 1}), trade_at(3, 1, 1),
                                      quote_at(4, {109, 111, 1, 1}), quote_at(5, {109, 111, 1, 1})};
  expect_values(values_of("mid_return(2)", events), {kNone, kNone, kNone, 0.1, 110.0 / 101 - 1});
  expect_values(values_of("realized_volatility(1)", events), {kNone, 0.01, 0.01, 110.0 / 101 - 1, 0});
  expect_values(values_of("realized_volatility(2)", events),
                {kNone, kNone, kNone, std::hypot(0.01, 110.0 / 101 - 1), 110.0 / 101 - 1});
}

TEST(TickFeatureValues, AMidOfZeroLeavesNothingBehind) {
  // As calendar spreads have it.
  std::vector<TickEvent> events;
  for (const double mid : {2, 0, 2, 2, 2}) {
    events.push_back(quote_at(static_cast<int64_t>(events.size()) + 1, {mid - 1, mid + 1, 1, 1}));
  }
  expect_values(values_of("realized_volatility(1)", events), {kNone, 1, kNone, 0, 0});
  expect_values(values_of("realized_volatility(2)", events), {kNone, kNone, kNone, kNone, 0});
}

TEST(TickFeatureValues, TradesInTime) {
  const std::vector<TickEvent> events{quote_at(kSecond, {99, 101, 1, 1}), trade_at(2 * kSecond, 100, 1),
                                      quote_at(3 * kSecond, {99, 101, 1, 1}), trade_at(4 * kSecond, 100, 1),
                                      quote_at(104 * kSecond + kSecond / 2, {99, 101, 1, 1})};
  expect_values(values_of("time_since_trade", events), {kNone, 0, 1, 0, 100.5});
  const double each = std::log(2.0) / 2;
  expect_values(values_of("trade_intensity(2000)", events),
                {0, each, each * std::pow(2, -0.5), each * 1.5, each * 1.5 * std::pow(2, -50.25)});
}

TEST(TickFeatureValues, OfTheBook) {
  const market::PriceStep one(1);
  const market::DepthUpdate snapshot{
      .snapshot = true, .last_id = 1, .step = one, .bids = {{100, 2}, {98, 4}}, .asks = {{101, 1}, {105, 1}, {106, 9}}};
  const market::DepthUpdate change{.previous_id = 1, .last_id = 2, .step = one, .bids = {{98, 0}}, .asks = {}};
  const market::DepthUpdate crossing{.previous_id = 2, .last_id = 3, .step = one, .bids = {{101, 1}}, .asks = {}};
  const market::DepthUpdate gap{.previous_id = 5, .last_id = 6, .step = one};
  std::vector<TickEvent> events{quote_at(1, {1, 9, 1, 1})};  // not of the book
  for (const auto* depth : {&snapshot, &change, &crossing, &gap}) events.push_back({.receipt_time = 2, .depth = depth});
  const TickFeatureOptions options{.quotes = "book"};
  expect_values(values_of("depth_imbalance(2)", events, options), {kNone, 0.5, kNone, kNone, kNone});
  expect_values(values_of("depth_imbalance(1)", events, options), {kNone, 1.0 / 3, 1.0 / 3, kNone, kNone});
  expect_values(values_of("book_slope(2)", events, options), {kNone, 0.5 * (6 / 2.5 + 2 / 4.5), kNone, kNone, kNone});
  expect_values(values_of("spread", events, options), {kNone, 1, 1, kNone, kNone});
}

TEST(TickFeatureValues, NothingReachesOverABreakOfTrading) {
  std::vector<TickEvent> events;
  for (int64_t i = 0; i < 4; ++i) events.push_back(quote_at(i * kSecond + 1, {99.0 + i, 101.0 + i, 1, 1}));
  events.push_back(trade_at(3 * kSecond + 2, 100, 1));
  for (int64_t i = 0; i < 3; ++i) events.push_back(quote_at((700 + i) * kSecond, {199, 201, 1, 1}));
  expect_values(values_of("mid_return(1)", events), {kNone, 0.01, 1 / 101.0, 1 / 102.0, 1 / 102.0, kNone, 0, 0});
  expect_values(values_of("time_since_trade", events), {kNone, kNone, kNone, kNone, 0, kNone, kNone, kNone});
  expect_values(values_of("mid_return(1)", events, {.max_gap = 0}),
                {kNone, 0.01, 1 / 101.0, 1 / 102.0, 1 / 102.0, 200.0 / 103 - 1, 0, 0});
  const std::vector<TickEvent> edge{quote_at(1, {99, 101, 1, 1}), quote_at(600 * kSecond + 1, {99, 101, 1, 1}),
                                    quote_at(1200 * kSecond + 2, {99, 101, 1, 1})};
  expect_values(values_of("mid_return(1)", edge), {kNone, 0, kNone});
  TickFeatureSet set(std::vector<std::string>{"spread"});
  set.reset();  // ahead of the first event
  float row = 0;
  int64_t sessions = 0;
  for (const auto& event : events) sessions = set.update(event, std::span(&row, 1)).session;
  EXPECT_EQ(sessions, 1);
}

TEST(TickFeatureSet, SaysWhatAnEventDid) {
  TickFeatureSet set(std::vector<std::string>{"spread", "mid_return(1)"}, {.instruments = 2});
  std::vector<float> row(2);
  TickPoint point = set.update(quote_at(5, {99, 101, 1, 1}, 1), row);
  EXPECT_TRUE(point.accepted && point.tick && !point.complete);
  EXPECT_EQ(point.instrument, 1);
  EXPECT_EQ(point.mid, 100);
  EXPECT_EQ(row[0], 2);
  EXPECT_TRUE(set.update(quote_at(5, {99, 101, 1, 1}, 1), row).complete);
  TickEvent trade = trade_at(6, 100, 1);
  trade.instrument = 1;
  point = set.update(trade, row);
  EXPECT_TRUE(point.accepted && !point.tick && point.complete);
  EXPECT_FALSE(set.update(quote_at(5, {99, 101, 1, 1}, 1), row).accepted) << "time falls";
  EXPECT_TRUE(set.update(quote_at(5, {99, 101, 1, 1}, 0), row).accepted) << "another instrument's clock";
  EXPECT_FALSE(set.update(quote_at(7, {99, 101, 1, 1}, 2), row).accepted);
  EXPECT_FALSE(set.update(quote_at(7, {99, 101, 1, 1}, -1), row).accepted);
  EXPECT_FALSE(set.update(quote_at(7, {99, 101, 1, 1}, 1), std::span(row).first(1)).accepted);
  EXPECT_EQ(set.book(0), nullptr);
}

TEST(TickFeatureSet, WrongSpecificationsNameTheMistake) {
  const auto refused = [](std::vector<std::string> list, const TickFeatureOptions& options, std::string_view part) {
    EXPECT_CONTAINS(market::testing::message_of<ValueError>([&] { TickFeatureSet(list, options); }), part);
  };
  refused({}, {}, "the list of features is empty");
  refused({"spread", "spread()"}, {}, "spread() is in the list twice");
  refused({"spred"}, {}, "feature of ticks \"spred\", expected one of: book_slope, ");
  refused({"spred"}, {}, "did you mean \"spread\"?");
  refused({"mid_return(0)"}, {}, "ticks, was 0, expected 1..");
  refused({"order_flow_imbalance(tick=3)"}, {}, "did you mean \"ticks\"?");
  refused({"depth_imbalance(0)"}, {}, "levels, was 0, expected 1..1000");
  refused({"trade_intensity(0)"}, {}, "half_life_ms, was 0");
  refused({"spread"}, {.instruments = 0}, "instruments, was 0");
  refused({"spread"}, {.quotes = "books"}, "quotes, was \"books\", expected file or book");
  refused({"spread"}, {.max_gap = -1}, "max_gap, was -1");
  const std::vector<std::string> spread{"spread"};
  const std::vector<TickEvent> backwards{quote_at(2, {1, 2, 1, 1}), quote_at(1, {1, 2, 1, 1})};
  EXPECT_CONTAINS(market::testing::message_of<ValueError>([&] { compute_tick_features(spread, {}, backwards); }),
                  "event 1 comes before the event of its instrument ahead of it");
}

TEST(TickSums, LoseNothingOverALongDay) {
  const Key key(5);
  TickSum sum(7);
  std::vector<double> values;
  for (uint64_t i = 0; i < 200000; ++i) {
    values.push_back((i % 1000 == 0 ? 1e9 : 1) * (key.uniform(i) - 0.5));
    sum.push(values.back());
    if (i % 997 != 996) continue;
    __float128 exact = 0;
    for (size_t k = values.size() - 7; k < values.size(); ++k) exact += values[k];
    ASSERT_NEAR(sum.value(), static_cast<double>(exact), 1e-15 * std::abs(static_cast<double>(exact)) + 1e-20) << i;
  }
}

TEST(TickFeaturesOnRealData, StreamEqualsBatchAndRowsFillUp) {
  for (const char* name : {"cn_if2101_l1_ticks_20210104.csv.gz", "binance/usdm_btcusdt_20240808.jsonl.gz"}) {
    const std::string path = market::testing::shared_data(name);
    QTK_NEEDS_DATA(path);
    const TickTape tape(*market::open_ticks(path));
    std::vector<std::string> features = every_example();
    const bool book = std::string_view(name).starts_with("binance");
    if (!book) std::erase_if(features, [](const auto& text) { return make_tick_feature(text)->needs_book(); });
    const TickMatrix batch = compute_tick_features(features, {}, tape.events());
    EXPECT_TRUE(same_bits(batch.values, stream(features, {}, tape.events())));
    const auto complete =
        std::count_if(batch.points.begin(), batch.points.end(), [](const auto& p) { return p.complete; });
    EXPECT_GT(complete, static_cast<int64_t>(tape.events().size()) - 200) << name;
    const int64_t sessions = batch.points.back().session + 1;
    EXPECT_EQ(sessions, book ? 1 : 3) << "the noon of the futures, and the rows behind the close";
  }
}

}  // namespace
}  // namespace quantick::features
