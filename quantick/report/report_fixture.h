#pragma once
// A made-up run with every section filled, for tests and for looking at the report.
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "quantick/report/report_data.h"

namespace quantick::report::fixture {

/// Repeatable noise with mean 0 and deviation near 1 (sum of four uniform numbers).
class Noise {
 public:
  double next() {
    double sum = 0;
    for (int k = 0; k < 4; ++k) {
      state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
      sum += static_cast<double>(state_ >> 11) * 0x1.0p-53 - 0.5;
    }
    return sum * std::sqrt(3.0);
  }

 private:
  uint64_t state_ = 20260101;
};

/// Trading dates: 21 a month on days 1..21, so 252 a year.
inline std::vector<std::string> dates(int first_year, int years) {
  std::vector<std::string> out;
  for (int y = first_year; y < first_year + years; ++y) {
    for (int m = 1; m <= 12; ++m) {
      for (int d = 1; d <= 21; ++d) out.push_back(fmt::format("{:04}-{:02}-{:02}", y, m, d));
    }
  }
  return out;
}

inline std::vector<double> wealth(const std::vector<double>& returns) {
  std::vector<double> out;
  double level = 1;
  for (const double r : returns) out.push_back(level *= 1 + r);
  return out;
}

inline std::vector<MetricSpec> metric_specs() {
  const std::string net = "Net of costs";
  const std::string gross = "Gross";
  const std::string signal = "Signal";
  return {{"sharpe", "Sharpe", "empyrical, 252, rf 0", net, Unit::kRatio},
          {"psr", "Probabilistic Sharpe", "against 0, raw kurtosis", net, Unit::kProbability},
          {"dsr", "Deflated Sharpe", "Bailey and López de Prado 2014, 12 trials", net, Unit::kProbability},
          {"annual_return", "Annual return", "geometric, 252", net, Unit::kPercent},
          {"volatility", "Annual volatility", "ddof 1, 252", net, Unit::kPercent},
          {"max_drawdown", "Maximum drawdown", "compounded, start 1", net, Unit::kPercent},
          {"turnover", "Turnover", "traded / account, both sides, per day", net, Unit::kPercent},
          {"sharpe_gross", "Sharpe", "empyrical, 252, rf 0", gross, Unit::kRatio},
          {"annual_return_gross", "Annual return", "geometric, 252", gross, Unit::kPercent},
          {"ic", "IC", "daily Pearson, 5-day return", signal, Unit::kCorrelation},
          {"rank_ic", "Rank IC", "daily Spearman, 5-day return", signal, Unit::kCorrelation},
          {"icir", "ICIR", "mean / std of rank IC, not annualised", signal, Unit::kRatio},
          {"ic_t", "t of rank IC", "Newey-West, 5 lags", signal, Unit::kRatio}};
}

inline Strategy strategy(std::string key, std::string label, Role role, double tilt, bool scores) {
  Strategy out{std::move(key), std::move(label), role, {}};
  const double base[] = {0.62, 0.86, 0.41, 0.081, 0.142, -0.187, 0.213, 0.81, 0.104, 0.0121, 0.0142, 0.07, 1.31};
  for (size_t m = 0; m < 13; ++m) {
    const double value = base[m] * (1 + tilt);
    out.values.push_back({m >= 9 && !scores ? kMissing : value});
  }
  if (scores) out.values[10] = {out.values[10].value, -0.0071, 0.0355, 755};
  out.values[0].low = out.values[0].value - 0.58;
  out.values[0].high = out.values[0].value + 0.57;
  return out;
}

inline std::vector<PairedMetric> paired_metrics(double shift, int64_t n) {
  return {
      {"ic", "IC", "daily Pearson", Unit::kCorrelation, 0.0121, 0.0121 + shift, shift, shift - 2e-4, shift + 3e-4, n},
      {"rank_ic", "Rank IC", "daily Spearman", Unit::kCorrelation, 0.0142, 0.0142 - shift, -shift, -3.1e-4, 1.9e-4, n},
      {"mae", "MAE", "of the return", Unit::kBasisPoints, 0.02213, 0.02213 + 1e-7, 1e-7, -2e-7, 4e-7, n},
      {"top_k_overlap", "Top-k overlap", "k = 4, share of names", Unit::kPercent, 1, 0.973, -0.027, -0.031, -0.022, n},
      {"turnover", "Turnover", "both sides, per day", Unit::kPercent, 0.213, 0.2142, 0.0012, -0.0004, 0.0031, n},
      {"sharpe", "Sharpe, net", "empyrical, 252, rf 0", Unit::kRatio, 0.62, 0.61, -0.01, -0.06, 0.05, n},
      {"max_drawdown", "Maximum drawdown", "compounded", Unit::kPercent, -0.187, -0.1874, -0.0004, -0.004, 0.003, n}};
}

inline void fill_series(ReportData& data, const std::vector<std::string>& when) {
  Noise noise;
  std::vector<double> net, int8, ridge, equal, gross, ic, ic8, icr, turnover, long_side, short_side;
  for (size_t i = 0; i < when.size(); ++i) {
    const double market = 0.0111 * noise.next() + 0.0004;
    const double own = 0.007 * noise.next() + 0.0003;
    net.push_back(own + 0.2 * market);
    gross.push_back(net.back() + 8e-5);
    int8.push_back(net.back() + 1.2e-4 * noise.next());
    ridge.push_back(0.006 * noise.next() + 0.3 * market);
    equal.push_back(market);
    ic.push_back(0.012 + 0.21 * noise.next());
    ic8.push_back(ic.back() + 0.004 * noise.next());
    icr.push_back(0.009 + 0.2 * noise.next());
    turnover.push_back(std::abs(0.2 + 0.07 * noise.next()));
    long_side.push_back(0.5 + 0.02 * noise.next());
    short_side.push_back(-0.5 + 0.02 * noise.next());
  }
  data.equity = {when,
                 {{"float32", "Network, float32", Role::kFloat32, wealth(net)},
                  {"int8", "Network, int8", Role::kInt8, wealth(int8)},
                  {"ridge", "Ridge", Role::kRidge, wealth(ridge)},
                  {"equal_weight", "Equal weight", Role::kEqualWeight, wealth(equal)}},
                 "capital 1 before the first date"};
  data.gross_net = {
      when,
      {{"gross", "Gross, int8", Role::kInt8, wealth(gross)}, {"net", "Net, int8", Role::kInt8, wealth(int8)}},
      "the int8 network before and after costs"};
  data.ic = {
      when, {{"int8", "Network, int8", Role::kInt8, ic8}, {"ridge", "Ridge", Role::kRidge, icr}}, "daily Pearson"};
  data.rank_ic = {when,
                  {{"float32", "Network, float32", Role::kFloat32, ic},
                   {"int8", "Network, int8", Role::kInt8, ic8},
                   {"ridge", "Ridge", Role::kRidge, icr}},
                  "daily Spearman with the 5-day return"};
  data.turnover = {when, {{"int8", "Network, int8", Role::kInt8, turnover}}, "traded / account, both sides, per day"};
  data.exposure = {when,
                   {{"long", "Long", Role::kOther, long_side}, {"short", "Short", Role::kOther, short_side}},
                   "share of the account, int8"};
  Panel& wealth_by_quantile = data.quantiles.cumulative;
  wealth_by_quantile = {when, {}, "held one day, equal weights, gross"};
  for (int q = 1; q <= 5; ++q) {
    std::vector<double> returns;
    for (size_t i = 0; i < when.size(); ++i) returns.push_back(1e-4 * q + 0.5 * equal[i] + 0.003 * noise.next());
    wealth_by_quantile.lines.push_back(
        {fmt::format("q{}", q), fmt::format("Quantile {}", q), Role::kOther, wealth(returns)});
  }
}

inline void fill_estimates(ReportData& data) {
  data.ic_decay = {{1, 2, 3, 5, 10, 20}, {}, "mean daily Spearman with the return from t+1 to t+1+h; bars: 95 %"};
  const Role roles[] = {Role::kFloat32, Role::kInt8, Role::kRidge};
  const std::string keys[] = {"float32", "int8", "ridge"};
  const std::string labels[] = {"Network, float32", "Network, int8", "Ridge"};
  for (size_t s = 0; s < 3; ++s) {
    EstimateLine decay{keys[s], labels[s], roles[s], {}};
    for (const int64_t h : data.ic_decay.horizons) {
      const double value = 0.016 * std::exp(-static_cast<double>(h) / 12) - 0.004 * static_cast<double>(s / 2);
      decay.values.push_back({value, value - 0.011, value + 0.011, 755});
    }
    data.ic_decay.lines.push_back(decay);
    EstimateLine quantile{keys[s], labels[s], roles[s], {}};
    for (int q = 0; q < 5; ++q) {
      const double value = (q - 2) * 0.0004 + 0.0001 * static_cast<double>(s);
      quantile.values.push_back({value, value - 0.0006, value + 0.0006, 755});
    }
    data.quantiles.lines.push_back(quantile);
  }
  data.quantiles.convention = "5-day return, mean over dates; bars: 95 % block bootstrap";
  data.costs = {{"float32", "Network, float32", 0.104, 0.0107, 0.0101, 0.0022, 0.081},
                {"int8", "Network, int8", 0.103, 0.0107, 0.0102, 0.0022, 0.0799},
                {"ridge", "Ridge", 0.066, 0.0131, 0.0122, 0.0022, 0.0385},
                {"equal_weight", "Equal weight", 0.091, 0.0004, 0.0004, 0, 0.0902}};
}

inline void fill_quantization(ReportData& data) {
  data.paired.metrics = paired_metrics(4e-5, 755);
  for (const int year : {2020, 2021, 2022})
    data.paired.years.push_back({year, paired_metrics(1e-5 * (year - 2018), 252)});
  data.paired.interval = "95 %, stationary block bootstrap, mean block 20 days, 2000 resamples";
  data.paired.tied_scores_float32 = 0;
  data.paired.tied_scores_int8 = 14;
  data.paired.scores = 15100;
  for (const char* name : {"input", "lstm.0.hidden", "lstm.1.hidden", "norm", "dense"}) {
    CalibrationTensor t{.name = name, .observer = "percentile 99.99", .bins_low = -6, .bins_high = 6};
    for (int b = 0; b < 256; ++b) {
      const double x = -6 + 12 * (b + 0.5) / 256;
      t.counts.push_back(std::floor(2e5 * std::exp(-x * x)));
    }
    t.range_low = -2.61;
    t.range_high = 2.73;
    t.scale = 5.34 / 255;
    t.zero_point = -3;
    data.calibration.push_back(t);
  }
  data.layers = {{"lstm.0", "LSTM", "int8, state float32", 52.4, 0.999997, 0.0003, 55.1, 0.0, false, ""},
                 {"lstm.1", "LSTM", "int8, state float32", 47.9, 0.999991, 0, 50.2, 0.004, false, ""},
                 {"norm", "LayerNorm", "float32", kMissing, kMissing, kMissing, kMissing, kMissing, true,
                  "its input is 64 values per row"},
                 {"fc_final", "Dense", "int8", 41.2, 0.99996, 0.000012, 60.3, 0, false, ""}};
  data.prediction_sqnr_db = 38.4;
  data.quantization = {{"Scheme", "int8 weights per channel, int8 activations, state float32"},
                       {"Size", "54.2 kB, float32 203.1 kB"}};
}

inline void fill_record(ReportData& data) {
  Training run{.label = "seed 7", .best_epoch = 9, .loss = "Huber, delta 1, labels z-scored per date"};
  for (int e = 0; e < 14; ++e) {
    run.train_loss.push_back(0.42 + 0.1 * std::exp(-e / 4.0));
    run.valid_loss.push_back(0.44 + 0.07 * std::exp(-e / 3.0) + 0.0006 * e);
    run.valid_ic.push_back(0.004 + 0.02 * (1 - std::exp(-e / 4.0)) - 0.0004 * e);
  }
  data.training = {run};
  DataSource source{.name = "prices/us20.csv.gz",
                    .sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    .format = "CSV, wide, gzip",
                    .rows = 8313,
                    .instruments = 20,
                    .from = "1990-01-02",
                    .to = "2022-12-28"};
  source.inferred = {"column \"Date\" is the date (ISO 8601)", "all other columns are closes, adjusted"};
  source.missing = {{"empty cells", 0}, {"rows dropped", 12}};
  source.survivorship = "All 20 names still trade in 2022: names that failed before are missing.";
  source.dividends = "in the adjusted close";
  source.splits = "in the adjusted close";
  source.origin = "Made up for this test";
  data.data = {source};
  data.hashes = {"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                 "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"};
  data.configuration =
      "run: us_daily\nmodel:\n  class: LSTM   # 2 x 64\n  units: 64\nquantize:\n  observer: percentile\n";
  data.timings = {{"read", 0.41}, {"features", 0.083}, {"train", 142.6}, {"quantize", 1.92}, {"backtest", 0.77}};
  data.environment = {
      {"Code version", "0.1.0"}, {"CPU", "Example CPU, 2 cores"}, {"Instruction set", "avx512vnni"}, {"Seeds", "7"}};
  data.files = {
      {"report.html", "this page", -1}, {"report.json", "all numbers", 412345}, {"model.qtk", "int8 model", 54211}};
}

inline ReportData full(int first_year = 2020, int years = 3) {
  ReportData data;
  data.title = "LSTM on 20 US stocks, daily";
  data.run_name = "us_daily";
  data.period = fmt::format("{}-01-01 to {}-12-21", first_year, first_year + years - 1);
  data.summary =
      "A two-layer LSTM with 64 units ranks 20 US stocks by their next five days. It was trained to 2017 and chosen on "
      "2018 and 2019. What follows is the report period, which nothing was chosen on, in float32 and int8, beside a "
      "ridge "
      "regression on the same features and equal weights.";
  data.metrics = metric_specs();
  data.strategies = {strategy("float32", "Network, float32", Role::kFloat32, 0.01, true),
                     strategy("int8", "Network, int8", Role::kInt8, 0, true),
                     strategy("ridge", "Ridge", Role::kRidge, -0.32, true),
                     strategy("equal_weight", "Equal weight", Role::kEqualWeight, 0.08, false)};
  data.trials = 12;
  data.survivorship = "All 20 names still trade in 2022, so every Sharpe here is too high by an unknown amount.";
  fill_series(data, dates(first_year, years));
  fill_estimates(data);
  fill_quantization(data);
  fill_record(data);
  return data;
}

}  // namespace quantick::report::fixture
