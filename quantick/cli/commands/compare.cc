// `quantick compare`: float against int8, paired, for several models on several data sets, in one table.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "quantick/cli/commands/list.h"
#include "quantick/cli/compare_config.h"
#include "quantick/cli/json_number.h"
#include "quantick/cli/pipeline/model_stage.h"
#include "quantick/cli/pipeline/network.h"
#include "quantick/core/error.h"
#include "quantick/core/file.h"
#include "quantick/core/log.h"
#include "quantick/runtime/model_file.h"

namespace quantick::cli {
namespace {

struct CompareOptions {
  std::string file, only;
};

/// What one pair has to say.
struct Row {
  std::string data_set, model;
  int64_t parameters = 0;
  int64_t float_bytes = 0, program_bytes = 0;
  double sqnr_db = 0;  ///< of the test scores, means removed
  std::vector<backtest::PairedMetric> metrics;
  int64_t days = 0, observations = 0;
  std::string first, last;  ///< test dates
  std::string data_sha256, model_sha256;
};

const backtest::PairedMetric& metric(const Row& row, std::string_view name) {
  const auto found =
      std::find_if(row.metrics.begin(), row.metrics.end(), [&](const auto& m) { return m.name == name; });
  QTK_ASSERT(found != row.metrics.end());
  return *found;
}

/// Every score of both sides, in one line.
std::pair<Array, Array> flat(const strategy::ScoreMatrix& a, const strategy::ScoreMatrix& b) {
  std::vector<float> x, y;
  for (size_t i = 0; i < a.values.size(); ++i) {
    if (std::isnan(a.values[i])) continue;
    x.push_back(static_cast<float>(a.values[i]));
    y.push_back(static_cast<float>(b.values[i]));
  }
  const Shape shape{static_cast<int64_t>(x.size())};
  return {Array::from(x, shape), Array::from(y, shape)};
}

strategy::ScoreMatrix labels_of(const PreparedData& data) {
  std::vector<float> values;
  for (const int64_t id : data.test.ids) values.push_back(static_cast<float>(data.dataset->label(id)));
  return to_matrix(*data.dataset, data.test, values);
}

Row compare_pair(const ComparePair& pair, const PreparedData& data) {
  const RunConfig& run = pair.run;
  std::filesystem::create_directories(run.output);
  const auto net = make_network(run, data.dataset->width());
  train_network(run, data, *net, false);
  const auto quantized = quantize_network(run, data, *net);
  write_file(run.output + "/quantization.txt", quantized.report.text());
  log(LogLevel::info, "Scoring the test dates in float32 and int8");
  const auto f = score_float(run, data, *net), q = score_program(run, data, quantized.program);
  const auto labels = labels_of(data);
  auto bootstrap = run.evaluation.bootstrap;
  if (bootstrap.seed == 0) bootstrap.seed = static_cast<uint64_t>(run.seed);
  const auto [reference, got] = flat(f, q);
  Row row{.data_set = pair.data_set,
          .model = pair.model,
          .parameters = net->parameter_count(),
          .float_bytes = quantized.report.float_bytes,
          .program_bytes = quantized.report.program_bytes,
          .sqnr_db = quant::sqnr_db(reference, got, true),
          .metrics = backtest::compare_scores(f, q, labels, run.evaluation.overlap_k, bootstrap),
          .observations = static_cast<int64_t>(data.test.ids.size()),
          .first = labels.dates.front().to_string(),
          .last = labels.dates.back().to_string(),
          .data_sha256 = data.panel.source.sha256,
          .model_sha256 = runtime::identity(quantized.program)};
  row.days = metric(row, "ic").observations;
  return row;
}

std::string interval(double value, double low, double high, const char* form) {
  const auto text = [&](double v) { return fmt::format(fmt::runtime(form), v); };
  return fmt::format("{} [{}, {}]", text(value), text(low), text(high));
}

using Cells = std::vector<std::string>;

const Cells kTitles{"data set",   "model",         "parameters",   "SQNR dB",     "IC float",     "IC int8",
                    "difference", "rank IC float", "rank IC int8", "difference",  "MAE/sd float", "MAE/sd int8",
                    "change %",   "top-k overlap", "days",         "observations"};

Cells cells_of(const Row& row) {
  const auto &ic = metric(row, "ic"), &rank_ic = metric(row, "rank_ic"), &mae = metric(row, "mae"),
             &change = metric(row, "mae_change"), &overlap = metric(row, "top_k_overlap");
  const auto number = [](double v) { return fmt::format("{:.4f}", v); };
  return {row.data_set,
          row.model,
          std::to_string(row.parameters),
          fmt::format("{:.1f}", row.sqnr_db),
          number(ic.float32),
          number(ic.int8),
          interval(ic.difference, ic.low, ic.high, "{:+.4f}"),
          number(rank_ic.float32),
          number(rank_ic.int8),
          interval(rank_ic.difference, rank_ic.low, rank_ic.high, "{:+.4f}"),
          number(mae.float32),
          number(mae.int8),
          interval(change.difference, change.low, change.high, "{:+.3f}"),
          interval(overlap.int8, 1 + overlap.low, 1 + overlap.high, "{:.3f}"),
          std::to_string(row.days),
          std::to_string(row.observations)};
}

/// A Markdown table, aligned for reading.
std::string table(const std::vector<Row>& rows) {
  std::vector<Cells> lines{kTitles};
  for (const Row& row : rows) lines.push_back(cells_of(row));
  std::vector<size_t> widths(kTitles.size(), 0);
  for (const Cells& line : lines)
    for (size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], line[c].size());
  std::string out;
  for (size_t l = 0; l < lines.size(); ++l) {
    for (size_t c = 0; c < widths.size(); ++c) out += fmt::format("| {:<{}} ", lines[l][c], widths[c]);
    out += "|\n";
    if (l > 0) continue;
    for (const size_t width : widths) out += fmt::format("|{:-<{}}", "", width + 2);
    out += "|\n";
  }
  return out;
}

nlohmann::ordered_json json_of(const Row& row) {
  nlohmann::ordered_json out{{"data_set", row.data_set},
                             {"model", row.model},
                             {"parameters", row.parameters},
                             {"float_bytes", row.float_bytes},
                             {"program_bytes", row.program_bytes},
                             {"test_from", row.first},
                             {"test_to", row.last},
                             {"days", row.days},
                             {"observations", row.observations},
                             {"sqnr_db", number_or_null(row.sqnr_db)}};
  for (const auto& m : row.metrics)
    for (const auto& [key, value] : {std::pair{"float32", m.float32},
                                     {"int8", m.int8},
                                     {"difference", m.difference},
                                     {"low", m.low},
                                     {"high", m.high}})
      out[m.name + "_" + key] = number_or_null(value);
  out["data_sha256"] = row.data_sha256;
  out["model_sha256"] = row.model_sha256;
  return out;
}

/// compare.json and compare.csv: the same names and numbers.
void write_results(const CompareConfig& config, const std::vector<Row>& rows) {
  nlohmann::ordered_json doc{{"name", config.name}};
  std::string csv;
  for (const Row& row : rows) {
    const auto flat_row = json_of(row);
    std::string titles, line;
    for (const auto& [key, value] : flat_row.items()) {
      titles += (titles.empty() ? "" : ",") + key;
      line += (line.empty() ? "" : ",") + (value.is_string() ? value.get<std::string>()
                                           : value.is_null() ? ""
                                                             : value.dump());
    }
    csv += (csv.empty() ? titles + "\n" : "") + line + "\n";
    doc["rows"].push_back(flat_row);
  }
  write_file(config.output + "/compare.json", doc.dump(2) + "\n");
  write_file(config.output + "/compare.csv", csv);
}

std::string conventions(const CompareConfig& config) {
  const auto& e = config.pairs.front().run.evaluation;
  std::string out = fmt::format(
      "\nint8 less float32 on the same test samples; {:g} % intervals by {} block bootstrap of days, blocks of {}, {} "
      "resamples.\nSQNR: of the test scores, means removed. MAE in standard deviations of the labels. IC: mean over "
      "days of the correlation across instruments; with intraday bars, of that over the bars of a day.\n",
      e.bootstrap.confidence * 100, e.bootstrap.method, e.bootstrap.block_length, e.bootstrap.resamples);
  std::string last;
  for (const ComparePair& pair : config.pairs) {
    if (pair.data_set == last) continue;
    last = pair.data_set;
    const DataConfig& d = pair.run.data;
    const DatasetConfig& s = pair.run.dataset;
    out += fmt::format(
        "{}: {}. Trained {} to {}, chosen on {} to {}, tested {} to {}; top k = {:g}. Survivorship: {} Dividends: {} "
        "Splits: {}\n",
        last, d.name, s.train.from.to_string(), s.train.to.to_string(), s.valid.from.to_string(),
        s.valid.to.to_string(), s.test.from.to_string(), s.test.to.to_string(), pair.run.evaluation.overlap_k,
        d.survivorship, d.dividends, d.splits);
  }
  return out;
}

int compare(const CompareOptions& options) {
  CompareConfig config = read_compare_config(options.file);
  std::erase_if(config.pairs, [&](const ComparePair& p) { return p.run.name.find(options.only) == std::string::npos; });
  QTK_CHECK(!config.pairs.empty(), ValueError, "[compare] --only {}: no pair of data set and model is called so",
            options.only);
  for (const ComparePair& pair : config.pairs)
    QTK_CHECK(std::filesystem::exists(resolve_path(pair.run, pair.run.data.path)), IoError,
              "[compare] data set {}: {} is not there; say in {} where it is", pair.data_set, pair.run.data.path,
              options.file);
  std::vector<Row> rows;
  PreparedData data;
  for (size_t i = 0; i < config.pairs.size(); ++i) {
    const ComparePair& pair = config.pairs[i];
    log(LogLevel::info, fmt::format("[{}/{}] {} on {}", i + 1, config.pairs.size(), pair.model, pair.data_set));
    if (i == 0 || config.pairs[i - 1].data_set != pair.data_set) data = prepare_samples(pair.run);
    rows.push_back(compare_pair(pair, data));
    write_results(config, rows);
  }
  std::fputs((table(rows) + conventions(config) + "results " + config.output + "/compare.json, compare.csv\n").c_str(),
             stdout);
  return 0;
}

}  // namespace

Command compare_command() {
  return {"compare", "Float against int8 for several models on several data sets, in one table", [](Options& options) {
            auto chosen = std::make_shared<CompareOptions>();
            options.positional("file", chosen->file, "compare file (YAML)");
            options.option("--only", chosen->only, "only pairs whose name, DATASET_MODEL, holds this text");
            options.footer("Example:\n  quantick compare examples/compare.yaml\n\n" + compare_config_help());
            return [chosen] { return compare(*chosen); };
          }};
}

}  // namespace quantick::cli
