#pragma once
// A calendar day without a time zone. Which clock the day belongs to is the data's business: for bars it is the
// exchange's own trading day.
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quantick::market {

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
struct Date {
  int32_t days = 0;

  friend constexpr auto operator<=>(const Date&, const Date&) = default;

  /// Throws ValueError for a day that does not exist (2023-02-29).
  static Date from_ymd(int year, unsigned month, unsigned day);
  /// 2013-01-02, 2013/1/4, 20130102, each with an optional time of day behind a blank or T, which is dropped. Nothing
  /// for any other text, for days that do not exist and for years outside 1800..2200.
  static std::optional<Date> try_parse(std::string_view text);
  /// As try_parse; throws ValueError that names the text and the forms accepted.
  static Date parse(std::string_view text);

  constexpr std::chrono::year_month_day ymd() const {
    return std::chrono::year_month_day(std::chrono::sys_days(std::chrono::days(days)));
  }
  constexpr int year() const { return static_cast<int>(ymd().year()); }
  constexpr unsigned month() const { return static_cast<unsigned>(ymd().month()); }
  constexpr unsigned day() const { return static_cast<unsigned>(ymd().day()); }
  /// 0 = Sunday .. 6 = Saturday.
  constexpr unsigned weekday() const {
    return std::chrono::weekday(std::chrono::sys_days(std::chrono::days(days))).c_encoding();
  }
  constexpr bool is_weekend() const { return weekday() == 0 || weekday() == 6; }
  constexpr Date plus(int32_t count) const { return {days + count}; }
  /// ISO 8601, e.g. 2013-01-02.
  std::string to_string() const;
};

/// Seconds since midnight of 09:35 or 09:35:00; nothing for any other text.
std::optional<int32_t> try_parse_time(std::string_view text);
/// 09:35, or 09:35:20 where it is no full minute.
std::string time_text(int32_t seconds);

/// First and last day of a year.
Date year_begin(int year);
Date year_end(int year);

/// The forms that parse accepts, for error messages.
inline constexpr std::string_view kDateForms = "a date such as 2013-01-02, 2013/1/2 or 20130102 (year first)";

}  // namespace quantick::market
