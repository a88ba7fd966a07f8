#include "quantick/market/reader.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <unordered_map>

#include "quantick/core/error.h"
#include "quantick/market/calendar.h"
#include "quantick/market/columns.h"
#include "quantick/market/csv.h"
#include "quantick/market/missing.h"
#include "quantick/market/text.h"

namespace quantick::market {
namespace {

using Choices = std::vector<std::string>;

void require_choice(const char* option, const std::string& value, const Choices& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  std::string list;
  for (const auto& choice : choices) list += (list.empty() ? "" : ", ") + choice;
  fail<ValueError>("[reader] {}, was {}, expected one of: {}{}", option, shown(value), list,
                   did_you_mean(value, choices));
}

std::optional<Date> date_option(const char* option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto date = Date::try_parse(text);
  QTK_CHECK(date.has_value(), ValueError, "[reader] {}, was {}, expected {}", option, shown(text), kDateForms);
  return date;
}

/// When a bar was; second 0 where a date has one bar.
struct Moment {
  Date date;
  int32_t second = 0;
  friend constexpr auto operator<=>(const Moment&, const Moment&) = default;
  std::string to_string() const { return second == 0 ? date.to_string() : date.to_string() + " " + time_text(second); }
};

/// The file as read, before it is laid out on dates. In the wide layout a row holds a cell per instrument, otherwise a
/// cell per field.
struct Rows {
  std::vector<Moment> moments;
  std::vector<int64_t> lines;
  std::vector<int32_t> owners;  // instrument of a row; empty in the wide layout
  std::vector<double> cells;
  std::vector<std::string> instruments;  // in order of appearance
  std::vector<char> has_price;           // by instrument, also outside start..end
  size_t width = 0;
  int64_t masked = 0;  // zero and negative prices treated as empty
  std::optional<Date> first_date, last_date;
};

class Reading {
 public:
  Reading(RowSource& source, const ReadOptions& options)
      : options_(options),
        source_(source),
        start_(date_option("start", options.start)),
        end_(date_option("end", options.end)) {
    QTK_CHECK(!start_ || !end_ || *start_ <= *end_, ValueError, "[reader] start {} is after end {}", options.start,
              options.end);
    plan_ = plan_columns(source_, options);
  }

  Panel read() {
    collect();
    Panel panel = lay_out();
    panel.source.path = source_.path();
    panel.source.sha256 = source_.sha256();
    panel.source.layout = plan_.layout;
    panel.source.date_column = source_.header()[plan_.date];
    if (plan_.instrument) panel.source.instrument_column = source_.header()[*plan_.instrument];
    for (const auto& [name, column] : plan_.fields) {
      if (name == plan_.price_field) panel.source.price_column = source_.header()[column];
    }
    panel.source.inferred = plan_.inferred;
    keep_instruments(panel);
    drop_empty(panel);
    note_unread_columns(panel);
    if (rows_.masked > 0) {
      notes_.push_back(fmt::format("{} zero or negative prices treated as missing (bad_price: missing)", rows_.masked));
    }
    auto missing_notes = apply_missing_policy(panel, options_);
    if (options_.bad_price != "allow") {
      panel.source.warts = find_warts(panel);
      note_what_prices_hide(panel);
    }
    compare_with_calendar(panel);
    panel.source.warts.insert(panel.source.warts.end(), notes_.begin(), notes_.end());
    panel.source.warts.insert(panel.source.warts.end(), missing_notes.begin(), missing_notes.end());
    return panel;
  }

 private:
  bool wide() const { return plan_.layout == "wide"; }

  int32_t instrument_of_row() {
    if (plan_.layout == "single") return 0;
    const std::string_view name = source_.text(*plan_.instrument);
    QTK_CHECK(!name.empty(), ParseError, "[reader] {}: was empty, expected an instrument's name",
              source_.where(*plan_.instrument));
    const auto [entry, added] = numbers_.try_emplace(std::string(name), static_cast<int32_t>(rows_.instruments.size()));
    if (added) {
      rows_.instruments.emplace_back(name);
      rows_.has_price.push_back(0);
      last_dates_.emplace_back(Moment{}, kNoLine);
    }
    return entry->second;
  }

  double number(const std::string& field, size_t column) {
    const double value = source_.number(column);
    if (options_.bad_price == "allow" || std::isnan(value)) return value;
    if (is_price_field(field) || field == plan_.price_field) {
      if (value > 0) return value;
      if (options_.bad_price == "missing") {
        ++rows_.masked;
        return kMissing;
      }
      fail<ParseError>(
          "[reader] {}: was {}, expected a price above zero; set bad_price: missing to treat such cells as empty, or "
          "bad_price: allow if the values are not prices",
          source_.where(column), shown(source_.text(column)));
    }
    QTK_CHECK(value >= 0 || field != "volume", ParseError, "[reader] {}: was {}, expected a volume of zero or more",
              source_.where(column), shown(source_.text(column)));
    return value;
  }

  bool intraday() const { return options_.bars == "intraday"; }

  Moment moment_of_row() {
    const auto date = source_.date(plan_.date);
    QTK_CHECK(date.has_value(), ParseError, "[reader] {}: was {}, expected {}", source_.where(plan_.date),
              shown(source_.text(plan_.date)), kDateForms);
    if (!intraday()) return {*date};
    const size_t column = plan_.time_of_day.value_or(plan_.date);
    const auto time = source_.time_of_day(column);
    QTK_CHECK(time.has_value(), ParseError,
              "[reader] {}: was {}, expected a time such as 09:35 or 09:35:00 (bars: "
              "intraday)",
              source_.where(column), shown(source_.text(column)));
    return {*date, *time};
  }

  /// Dates must ascend within an instrument (wide: within the file); equal dates are looked at later.
  void check_order(Moment date, size_t owner) {
    auto& [last, line] = last_dates_[owner];
    if (line >= 0 && date < last && options_.unsorted == "error") {
      fail<ParseError>("[reader] {}: was {}, after {} on {}{}, expected ascending dates; set unsorted: sort",
                       source_.where(plan_.date), date.to_string(), last.to_string(), source_.line_name(line),
                       plan_.layout == "long" ? fmt::format(" (instrument {})", shown(rows_.instruments[owner])) : "");
    }
    last = date;
    line = source_.line();
  }

  void collect() {
    if (wide()) {
      for (const auto& series : plan_.series) rows_.instruments.push_back(series.first);
      rows_.has_price.assign(rows_.instruments.size(), 0);
      rows_.width = plan_.series.size();
      last_dates_.emplace_back(Moment{}, kNoLine);
    } else {
      rows_.width = plan_.fields.size();
      if (plan_.layout == "single") {
        rows_.instruments.push_back(name_from_path());
        rows_.has_price.push_back(0);
        last_dates_.emplace_back(Moment{}, kNoLine);
      }
    }
    while (source_.next()) collect_row();
    QTK_CHECK(rows_.first_date.has_value(), ParseError, "[reader] {}: a header and no rows, expected prices",
              source_.path());
    QTK_CHECK(!rows_.moments.empty(), ValueError,
              "[reader] {}: no rows between start {} and end {}; the file has {}..{}", source_.path(),
              shown(options_.start), shown(options_.end), rows_.first_date->to_string(), rows_.last_date->to_string());
  }

  void collect_row() {
    const Moment moment = moment_of_row();
    const Date date = moment.date;
    const int32_t owner = wide() ? 0 : instrument_of_row();
    check_order(moment, static_cast<size_t>(owner));
    rows_.first_date = std::min(rows_.first_date.value_or(date), date);
    rows_.last_date = std::max(rows_.last_date.value_or(date), date);
    const size_t begin = rows_.cells.size();
    if (wide()) {
      for (size_t i = 0; i < plan_.series.size(); ++i) {
        rows_.cells.push_back(number(plan_.price_field, plan_.series[i].second));
        if (!std::isnan(rows_.cells.back())) rows_.has_price[i] = 1;
      }
    } else {
      for (const auto& [name, column] : plan_.fields) {
        rows_.cells.push_back(number(name, column));
        if (name == plan_.price_field && !std::isnan(rows_.cells.back())) rows_.has_price[owner] = 1;
      }
    }
    if ((start_ && date < *start_) || (end_ && date > *end_)) {
      rows_.cells.resize(begin);
      return;
    }
    rows_.moments.push_back(moment);
    rows_.lines.push_back(source_.line());
    if (!wide()) rows_.owners.push_back(owner);
  }

  std::string name_from_path() const {
    std::string name = std::filesystem::path(source_.path()).filename().string();
    return name.substr(0, name.find('.'));
  }

  [[noreturn]] void refuse_duplicate(size_t row, size_t before) const {
    const std::string who = wide() ? "" : fmt::format("instrument {}: ", shown(rows_.instruments[rows_.owners[row]]));
    const std::string hint =
        intraday() ? " Do rows repeat? Set duplicate: first or last to keep one of them."
        : plan_.time_of_day
            ? fmt::format(
                  " The column {} tells that these are bars within a day: set bars: intraday (`quantick compare`), or "
                  "aggregate them to one row per day first.",
                  shown(source_.header()[*plan_.time_of_day]))
        : plan_.layout == "single"
            ? " If it holds several instruments, set instrument_column; if bars within a day, bars: intraday."
            : " Is there a time of day in the date column (bars: intraday), or do rows repeat? One row per day is "
              "taken; set duplicate: first or last to keep one of them.";
    fail<ParseError>("[reader] {}: {}date {} was there already on {}, expected it once.{}",
                     source_.place(rows_.lines[row]), who, rows_.moments[row].to_string(),
                     source_.line_name(rows_.lines[before]), hint);
  }

  Panel lay_out() {
    Panel panel;
    panel.instruments = rows_.instruments;
    panel.price_field = plan_.price_field;
    std::vector<Moment> moments = rows_.moments;
    std::sort(moments.begin(), moments.end());
    moments.erase(std::unique(moments.begin(), moments.end()), moments.end());
    for (const Moment& moment : moments) {
      panel.dates.push_back(moment.date);
      if (intraday()) panel.seconds.push_back(moment.second);
    }
    if (wide()) {
      panel.field_names = {plan_.price_field};
    } else {
      for (const auto& f : plan_.fields) panel.field_names.push_back(f.first);
    }
    const size_t count = panel.instruments.size();
    panel.values.assign(panel.field_names.size(), std::vector<double>(panel.dates.size() * count, kMissing));
    std::vector<size_t> taken(wide() ? panel.dates.size() : panel.dates.size() * count, 0);  // row number + 1
    int64_t dropped = 0;
    for (size_t row = 0; row < rows_.moments.size(); ++row) {
      const auto t =
          static_cast<size_t>(std::lower_bound(moments.begin(), moments.end(), rows_.moments[row]) - moments.begin());
      size_t& before = taken[wide() ? t : t * count + rows_.owners[row]];
      if (before > 0) {
        if (options_.duplicate == "error") refuse_duplicate(row, before - 1);
        ++dropped;
        if (options_.duplicate == "first") continue;
      }
      before = row + 1;
      const double* cells = rows_.cells.data() + row * rows_.width;
      for (size_t k = 0; k < rows_.width; ++k) {
        if (wide()) {
          panel.values[0][t * count + k] = cells[k];
        } else {
          panel.values[k][t * count + rows_.owners[row]] = cells[k];
        }
      }
    }
    if (dropped > 0)
      notes_.push_back(fmt::format("{} duplicate rows left out (duplicate: {})", dropped, options_.duplicate));
    return panel;
  }

  /// Keeps the instruments asked for; sorts those of a long file by name.
  void keep_instruments(Panel& panel) {
    std::vector<int64_t> kept;
    if (options_.instruments.empty()) {
      for (int64_t i = 0; i < panel.instrument_count(); ++i) kept.push_back(i);
    } else {
      for (const auto& name : options_.instruments) {
        const int64_t i = panel.instrument_index(name);
        QTK_CHECK(std::find(kept.begin(), kept.end(), i) == kept.end(), ValueError,
                  "[reader] instruments: {} is named twice, expected once", shown(name));
        kept.push_back(i);
      }
    }
    if (plan_.layout == "long") {
      std::sort(kept.begin(), kept.end(),
                [&](int64_t a, int64_t b) { return panel.instruments[a] < panel.instruments[b]; });
    }
    std::vector<char> has_price;
    for (const int64_t i : kept) has_price.push_back(rows_.has_price[i]);
    rows_.has_price = std::move(has_price);
    panel = panel.select(kept);
  }

  void drop_empty(Panel& panel) {
    const bool drop = options_.empty_column == "drop";
    for (size_t f = panel.field_names.size(); f-- > 0;) {
      const auto& block = panel.values[f];
      if (!std::all_of(block.begin(), block.end(), [](double v) { return std::isnan(v); })) continue;
      QTK_CHECK(drop && panel.field_names[f] != panel.price_field, ValueError,
                "[reader] {}: {} holds no number{}, expected values; {}", source_.path(),
                wide() ? std::string("every column") : "column " + shown(source_.header()[plan_.fields[f].second]),
                start_ || end_ ? " in the dates kept" : "",
                panel.field_names[f] == panel.price_field ? "set price_column to another column"
                                                          : "set empty_column: drop to leave it out");
      notes_.push_back(fmt::format("column {} holds no number and was left out", shown(panel.field_names[f])));
      panel.field_names.erase(panel.field_names.begin() + static_cast<int64_t>(f));
      panel.values.erase(panel.values.begin() + static_cast<int64_t>(f));
    }
    std::vector<int64_t> kept;
    const auto price = panel.field("price");
    for (int64_t i = 0; i < panel.instrument_count(); ++i) {
      bool empty = true;
      for (int64_t t = 0; t < panel.date_count() && empty; ++t)
        empty = std::isnan(price[t * panel.instrument_count() + i]);
      if (!empty) {
        kept.push_back(i);
        continue;
      }
      // One that has prices outside start..end is simply not alive in this span.
      QTK_CHECK(
          drop || rows_.has_price[i], ValueError,
          "[reader] {}: instrument {} has no price at all, expected values; set empty_column: drop to leave it out",
          source_.path(), shown(panel.instruments[i]));
      notes_.push_back(
          fmt::format("instrument {} has no price in the dates kept and was left out", panel.instruments[i]));
    }
    if (kept.size() < panel.instruments.size()) panel = panel.select(kept);
  }

  void note_unread_columns(Panel& panel) {
    if (wide()) return;
    std::string list;
    for (size_t i = 0; i < source_.header().size(); ++i) {
      const bool used =
          i == plan_.date || i == plan_.instrument || (intraday() && i == plan_.time_of_day) ||
          std::any_of(plan_.fields.begin(), plan_.fields.end(), [&](const auto& f) { return f.second == i; });
      if (!used && !source_.header()[i].empty()) list += (list.empty() ? "" : ", ") + shown(source_.header()[i]);
    }
    if (!list.empty()) panel.source.inferred.push_back("columns not read: " + list);
  }

  /// What no price file shows by itself and every result computed from it depends on.
  void note_what_prices_hide(const Panel& panel) {
    const int64_t dates = panel.date_count(), count = panel.instrument_count();
    const auto price = panel.field("price");
    bool ended = false;
    for (int64_t i = 0; i < count; ++i) ended = ended || std::isnan(price[(dates - 1) * count + i]);
    if (count > 1 && dates >= kYear && !ended) {
      notes_.push_back(
          "every instrument is still there on the last date: the list looks chosen with hindsight (survivors only), so "
          "returns are too high");
    }
    if (panel.price_field == "close") {
      notes_.push_back("the file does not tell whether splits and dividends are in its prices");
    }
  }

  void compare_with_calendar(const Panel& panel) {
    if (options_.calendar == "auto") return;
    const Calendar calendar = Calendar::named(options_.calendar);
    std::vector<Date> days;
    for (const Date date : panel.dates)
      if (days.empty() || date != days.back()) days.push_back(date);
    for (auto& line : calendar.compare(days).to_lines(calendar.name())) notes_.push_back(std::move(line));
  }

  static constexpr int64_t kYear = 250;  // sessions
  static constexpr int64_t kNoLine = -1;

  const ReadOptions& options_;
  RowSource& source_;
  std::optional<Date> start_, end_;
  ColumnPlan plan_;
  Rows rows_;
  std::unordered_map<std::string, int32_t> numbers_;    // instrument name -> number
  std::vector<std::pair<Moment, int64_t>> last_dates_;  // by instrument: last date and its line
  std::vector<std::string> notes_;
};

}  // namespace

Panel read_panel(RowSource& source, const ReadOptions& options) {
  require_choice("layout", options.layout, {"auto", "long", "single", "wide"});
  require_choice("bars", options.bars, {"day", "intraday"});
  require_choice("missing", options.missing, {"keep", "error", "drop_instrument", "forward_fill"});
  require_choice("bad_price", options.bad_price, {"error", "missing", "allow"});
  require_choice("duplicate", options.duplicate, {"error", "first", "last"});
  require_choice("unsorted", options.unsorted, {"error", "sort"});
  require_choice("empty_column", options.empty_column, {"error", "drop"});
  require_choice("calendar", options.calendar, {"auto", "nyse", "weekdays", "every_day"});
  QTK_CHECK(options.fill_limit >= 1, ValueError, "[reader] fill_limit, was {}, expected 1 or more", options.fill_limit);
  return Reading(source, options).read();
}

Panel read_panel(const std::string& path, const ReadOptions& options) {
  CsvReader csv(path);
  return read_panel(csv, options);
}

}  // namespace quantick::market
