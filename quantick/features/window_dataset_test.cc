#include "quantick/features/window_dataset.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/features/feature_set.h"
#include "quantick/features/scaler.h"
#include "quantick/features/test_panels.h"
#include "quantick/features/truncation.h"
#include "quantick/market/reader.h"
#include "quantick/market/test_files.h"

namespace quantick::features {
namespace {

using market::Date;
using market::Panel;
using market::testing::message_of;

constexpr Date kFirst{-100000}, kLast{100000};

/// Ten dates, two instruments; feature f of (t, n) is 100 t + 10 n + f; price is 10 + t + n, missing where said.
struct Small {
  Panel panel;
  std::vector<float> features;
  Small() {
    panel.instruments = {"A", "B"};
    panel.price_field = "close";
    std::vector<double> close;
    for (int t = 0; t < 10; ++t) {
      panel.dates.push_back(Date{t});
      for (int n = 0; n < 2; ++n) {
        close.push_back(10 + t + n);
        for (int f = 0; f < 3; ++f) features.push_back(static_cast<float>(100 * t + 10 * n + f));
      }
    }
    panel.add_field("close", close);
  }
  WindowDataset dataset(const DatasetOptions& options) const { return {panel, features, 3, options}; }
};

TEST(WindowDataset, LabelRunsFromTheNextCloseOverTheHorizon) {
  const Small small;
  const auto dataset = small.dataset({.window = 2, .horizon = 3});
  EXPECT_DOUBLE_EQ(dataset.forward_return(4 * 2 + 1), (10.0 + 8 + 1) / (10 + 5 + 1) - 1);
  EXPECT_DOUBLE_EQ(dataset.label(4 * 2 + 1), dataset.forward_return(4 * 2 + 1));
  EXPECT_FALSE(std::isnan(dataset.label(5 * 2)));  // ends on the last date
  EXPECT_TRUE(std::isnan(dataset.label(6 * 2)));
}

TEST(WindowDataset, IntradayWindowsAndLabelsStayWithinTheirDay) {
  Small small;
  Panel& panel = small.panel;  // five bars on each of two days
  for (int t = 0; t < 10; ++t) {
    panel.dates[static_cast<size_t>(t)] = Date{100 + t / 5};
    panel.seconds.push_back(34200 + 300 * (t % 5));
  }
  const auto dataset = small.dataset({.window = 2, .horizon = 2});
  const SampleList all = dataset.labelled(kFirst, kLast);
  // Bar 0 lacks a window, bars 2, 3 and 4 a label: the return from close t+1 to close t+3.
  EXPECT_EQ(all.ids, (std::vector<int64_t>{1 * 2, 1 * 2 + 1, 6 * 2, 6 * 2 + 1}));
  EXPECT_DOUBLE_EQ(dataset.label(1 * 2), 14.0 / 12 - 1);
  EXPECT_TRUE(std::isnan(dataset.label(2 * 2)));
  EXPECT_EQ(all.skipped.incomplete_window, 4);
  EXPECT_EQ(all.skipped.day_ends, 6);
  EXPECT_EQ(all.skipped.no_label_yet, 6);
  ASSERT_EQ(all.groups.size(), 2U);
  EXPECT_EQ(all.groups[1].date, 6);
  EXPECT_EQ(all.groups[1].begin, 2);
  EXPECT_EQ(all.groups[1].end, 4);
  const SampleList predictable = dataset.predictable(Date{101}, Date{101});
  EXPECT_EQ(predictable.ids.size(), 8U);
  EXPECT_EQ(predictable.groups.size(), 1U);
}

TEST(WindowDataset, GatherIsTimeMajor) {
  const Small small;
  const auto dataset = small.dataset({.window = 3, .horizon = 1});
  const std::vector<int64_t> ids = {5 * 2 + 1, 2 * 2 + 0};
  std::vector<float> x(3 * 2 * 3), y(2);
  dataset.gather(ids, x.data(), y.data());
  for (int l = 0; l < 3; ++l) {
    for (int f = 0; f < 3; ++f) {
      EXPECT_EQ(x[(l * 2 + 0) * 3 + f], static_cast<float>(100 * (3 + l) + 10 + f));
      EXPECT_EQ(x[(l * 2 + 1) * 3 + f], static_cast<float>(100 * l + f));
    }
  }
  EXPECT_EQ(y[0], static_cast<float>(dataset.label(ids[0])));
  dataset.gather(ids, x.data(), nullptr);
  EXPECT_EQ(dataset.date_of(ids[0]), 5);
  EXPECT_EQ(dataset.instrument_of(ids[0]), 1);
}

TEST(WindowDataset, SegmentsPurgeAndEmbargo) {
  const Small small;
  const auto dataset = small.dataset({.window = 2, .horizon = 2});
  const auto last_date = [&](const SampleList& list) { return dataset.date_of(list.ids.back()); };
  // dates 0..5 train, 6.. next; a label of t ends at t + 3
  EXPECT_EQ(last_date(dataset.labelled(Date{0}, Date{5})), 5);
  const auto purged = dataset.labelled(Date{0}, Date{5}, {.next_segment = Date{6}});
  EXPECT_EQ(last_date(purged), 2);
  EXPECT_EQ(purged.skipped.purged, 6);
  EXPECT_EQ(purged.skipped.incomplete_window, 2);
  EXPECT_EQ(last_date(dataset.labelled(Date{0}, Date{5}, {.next_segment = Date{6}, .embargo = 1})), 1);
  const auto tail = dataset.labelled(Date{6}, Date{9});
  EXPECT_EQ(last_date(tail), 6);
  EXPECT_EQ(tail.skipped.no_label_yet, 6);
  EXPECT_EQ(last_date(dataset.predictable(Date{6}, Date{9})), 9);
  EXPECT_EQ(tail.skipped.to_string(static_cast<int64_t>(tail.ids.size())),
            "6 of 8 samples left out: 6 label ends after the data");
}

TEST(WindowDataset, GroupsCoverTheListDateByDate) {
  const Small small;
  const auto list = small.dataset({.window = 4, .horizon = 1}).predictable(kFirst, kLast);
  ASSERT_EQ(list.groups.size(), 7u);
  int64_t next = 0;
  for (const auto& group : list.groups) {
    EXPECT_EQ(group.begin, next);
    for (int64_t i = group.begin; i < group.end; ++i) EXPECT_EQ(list.ids[i] / 2, group.date);
    next = group.end;
  }
  EXPECT_EQ(next, static_cast<int64_t>(list.ids.size()));
}

TEST(WindowDataset, MissingValuesAreSkippedAndCounted) {
  Small small;
  small.panel.values[0][4 * 2 + 0] = market::kMissing;                            // A, date 4
  small.features[(6 * 2 + 1) * 3 + 2] = std::numeric_limits<float>::quiet_NaN();  // B, date 6
  const auto dataset = small.dataset({.window = 2, .horizon = 1});
  const auto list = dataset.labelled(kFirst, kLast);
  // A: date 0 window; 4 no price; 3 and 2 need close 4; dates 8 and 9 end after the data
  // B: date 0 window; 6 and 7 window; 8 and 9 after the data
  EXPECT_EQ(list.skipped.no_price, 1);
  EXPECT_EQ(list.skipped.incomplete_window, 4);
  EXPECT_EQ(list.skipped.missing_label, 2);
  EXPECT_EQ(list.skipped.no_label_yet, 4);
  EXPECT_EQ(static_cast<int64_t>(list.ids.size()) + list.skipped.total(), 20);
  std::vector<float> x(2 * 3), y(1);
  EXPECT_CONTAINS(message_of<ValueError>([&] { dataset.gather(std::vector<int64_t>{6 * 2 + 1}, x.data(), y.data()); }),
                  "B 1970-01-07): its window of 2 bars is incomplete");
  EXPECT_CONTAINS(message_of<ValueError>([&] { dataset.gather(std::vector<int64_t>{9 * 2}, x.data(), y.data()); }),
                  "has no label");
  EXPECT_THROW(dataset.gather(std::vector<int64_t>{20}, x.data(), nullptr), IndexError);
  EXPECT_THROW(dataset.label(-1), IndexError);
}

TEST(WindowDataset, LabelTransforms) {
  const Small small;
  const int64_t id = 3 * 2;
  const auto plain = small.dataset({.window = 1, .horizon = 1});
  const auto demeaned = small.dataset({.window = 1, .horizon = 1, .label = "demean"});
  EXPECT_NEAR(demeaned.label(id) + demeaned.label(id + 1), 0, 1e-15);
  EXPECT_NEAR(demeaned.label(id) - demeaned.label(id + 1), plain.label(id) - plain.label(id + 1), 1e-15);
  EXPECT_EQ(demeaned.forward_return(id), plain.forward_return(id));
  const auto ranked = small.dataset({.window = 1, .horizon = 1, .label = "rank"});
  EXPECT_EQ(ranked.label(id), 0.5);  // the lower price gains the larger share
  EXPECT_EQ(ranked.label(id + 1), -0.5);
  const auto scaled = small.dataset({.window = 1, .horizon = 4, .label_volatility_bars = 2});
  const double r1 = 12.0 / 11 - 1, r2 = 13.0 / 12 - 1, mean = (r1 + r2) / 2;
  const double volatility = std::sqrt((r1 - mean) * (r1 - mean) + (r2 - mean) * (r2 - mean));
  EXPECT_NEAR(scaled.label(id), (18.0 / 14 - 1) / (2 * volatility), 1e-9);
}

TEST(WindowDataset, OptionsAreChecked) {
  const Small small;
  EXPECT_CONTAINS(message_of<ValueError>([&] { small.dataset({.window = 0}); }), "window, was 0");
  EXPECT_CONTAINS(message_of<ValueError>([&] { small.dataset({.horizon = 0}); }), "horizon, was 0");
  EXPECT_CONTAINS(message_of<ValueError>([&] { small.dataset({.label = "ranks"}); }), "did you mean \"rank\"?");
  EXPECT_CONTAINS(message_of<ValueError>([&] { small.dataset({.label_volatility_bars = 1}); }), "was 1");
  EXPECT_THROW(WindowDataset(small.panel, small.features, 2, {}), ShapeError);
  const auto dataset = small.dataset({});
  EXPECT_THROW(dataset.labelled(Date{3}, Date{2}), ValueError);
  EXPECT_THROW(dataset.labelled(Date{1}, Date{5}, {.next_segment = Date{5}}), ValueError);
  EXPECT_THROW(dataset.labelled(Date{1}, Date{5}, {.embargo = -1}), ValueError);
}

/// Scaled features (the scaler fitted on the first 40 dates) and whatever windows and labels come of them.
WindowDataset made_of(const Panel& panel, const std::string& label) {
  const FeatureSet set(std::vector<std::string>{"return(1)", "volatility(5)", "rank(return(3))", "volume_zscore(5)"});
  const auto values = set.compute(panel);
  const auto scaler = Scaler::fit(values, set.names(), panel.instrument_count(), 0, 40);
  return {panel, scaler.transform(values), set.size(), {.window = 6, .horizon = 2, .label = label}};
}

TEST(WindowDataset, CuttingTheFutureOffChangesNoWindowAndNoFinishedLabel) {
  const Panel panel = testing::random_panel(100, 5, 0.01);
  const std::vector<int64_t> cuts = {45, 60, 99};
  const int64_t reach = 3;  // a label of t needs the close of t + 3
  for (const char* label : {"return", "demean", "rank", "zscore"}) {
    const auto leak = find_leak<float>(panel, cuts, [&](const Panel& part) {
      const auto dataset = made_of(part, label);
      const int64_t block = dataset.options().window * dataset.width() + 1;
      std::vector<float> out(part.date_count() * 5 * block, -1.0f);
      for (const int64_t id : dataset.predictable(kFirst, kLast).ids) {
        dataset.gather(std::span(&id, 1), out.data() + id * block, nullptr);
        // Labels are shifted to the date on which they are known.
        if (!std::isnan(dataset.label(id))) {
          out[(id + reach * 5) * block + block - 1] = static_cast<float>(dataset.label(id));
        }
      }
      return out;
    });
    EXPECT_FALSE(leak.has_value()) << label << ": " << leak->to_string(panel);
  }
}

TEST(WindowDataset, GatherDoesNotDependOnThreads) {
  const Panel panel = testing::random_panel(100, 5, 0.01);
  const auto dataset = made_of(panel, "rank");
  const auto list = dataset.labelled(kFirst, kLast);
  const size_t size = list.ids.size() * 6 * dataset.width();
  std::vector<float> one(size), two(size), y(list.ids.size()), z(list.ids.size());
  const int before = thread_count();
  set_thread_count(1);
  dataset.gather(list.ids, one.data(), y.data());
  set_thread_count(2);
  dataset.gather(list.ids, two.data(), z.data());
  set_thread_count(before);
  EXPECT_EQ(one, two);
  EXPECT_EQ(y, z);
}

TEST(WindowDatasetRealData, Us253CountsEverySample) {
  const auto path = market::testing::shared_data("us253_ohlcv_daily_2013_2018.csv.gz");
  QTK_NEEDS_DATA(path);
  const Panel panel = market::read_panel(path);
  const FeatureSet set(std::vector<std::string>{"return(1)", "volatility(20)", "parkinson(10)", "volume_ratio(20)"});
  const auto values = set.compute(panel);
  const auto scaler = Scaler::fit(values, set.names(), panel.instrument_count(), 0, 800);
  const WindowDataset dataset(panel, scaler.transform(values), set.size(),
                              {.window = 20, .horizon = 5, .label = "rank"});
  const auto list = dataset.labelled(kFirst, kLast);
  EXPECT_EQ(static_cast<int64_t>(list.ids.size()) + list.skipped.total(),
            panel.date_count() * panel.instrument_count());
  EXPECT_EQ(list.skipped.no_price, panel.date_count() * panel.instrument_count() - 310511);
  EXPECT_GT(list.ids.size(), 295000u);
  std::vector<float> x(20 * 512 * dataset.width()), y(512);
  dataset.gather(std::span(list.ids).subspan(1000, 512), x.data(), y.data());
  for (const float v : x) ASSERT_TRUE(std::isfinite(v));
}

}  // namespace
}  // namespace quantick::features
