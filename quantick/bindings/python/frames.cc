// Frames as tables of prices and scores: the readers of the market room over Arrow columns.
#include <nanobind/stl/function.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <unordered_map>

#include "quantick/bindings/python/data.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/market/columns.h"
#include "quantick/market/reader.h"
#include "quantick/market/row_source.h"
#include "quantick/market/text.h"
#include "quantick/tensor/arrow.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

constexpr int64_t kSecondsPerDay = 86400;

/// Offsets of a zone's clock from UTC: from starts[i] on, in seconds since 1970-01-01 UTC, offsets[i] seconds.
using ZoneOffsets = std::pair<std::vector<int64_t>, std::vector<int64_t>>;
/// Of the zone asked for, over [first, last]. Takes Python's lock by itself.
using ZoneLookup = std::function<ZoneOffsets(int64_t first, int64_t last)>;

struct FrameOptions {
  std::string name = "frame";
  std::string time_zone;
  bool sorted = false;

  static constexpr auto fields() {
    using O = FrameOptions;
    return std::make_tuple(
        field("name", &O::name, "of the frame in messages, and of its instrument where it has one alone"),
        field("time_zone", &O::time_zone,
              "the exchange's, such as America/New_York: turns instants (timestamps with a time zone) into its dates"),
        field("sorted", &O::sorted, "rows are taken in the order of their dates"));
  }
};

/// A column, decoded when it is first asked for.
struct Cells {
  Array numbers;
  const double* doubles = nullptr;  // of numbers, where they are float64
  TextCodes texts;
  std::vector<int64_t> seconds;  // by the exchange's clock
  bool below_second = false;
  bool ready = false;
};

class FrameRows final : public market::RowSource {
 public:
  FrameRows(const ArrowTable& table, FrameOptions options, ZoneLookup zone)
      : table_(table), options_(std::move(options)), zone_(std::move(zone)), header_(table.names()) {
    QTK_CHECK(!header_.empty(), ValueError, "[frame] {}: no column, expected dates and values", options_.name);
    QTK_CHECK(table.rows() > 0, ValueError, "[frame] {}: no row, expected values", options_.name);
    cells_.resize(header_.size());
    order_.resize(static_cast<size_t>(table.rows()));
    std::iota(order_.begin(), order_.end(), 0);
  }

  /// Rows in the order of their dates; those of one date stay as they stand.
  void sort_by(size_t column) {
    std::vector<std::pair<market::Date, int32_t>> moments;
    for (row_ = 0; row_ < table_.rows(); ++row_) {
      const auto day = date(column);
      QTK_CHECK(day.has_value(), ParseError, "[frame] {}: was {}, expected {}", where(column),
                market::shown(text(column)), market::kDateForms);
      moments.emplace_back(*day, time_of_day(column).value_or(0));
    }
    std::stable_sort(order_.begin(), order_.end(), [&](int64_t a, int64_t b) {
      return moments[static_cast<size_t>(a)] < moments[static_cast<size_t>(b)];
    });
    row_ = 0;
  }

  const std::string& path() const override { return options_.name; }
  const std::vector<std::string>& header() const override { return header_; }
  std::string sha256() const override { return ""; }
  bool next() override {
    if (next_ == order_.size()) return false;
    row_ = order_[next_++];
    return true;
  }
  int64_t line() const override { return row_; }
  std::string line_name(int64_t line) const override { return fmt::format("row {}", line); }
  std::string place(int64_t line) const override { return fmt::format("{}, row {}", options_.name, line); }
  std::string where(size_t column) const override {
    return fmt::format("{}: column {}", place(row_), market::shown(header_[column]));
  }

  std::string_view text(size_t column) override {
    const Cells& cells = decoded(column);
    const auto row = static_cast<size_t>(row_);
    switch (kind(column)) {
      case ColumnKind::text: {
        const int32_t code = cells.texts.codes[row];
        return code < 0 ? std::string_view() : std::string_view(cells.texts.names[static_cast<size_t>(code)]);
      }
      case ColumnKind::time_of_day:
        shown_ = market::time_text(static_cast<int32_t>(cells.seconds[row]));
        return shown_;
      case ColumnKind::date:
      case ColumnKind::timestamp: {
        const market::Date day = *date(column);
        const auto second = static_cast<int32_t>(cells.seconds[row] - day.days * kSecondsPerDay);
        shown_ = second == 0 ? day.to_string() : day.to_string() + " " + market::time_text(second);
        return shown_;
      }
      default:
        shown_ = visit_dtype(cells.numbers.dtype(), [&](auto zero) {
          const auto value = cells.numbers.template data<decltype(zero)>()[row];
          return std::isnan(static_cast<double>(value)) ? std::string() : fmt::format("{}", value);
        });
        return shown_;
    }
  }

  std::optional<market::Date> date(size_t column) override {
    const Cells& cells = decoded(column);
    if (cells.seconds.empty() || kind(column) == ColumnKind::time_of_day) return market::Date::try_parse(text(column));
    const int64_t second = cells.seconds[static_cast<size_t>(row_)];
    const int64_t day = second >= 0 ? second / kSecondsPerDay : (second + 1) / kSecondsPerDay - 1;
    QTK_CHECK(std::in_range<int32_t>(day), ValueError, "[frame] {}: {} seconds from 1970-01-01, expected a real date",
              where(column), second);
    return market::Date{static_cast<int32_t>(day)};
  }

  std::optional<int32_t> time_of_day(size_t column) override {
    const Cells& cells = decoded(column);
    if (!cells.seconds.empty()) {
      QTK_CHECK(!cells.below_second, ValueError,
                "[frame] {}: column {} has parts of a second, expected bars that begin at whole ones", options_.name,
                market::shown(header_[column]));
      const int64_t midnight = kind(column) == ColumnKind::time_of_day ? 0 : date(column)->days * kSecondsPerDay;
      return static_cast<int32_t>(cells.seconds[static_cast<size_t>(row_)] - midnight);
    }
    const std::string_view cell = text(column);
    if (const auto time = market::try_parse_time(cell)) return time;
    const size_t behind = cell.find_first_of(" T");
    return behind == std::string_view::npos ? std::nullopt : market::try_parse_time(cell.substr(behind + 1));
  }

  double number(size_t column) override {
    const ColumnKind kind = this->kind(column);
    if (kind != ColumnKind::number && kind != ColumnKind::boolean && kind != ColumnKind::empty) {
      const auto& type = table_.columns()[column].type_name();
      const std::string value =
          kind == ColumnKind::other ? std::string() : fmt::format("was {}, ", market::shown(text(column)));
      fail<TypeError>("[frame] {}: {}of type {}, expected numbers", where(column), value, type);
    }
    const Cells& cells = decoded(column);
    const auto row = static_cast<size_t>(row_);
    const double value =
        cells.doubles != nullptr ? cells.doubles[row] : visit_dtype(cells.numbers.dtype(), [&](auto z) {
          return static_cast<double>(cells.numbers.template data<decltype(z)>()[row]);
        });
    QTK_CHECK(!std::isinf(value), ParseError, "[frame] {}: was {}, expected a finite number or NaN", where(column),
              value);
    return value;
  }

 private:
  ColumnKind kind(size_t column) const { return table_.columns()[column].kind(); }

  const Cells& decoded(size_t column) {
    Cells& cells = cells_[column];
    if (cells.ready) return cells;
    const ArrowColumn& source = table_.columns()[column];
    QTK_CHECK(source.kind() != ColumnKind::other, TypeError,
              "[frame] {}: column {}, was {}, expected text, whole numbers or dates", options_.name,
              market::shown(source.name()), source.type_name());
    if (source.kind() == ColumnKind::text) {
      cells.texts = source.texts();
    } else if (source.kind() == ColumnKind::date || source.kind() == ColumnKind::timestamp ||
               source.kind() == ColumnKind::time_of_day) {
      decode_times(source, cells);
    } else {
      cells.numbers = source.values_with_gaps();
      if (cells.numbers.dtype() == DType::f64) cells.doubles = cells.numbers.data<double>();
    }
    cells.ready = true;
    return cells;
  }

  void decode_times(const ArrowColumn& source, Cells& cells) {
    ColumnTimes times = source.times();
    cells.below_second = times.first_below_second.has_value();
    cells.seconds = std::move(times.seconds);
    if (source.kind() == ColumnKind::time_of_day) return;
    if (source.time_zone().empty()) {
      QTK_CHECK(options_.time_zone.empty(), ValueError,
                "[frame] {}: column {} ({}) has no time zone, so its dates are the exchange's own: leave time_zone out",
                options_.name, market::shown(source.name()), source.type_name());
      return;
    }
    QTK_CHECK(!options_.time_zone.empty(), ValueError,
              "[frame] {}: column {} ({}) tells instants, and which date they are is the exchange's business: set "
              "time_zone, such as \"America/New_York\"",
              options_.name, market::shown(source.name()), source.type_name());
    const auto [first, last] = std::minmax_element(cells.seconds.begin(), cells.seconds.end());
    const auto [starts, offsets] = zone_(*first, *last);
    QTK_ASSERT(!starts.empty() && starts.size() == offsets.size() && starts.front() <= *first);
    for (int64_t& second : cells.seconds) {
      const auto after = std::upper_bound(starts.begin(), starts.end(), second);
      second += offsets[static_cast<size_t>(after - starts.begin()) - 1];
    }
  }

  const ArrowTable& table_;
  FrameOptions options_;
  ZoneLookup zone_;
  std::vector<std::string> header_;
  std::vector<Cells> cells_;
  std::vector<int64_t> order_;
  size_t next_ = 0;
  int64_t row_ = 0;
  std::string shown_;
};

market::Panel read_prices_of(const ArrowTable& table, const nb::dict& frame, const nb::dict& options,
                             const ZoneLookup& zone) {
  const auto read = from_keywords<market::ReadOptions>(options, "frames.read");
  FrameRows rows(table, from_keywords<FrameOptions>(frame, "frames.read"), zone);
  const Unlocked released;
  return market::read_panel(rows, read);
}

strategy::ScoreMatrix read_scores_of(const ArrowTable& table, const nb::dict& frame,
                                     const strategy::ScoreColumns& columns, const ZoneLookup& zone) {
  const auto options = from_keywords<FrameOptions>(frame, "frames.read_scores");
  FrameRows rows(table, options, zone);
  const Unlocked released;
  if (options.sorted) rows.sort_by(strategy::date_column_of(rows, columns));
  return strategy::read_scores(rows, columns);
}

}  // namespace

void bind_frames(nb::module_& m) {
  m.def(
      "field_of", [](const std::string& name) { return std::string(market::field_of(name)); }, "name"_a,
      "The field of prices that a column of this name holds, \"\" for none of the usual names.");
  m.def("read_panel_of", &read_prices_of, "table"_a, "frame"_a, "options"_a, "zone"_a,
        nb::sig("def read_panel_of(table: Table, frame: dict[str, typing.Any], options: dict[str, typing.Any], zone: "
                "typing.Any) -> Panel"));
  m.def(
      "read_scores_of",
      [](const ArrowTable& table, const nb::dict& frame, std::string date, std::string instrument, std::string score,
         const ZoneLookup& zone) {
        return read_scores_of(table, frame, {std::move(date), std::move(instrument), std::move(score)}, zone);
      },
      "table"_a, "frame"_a, "date_column"_a, "instrument_column"_a, "score_column"_a, "zone"_a,
      nb::sig(
          "def read_scores_of(table: Table, frame: dict[str, typing.Any], date_column: str, instrument_column: str, "
          "score_column: str, zone: typing.Any) -> ScoreMatrix"));
}

}  // namespace quantick::python
