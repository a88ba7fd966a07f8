#pragma once
// The file of `quantick sweep`: scores, prices, and the strategies and costs to try on them. A list in place of a value
// stands for each of its values, crossed with all other lists beside it.
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "quantick/backtest/sweep.h"
#include "quantick/cli/run_config.h"

namespace quantick::cli {

inline void read_node(const ConfigNode& node, ConfigNode& value) { value = node; }

struct SweepFile {
  std::string name;
  std::string output;
  std::string scores;
  DataConfig data;
  std::vector<ClassConfig> strategies;
  ConfigNode backtest;
  double periods_per_year = 252;
  int64_t trials = 0;

  static constexpr auto fields() {
    using C = SweepFile;
    return std::make_tuple(
        field("name", &C::name, "of the sweep"), field("output", &C::output, "folder; default out/<name>"),
        field("scores", &C::scores, "CSV of scores, long or wide, such as scores_int8.csv of `quantick run`"),
        field("data", &C::data, "prices, as in a run file"),
        field("strategies", &C::strategies, "list of {class, kwargs} as in a run file; a kwarg may be a list"),
        field("backtest", &C::backtest, "as in a run file; a value may be a list"),
        field("periods_per_year", &C::periods_per_year, "bars in a year, for annual numbers"),
        field("trials", &C::trials, "settings tried on these scores before, for the deflated Sharpe ratio"));
  }
};

/// One setting and what it chose from the file's lists, such as {"k", "10"}; the first is the strategy's class.
struct SweepChoice {
  backtest::SweepSetting setting;
  std::vector<std::pair<std::string, std::string>> chosen;
};

struct SweepConfig {
  SweepFile file;
  RunConfig run;  ///< name, path, data and output of the file
  std::string text;
  std::vector<SweepChoice> choices;
};

/// Reads and checks a sweep file. Throws IoError and ParseError.
SweepConfig read_sweep_config(const std::string& path);

/// Text for `quantick sweep --help`.
std::string sweep_config_help();

}  // namespace quantick::cli
