#pragma once
// Reads a price file, long or wide, plain or gzip. What is not said is inferred and written into Panel::source.
//
// Layouts: "long" has a row per date and instrument, "single" a row per date of one instrument (named after the file),
// "wide" a column per instrument. The usual column names are known in any case ("Adj Close" is `adjusted`).
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/market/panel.h"

namespace quantick::market {

struct ReadOptions {
  std::string layout = "auto";
  std::string bars = "day";
  std::string date_column;
  std::string instrument_column;
  std::string price_column;
  std::vector<std::string> extra_columns;
  std::vector<std::string> instruments;
  std::string start;
  std::string end;
  std::string missing = "keep";
  int64_t fill_limit = 5;
  std::string bad_price = "error";
  std::string duplicate = "error";
  std::string unsorted = "error";
  std::string empty_column = "error";
  std::string calendar = "auto";

  static constexpr auto fields() {
    using O = ReadOptions;
    return std::make_tuple(
        field("layout", &O::layout, "auto, long, single or wide"),
        field("bars", &O::bars,
              "day: one row per date; intraday: the column \"time\", or the time behind the date, tells the bars of a "
              "date apart"),
        field("date_column", &O::date_column, "column that holds the date; inferred where empty"),
        field("instrument_column", &O::instrument_column,
              "column that holds the instrument's name; inferred where empty"),
        field("price_column", &O::price_column,
              "column that is THE price; where empty: adjusted, else close; of a wide file: the field's name"),
        field("extra_columns", &O::extra_columns, "further numeric columns of a long file to read as fields"),
        field("instruments", &O::instruments, "the instruments to keep; all where empty"),
        field("start", &O::start, "first date to keep"), field("end", &O::end, "last date to keep"),
        field(
            "missing", &O::missing,
            "keep: leave gaps; error: refuse a gap within an instrument's life; drop_instrument: leave out instruments "
            "with such a gap (looks at the whole file); forward_fill: repeat the last price for at most fill_limit "
            "bars"),
        field("fill_limit", &O::fill_limit, "most bars in a row that forward_fill fills, 1 or more"),
        field("bad_price", &O::bad_price,
              "zero or negative prices: error, missing (treat as an empty cell) or allow (the values are not prices)"),
        field("duplicate", &O::duplicate, "a date and instrument that come twice: error, first or last"),
        field("unsorted", &O::unsorted, "dates that do not ascend: error or sort"),
        field("empty_column", &O::empty_column, "a column or instrument without any number: error or drop"),
        field(
            "calendar", &O::calendar,
            "trading days to compare the dates with: auto (none), nyse, weekdays or every_day; sessions that the file "
            "lacks and dates on closed days are noted among what is odd about the file, no date is added or left "
            "out"));
  }
};

/// Throws IoError, FormatError (see csv.h), ParseError (a cell, with file, line, column, value and what was expected)
/// and ValueError (an option). Instruments of a long file are sorted by name, those of a wide file keep the file's
/// order.
Panel read_panel(const std::string& path, const ReadOptions& options = {});

}  // namespace quantick::market
