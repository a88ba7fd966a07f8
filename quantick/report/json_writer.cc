#include "quantick/report/json_writer.h"

#include <nlohmann/json.hpp>

#include "quantick/core/file.h"
#include "quantick/report/derive.h"

namespace quantick::report {
namespace {

// Keeps the order of insertion, so that the file reads in the order of the report.
using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 1;

/// Compact text. Names come from users' files: bytes that are no UTF-8 are replaced, not refused.
std::string compact(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Indented, except that a list of plain values stays on one line: a series is one line, not one per day.
void print(const Json& value, size_t depth, std::string& text) {
  bool flat = true;
  for (const Json& item : value) flat = flat && item.is_primitive();
  if (value.empty() || (flat && !value.is_object())) {
    text += compact(value);
    return;
  }
  text += value.is_object() ? "{\n" : "[\n";
  bool first = true;
  for (const auto& [key, item] : value.items()) {
    if (!first) text += ",\n";
    first = false;
    text.append(depth + 1, ' ');
    if (value.is_object()) text += compact(key) + ": ";
    print(item, depth + 1, text);
  }
  text += '\n';
  text.append(depth, ' ');
  text += value.is_object() ? '}' : ']';
}

Json numbers(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double value : values) out.push_back(value);  // the library writes NaN and infinities as null
  return out;
}

Json estimate(const Estimate& e) {
  return {{"value", e.value}, {"low", e.low}, {"high", e.high}, {"observations", e.observations}};
}

Json panel(const Panel& panel) {
  Json lines = Json::object();
  for (const Line& line : panel.lines) lines[line.key] = numbers(line.values);
  return {{"convention", panel.convention}, {"dates", panel.dates}, {"lines", std::move(lines)}};
}

void add_panel(Json& out, const char* name, const Panel& values) {
  if (!values.dates.empty() && !values.lines.empty()) out[name] = panel(values);
}

Json estimate_lines(const std::vector<EstimateLine>& lines) {
  Json out = Json::object();
  for (const EstimateLine& line : lines) {
    out[line.key] = Json::array();
    for (const Estimate& e : line.values) out[line.key].push_back(estimate(e));
  }
  return out;
}

Json paired(const std::vector<PairedMetric>& metrics) {
  Json out = Json::object();
  for (const PairedMetric& m : metrics) {
    out[m.key] = {{"float32", m.float32},
                  {"int8", m.int8},
                  {"difference", m.difference},
                  {"low", m.low},
                  {"high", m.high},
                  {"observations", m.observations},
                  {"convention", m.convention}};
  }
  return out;
}

Json facts(const std::vector<Fact>& facts) {
  Json out = Json::array();
  for (const Fact& fact : facts) out.push_back({{"name", fact.name}, {"value", fact.value}});
  return out;
}

Json strategies(const ReportData& data) {
  Json out = Json::object();
  for (const Strategy& strategy : data.strategies) {
    Json values = Json::object();
    for (size_t m = 0; m < data.metrics.size(); ++m) values[data.metrics[m].key] = estimate(strategy.values[m]);
    out[strategy.key] = {{"label", strategy.label}, {"metrics", std::move(values)}};
  }
  return out;
}

Json metric_conventions(const std::vector<MetricSpec>& metrics) {
  Json out = Json::object();
  for (const MetricSpec& m : metrics) {
    out[m.key] = {{"label", m.label}, {"convention", m.convention}, {"group", m.group}};
  }
  return out;
}

Json costs(const std::vector<CostRow>& rows) {
  Json out = Json::object();
  for (const CostRow& row : rows) {
    out[row.key] = {{"label", row.label},       {"gross", row.gross},   {"commission", row.commission},
                    {"slippage", row.slippage}, {"borrow", row.borrow}, {"net", row.net}};
  }
  return out;
}

Json monthly(const Panel& equity) {
  Json out = Json::object();
  for (const Line& line : equity.lines) {
    Json years = Json::object();
    for (const YearRow& row : monthly_returns(equity.dates, line.values)) {
      years[std::to_string(row.year)] = {{"months", row.months}, {"total", row.total}};
    }
    out[line.key] = std::move(years);
  }
  return out;
}

Json calibration(const std::vector<CalibrationTensor>& tensors) {
  Json out = Json::array();
  for (const CalibrationTensor& t : tensors) {
    out.push_back({{"name", t.name},
                   {"observer", t.observer},
                   {"bits", t.bits},
                   {"range_low", t.range_low},
                   {"range_high", t.range_high},
                   {"scale", t.scale},
                   {"zero_point", t.zero_point},
                   {"bins_low", t.bins_low},
                   {"bins_high", t.bins_high},
                   {"counts", numbers(t.counts)}});
  }
  return out;
}

Json layers(const std::vector<LayerError>& layers) {
  Json out = Json::array();
  for (const LayerError& layer : layers) {
    out.push_back({{"name", layer.name},
                   {"kind", layer.kind},
                   {"dtype", layer.dtype},
                   {"sqnr_db", layer.sqnr_db},
                   {"cosine", layer.cosine},
                   {"saturation", layer.saturation},
                   {"own_sqnr_db", layer.own_sqnr_db},
                   {"dead_zone", layer.dead_zone},
                   {"kept_in_float", layer.kept_in_float},
                   {"reason", layer.reason}});
  }
  return out;
}

Json training(const std::vector<Training>& runs) {
  Json out = Json::array();
  for (const Training& run : runs) {
    out.push_back({{"label", run.label},
                   {"loss", run.loss},
                   {"best_epoch", run.best_epoch},
                   {"train_loss", numbers(run.train_loss)},
                   {"valid_loss", numbers(run.valid_loss)},
                   {"valid_ic", numbers(run.valid_ic)}});
  }
  return out;
}

Json sources(const std::vector<DataSource>& sources) {
  Json out = Json::array();
  for (const DataSource& s : sources) {
    Json missing = Json::object();
    for (const NamedCount& count : s.missing) missing[count.name] = count.count;
    out.push_back({{"name", s.name},
                   {"sha256", s.sha256},
                   {"format", s.format},
                   {"rows", s.rows},
                   {"instruments", s.instruments},
                   {"from", s.from},
                   {"to", s.to},
                   {"inferred", s.inferred},
                   {"missing", std::move(missing)},
                   {"survivorship", s.survivorship},
                   {"dividends", s.dividends},
                   {"splits", s.splits},
                   {"origin", s.origin}});
  }
  return out;
}

Json timings(const std::vector<Timing>& timings) {
  Json out = Json::object();
  for (const Timing& timing : timings) out[timing.name] = timing.seconds;
  return out;
}

Json files(const std::vector<FileEntry>& files) {
  Json out = Json::array();
  for (const FileEntry& file : files) {
    out.push_back({{"name", file.name}, {"note", file.note}, {"bytes", file.bytes < 0 ? Json() : Json(file.bytes)}});
  }
  return out;
}

Json count_or_null(int64_t count) { return count < 0 ? Json() : Json(count); }

void add_results(Json& out, const ReportData& data) {
  out["metrics"] = metric_conventions(data.metrics);
  out["strategies"] = strategies(data);
  out["paired"] = paired(data.paired.metrics);
  out["years"] = Json::object();
  for (const PairedYear& year : data.paired.years) out["years"][std::to_string(year.year)] = paired(year.metrics);
  out["paired_interval"] = data.paired.interval;
  out["tied_scores"] = {{"float32", count_or_null(data.paired.tied_scores_float32)},
                        {"int8", count_or_null(data.paired.tied_scores_int8)},
                        {"scores", count_or_null(data.paired.scores)}};
  out["layers"] = layers(data.layers);
  out["prediction_sqnr_db"] = data.prediction_sqnr_db;
  out["quantization"] = facts(data.quantization);
  out["calibration"] = calibration(data.calibration);
}

void add_series(Json& out, const ReportData& data) {
  add_panel(out, "equity", data.equity);
  add_panel(out, "drawdown", drawdown(data.equity));
  if (!data.equity.dates.empty() && !data.equity.lines.empty()) out["monthly_returns"] = monthly(data.equity);
  add_panel(out, "gross_net", data.gross_net);
  if (!data.costs.empty()) out["costs"] = costs(data.costs);
  add_panel(out, "ic", data.ic);
  add_panel(out, "ic_cumulative", cumulative(data.ic));
  add_panel(out, "rank_ic", data.rank_ic);
  add_panel(out, "rank_ic_cumulative", cumulative(data.rank_ic));
  if (!data.ic_decay.lines.empty()) {
    out["ic_decay"] = {{"convention", data.ic_decay.convention},
                       {"horizons", data.ic_decay.horizons},
                       {"lines", estimate_lines(data.ic_decay.lines)}};
  }
  if (!data.quantiles.lines.empty()) {
    out["quantiles"] = {{"convention", data.quantiles.convention}, {"lines", estimate_lines(data.quantiles.lines)}};
    add_panel(out["quantiles"], "cumulative", data.quantiles.cumulative);
  }
  add_panel(out, "turnover", data.turnover);
  add_panel(out, "exposure", data.exposure);
}

}  // namespace

std::string to_json(const ReportData& data) {
  validate(data);
  Json out;
  out["format"] = "quantick report";
  out["version"] = kFormatVersion;
  out["title"] = data.title;
  out["run_name"] = data.run_name;
  if (!data.created.empty()) out["created"] = data.created;
  out["period"] = data.period;
  out["summary"] = data.summary;
  out["warnings"] = data.warnings;
  out["hashes"] = {{"data", data.hashes.data}, {"model", data.hashes.model}, {"predictions", data.hashes.predictions}};
  out["trials"] = data.trials;
  out["survivorship"] = data.survivorship;
  add_results(out, data);
  add_series(out, data);
  out["training"] = training(data.training);
  out["data"] = sources(data.data);
  out["configuration"] = data.configuration;
  out["timings"] = timings(data.timings);
  out["environment"] = facts(data.environment);
  out["files"] = files(data.files);
  std::string text;
  print(out, 0, text);
  return text + "\n";
}

void write_json(const ReportData& data, const std::string& path) { write_file(path, to_json(data)); }

}  // namespace quantick::report
