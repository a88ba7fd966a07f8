// `quantick replay`: tick files through book, features and a small int8 network to signals, each tick timed, and a
// backtest of the signals with the latency that was measured.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

#include "quantick/backtest/quote_fill.h"
#include "quantick/cli/commands/list.h"
#include "quantick/cli/pipeline/replay_report.h"
#include "quantick/core/error.h"
#include "quantick/core/log.h"
#include "quantick/risk/statistics.h"
#include "quantick/runtime/model_file.h"

namespace quantick::cli {
namespace {

void note(const char* what, const TickData& data) {
  log(LogLevel::info,
      fmt::format("{}: {} events, {} other messages, {} ticks, {} without every feature, {} rows in {} stretches, {} "
                  "ticks without a label",
                  what, data.tape.events().size(), data.skipped, data.ticks, data.incomplete, data.rows(),
                  data.bounds().size() - 1, data.unlabelled));
}

/// Thresholds that the file leaves open, from the signals of the validation part.
backtest::TickOptions trading_options(const ReplayConfig& config, const TickModel& model, const TickData& day) {
  backtest::TickOptions options = config.trading;
  if (options.enter > 0) return options;
  std::vector<double> sizes;
  const auto signals = batch_signals(config, model.program, day);
  for (auto row = static_cast<size_t>(model.valid_begin); row < signals.size(); ++row)
    if (std::isfinite(signals[row])) sizes.push_back(std::fabs(signals[row]));
  QTK_CHECK(!sizes.empty(), ValueError, "[replay] no signal in the validation part to choose thresholds from");
  options.enter = risk::quantile(sizes, config.trading.enter_share);
  options.exit = risk::quantile(sizes, config.trading.exit_share);
  QTK_CHECK(options.enter > 0, ValueError, "[replay] the model's signals are all 0 on the validation part");
  return options;
}

/// Null where the file names none.
std::shared_ptr<const backtest::LatencyModel> latency_of_file(const ReplayConfig& config) {
  if (config.latency.file.empty()) return nullptr;
  return std::make_shared<backtest::EmpiricalLatency>(
      backtest::read_latency(resolve_path(config.run, config.latency.file), static_cast<uint64_t>(config.seed)));
}

int run(const std::string& path) {
  const ReplayConfig config = read_replay_config(path);
  auto latency = latency_of_file(config);  // a mistake in it shows before the work
  log(LogLevel::info, "Reading ticks");
  TickData day = read_tick_data(config, config.data.train);
  TickData next = read_tick_data(config, config.data.replay, &day);
  note("training", day);
  note("replay", next);
  const TickModel model = make_tick_model(config, day);
  log(LogLevel::info,
      fmt::format("Kept epoch {}; {} bytes of program", model.history.best_epoch, model.report.program_bytes));
  scale(next, model.scaler);
  const auto batch = batch_signals(config, model.program, next);
  // What ran is what was saved.
  const runtime::Program saved = runtime::load(config.output + "/model.qtk");
  log(LogLevel::info, fmt::format("Replaying {} events", next.tape.events().size()));
  const TickReplay live = replay_ticks(config, day, next, model.scaler, saved, batch);

  ReplayResults results{.train = &day, .replay = &next, .model = &model, .live = &live};
  results.model_hash = runtime::identity(saved);
  results.signal = judge_signals(config, next, live.signals, float_signals(config, *model.net, next));
  backtest::TickOptions options = trading_options(config, model, day);
  results.enter = options.enter;
  results.exit = options.exit;
  const auto line = static_cast<int64_t>(std::llround(config.latency.line_us * 1e3));
  const backtest::QuoteFill at_once(std::make_shared<backtest::ConstantLatency>(0), 0);
  if (latency == nullptr)
    latency = std::make_shared<backtest::EmpiricalLatency>(
        backtest::EmpiricalLatency::from_samples(live.total_ns, static_cast<uint64_t>(config.seed), "this replay"));
  const backtest::QuoteFill as_measured(latency, line);
  results.traded.push_back({"zero", backtest::run_tick_backtest(live.steps, options, at_once)});
  results.traded.push_back({"measured", backtest::run_tick_backtest(live.steps, options, as_measured)});
  if (options.fill_quote == "valid") {
    options.fill_quote = "next";
    results.traded.push_back({"measured_next", backtest::run_tick_backtest(live.steps, options, as_measured)});
  }
  write_replay(config, results);
  std::fputs(replay_text(config, results).c_str(), stdout);
  return live.different_rows == 0 && live.different_signals == 0 ? 0 : 1;
}

}  // namespace

Command replay_command() {
  return {"replay", "Ticks through book, features and an int8 network to signals, timed, and traded with that latency",
          [](Options& options) {
            auto path = std::make_shared<std::string>();
            options.positional("file", *path, "replay file (YAML)");
            options.footer(
                "Examples:\n  quantick replay examples/if_ticks.yaml\n  quantick replay "
                "examples/binance_ticks.yaml\n\nThe exit status is 1 where a signal of the tick path has "
                "other bits than that of the batch.\n\n" +
                replay_config_help());
            return [path] { return run(*path); };
          }};
}

}  // namespace quantick::cli
