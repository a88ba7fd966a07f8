#include "quantick/backtest/profiles.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quantick/backtest/metrics.h"
#include "quantick/core/error.h"
#include "quantick/core/fields.h"
#include "quantick/risk/drawdown.h"
#include "quantick/risk/statistics.h"
#include "quantick/risk/tail_risk.h"

namespace quantick::backtest {

namespace {

using List = std::vector<Metric>;

/// What every profile shares, because the tool has no form of its own.
void add_totals(List& list, Returns r) {
  list.push_back({"total_return", total_return(r), "compounded"});
  list.push_back({"hit_rate", hit_rate(r), "positive / non-zero returns"});
}

void add_common(List& list, Returns r) {
  add_totals(list, r);
  list.push_back({"skewness", risk::moments(r).skewness, "biased"});
  list.push_back({"kurtosis", risk::moments(r).kurtosis, "biased, raw (3 for a normal)"});
}

/// As pandas has them: NaN for fewer than 4 returns.
risk::Moments corrected_moments(Returns r) {
  return r.size() < 4 ? risk::Moments{std::nan(""), std::nan("")} : risk::moments(r, false);
}

std::vector<double> excess_over(Returns r, Returns benchmark) {
  std::vector<double> excess(r.begin(), r.end());
  for (size_t t = 0; t < benchmark.size(); ++t) excess[t] -= benchmark[t];
  return excess;
}

std::vector<double> logs(Returns r) {
  std::vector<double> out;
  for (const double v : r) out.push_back(std::log1p(v));
  return out;
}

}  // namespace

double EmpyricalProfile::annual_return(Returns r) const { return backtest::annual_return(r, periods); }
double EmpyricalProfile::annual_volatility(Returns r) const { return backtest::annual_volatility(r, periods); }
double EmpyricalProfile::sharpe(Returns r) const { return backtest::sharpe(r, periods, risk_free); }
double EmpyricalProfile::sortino(Returns r) const { return backtest::sortino(r, periods, risk_free); }
double EmpyricalProfile::downside_risk(Returns r) const { return backtest::downside_risk(r, periods, risk_free); }
double EmpyricalProfile::max_drawdown(Returns r) const { return risk::max_drawdown(r); }
double EmpyricalProfile::calmar(Returns r) const { return backtest::calmar(r, periods); }
double EmpyricalProfile::value_at_risk(Returns r) const { return risk::value_at_risk(r); }
double EmpyricalProfile::expected_shortfall(Returns r) const { return risk::expected_shortfall(r); }
double EmpyricalProfile::beta(Returns r, Returns b) const { return backtest::beta(r, b); }
double EmpyricalProfile::alpha(Returns r, Returns b) const {
  return std::pow(1 + alpha_per_period(r, b, risk_free), periods) - 1;
}
double EmpyricalProfile::information_ratio(Returns r, Returns b) const { return backtest::information_ratio(r, b); }

std::vector<Metric> EmpyricalProfile::evaluate(Returns r, Returns b) const {
  const std::string year = fmt::format("{:g} periods a year", periods);
  List list;
  add_common(list, r);
  list.push_back({"annual_return", annual_return(r), "geometric, " + year});
  list.push_back({"annual_volatility", annual_volatility(r), "ddof 1, " + year});
  list.push_back({"sharpe", sharpe(r), fmt::format("ddof 1, risk-free {:g} per period, {}", risk_free, year)});
  list.push_back({"sortino", sortino(r), "root mean square of losses over all periods, " + year});
  list.push_back({"downside_risk", downside_risk(r), "root mean square of losses over all periods, " + year});
  list.push_back({"max_drawdown", max_drawdown(r), "compounded, the start is a peak"});
  list.push_back({"calmar", calmar(r), "annual return / |maximum drawdown|, whole series"});
  list.push_back({"omega", omega(r, risk_free), fmt::format("threshold {:g}", risk_free)});
  list.push_back({"tail_ratio", tail_ratio(r), "|95th| / |5th percentile|"});
  list.push_back({"stability", stability(r), "R squared of cumulative log returns on time"});
  list.push_back({"value_at_risk", value_at_risk(r), "5 %, linear percentile, a loss is positive"});
  list.push_back({"expected_shortfall", expected_shortfall(r), "mean of the lowest floor((n-1) 5 %) + 1"});
  list.push_back(
      {"probabilistic_sharpe", backtest::probabilistic_sharpe(r), "against 0, biased moments, raw kurtosis"});
  if (!b.empty()) {
    list.push_back({"beta", beta(r, b), "covariance / variance, ddof 1"});
    list.push_back({"alpha", alpha(r, b), "geometric, " + year});
    list.push_back({"information_ratio", information_ratio(r, b), "per period, not annualised (excess_sharpe)"});
  }
  return list;
}

double QuantstatsProfile::risk_free_per_period() const { return std::pow(1 + risk_free, 1 / periods) - 1; }
double QuantstatsProfile::annual_return(Returns r) const { return backtest::annual_return(r, periods); }
double QuantstatsProfile::annual_volatility(Returns r) const { return backtest::annual_volatility(r, periods); }
double QuantstatsProfile::sharpe(Returns r) const { return backtest::sharpe(r, periods, risk_free_per_period()); }
double QuantstatsProfile::sortino(Returns r) const { return backtest::sortino(r, periods, risk_free_per_period()); }
double QuantstatsProfile::max_drawdown(Returns r) const { return risk::max_drawdown(r); }
double QuantstatsProfile::calmar(Returns r) const { return backtest::calmar(r, periods); }
double QuantstatsProfile::ulcer_index(Returns r) const { return risk::ulcer_index(r, 1); }
double QuantstatsProfile::value_at_risk(Returns r) const { return risk::value_at_risk_normal(r); }
double QuantstatsProfile::expected_shortfall(Returns r) const { return risk::expected_shortfall_normal(r); }
double QuantstatsProfile::probabilistic_sharpe(Returns r) const {
  const risk::Moments m = corrected_moments(r);
  return backtest::probabilistic_sharpe(backtest::sharpe(r, 1, risk_free_per_period()), m.skewness, m.kurtosis,
                                        static_cast<int64_t>(r.size()), 0);
}
double QuantstatsProfile::beta(Returns r, Returns b) const { return backtest::beta(r, b); }
double QuantstatsProfile::alpha(Returns r, Returns b) const { return alpha_per_period(r, b) * periods; }
double QuantstatsProfile::information_ratio(Returns r, Returns b) const { return backtest::information_ratio(r, b); }

std::vector<Metric> QuantstatsProfile::evaluate(Returns r, Returns b) const {
  const std::string year = fmt::format("{:g} periods a year", periods);
  List list;
  add_totals(list, r);
  list.push_back({"skewness", corrected_moments(r).skewness, "bias-corrected"});
  list.push_back({"kurtosis", corrected_moments(r).kurtosis - 3, "bias-corrected, excess (0 for a normal)"});
  list.push_back({"annual_return", annual_return(r), "CAGR by count of periods, " + year});
  list.push_back({"annual_volatility", annual_volatility(r), "ddof 1, " + year});
  list.push_back({"sharpe", sharpe(r), fmt::format("ddof 1, risk-free {:g} a year, {}", risk_free, year)});
  list.push_back({"sortino", sortino(r), "root mean square of losses over all periods, " + year});
  list.push_back({"max_drawdown", max_drawdown(r), "compounded, the start is a peak"});
  list.push_back({"calmar", calmar(r), "CAGR / |maximum drawdown|, whole series"});
  list.push_back({"omega", omega(r, risk_free_per_period()), fmt::format("threshold {:g}", risk_free_per_period())});
  list.push_back({"ulcer_index", ulcer_index(r), "divisor n - 1"});
  list.push_back({"value_at_risk", value_at_risk(r), "5 %, normal, a loss is positive"});
  list.push_back({"expected_shortfall", expected_shortfall(r), "5 %, normal closed form"});
  list.push_back({"probabilistic_sharpe", probabilistic_sharpe(r), "against 0, bias-corrected moments, raw kurtosis"});
  if (!b.empty()) {
    list.push_back({"beta", beta(r, b), "covariance / variance, ddof 1"});
    list.push_back({"alpha", alpha(r, b), "arithmetic, " + year});
    list.push_back({"information_ratio", information_ratio(r, b), "per period, not annualised"});
  }
  return list;
}

double QlibProfile::annual_return(Returns r) const {
  return product ? backtest::annual_return(r, periods) : risk::mean(r) * periods;
}
double QlibProfile::annual_volatility(Returns r) const {
  return (product ? risk::standard_deviation(logs(r)) : risk::standard_deviation(r)) * std::sqrt(periods);
}
double QlibProfile::information_ratio(Returns r) const {
  if (!product) return backtest::sharpe(r, periods);
  return backtest::annual_return(r, 1) / risk::standard_deviation(logs(r)) * std::sqrt(periods);
}
double QlibProfile::max_drawdown(Returns r) const {
  if (!product) return risk::max_drawdown_of_sum(r);
  // Qlib's curve starts with the first return, so a loss on the first day is not a drawdown.
  double wealth = 1, peak = 0, lowest = 0;
  for (const double v : r) {
    wealth *= 1 + v;
    peak = std::max(peak, wealth);
    lowest = std::min(lowest, wealth / peak - 1);
  }
  return lowest;
}

std::vector<Metric> QlibProfile::evaluate(Returns r, Returns b) const {
  const std::vector<double> excess = excess_over(r, b);
  const std::string mode = fmt::format("{} mode, {:g} periods a year, {}", product ? "product" : "sum", periods,
                                       b.empty() ? "no benchmark" : "return minus benchmark");
  List list;
  add_common(list, r);
  list.push_back({"mean", risk::mean(excess), mode});
  list.push_back({"annual_return", annual_return(excess), mode});
  list.push_back({"annual_volatility", annual_volatility(excess), "ddof 1, " + mode});
  list.push_back({"information_ratio", information_ratio(excess), "mean / deviation * sqrt(periods), " + mode});
  list.push_back({"max_drawdown", max_drawdown(excess), mode});
  return list;
}

double LeanProfile::annual_performance(Returns r) const { return std::pow(1 + risk::mean(r), periods) - 1; }
double LeanProfile::annual_volatility(Returns r) const { return backtest::annual_volatility(r, periods); }
double LeanProfile::sharpe(Returns r) const { return (annual_performance(r) - risk_free) / annual_volatility(r); }
double LeanProfile::sortino(Returns r) const {
  std::vector<double> losses;
  std::copy_if(r.begin(), r.end(), std::back_inserter(losses), [](double v) { return v < 0; });
  if (losses.size() < 2) return std::nan("");
  return (annual_performance(r) - risk_free) / backtest::annual_volatility(losses, periods);
}
double LeanProfile::max_drawdown(Returns r) const { return risk::max_drawdown(r); }
double LeanProfile::value_at_risk(Returns r) const {
  return risk::value_at_risk_normal(r.last(std::min<size_t>(r.size(), static_cast<size_t>(periods))));
}
double LeanProfile::probabilistic_sharpe(Returns r) const {
  const risk::Moments m = corrected_moments(r);
  // Lean puts the excess kurtosis where the formula wants the raw one; reproduced here, not endorsed.
  return backtest::probabilistic_sharpe(backtest::sharpe(r, 1), m.skewness, m.kurtosis - 3,
                                        static_cast<int64_t>(r.size()), 0);
}
double LeanProfile::information_ratio(Returns r, Returns b) const {
  return (annual_performance(r) - annual_performance(b)) / backtest::annual_volatility(excess_over(r, b), periods);
}

std::vector<Metric> LeanProfile::evaluate(Returns r, Returns b) const {
  const std::string year = fmt::format("{:g} periods a year", periods);
  List list;
  add_common(list, r);
  list.push_back({"annual_performance", annual_performance(r), "(1 + mean)^periods - 1, " + year});
  list.push_back({"annual_volatility", annual_volatility(r), "ddof 1, " + year});
  list.push_back({"sharpe", sharpe(r), fmt::format("(annual performance - {:g}) / volatility, {}", risk_free, year)});
  list.push_back({"sortino", sortino(r), "deviation of the negative returns alone, " + year});
  list.push_back({"max_drawdown", max_drawdown(r), "compounded, the start is a peak, not rounded"});
  list.push_back({"value_at_risk", value_at_risk(r), "5 %, normal, last year of periods, a loss is positive"});
  list.push_back({"probabilistic_sharpe", probabilistic_sharpe(r), "against 0, excess kurtosis in place of raw"});
  if (!b.empty()) {
    list.push_back({"beta", backtest::beta(r, b), "covariance / variance, ddof 1"});
    list.push_back({"information_ratio", information_ratio(r, b), "difference of performance / tracking error"});
  }
  return list;
}

double VnpyProfile::annual_return(Returns r) const { return total_return(r) / static_cast<double>(r.size()) * periods; }
double VnpyProfile::sharpe(Returns r) const {
  std::vector<double> zeroed(r.begin(), r.end());
  zeroed[0] = 0;
  return backtest::sharpe(zeroed, periods, risk_free / std::sqrt(periods));
}
double VnpyProfile::max_drawdown(Returns r) const { return risk::max_drawdown(r); }

std::vector<Metric> VnpyProfile::evaluate(Returns r, Returns) const {
  const std::string year = fmt::format("{:g} periods a year", periods);
  List list;
  add_common(list, r);
  list.push_back({"annual_return", annual_return(r), "total / periods * year, " + year});
  list.push_back({"sharpe", sharpe(r),
                  fmt::format("first return counted as 0, risk-free {:g} / sqrt(year), {}", risk_free, year)});
  list.push_back({"max_drawdown", max_drawdown(r), "of the balance, share of its peak"});
  return list;
}

namespace {

template <class... Profile>
struct Profiles {
  static std::vector<std::string> names() { return {std::string(Profile::kName)...}; }
  static bool periods(std::string_view name, double& value) {
    return ((Profile::kName == name ? (value = Profile().periods, true) : false) || ...);
  }
  static bool evaluate(std::string_view name, Returns r, Returns b, const ProfileOptions& options, List& list) {
    return ((Profile::kName == name ? (list = with<Profile>(options).evaluate(r, b), true) : false) || ...);
  }

 private:
  template <class P>
  static P with(const ProfileOptions& options) {
    P profile;
    if (options.periods) profile.periods = *options.periods;
    if constexpr (requires { profile.risk_free; }) {
      profile.risk_free = options.risk_free;
    } else {
      QTK_CHECK(options.risk_free == 0, ValueError, "[metrics] risk_free, was {}, expected 0: profile \"{}\" has none",
                options.risk_free, P::kName);
    }
    return profile;
  }
};
using AllProfiles = Profiles<EmpyricalProfile, QuantstatsProfile, QlibProfile, LeanProfile, VnpyProfile>;

}  // namespace

std::vector<std::string> profile_names() { return AllProfiles::names(); }

double periods_of(std::string_view name) {
  double value = 0;
  if (!AllProfiles::periods(name, value)) {
    const std::vector<std::string> names = profile_names();
    const std::string near = nearest_name(name, names);
    fail<ValueError>("[metrics] profile \"{}\" is unknown, expected one of {}{}", name, fmt::join(names, ", "),
                     near.empty() ? std::string() : fmt::format("; nearest is {}", near));
  }
  return value;
}

void check_profile(std::string_view name) { periods_of(name); }

std::vector<Metric> evaluate_profile(std::string_view name, Returns returns, Returns benchmark,
                                     const ProfileOptions& options) {
  check_profile(name);
  QTK_CHECK(!options.periods || (std::isfinite(*options.periods) && *options.periods > 0), ValueError,
            "[metrics] periods a year, was {}, expected > 0", *options.periods);
  QTK_CHECK(std::isfinite(options.risk_free) && options.risk_free > -1, ValueError,
            "[metrics] risk_free, was {}, expected a rate, 0.01 for 1 %", options.risk_free);
  QTK_CHECK(returns.size() >= 2, ValueError, "[metrics] {} returns, expected at least 2", returns.size());
  QTK_CHECK(benchmark.empty() || benchmark.size() == returns.size(), ShapeError,
            "[metrics] {} returns and {} of the benchmark, expected equal lengths (or no benchmark)", returns.size(),
            benchmark.size());
  for (const Returns series : {returns, benchmark}) {
    for (size_t t = 0; t < series.size(); ++t) {
      QTK_CHECK(std::isfinite(series[t]), ValueError, "[metrics] {} number {}, was {}, expected a finite number",
                series.data() == returns.data() ? "return" : "benchmark return", t, series[t]);
    }
  }
  List list;
  AllProfiles::evaluate(name, returns, benchmark, options, list);
  return list;
}

}  // namespace quantick::backtest
