#include "quantick/bindings/python/data.h"

#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/module.h"

namespace nb = nanobind;

namespace quantick::python {

nb::object array_of_dates(std::span<const market::Date> dates) {
  std::vector<int64_t> days;
  for (const market::Date date : dates) days.push_back(date.days);
  return moved_array(std::move(days)).attr("view")("datetime64[D]");
}

market::Date date_of(nb::handle value, std::string_view who, std::string_view name) {
  const bool text = nb::isinstance<nb::str>(value);
  const bool date =
      !text && (nb::hasattr(value, "isoformat") || nb::hasattr(value, "astype")) && !nb::hasattr(value, "__len__");
  if (!text && !date) refuse_type(who, name, value, "a date, such as \"2020-01-02\" or a datetime.date");
  // datetime.date, pandas.Timestamp and numpy.datetime64 all begin with year, month and day as text.
  const auto shown = nb::cast<std::string>(nb::str(value));
  return market::Date::parse(text ? std::string_view(shown) : std::string_view(shown).substr(0, 10));
}

std::vector<std::string> names_of(nb::handle values, std::string_view who, std::string_view name) {
  std::vector<std::string> names;
  read_value(values, names, who, name);
  return names;
}

std::vector<market::Date> dates_of(const WholeNumbers& days) {
  std::vector<market::Date> dates;
  for (const int64_t day : span_of(days)) {
    QTK_CHECK(std::in_range<int32_t>(day), ValueError, "[frame] date {} days from 1970-01-01, expected a real one",
              day);
    dates.push_back({static_cast<int32_t>(day)});
  }
  return dates;
}

nb::object frame_of(nb::handle data) { return nb::module_::import_("quantick.frames").attr("to_pandas")(data); }

void bind_data(nb::module_& m) {
  bind_arrow(m);
  bind_market(m);
  bind_scores(m);
  bind_frames(m);
  bind_ticks(m);
  bind_features(m);
  bind_tick_features(m);
  bind_strategies(m);
  bind_backtest(m);
  bind_metrics(m);
  bind_comparison(m);
  bind_tick_backtest(m);
  bind_report(m);
}

}  // namespace quantick::python
