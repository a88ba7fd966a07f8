#include "quantick/cli/pipeline/report_stage.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "quantick/backtest/metrics.h"
#include "quantick/backtest/profiles.h"
#include "quantick/cli/pipeline/report_sections.h"
#include "quantick/cli/version.h"
#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/report/csv_writer.h"
#include "quantick/report/html_writer.h"
#include "quantick/report/json_writer.h"
#include "quantick/report/quantization.h"

namespace quantick::cli {

report::ReportData make_report(const RunConfig& config, const RunResults& results) {
  const Evaluation& e = *results.evaluation;
  report::ReportData out;
  out.title = config.title;
  out.run_name = config.name;
  const auto& dates = e.contenders.front().result.dates;
  out.period = dates.front().to_string() + " to " + dates.back().to_string();
  out.summary = summary_text(config, results);
  out.survivorship = config.data.survivorship;
  out.trials = e.trials;
  fill_verdict(config, e, out);
  fill_backtests(config, e, out);
  fill_signal(config, *results.panel, e, out);
  if (e.comparison) fill_paired(config, e, out);
  if (results.quantization != nullptr) report::add_quantization(config.quantize, *results.quantization, out);
  if (results.history != nullptr) fill_training(config, *results.history, out);
  fill_data(config, results, out);
  out.hashes = results.hashes;
  out.created = results.created;
  out.configuration = config.text;
  out.timings = results.timings;
  for (auto& fact : std::vector<report::Fact>{{"Version", std::string(code_version())},
                                              {"Processor", cpu_model()},
                                              {"Instruction set", std::string(isa_name(active_isa()))},
                                              {"Threads", std::to_string(thread_count())},
                                              {"Seed", std::to_string(config.seed)}})
    out.environment.push_back(std::move(fact));
  return out;
}

std::string write_contender_scores(const RunConfig& config, const std::string& key,
                                   const strategy::ScoreMatrix& scores) {
  const std::string path = config.output + "/scores_" + key + ".csv";
  strategy::write_scores(path, scores);
  return path;
}

std::string write_report(const RunConfig& config, const RunResults& results) {
  report::ReportData data = make_report(config, results);
  for (const Contender& c : results.evaluation->contenders) {
    backtest::write_positions(config.output + "/positions_" + c.key + ".csv", c.result);
    backtest::write_bars(config.output + "/returns_" + c.key + ".csv", c.result);
    data.files.push_back({"positions_" + c.key + ".csv", "what " + c.label + " held, by day", -1});
    data.files.push_back({"returns_" + c.key + ".csv", "returns, costs and exposure of " + c.label + ", by day", -1});
    if (c.scores.dates.empty()) continue;
    write_contender_scores(config, c.key, c.scores);
    data.files.push_back({"scores_" + c.key + ".csv", "scores of " + c.label + ", by day", -1});
  }
  for (const auto& path : report::write_csvs(data, config.output + "/tables"))
    data.files.push_back({path.substr(config.output.size() + 1), "a table of this report", -1});
  for (const auto& [name, note] : {std::pair{"network.safetensors", "parameters of the float network"},
                                   std::pair{"model.qtk", "the fixed-bits program"}})
    if (results.quantization != nullptr) data.files.push_back({name, note, -1});
  for (auto& file : data.files)
    file.bytes = static_cast<int64_t>(std::filesystem::file_size(config.output + "/" + file.name));
  data.files.push_back({"report.json", "every number of this report", -1});
  report::write_json(data, config.output + "/report.json");
  report::write_html(data, config.output + "/report.html");
  return config.output + "/report.html";
}

std::string verdict_text(const RunConfig& config, const Evaluation& e) {
  report::ReportData table;
  table.trials = e.trials;
  fill_verdict(config, e, table);
  std::string out = fmt::format("{:<34}", "");
  for (const auto& s : table.strategies) out += fmt::format("{:>20}", s.label);
  out += '\n';
  for (size_t m = 0; m < table.metrics.size(); ++m) {
    out += fmt::format("{:<34}", table.metrics[m].group + ": " + table.metrics[m].label);
    for (const auto& s : table.strategies)
      out += std::isnan(s.values[m].value) ? fmt::format("{:>20}", "-") : fmt::format("{:>20.4f}", s.values[m].value);
    out += '\n';
  }
  return out;
}

std::string paired_text(const RunConfig& config, const Evaluation& e) {
  report::ReportData table;
  fill_paired(config, e, table);
  std::string out = fmt::format("\n{:<20}{:>12}{:>12}{:>12}   {}\n", "int8 against float32", "float32", "int8",
                                "difference", table.paired.interval);
  for (const auto& m : table.paired.metrics)
    out += fmt::format("{:<20}{:>12.5f}{:>12.5f}{:>12.5f}   [{:.5f}, {:.5f}], {} days\n", m.label, m.float32, m.int8,
                       m.difference, m.low, m.high, m.observations);
  return out + fmt::format("SQNR of the scores, means removed: {:.1f} dB\n", table.prediction_sqnr_db);
}

double scores_sqnr_db(const strategy::ScoreMatrix& float32, const strategy::ScoreMatrix& int8) {
  std::vector<double> a, b;
  for (size_t i = 0; i < float32.values.size(); ++i) {
    if (std::isnan(float32.values[i]) || std::isnan(int8.values[i])) continue;
    a.push_back(float32.values[i]);
    b.push_back(int8.values[i]);
  }
  double mean_a = 0, mean_b = 0, signal = 0, noise = 0;
  for (size_t i = 0; i < a.size(); ++i)
    mean_a += a[i] / static_cast<double>(a.size()), mean_b += b[i] / static_cast<double>(a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i] - mean_a, y = b[i] - mean_b;
    signal += x * x;
    noise += (x - y) * (x - y);
  }
  return a.empty() ? report::kMissing : 10 * std::log10(signal / noise);
}

}  // namespace quantick::cli
