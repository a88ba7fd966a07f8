#pragma once
// The same metrics as other tools compute them: a struct per tool, a function per metric. Checked against numbers that
// the tools, or their formulas, gave (profiles_test.cc).
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quantick::backtest {

/// A number and the convention it was computed by.
struct Metric {
  std::string name;
  double value;
  std::string convention;
};

using Returns = std::span<const double>;

/// empyrical-reloaded 0.7.1. risk_free is per period.
struct EmpyricalProfile {
  static constexpr std::string_view kName = "empyrical";
  double periods = 252;
  double risk_free = 0;
  double annual_return(Returns r) const;
  double annual_volatility(Returns r) const;
  double sharpe(Returns r) const;
  double sortino(Returns r) const;
  double downside_risk(Returns r) const;
  double max_drawdown(Returns r) const;
  double calmar(Returns r) const;
  double value_at_risk(Returns r) const;
  double expected_shortfall(Returns r) const;
  double beta(Returns r, Returns benchmark) const;
  double alpha(Returns r, Returns benchmark) const;
  double information_ratio(Returns r, Returns benchmark) const;
  std::vector<Metric> evaluate(Returns r, Returns benchmark) const;
};

/// quantstats 0.0.86. risk_free is per year, brought to a period geometrically.
struct QuantstatsProfile {
  static constexpr std::string_view kName = "quantstats";
  double periods = 252;
  double risk_free = 0;
  double risk_free_per_period() const;
  double annual_return(Returns r) const;
  double annual_volatility(Returns r) const;
  double sharpe(Returns r) const;
  double sortino(Returns r) const;
  double max_drawdown(Returns r) const;
  double calmar(Returns r) const;
  double ulcer_index(Returns r) const;
  double value_at_risk(Returns r) const;
  double expected_shortfall(Returns r) const;
  double probabilistic_sharpe(Returns r) const;
  double beta(Returns r, Returns benchmark) const;
  double alpha(Returns r, Returns benchmark) const;
  double information_ratio(Returns r, Returns benchmark) const;
  std::vector<Metric> evaluate(Returns r, Returns benchmark) const;
};

/// Qlib's risk_analysis: 238 days a year, sums instead of products unless `product`. Qlib feeds it with returns minus
/// the benchmark's, minus cost; so does evaluate() where there is a benchmark.
struct QlibProfile {
  static constexpr std::string_view kName = "qlib";
  double periods = 238;
  bool product = false;
  double annual_return(Returns r) const;
  double annual_volatility(Returns r) const;
  double information_ratio(Returns r) const;
  double max_drawdown(Returns r) const;
  std::vector<Metric> evaluate(Returns r, Returns benchmark) const;
};

/// QuantConnect Lean. risk_free is per year. Lean rounds some of these to three digits; these are not rounded.
struct LeanProfile {
  static constexpr std::string_view kName = "lean";
  double periods = 252;
  double risk_free = 0;
  double annual_performance(Returns r) const;
  double annual_volatility(Returns r) const;
  double sharpe(Returns r) const;
  double sortino(Returns r) const;
  double max_drawdown(Returns r) const;
  double value_at_risk(Returns r) const;
  double probabilistic_sharpe(Returns r) const;
  double information_ratio(Returns r, Returns benchmark) const;
  std::vector<Metric> evaluate(Returns r, Returns benchmark) const;
};

/// vn.py's alpha backtester. risk_free is per year, divided by sqrt(periods) as vn.py does; the first return counts as
/// 0.
struct VnpyProfile {
  static constexpr std::string_view kName = "vnpy";
  double periods = 240;
  double risk_free = 0;
  double annual_return(Returns r) const;
  double sharpe(Returns r) const;
  double max_drawdown(Returns r) const;
  std::vector<Metric> evaluate(Returns r, Returns benchmark) const;
};

std::vector<std::string> profile_names();

/// Throws ValueError for an unknown name, with the nearest one.
void check_profile(std::string_view name);

/// Periods a year of a profile's defaults: 252, of qlib 238, of vnpy 240. Throws as check_profile does.
double periods_of(std::string_view name);

struct ProfileOptions {
  std::optional<double> periods;  ///< a year; where there is none, the profile's
  double risk_free = 0;           ///< in the profile's unit; qlib has none
};

/// All metrics of a profile. `benchmark` may be empty: what needs one is left out. Throws ValueError for an unknown
/// name, options that do not fit, fewer than 2 returns or one that is not finite, ShapeError for lengths that differ.
std::vector<Metric> evaluate_profile(std::string_view name, Returns returns, Returns benchmark = {},
                                     const ProfileOptions& options = {});

}  // namespace quantick::backtest
