#pragma once
// Trading days and hours of an exchange. A session belongs to a trading day; a night session of the evening before
// belongs to the day that follows it (as on the Chinese futures exchanges), and counts in that day's minutes below
// zero.
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/market/date.h"
#include "quantick/market/panel.h"

namespace quantick::market {

/// Minutes of the exchange's own clock since midnight of the trading day: 570 is 09:30, -180 is 21:00 of the day
/// before.
struct TradingInterval {
  int32_t open = 0;
  int32_t close = 0;
  friend bool operator==(const TradingInterval&, const TradingInterval&) = default;
};

/// Intervals in order; more than one where there is a lunch break or a night session.
using TradingHours = std::vector<TradingInterval>;

/// Days on which the data and a calendar disagree.
struct CalendarComparison {
  std::vector<Date> in_data_only;      // present in the data, closed by the calendar
  std::vector<Date> in_calendar_only;  // open by the calendar, absent from the data
  /// For a report, one line per kind of disagreement; empty where there is none.
  std::vector<std::string> to_lines(std::string_view calendar) const;
};

/// Immutable, cheap to copy, safe to share between threads. Queries outside first()..last() throw ValueError.
class Calendar {
 public:
  /// New York Stock Exchange, 1990 to 2100: holidays by rule, unscheduled closures up to 2025, 09:30-16:00 with closes
  /// at 13:00 on half days (rules of 1993 and later).
  static Calendar nyse();
  /// Monday to Friday, without holidays, 1900 to 2100.
  static Calendar weekdays();
  /// Every day of the week around the clock, 1900 to 2100.
  static Calendar every_day();
  /// The days of `dates` (strictly ascending) and no others: the data's own calendar, for exchanges whose holidays
  /// follow no rule. Throws ValueError where `dates` is empty or does not ascend.
  static Calendar from_dates(std::string name, std::span<const Date> dates, TradingHours hours, std::string time_zone);
  static Calendar from_panel(const Panel& panel);
  /// nyse, weekdays or every_day. Throws ValueError that names the nearest.
  static Calendar named(std::string_view name);

  const std::string& name() const { return name_; }
  /// IANA name, e.g. America/New_York; "" where the data does not tell.
  const std::string& time_zone() const { return time_zone_; }
  Date first() const { return first_; }
  Date last() const { return last_; }

  bool is_session(Date date) const;
  bool is_half_day(Date date) const;
  /// Hours of a session. Throws ValueError where `date` is none.
  TradingHours hours(Date date) const;
  /// The nearest session after / before `date`, which need not be one itself.
  Date next(Date date) const;
  Date previous(Date date) const;
  /// Sessions of [from, to], in order.
  std::vector<Date> sessions(Date from, Date to) const;
  /// Compares over the span from the first to the last of `dates` (ascending).
  CalendarComparison compare(std::span<const Date> dates) const;

 private:
  enum class Day { kClosed, kHalf, kFull };
  using Rule = std::function<Day(Date)>;
  Calendar(std::string name, std::string time_zone, Date first, Date last, Rule rule, TradingHours full,
           TradingHours half);
  Day day(Date date) const;
  Date step(Date date, int32_t direction) const;

  std::string name_;
  std::string time_zone_;
  Date first_, last_;
  Rule rule_;
  TradingHours full_, half_;
};

/// Easter Sunday, Gregorian (the anonymous algorithm of Nature, 1876).
Date easter(int year);

}  // namespace quantick::market
