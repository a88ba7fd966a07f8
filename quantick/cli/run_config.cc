#include "quantick/cli/run_config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "quantick/cli/run_checks.h"
#include "quantick/core/env.h"
#include "quantick/core/file.h"
#include "quantick/optim/loss.h"
#include "quantick/optim/optimizer.h"
#include "quantick/optim/schedule.h"

namespace quantick::cli {
namespace {

/// Reads kwargs into options, leaving defaults where there are none.
template <class Options>
void read_kwargs(const ClassConfig& spec, Options& options) {
  if (spec.kwargs.kind != ConfigNode::Kind::null) read_node(spec.kwargs, options);
}

void refuse_class(const ClassConfig& spec, const std::vector<std::string>& known) {
  const std::string near = nearest_name(spec.name, known);
  std::string names;
  for (const auto& name : known) names += (names.empty() ? "" : ", ") + name;
  refuse_node(spec.node, "one of " + names + (near.empty() ? "" : " (did you mean " + near + "?)"));
}

void require(const ConfigNode& root, const char* key) {
  if (root.find(key) == nullptr) fail<ParseError>("{}:1: no key \"{}\", which every run needs", root.file, key);
}

std::string default_text(bool value) { return value ? "true" : "false"; }
std::string default_text(int64_t value) { return std::to_string(value); }
std::string default_text(uint64_t value) { return std::to_string(value); }
std::string default_text(double value) { return fmt::format("{}", value); }
std::string default_text(const std::string& value) { return value; }
std::string default_text(const ClassConfig& value) { return value.name; }
template <class T>
std::string default_text(const T&) {
  return "";  // a section of its own, or a segment
}
template <class T>
std::string default_text(const std::vector<T>& values) {
  std::string out;
  for (const auto& value : values) out += (out.empty() ? "" : ", ") + default_text(value);
  return out.empty() ? out : "[" + out + "]";
}

template <HasFields T>
std::string help_of(const std::string& section) {
  std::string out = section + ":\n";
  const T defaults{};
  for_each_field(defaults, [&](std::string_view name, const auto& member, std::string_view doc) {
    const std::string usual = default_text(member);
    out += fmt::format("  {:<24} {}{}\n", name, doc, usual.empty() ? "" : " [" + usual + "]");
  });
  return out;
}

}  // namespace

Attributes kwargs_of(const ClassConfig& spec) {
  Attributes out;
  for (const auto& [key, node] : spec.kwargs.entries) {
    if (node.kind == ConfigNode::Kind::list) {
      std::vector<int64_t> values;
      read_node(node, values);
      out.emplace_back(key, values);
      continue;
    }
    if (node.kind != ConfigNode::Kind::scalar) refuse_node(node, "a value");
    const std::string& text = node.scalar;
    const char* end = text.data() + text.size();
    int64_t integer = 0;
    double number = 0;
    if (text == "true" || text == "false")
      out.emplace_back(key, text == "true");
    else if (const auto r = std::from_chars(text.data(), end, integer); r.ec == std::errc() && r.ptr == end)
      out.emplace_back(key, integer);
    else if (const auto d = std::from_chars(text.data(), end, number); d.ec == std::errc() && d.ptr == end)
      out.emplace_back(key, number);
    else
      out.emplace_back(key, text);
  }
  return out;
}

void read_node(const ConfigNode& node, Segment& value) {
  std::vector<std::string> dates;
  read_node(node, dates);
  if (dates.size() != 2) refuse_node(node, "[first date, last date]");
  const auto from = market::Date::try_parse(dates[0]), to = market::Date::try_parse(dates[1]);
  if (!from || !to) refuse_node(node.items[from ? 1 : 0], market::kDateForms);
  if (*to < *from) refuse_node(node.items[1], "a date that is not before " + from->to_string());
  value = {*from, *to};
}

const std::vector<std::string>& model_names() {
  static const std::vector<std::string> names{"LSTM", "GRU", "MLP", "TCN", "Transformer", "CrossTransformer"};
  return names;
}

void read_model(RunConfig& config) {
  const auto& names = model_names();
  if (std::find(names.begin(), names.end(), config.model.name) == names.end()) refuse_class(config.model, names);
  visit_model(config, [&](auto& options) { read_kwargs(config.model, options); });
}

RunConfig read_run_config(const std::string& path, RunPurpose purpose) {
  const std::string text = read_file(path);
  RunConfig config = read_run_config(parse_config(text, path), purpose);
  config.text = text;
  return config;
}

RunConfig read_run_config(const ConfigNode& root, RunPurpose purpose) {
  RunConfig config;
  config.path = root.file;
  QTK_CHECK(root.kind == ConfigNode::Kind::map, ParseError, "{}:1: the run file is empty or no map of sections",
            root.file);
  read_node(root, config);
  require(root, "name");
  require(root, "data");
  if (purpose == RunPurpose::network) require(root, "dataset");
  if (config.name.empty() || config.name.find_first_of("/\\") != std::string::npos)
    refuse_node(*root.find("name"), "a name without slashes");
  if (config.seed < 0) refuse_node(*root.find("seed"), "0 or more");
  if (config.data.path.empty()) refuse_node(*root.find("data"), "a key \"path\"");
  if (config.output.empty()) config.output = "out/" + config.name;
  if (config.title.empty()) config.title = config.name;
  if (config.data.name.empty()) config.data.name = std::filesystem::path(config.data.path).filename().string();

  read_model(config);
  const auto strategies = strategy::strategy_names();
  if (std::find(strategies.begin(), strategies.end(), config.strategy.name) == strategies.end())
    refuse_class(config.strategy, strategies);
  config.strategy_options = strategy::default_strategy_options(config.strategy.name);
  std::visit([&](auto& options) { read_kwargs(config.strategy, options); }, config.strategy_options);
  check_run_config(config, root, purpose);
  return config;
}

std::string run_config_help() {
  return help_of<RunConfig>("run file") + help_of<DataConfig>("data") + help_of<market::ReadOptions>("data.read") +
         help_of<DatasetConfig>("dataset") + help_of<features::ScalerOptions>("dataset.scaler") +
         help_of<features::DatasetOptions>("dataset.samples") +
         help_of<RecurrentModelConfig>("model (class LSTM or GRU) kwargs") +
         help_of<MlpModelConfig>("model (class MLP) kwargs") + help_of<TcnModelConfig>("model (class TCN) kwargs") +
         help_of<TransformerModelConfig>(
             "model (class Transformer, over the steps of a window, or CrossTransformer, across the instruments of a "
             "date) kwargs") +
         help_of<TrainConfig>("train") + help_of<optim::L2LossOptions>("train.loss (class L2Loss) kwargs") +
         help_of<optim::L1LossOptions>("train.loss (class L1Loss) kwargs") +
         help_of<optim::HuberLossOptions>("train.loss (class HuberLoss) kwargs") +
         help_of<optim::QuantileLossOptions>("train.loss (class QuantileLoss) kwargs") +
         help_of<optim::NegativeICLossOptions>("train.loss (class NegativeICLoss) kwargs") +
         help_of<optim::SGDOptions>("train.optimizer (class SGD) kwargs") +
         help_of<optim::AdamOptions>("train.optimizer (class Adam) kwargs") +
         help_of<optim::AdamWOptions>("train.optimizer (class AdamW) kwargs") +
         help_of<optim::FactorSchedulerOptions>("train.lr_scheduler (class FactorScheduler) kwargs") +
         help_of<optim::MultiFactorSchedulerOptions>("train.lr_scheduler (class MultiFactorScheduler) kwargs") +
         help_of<optim::PolySchedulerOptions>("train.lr_scheduler (class PolyScheduler) kwargs") +
         help_of<optim::CosineSchedulerOptions>("train.lr_scheduler (class CosineScheduler) kwargs") +
         help_of<QuantizeConfig>("quantize") +
         help_of<strategy::TopkDropoutOptions>("strategy (class TopkDropout) kwargs") +
         help_of<strategy::EqualWeightOptions>("strategy (class EqualWeight) kwargs") +
         help_of<strategy::LongShortOptions>("strategy (class LongShort) kwargs") +
         help_of<strategy::TargetWeightsOptions>("strategy (class TargetWeights) kwargs") +
         help_of<backtest::BacktestOptions>("backtest") + help_of<EvaluationConfig>("evaluation") +
         help_of<backtest::BootstrapOptions>("evaluation.bootstrap");
}

std::string resolve_path(const RunConfig& config, const std::string& path) {
  namespace fs = std::filesystem;
  constexpr std::string_view kCache = "cache:";
  if (path.starts_with(kCache))
    return (fs::path(environment("QTK_CACHE").value_or(".cache")) / path.substr(kCache.size())).string();
  const fs::path beside = fs::path(config.path).parent_path() / path;
  if (fs::path(path).is_relative() && !fs::exists(path) && fs::exists(beside)) return beside.string();
  return path;
}

}  // namespace quantick::cli
