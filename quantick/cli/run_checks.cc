#include "quantick/cli/run_checks.h"

#include <algorithm>
#include <cmath>

#include "quantick/backtest/compare.h"
#include "quantick/backtest/engine.h"
#include "quantick/backtest/profiles.h"
#include "quantick/features/feature_set.h"
#include "quantick/optim/loss.h"
#include "quantick/optim/optimizer.h"
#include "quantick/optim/schedule.h"

namespace quantick::cli {
namespace {

/// Names for a strategy's check of options that do not depend on the universe.
constexpr size_t kLargestUniverse = 100'000;

/// The node of a section, or the document where the run file leaves the section out.
const ConfigNode& section(const ConfigNode& root, std::initializer_list<const char*> path) {
  const ConfigNode* node = &root;
  for (const char* key : path) {
    const ConfigNode* child = node->find(key);
    if (child == nullptr) return *node;
    node = child;
  }
  return *node;
}

/// Runs a room's own check and gives its error a place: the key of the section that the text names, else the section.
template <class Check>
void located(const ConfigNode& node, Check&& check) {
  try {
    check();
  } catch (const ParseError& error) {
    if (std::string(error.what()).starts_with(node.file)) throw;
    fail<ParseError>("{}:{}: {}: {}", node.file, node.line, node.path, error.what());
  } catch (const Error& error) {
    const std::string text = error.what();
    const ConfigNode* named = &node;
    size_t length = 0;
    for (const auto& [key, child] : node.entries)
      if (key.size() > length && text.find(key) != std::string::npos) named = &child, length = key.size();
    fail<ParseError>("{}:{}: {}: {}", named->file, named->line, named->path, text);
  }
}

/// Refuses the key of `node` unless the condition holds.
void expect(bool condition, const ConfigNode& node, const char* key, const std::string& expected) {
  if (!condition) refuse_node(section(node, {key}), expected);
}

/// Largest sizes that a run file may ask for: beyond any use, below what overflows or never ends.
constexpr int64_t kLargestCount = 1'000'000, kLargestWidth = 8192, kLargestDepth = 64, kLargestSpan = 10'000;
/// Blocks of a TCN: dilations are powers of two.
constexpr size_t kLargestBlocks = 16;

/// Refuses the key of `node` unless least <= value <= most.
void expect_range(int64_t value, int64_t least, int64_t most, const ConfigNode& node, const char* key) {
  expect(value >= least && value <= most, node, key, fmt::format("a number from {} to {}", least, most));
}

void expect_widths(const std::vector<int64_t>& widths, const ConfigNode& node, const char* key) {
  expect(std::all_of(widths.begin(), widths.end(), [](int64_t u) { return u >= 1 && u <= kLargestWidth; }), node, key,
         fmt::format("widths from 1 to {}", kLargestWidth));
}

bool one_of(const std::string& value, std::initializer_list<const char*> accepted) {
  return std::find(accepted.begin(), accepted.end(), value) != accepted.end();
}

void check_dataset(const DatasetConfig& d, const ConfigNode& node) {
  for (const char* key : {"features", "train", "valid", "test"})
    if (node.find(key) == nullptr)
      fail<ParseError>("{}:{}: dataset has no key \"{}\", which every run needs", node.file, node.line, key);
  expect(!d.features.empty(), node, "features", "at least one feature");
  located(section(node, {"features"}), [&] { features::FeatureSet set(d.features); });
  expect(d.valid.from > d.train.to, node, "valid", "a segment after train ends on " + d.train.to.to_string());
  expect(d.test.from > d.valid.to, node, "test", "a segment after valid ends on " + d.valid.to.to_string());
  expect_range(d.embargo, 0, kLargestSpan, node, "embargo");
  const ConfigNode &scaler = section(node, {"scaler"}), &samples = section(node, {"samples"});
  expect(one_of(d.scaler.kind, {"standard", "robust", "none"}), scaler, "kind", "standard, robust or none");
  expect(d.scaler.clip >= 0, scaler, "clip", "0 or more");
  expect_range(d.samples.window, 1, kLargestSpan, samples, "window");
  expect_range(d.samples.horizon, 1, kLargestSpan, samples, "horizon");
  expect(one_of(d.samples.label, {"return", "demean", "rank", "zscore"}), samples, "label",
         "return, demean, rank or zscore");
  expect(d.samples.label_volatility_bars == 0 || d.samples.label_volatility_bars >= 2, samples, "label_volatility_bars",
         "0, or 2 or more");
}

void check_kwargs(const RecurrentModelConfig& o, const ConfigNode& node) {
  expect_range(o.hidden_size, 1, kLargestWidth, node, "hidden_size");
  expect_range(o.num_layers, 1, kLargestDepth, node, "num_layers");
}

void check_kwargs(const MlpModelConfig& o, const ConfigNode& node) {
  expect_widths(o.units, node, "units");
  expect(one_of(o.activation, {"relu", "sigmoid", "tanh", "softsign"}), node, "activation",
         "relu, sigmoid, tanh or softsign");
}

void check_kwargs(const TcnModelConfig& o, const ConfigNode& node) {
  expect_widths(o.channels, node, "channels");
  expect(!o.channels.empty() && o.channels.size() < kLargestBlocks, node, "channels",
         fmt::format("1 to {} blocks", kLargestBlocks - 1));
  expect_range(o.kernel_size, 1, kLargestSpan, node, "kernel_size");
  expect(one_of(o.norm, {"layer", "batch", "none"}), node, "norm", "layer, batch or none");
}

void check_kwargs(const TransformerModelConfig& o, const ConfigNode& node) {
  expect_range(o.num_heads, 1, kLargestWidth, node, "num_heads");
  expect_range(o.units, 1, kLargestWidth, node, "units");
  expect(o.units % o.num_heads == 0, node, "units", fmt::format("a multiple of num_heads, {}", o.num_heads));
  expect_range(o.hidden_size, 1, kLargestWidth, node, "hidden_size");
  expect_range(o.num_layers, 1, kLargestDepth, node, "num_layers");
  expect(one_of(o.norm, {"layer", "rms"}), node, "norm", "layer or rms");
  expect(one_of(o.activation, {"gelu", "relu", "silu", "tanh"}), node, "activation", "gelu, relu, silu or tanh");
}

void check_model(const RunConfig& config, const ConfigNode& root) {
  const ConfigNode& node = section(root, {"model", "kwargs"});
  visit_model(config, [&](const auto& options) {
    expect(options.dropout >= 0 && options.dropout < 1, node, "dropout", "0 or more, below 1");
    check_kwargs(options, node);
  });
  if (config.model.name != "CrossTransformer") return;
  const ConfigNode& train = section(root, {"train"});
  expect(config.train.batching == "dates", train, "batching",
         "batching: dates, since a sample of CrossTransformer is a whole date");
  expect(config.train.monitor == "loss", train, "monitor", "monitor: loss, with CrossTransformer");
  expect(!optim::make_loss(config.train.loss.name, kwargs_of(config.train.loss))->per_group(), train, "loss",
         "a loss of single scores, with CrossTransformer");
}

void check_train(const TrainConfig& t, const ConfigNode& node) {
  expect_range(t.epochs, 1, kLargestCount, node, "epochs");
  expect_range(t.batch_size, 1, kLargestCount, node, "batch_size");
  expect(one_of(t.batching, {"samples", "dates"}), node, "batching", "samples or dates");
  expect(t.clip_norm >= 0, node, "clip_norm", "0 or more");
  expect_range(t.patience, 0, kLargestCount, node, "patience");
  expect(one_of(t.monitor, {"loss", "ic", "rank_ic"}), node, "monitor", "loss, ic or rank_ic");
  located(section(node, {"loss"}), [&] {
    const auto loss = optim::make_loss(t.loss.name, kwargs_of(t.loss));
    QTK_CHECK(!loss->per_group() || t.batching == "dates", ValueError,
              "[train] {} compares the names of a date: it needs batching: dates", t.loss.name);
  });
  located(section(node, {"optimizer"}), [&] { optim::make_optimizer(t.optimizer.name, kwargs_of(t.optimizer)); });
  if (!t.lr_scheduler.name.empty())
    located(section(node, {"lr_scheduler"}),
            [&] { optim::make_schedule(t.lr_scheduler.name, kwargs_of(t.lr_scheduler)); });
}

void check_evaluation(const EvaluationConfig& e, const ConfigNode& node) {
  const auto profiles = backtest::profile_names();
  const std::string near = nearest_name(e.profile, profiles);
  expect(std::find(profiles.begin(), profiles.end(), e.profile) != profiles.end(), node, "profile",
         "empyrical, quantstats, qlib, lean or vnpy" + (near.empty() ? "" : " (did you mean " + near + "?)"));
  expect(std::isfinite(e.periods_per_year) && e.periods_per_year >= 0, node, "periods_per_year",
         "a number above 0, or 0 for the profile's");
  expect(!e.ic_horizons.empty() && std::is_sorted(e.ic_horizons.begin(), e.ic_horizons.end(), std::less_equal<>()) &&
             e.ic_horizons.front() >= 1 && e.ic_horizons.back() <= kLargestSpan,
         node, "ic_horizons", fmt::format("ascending numbers from 1 to {}", kLargestSpan));
  expect_range(e.quantiles, 2, kLargestCount, node, "quantiles");
  expect(e.overlap_k > 0 && (e.overlap_k < 1 || e.overlap_k == std::floor(e.overlap_k)), node, "overlap_k",
         "a whole number of 1 or more, or a share inside (0, 1)");
  expect_range(e.trials, 1, kLargestCount, node, "trials");
  expect_range(e.bootstrap.resamples, 100, kLargestCount, section(node, {"bootstrap"}), "resamples");
  located(section(node, {"bootstrap"}), [&] { backtest::check_options(e.bootstrap); });
}

}  // namespace

void check_run_config(const RunConfig& config, const ConfigNode& root, RunPurpose purpose) {
  if (purpose == RunPurpose::network) {
    check_dataset(config.dataset, section(root, {"dataset"}));
    check_train(config.train, section(root, {"train"}));
    check_model(config, root);
    const ConfigNode& quantize = section(root, {"quantize"});
    located(quantize, [&] { config.quantize.validate(); });
    expect(config.quantize.num_calib_samples >= 1, quantize, "num_calib_samples", "1 or more");
  }
  const ConfigNode& strategy = section(root, {"strategy", "kwargs"});
  // A universe of any size: what depends on the names is checked when the prices are known.
  located(strategy,
          [&] { strategy::make_strategy(config.strategy_options, std::vector<std::string>(kLargestUniverse, "")); });
  const ConfigNode& costs = section(root, {"backtest"});
  // At 10,000 basis points a sale brings nothing.
  constexpr double kWhole = 1e4;
  expect(config.backtest.commission_bps < kWhole, costs, "commission_bps", "less than 10000");
  expect(config.backtest.slippage_bps < kWhole, costs, "slippage_bps", "less than 10000");
  expect_range(config.backtest.delay_bars, 1, kLargestSpan, costs, "delay_bars");
  located(costs, [&] { backtest::check_options(config.backtest); });
  check_evaluation(config.evaluation, section(root, {"evaluation"}));
}

}  // namespace quantick::cli
