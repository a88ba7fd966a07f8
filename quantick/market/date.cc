#include "quantick/market/date.h"

#include "quantick/core/error.h"
#include "quantick/market/text.h"

namespace quantick::market {
namespace {

constexpr int kFirstYear = 1800;
constexpr int kLastYear = 2200;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes between `least` and `most` digits off the front of `text`.
std::optional<unsigned> take_number(std::string_view& text, size_t least, size_t most) {
  size_t count = 0;
  unsigned value = 0;
  while (count < text.size() && count < most && is_digit(text[count])) {
    value = value * 10 + static_cast<unsigned>(text[count++] - '0');
  }
  if (count < least) return std::nullopt;
  text.remove_prefix(count);
  return value;
}

/// A time of day, with fraction and zone: only its alphabet is checked, for it is dropped.
bool is_time_of_day(std::string_view text) {
  if (text.empty()) return true;
  if (text[0] != ' ' && text[0] != 'T') return false;
  return text.find_first_not_of("0123456789:.+-Z ", 1) == std::string_view::npos;
}

}  // namespace

Date Date::from_ymd(int year, unsigned month, unsigned day) {
  const std::chrono::year_month_day ymd{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  QTK_CHECK(ymd.ok(), ValueError, "[date] year {} month {} day {}: there is no such day", year, month, day);
  return {static_cast<int32_t>(std::chrono::sys_days(ymd).time_since_epoch().count())};
}

std::optional<Date> Date::try_parse(std::string_view text) {
  text = trim(text);
  const auto year = take_number(text, 4, 4);
  if (!year || text.empty()) return std::nullopt;
  std::optional<unsigned> month, day;
  if (text[0] == '-' || text[0] == '/') {
    const char separator = text[0];
    text.remove_prefix(1);
    month = take_number(text, 1, 2);
    if (!month || text.empty() || text[0] != separator) return std::nullopt;
    text.remove_prefix(1);
    day = take_number(text, 1, 2);
  } else {
    month = take_number(text, 2, 2);
    day = take_number(text, 2, 2);
  }
  if (!month || !day || !is_time_of_day(text)) return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                        std::chrono::day(*day)};
  if (!ymd.ok() || static_cast<int>(*year) < kFirstYear || static_cast<int>(*year) > kLastYear) return std::nullopt;
  return Date{static_cast<int32_t>(std::chrono::sys_days(ymd).time_since_epoch().count())};
}

Date Date::parse(std::string_view text) {
  const auto date = try_parse(text);
  QTK_CHECK(date.has_value(), ValueError, "[date] was {}, expected {}", shown(text), kDateForms);
  return *date;
}

std::string Date::to_string() const { return fmt::format("{:04}-{:02}-{:02}", year(), month(), day()); }

std::optional<int32_t> try_parse_time(std::string_view text) {
  text = trim(text);
  unsigned parts[3] = {};
  for (size_t i = 0; i < 3 && (i < 2 || !text.empty()); ++i) {
    if (i > 0) {
      if (text.empty() || text[0] != ':') return std::nullopt;
      text.remove_prefix(1);
    }
    const auto part = take_number(text, i == 0 ? 1 : 2, 2);
    if (!part || *part >= (i == 0 ? 24U : 60U)) return std::nullopt;
    parts[i] = *part;
  }
  if (!text.empty()) return std::nullopt;
  return static_cast<int32_t>(parts[0] * 3600 + parts[1] * 60 + parts[2]);
}

std::string time_text(int32_t seconds) {
  const std::string minutes = fmt::format("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
  return seconds % 60 == 0 ? minutes : fmt::format("{}:{:02}", minutes, seconds % 60);
}

Date year_begin(int year) { return Date::from_ymd(year, 1, 1); }
Date year_end(int year) { return Date::from_ymd(year, 12, 31); }

}  // namespace quantick::market
