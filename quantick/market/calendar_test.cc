#include "quantick/market/calendar.h"

#include <gtest/gtest.h>

#include "quantick/core/error.h"
#include "quantick/market/reader.h"
#include "quantick/market/test_files.h"

namespace quantick::market {
namespace {

using testing::message_of;

Date day(const char* text) { return Date::parse(text); }

TEST(Calendar, EasterSundays) {
  const char* known[] = {"1990-04-15", "2000-04-23", "2008-03-23", "2011-04-24",
                         "2019-04-21", "2024-03-31", "2038-04-25"};
  for (const char* text : known) EXPECT_EQ(easter(day(text).year()), day(text));
}

TEST(Calendar, NyseHolidaysAndClosures) {
  const auto nyse = Calendar::nyse();
  for (const char* closed : {"2023-01-02", "2024-01-15", "2024-02-19", "2024-03-29", "2024-05-27", "2024-06-19",
                             "2022-06-20", "2024-07-04", "2015-07-03", "2024-09-02", "2024-11-28", "2021-12-24",
                             "2022-12-26", "2001-09-12", "2012-10-29", "2018-12-05", "2025-01-09", "2024-06-15"}) {
    EXPECT_FALSE(nyse.is_session(day(closed))) << closed;
  }
  // New Year's Day 2022 was a Saturday and not moved; no King day before 1998; no Juneteenth before 2022.
  for (const char* open : {"2021-12-31", "1997-01-20", "2021-06-18", "2024-10-14", "2024-11-11"}) {
    EXPECT_TRUE(nyse.is_session(day(open))) << open;
  }
}

TEST(Calendar, NyseHalfDays) {
  const auto nyse = Calendar::nyse();
  for (const char* half :
       {"2019-07-03", "2024-07-03", "2024-11-29", "2024-12-24", "2002-07-05", "2003-12-26", "1995-07-03"}) {
    EXPECT_TRUE(nyse.is_half_day(day(half))) << half;
    EXPECT_EQ(nyse.hours(day(half)), (TradingHours{{570, 780}})) << half;
  }
  for (const char* full : {"2020-07-02", "2002-07-03", "2021-12-23", "2024-12-31", "2021-12-24"}) {
    EXPECT_FALSE(nyse.is_half_day(day(full))) << full;
  }
  EXPECT_EQ(nyse.hours(day("2024-12-31")), (TradingHours{{570, 960}}));
}

TEST(Calendar, NextPreviousAndSessions) {
  const auto nyse = Calendar::nyse();
  EXPECT_EQ(nyse.next(day("2024-03-28")), day("2024-04-01"));
  EXPECT_EQ(nyse.previous(day("2024-04-01")), day("2024-03-28"));
  EXPECT_EQ(nyse.next(day("2001-09-10")), day("2001-09-17"));
  EXPECT_EQ(nyse.sessions(day("2024-12-23"), day("2024-12-26")).size(), 3u);
  EXPECT_EQ(nyse.sessions(year_begin(2023), year_end(2023)).size(), 250u);
  EXPECT_EQ(nyse.sessions(year_begin(2024), year_end(2024)).size(), 252u);
}

TEST(Calendar, SessionsMayHaveABreakAndANight) {
  const std::vector<Date> dates = {day("2023-03-27"), day("2023-03-28"), day("2023-03-30")};
  const TradingHours copper = {{-180, 60}, {540, 690}, {810, 900}};  // 21:00-01:00 of the evening before, 9:00, 13:30
  const auto shfe = Calendar::from_dates("shfe", dates, copper, "Asia/Shanghai");
  EXPECT_EQ(shfe.hours(day("2023-03-28")), copper);
  EXPECT_FALSE(shfe.is_session(day("2023-03-29")));
  EXPECT_EQ(shfe.next(day("2023-03-28")), day("2023-03-30"));
  EXPECT_EQ(shfe.time_zone(), "Asia/Shanghai");
  EXPECT_CONTAINS(message_of<ValueError>([&] { shfe.next(day("2023-03-30")); }), "outside what is known");
}

TEST(Calendar, ComparisonNamesDays) {
  const auto nyse = Calendar::nyse();
  const std::vector<Date> dates = {day("2024-07-02"), day("2024-07-04"), day("2024-07-05")};
  const auto comparison = nyse.compare(dates);
  EXPECT_EQ(comparison.in_data_only, std::vector<Date>{day("2024-07-04")});
  EXPECT_EQ(comparison.in_calendar_only, std::vector<Date>{day("2024-07-03")});
  const auto lines = comparison.to_lines("nyse");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_CONTAINS(lines[0], "2024-07-04");
  EXPECT_TRUE(nyse.compare(std::vector<Date>{}).to_lines("nyse").empty());
}

TEST(Calendar, OthersAndErrors) {
  EXPECT_TRUE(Calendar::every_day().is_session(day("2024-06-15")));
  EXPECT_FALSE(Calendar::weekdays().is_session(day("2024-06-15")));
  EXPECT_TRUE(Calendar::weekdays().is_session(day("2024-12-25")));
  EXPECT_EQ(Calendar::named("nyse").name(), "nyse");
  EXPECT_CONTAINS(message_of<ValueError>([] { Calendar::named("nsye"); }), "did you mean \"nyse\"?");
  EXPECT_CONTAINS(message_of<ValueError>([] { Calendar::nyse().is_session(day("1989-12-29")); }),
                  "1990-01-01..2100-12-31");
  EXPECT_CONTAINS(message_of<ValueError>([] { Calendar::nyse().hours(day("2024-12-25")); }), "is no session");
  EXPECT_THROW(Calendar::from_dates("x", {}, {}, ""), ValueError);
  const std::vector<Date> falling = {Date{2}, Date{1}};
  EXPECT_THROW(Calendar::from_dates("x", falling, {}, ""), ValueError);
}

TEST(CalendarRealData, NyseHasExactlyTheDaysOfTheData) {
  const auto path = testing::shared_data("us20_close_daily_1990_2022.csv.gz");
  QTK_NEEDS_DATA(path);
  const Panel panel = read_panel(path);
  ASSERT_EQ(panel.date_count(), 8313);
  for (const auto& line : Calendar::nyse().compare(panel.dates).to_lines("nyse")) ADD_FAILURE() << line;
  EXPECT_TRUE(Calendar::from_panel(panel).compare(panel.dates).to_lines("data").empty());
}

}  // namespace
}  // namespace quantick::market
