// Backtests as a report: the sections and writers of the report room.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "quantick/bindings/python/backtest.h"
#include "quantick/bindings/python/data.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/long_call.h"
#include "quantick/cli/pipeline/report_stage.h"
#include "quantick/core/file.h"
#include "quantick/report/csv_writer.h"
#include "quantick/report/html_writer.h"
#include "quantick/report/json_writer.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

/// What a caller says about a report beside the results.
struct ReportOptions : cli::EvaluationConfig {
  std::string title = "Backtest";
  std::string name = "backtest";
  std::string created;
  std::string data_name;
  std::string survivorship = "not stated";
  std::string dividends = "not stated";
  std::string splits = "not stated";
  std::string origin;
  int64_t horizon = 5;
  bool equal_weight = true;

  static constexpr auto fields() {
    using O = ReportOptions;
    return std::tuple_cat(
        EvaluationConfig::fields(),
        std::make_tuple(field("title", &O::title, "of the report"), field("name", &O::name, "of the run"),
                        field("created", &O::created, "when it was made, for people"),
                        field("data_name", &O::data_name, "how the report calls the data"),
                        field("survivorship", &O::survivorship, "one sentence"),
                        field("dividends", &O::dividends, "one sentence"), field("splits", &O::splits, "one sentence"),
                        field("origin", &O::origin, "source and licence"),
                        field("horizon", &O::horizon, "bars held, for IC and quantiles"),
                        field("equal_weight", &O::equal_weight, "adds every name at one weight as a baseline")));
  }
};

cli::RunConfig config_of(const BacktestRun& first, const ReportOptions& options) {
  cli::RunConfig config;
  config.name = options.name;
  config.title = options.title;
  config.data.name = options.data_name.empty() ? first.prices->source.path : options.data_name;
  if (config.data.name.empty()) config.data.name = "prices";
  config.data.survivorship = options.survivorship;
  config.data.dividends = options.dividends;
  config.data.splits = options.splits;
  config.data.origin = options.origin;
  config.dataset.samples.horizon = options.horizon;
  config.strategy.name = first.strategy.name;
  config.strategy_options = first.strategy.options;
  config.backtest = first.options;
  config.evaluation = options;
  // Whoever said how many bars a year has for rates means it for metrics, too.
  const double bars = first.options.bars_per_year;
  if (options.periods_per_year == 0 && bars != backtest::BacktestOptions().bars_per_year)
    config.evaluation.periods_per_year = bars;
  return config;
}

report::Role role_of(const std::string& key) {
  for (const auto& [name, role] : {std::pair{"float32", report::Role::kFloat32},
                                   {"int8", report::Role::kInt8},
                                   {"ridge", report::Role::kRidge},
                                   {"equal_weight", report::Role::kEqualWeight}})
    if (key == name) return role;
  return report::Role::kOther;
}

/// A name for keys and files.
std::string key_of(std::string label) {
  for (char& c : label) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) c = '_';
  }
  return label;
}

report::ReportData make(const std::vector<std::string>& labels, const std::vector<const BacktestRun*>& runs,
                        const market::Panel* benchmark, const nb::dict& given) {
  QTK_CHECK(!runs.empty() && runs.size() == labels.size(), ValueError, "[report] no result, expected one or more");
  const auto options = from_keywords<ReportOptions>(given, "report.write");
  const BacktestRun& first = *runs.front();
  const cli::RunConfig config = config_of(first, options);
  const LongCall call;
  cli::Evaluation e;
  for (size_t i = 0; i < runs.size(); ++i) {
    QTK_CHECK(runs[i]->result.dates == first.result.dates, ShapeError,
              "[report] result \"{}\" has other dates than \"{}\", expected the same period", labels[i], labels[0]);
    const std::string key = key_of(labels[i]);
    for (size_t before = 0; before < i; ++before)
      QTK_CHECK(
          e.contenders[before].key != key, ValueError,
          "[report] results \"{}\" and \"{}\" are both {} in files, expected names that differ in more than signs",
          labels[before], labels[i], key);
    cli::Contender c{.key = key, .label = labels[i], .role = role_of(key), .scores = runs[i]->scores};
    c.result = runs[i]->result;
    e.contenders.push_back(std::move(c));
  }
  cli::complete(e, config, *first.prices, options.equal_weight);
  if (benchmark != nullptr) e.benchmark_returns = cli::returns_of(*benchmark, first.result.dates);
  const cli::RunResults results{.panel = first.prices.get(),
                                .evaluation = &e,
                                .notes = first.prices->source.inferred,
                                .hashes = {.data = first.prices->source.sha256},
                                .created = options.created};
  return cli::make_report(config, results);
}

std::vector<const BacktestRun*> pointers(const nb::list& runs) {
  std::vector<const BacktestRun*> out;
  for (nb::handle run : runs) {
    if (!nb::isinstance<BacktestRun>(run)) refuse_type("report", "result", run, "a BacktestResult");
    out.push_back(nb::cast<const BacktestRun*>(run));
  }
  return out;
}

}  // namespace

void bind_report(nb::module_& m) {
  nb::class_<report::ReportData>(m, "ReportData", "Everything a report says, as plain values for its writers.")
      .def(
          "__init__",
          [](report::ReportData* self, const std::vector<std::string>& labels, const nb::list& runs,
             const market::Panel* benchmark, const nb::dict& options) {
            new (self) report::ReportData(make(labels, pointers(runs), benchmark, options));
          },
          "labels"_a, "runs"_a, "benchmark"_a.none(), "options"_a,
          nb::sig("def __init__(self, labels: typing.Sequence[str], runs: list[BacktestResult], benchmark: Panel | "
                  "None, options: dict[str, typing.Any]) -> None"))
      .def_prop_ro("title", [](const report::ReportData& r) { return r.title; })
      .def_prop_ro("summary", [](const report::ReportData& r) { return r.summary; })
      .def_prop_ro("warnings", [](const report::ReportData& r) { return r.warnings; })
      .def("html", &report::to_html, "One page that needs no network, no font and no script.")
      .def("json", &report::to_json, "Every number under a clear name.")
      .def("write_html", &report::write_html, "path"_a, "html() into a file.")
      .def("write_json", &report::write_json, "path"_a, "json() into a file.")
      .def("write_csvs", &report::write_csvs, "folder"_a, "The tables; gives their paths.");
  m.def("report_key", &key_of, "label"_a, "What stands for a result in names of files.");
  m.def(
      "report_options",
      [] {
        nb::dict out;
        const ReportOptions defaults;
        for_each_field(defaults, [&](std::string_view name, const auto& member, std::string_view doc) {
          out[nb::str(name.data(), name.size())] =
              nb::make_tuple(python_value(member), nb::str(doc.data(), doc.size()));
        });
        return out;
      },
      nb::sig("def report_options() -> dict[str, tuple[typing.Any, str]]"));
}

}  // namespace quantick::python
