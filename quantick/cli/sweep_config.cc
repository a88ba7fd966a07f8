#include "quantick/cli/sweep_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "quantick/core/file.h"

namespace quantick::cli {
namespace {

/// More settings than this are a slip of the pen: days of work.
constexpr size_t kMostSettings = 1'000'000;

/// A map without lists, and what was chosen from those it had.
struct Branch {
  ConfigNode map;
  std::vector<std::pair<std::string, std::string>> chosen;
};

/// Every way to choose one item from each list of a map.
std::vector<Branch> branches_of(const ConfigNode& map) {
  std::vector<Branch> out{{map, {}}};
  out.front().map.entries.clear();
  for (const auto& [key, node] : map.entries) {
    const bool list = node.kind == ConfigNode::Kind::list;
    if (list && node.items.empty()) refuse_node(node, "a value, or a list of values");
    const std::vector<ConfigNode> values = list ? node.items : std::vector<ConfigNode>{node};
    if (out.size() * values.size() > kMostSettings)
      refuse_node(node, fmt::format("lists that make {} settings at most", kMostSettings));
    std::vector<Branch> next;
    for (const Branch& branch : out) {
      for (const ConfigNode& value : values) {
        next.push_back(branch);
        next.back().map.entries.emplace_back(key, value);
        if (list) next.back().chosen.emplace_back(key, value.scalar);
      }
    }
    out = std::move(next);
  }
  return out;
}

void require(const ConfigNode& root, const char* key) {
  if (root.find(key) == nullptr) fail<ParseError>("{}:1: no key \"{}\", which every sweep needs", root.file, key);
}

void check_costs(const ConfigNode& where, const backtest::BacktestOptions& options) {
  try {
    backtest::check_options(options);
  } catch (const ValueError& error) {
    fail<ParseError>("{}:{}: {}", where.file, where.line, error.what());
  }
}

}  // namespace

SweepConfig read_sweep_config(const std::string& path) {
  SweepConfig out;
  out.text = read_file(path);
  const ConfigNode root = parse_config(out.text, path);
  SweepFile& file = out.file;
  read_node(root, file);
  for (const char* key : {"name", "data", "strategies"}) require(root, key);
  if (file.name.empty() || file.name.find_first_of("/\\") != std::string::npos)
    refuse_node(*root.find("name"), "a name without slashes");
  if (file.data.path.empty()) refuse_node(*root.find("data"), "a key \"path\"");
  if (!(file.periods_per_year > 0)) refuse_node(*root.find("periods_per_year"), "a number above 0");
  if (file.trials < 0) refuse_node(*root.find("trials"), "0 or more");
  if (file.output.empty()) file.output = "out/" + file.name;
  out.run.name = file.name;
  out.run.path = path;
  out.run.output = file.output;
  out.run.data = file.data;

  if (file.backtest.kind != ConfigNode::Kind::map && file.backtest.kind != ConfigNode::Kind::null)
    refuse_node(file.backtest, "a map of keys and values");
  const auto costs = branches_of(file.backtest);
  if (file.strategies.empty()) refuse_node(*root.find("strategies"), "a list of {class, kwargs}");
  for (const ClassConfig& spec : file.strategies) {
    const auto names = strategy::strategy_names();
    if (std::find(names.begin(), names.end(), spec.name) == names.end())
      refuse_node(spec.node, fmt::format("one of {}", fmt::join(names, ", ")));
    const auto branches = branches_of(spec.kwargs);
    if (out.choices.size() + branches.size() * costs.size() > kMostSettings)
      refuse_node(spec.node, fmt::format("lists that make {} settings at most", kMostSettings));
    for (const Branch& kwargs : branches) {
      auto options = strategy::default_strategy_options(spec.name);
      std::visit([&](auto& o) { read_node(kwargs.map, o); }, options);
      for (const Branch& cost : costs) {
        SweepChoice& choice = out.choices.emplace_back();
        choice.setting.strategy = options;
        if (cost.map.kind == ConfigNode::Kind::map) read_node(cost.map, choice.setting.backtest);
        check_costs(cost.map, choice.setting.backtest);
        choice.chosen.emplace_back("class", spec.name);
        choice.chosen.insert(choice.chosen.end(), kwargs.chosen.begin(), kwargs.chosen.end());
        choice.chosen.insert(choice.chosen.end(), cost.chosen.begin(), cost.chosen.end());
      }
    }
  }
  return out;
}

std::string sweep_config_help() {
  std::string out = "sweep file:\n";
  for_each_field(SweepFile{}, [&](std::string_view name, const auto&, std::string_view doc) {
    out += fmt::format("  {:<24} {}\n", name, doc);
  });
  return out + "`quantick run --help` explains data, strategies and backtest.\n";
}

}  // namespace quantick::cli
