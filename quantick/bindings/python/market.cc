// Prices, calendars and scores.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <tuple>

#include "quantick/bindings/python/data.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/market/calendar.h"
#include "quantick/market/panel.h"
#include "quantick/market/reader.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using market::Calendar;
using market::Date;
using market::Panel;

constexpr const char* kBetweenText =
    "The dates from..to, both included: texts such as 2020-01-02, datetime.date, pandas.Timestamp, numpy.datetime64.";

std::vector<size_t> extents(const Panel& panel) { return {panel.dates.size(), panel.instruments.size()}; }

nb::object values_of(nb::handle self, const std::string& field) {
  const Panel& panel = nb::cast<const Panel&>(self);
  return view_of(panel.field(field), extents(panel), self);
}

nb::dict source_of(const Panel& panel) {
  const market::PriceSource& source = panel.source;
  nb::dict out;
  out["path"] = source.path;
  out["sha256"] = source.sha256;
  out["layout"] = source.layout;
  out["date_column"] = source.date_column;
  out["instrument_column"] = source.instrument_column;
  out["price_column"] = source.price_column;
  out["inferred"] = source.inferred;
  out["warts"] = source.warts;
  out["filled"] = source.filled;
  return out;
}

Panel make_panel(const WholeNumbers& days, std::vector<std::string> instruments, const nb::dict& fields,
                 const std::string& price) {
  Panel panel;
  panel.dates = dates_of(days);
  panel.instruments = std::move(instruments);
  // The form that backtest and report take for granted.
  strategy::ScoreMatrix form{panel.dates, panel.instruments, {}};
  for (auto [name, value] : fields) {
    const auto numbers = nb::cast<Numbers>(value);
    form.values.assign(numbers.data(), numbers.data() + numbers.size());
    form.check(nb::cast<std::string>(name));
    panel.add_field(nb::cast<std::string>(name), std::move(form.values));
  }
  panel.price_field = price;
  panel.field("price");
  panel.source.layout = "wide";
  return panel;
}

std::vector<int64_t> days_of(const std::vector<Date>& dates) {
  std::vector<int64_t> days;
  for (const Date date : dates) days.push_back(date.days);
  return days;
}

// Pickles: plain values and arrays.
using PanelSource =
    std::tuple<std::string, std::string, std::string, std::string, std::string, std::string, std::vector<std::string>,
               std::vector<std::string>, std::vector<std::pair<std::string, int64_t>>>;
using PanelState = std::tuple<nb::object, std::vector<int32_t>, std::vector<std::string>, std::vector<std::string>,
                              nb::list, std::string, PanelSource>;

PanelState state_of(const Panel& p) {
  nb::list blocks;
  for (const auto& block : p.values) blocks.append(moved_array(std::vector<double>(block)));
  const auto& s = p.source;
  return {
      moved_array(days_of(p.dates)),
      p.seconds,
      p.instruments,
      p.field_names,
      blocks,
      p.price_field,
      {s.path, s.sha256, s.layout, s.date_column, s.instrument_column, s.price_column, s.inferred, s.warts, s.filled}};
}

void set_state(Panel* self, const PanelState& state) {
  Panel p;
  p.dates = dates_of(nb::cast<WholeNumbers>(std::get<0>(state)));
  p.seconds = std::get<1>(state);
  QTK_CHECK(p.seconds.empty() || p.seconds.size() == p.dates.size(), ShapeError,
            "[panel] seconds, were {}, expected one per bar, {}", p.seconds.size(), p.dates.size());
  p.instruments = std::get<2>(state);
  const auto& names = std::get<3>(state);
  for (size_t f = 0; f < names.size(); ++f) {
    const auto block = nb::cast<Numbers>(std::get<4>(state)[f]);
    p.add_field(names[f], {block.data(), block.data() + block.size()});
  }
  p.price_field = std::get<5>(state);
  auto& s = p.source;
  std::tie(s.path, s.sha256, s.layout, s.date_column, s.instrument_column, s.price_column, s.inferred, s.warts,
           s.filled) = std::get<6>(state);
  new (self) Panel(std::move(p));
}

void bind_panel(nb::module_& m) {
  nb::class_<Panel>(m, "Panel",
                    "Prices of many instruments: dates [T] x instruments [N], a block of values for each field, NaN "
                    "where nothing is known. panel[\"close\"] is a block, panel[\"price\"] the one that is THE price.")
      .def(
          "__init__",
          [](Panel* self, const WholeNumbers& days, std::vector<std::string> instruments, const nb::dict& fields,
             const std::string& price) { new (self) Panel(make_panel(days, std::move(instruments), fields, price)); },
          "days"_a, "instruments"_a, "fields"_a, "price"_a,
          nb::sig("def __init__(self, days: typing.Any, instruments: typing.Sequence[str], fields: dict[str, "
                  "typing.Any], price: str) -> None"))
      .def_prop_ro(
          "dates", [](const Panel& p) { return array_of_dates(p.dates); }, nb::sig("def dates(self) -> numpy.ndarray"),
          "datetime64[D], ascending. [T]")
      .def_prop_ro(
          "seconds",
          [](nb::handle self) -> nb::object {
            const Panel& p = nb::cast<const Panel&>(self);
            if (!p.intraday()) return nb::none();
            return view_of(std::span(p.seconds), {p.seconds.size()}, self);
          },
          nb::sig("def seconds(self) -> numpy.ndarray | None"),
          "Of the day, where a date has several bars, else None. [T]")
      .def_ro("instruments", &Panel::instruments)
      .def_ro("fields", &Panel::field_names)
      .def_ro("price_field", &Panel::price_field, "The field that is THE price: \"adjusted\", \"close\", ...")
      .def_prop_ro("source", &source_of, nb::sig("def source(self) -> dict[str, typing.Any]"),
                   "Where it came from: path, sha256, layout, columns, what was inferred, and what is odd (warts).")
      .def_prop_ro(
          "shape", [](const Panel& p) { return std::pair(p.date_count(), p.instrument_count()); }, "(T, N).")
      .def("values", &values_of, "field"_a = "price",
           nb::sig("def values(self, field: str = 'price') -> numpy.ndarray"),
           "A field's values [T, N], read-only: the panel's own memory. Raises ValueError with the nearest name.")
      .def("__getitem__", &values_of, "field"_a, nb::sig("def __getitem__(self, field: str, /) -> numpy.ndarray"))
      .def(
          "__contains__", [](const Panel& p, const std::string& field) { return p.has(field); }, "field"_a)
      .def("__len__", &Panel::date_count)
      .def(
          "select",
          [](const Panel& p, nb::handle names) {
            std::vector<int64_t> positions;
            for (const auto& name : names_of(names, "Panel.select", "instruments"))
              positions.push_back(p.instrument_index(name));
            return p.select(positions);
          },
          "instruments"_a, nb::sig("def select(self, instruments: str | typing.Sequence[str]) -> Panel"),
          "These instruments, in this order.")
      .def(
          "between",
          [](const Panel& p, nb::handle from, nb::handle to) {
            return p.slice(p.lower_bound(date_of(from, "Panel.between", "from_date")),
                           p.lower_bound(date_of(to, "Panel.between", "to_date").plus(1)));
          },
          "from_date"_a, "to_date"_a, nb::sig("def between(self, from_date: typing.Any, to_date: typing.Any) -> Panel"),
          kBetweenText)
      .def("__getstate__", &state_of, nb::sig("def __getstate__(self) -> typing.Any"))
      .def("__setstate__", &set_state, nb::sig("def __setstate__(self, state: typing.Any, /) -> None"))
      .def("to_frame", &frame_of, nb::sig("def to_frame(self) -> typing.Any"),
           "A pandas.DataFrame by (date, instrument), a column per field; frames.to_pandas() gives the wide form, too.")
      .def("__repr__", [](const Panel& p) {
        if (p.dates.empty()) return std::string("Panel without dates");
        return fmt::format("Panel of {} dates {} to {}, {} instruments, fields {} (price: {})", p.date_count(),
                           p.dates.front().to_string(), p.dates.back().to_string(), p.instrument_count(),
                           fmt::join(p.field_names, ", "), p.price_field);
      });
  m.def(
      "read_panel",
      [](const std::string& path, const nb::dict& options) {
        const auto read = from_keywords<market::ReadOptions>(options, "market.read_csv");
        const Unlocked released;
        return market::read_panel(path, read);
      },
      "path"_a, "options"_a, nb::sig("def read_panel(path: str, options: dict[str, typing.Any]) -> Panel"));
  m.def(
      "read_options", [] { return python_value(market::ReadOptions{}); },
      nb::sig("def read_options() -> dict[str, typing.Any]"));
}

void bind_calendar(nb::module_& m) {
  nb::class_<Calendar>(
      m, "Calendar",
      "Trading days and hours of an exchange. Dates are taken as Panel.between() takes them. Raises ValueError "
      "outside first..last.")
      .def_static("named", &Calendar::named, "name"_a, "nyse, weekdays or every_day.")
      .def_static("of_panel", &Calendar::from_panel, "panel"_a, "The days of the data and no others.")
      .def_prop_ro("name", &Calendar::name)
      .def_prop_ro("time_zone", &Calendar::time_zone)
      .def_prop_ro("first", [](const Calendar& c) { return c.first().to_string(); })
      .def_prop_ro("last", [](const Calendar& c) { return c.last().to_string(); })
      .def(
          "is_session",
          [](const Calendar& c, nb::handle d) { return c.is_session(date_of(d, "Calendar.is_session", "date")); },
          "date"_a, nb::sig("def is_session(self, date: typing.Any) -> bool"))
      .def(
          "is_half_day",
          [](const Calendar& c, nb::handle d) { return c.is_half_day(date_of(d, "Calendar.is_half_day", "date")); },
          "date"_a, nb::sig("def is_half_day(self, date: typing.Any) -> bool"))
      .def(
          "next",
          [](const Calendar& c, nb::handle d) { return c.next(date_of(d, "Calendar.next", "date")).to_string(); },
          "date"_a, nb::sig("def next(self, date: typing.Any) -> str"))
      .def(
          "previous",
          [](const Calendar& c, nb::handle d) {
            return c.previous(date_of(d, "Calendar.previous", "date")).to_string();
          },
          "date"_a, nb::sig("def previous(self, date: typing.Any) -> str"))
      .def(
          "hours",
          [](const Calendar& c, nb::handle d) {
            std::vector<std::pair<int32_t, int32_t>> out;
            for (const auto& interval : c.hours(date_of(d, "Calendar.hours", "date")))
              out.emplace_back(interval.open, interval.close);
            return out;
          },
          "date"_a, nb::sig("def hours(self, date: typing.Any) -> list[tuple[int, int]]"),
          "(open, close) in minutes since midnight of the trading day; below 0: the evening before.")
      .def(
          "sessions",
          [](const Calendar& c, nb::handle from, nb::handle to) {
            return array_of_dates(c.sessions(date_of(from, "Calendar.sessions", "from_date"),
                                             date_of(to, "Calendar.sessions", "to_date")));
          },
          "from_date"_a, "to_date"_a,
          nb::sig("def sessions(self, from_date: typing.Any, to_date: typing.Any) -> numpy.ndarray"),
          "datetime64[D], both ends included.");
}

}  // namespace

void bind_market(nb::module_& m) {
  bind_panel(m);
  bind_calendar(m);
}

void bind_scores(nb::module_& m) {
  using strategy::ScoreMatrix;
  nb::class_<ScoreMatrix>(m, "ScoreMatrix",
                          "A number per date and instrument, larger is better, NaN where there is none. Labels and "
                          "other tables of numbers travel in this form too.")
      .def(
          "__init__",
          [](ScoreMatrix* self, const WholeNumbers& days, std::vector<std::string> instruments, const Numbers& values) {
            ScoreMatrix made{dates_of(days), std::move(instruments), {values.data(), values.data() + values.size()}};
            made.check();
            new (self) ScoreMatrix(std::move(made));
          },
          "days"_a, "instruments"_a, "values"_a,
          nb::sig("def __init__(self, days: typing.Any, instruments: typing.Sequence[str], values: typing.Any) -> "
                  "None"))
      .def_prop_ro(
          "dates", [](const ScoreMatrix& s) { return array_of_dates(s.dates); },
          nb::sig("def dates(self) -> numpy.ndarray"), "datetime64[D], ascending. [T]")
      .def_ro("instruments", &ScoreMatrix::instruments)
      .def_prop_ro(
          "values",
          [](nb::handle self) {
            const auto& s = nb::cast<const ScoreMatrix&>(self);
            return view_of(std::span(s.values), {s.dates.size(), s.instruments.size()}, self);
          },
          nb::sig("def values(self) -> numpy.ndarray"), "[T, N], read-only: the matrix' own memory.")
      .def_prop_ro("shape", [](const ScoreMatrix& s) { return std::pair(s.date_count(), s.instrument_count()); })
      .def("__len__", &ScoreMatrix::date_count)
      .def(
          "between",
          [](const ScoreMatrix& s, nb::handle from, nb::handle to) {
            const Date first = date_of(from, "ScoreMatrix.between", "from_date");
            const Date last = date_of(to, "ScoreMatrix.between", "to_date");
            const auto begin = std::lower_bound(s.dates.begin(), s.dates.end(), first) - s.dates.begin();
            const auto end = std::upper_bound(s.dates.begin(), s.dates.end(), last) - s.dates.begin();
            return s.slice(begin, std::max(begin, end));
          },
          "from_date"_a, "to_date"_a,
          nb::sig("def between(self, from_date: typing.Any, to_date: typing.Any) -> ScoreMatrix"), kBetweenText)
      .def(
          "select",
          [](const ScoreMatrix& s, nb::handle names) {
            const auto wanted = names_of(names, "ScoreMatrix.select", "instruments");
            const auto positions = s.positions_of(wanted);
            ScoreMatrix out{s.dates, wanted, {}};
            for (int64_t t = 0; t < s.date_count(); ++t)
              for (const int64_t i : positions) out.values.push_back(s.row(t)[static_cast<size_t>(i)]);
            out.check();
            return out;
          },
          "instruments"_a, nb::sig("def select(self, instruments: str | typing.Sequence[str]) -> ScoreMatrix"),
          "These instruments, in this order.")
      .def(
          "write_csv", [](const ScoreMatrix& s, const std::string& path) { strategy::write_scores(path, s); }, "path"_a,
          "Wide, with as many digits as reading it back exactly takes.")
      .def(
          "__reduce__",
          [](const ScoreMatrix& s) {
            return nb::make_tuple(nb::type<ScoreMatrix>(), nb::make_tuple(moved_array(days_of(s.dates)), s.instruments,
                                                                          moved_array(std::vector<double>(s.values))));
          },
          nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"))
      .def("to_frame", &frame_of, nb::sig("def to_frame(self) -> typing.Any"),
           "A pandas.DataFrame by date, a column per instrument.")
      .def("__repr__", [](const ScoreMatrix& s) {
        return fmt::format("ScoreMatrix of {} dates {} to {}, {} instruments", s.date_count(),
                           s.dates.empty() ? "" : s.dates.front().to_string(),
                           s.dates.empty() ? "" : s.dates.back().to_string(), s.instrument_count());
      });
  m.def(
      "read_scores", [](const std::string& path) { return strategy::read_scores(path); }, "path"_a);
}

}  // namespace quantick::python
