#pragma once
// The file of `quantick replay`: tick files, features, a small network, and how its signals are traded.
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "quantick/backtest/compare.h"
#include "quantick/backtest/tick_engine.h"
#include "quantick/cli/run_config.h"
#include "quantick/features/scaler.h"
#include "quantick/features/ticks/tick_labels.h"
#include "quantick/market/tick_reader.h"

namespace quantick::cli {

struct ReplayDataConfig {
  std::vector<std::string> train, replay;
  market::TickReadOptions read;
  std::string origin;

  static constexpr auto fields() {
    using C = ReplayDataConfig;
    return std::make_tuple(field("train", &C::train, "tick file, or files that continue each other, to learn from"),
                           field("replay", &C::replay, "tick file or files to replay, later than those"),
                           field("read", &C::read, "how to read them"),
                           field("origin", &C::origin, "source and licence, for the report"));
  }
};

struct ReplayFeatureConfig {
  std::vector<std::string> list;
  std::string quotes = "file";
  double max_gap = 600;
  features::ScalerOptions scaler;

  static constexpr auto fields() {
    using C = ReplayFeatureConfig;
    return std::make_tuple(
        field("list", &C::list, "features of ticks such as order_flow_imbalance(20); docs/ticks.md lists them"),
        field("quotes", &C::quotes, "file: the quotes of the events; book: the best prices of the book"),
        field("max_gap", &C::max_gap, "seconds without an event after which all starts anew; 0: never"),
        field("scaler", &C::scaler, "fitted on the training part alone"));
  }
};

struct ReplayModelConfig {
  int64_t hidden_size = 32;
  int64_t num_layers = 2;
  int64_t window = 32;
  bool carried = true;

  static constexpr auto fields() {
    using C = ReplayModelConfig;
    return std::make_tuple(
        field("hidden_size", &C::hidden_size, "units of each LSTM layer"),
        field("num_layers", &C::num_layers, "stacked LSTM layers"),
        field("window", &C::window, "ticks that a training sample sees"),
        field("carried", &C::carried,
              "true: the state is carried from tick to tick; false: each tick runs the newest window anew"));
  }
};

struct ReplayTrainConfig {
  double valid_share = 0.25;
  int64_t epochs = 4;
  int64_t batch_size = 256;
  double learning_rate = 0.002;
  double clip_norm = 1;
  int64_t patience = 2;

  static constexpr auto fields() {
    using C = ReplayTrainConfig;
    return std::make_tuple(
        field("valid_share", &C::valid_share, "share of the training ticks, the newest, that choose the epoch"),
        field("epochs", &C::epochs, "at most so many passes"), field("batch_size", &C::batch_size, "windows per step"),
        field("learning_rate", &C::learning_rate, "of Adam"),
        field("clip_norm", &C::clip_norm, "largest global gradient norm; 0: none"),
        field("patience", &C::patience, "epochs without a better IC before stopping; 0: never stops early"));
  }
};

struct ReplayTradingConfig : backtest::TickOptions {
  double enter_share = 0.95;
  double exit_share = 0.5;

  static constexpr auto fields() {
    using C = ReplayTradingConfig;
    return std::tuple_cat(
        TickOptions::fields(),
        std::make_tuple(field("enter_share", &C::enter_share,
                              "where enter is 0: the share of |signals| of the validation ticks that lie below it"),
                        field("exit_share", &C::exit_share, "the same for exit; used where enter is 0")));
  }
};

struct ReplayLatencyConfig {
  std::string file;
  double line_us = 0;

  static constexpr auto fields() {
    using C = ReplayLatencyConfig;
    return std::make_tuple(
        field("file", &C::file, "latencies.csv of another replay, or share,ns; empty: those measured in this one"),
        field("line_us", &C::line_us, "microseconds of the way here and back, beside the model's own latency"));
  }
};

struct ReplayConfig {
  std::string name;
  std::string output;
  int64_t seed = 0;
  ReplayDataConfig data;
  ReplayFeatureConfig features;
  features::TickLabelOptions label;
  ReplayModelConfig model;
  ReplayTrainConfig train;
  QuantizeConfig quantize;
  ReplayTradingConfig trading;
  ReplayLatencyConfig latency;
  backtest::BootstrapOptions bootstrap{.block_length = 500, .resamples = 300};
  std::string text;  ///< the file as written
  RunConfig run;     ///< its path, for resolve_path()

  static constexpr auto fields() {
    using C = ReplayConfig;
    return std::make_tuple(
        field("name", &C::name, "of the replay"), field("output", &C::output, "folder; default out/<name>"),
        field("seed", &C::seed, "of every random number"), field("data", &C::data, "tick files"),
        field("features", &C::features, "what the model sees after each event"),
        field("label", &C::label, "what it learns: the return of the mid so far ahead"),
        field("model", &C::model, "an LSTM and a linear output"), field("train", &C::train, "training"),
        field("quantize", &C::quantize, "as in a run file"), field("trading", &C::trading, "the tick backtest"),
        field("latency", &C::latency, "of the tick backtest"),
        field("bootstrap", &C::bootstrap, "intervals of the ICs; dates are ticks here"));
  }
};

/// Reads and checks a replay file. Throws IoError and ParseError.
ReplayConfig read_replay_config(const std::string& path);

/// Text for `quantick replay --help`.
std::string replay_config_help();

}  // namespace quantick::cli
