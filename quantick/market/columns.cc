#include "quantick/market/columns.h"

#include <algorithm>
#include <array>
#include <span>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"
#include "quantick/market/reader.h"
#include "quantick/market/row_source.h"
#include "quantick/market/text.h"

namespace quantick::market {
namespace {

// Names in use, best first, as normalized() writes them. No single letters: C and V are tickers.
constexpr std::array<std::string_view, 9> kDateNames = {
    "date", "datetime", "trade_date", "trading_date", "timestamp", "day", "dates", "time", "dt"};
constexpr std::array<std::string_view, 13> kInstrumentNames = {"symbol", "ticker",  "instrument",    "code", "name",
                                                               "asset",  "ts_code", "order_book_id", "tic",  "sid",
                                                               "permno", "ric",     "stock"};
struct FieldNames {
  std::string_view field;
  std::array<std::string_view, 8> names;
};
constexpr std::array<FieldNames, 10> kFieldNames = {{
    {"open", {"open", "open_price", "$open", "opening_price"}},
    {"high", {"high", "high_price", "$high"}},
    {"low", {"low", "low_price", "$low"}},
    {"close", {"close", "close_price", "$close", "last", "settle", "price", "px_last", "closing_price"}},
    {"adjusted", {"adjusted", "adj_close", "adjclose", "adjusted_close", "adj_price", "close_adj", "close_adjusted"}},
    {"volume", {"volume", "volumn", "vol", "$volume", "total_volume"}},
    {"turnover", {"turnover", "amount", "dollar_volume"}},
    {"vwap", {"vwap", "$vwap", "average"}},
    {"open_interest", {"open_interest", "hold", "oi"}},
    {"score", {"score", "scores", "prediction", "predictions", "pred"}},
}};

std::string header_list(const RowSource& source) {
  constexpr size_t kShown = 12;
  std::string text;
  for (size_t i = 0; i < std::min(kShown, source.header().size()); ++i) {
    text += (i == 0 ? "" : ", ") + shown(source.header()[i]);
  }
  return text + (source.header().size() > kShown ? ", ..." : "");
}

/// The column that an option names: exactly, else in any case.
size_t named_column(const RowSource& source, std::string_view option, const std::string& name) {
  const auto& header = source.header();
  const auto exact = std::find(header.begin(), header.end(), name);
  if (exact != header.end()) return static_cast<size_t>(exact - header.begin());
  const auto loose = std::find_if(header.begin(), header.end(),
                                  [&](const auto& column) { return normalized(column) == normalized(name); });
  QTK_CHECK(loose != header.end(), ValueError, "[reader] {}: {}, was {}, expected one of the columns {}{}",
            source.path(), option, shown(name), header_list(source), did_you_mean(name, header));
  return static_cast<size_t>(loose - header.begin());
}

template <class Names>
std::optional<size_t> find_column(const RowSource& source, const Names& names) {
  for (const std::string_view name : names) {
    for (size_t i = 0; i < source.header().size() && !name.empty(); ++i) {
      if (normalized(source.header()[i]) == name) return i;
    }
  }
  return std::nullopt;
}

size_t find_date(const RowSource& source, const ReadOptions& options, ColumnPlan& plan) {
  if (!options.date_column.empty()) return named_column(source, "date_column", options.date_column);
  const auto found = find_column(source, kDateNames);
  // pandas writes an index without a name as an empty first column name.
  const bool unnamed = !found && (source.header()[0].empty() || normalized(source.header()[0]) == "unnamed:_0");
  QTK_CHECK(found || unnamed, ValueError,
            "[reader] {}: none of the columns {} looks like a date (date, datetime, trade_date, ...); set date_column",
            source.path(), header_list(source));
  const size_t column = unnamed ? 0 : *found;
  plan.inferred.push_back(fmt::format("date column {}", shown(source.header()[column])));
  return column;
}

/// Known fields of a long or single file, the price last decided.
void plan_fields(const RowSource& source, const ReadOptions& options, ColumnPlan& plan) {
  const auto taken = [&](size_t column) {
    return column == plan.date || column == plan.instrument ||
           std::any_of(plan.fields.begin(), plan.fields.end(), [&](const auto& f) { return f.second == column; });
  };
  for (const auto& row : kFieldNames) {
    const auto column = find_column(source, row.names);
    if (column && !taken(*column)) plan.fields.emplace_back(row.field, *column);
  }
  const auto add = [&](const char* option, const std::string& name) {
    const size_t column = named_column(source, option, name);
    QTK_CHECK(column != plan.date && column != plan.instrument, ValueError,
              "[reader] {}: {} {} is the date or instrument column, expected a column of numbers", source.path(),
              option, shown(name));
    const auto known =
        std::find_if(plan.fields.begin(), plan.fields.end(), [&](const auto& f) { return f.second == column; });
    if (known != plan.fields.end()) return known->first;
    plan.fields.emplace_back(source.header()[column], column);
    return source.header()[column];
  };
  for (const auto& name : options.extra_columns) add("extra_columns", name);
  if (!options.price_column.empty()) {
    plan.price_field = add("price_column", options.price_column);
    return;
  }
  for (const std::string_view name : {"adjusted", "close", "score"}) {
    const auto known =
        std::find_if(plan.fields.begin(), plan.fields.end(), [&](const auto& f) { return f.first == name; });
    if (known == plan.fields.end() || (name == "score" && options.bad_price != "allow")) continue;
    plan.price_field = known->first;
    plan.inferred.push_back(fmt::format("price column {}{}", shown(source.header()[known->second]),
                                        name == "adjusted" ? " (adjusted before close)" : ""));
    return;
  }
  fail<ValueError>("[reader] {}: none of the columns {} looks like a price (adjusted, close, ...); set price_column",
                   source.path(), header_list(source));
}

void plan_series(const RowSource& source, const ReadOptions& options, ColumnPlan& plan) {
  for (size_t i = 0; i < source.header().size(); ++i) {
    if (i == plan.date) continue;
    QTK_CHECK(!source.header()[i].empty(), ValueError,
              "[reader] {}: column {} has no name, expected an instrument's name", source.path(), i + 1);
    plan.series.emplace_back(source.header()[i], i);
  }
  QTK_CHECK(!plan.series.empty(), ValueError, "[reader] {}: only a date column, expected a column per instrument",
            source.path());
  plan.price_field = options.price_column.empty() ? "close" : options.price_column;
  if (options.price_column.empty()) plan.inferred.push_back("every column is one instrument's price");
}

}  // namespace

std::string_view field_of(std::string_view name) {
  const std::string sought = normalized(name);
  for (const auto& row : kFieldNames) {
    if (!sought.empty() && std::find(row.names.begin(), row.names.end(), sought) != row.names.end()) return row.field;
  }
  return "";
}

ColumnPlan plan_columns(const RowSource& source, const ReadOptions& options) {
  ColumnPlan plan;
  plan.layout = options.layout;
  plan.date = find_date(source, options, plan);
  plan.time_of_day = find_column(source, std::array<std::string_view, 1>{"time"});
  if (plan.time_of_day == plan.date) plan.time_of_day.reset();

  const auto instrument = options.instrument_column.empty()
                              ? find_column(source, kInstrumentNames)
                              : std::optional(named_column(source, "instrument_column", options.instrument_column));
  if (plan.layout == "auto") {
    // A close (not just LOW or OPEN, which are tickers too) makes a row a bar.
    bool bars = false;
    for (const auto& row : kFieldNames) {
      const bool price = row.field == "close" || row.field == "adjusted" || row.field == "score";
      bars = bars || (price && find_column(source, row.names).has_value());
    }
    if (!options.price_column.empty()) {
      bars = bars || std::any_of(source.header().begin(), source.header().end(), [&](const auto& column) {
               return normalized(column) == normalized(options.price_column);
             });
    }
    const bool asked = !options.instrument_column.empty();
    plan.layout = asked || (instrument && bars) ? "long" : bars ? "single" : "wide";
    plan.inferred.push_back(plan.layout == "long"     ? "long: a row per date and instrument"
                            : plan.layout == "single" ? "single: a row per date of one instrument"
                                                      : "wide: a column per instrument");
  }
  if (plan.layout == "long") {
    QTK_CHECK(instrument.has_value(), ValueError,
              "[reader] {}: none of the columns {} looks like an instrument (symbol, ticker, name, ...); set "
              "instrument_column",
              source.path(), header_list(source));
    plan.instrument = instrument;
    if (options.instrument_column.empty()) {
      plan.inferred.push_back(fmt::format("instrument column {}", shown(source.header()[*instrument])));
    }
  }
  if (plan.layout == "wide") {
    plan_series(source, options, plan);
  } else {
    plan_fields(source, options, plan);
  }
  return plan;
}

}  // namespace quantick::market
