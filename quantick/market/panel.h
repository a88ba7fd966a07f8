#pragma once
// Prices of many instruments over many days: dates [T] x instruments [N] x named fields, NaN where nothing is known. Or
// over the bars within many days: then a date comes as often as it has bars, and `seconds` tells them apart.
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quantick/market/date.h"

namespace quantick::market {

inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// Where a panel came from, what was inferred and what is odd about it: a report prints these lines.
struct PriceSource {
  std::string path;
  std::string sha256;  // of the file as it lies on the disk
  std::string layout;  // "long", "single" (one instrument) or "wide"
  std::string date_column;
  std::string instrument_column;  // "" where the layout has none
  std::string price_column;       // the column that is THE price; "" in the wide layout
  std::vector<std::string> inferred;
  std::vector<std::string> warts;
  std::vector<std::pair<std::string, int64_t>> filled;  // cells filled forward, by instrument, where any
};

/// Dates ascend strictly, of intraday bars (date, second) does; instruments and fields have distinct names. A field is
/// one block [T, N], date by date.
struct Panel {
  std::vector<Date> dates;
  std::vector<int32_t> seconds;  // of the day, by date; empty where a date has one bar
  std::vector<std::string> instruments;
  std::vector<std::string> field_names;
  std::vector<std::vector<double>> values;  // by field, [T * N]
  std::string price_field;                  // the field that is THE price, e.g. "adjusted" or "close"
  PriceSource source;

  int64_t date_count() const { return static_cast<int64_t>(dates.size()); }
  int64_t instrument_count() const { return static_cast<int64_t>(instruments.size()); }
  bool intraday() const { return !seconds.empty(); }
  /// Positions at which the days begin, and date_count(). Without intraday bars every date is a day.
  std::vector<int64_t> day_begins() const;

  /// True for a field's name, and for "price", which stands for price_field.
  bool has(std::string_view field) const;
  /// Values [T, N] of a field or of "price". Throws ValueError that names the nearest field.
  std::span<const double> field(std::string_view name) const;
  /// One value; `date` and `instrument` are positions.
  double at(std::string_view field, int64_t date, int64_t instrument) const;
  /// Position of an instrument. Throws ValueError that names the nearest one.
  int64_t instrument_index(std::string_view name) const;
  /// Position of the first date on or after `date` (date_count() where none is).
  int64_t lower_bound(Date date) const;
  /// Adds a field of T * N values. Throws ShapeError or ValueError (a name used before).
  void add_field(std::string name, std::vector<double> field_values);
  /// The bars at positions [begin, end).
  Panel slice(int64_t begin, int64_t end) const;
  /// The instruments at these positions, in that order.
  Panel select(std::span<const int64_t> positions) const;
};

/// What is odd about the prices, one line each: missing cells, instruments that enter or leave, high and low that do
/// not enclose open and close, zero-return share, moves above 50 % in a day, prices that stand still to the end of the
/// data
//// (a delisting padded with the last price). Empty for clean data.
std::vector<std::string> find_warts(const Panel& panel);

}  // namespace quantick::market
