// Report sections on what was earned and what the scores were worth.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "quantick/backtest/inference.h"
#include "quantick/backtest/metrics.h"
#include "quantick/backtest/profiles.h"
#include "quantick/cli/pipeline/report_sections.h"

namespace quantick::cli {
namespace {

using report::Estimate;
using report::kMissing;
using report::Unit;

std::vector<std::string> iso(const std::vector<market::Date>& dates) {
  std::vector<std::string> out;
  for (const auto& date : dates) out.push_back(date.to_string());
  return out;
}

Estimate estimate(const backtest::MeanEstimate& m) { return {m.value, m.low, m.high, m.observations}; }

Estimate mean_of(std::span<const double> series, int64_t horizon) {
  return estimate(backtest::newey_west_mean(series, horizon));
}

/// What was earned before commission, slippage and borrow, interest on cash included.
std::vector<double> gross_of(const backtest::BacktestResult& r) {
  std::vector<double> out = r.gross_return;
  for (size_t i = 0; i < out.size(); ++i) out[i] += r.interest[i];
  return out;
}

double total(std::span<const double> values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum;
}

std::vector<double> wealth(std::span<const double> returns) {
  std::vector<double> out;
  double level = 1;
  for (double r : returns) out.push_back(level *= 1 + r);
  return out;
}

std::string label_of(std::string key) {
  std::replace(key.begin(), key.end(), '_', ' ');
  key[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(key[0])));
  return key;
}

Unit unit_of(std::string_view key) {
  for (std::string_view percent :
       {"total_return", "annual_return", "annual_performance", "annual_volatility", "downside_risk", "max_drawdown",
        "value_at_risk", "expected_shortfall", "hit_rate", "alpha", "turnover"})
    if (key == percent) return Unit::kPercent;
  if (key == "probabilistic_sharpe" || key == "psr" || key == "dsr") return Unit::kProbability;
  return Unit::kRatio;
}

/// Metrics of a profile that the verdict shows; `quantick metrics` prints all of them.
constexpr std::array<std::string_view, 11> kShown{"total_return",
                                                  "annual_return",
                                                  "annual_performance",
                                                  "annual_volatility",
                                                  "sharpe",
                                                  "information_ratio",
                                                  "sortino",
                                                  "max_drawdown",
                                                  "calmar",
                                                  "beta",
                                                  "probabilistic_sharpe"};

/// Adds a row to the verdict; `value(contender)` gives its cell.
template <class Value>
void add_metric(const Evaluation& e, report::ReportData& out, report::MetricSpec spec, Value&& value) {
  out.metrics.push_back(std::move(spec));
  for (size_t i = 0; i < e.contenders.size(); ++i) out.strategies[i].values.push_back(value(e.contenders[i]));
}

std::vector<backtest::Metric> profile_of(const RunConfig& config, const Evaluation& e,
                                         std::span<const double> returns) {
  return backtest::evaluate_profile(config.evaluation.profile, returns, e.benchmark_returns,
                                    {.periods = config.evaluation.periods()});
}

}  // namespace

void fill_verdict(const RunConfig& config, const Evaluation& e, report::ReportData& out) {
  for (const Contender& c : e.contenders) out.strategies.push_back({c.key, c.label, c.role, {}});
  const std::string profile = config.evaluation.profile;
  const double periods = config.evaluation.periods();
  // Qlib calls its Sharpe ratio an information ratio.
  const std::string sharpe = profile == "qlib" ? "information_ratio" : "sharpe";
  const auto metrics = profile_of(config, e, e.contenders.front().result.net_return);
  for (size_t m = 0; m < metrics.size(); ++m) {
    const std::string& name = metrics[m].name;
    if (std::find(kShown.begin(), kShown.end(), name) == kShown.end()) continue;
    const std::string key = name == "probabilistic_sharpe" ? "psr" : name;
    add_metric(e, out, {key, label_of(name), profile + ": " + metrics[m].convention, "Net of costs", unit_of(name)},
               [&](const Contender& c) {
                 const double value = profile_of(config, e, c.result.net_return)[m].value;
                 return name == sharpe ? estimate(backtest::sharpe_interval(value, c.result.net_return, periods))
                                       : Estimate{.value = value};
               });
  }
  add_metric(e, out,
             {"dsr", "Deflated Sharpe",
              fmt::format("probability that the Sharpe beats the best of {} worthless trials, variance 1/(n-1) each",
                          e.trials),
              "Net of costs", Unit::kProbability},
             [&](const Contender& c) {
               const double variance = 1.0 / static_cast<double>(c.result.bar_count() - 1);
               return Estimate{.value = backtest::deflated_sharpe(c.result.net_return, e.trials, variance)};
             });
  for (size_t m = 0; m < metrics.size(); ++m) {
    const std::string& name = metrics[m].name;
    if (name != "annual_return" && name != "annual_performance" && name != sharpe) continue;
    add_metric(
        e, out,
        {"gross_" + name, label_of(name), profile + ", before commission, slippage and borrow", "Gross", unit_of(name)},
        [&](const Contender& c) { return Estimate{.value = profile_of(config, e, gross_of(c.result))[m].value}; });
  }
  add_metric(e, out,
             {"turnover", "Turnover per day", "traded value, buys and sales, over the equity before", "Trading",
              Unit::kPercent},
             [&](const Contender& c) { return mean_of(c.result.turnover, 1); });
  add_metric(e, out, {"trades", "Trades", "fills over the period", "Trading", Unit::kCount},
             [&](const Contender& c) { return Estimate{.value = static_cast<double>(c.result.trade_count)}; });
  const int64_t horizon = config.dataset.samples.horizon;
  const std::string overlap = fmt::format(
      "mean over dates, return from close t+1 to t+1+{}; interval Newey-West, {} lags", horizon, horizon - 1);
  add_metric(e, out, {"ic", "IC", "Pearson, " + overlap, "Signal", Unit::kCorrelation},
             [&](const Contender& c) { return mean_of(c.ic, horizon); });
  add_metric(e, out, {"rank_ic", "Rank IC", "Spearman, " + overlap, "Signal", Unit::kCorrelation},
             [&](const Contender& c) { return mean_of(c.rank_ic, horizon); });
  add_metric(e, out,
             {"icir", "ICIR", "mean / deviation (ddof 1) of the rank IC, not annualised", "Signal", Unit::kRatio},
             [&](const Contender& c) {
               if (c.rank_ic.empty()) return Estimate{};
               const auto s = backtest::summarize(c.rank_ic);
               return Estimate{.value = s.ratio, .observations = s.observations};
             });
  add_metric(e, out, {"ic_t", "t of the rank IC", "mean over its Newey-West error", "Signal", Unit::kRatio},
             [&](const Contender& c) {
               const auto m = backtest::newey_west_mean(c.rank_ic, horizon);
               return Estimate{.value = m.value / m.standard_error(), .observations = m.observations};
             });
}

void fill_backtests(const RunConfig& config, const Evaluation& e, report::ReportData& out) {
  const auto dates = iso(e.contenders.front().result.dates);
  out.equity = {.dates = dates, .convention = "wealth net of costs, 1 at the start"};
  out.turnover = {.dates = dates, .convention = "traded value, buys and sales, over the equity before, per day"};
  for (const Contender& c : e.contenders) {
    const auto& r = c.result;
    const double years = static_cast<double>(r.bar_count()) / config.backtest.bars_per_year;
    out.equity.lines.push_back({c.key, c.label, c.role, wealth(r.net_return)});
    out.turnover.lines.push_back({c.key, c.label, c.role, r.turnover});
    out.costs.push_back({.key = c.key,
                         .label = c.label,
                         .gross = total(gross_of(r)) / years,
                         .commission = total(r.commission) / years,
                         .slippage = total(r.slippage) / years,
                         .borrow = total(r.borrow) / years,
                         .net = total(r.net_return) / years});
    for (const auto& delisted : r.delistings)
      out.warnings.push_back(fmt::format("{}: {} closed at its last price on {} (no price for {} bars)", c.label,
                                         delisted.instrument, delisted.date.to_string(),
                                         config.backtest.delist_after_bars));
    if (r.ruined)
      out.warnings.push_back(fmt::format("{}: the account was empty on {}", c.label, r.ruined->to_string()));
    if (r.shortfalls > 0)
      out.warnings.push_back(
          fmt::format("{}: on {} dates fewer names could be traded than asked for", c.label, r.shortfalls));
    if (r.looks_ahead) out.warnings.push_back(c.label + ": trades at the close it has just seen, which looks ahead");
  }
  if (!e.benchmark_returns.empty())
    out.equity.lines.push_back({"benchmark", "Benchmark", report::Role::kBenchmark, wealth(e.benchmark_returns)});
  const Contender& shown = e.find("int8") != nullptr ? *e.find("int8") : e.contenders.front();
  out.gross_net = {
      .dates = dates,
      .lines = {{"gross", shown.label + ", gross", report::Role::kBenchmark, wealth(gross_of(shown.result))},
                {"net", shown.label + ", net", shown.role, wealth(shown.result.net_return)}},
      .convention = "wealth with and without costs"};
  out.exposure = {.dates = dates,
                  .lines = {{"gross", "Gross exposure", report::Role::kOther, shown.result.gross_exposure},
                            {"net", "Net exposure", shown.role, shown.result.net_exposure}},
                  .convention = "value of positions over equity, " + shown.label};
  for (const auto& line : shown.result.notes) out.environment.push_back({"Backtest", line});
}

void fill_signal(const RunConfig& config, const market::Panel& panel, const Evaluation& e, report::ReportData& out) {
  const auto prices = backtest::Prices::from_panel(panel);
  const strategy::ScoreMatrix closes{prices.dates, prices.instruments, prices.close};
  const int64_t horizon = config.dataset.samples.horizon;
  const std::string unit = fmt::format("return from close t+1 to close t+1+{}", horizon);
  out.ic_decay = {.horizons = config.evaluation.ic_horizons,
                  .convention = "mean daily Spearman correlation with the return from close t+1 to close t+1+h"};
  const int64_t quantiles = std::min(config.evaluation.quantiles, e.contenders.front().scores.instrument_count());
  out.quantiles.convention = fmt::format("mean {}, {} buckets by score", unit, quantiles);
  for (const Contender& c : e.contenders) {
    if (c.scores.dates.empty()) continue;
    if (out.ic.dates.empty()) {
      out.ic = {.dates = iso(c.scores.dates), .convention = "Pearson correlation per date with the " + unit};
      out.rank_ic = {.dates = out.ic.dates, .convention = "Spearman correlation per date with the " + unit};
    }
    if (iso(c.scores.dates) == out.ic.dates) {
      out.ic.lines.push_back({c.key, c.label, c.role, c.ic});
      out.rank_ic.lines.push_back({c.key, c.label, c.role, c.rank_ic});
    }
    report::EstimateLine decay{c.key, c.label, c.role, {}};
    for (const int64_t h : config.evaluation.ic_horizons) {
      const auto labels = backtest::align(backtest::forward_returns(closes, h), c.scores);
      decay.values.push_back(mean_of(backtest::rank_information_coefficient(c.scores, labels), h));
    }
    out.ic_decay.lines.push_back(std::move(decay));
    const auto buckets = backtest::quantile_returns(c.scores, backtest::align(e.forward_returns, c.scores), quantiles);
    report::EstimateLine line{c.key, c.label, c.role, {}};
    for (int64_t b = 0; b < buckets.buckets; ++b) {
      std::vector<double> series;
      for (size_t t = 0; t < c.scores.dates.size(); ++t)
        series.push_back(buckets.by_date[t * static_cast<size_t>(buckets.buckets) + static_cast<size_t>(b)]);
      line.values.push_back(mean_of(series, horizon));
    }
    out.quantiles.lines.push_back(std::move(line));
  }
}

void fill_paired(const RunConfig& config, const Evaluation& e, report::ReportData& out) {
  const std::string& label = config.dataset.samples.label;
  struct Meaning {
    std::string label, convention;
    Unit unit;
    double factor;
  };
  const auto meaning = [&](const std::string& name) -> std::pair<std::string, Meaning> {
    if (name == "ic") return {"ic", {"IC", "mean per-date Pearson correlation with the label", Unit::kCorrelation, 1}};
    if (name == "rank_ic")
      return {"rank_ic", {"Rank IC", "mean per-date Spearman correlation with the label", Unit::kCorrelation, 1}};
    if (name == "mae_bps")
      return {"mae",
              {"MAE", fmt::format("mean |score - label|, in standard deviations of the label ({})", label),
               Unit::kRatio, 1e-4 / e.label_deviation}};
    if (name == "top_k_overlap")
      return {"top_k_overlap",
              {"Top-k overlap", fmt::format("share of the best {} names that both choose", config.evaluation.overlap_k),
               Unit::kPercent, 1}};
    if (name == "turnover")
      return {"turnover", {"Turnover per day", "buys and sales over the equity before", Unit::kPercent, 1}};
    if (name == "sharpe")
      return {"sharpe",
              {"Sharpe, net",
               fmt::format("mean / deviation (ddof 1), {:g} periods a year, rf 0", config.evaluation.periods()),
               Unit::kRatio, 1}};
    return {name, {label_of(name), "net of costs, compounded", Unit::kPercent, 1}};
  };
  const auto convert = [&](const std::vector<backtest::PairedMetric>& in) {
    std::vector<report::PairedMetric> converted;
    for (const auto& m : in) {
      const auto [key, w] = meaning(m.name);
      converted.push_back({key, w.label, w.convention, w.unit, m.float32 * w.factor, m.int8 * w.factor,
                           m.difference * w.factor, m.low * w.factor, m.high * w.factor, m.observations});
    }
    return converted;
  };
  out.paired.metrics = convert(e.comparison->overall);
  for (const auto& [year, metrics] : e.comparison->years) out.paired.years.push_back({year, convert(metrics)});
  out.paired.interval = e.comparison->method;
  const Contender &f = *e.find("float32"), &q = *e.find("int8");
  out.paired.tied_scores_float32 = f.result.ties.tied;
  out.paired.tied_scores_int8 = q.result.ties.tied;
  out.paired.scores = q.result.ties.ranked;
  out.prediction_sqnr_db = scores_sqnr_db(f.scores, q.scores);
}

}  // namespace quantick::cli
