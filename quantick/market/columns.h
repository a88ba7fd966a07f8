#pragma once
// Which column is what: inference for reader.h.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quantick::market {

struct ReadOptions;
class RowSource;

/// What the columns of a file are. Column numbers count from 0.
struct ColumnPlan {
  std::string layout;  // "long", "single" or "wide"
  size_t date = 0;
  std::optional<size_t> instrument;                    // long only
  std::optional<size_t> time_of_day;                   // a column that hints at bars within a day
  std::vector<std::pair<std::string, size_t>> fields;  // long and single: canonical name, column
  std::vector<std::pair<std::string, size_t>> series;  // wide: instrument, column
  std::string price_field;                             // canonical name
  std::vector<std::string> inferred;                   // one line per decision that no option made
};

/// The field that a column of this name holds ("Adj Close" is `adjusted`), in any case; "" where the name is none of
/// the usual ones.
std::string_view field_of(std::string_view name);

/// Decides from the header and the options.
/// Throws ValueError that names the option to set and the nearest column.
ColumnPlan plan_columns(const RowSource& source, const ReadOptions& options);

}  // namespace quantick::market
