#pragma once
// A table as the readers of prices and scores see it, row by row, whatever it lies in: a CSV file (csv.h), or the frame
// of another library (bindings). Columns count from 0.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/market/date.h"

namespace quantick::market {

/// Not thread-safe.
class RowSource {
 public:
  virtual ~RowSource() = default;
  /// The file, or another name for messages.
  virtual const std::string& path() const = 0;
  /// Column names.
  virtual const std::vector<std::string>& header() const = 0;
  /// SHA-256 of the file as it lies on the disk; "" of what is no file.
  virtual std::string sha256() const = 0;

  /// Moves to the next row; false at the end.
  virtual bool next() = 0;
  /// Line of a file (from 1), or row of a frame (from 0).
  virtual int64_t line() const = 0;
  /// "line 3", or "row 3".
  virtual std::string line_name(int64_t line) const = 0;
  /// `path:3`, or `path, row 3`.
  virtual std::string place(int64_t line) const = 0;
  /// The place of a cell of the current row, with the column's name: the beginning of every message about it.
  virtual std::string where(size_t column) const = 0;

  // Cells of the current row.
  /// As text, for names and messages; stands until the next call.
  virtual std::string_view text(size_t column) = 0;
  /// Nothing for what is no date; a time of day behind it is dropped.
  virtual std::optional<Date> date(size_t column) = 0;
  /// Seconds since midnight: the cell itself, or what stands behind its date. Nothing where there is no time.
  virtual std::optional<int32_t> time_of_day(size_t column) = 0;
  /// NaN where it is missing. Throws ParseError or TypeError that names the place for what is no finite number.
  virtual double number(size_t column) = 0;
};

struct Panel;
struct ReadOptions;

/// read_panel() of reader.h for any table.
Panel read_panel(RowSource& source, const ReadOptions& options);

}  // namespace quantick::market
