#pragma once
// CSV, plain or gzip (told apart by the first bytes), one record at a time, so memory does not grow with the file.
// Takes: quotes by RFC 4180, LF, CRLF, a UTF-8 byte order mark, blanks around cells, blank lines, and ',' ';' or tab
// between cells (whichever the header holds most of).
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/market/row_source.h"

namespace quantick::market {

/// Not thread-safe. Throws IoError (no such file), FormatError (gzip truncated or altered, UTF-16, NUL bytes) and
/// ParseError (no header, two columns of one name, a record with more or fewer cells than the header).
class CsvReader final : public RowSource {
 public:
  explicit CsvReader(const std::string& path);
  ~CsvReader() override;
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  const std::string& path() const override;
  /// Column names, trimmed.
  const std::vector<std::string>& header() const override;
  /// SHA-256 of the file as it lies on the disk.
  std::string sha256() const override;

  /// Moves to the next record; false at the end. The cells stay valid until the next call.
  bool next() override;
  std::span<const std::string_view> cells() const;
  /// Line (from 1) on which the current record begins.
  int64_t line() const override;
  std::string line_name(int64_t line) const override;
  std::string place(int64_t line) const override;

  /// `path:line: column "name"`, the beginning of every message about a cell.
  std::string where(size_t column) const override;

  std::string_view text(size_t column) override { return cells()[column]; }
  std::optional<Date> date(size_t column) override;
  std::optional<int32_t> time_of_day(size_t column) override;
  /// parse_number().
  double number(size_t column) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A cell as a number; NaN for an empty cell and for NaN, NA, N/A, #N/A, null, None (any case). Throws ParseError that
/// names the place for text, infinities and numbers beyond double.
double parse_number(const CsvReader& csv, size_t column);

}  // namespace quantick::market
