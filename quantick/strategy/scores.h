#pragma once
// Scores: a number per date and instrument, larger is better, from any model or from a file.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "quantick/market/date.h"
#include "quantick/market/row_source.h"

namespace quantick::strategy {

/// Dates ascend strictly, instruments are distinct; values [T, N] date by date, NaN where there is none. Prices, labels
/// and positions travel in this form too.
struct ScoreMatrix {
  std::vector<market::Date> dates;
  std::vector<std::string> instruments;
  std::vector<double> values;

  int64_t date_count() const { return static_cast<int64_t>(dates.size()); }
  int64_t instrument_count() const { return static_cast<int64_t>(instruments.size()); }
  std::span<const double> row(int64_t date) const {
    return std::span(values).subspan(static_cast<size_t>(date) * instruments.size(), instruments.size());
  }
  std::span<double> row(int64_t date) {
    return std::span(values).subspan(static_cast<size_t>(date) * instruments.size(), instruments.size());
  }

  /// Throws ShapeError or ValueError that names what is wrong (sizes, order of dates, names, infinities). `what` names
  /// the matrix in the message.
  void check(std::string_view what = "scores") const;
  /// The positions of `names`, in that order. Throws ValueError for a name that is not here, with the nearest one.
  std::vector<int64_t> positions_of(std::span<const std::string> names) const;
  /// Dates [begin, end) by position.
  ScoreMatrix slice(int64_t begin, int64_t end) const;
};

/// Reads a CSV, plain or gzip. Long: a date column, an instrument column and `score` (or the only other column). Wide:
/// a date column and a column per instrument. Empty cells and NaN are "no score". Dates must ascend (long: within
/// each instrument, so that rows may stand by date or by instrument). Throws IoError, FormatError, ParseError with
/// file, line and column.
ScoreMatrix read_scores(const std::string& path);
/// Columns of a table of scores; where empty, the usual names in any case.
struct ScoreColumns {
  std::string date, instrument, score;
};
/// The date column of a table of scores: the one named, else one of a usual name, else the first.
size_t date_column_of(const market::RowSource& source, const ScoreColumns& columns);
/// The same of any table. Throws ValueError for a name in `columns` that the table lacks.
ScoreMatrix read_scores(market::RowSource& source, const ScoreColumns& columns = {});

/// Writes the wide form with 17 significant digits, so that reading it back gives the same bits.
void write_scores(const std::string& path, const ScoreMatrix& scores);

}  // namespace quantick::strategy
