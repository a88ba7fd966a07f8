#include "quantick/market/calendar.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "quantick/core/error.h"
#include "quantick/market/nyse.h"
#include "quantick/market/text.h"

namespace quantick::market {
namespace {

constexpr TradingInterval kNyseFull{570, 960};  // 09:30-16:00
constexpr TradingInterval kNyseHalf{570, 780};  // 09:30-13:00
constexpr TradingInterval kWholeDay{0, 1440};
constexpr int kFirstYear = 1900;
constexpr int kLastYear = 2100;
constexpr size_t kExamples = 5;

std::string examples(std::span<const Date> dates) {
  std::string text;
  for (size_t i = 0; i < std::min(kExamples, dates.size()); ++i) text += (i == 0 ? "" : ", ") + dates[i].to_string();
  return text + (dates.size() > kExamples ? ", ..." : "");
}

}  // namespace

Date easter(int year) {
  const int a = year % 19, b = year / 100, c = year % 100, d = b / 4, e = b % 4, f = (b + 8) / 25, g = (b - f + 1) / 3;
  const int h = (19 * a + b - d - g + 15) % 30, i = c / 4, k = c % 4, l = (32 + 2 * e + 2 * i - h - k) % 7;
  const int m = (a + 11 * h + 22 * l) / 451, n = h + l - 7 * m + 114;
  return Date::from_ymd(year, static_cast<unsigned>(n / 31), static_cast<unsigned>(n % 31 + 1));
}

std::vector<std::string> CalendarComparison::to_lines(std::string_view calendar) const {
  std::vector<std::string> lines;
  if (!in_data_only.empty()) {
    lines.push_back(fmt::format("{} days in the data on which {} was closed: {}", in_data_only.size(), calendar,
                                examples(in_data_only)));
  }
  if (!in_calendar_only.empty()) {
    lines.push_back(fmt::format("{} sessions of {} are absent from the data: {}", in_calendar_only.size(), calendar,
                                examples(in_calendar_only)));
  }
  return lines;
}

Calendar::Calendar(std::string name, std::string time_zone, Date first, Date last, Rule rule, TradingHours full,
                   TradingHours half)
    : name_(std::move(name)),
      time_zone_(std::move(time_zone)),
      first_(first),
      last_(last),
      rule_(std::move(rule)),
      full_(std::move(full)),
      half_(std::move(half)) {}

Calendar Calendar::nyse() {
  const Rule rule = [](Date date) {
    return nyse_is_closed(date) ? Day::kClosed : nyse_is_half_day(date) ? Day::kHalf : Day::kFull;
  };
  return {"nyse",      "America/New_York", year_begin(kNyseFirstYear), year_end(kNyseLastYear), rule,
          {kNyseFull}, {kNyseHalf}};
}

Calendar Calendar::weekdays() {
  const Rule rule = [](Date date) { return date.is_weekend() ? Day::kClosed : Day::kFull; };
  return {"weekdays", "", year_begin(kFirstYear), year_end(kLastYear), rule, {kWholeDay}, {}};
}

Calendar Calendar::every_day() {
  return {"every_day", "UTC", year_begin(kFirstYear), year_end(kLastYear), [](Date) { return Day::kFull; },
          {kWholeDay}, {}};
}

Calendar Calendar::from_dates(std::string name, std::span<const Date> dates, TradingHours hours,
                              std::string time_zone) {
  QTK_CHECK(!dates.empty(), ValueError, "[calendar] {}: no dates, expected at least one", name);
  for (size_t i = 1; i < dates.size(); ++i) {
    QTK_CHECK(dates[i - 1] < dates[i], ValueError, "[calendar] {}: {} follows {}, expected ascending dates", name,
              dates[i].to_string(), dates[i - 1].to_string());
  }
  const auto days = std::make_shared<const std::vector<Date>>(dates.begin(), dates.end());
  const Rule rule = [days](Date date) {
    return std::binary_search(days->begin(), days->end(), date) ? Day::kFull : Day::kClosed;
  };
  return {std::move(name), std::move(time_zone), dates.front(), dates.back(), rule, std::move(hours), {}};
}

Calendar Calendar::from_panel(const Panel& panel) { return from_dates("data", panel.dates, {kWholeDay}, ""); }

Calendar Calendar::named(std::string_view name) {
  if (name == "nyse") return nyse();
  if (name == "weekdays") return weekdays();
  if (name == "every_day") return every_day();
  const std::vector<std::string> known = {"nyse", "weekdays", "every_day"};
  fail<ValueError>("[calendar] calendar, was {}, expected nyse, weekdays or every_day{}", shown(name),
                   did_you_mean(name, known));
}

Calendar::Day Calendar::day(Date date) const {
  QTK_CHECK(date >= first_ && date <= last_, ValueError, "[calendar] {}: {} lies outside what is known, {}..{}", name_,
            date.to_string(), first_.to_string(), last_.to_string());
  return rule_(date);
}

bool Calendar::is_session(Date date) const { return day(date) != Day::kClosed; }
bool Calendar::is_half_day(Date date) const { return day(date) == Day::kHalf; }

TradingHours Calendar::hours(Date date) const {
  const Day kind = day(date);
  QTK_CHECK(kind != Day::kClosed, ValueError, "[calendar] {}: {} is no session, expected one (see is_session)", name_,
            date.to_string());
  return kind == Day::kHalf ? half_ : full_;
}

Date Calendar::step(Date date, int32_t direction) const {
  do {
    date = date.plus(direction);
  } while (!is_session(date));
  return date;
}

Date Calendar::next(Date date) const { return step(date, 1); }
Date Calendar::previous(Date date) const { return step(date, -1); }

std::vector<Date> Calendar::sessions(Date from, Date to) const {
  std::vector<Date> days;
  for (Date date = from; date <= to; date = date.plus(1)) {
    if (is_session(date)) days.push_back(date);
  }
  return days;
}

CalendarComparison Calendar::compare(std::span<const Date> dates) const {
  CalendarComparison comparison;
  if (dates.empty()) return comparison;
  const auto open = sessions(dates.front(), dates.back());
  std::set_difference(dates.begin(), dates.end(), open.begin(), open.end(),
                      std::back_inserter(comparison.in_data_only));
  std::set_difference(open.begin(), open.end(), dates.begin(), dates.end(),
                      std::back_inserter(comparison.in_calendar_only));
  return comparison;
}

}  // namespace quantick::market
