#include "quantick/strategy/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"
#include "quantick/core/file.h"
#include "quantick/market/csv.h"

namespace quantick::strategy {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::optional<size_t> find_column(const std::vector<std::string>& header, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    for (size_t c = 0; c < header.size(); ++c) {
      if (lower(header[c]) == name) return c;
    }
  }
  return std::nullopt;
}

/// The column that the caller names, else the first of the usual ones.
std::optional<size_t> chosen_column(const market::RowSource& source, std::string_view option, const std::string& name,
                                    std::span<const std::string_view> usual) {
  const auto& header = source.header();
  if (name.empty()) return find_column(header, usual);
  const auto found = std::find(header.begin(), header.end(), name);
  if (found != header.end()) return static_cast<size_t>(found - header.begin());
  const std::string near = nearest_name(name, header);
  fail<ValueError>("[scores] {}: {}, was \"{}\", expected one of the columns {}{}", source.path(), option, name,
                   fmt::join(header, ", "), near.empty() ? std::string() : fmt::format("; nearest is \"{}\"", near));
}

market::Date date_of(market::RowSource& source, size_t column) {
  const auto date = source.date(column);
  QTK_CHECK(date, ParseError, "{}, was \"{}\", expected {}", source.where(column), source.text(column),
            market::kDateForms);
  return *date;
}

void check_order(market::RowSource& source, size_t column, const std::vector<market::Date>& dates, market::Date date) {
  QTK_CHECK(dates.empty() || dates.back() < date, ParseError,
            "{}, was {} behind {}, expected dates that ascend, each once{}", source.where(column), date.to_string(),
            dates.back().to_string(),
            dates.back() == date ? " (scores are of dates: keep one row of a day's bars)" : "");
}

ScoreMatrix read_wide(market::RowSource& source, size_t date_column) {
  ScoreMatrix out;
  const auto& header = source.header();
  for (size_t c = 0; c < header.size(); ++c) {
    if (c != date_column) out.instruments.push_back(header[c]);
  }
  while (source.next()) {
    const market::Date date = date_of(source, date_column);
    check_order(source, date_column, out.dates, date);
    out.dates.push_back(date);
    for (size_t c = 0; c < header.size(); ++c) {
      if (c != date_column) out.values.push_back(source.number(c));
    }
  }
  return out;
}

ScoreMatrix read_long(market::RowSource& source, size_t date_column, size_t instrument_column, size_t score_column) {
  struct Cell {
    market::Date date;
    size_t instrument;
    double value;
  };
  std::vector<Cell> cells;
  std::unordered_map<std::string, size_t> index;
  std::vector<std::string> names;    // in order of appearance
  std::vector<market::Date> newest;  // per name
  while (source.next()) {
    const market::Date date = date_of(source, date_column);
    const std::string name(source.text(instrument_column));
    QTK_CHECK(!name.empty(), ParseError, "{}, was empty, expected an instrument's name",
              source.where(instrument_column));
    const auto [entry, fresh] = index.emplace(name, names.size());
    if (fresh) {
      names.push_back(name);
      newest.push_back(date);
    } else {
      market::Date& last = newest[entry->second];
      QTK_CHECK(last != date, ParseError, "{}, was a second score for {} on {}, expected one",
                source.where(score_column), name, date.to_string());
      QTK_CHECK(last < date, ParseError, "{}, was {} behind {} for {}, expected dates that ascend",
                source.where(date_column), date.to_string(), last.to_string(), name);
      last = date;
    }
    cells.push_back({date, entry->second, source.number(score_column)});
  }
  ScoreMatrix out;
  for (const Cell& cell : cells) out.dates.push_back(cell.date);
  std::sort(out.dates.begin(), out.dates.end());
  out.dates.erase(std::unique(out.dates.begin(), out.dates.end()), out.dates.end());
  out.instruments = names;
  std::sort(out.instruments.begin(), out.instruments.end());
  std::vector<size_t> place(names.size());
  for (size_t i = 0; i < names.size(); ++i) place[index.at(out.instruments[i])] = i;
  out.values.assign(out.dates.size() * names.size(), kNone);
  for (const Cell& cell : cells) {
    const auto row = std::lower_bound(out.dates.begin(), out.dates.end(), cell.date) - out.dates.begin();
    out.row(row)[place[cell.instrument]] = cell.value;
  }
  return out;
}

}  // namespace

void ScoreMatrix::check(std::string_view what) const {
  QTK_CHECK(!dates.empty() && !instruments.empty(), ValueError,
            "[scores] {}: {} dates and {} instruments, expected both", what, dates.size(), instruments.size());
  QTK_CHECK(values.size() == dates.size() * instruments.size(), ShapeError,
            "[scores] {}: {} values, expected {} dates x {} instruments = {}", what, values.size(), dates.size(),
            instruments.size(), dates.size() * instruments.size());
  for (size_t t = 1; t < dates.size(); ++t) {
    QTK_CHECK(dates[t - 1] < dates[t], ValueError, "[scores] {}: date {} stands behind {}, expected dates that ascend",
              what, dates[t].to_string(), dates[t - 1].to_string());
  }
  std::unordered_set<std::string_view> names;
  for (const std::string& name : instruments) {
    QTK_CHECK(names.insert(name).second, ValueError, "[scores] {}: instrument {} stands twice, expected once", what,
              name);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    QTK_CHECK(!std::isinf(values[i]), ValueError, "[scores] {}: {} on {}, was {}, expected a number or NaN (no score)",
              what, instruments[i % instruments.size()], dates[i / instruments.size()].to_string(), values[i]);
  }
}

std::vector<int64_t> ScoreMatrix::positions_of(std::span<const std::string> names) const {
  std::unordered_map<std::string_view, int64_t> index;
  for (size_t i = 0; i < instruments.size(); ++i) index.emplace(instruments[i], static_cast<int64_t>(i));
  std::vector<int64_t> out;
  out.reserve(names.size());
  for (const std::string& name : names) {
    const auto found = index.find(name);
    if (found == index.end()) {
      const std::string near = nearest_name(name, instruments);
      fail<ValueError>("[scores] instrument \"{}\" is not among the {} instruments{}", name, instruments.size(),
                       near.empty() ? std::string() : fmt::format("; nearest is \"{}\"", near));
    }
    out.push_back(found->second);
  }
  return out;
}

ScoreMatrix ScoreMatrix::slice(int64_t begin, int64_t end) const {
  QTK_CHECK(begin >= 0 && begin <= end && end <= date_count(), IndexError,
            "[scores] slice {}..{}, expected inside 0..{}", begin, end, date_count());
  const int64_t n = instrument_count();
  return {{dates.begin() + begin, dates.begin() + end},
          instruments,
          {values.begin() + begin * n, values.begin() + end * n}};
}

size_t date_column_of(const market::RowSource& source, const ScoreColumns& columns) {
  static constexpr std::string_view kDates[] = {"date", "datetime", "day", "timestamp", "time"};
  // pandas writes an index without a name as an empty first cell.
  return chosen_column(source, "date_column", columns.date, kDates).value_or(0);
}

ScoreMatrix read_scores(market::RowSource& source, const ScoreColumns& columns) {
  static constexpr std::string_view kInstruments[] = {"instrument", "symbol", "ticker", "asset", "code", "name", "sid"};
  static constexpr std::string_view kScores[] = {"score",  "scores", "prediction", "pred",
                                                 "signal", "factor", "alpha",      "label"};
  const auto& header = source.header();
  const size_t date = date_column_of(source, columns);
  const auto instrument = chosen_column(source, "instrument_column", columns.instrument, kInstruments);
  ScoreMatrix out;
  if (instrument && *instrument != date) {
    auto score = chosen_column(source, "score_column", columns.score, kScores);
    if (!score && header.size() == 3) score = 3 - date - *instrument;
    QTK_CHECK(score && *score != date && *score != *instrument, ParseError,
              "{}: columns {}, expected one named \"score\" beside \"{}\" and \"{}\"", source.path(),
              fmt::join(header, ", "), header[date], header[*instrument]);
    out = read_long(source, date, *instrument, *score);
  } else {
    QTK_CHECK(header.size() >= 2, ParseError,
              "{}: one column \"{}\", expected date, instrument, score or a date column and a column per instrument",
              source.path(), header[0]);
    out = read_wide(source, date);
  }
  QTK_CHECK(!out.dates.empty(), ParseError, "{}: a header and no rows, expected scores", source.path());
  QTK_CHECK(std::any_of(out.values.begin(), out.values.end(), [](double v) { return !std::isnan(v); }), ParseError,
            "{}: no score in {} rows, expected at least one number", source.path(), out.dates.size());
  return out;
}

ScoreMatrix read_scores(const std::string& path) {
  market::CsvReader csv(path);
  return read_scores(csv);
}

void write_scores(const std::string& path, const ScoreMatrix& scores) {
  scores.check();
  fmt::memory_buffer text;
  auto out = std::back_inserter(text);
  const auto cell = [&](const std::string& name) {
    if (name.find_first_of(",\"\n\r;\t") == std::string::npos) {
      fmt::format_to(out, ",{}", name);
      return;
    }
    fmt::format_to(out, ",\"");
    for (const char c : name) fmt::format_to(out, "{}", c == '"' ? std::string_view("\"\"") : std::string_view(&c, 1));
    fmt::format_to(out, "\"");
  };
  fmt::format_to(out, "date");
  for (const std::string& name : scores.instruments) cell(name);
  fmt::format_to(out, "\n");
  for (int64_t t = 0; t < scores.date_count(); ++t) {
    fmt::format_to(out, "{}", scores.dates[static_cast<size_t>(t)].to_string());
    for (const double v : scores.row(t)) {
      if (std::isnan(v)) {
        fmt::format_to(out, ",");
      } else {
        fmt::format_to(out, ",{:.17g}", v);
      }
    }
    fmt::format_to(out, "\n");
  }
  write_file(path, std::string_view(text.data(), text.size()));
}

}  // namespace quantick::strategy
