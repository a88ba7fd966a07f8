#include "quantick/cli/replay_config.h"

#include <fmt/format.h>

#include <cmath>

#include "quantick/core/file.h"
#include "quantick/features/ticks/tick_feature_set.h"

namespace quantick::cli {
namespace {

/// The node at `path` ("train.epochs"), or the deepest one above it that the file has.
const ConfigNode& node_at(const ConfigNode& root, std::string_view path) {
  const ConfigNode* node = &root;
  while (!path.empty()) {
    const auto dot = path.find('.');
    const ConfigNode* next = node->find(path.substr(0, dot));
    if (next == nullptr) break;
    node = next;
    path = dot == path.npos ? std::string_view() : path.substr(dot + 1);
  }
  return *node;
}

/// Turns what an option's own check says into an error with file and line.
template <class Check>
void check_section(const ConfigNode& root, const char* key, Check&& check) {
  try {
    check();
  } catch (const Error& error) {
    const ConfigNode& node = node_at(root, key);
    fail<ParseError>("{}:{}: {}", node.file, std::max(node.line, 1), error.what());
  }
}

void check_numbers(const ConfigNode& root, const ReplayConfig& c) {
  const auto need = [&](bool good, const char* path, const char* expected) {
    if (!good) refuse_node(node_at(root, path), fmt::format("{}: {}", path, expected));
  };
  need(c.seed >= 0, "seed", "0 or more");
  need(c.model.hidden_size >= 1 && c.model.hidden_size <= 1024, "model.hidden_size", "1..1024");
  need(c.model.num_layers >= 1 && c.model.num_layers <= 8, "model.num_layers", "1..8");
  need(c.model.window >= 1 && c.model.window <= 4096, "model.window", "1..4096");
  need(c.train.valid_share > 0 && c.train.valid_share < 1, "train.valid_share", "a share inside (0, 1)");
  need(c.train.epochs >= 1, "train.epochs", "1 or more");
  need(c.train.batch_size >= 1, "train.batch_size", "1 or more");
  need(c.train.learning_rate > 0, "train.learning_rate", "above 0");
  need(c.train.clip_norm >= 0, "train.clip_norm", "0 or more");
  need(c.train.patience >= 0, "train.patience", "0 or more");
  need(c.quantize.num_calib_samples >= 1, "quantize.num_calib_samples", "1 or more");
  need(c.latency.line_us >= 0 && c.latency.line_us <= 1e9, "latency.line_us", "0..1e9");
  need(c.trading.enter >= 0, "trading.enter", "0 or more");
  need(c.trading.enter_share > 0 && c.trading.enter_share < 1, "trading.enter_share", "a share inside (0, 1)");
  need(c.trading.exit_share >= 0 && c.trading.exit_share <= c.trading.enter_share, "trading.exit_share",
       "from 0 to enter_share");
  const auto refuse_idle = [&](const char* key, const char* why) {
    const ConfigNode* trading = root.find("trading");
    const ConfigNode* idle = trading == nullptr ? nullptr : trading->find(key);
    if (idle != nullptr) refuse_node(*idle, why);
  };
  if (c.trading.enter > 0) {
    for (const char* key : {"enter_share", "exit_share"}) refuse_idle(key, "nothing, since enter is given");
  } else {
    refuse_idle("exit", "nothing, or enter beside it: without enter both come from enter_share and exit_share");
  }
  need(c.data.read.instrument == 0, "data.read.instrument", "0: a replay has one instrument");
}

}  // namespace

ReplayConfig read_replay_config(const std::string& path) {
  ReplayConfig c;
  c.text = read_file(path);
  const ConfigNode root = parse_config(c.text, path);
  QTK_CHECK(root.kind == ConfigNode::Kind::map, ParseError, "{}:1: the replay file is empty or no map of sections",
            path);
  read_node(root, c);
  for (const char* key : {"name", "data", "features", "label"})
    if (root.find(key) == nullptr) fail<ParseError>("{}:1: no key \"{}\", which every replay needs", path, key);
  if (c.name.empty() || c.name.find_first_of("/\\") != std::string::npos)
    refuse_node(*root.find("name"), "a name without slashes");
  if (c.data.train.empty() || c.data.replay.empty()) refuse_node(*root.find("data"), "the keys train and replay");
  check_numbers(root, c);
  check_section(root, "features", [&] {
    features::TickFeatureSet(c.features.list, {.quotes = c.features.quotes, .max_gap = c.features.max_gap});
  });
  check_section(root, "label", [&] { features::forward_mid_returns({}, c.label); });
  check_section(root, "quantize", [&] { c.quantize.validate(); });
  check_section(root, "bootstrap", [&] { backtest::check_options(c.bootstrap); });
  check_section(root, "trading", [&] {
    backtest::TickOptions options = c.trading;
    if (options.enter == 0) options.enter = options.exit = 1;  // to be chosen after training
    backtest::check_options(options);
  });
  if (c.output.empty()) c.output = "out/" + c.name;
  if (c.bootstrap.seed == 0) c.bootstrap.seed = static_cast<uint64_t>(c.seed);
  c.run.path = path;
  return c;
}

std::string replay_config_help() {
  std::string out;
  const auto add = [&](const char* section, const auto& options) {
    out += std::string(section) + ":\n";
    for_each_field(options, [&](std::string_view name, const auto&, std::string_view doc) {
      out += fmt::format("  {:<24} {}\n", name, doc);
    });
  };
  add("replay file", ReplayConfig{});
  add("data", ReplayDataConfig{});
  add("data.read", market::TickReadOptions{});
  add("features", ReplayFeatureConfig{});
  add("features.scaler", features::ScalerOptions{});
  add("label", features::TickLabelOptions{});
  add("model", ReplayModelConfig{});
  add("train", ReplayTrainConfig{});
  add("trading", ReplayTradingConfig{});
  add("latency", ReplayLatencyConfig{});
  add("bootstrap", backtest::BootstrapOptions{});
  return out + "`quantick run --help` explains quantize.\n";
}

}  // namespace quantick::cli
