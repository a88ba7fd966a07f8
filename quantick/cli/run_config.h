#pragma once
// What a run file says, in the style of Qlib's workflow files. Each section is a struct with a field list; the reader
// refuses unknown keys and wrong values before any work starts.
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "quantick/backtest/compare.h"
#include "quantick/backtest/engine.h"
#include "quantick/backtest/profiles.h"
#include "quantick/cli/config_node.h"
#include "quantick/features/scaler.h"
#include "quantick/features/window_dataset.h"
#include "quantick/market/date.h"
#include "quantick/market/reader.h"
#include "quantick/ops/attributes.h"
#include "quantick/quant/config.h"
#include "quantick/strategy/registry.h"

namespace quantick::cli {

/// First and last date of a segment, both included.
struct Segment {
  market::Date from, to;
};

void read_node(const ConfigNode& node, Segment& value);

struct DataConfig {
  std::string path;
  std::string name;
  market::ReadOptions read;
  std::string benchmark;
  std::string survivorship = "not stated in the run file";
  std::string dividends = "not stated in the run file";
  std::string splits = "not stated in the run file";
  std::string origin;

  static constexpr auto fields() {
    using C = DataConfig;
    return std::make_tuple(
        field("path", &C::path, "CSV or CSV.gz, long or wide; \"cache:\" stands for the download folder"),
        field("name", &C::name, "how the report calls the data"), field("read", &C::read, "how to read the file"),
        field("benchmark", &C::benchmark, "CSV with the closes of an index; none where empty"),
        field("survivorship", &C::survivorship, "one sentence for the report"),
        field("dividends", &C::dividends, "one sentence for the report"),
        field("splits", &C::splits, "one sentence for the report"),
        field("origin", &C::origin, "source and licence, for the report"));
  }
};

struct DatasetConfig {
  std::vector<std::string> features;
  features::ScalerOptions scaler;
  features::DatasetOptions samples;
  Segment train, valid, test;
  int64_t embargo = 0;

  static constexpr auto fields() {
    using C = DatasetConfig;
    return std::make_tuple(field("features", &C::features, "list such as rank(return(5)); `quantick ops --features`"),
                           field("scaler", &C::scaler, "fitted on the training dates only"),
                           field("samples", &C::samples, "window, horizon and label"),
                           field("train", &C::train, "[first date, last date]"),
                           field("valid", &C::valid, "[first date, last date], for early stopping and ridge's lambda"),
                           field("test", &C::test, "[first date, last date], the report's period"),
                           field("embargo", &C::embargo, "bars left out before each following segment"));
  }
};

/// LSTM and GRU.
struct RecurrentModelConfig {
  int64_t hidden_size = 64;
  int64_t num_layers = 2;
  double dropout = 0;
  bool layer_norm = false;

  static constexpr auto fields() {
    using C = RecurrentModelConfig;
    return std::make_tuple(field("hidden_size", &C::hidden_size, "units of each layer"),
                           field("num_layers", &C::num_layers, "stacked layers"),
                           field("dropout", &C::dropout, "rate between layers and before the output, in training"),
                           field("layer_norm", &C::layer_norm, "layer normalization before the output layer"));
  }
};

struct MlpModelConfig {
  std::vector<int64_t> units{64, 32};
  std::string activation = "relu";
  double dropout = 0;

  static constexpr auto fields() {
    using C = MlpModelConfig;
    return std::make_tuple(
        field("units", &C::units, "widths of the hidden layers; the network sees the newest step of the window"),
        field("activation", &C::activation, "relu, sigmoid, tanh or softsign"),
        field("dropout", &C::dropout, "rate after each hidden layer, in training"));
  }
};

struct TcnModelConfig {
  std::vector<int64_t> channels{32, 32, 32};
  int64_t kernel_size = 3;
  double dropout = 0;
  std::string norm = "layer";

  static constexpr auto fields() {
    using C = TcnModelConfig;
    return std::make_tuple(
        field("channels", &C::channels, "of each block of two causal convolutions; block k has dilation 2^k"),
        field("kernel_size", &C::kernel_size, "taps of a convolution"),
        field("dropout", &C::dropout, "rate after each convolution, in training"),
        field("norm", &C::norm, "after each convolution: layer, batch, none"));
  }
};

/// Transformer (over the steps of the window, each attending to the whole window) and CrossTransformer (across the
/// instruments of a date, each a token that holds its window).
struct TransformerModelConfig {
  int64_t units = 32;
  int64_t num_heads = 4;
  int64_t hidden_size = 64;
  int64_t num_layers = 2;
  double dropout = 0;
  std::string norm = "layer";
  std::string activation = "gelu";

  static constexpr auto fields() {
    using C = TransformerModelConfig;
    return std::make_tuple(field("units", &C::units, "channels between layers, a multiple of num_heads"),
                           field("num_heads", &C::num_heads, "of attention"),
                           field("hidden_size", &C::hidden_size, "of the feed-forward networks"),
                           field("num_layers", &C::num_layers, "cells"),
                           field("dropout", &C::dropout, "rate on all branches, in training"),
                           field("norm", &C::norm, "layer or rms"),
                           field("activation", &C::activation, "of the feed-forward networks: gelu, relu, silu, tanh"));
  }
};

/// The model classes that a run file can name.
const std::vector<std::string>& model_names();

struct TrainConfig {
  int64_t epochs = 10;
  int64_t batch_size = 512;
  std::string batching = "samples";
  ClassConfig loss{.name = "L2Loss", .kwargs = {}, .node = {}};
  ClassConfig optimizer{.name = "Adam", .kwargs = {}, .node = {}};
  ClassConfig lr_scheduler;
  double clip_norm = 0;
  int64_t patience = 3;
  std::string monitor = "rank_ic";

  static constexpr auto fields() {
    using C = TrainConfig;
    return std::make_tuple(
        field("epochs", &C::epochs, "at most so many passes"),
        field("batch_size", &C::batch_size, "samples per step, or dates where batching is dates"),
        field("batching", &C::batching, "samples: shuffled over all dates; dates: whole dates together"),
        field("loss", &C::loss, "class and kwargs: L2Loss, L1Loss, HuberLoss, QuantileLoss, NegativeICLoss"),
        field("optimizer", &C::optimizer, "class and kwargs: SGD, Adam, AdamW"),
        field("lr_scheduler", &C::lr_scheduler, "class and kwargs, e.g. CosineScheduler; none: constant"),
        field("clip_norm", &C::clip_norm, "largest global gradient norm; 0: none"),
        field("patience", &C::patience, "epochs without improvement before stopping; 0: never stops early"),
        field("monitor", &C::monitor, "what must improve on the validation segment: loss, ic or rank_ic"));
  }
};

struct QuantizeConfig : quant::QuantizationConfig {
  int64_t num_calib_samples = 4096;

  static constexpr auto fields() {
    return std::tuple_cat(quant::QuantizationConfig::fields(),
                          std::make_tuple(field("num_calib_samples", &QuantizeConfig::num_calib_samples,
                                                "training samples that calibration sees, the newest ones")));
  }
};

struct EvaluationConfig {
  std::string profile = "empyrical";
  double periods_per_year = 0;
  std::vector<int64_t> ic_horizons{1, 5, 10, 20};
  int64_t quantiles = 5;
  double overlap_k = 0.25;
  backtest::BootstrapOptions bootstrap;
  int64_t trials = 1;

  /// What yearly metrics count: periods_per_year, or the profile's.
  double periods() const { return periods_per_year != 0 ? periods_per_year : backtest::periods_of(profile); }

  static constexpr auto fields() {
    using C = EvaluationConfig;
    return std::make_tuple(
        field("profile", &C::profile, "metric conventions: empyrical, quantstats, qlib, lean or vnpy"),
        field("periods_per_year", &C::periods_per_year,
              "bars a year, for yearly metrics: 52 of weekly prices, say; 0: the profile's (252, of qlib 238, of vnpy "
              "240)"),
        field("ic_horizons", &C::ic_horizons, "bars held, for the IC decay"),
        field("quantiles", &C::quantiles, "buckets of the quantile returns"),
        field("overlap_k", &C::overlap_k, "names (or share of them) whose overlap float32 and int8 are compared on"),
        field("bootstrap", &C::bootstrap, "intervals of the paired differences"),
        field("trials", &C::trials, "configurations of the network tried so far, for the deflated Sharpe ratio"));
  }
};

struct RunConfig {
  std::string name;
  std::string title;
  std::string output;  ///< folder; default out/<name>
  int64_t seed = 0;
  DataConfig data;
  DatasetConfig dataset;
  ClassConfig model{.name = "LSTM", .kwargs = {}, .node = {}};
  TrainConfig train;
  QuantizeConfig quantize;
  ClassConfig strategy{.name = "TopkDropout", .kwargs = {}, .node = {}};
  backtest::BacktestOptions backtest;
  EvaluationConfig evaluation;

  RecurrentModelConfig recurrent;              ///< kwargs of model where its class is LSTM or GRU
  MlpModelConfig mlp;                          ///< where it is MLP
  TcnModelConfig tcn;                          ///< where it is TCN
  TransformerModelConfig transformer;          ///< where it is Transformer or CrossTransformer
  strategy::StrategyOptions strategy_options;  ///< kwargs of strategy
  std::string text;                            ///< the file as written
  std::string path;                            ///< of the file

  static constexpr auto fields() {
    using C = RunConfig;
    return std::make_tuple(
        field("name", &C::name, "of the run"), field("title", &C::title, "of the report"),
        field("output", &C::output, "folder; default out/<name>"), field("seed", &C::seed, "of every random number"),
        field("data", &C::data, "prices"), field("dataset", &C::dataset, "features, labels, segments"),
        field("model", &C::model, "class LSTM, GRU, MLP, TCN, Transformer or CrossTransformer"),
        field("train", &C::train, "training"), field("quantize", &C::quantize, "post-training quantization"),
        field("strategy", &C::strategy, "class TopkDropout, LongShort, EqualWeight or TargetWeights"),
        field("backtest", &C::backtest, "execution and costs"),
        field("evaluation", &C::evaluation, "metrics and intervals"));
  }
};

/// What a run file is read for: a network of ours needs a dataset section, scores from elsewhere do not.
enum class RunPurpose { network, scores };

/// Reads the kwargs of config.model. Throws ParseError for an unknown class or wrong kwargs.
void read_model(RunConfig& config);

/// Calls visit with the kwargs that config.model's class takes.
template <class Config, class Visit>
void visit_model(Config& config, Visit&& visit) {
  const std::string& name = config.model.name;
  if (name == "LSTM" || name == "GRU") visit(config.recurrent);
  if (name == "MLP") visit(config.mlp);
  if (name == "TCN") visit(config.tcn);
  if (name == "Transformer" || name == "CrossTransformer") visit(config.transformer);
}

/// Reads and checks a run file. Throws IoError and ParseError.
RunConfig read_run_config(const std::string& path, RunPurpose purpose = RunPurpose::network);

/// The same from a document in memory. The caller keeps its text.
RunConfig read_run_config(const ConfigNode& root, RunPurpose purpose = RunPurpose::network);

/// kwargs as attributes: true/false, integers, numbers, lists of integers, else text.
Attributes kwargs_of(const ClassConfig& spec);

/// Text for `quantick run --help`: every section and key with its meaning.
std::string run_config_help();

/// "cache:x" -> $QTK_CACHE/x (default .cache/x); another relative path that is missing here but stands beside the run
/// file is taken from there.
std::string resolve_path(const RunConfig& config, const std::string& path);

}  // namespace quantick::cli
