#include "quantick/market/nyse.h"

#include <algorithm>
#include <array>

#include "quantick/market/calendar.h"

namespace quantick::market {
namespace {

enum Weekday : unsigned { kSunday = 0, kMonday = 1, kWednesday = 3, kThursday = 4, kSaturday = 6 };

struct YearMonthDay {
  int year;
  unsigned month, day;
};

// Closures without a rule: mourning, September 2001, storm.
constexpr std::array<YearMonthDay, 11> kClosures = {{{1994, 4, 27},
                                                     {2001, 9, 11},
                                                     {2001, 9, 12},
                                                     {2001, 9, 13},
                                                     {2001, 9, 14},
                                                     {2004, 6, 11},
                                                     {2007, 1, 2},
                                                     {2012, 10, 29},
                                                     {2012, 10, 30},
                                                     {2018, 12, 5},
                                                     {2025, 1, 9}}};

// Early closes beside the rules.
constexpr std::array<YearMonthDay, 5> kHalfDays = {
    {{1996, 7, 5}, {1997, 12, 26}, {1999, 12, 31}, {2002, 7, 5}, {2003, 12, 26}}};

template <size_t n>
bool listed(const std::array<YearMonthDay, n>& list, Date date) {
  return std::any_of(list.begin(), list.end(), [&](const YearMonthDay& d) {
    return d.year == date.year() && d.month == date.month() && d.day == date.day();
  });
}

/// The n-th (from 1) given weekday of a month.
Date nth_weekday(int year, unsigned month, unsigned weekday, int n) {
  const Date first = Date::from_ymd(year, month, 1);
  return first.plus(static_cast<int32_t>((weekday + 7 - first.weekday()) % 7) + 7 * (n - 1));
}

Date last_monday_of_may(int year) {
  const Date last = Date::from_ymd(year, 5, 31);
  return last.plus(-static_cast<int32_t>((last.weekday() + 7 - kMonday) % 7));
}

/// A holiday of fixed date moves to Friday from a Saturday and to Monday from a Sunday.
Date observed(Date date) {
  if (date.weekday() == kSaturday) return date.plus(-1);
  if (date.weekday() == kSunday) return date.plus(1);
  return date;
}

Date thanksgiving(int year) { return nth_weekday(year, 11, kThursday, 4); }

bool is_holiday(Date date) {
  const int year = date.year();
  switch (date.month()) {
    case 1: {
      // New Year's Day on a Saturday is not moved into the old year.
      const Date new_year = Date::from_ymd(year, 1, 1);
      if (date == (new_year.weekday() == kSunday ? new_year.plus(1) : new_year)) return true;
      return year >= 1998 && date == nth_weekday(year, 1, kMonday, 3);  // Martin Luther King Jr.
    }
    case 2:
      return date == nth_weekday(year, 2, kMonday, 3);  // Washington's Birthday
    case 3:
    case 4:
      return date == easter(year).plus(-2);  // Good Friday
    case 5:
      return date == last_monday_of_may(year);  // Memorial Day
    case 6:
      return year >= 2022 && date == observed(Date::from_ymd(year, 6, 19));  // Juneteenth
    case 7:
      return date == observed(Date::from_ymd(year, 7, 4));
    case 9:
      return date == nth_weekday(year, 9, kMonday, 1);  // Labor Day
    case 11:
      return date == thanksgiving(year);
    case 12:
      return date == observed(Date::from_ymd(year, 12, 25));
    default:
      return false;
  }
}

}  // namespace

bool nyse_is_closed(Date date) { return date.is_weekend() || is_holiday(date) || listed(kClosures, date); }

bool nyse_is_half_day(Date date) {
  const int year = date.year();
  if (year < 1993 || nyse_is_closed(date)) return false;
  if (listed(kHalfDays, date)) return true;
  if (date == thanksgiving(year).plus(1)) return true;
  if (date.month() == 12 && date.day() == 24) return true;  // a closed day where Christmas Day is a Saturday
  // Up to 2012 a Wednesday before the Fourth was a full day.
  if (date.month() == 7 && date.day() == 3) return date.weekday() == kWednesday ? year >= 2013 : year >= 1995;
  return false;
}

}  // namespace quantick::market
