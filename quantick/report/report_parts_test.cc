// The parts below the writers: derived numbers, text of numbers, axes and thinning.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "quantick/core/error.h"
#include "quantick/report/chart.h"
#include "quantick/report/chart_scale.h"
#include "quantick/report/derive.h"
#include "quantick/report/format.h"

namespace quantick::report {
namespace {

TEST(Derive, DrawdownStartsAtTheCapitalBeforeTheFirstDate) {
  const std::vector<double> result = drawdown(std::vector<double>{0.9, 1.2, kMissing, 0.6, 1.2});
  EXPECT_DOUBLE_EQ(result[0], -0.1);
  EXPECT_EQ(result[1], 0);
  EXPECT_TRUE(std::isnan(result[2]));
  EXPECT_DOUBLE_EQ(result[3], -0.5);
  EXPECT_EQ(result[4], 0);
}

TEST(Derive, CumulativeSkipsWhatIsMissing) {
  const std::vector<double> result = cumulative(std::vector<double>{0.1, kMissing, 0.2});
  EXPECT_DOUBLE_EQ(result[0], 0.1);
  EXPECT_TRUE(std::isnan(result[1]));
  EXPECT_DOUBLE_EQ(result[2], 0.1 + 0.2);
}

TEST(Derive, MonthlyReturnsCompoundToTheYear) {
  const std::vector<YearRow> rows = monthly_returns(
      {"2020-11-30", "2020-12-15", "2020-12-31", "2021-01-29", "2021-03-31"}, {1.1, 1.0, 1.21, 2.42, 1.21});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].year, 2020);
  EXPECT_TRUE(std::isnan(rows[0].months[9]));
  EXPECT_NEAR(rows[0].months[10], 0.1, 1e-15);
  EXPECT_NEAR(rows[0].months[11], 0.1, 1e-15);
  EXPECT_DOUBLE_EQ(rows[0].total, 0.21);
  EXPECT_DOUBLE_EQ(rows[1].months[0], 1.0);
  EXPECT_TRUE(std::isnan(rows[1].months[1]));
  EXPECT_DOUBLE_EQ(rows[1].months[2], -0.5);
  EXPECT_DOUBLE_EQ(rows[1].total, 0);
  EXPECT_THROW(monthly_returns({"yesterday"}, {1.0}), ValueError);
}

TEST(Derive, MonthlyMeanIsOverTheValuesThatAreThere) {
  const Panel panel{
      {"2020-01-01", "2020-01-02", "2020-02-03", "2020-03-02"}, {{"a", "A", Role::kOther, {1, 3, kMissing, 5}}}, ""};
  const Panel months = monthly_mean(panel);
  EXPECT_EQ(months.dates, (std::vector<std::string>{"2020-01", "2020-02", "2020-03"}));
  EXPECT_EQ(months.lines[0].values[0], 2);
  EXPECT_TRUE(std::isnan(months.lines[0].values[1]));
  EXPECT_EQ(months.lines[0].values[2], 5);
}

TEST(Format, NumbersForPeople) {
  EXPECT_EQ(format_value(0.0814, Unit::kPercent), "8.14\u202F%");
  EXPECT_EQ(format_value(-0.187, Unit::kPercent), "\u221218.70\u202F%");
  EXPECT_EQ(format_value(-0.00001, Unit::kRatio), "0.00");  // no minus before a zero
  EXPECT_EQ(format_value(kMissing, Unit::kRatio), "\u2013");
  EXPECT_EQ(format_value(-std::numeric_limits<double>::infinity(), Unit::kRatio), "\u2212\u221E");
  EXPECT_EQ(format_value(0.00031, Unit::kBasisPoints), "3.10\u202Fbp");
  EXPECT_EQ(format_count(-1234567), "\u22121\u202F234\u202F567");
  EXPECT_EQ(format_count(100), "100");
  EXPECT_EQ(format_seconds(192.2), "3\u202Fmin 12\u202Fs");
  EXPECT_EQ(format_bytes(54211), "54.2\u202FkB");
}

TEST(Format, TinyDifferencesKeepTwoDigits) {
  EXPECT_EQ(format_difference(-0.00004, 0.00004, Unit::kCorrelation), "\u22120.000040");
  EXPECT_EQ(format_difference(0.25, 0.1, Unit::kRatio), "0.25");
  EXPECT_EQ(format_difference(0, 0, Unit::kRatio), "0.00");
}

TEST(Format, EscapesMarkupAndBrokenBytes) {
  EXPECT_EQ(escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  EXPECT_EQ(escape("López \xE2\x82\xAC"), "López \u20AC");
  EXPECT_EQ(escape("\xC0\xAF"), "\uFFFD\uFFFD");            // overlong form
  EXPECT_EQ(escape("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // surrogate
  EXPECT_EQ(escape("\xE2\x82"), "\uFFFD\uFFFD");            // cut short
  EXPECT_EQ(script_string("</script>\"\\\n"), "\"\\u003c/script\\u003e\\u0022\\u005c\\u000a\"");
}

TEST(Scale, TicksAreRoundAndCover) {
  const Axis axis = linear_axis(0.83, 1.79, Unit::kRatio);
  EXPECT_LE(axis.low, 0.83);
  EXPECT_GE(axis.high, 1.79);
  EXPECT_EQ(tick_labels(axis, Unit::kRatio), (std::vector<std::string>{"0.8", "1.0", "1.2", "1.4", "1.6", "1.8"}));
  EXPECT_EQ(tick_labels(linear_axis(-0.24, 0, Unit::kPercent), Unit::kPercent),
            (std::vector<std::string>{"\u221225%", "\u221220%", "\u221215%", "\u221210%", "\u22125%", "0%"}));
  EXPECT_EQ(axis.place(axis.high), 0);
  EXPECT_EQ(axis.place(axis.low), kCanvas);
}

TEST(Scale, EqualEndsGetRoom) {
  for (const double value : {0.0, 1.0, -3.0, 1e-12, 1e12}) {
    const Axis axis = linear_axis(value, value, Unit::kPercent);
    EXPECT_LT(axis.low, value);
    EXPECT_GT(axis.high, value);
    EXPECT_GE(axis.ticks.size(), 3U);
    EXPECT_LE(axis.ticks.size(), 12U);
  }
}

TEST(Scale, LogAxisSpacesFactorsEvenly) {
  const Axis axis = log_axis(1, 100);
  EXPECT_NEAR(axis.place(1) - axis.place(10), axis.place(10) - axis.place(100), 1e-9);
  EXPECT_EQ(tick_labels(axis, Unit::kRatio), (std::vector<std::string>{"1", "2", "5", "10", "20", "50", "100"}));
}

TEST(Scale, ThinningKeepsExtremesAndGaps) {
  std::vector<double> values(7560);
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i) * 0.37);
  values[1234] = 50;
  values[6001] = -50;
  for (size_t i = 3000; i < 3200; ++i) values[i] = kMissing;
  const std::vector<size_t> kept = thin(values, 600);
  EXPECT_LE(kept.size(), 600U);
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  EXPECT_EQ(std::adjacent_find(kept.begin(), kept.end()), kept.end());
  EXPECT_EQ(kept.front(), 0U);
  EXPECT_EQ(kept.back(), values.size() - 1);
  EXPECT_TRUE(std::binary_search(kept.begin(), kept.end(), 1234U));
  EXPECT_TRUE(std::binary_search(kept.begin(), kept.end(), 6001U));
  EXPECT_TRUE(std::any_of(kept.begin(), kept.end(), [&](size_t i) { return std::isnan(values[i]); }));
}

TEST(Scale, DateTicksStandOnRoundYearsAndMonths) {
  std::vector<std::string> dates;
  for (int y = 1993; y < 2023; ++y) {
    for (int m = 1; m <= 12; ++m) {
      dates.push_back((y < 2000 ? "19" : "20") + std::to_string(y % 100 / 10) + std::to_string(y % 10) +
                      (m < 10 ? "-0" : "-") + std::to_string(m) + "-15");
    }
  }
  std::vector<std::string> labels;
  for (const Tick& tick : date_ticks(dates, false)) labels.push_back(tick.label);
  EXPECT_EQ(labels, (std::vector<std::string>{"1995", "2000", "2005", "2010", "2015", "2020"}));
  labels.clear();
  for (const Tick& tick : date_ticks({dates.begin() + 324, dates.begin() + 348}, false)) labels.push_back(tick.label);
  EXPECT_EQ(labels, (std::vector<std::string>{"2020-01", "2020-04", "2020-07", "2020-10", "2021-01", "2021-04",
                                              "2021-07", "2021-10"}));
}

TEST(Chart, PlacesTheValuesItWasGiven) {
  const Panel panel{{"2020-01-01", "2020-01-02", "2020-01-03"}, {{"a", "A", Role::kInt8, {0, 10, 5}}}, ""};
  const std::string html = date_chart(panel, {.title = "T"});
  EXPECT_NE(html.find("d=\"M0.0 1000.0h0L500.0 0.0L1000.0 500.0\""), std::string::npos) << html;
}

TEST(Chart, AGapSplitsTheLineAndALonePointStays) {
  const Panel panel{{"2020-01-01", "2020-01-02", "2020-01-03"}, {{"a", "A", Role::kInt8, {0, kMissing, 10}}}, ""};
  const std::string html = date_chart(panel, {.title = "T"});
  EXPECT_NE(html.find("d=\"M0.0 1000.0h0M1000.0 0.0h0\""), std::string::npos) << html;
}

TEST(Chart, NothingToDrawGivesNothing) {
  EXPECT_EQ(date_chart({}, {.title = "T"}), "");
  EXPECT_EQ(date_chart({{"2020-01-01"}, {{"a", "A", Role::kInt8, {kMissing}}}, ""}, {.title = "T"}), "");
  EXPECT_EQ(category_chart({"1"}, {}, {.title = "T"}), "");
}

TEST(Chart, EveryRoleHasItsOwnColour) {
  std::vector<std::string> classes;
  for (const Role role : {Role::kFloat32, Role::kInt8, Role::kRidge, Role::kEqualWeight, Role::kBenchmark}) {
    classes.push_back(colour_class(role, 0, 0));
  }
  for (size_t i = 0; i < 5; ++i) classes.push_back(colour_class(Role::kOther, i, 5));
  std::sort(classes.begin(), classes.end());
  EXPECT_EQ(std::adjacent_find(classes.begin(), classes.end()), classes.end());
  EXPECT_EQ(colour_class(Role::kOther, 9, 10), "c-s4");
}

}  // namespace
}  // namespace quantick::report
