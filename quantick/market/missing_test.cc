#include "quantick/market/missing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "quantick/core/rng.h"

namespace quantick::market {
namespace {

/// Prices of which a third is missing, in runs.
Panel ragged(int64_t dates, int64_t instruments) {
  Panel panel;
  panel.price_field = "adjusted";
  for (int64_t t = 0; t < dates; ++t) panel.dates.push_back(Date{static_cast<int32_t>(t)});
  for (int64_t i = 0; i < instruments; ++i) panel.instruments.push_back("I" + std::to_string(i));
  std::vector<double> adjusted, high, close;
  const Key key(11);
  for (int64_t c = 0; c < dates * instruments; ++c) {
    const auto index = static_cast<uint64_t>(c);
    const bool gone = key.fold("run").uniform(index % instruments + (c / instruments / 3) * instruments) < 0.33;
    close.push_back(gone ? kMissing : 10 + key.fold("close").uniform(index));
    adjusted.push_back(close.back() / 2);
    high.push_back(key.fold("high").uniform(index) < 0.1 ? kMissing : close.back() + 1);
  }
  panel.add_field("adjusted", adjusted);
  panel.add_field("high", high);
  panel.add_field("close", close);
  return panel;
}

TEST(ForwardFill, NeverLooksAhead) {
  const Panel panel = ragged(60, 5);
  for (const int64_t limit : {1, 2, 5}) {
    const ReadOptions options{.missing = "forward_fill", .fill_limit = limit};
    Panel whole = panel;
    apply_missing_policy(whole, options);
    for (const int64_t cut : {1, 7, 30, 59}) {
      Panel part = panel.slice(0, cut);
      apply_missing_policy(part, options);
      for (size_t f = 0; f < part.values.size(); ++f) {
        EXPECT_EQ(std::memcmp(part.values[f].data(), whole.values[f].data(), part.values[f].size() * sizeof(double)), 0)
            << "field " << part.field_names[f] << ", cut " << cut << ", limit " << limit;
      }
    }
  }
}

TEST(ForwardFill, LeavesWhatWasThereAndKeepsTheLimit) {
  const Panel panel = ragged(60, 5);
  Panel filled = panel;
  apply_missing_policy(filled, {.missing = "forward_fill", .fill_limit = 2});
  int64_t added = 0;
  for (int64_t i = 0; i < 5; ++i) {
    int64_t run = 0;
    for (int64_t t = 0; t < 60; ++t) {
      const double before = panel.at("close", t, i), after = filled.at("close", t, i);
      if (!std::isnan(before)) {
        EXPECT_EQ(before, after);
        run = 0;
        continue;
      }
      ++run;
      added += !std::isnan(after);
      EXPECT_TRUE(run <= 2 || std::isnan(after)) << t;
    }
  }
  int64_t reported = 0;
  for (const auto& entry : filled.source.filled) reported += entry.second;
  EXPECT_EQ(reported, added);
  EXPECT_GT(added, 0);
}

}  // namespace
}  // namespace quantick::market
