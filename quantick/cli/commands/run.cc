// `quantick run`, `train`, `quantize` and `backtest`: the stages of a run, together or one by one.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "quantick/cli/commands/list.h"
#include "quantick/cli/pipeline/model_stage.h"
#include "quantick/cli/pipeline/network.h"
#include "quantick/cli/pipeline/report_stage.h"
#include "quantick/core/error.h"
#include "quantick/core/hash.h"
#include "quantick/quant/lowering.h"
#include "quantick/runtime/model_file.h"

namespace quantick::cli {
namespace {

/// Names and measures the stages of a run.
class Stopwatch {
 public:
  template <class F>
  auto operator()(const std::string& name, F&& stage) {
    const auto start = std::chrono::steady_clock::now();
    struct Stop {
      Stopwatch& watch;
      const std::string& name;
      std::chrono::steady_clock::time_point start;
      ~Stop() {
        watch.timings.push_back(
            {name, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()});
      }
    } stop{*this, name, start};
    return stage();
  }
  std::vector<report::Timing> timings;
};

struct StageOptions {
  std::string config;
  std::string scores;
  bool resume = false;
  bool report = false;
};

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }

/// "2026-11-22 23:02 UTC".
std::string now_text() {
  const auto now = std::chrono::floor<std::chrono::minutes>(std::chrono::system_clock::now());
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::hh_mm_ss time(now - day);
  return fmt::format("{} {:02}:{:02} UTC",
                     market::Date{static_cast<int32_t>(day.time_since_epoch().count())}.to_string(),
                     time.hours().count(), time.minutes().count());
}

/// SHA-256 over both networks' scores as they stand in the files.
std::string hash_of_predictions(const RunConfig& config) {
  Sha256 hash;
  for (const char* key : {"float32", "int8"}) hash.update(sha256_file(config.output + "/scores_" + key + ".csv"));
  return hash.hex();
}

/// What the last stage of `run` and `backtest` share: scores, backtests, report.
void finish(const RunConfig& config, const PreparedData& data, nn::Sequential& net, const runtime::Program& program,
            RunResults& results, Stopwatch& watch) {
  auto float32 = watch("predict_float32", [&] { return score_float(config, data, net); });
  auto int8 = watch("predict_int8", [&] { return score_program(config, data, program); });
  write_contender_scores(config, "float32", float32);
  write_contender_scores(config, "int8", int8);
  const Evaluation evaluation =
      watch("backtest", [&] { return evaluate(config, data, std::move(float32), std::move(int8)); });
  results.panel = &data.panel;
  results.evaluation = &evaluation;
  results.notes = data.notes;
  results.hashes = {.data = data.panel.source.sha256,
                    .model = runtime::identity(program),
                    .predictions = hash_of_predictions(config)};
  results.timings = watch.timings;
  results.created = now_text();
  const std::string path = write_report(config, results);
  print(verdict_text(config, evaluation) + paired_text(config, evaluation));
  print(fmt::format("\nhashes  data {}\n        model {}\n        predictions {}\nreport  {}\n", results.hashes.data,
                    results.hashes.model, results.hashes.predictions, path));
}

void check_against_prices(const RunConfig& config, const backtest::Prices& prices) {
  QTK_CHECK(prices.instrument_count() >= 2, ValueError,
            "[data] instruments of {}, were 1, expected 2 or more: a backtest ranks those of a date (quantick compare "
            "takes a single one)",
            config.data.path);
  QTK_CHECK(config.evaluation.overlap_k <= static_cast<double>(prices.instrument_count()), ValueError,
            "[evaluation] overlap_k, was {}, expected at most the {} instruments of the data",
            config.evaluation.overlap_k, prices.instrument_count());
  QTK_CHECK((config.backtest.max_volume_share == 0 && config.backtest.impact == 0) || !prices.volume.empty(),
            ValueError, "[backtest] max_volume_share {} and impact {} need volumes, which {} does not have",
            config.backtest.max_volume_share, config.backtest.impact, config.data.path);
}

/// Makes the network after everything that could refuse the run later has been asked, and removes what an earlier run
/// left: old results never stand beside a new network.
std::unique_ptr<nn::Sequential> prepare_training(const RunConfig& config, const PreparedData& data, bool resume) {
  strategy::make_strategy(config.strategy_options, data.panel.instruments);
  check_against_prices(config, data.prices);
  std::error_code error;
  std::filesystem::create_directories(config.output, error);
  QTK_CHECK(!error, IoError, "[run] output folder {}: {}", config.output, error.message());
  auto net = make_network(config, data.dataset->width());
  const auto graph =
      net->trace({{DType::f32, input_shape(config, data.dataset->width(), data.dataset->instrument_count())}});
  quant::refuse_impossible(quant::plan_nodes(graph, config.quantize, quant::marks_of(*net)).float_nodes);
  for (const std::string& path :
       {network_path(config), model_path(config), config.output + "/report.html", config.output + "/report.json",
        config.output + "/scores_float32.csv", config.output + "/scores_int8.csv"})
    std::filesystem::remove(path);
  if (!resume) std::filesystem::remove(config.output + "/checkpoint.safetensors");
  return net;
}

int run_all(const StageOptions& options) {
  const RunConfig config = read_run_config(options.config);
  Stopwatch watch;
  const PreparedData data = watch("data", [&] { return prepare_data(config); });
  const auto net = prepare_training(config, data, options.resume);
  const auto history = watch("train", [&] { return train_network(config, data, *net, options.resume); });
  const auto quantized = watch("quantize", [&] { return quantize_network(config, data, *net); });
  print(quantized.report.text());
  RunResults results;
  results.history = &history;
  results.quantization = &quantized.report;
  finish(config, data, *net, quantized.program, results, watch);
  return 0;
}

std::unique_ptr<nn::Sequential> trained_network(const RunConfig& config, const PreparedData& data) {
  auto net = make_network(config, data.dataset->width());
  load_network(config, data, *net);
  return net;
}

int train_only(const StageOptions& options) {
  const RunConfig config = read_run_config(options.config);
  const PreparedData data = prepare_data(config);
  const auto net = prepare_training(config, data, options.resume);
  train_network(config, data, *net, options.resume);
  print(network_path(config) + "\n");
  return 0;
}

int quantize_only(const StageOptions& options) {
  const RunConfig config = read_run_config(options.config);
  const PreparedData data = prepare_data(config);
  const auto net = trained_network(config, data);
  const auto quantized = quantize_network(config, data, *net);
  if (options.report) print(quantized.report.text());
  print(fmt::format("{}  SHA-256 {}\n", model_path(config), runtime::identity(quantized.program)));
  return 0;
}

int backtest_model(const RunConfig& config) {
  Stopwatch watch;
  const PreparedData data = watch("data", [&] { return prepare_data(config); });
  const auto net = trained_network(config, data);
  const auto program = load_model(config, data);
  RunResults results;
  finish(config, data, *net, program, results, watch);
  return 0;
}

int backtest_scores(const RunConfig& config, const std::string& path) {
  Stopwatch watch;
  const market::Panel panel = watch("data", [&] { return read_prices(config); });
  check_against_prices(config, backtest::Prices::from_panel(panel));
  auto scores = strategy::read_scores(path);
  const std::string hash = sha256_file(path);
  const Evaluation evaluation = watch("backtest", [&] { return evaluate_scores(config, panel, std::move(scores)); });
  RunResults results;
  results.panel = &panel;
  results.evaluation = &evaluation;
  results.notes = panel.source.inferred;
  results.notes.insert(results.notes.end(), panel.source.warts.begin(), panel.source.warts.end());
  results.hashes = {.data = panel.source.sha256, .model = "", .predictions = hash};
  results.timings = watch.timings;
  results.created = now_text();
  const std::string report = write_report(config, results);
  print(verdict_text(config, evaluation) + "\nreport  " + report + "\n");
  return 0;
}

int backtest_only(const StageOptions& options) {
  if (options.scores.empty()) return backtest_model(read_run_config(options.config));
  RunConfig config = read_run_config(options.config, RunPurpose::scores);
  config.output += "/scores";
  return backtest_scores(config, options.scores);
}

using Stage = int (*)(const StageOptions&);

Command stage_command(const std::string& name, const std::string& summary, Stage stage, const std::string& example) {
  return {
      name, summary, [name, stage, example](Options& options) {
        auto chosen = std::make_shared<StageOptions>();
        options.positional("config", chosen->config, "run file (YAML)");
        if (name == "run" || name == "train")
          options.flag("--resume", chosen->resume, "go on with a training that was interrupted; the bits are the same");
        if (name == "quantize") options.flag("--report", chosen->report, "print the error of every layer");
        if (name == "backtest")
          options.option("--scores", chosen->scores, "CSV of scores from anywhere, long or wide, instead of a model");
        options.footer(example + (name == "run" ? "\n\n" + run_config_help() : ""));
        return [chosen, stage] { return stage(*chosen); };
      }};
}

}  // namespace

Command run_command() {
  return stage_command("run", "Data, training, int8, backtest and report, from one run file", run_all,
                       "Example:\n  quantick run examples/us_daily.yaml");
}

Command train_command() {
  return stage_command("train", "Trains the float network of a run file", train_only,
                       "Example:\n  quantick train my.yaml");
}

Command quantize_command() {
  return stage_command("quantize", "Turns the trained network of a run file into a fixed-bits program", quantize_only,
                       "Example:\n  quantick quantize my.yaml --report");
}

Command backtest_command() {
  return stage_command(
      "backtest", "Backtests the trained and quantized network of a run file, or anyone's scores", backtest_only,
      "Examples:\n  quantick backtest my.yaml\n  quantick backtest my.yaml --scores scores.csv\n\n"
      "With --scores the run file needs only name, data, strategy, backtest and evaluation; the report goes to the\n"
      "folder scores/ inside the output folder.");
}

}  // namespace quantick::cli
