// Laws that hold for every registered feature, and values worked out by hand.
#include "quantick/features/feature.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "quantick/core/error.h"
#include "quantick/core/interrupt.h"
#include "quantick/core/thread_pool.h"
#include "quantick/features/feature_set.h"
#include "quantick/features/registry.h"
#include "quantick/features/test_panels.h"
#include "quantick/features/truncation.h"
#include "quantick/market/reader.h"
#include "quantick/market/test_files.h"

namespace quantick::features {
namespace {

using market::Panel;
using testing::random_panel;

bool same_bits(std::span<const double> a, std::span<const double> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

std::vector<std::string> every_example() {
  std::vector<std::string> examples;
  for (const auto& row : feature_registry()) examples.push_back(row.example);
  return examples;
}

/// A panel of one instrument with these closes.
Panel closes(std::vector<double> values) {
  Panel panel;
  panel.instruments = {"A"};
  panel.price_field = "close";
  for (size_t t = 0; t < values.size(); ++t) panel.dates.push_back(market::Date{static_cast<int32_t>(t)});
  panel.add_field("close", std::move(values));
  return panel;
}

class EveryFeature : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Registry, EveryFeature, ::testing::ValuesIn(every_example()), [](const auto& info) {
  std::string name = info.param;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

TEST_P(EveryFeature, HasTheNameOfItsSpecification) {
  const auto feature = make_feature(GetParam());
  EXPECT_EQ(feature->name(), GetParam());
  EXPECT_EQ(make_feature(feature->name())->name(), feature->name());
}

TEST_P(EveryFeature, StreamEqualsBatchInBits) {
  const Panel panel = random_panel(150, 6, 0.02);
  const auto feature = make_feature(GetParam());
  const auto batch = feature->compute(panel);
  const auto stream = feature->stream(6);
  std::vector<double> out(6);
  std::vector<std::vector<double>> bar(feature->fields().size(), std::vector<double>(6));
  std::vector<const double*> inputs;
  for (const auto& values : bar) inputs.push_back(values.data());
  for (int64_t t = 0; t < 150; ++t) {
    for (size_t k = 0; k < bar.size(); ++k) {
      for (int64_t i = 0; i < 6; ++i) bar[k][i] = panel.at(feature->fields()[k], t, i);
    }
    stream->update(inputs, out);
    ASSERT_TRUE(same_bits(out, std::span(batch).subspan(t * 6, 6))) << "date " << t;
  }
}

TEST_P(EveryFeature, CuttingTheFutureOffChangesNoEarlierBit) {
  const Panel panel = random_panel(120, 6, 0.02);
  const auto feature = make_feature(GetParam());
  const std::vector<int64_t> cuts = {1, 2, 20, 21, 61, 90, 119};
  const auto leak = find_leak<double>(panel, cuts, [&](const Panel& part) { return feature->compute(part); });
  EXPECT_FALSE(leak.has_value()) << leak->to_string(panel);
}

TEST_P(EveryFeature, ALateStartGivesTheSameBitsAfterTheWarmUp) {
  const Panel panel = random_panel(150, 6, 0.02);
  const auto feature = make_feature(GetParam());
  const auto whole = feature->compute(panel);
  const int64_t begin = 40;
  const auto late = feature->compute(panel.slice(begin, 150));
  const int64_t skip = feature->warm_up() * 6;
  EXPECT_TRUE(same_bits(std::span(late).subspan(skip), std::span(whole).subspan(begin * 6 + skip)));
}

TEST_P(EveryFeature, WarmUpIsExact) {
  const Panel panel = random_panel(120, 1, 0.0);
  const auto feature = make_feature(GetParam());
  const auto values = feature->compute(panel);
  for (int64_t t = 0; t < 120; ++t) EXPECT_EQ(std::isnan(values[t]), t < feature->warm_up()) << t;
}

TEST_P(EveryFeature, NeverInfinite) {
  Panel panel = random_panel(120, 3, 0.0);
  const auto feature = make_feature(GetParam());
  for (auto& block : panel.values) {
    for (int64_t t = 30; t < 60; ++t) block[t * 3] = 0;
  }
  for (const double v : feature->compute(panel)) EXPECT_FALSE(std::isinf(v));
}

TEST(FeatureValues, WorkedOutByHand) {
  const auto last = [](const char* specification, const Panel& panel) {
    return make_feature(specification)->compute(panel).back();
  };
  const Panel panel = closes({100, 110, 99, 120, 90});
  EXPECT_DOUBLE_EQ(last("return(1)", panel), 90.0 / 120 - 1);
  EXPECT_DOUBLE_EQ(last("return(2)", panel), 90.0 / 99 - 1);
  EXPECT_DOUBLE_EQ(last("return(2, kind=log)", panel), std::log(90.0 / 99));
  EXPECT_DOUBLE_EQ(last("reversal(2)", panel), 1 - 90.0 / 99);
  EXPECT_DOUBLE_EQ(last("momentum(4, 1)", panel), 0.2);
  EXPECT_DOUBLE_EQ(last("drawdown(3)", panel), -0.25);
  EXPECT_DOUBLE_EQ(last("ma_ratio(1, 2)", panel), 90.0 / 105 - 1);
  // returns 0.1, -0.1, 21/99, -0.25
  const double r[] = {0.1, -0.1, 120.0 / 99 - 1, -0.25};
  const double mean = (r[0] + r[1] + r[2] + r[3]) / 4;
  double squares = 0;
  for (const double v : r) squares += (v - mean) * (v - mean);
  EXPECT_NEAR(last("volatility(4)", panel), std::sqrt(squares / 3), 1e-15);
}

TEST(FeatureValues, BarsAndVolumes) {
  Panel panel = closes({10, 12});
  panel.add_field("open", {9, 11});
  panel.add_field("high", {11, 14});
  panel.add_field("low", {8, 10});
  panel.add_field("volume", {100, 300});
  const auto last = [&](const char* specification) { return make_feature(specification)->compute(panel).back(); };
  EXPECT_NEAR(last("overnight()"), 0.1, 1e-15);
  EXPECT_DOUBLE_EQ(last("range"), 0.0);
  EXPECT_DOUBLE_EQ(last("volume_ratio(2)"), 0.5);
  EXPECT_NEAR(last("volume_zscore(2)"), std::sqrt(0.5), 1e-12);
  EXPECT_DOUBLE_EQ(last("parkinson(1)"), std::log(1.4) / std::sqrt(4 * std::log(2.0)));
  panel.values[4] = {100, 100};
  EXPECT_EQ(last("volume_zscore(2)"), 0);
}

TEST(FeatureSetCompute, CanBeInterrupted) {
  const FeatureSet set(std::vector<std::string>{"return(1)"});
  request_interrupt();
  EXPECT_THROW(set.compute(closes({10, 12})), InterruptedError);
  clear_interrupt();
}

TEST(FeatureValues, ASplitIsNoOvernightLoss) {
  Panel panel = closes({100, 52});
  panel.add_field("open", {99, 51});
  panel.add_field("adjusted", {50, 52});
  const auto overnight = make_feature("overnight()");
  EXPECT_DOUBLE_EQ(overnight->compute(panel).back(), 51.0 / 100 - 1) << "the raw close is THE price";
  panel.price_field = "adjusted";
  EXPECT_NEAR(overnight->compute(panel).back(), 0.02, 1e-15);
}

TEST(FeatureValues, CrossSectionsAverageTiesAndLeaveMissingOut) {
  Panel panel;
  panel.instruments = {"A", "B", "C", "D", "E"};
  panel.price_field = "close";
  panel.dates = {market::Date{0}, market::Date{1}};
  panel.add_field("close", {1, 1, 1, 1, market::kMissing, 1.5, 2, 2, 4, 5});
  const auto values = [&](const char* specification) {
    const auto all = make_feature(specification)->compute(panel);
    return std::vector<double>(all.begin() + 5, all.end());
  };
  const auto ranks = values("rank(return(1))");
  EXPECT_DOUBLE_EQ(ranks[0], -0.5);
  EXPECT_DOUBLE_EQ(ranks[1], 0);
  EXPECT_DOUBLE_EQ(ranks[2], 0);
  EXPECT_DOUBLE_EQ(ranks[3], 0.5);
  EXPECT_TRUE(std::isnan(ranks[4]));
  const auto demeaned = values("demean(return)");
  EXPECT_DOUBLE_EQ(demeaned[0], 0.5 - 1.375);
  EXPECT_TRUE(std::isnan(demeaned[4]));
  const auto scores = values("zscore(return(1))");
  EXPECT_NEAR(scores[0] + scores[1] + scores[2] + scores[3], 0, 1e-12);
  EXPECT_NEAR(scores[0] * scores[0] + 2 * scores[1] * scores[1] + scores[3] * scores[3], 4, 1e-12);
  EXPECT_EQ(values("zscore(rank(demean(return(1))))").size(), 5u);
}

TEST(FeatureValues, AMissingPriceIsMissingWhereTheWindowHoldsIt) {
  const Panel panel = closes({1, 2, market::kMissing, 4, 5, 6});
  const auto missing = [&](const char* specification) {
    std::string map;
    for (const double v : make_feature(specification)->compute(panel)) map += std::isnan(v) ? 'x' : '.';
    return map;
  };
  EXPECT_EQ(missing("return(1)"), "x.xx..");
  EXPECT_EQ(missing("drawdown(3)"), "xxxxx.");
  EXPECT_EQ(missing("volatility(2)"), "xxxxx.");
  EXPECT_EQ(missing("ma_ratio(1,2)"), "x.xx..");
}

TEST(FeatureSpecifications, WrongOnesNameTheMistake) {
  const auto refused = [](auto error, const char* text, const char* part) {
    EXPECT_CONTAINS(market::testing::message_of<decltype(error)>([&] { make_feature(text); }), part);
  };
  refused(ValueError(""), "momentun(20)", "did you mean \"momentum\"?");
  refused(ValueError(""), "momentum(20, skp=5)", "did you mean \"skip\"?");
  refused(ValueError(""), "momentum(20, 20)", "skip, was 20, expected 0..19");
  refused(ValueError(""), "momentum(1,2,3)", "3 arguments, expected at most 2 (bars, skip)");
  refused(ValueError(""), "momentum(20, bars=5)", "bars is given twice");
  refused(ValueError(""), "momentum(bars=20, 5)", "expected values first");
  refused(ValueError(""), "return(x)", "bars, was \"x\", expected a whole number");
  refused(ValueError(""), "return(2.5)", "expected a whole number");
  refused(ValueError(""), "return(0)", "bars, was 0, expected 1..");
  refused(ValueError(""), "return(5, kind=lg)", "expected simple or log");
  refused(ValueError(""), "return(return(5))", "is a feature, expected a value");
  refused(ValueError(""), "rank()", "expected one feature between the brackets");
  refused(ValueError(""), "rank(retrun(5))", "did you mean \"return\"?");
  refused(ParseError(""), "", "expected a feature's name");
  refused(ParseError(""), "return(5", "expected ',' or ')'");
  refused(ParseError(""), "return(5))", "expected the end");
  refused(ParseError(""), "rank(,)", "expected a number, a name or a feature");
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "rank(";
  refused(ParseError(""), deep.c_str(), "fewer calls within calls");
}

TEST(FeatureSpecifications, AnyTextGivesAFeatureOrAnErrorOfOurs) {
  const Key key(5);
  const std::string alphabet = "rank(return,5)=volatility_20.- \xff";
  for (uint64_t i = 0; i < 5000; ++i) {
    std::string text = feature_registry()[i % feature_registry().size()].example;
    for (uint64_t c = 0; c < 3; ++c) {
      text[key.fold(i).below(2 * c, text.size())] = alphabet[key.fold(i).below(2 * c + 1, alphabet.size())];
    }
    try {
      EXPECT_FALSE(make_feature(text)->name().empty());
    } catch (const InvariantError& error) {
      FAIL() << error.what();
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).rfind("[features] ", 0), 0u) << error.what();
    }
  }
}

TEST(FeatureSpecifications, CanonicalNamesDropDefaults) {
  EXPECT_EQ(make_feature(" momentum( 20 , skip = 5 ) ")->name(), "momentum(20,5)");
  EXPECT_EQ(make_feature("return")->name(), "return(1)");
  EXPECT_EQ(make_feature("return(5, simple)")->name(), "return(5)");
  EXPECT_EQ(make_feature("momentum")->name(), "momentum(250,20)");
  EXPECT_EQ(make_feature("rank( return )")->name(), "rank(return(1))");
}

TEST(FeatureSet, FieldsThatLackAreNamed) {
  const auto message = market::testing::message_of<ValueError>([] {
    make_feature("rank(parkinson(5))")->compute(closes({1, 2}));
  });
  EXPECT_CONTAINS(message, "rank(parkinson(5)) needs high, low, which the data lacks (it has close)");
  EXPECT_THROW(FeatureSet(std::vector<std::string>{}), ValueError);
  EXPECT_THROW(FeatureSet(std::vector<std::string>{"return(1)", "return"}), ValueError);
}

TEST(FeatureSet, BatchStreamAndThreadsAgreeInBits) {
  const auto examples = every_example();
  const FeatureSet set(examples);
  const Panel panel = random_panel(100, 4, 0.01);
  const int before = thread_count();
  set_thread_count(1);
  const auto one = set.compute(panel);
  set_thread_count(2);
  const auto two = set.compute(panel);
  set_thread_count(before);
  EXPECT_TRUE(same_bits(one, two));
  EXPECT_EQ(set.warm_up(), 59);
  FeatureSetStream stream(set, 4);
  std::vector<double> out(4 * set.size());
  for (int64_t t = 0; t < 100; ++t) {
    std::vector<const double*> inputs;
    for (const auto& field : set.fields()) inputs.push_back(panel.field(field).data() + t * 4);
    stream.update(inputs, out);
    ASSERT_TRUE(same_bits(out, std::span(one).subspan(t * 4 * set.size(), 4 * set.size()))) << t;
  }
  EXPECT_THROW(stream.update({}, out), ShapeError);
}

TEST(Truncation, FindsALeak) {
  const Panel panel = random_panel(50, 2, 0.0);
  const auto peeking = [](const Panel& part) {
    std::vector<double> out;
    for (int64_t t = 0; t < part.date_count(); ++t) {
      out.push_back(part.at("close", std::min<int64_t>(t + 1, part.date_count() - 1), 0));
    }
    return out;
  };
  const auto leak = find_leak<double>(panel, std::vector<int64_t>{10}, peeking);
  ASSERT_TRUE(leak.has_value());
  EXPECT_EQ(leak->date, 9);
  EXPECT_CONTAINS(leak->to_string(panel), "look-ahead: output 0 of 2015-01-10");
  for (const std::vector<int64_t>& nothing : {std::vector<int64_t>{}, {0}, {50}})
    EXPECT_THROW(find_leak<double>(panel, nothing, peeking), ValueError);
}

TEST(FeatureRealData, Us6HasEveryFeatureAndNoLeak) {
  const auto path = market::testing::shared_data("us6_ohlcv_daily_2013_2023.csv.gz");
  QTK_NEEDS_DATA(path);
  const Panel panel = market::read_panel(path, {.end = "2014-12-31"});
  const FeatureSet set(every_example());
  const auto leak =
      find_leak<double>(panel, std::vector<int64_t>{100, 250}, [&](const Panel& part) { return set.compute(part); });
  EXPECT_FALSE(leak.has_value()) << leak->to_string(panel);
  const auto values = set.compute(panel);
  for (size_t k = set.warm_up() * 6 * set.size(); k < values.size(); ++k) ASSERT_FALSE(std::isnan(values[k])) << k;
}

TEST(Feature, IntradayBarsBeginAnewEachDay) {
  auto panel = testing::random_panel(12, 3, 0.1);
  const auto feature = make_feature("return(2)");
  const auto whole = feature->compute(panel);
  const auto first = feature->compute(panel.slice(0, 7)), second = feature->compute(panel.slice(7, 12));
  for (int64_t t = 0; t < 12; ++t) {
    panel.dates[static_cast<size_t>(t)] = market::Date{t < 7 ? 1 : 2};
    panel.seconds.push_back(static_cast<int32_t>(t));
  }
  auto days = first;
  days.insert(days.end(), second.begin(), second.end());
  const auto bars = feature->compute(panel);
  EXPECT_TRUE(std::equal(bars.begin(), bars.end(), days.begin(), days.end(),
                         [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }));
  EXPECT_FALSE(std::isnan(whole[7 * 3]));
  EXPECT_TRUE(std::isnan(bars[7 * 3]));
}

}  // namespace
}  // namespace quantick::features
