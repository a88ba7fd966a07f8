#pragma once
// Everything a report says, as plain values. The command line fills it from a run; the HTML, JSON and CSV writers only
// read it, so that the three agree. NaN means "not available". An empty vector or string leaves its section out.
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace quantick::report {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// How a number is written for people. The stored value is never scaled: 0.05 with kPercent reads "5.00 %".
enum class Unit { kNumber, kRatio, kCorrelation, kPercent, kBasisPoints, kProbability, kCount, kDecibel, kSeconds };

/// Which colour and dash a line wears; the same strategy wears the same in every chart.
enum class Role { kFloat32, kInt8, kRidge, kEqualWeight, kBenchmark, kOther };

/// A number with its interval and what it was computed from.
struct Estimate {
  double value = kMissing;
  double low = kMissing;
  double high = kMissing;
  int64_t observations = 0;
};

/// A row of the verdict table.
/// Keys with a meaning to the writer: sharpe (net), annual_return (net), dsr, psr, rank_ic, ic, ic_t.
struct MetricSpec {
  std::string key;         // JSON and CSV name, e.g. "sharpe"
  std::string label;       // "Sharpe"
  std::string convention;  // profile and its constants, e.g. "empyrical, 252, rf 0"
  std::string group;       // rows of one group stand together: "Net of costs", "Gross", "Signal"
  Unit unit = Unit::kRatio;
};

/// A column of the verdict table. Keys: float32, int8, ridge, equal_weight, or any other.
struct Strategy {
  std::string key;
  std::string label;  // "Network, int8"
  Role role = Role::kOther;
  std::vector<Estimate> values;  // in the order of ReportData::metrics
};

/// One line over the dates of its panel.
struct Line {
  std::string key;
  std::string label;
  Role role = Role::kOther;
  std::vector<double> values;
};

/// Lines over common dates.
struct Panel {
  std::vector<std::string> dates;  // ISO 8601, ascending: 2020-01-02 or 2020-01-02T09:30
  std::vector<Line> lines;
  std::string convention;  // what one value is, e.g. "traded value / account value, both sides, per day"
};

/// Costs of one strategy, as fractions of the account per year: gross - commission - slippage - borrow = net.
struct CostRow {
  std::string key;
  std::string label;
  double gross = kMissing;
  double commission = kMissing;
  double slippage = kMissing;
  double borrow = kMissing;
  double net = kMissing;
};

/// Estimates along an axis of the section: IC per horizon, mean return per quantile.
struct EstimateLine {
  std::string key;
  std::string label;
  Role role = Role::kOther;
  std::vector<Estimate> values;
};

struct IcDecay {
  std::vector<int64_t> horizons;  // bars after the trade
  std::vector<EstimateLine> lines;
  std::string convention;  // "mean daily Spearman correlation with the return from t+1 to t+1+h"
};

struct Quantiles {
  std::vector<EstimateLine> lines;  // values[0] is the lowest scores' quantile
  Panel cumulative;                 // optional: wealth per quantile, or top minus bottom
  std::string convention;           // "mean return over 5 days, demeaned per date"
};

/// One metric of float32 against int8 on the same weights, days and costs.
/// Keys: ic, rank_ic, mae, top_k_overlap, turnover, sharpe, max_drawdown.
struct PairedMetric {
  std::string key;
  std::string label;
  std::string convention;
  Unit unit = Unit::kRatio;
  double float32 = kMissing;
  double int8 = kMissing;
  double difference = kMissing;  // int8 - float32
  double low = kMissing;
  double high = kMissing;
  int64_t observations = 0;
};

struct PairedYear {
  int year = 0;
  std::vector<PairedMetric> metrics;
};

struct Paired {
  std::vector<PairedMetric> metrics;
  std::vector<PairedYear> years;
  std::string interval;              // "95 %, stationary block bootstrap, mean block 20 days, 2000 resamples"
  int64_t tied_scores_float32 = -1;  // dates x names whose score equals another's of the same date; -1 = not counted
  int64_t tied_scores_int8 = -1;
  int64_t scores = -1;  // out of so many
};

/// What the observer saw of one tensor and what was made of it.
struct CalibrationTensor {
  std::string name;
  std::string observer;  // "percentile 99.99"
  double bins_low = kMissing;
  double bins_high = kMissing;
  std::vector<double> counts;  // equal-width bins over [bins_low, bins_high]
  double range_low = kMissing;
  double range_high = kMissing;
  double scale = kMissing;
  int64_t zero_point = 0;
  int bits = 8;
};

struct LayerError {
  std::string name;
  std::string kind;   // "LSTM"
  std::string dtype;  // "int8", "float32"
  double sqnr_db = kMissing;
  double cosine = kMissing;
  double saturation = kMissing;   // share of outputs at either end, 0..1
  double own_sqnr_db = kMissing;  // of the noise that the layer itself adds
  double dead_zone = kMissing;    // share of state updates that were lost, 0..1
  bool kept_in_float = false;
  std::string reason;  // why it was kept in float
};

/// Curves of one training; entry 0 is epoch 1. Vectors are empty or of one length.
struct Training {
  std::string label;
  std::vector<double> train_loss;
  std::vector<double> valid_loss;
  std::vector<double> valid_ic;
  int64_t best_epoch = 0;  // 0 = none was kept
  std::string loss;        // name of the loss
};

struct NamedCount {
  std::string name;
  int64_t count = 0;
};

struct Fact {
  std::string name;
  std::string value;
};

/// One input file: what it is, what the reader made of it, what it leaves out.
struct DataSource {
  std::string name;
  std::string sha256;
  std::string format;  // "CSV, wide, gzip"
  int64_t rows = 0;
  int64_t instruments = 0;
  std::string from;
  std::string to;
  std::vector<std::string> inferred;  // one sentence per guess of the reader
  std::vector<NamedCount> missing;    // per field or policy
  std::string survivorship;
  std::string dividends;
  std::string splits;
  std::string origin;  // source and licence
};

struct Timing {
  std::string name;
  double seconds = kMissing;
};

struct FileEntry {
  std::string name;
  std::string note;
  int64_t bytes = -1;  // -1 = not known yet
};

struct Hashes {
  std::string data;
  std::string model;
  std::string predictions;
};

struct ReportData {
  std::string title;
  std::string run_name;
  std::string summary;  // one paragraph: what was tested, on what, when, against what
  std::string period;   // "2020-01-02 to 2022-12-28"
  std::string created;  // given by the caller; the library does not read the clock
  std::vector<std::string> warnings;

  std::vector<MetricSpec> metrics;
  std::vector<Strategy> strategies;
  int64_t trials = 0;                 // configurations tried, as counted in the deflated Sharpe ratio; 0 = unknown
  double deflated_sharpe_bar = 0.95;  // a DSR below this is called chance
  std::string survivorship;           // stands beside the Sharpe

  Panel equity;     // wealth at each date's end, net of costs; capital before the first date is 1. Drawdown and the
                    // monthly table are derived from it.
  Panel gross_net;  // wealth gross and net
  std::vector<CostRow> costs;
  Panel ic;  // per date; cumulative sums are derived
  Panel rank_ic;
  IcDecay ic_decay;
  Quantiles quantiles;
  Panel turnover;
  Panel exposure;

  Paired paired;
  std::vector<CalibrationTensor> calibration;
  std::vector<LayerError> layers;
  double prediction_sqnr_db = kMissing;  // of the mean-removed predictions over the report period
  std::vector<Fact> quantization;        // scheme, file sizes, switches
  std::vector<Training> training;

  std::vector<DataSource> data;
  Hashes hashes;
  std::string configuration;  // the YAML as written
  std::vector<Timing> timings;
  std::vector<Fact> environment;  // code version, CPU, instruction set, threads, seeds
  std::vector<FileEntry> files;
};

/// Throws ValueError naming the section, line and lengths where a vector does not fit its dates, metrics or horizons,
/// where dates do not ascend, or where keys of one section repeat. Every writer calls it first.
void validate(const ReportData& data);

}  // namespace quantick::report
