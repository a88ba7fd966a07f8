#include "quantick/cli/pipeline/replay_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "quantick/cli/json_number.h"
#include "quantick/cli/version.h"
#include "quantick/core/cpu.h"
#include "quantick/core/file.h"
#include "quantick/core/hash.h"
#include "quantick/core/thread_pool.h"
#include "quantick/risk/statistics.h"

namespace quantick::cli {
namespace {

using Json = nlohmann::ordered_json;

/// Correlation of the chosen positions.
double correlation_at(const std::vector<double>& x, const std::vector<double>& y, std::span<const int64_t> chosen) {
  double n = 0, sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
  for (const int64_t at : chosen) {
    const double a = x[static_cast<size_t>(at)], b = y[static_cast<size_t>(at)];
    n += 1, sx += a, sy += b, sxx += a * a, syy += b * b, sxy += a * b;
  }
  return (sxy - sx * sy / n) / std::sqrt((sxx - sx * sx / n) * (syy - sy * sy / n));
}

/// Mean 0 and deviation 1, which keeps the sums of correlation_at() exact enough.
std::vector<double> standardized(std::vector<double> x) {
  const double mean = risk::mean(x), deviation = risk::standard_deviation(x);
  for (double& v : x) v = (v - mean) / (deviation > 0 ? deviation : 1);
  return x;
}

/// Correlation of x and y with the percentile interval of its bootstrap over blocks of rows.
Estimate correlation_of(const std::vector<double>& x, const std::vector<double>& y,
                        const backtest::BootstrapOptions& options) {
  const auto n = static_cast<int64_t>(x.size());
  std::vector<double> drawn;
  for (int64_t r = 0; r < options.resamples; ++r) {
    const double value = correlation_at(x, y, backtest::bootstrap_dates(n, r, options));
    if (std::isfinite(value)) drawn.push_back(value);
  }
  Estimate out{risk::correlation(x, y), NAN, NAN};
  if (drawn.empty()) return out;
  out.low = risk::quantile(drawn, 0.5 - options.confidence / 2);
  out.high = risk::quantile(drawn, 0.5 + options.confidence / 2);
  return out;
}

struct Quantiles {
  double p50, p99, p999, largest;
};

Quantiles quantiles_of(const std::vector<double>& ns) {
  return {risk::quantile(ns, 0.5), risk::quantile(ns, 0.99), risk::quantile(ns, 0.999), risk::quantile(ns, 1)};
}

Json json_of(const std::vector<double>& ns) {
  const Quantiles q = quantiles_of(ns);
  return {{"p50", q.p50}, {"p99", q.p99}, {"p99.9", q.p999}, {"max", q.largest}};
}

Json json_of(const Estimate& e) {
  return {{"value", number_or_null(e.value)}, {"low", number_or_null(e.low)}, {"high", number_or_null(e.high)}};
}

Json json_of(const backtest::PairedMetric& m) {
  return {{"float32", number_or_null(m.float32)},
          {"int8", number_or_null(m.int8)},
          {"difference", number_or_null(m.difference)},
          {"low", number_or_null(m.low)},
          {"high", number_or_null(m.high)}};
}

Json json_of(const TickData& data) {
  return {{"events", data.tape.events().size()},
          {"other_messages", data.skipped},
          {"ticks", data.ticks},
          {"ticks_without_a_feature", data.incomplete},
          {"rows", data.rows()},
          {"stretches", data.bounds().size() - 1},
          {"ticks_without_label", data.unlabelled}};
}

Json json_of(const backtest::TickResult& r) {
  Json out{{"profit", r.final_profit},
           {"position", r.final_position},
           {"orders", r.orders},
           {"fills", r.fills},
           {"cut_by_size", r.cut_by_size},
           {"refused", r.refused},
           {"in_flight", r.in_flight},
           {"adverse", r.adverse},
           {"favourable", r.favourable},
           {"contracts", r.contracts},
           {"fees", r.fees},
           {"spread_cost", r.spread_cost},
           {"latency_cost", r.latency_cost},
           {"max_drawdown", r.max_drawdown},
           {"notes", r.notes}};
  for (const backtest::TickDay& day : r.days)
    out["days"].push_back(
        {{"date", day.date.to_string()}, {"profit", day.profit}, {"fees", day.fees}, {"contracts", day.contracts}});
  return out;
}

Json hashes_of(const ReplayConfig& config, const std::vector<std::string>& paths) {
  Json out = Json::object();
  for (const std::string& path : paths) out[path] = sha256_file(resolve_path(config.run, path));
  return out;
}

double per_second(const ReplayResults& r) {
  return static_cast<double>(r.replay->tape.events().size()) / r.live->seconds;
}

std::string horizon_text(const ReplayConfig& config) {
  return config.label.ticks > 0 ? fmt::format("{} ticks", config.label.ticks)
                                : fmt::format("{:g} s", config.label.seconds);
}

/// Median time between events with a signal, in ns: what a latency must exceed to be felt.
double median_gap(const TickData& data) {
  std::vector<double> gaps;
  for (size_t i = 1; i < data.events.size(); ++i)
    gaps.push_back(static_cast<double>(data.matrix.points[static_cast<size_t>(data.events[i])].time -
                                       data.matrix.points[static_cast<size_t>(data.events[i - 1])].time));
  return gaps.empty() ? 0 : risk::quantile(gaps, 0.5);
}

}  // namespace

SignalValue judge_signals(const ReplayConfig& config, const TickData& data, std::span<const float> int8,
                          std::span<const float> float32) {
  std::vector<double> labels, signals[2];  // float32, int8
  for (size_t row = 0; row < int8.size(); ++row) {
    if (!std::isfinite(data.label[row]) || std::isnan(int8[row]) || std::isnan(float32[row])) continue;
    labels.push_back(data.label[row]);
    signals[0].push_back(float32[row]);
    signals[1].push_back(int8[row]);
  }
  SignalValue out{.observations = static_cast<int64_t>(labels.size())};
  auto options = config.bootstrap;
  options.block_length = std::min(options.block_length, out.observations);
  const auto judge = [&](const char* name, Estimate& estimate, backtest::PairedMetric& paired, bool ranks) {
    const auto prepared = [&](const std::vector<double>& x) {
      return standardized(ranks ? risk::average_ranks(x) : x);
    };
    const std::vector<double> y = prepared(labels), sides[2] = {prepared(signals[0]), prepared(signals[1])};
    estimate = correlation_of(sides[1], y, options);
    paired = backtest::paired_metric(
        name, out.observations,
        [&](int side, std::span<const int64_t> rows) { return correlation_at(sides[side], y, rows); }, options);
  };
  QTK_CHECK(out.observations >= 3, ValueError, "[replay] {} ticks with signal and label, expected 3 or more",
            out.observations);
  judge("ic", out.ic, out.paired_ic, false);
  judge("rank_ic", out.rank_ic, out.paired_rank_ic, true);
  return out;
}

void write_replay(const ReplayConfig& config, const ReplayResults& r) {
  const TickReplay& live = *r.live;
  Json doc{
      {"name", config.name},
      {"quantick_version", code_version()},
      {"configuration", config.text},
      {"origin", config.data.origin},
      {"sha256", {{"train", hashes_of(config, config.data.train)}, {"replay", hashes_of(config, config.data.replay)}}},
      {"model_sha256", r.model_hash},
      {"processor", cpu_model()},
      {"instruction_set", isa_name(active_isa())},
      {"threads", thread_count()},
      {"train", json_of(*r.train)},
      {"replay", json_of(*r.replay)}};
  doc["model"] = {{"parameters", r.model->parameters},       {"program_bytes", r.model->report.program_bytes},
                  {"train_windows", r.model->train_samples}, {"valid_windows", r.model->valid_samples},
                  {"label_deviation", r.model->unit},        {"best_epoch", r.model->history.best_epoch}};
  doc["latency_ns"] = {{"features", json_of(live.features_ns)},
                       {"model", json_of(live.model_ns)},
                       {"total", json_of(live.total_ns)},
                       {"prepare", json_of(live.prepare_ns)},
                       {"timer", live.timer_ns}};
  doc["events_per_second"] = per_second(r);
  doc["ticks_per_second"] = static_cast<double>(r.replay->rows()) / live.seconds;
  doc["seconds"] = live.seconds;
  doc["refused_events"] = live.refused;
  doc["restarts"] = live.restarts;
  doc["stream_against_batch"] = {{"rows", r.replay->rows()},
                                 {"different_feature_rows", live.different_rows},
                                 {"different_signals", live.different_signals}};
  doc["signal"] = {{"horizon", horizon_text(config)},
                   {"observations", r.signal.observations},
                   {"ic", json_of(r.signal.ic)},
                   {"rank_ic", json_of(r.signal.rank_ic)},
                   {"paired_ic", json_of(r.signal.paired_ic)},
                   {"paired_rank_ic", json_of(r.signal.paired_rank_ic)}};
  if (!config.latency.file.empty()) doc["sha256"]["latency"] = hashes_of(config, {config.latency.file});
  doc["enter"] = r.enter;
  doc["exit"] = r.exit;
  for (const TradedReplay& t : r.traded) doc["trading"][t.name] = json_of(t.result);
  write_file(config.output + "/replay.json", doc.dump(1) + "\n");

  fmt::memory_buffer text;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "tick,features_ns,model_ns,total_ns,prepare_ns\n");
  for (size_t i = 0; i < live.total_ns.size(); ++i)
    fmt::format_to(out, "{},{:.0f},{:.0f},{:.0f},{:.0f}\n", i, live.features_ns[i], live.model_ns[i], live.total_ns[i],
                   live.prepare_ns[i]);
  write_file(config.output + "/latencies.csv", std::string_view(text.data(), text.size()));

  text.clear();
  fmt::format_to(out, "event,time,mid,signal,label");
  for (const TradedReplay& t : r.traded) fmt::format_to(out, ",position_{0},profit_{0}", t.name);
  fmt::format_to(out, "\n");
  for (size_t row = 0; row < live.signals.size(); ++row) {
    const auto event = static_cast<size_t>(r.replay->events[row]);
    fmt::format_to(out, "{},{},{},{:.9g},{:.9g}", event, r.replay->matrix.points[event].time,
                   r.replay->matrix.points[event].mid, live.signals[row], r.replay->label[row]);
    for (const TradedReplay& t : r.traded)
      fmt::format_to(out, ",{:g},{:.12g}", t.result.position[event], t.result.profit[event]);
    fmt::format_to(out, "\n");
  }
  write_file(config.output + "/signals.csv", std::string_view(text.data(), text.size()));
}

std::string replay_text(const ReplayConfig& config, const ReplayResults& r) {
  const TickReplay& live = *r.live;
  const TickData& data = *r.replay;
  std::string out = fmt::format(
      "replayed {} events ({} other messages in the files): {} ticks, {} of them without every feature, {} signals in "
      "{} stretches; {} events refused\n",
      data.tape.events().size(), data.skipped, data.ticks, data.incomplete, data.rows(), data.bounds().size() - 1,
      live.refused);
  out += fmt::format("stream against batch: {} feature rows and {} signals of {} differ in bits\n", live.different_rows,
                     live.different_signals, data.rows());
  const auto& s = r.signal;
  const auto estimate = [](const Estimate& e) {
    return fmt::format("{:.4f} [{:.4f}, {:.4f}]", e.value, e.low, e.high);
  };
  const auto difference = [](const backtest::PairedMetric& m) {
    return fmt::format("{:+.5f} [{:+.5f}, {:+.5f}]", m.difference, m.low, m.high);
  };
  out += fmt::format(
      "signal against the mid's return over {}: IC {}, rank IC {}, {} ticks; int8 less float32: {} and {}\n"
      "({:g} % intervals, {} bootstrap, blocks of {} ticks. They cover chance within these files; of other days and "
      "instruments they say nothing.)\n",
      horizon_text(config), estimate(s.ic), estimate(s.rank_ic), s.observations, difference(s.paired_ic),
      difference(s.paired_rank_ic), config.bootstrap.confidence * 100, config.bootstrap.method,
      config.bootstrap.block_length);
  out += fmt::format(
      "thresholds: in at {:.4f}, out below {:.4f}; half of the ticks come within {:.3f} ms of the last. Between two "
      "quotes the market is unknown:\nan order meets the older one (measured_next: the newer one), so that a latency "
      "far below that time costs nothing here\n",
      r.enter, r.exit, median_gap(data) * 1e-6);
  for (const TradedReplay& t : r.traded)
    out += fmt::format("trading, latency {}: {}\n", t.name, t.result.notes.front());
  if (config.trading.fee_per_contract == 0 && config.trading.fee_bps == 0)
    out += "NO FEES: trading.fee_per_contract and fee_bps are 0; the profits below pay for the spread alone\n";
  out += fmt::format("results {}/replay.json, latencies.csv, signals.csv, model.qtk\n\n", config.output);

  out += fmt::format("{:<26}{:>12}{:>12}{:>12}{:>12}\n", "ns per tick", "p50", "p99", "p99.9", "max");
  const auto times = [&](const char* name, const std::vector<double>& ns) {
    const Quantiles q = quantiles_of(ns);
    out += fmt::format("{:<26}{:>12.0f}{:>12.0f}{:>12.0f}{:>12.0f}\n", name, q.p50, q.p99, q.p999, q.largest);
  };
  times("features", live.features_ns);
  times("model", live.model_ns);
  times("both", live.total_ns);
  times("prepare, behind the tick", live.prepare_ns);
  out += fmt::format("{:<26}{:>12.0f}  ({} on {}; a look at the clock takes {:.0f} ns)\n", "events per second",
                     per_second(r), isa_name(active_isa()), cpu_model(), live.timer_ns);
  out += fmt::format("\n{:<14}{:>14}{:>9}{:>9}{:>9}{:>9}{:>11}{:>14}{:>14}{:>14}\n", "latency", "profit", "orders",
                     "fills", "refused", "adverse", "favourable", "latency cost", "spread cost", "fees");
  for (const TradedReplay& t : r.traded)
    out += fmt::format("{:<14}{:>14.2f}{:>9}{:>9}{:>9}{:>9}{:>11}{:>14.2f}{:>14.2f}{:>14.2f}\n", t.name,
                       t.result.final_profit, t.result.orders, t.result.fills, t.result.refused, t.result.adverse,
                       t.result.favourable, t.result.latency_cost, t.result.spread_cost, t.result.fees);
  return out;
}

}  // namespace quantick::cli
