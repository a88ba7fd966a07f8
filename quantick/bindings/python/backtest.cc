// Strategies and the backtest of daily scores.
#include "quantick/bindings/python/backtest.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>

#include "quantick/bindings/python/data.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/long_call.h"
#include "quantick/cli/pipeline/backtest_stage.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using backtest::BacktestOptions;
using backtest::BacktestResult;
using backtest::Prices;
using market::Panel;
using strategy::ScoreMatrix;

StrategyChoice strategy_of(const std::string& name, const nb::dict& options) {
  StrategyChoice out{name, strategy::default_strategy_options(name)};
  std::visit([&](auto& chosen) { chosen = from_keywords<std::remove_cvref_t<decltype(chosen)>>(options, name); },
             out.options);
  return out;
}

nb::object options_of(const StrategyChoice& choice) {
  return std::visit([](const auto& options) { return python_value(options); }, choice.options);
}

BacktestRun run(std::shared_ptr<const Panel> prices, ScoreMatrix scores, const StrategyChoice& strategy,
                const nb::dict& options) {
  BacktestRun out{
      std::move(prices), std::move(scores), strategy, from_keywords<BacktestOptions>(options, "backtest.run"), {}};
  const LongCall call;
  out.result = backtest::run_backtest(Prices::from_panel(*out.prices), out.scores, out.strategy.options, out.options);
  return out;
}

/// The first bar whose numbers changed when what follows was removed; nothing where none did.
std::optional<std::string> leak_of(const BacktestRun& whole, const std::vector<int64_t>& cuts) {
  QTK_CHECK(!cuts.empty(), ValueError, "[backtest] cuts, were none, expected one or more: nothing would be compared");
  const LongCall call;
  const BacktestResult& all = whole.result;
  for (const int64_t cut : cuts) {
    QTK_CHECK(cut >= 2 && cut < whole.scores.date_count(), ValueError,
              "[backtest] cut {}, expected the position of a score date from 2 to {}", cut,
              whole.scores.date_count() - 1);
    const auto scores = whole.scores.slice(0, cut);
    const auto prices = whole.prices->slice(0, whole.prices->lower_bound(scores.dates.back().plus(1)));
    const BacktestResult part =
        backtest::run_backtest(Prices::from_panel(prices), scores, whole.strategy.options, whole.options);
    const auto differs = [&](const std::vector<double>& a, const std::vector<double>& b, size_t t, size_t width) {
      return std::memcmp(a.data() + t * width, b.data() + t * width, width * sizeof(double)) != 0;
    };
    for (size_t t = 0; t < part.dates.size(); ++t)
      if (differs(all.equity, part.equity, t, 1) || differs(all.turnover, part.turnover, t, 1) ||
          differs(all.quantities, part.quantities, t, part.instruments.size()))
        return fmt::format("look-ahead: {} ends with equity {} with, and {} without the dates behind {}",
                           part.dates[t].to_string(), all.equity[t], part.equity[t], scores.dates.back().to_string());
  }
  return std::nullopt;
}

using Series = const std::vector<double> BacktestResult::*;

void bind_result(nb::module_& m) {
  auto c = nb::class_<BacktestRun>(m, "BacktestResult",
                                   "What a strategy earned, by bar. Series are read-only arrays [bars] in the result's "
                                   "own memory; returns, costs and turnover are fractions of the equity at the end of "
                                   "the bar before: net = gross + interest - commission - slippage - borrow.");
  static constexpr std::pair<const char*, std::vector<double> BacktestResult::*> kSeries[] = {
      {"equity", &BacktestResult::equity},
      {"gross_returns", &BacktestResult::gross_return},
      {"returns", &BacktestResult::net_return},
      {"commission", &BacktestResult::commission},
      {"slippage", &BacktestResult::slippage},
      {"borrow", &BacktestResult::borrow},
      {"interest", &BacktestResult::interest},
      {"turnover", &BacktestResult::turnover},
      {"gross_exposure", &BacktestResult::gross_exposure},
      {"net_exposure", &BacktestResult::net_exposure}};
  for (const auto& [name, member] : kSeries)
    c.def_prop_ro(
        name,
        [member = member](nb::handle self) {
          const auto& series = nb::cast<const BacktestRun&>(self).result.*member;
          return view_of(std::span(series), {series.size()}, self);
        },
        nb::sig(fmt::format("def {}(self) -> numpy.ndarray", name).c_str()));
  static constexpr std::pair<const char*, std::vector<int64_t> BacktestResult::*> kCounts[] = {
      {"longs", &BacktestResult::longs}, {"shorts", &BacktestResult::shorts}, {"trades", &BacktestResult::trades}};
  for (const auto& [name, member] : kCounts)
    c.def_prop_ro(
        name,
        [member = member](nb::handle self) {
          const auto& series = nb::cast<const BacktestRun&>(self).result.*member;
          return view_of(std::span(series), {series.size()}, self);
        },
        nb::sig(fmt::format("def {}(self) -> numpy.ndarray", name).c_str()));
  static constexpr std::pair<const char*, std::vector<double> BacktestResult::*> kHoldings[] = {
      {"quantities", &BacktestResult::quantities}, {"weights", &BacktestResult::weights}};
  for (const auto& [name, member] : kHoldings)
    c.def_prop_ro(
        name,
        [member = member](nb::handle self) {
          const auto& result = nb::cast<const BacktestRun&>(self).result;
          return view_of(std::span(result.*member), {result.dates.size(), result.instruments.size()}, self);
        },
        nb::sig(fmt::format("def {}(self) -> numpy.ndarray", name).c_str()), "At the close. [bars, instruments]");
  c.def_prop_ro(
       "dates", [](const BacktestRun& r) { return array_of_dates(r.result.dates); },
       nb::sig("def dates(self) -> numpy.ndarray"), "datetime64[D] [bars]")
      .def_prop_ro("instruments", [](const BacktestRun& r) { return r.result.instruments; })
      .def_prop_ro("capital", [](const BacktestRun& r) { return r.result.capital; })
      .def_prop_ro("trade_count", [](const BacktestRun& r) { return r.result.trade_count; })
      .def_prop_ro(
          "blocked",
          [](const BacktestRun& r) {
            nb::dict out;
            out["no_price"] = r.result.blocked_no_price;
            out["limit"] = r.result.blocked_limit;
            out["volume"] = r.result.blocked_volume;
            return out;
          },
          nb::sig("def blocked(self) -> dict[str, int]"), "Orders that a bar could not fill, or not wholly.")
      .def_prop_ro(
          "delistings",
          [](const BacktestRun& r) {
            nb::list out;
            for (const auto& d : r.result.delistings)
              out.append(nb::make_tuple(d.date.to_string(), d.instrument, d.price, d.quantity));
            return out;
          },
          nb::sig("def delistings(self) -> list[tuple[str, str, float, float]]"),
          "(date, instrument, price, quantity) of positions closed because prices ended.")
      .def_prop_ro(
          "ruined",
          [](const BacktestRun& r) {
            return r.result.ruined ? std::optional(r.result.ruined->to_string()) : std::nullopt;
          },
          "The date on which nothing was left, or None.")
      .def_prop_ro(
          "ties",
          [](const BacktestRun& r) {
            const auto& ties = r.result.ties;
            nb::dict out;
            out["decisions"] = ties.decisions;
            out["ranked"] = ties.ranked;
            out["tied"] = ties.tied;
            out["boundary_dates"] = ties.boundary_dates;
            return out;
          },
          nb::sig("def ties(self) -> dict[str, int]"), "Equal scores, where names decided.")
      .def_prop_ro(
          "shortfalls", [](const BacktestRun& r) { return r.result.shortfalls; },
          "Dates on which fewer names were available than asked for.")
      .def_prop_ro("looks_ahead", [](const BacktestRun& r) { return r.result.looks_ahead; })
      .def_prop_ro(
          "notes", [](const BacktestRun& r) { return r.result.notes; },
          "The conventions and costs of the run, one line each.")
      .def_prop_ro("prices", [](const BacktestRun& r) { return std::const_pointer_cast<Panel>(r.prices); })
      .def_prop_ro(
          "scores", [](const BacktestRun& r) { return r.scores; }, "A copy.")
      .def_prop_ro("strategy", [](const BacktestRun& r) { return r.strategy; })
      .def_prop_ro(
          "options", [](const BacktestRun& r) { return python_value(r.options); },
          nb::sig("def options(self) -> dict[str, typing.Any]"))
      .def(
          "benchmark_returns",
          [](const BacktestRun& r, const Panel& prices) {
            QTK_CHECK(prices.instrument_count() == 1, ValueError,
                      "[backtest] benchmark of {} instruments, expected one", prices.instrument_count());
            return moved_array(cli::returns_of(prices, r.result.dates));
          },
          "prices"_a, nb::sig("def benchmark_returns(self, prices: Panel) -> numpy.ndarray"),
          "Returns of prices of one instrument on the dates of the result, 0 where it has none.")
      .def(
          "__getstate__",
          [](const BacktestRun& r) {
            // The same run gives the same bits, and what it was made of is smaller than what it gave.
            return nb::make_tuple(std::const_pointer_cast<Panel>(r.prices), r.scores, r.strategy,
                                  python_value(r.options));
          },
          nb::sig("def __getstate__(self) -> typing.Any"))
      .def(
          "__setstate__",
          [](BacktestRun* self, const nb::tuple& state) {
            QTK_CHECK(state.size() == 4, ValueError, "[backtest] a pickled result of {} parts, expected 4",
                      state.size());
            new (self)
                BacktestRun(run(nb::cast<std::shared_ptr<const Panel>>(state[0]), nb::cast<ScoreMatrix>(state[1]),
                                nb::cast<StrategyChoice>(state[2]), nb::cast<nb::dict>(state[3])));
          },
          nb::sig("def __setstate__(self, state: typing.Any, /) -> None"))
      .def("to_frame", &frame_of, nb::sig("def to_frame(self) -> typing.Any"),
           "The series as a pandas.DataFrame by date.")
      .def("__repr__",
           [](const BacktestRun& r) {
             const auto& result = r.result;
             return fmt::format("BacktestResult of {} bars {} to {}, {} of {} instruments: equity {:.2f} of {:.2f}",
                                result.bar_count(), result.dates.front().to_string(), result.dates.back().to_string(),
                                r.strategy.name, result.instruments.size(), result.equity.back(), result.capital);
           })
      .def("__len__", [](const BacktestRun& r) { return r.result.bar_count(); })
      .def(
          "write_positions", [](const BacktestRun& r, const std::string& p) { backtest::write_positions(p, r.result); },
          "path"_a, "CSV: date, instrument, quantity, weight of every position.")
      .def(
          "write_bars", [](const BacktestRun& r, const std::string& p) { backtest::write_bars(p, r.result); }, "path"_a,
          "CSV: the series.")
      .def("check_truncation", &leak_of, "cuts"_a,
           "Runs again without the dates from each of `cuts` (positions of score dates) on: None where every earlier "
           "bar "
           "kept its bits, else what changed.");
}

}  // namespace

ScoreMatrix closes_of(const Panel& prices) {
  Prices closes = Prices::from_panel(prices);
  return {std::move(closes.dates), std::move(closes.instruments), std::move(closes.close)};
}

void bind_strategies(nb::module_& m) {
  nb::class_<StrategyChoice>(m, "Strategy", "How scores become positions.")
      .def(
          "__init__",
          [](StrategyChoice* self, const std::string& name, const nb::dict& options) {
            new (self) StrategyChoice(strategy_of(name, options));
          },
          "name"_a, "options"_a, nb::sig("def __init__(self, name: str, options: dict[str, typing.Any]) -> None"))
      .def(
          "__reduce__",
          [](const StrategyChoice& s) {
            return nb::make_tuple(nb::type<StrategyChoice>(), nb::make_tuple(s.name, options_of(s)));
          },
          nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"))
      .def_ro("name", &StrategyChoice::name)
      .def_prop_ro("options", &options_of, nb::sig("def options(self) -> dict[str, typing.Any]"))
      .def("__repr__", [](const StrategyChoice& s) {
        std::string out = s.name + "(";
        for (auto [key, value] : nb::borrow<nb::dict>(options_of(s)))
          out += fmt::format("{}{}={}", out.back() == '(' ? "" : ", ", nb::cast<std::string>(key),
                             nb::cast<std::string>(nb::repr(value)));
        return out + ")";
      });
  m.def("strategy_names", &strategy::strategy_names);
}

void bind_backtest(nb::module_& m) {
  bind_result(m);
  m.def("run_backtest", &run, "prices"_a, "scores"_a, "strategy"_a, "options"_a,
        nb::sig("def run_backtest(prices: Panel, scores: ScoreMatrix, strategy: Strategy, options: dict[str, "
                "typing.Any]) -> BacktestResult"));
  m.def(
      "backtest_options",
      [] {
        nb::dict out;
        const BacktestOptions defaults;
        for_each_field(defaults, [&](std::string_view name, const auto& member, std::string_view doc) {
          out[nb::str(name.data(), name.size())] =
              nb::make_tuple(python_value(member), nb::str(doc.data(), doc.size()));
        });
        return out;
      },
      nb::sig("def backtest_options() -> dict[str, tuple[typing.Any, str]]"));
}

}  // namespace quantick::python
