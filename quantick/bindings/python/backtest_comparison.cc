// Two runs with paired intervals, many settings on the same scores, and the backtest on quotes.
#include <nanobind/stl/function.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "quantick/backtest/compare.h"
#include "quantick/backtest/signal_metrics.h"
#include "quantick/backtest/sweep.h"
#include "quantick/backtest/tick_engine.h"
#include "quantick/bindings/python/backtest.h"
#include "quantick/bindings/python/data.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/long_call.h"
#include "quantick/bindings/python/unlocked.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using backtest::BootstrapOptions;
using strategy::ScoreMatrix;

nb::list rows_of(const std::vector<backtest::PairedMetric>& metrics) {
  nb::list out;
  for (const auto& m : metrics) {
    nb::dict row;
    row["name"] = m.name;
    row["first"] = m.float32;
    row["second"] = m.int8;
    row["difference"] = m.difference;
    row["low"] = m.low;
    row["high"] = m.high;
    row["observations"] = m.observations;
    out.append(row);
  }
  return out;
}

nb::dict compare_runs(const BacktestRun& first, const BacktestRun& second, const ScoreMatrix& labels, double top_k,
                      double periods, const nb::dict& options) {
  const auto bootstrap = from_keywords<BootstrapOptions>(options, "backtest.compare");
  backtest::Comparison comparison;
  {
    const LongCall call;
    comparison = backtest::compare({.float32_scores = first.scores,
                                    .int8_scores = second.scores,
                                    .labels = labels,
                                    .float32_backtest = first.result,
                                    .int8_backtest = second.result,
                                    .top_k = top_k,
                                    .periods_per_year = periods},
                                   bootstrap);
  }
  nb::dict out, years;
  for (const auto& [year, metrics] : comparison.years) years[nb::int_(year)] = rows_of(metrics);
  out["overall"] = rows_of(comparison.overall);
  out["years"] = years;
  out["method"] = comparison.method;
  return out;
}

nb::dict sweep(const market::Panel& prices, const ScoreMatrix& scores,
               const std::vector<std::pair<StrategyChoice, nb::dict>>& settings, double periods, int64_t trials_before,
               const std::optional<std::function<void(int64_t, int64_t)>>& progress) {
  std::vector<backtest::SweepSetting> list;
  for (const auto& [strategy, options] : settings)
    list.push_back({strategy.options, from_keywords<backtest::BacktestOptions>(options, "backtest.sweep")});
  backtest::SweepOptions chosen{.periods_per_year = periods, .trials_before = trials_before};
  const auto total = static_cast<int64_t>(list.size());
  if (progress)
    chosen.progress = [&](int64_t done) {
      const Locked lock;
      (*progress)(done, total);
    };
  backtest::SweepResult result;
  {
    const LongCall call;
    const backtest::BacktestInputs inputs(backtest::Prices::from_panel(prices), scores);
    result = backtest::run_sweep(inputs, list, chosen);
  }
  const auto column = [&](auto backtest::SweepRow::*member) {
    std::vector<double> values;
    for (const auto& row : result.rows) values.push_back(static_cast<double>(row.*member));
    return moved_array(std::move(values));
  };
  nb::dict out;
  using Row = backtest::SweepRow;
  for (const auto& [name, member] : {std::pair{"annual_return", &Row::annual_return},
                                     {"annual_volatility", &Row::annual_volatility},
                                     {"sharpe", &Row::sharpe},
                                     {"sharpe_low", &Row::sharpe_low},
                                     {"sharpe_high", &Row::sharpe_high},
                                     {"max_drawdown", &Row::max_drawdown},
                                     {"turnover", &Row::turnover},
                                     {"costs", &Row::costs},
                                     {"deflated_sharpe", &Row::deflated_sharpe}})
    out[name] = column(member);
  out["trades"] = column(&Row::trades);
  out["blocked"] = column(&Row::blocked);
  out["ruined"] = column(&Row::ruined);
  out["observations"] = result.observations;
  out["trials"] = result.trials;
  out["expected_max_sharpe"] = result.expected_max_sharpe;
  out["best"] = result.best;
  return out;
}

/// Constant, or measured: samples in ns.
std::shared_ptr<const backtest::LatencyModel> latency_of(nb::handle latency, uint64_t seed) {
  if (nb::isinstance<nb::str>(latency))
    return std::make_shared<backtest::EmpiricalLatency>(backtest::read_latency(nb::cast<std::string>(latency), seed));
  Numbers samples;
  if (nb::try_cast(latency, samples))
    return std::make_shared<backtest::EmpiricalLatency>(
        backtest::EmpiricalLatency::from_samples(span_of(samples), seed, "samples"));
  int64_t nanoseconds = 0;
  read_value(latency, nanoseconds, "backtest.run_ticks", "latency_ns");
  return std::make_shared<backtest::ConstantLatency>(nanoseconds);
}

nb::dict tick_result(backtest::TickResult&& r) {
  nb::dict out;
  out["profit"] = moved_array(std::move(r.profit));
  out["position"] = moved_array(std::move(r.position));
  nb::list days;
  for (const auto& day : r.days) {
    nb::dict entry;
    entry["date"] = day.date.to_string();
    entry["profit"] = day.profit;
    entry["fees"] = day.fees;
    entry["contracts"] = day.contracts;
    days.append(entry);
  }
  out["days"] = days;
  for (const auto& [name, value] : {std::pair{"orders", r.orders},
                                    {"fills", r.fills},
                                    {"cut_by_size", r.cut_by_size},
                                    {"refused", r.refused},
                                    {"in_flight", r.in_flight},
                                    {"adverse", r.adverse},
                                    {"favourable", r.favourable}})
    out[name] = value;
  for (const auto& [name, value] : {std::pair{"contracts", r.contracts},
                                    {"fees", r.fees},
                                    {"spread_cost", r.spread_cost},
                                    {"latency_cost", r.latency_cost},
                                    {"final_profit", r.final_profit},
                                    {"final_position", r.final_position},
                                    {"max_drawdown", r.max_drawdown}})
    out[name] = value;
  out["notes"] = r.notes;
  return out;
}

/// The quote in force at each event: the newest that any event up to it brought.
nb::dict run_ticks(const WholeNumbers& times, const Numbers& bid, const Numbers& ask, const Numbers& bid_size,
                   const Numbers& ask_size, const Numbers& signals, nb::handle latency, int64_t line_ns,
                   bool limit_to_size, uint64_t seed, const nb::dict& options) {
  for (const auto& [name, size] : {std::pair{"bid", bid.size()},
                                   {"ask", ask.size()},
                                   {"bid_size", bid_size.size()},
                                   {"ask_size", ask_size.size()},
                                   {"signals", signals.size()}})
    QTK_CHECK(size == times.size(), ShapeError, "[backtest.run_ticks] {}: {} values, expected one per event, {}", name,
              size, times.size());
  const auto chosen = from_keywords<backtest::TickOptions>(options, "backtest.run_ticks");
  const backtest::QuoteFill fill(latency_of(latency, seed), line_ns, limit_to_size);
  backtest::TickResult result;
  {
    const LongCall call;
    std::vector<backtest::TickStep> steps(times.size());
    market::Quote quote;
    for (size_t i = 0; i < steps.size(); ++i) {
      const double b = bid.data()[i], a = ask.data()[i];
      if (b == b || a == a)
        quote = {.bid = b, .ask = a, .bid_size = bid_size.data()[i], .ask_size = ask_size.data()[i]};
      steps[i] = {.time = times.data()[i], .quote = quote, .signal = signals.data()[i]};
    }
    result = backtest::run_tick_backtest(steps, chosen, fill);
  }
  return tick_result(std::move(result));
}

}  // namespace

void bind_comparison(nb::module_& m) {
  m.def("compare_runs", &compare_runs, "first"_a, "second"_a, "labels"_a, "top_k"_a, "periods"_a, "options"_a,
        nb::sig("def compare_runs(first: BacktestResult, second: BacktestResult, labels: ScoreMatrix, top_k: float, "
                "periods: float, options: dict[str, typing.Any]) -> dict[str, typing.Any]"));
  m.def(
      "compare_scores",
      [](const ScoreMatrix& first, const ScoreMatrix& second, const ScoreMatrix& labels, double top_k,
         const nb::dict& options) {
        const auto bootstrap = from_keywords<BootstrapOptions>(options, "backtest.compare_scores");
        std::vector<backtest::PairedMetric> metrics;
        {
          const LongCall call;
          metrics = backtest::compare_scores(first, second, labels, top_k, bootstrap);
        }
        return rows_of(metrics);
      },
      "first"_a, "second"_a, "labels"_a, "top_k"_a, "options"_a,
      nb::sig("def compare_scores(first: ScoreMatrix, second: ScoreMatrix, labels: ScoreMatrix, top_k: float, options: "
              "dict[str, typing.Any]) -> list[dict[str, typing.Any]]"));
  m.def("sweep", &sweep, "prices"_a, "scores"_a, "settings"_a, "periods"_a, "trials_before"_a, "progress"_a.none(),
        nb::sig("def sweep(prices: Panel, scores: ScoreMatrix, settings: typing.Sequence[tuple[Strategy, dict[str, "
                "typing.Any]]], periods: float, trials_before: int, progress: typing.Callable[[int, int], None] | "
                "None) -> dict[str, typing.Any]"));
}

void bind_tick_backtest(nb::module_& m) {
  m.def("run_ticks", &run_ticks, "times"_a, "bid"_a, "ask"_a, "bid_size"_a, "ask_size"_a, "signals"_a, "latency"_a,
        "line_ns"_a, "limit_to_size"_a, "seed"_a, "options"_a,
        nb::sig("def run_ticks(times: typing.Any, bid: typing.Any, ask: typing.Any, bid_size: typing.Any, ask_size: "
                "typing.Any, signals: typing.Any, latency: typing.Any, line_ns: int, limit_to_size: bool, seed: int, "
                "options: dict[str, typing.Any]) -> dict[str, typing.Any]"));
}

}  // namespace quantick::python
