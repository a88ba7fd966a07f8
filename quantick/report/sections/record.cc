// How the numbers came about: training, data, configuration, timings, environment, files.
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "quantick/report/chart.h"
#include "quantick/report/format.h"
#include "quantick/report/sections.h"
#include "quantick/report/table.h"

namespace quantick::report {
namespace {

EstimateLine curve(std::string key, std::string label, Role role, const std::vector<double>& values) {
  EstimateLine line{std::move(key), std::move(label), role, {}};
  for (const double value : values) line.values.push_back({.value = value});
  return line;
}

std::string training_run(const Training& run) {
  std::vector<std::string> epochs;
  for (size_t e = 1; e <= run.train_loss.size(); ++e) epochs.push_back(fmt::format("{}", e));
  std::vector<EstimateLine> losses{curve("train", "training", Role::kBenchmark, run.train_loss)};
  if (!run.valid_loss.empty()) losses.push_back(curve("valid", "validation", Role::kInt8, run.valid_loss));
  std::string note = run.loss;
  if (run.best_epoch > 0) note += fmt::format("{}best epoch {}", note.empty() ? "" : "; ", run.best_epoch);
  const std::string prefix = run.label.empty() ? "" : run.label + ": ";
  std::string html = category_chart(
      epochs, losses, {.title = prefix + "loss per epoch", .note = note, .unit = Unit::kNumber, .height = 200});
  if (!run.valid_ic.empty()) {
    html += category_chart(
        epochs, {curve("valid_ic", "validation", Role::kInt8, run.valid_ic)},
        {.title = prefix + "validation IC per epoch", .unit = Unit::kCorrelation, .include_zero = true, .height = 180});
  }
  return html;
}

void add_fact(std::string& out, std::string_view name, const std::string& value, bool code = false) {
  if (value.empty()) return;
  const std::string shown = code ? "<code>" + escape(value) + "</code>" : escape(value);
  out += fmt::format("<div{}><dt>{}</dt><dd>{}</dd></div>", code ? " class=\"wide\"" : "", escape(name), shown);
}

std::string source_block(const DataSource& source) {
  std::string facts;
  add_fact(facts, "Format", source.format);
  if (source.rows > 0) add_fact(facts, "Rows", format_count(source.rows));
  if (source.instruments > 0) add_fact(facts, "Instruments", format_count(source.instruments));
  if (!source.from.empty()) add_fact(facts, "Dates", source.from + " to " + source.to);
  add_fact(facts, "Origin", source.origin);
  add_fact(facts, "Survivorship", source.survivorship);
  add_fact(facts, "Dividends", source.dividends);
  add_fact(facts, "Splits", source.splits);
  add_fact(facts, "SHA-256", source.sha256, true);
  std::string html = fmt::format("<h3 class=\"path\">{}</h3>", escape(source.name));
  if (!facts.empty()) html += "<dl class=\"facts\">" + facts + "</dl>";
  if (!source.inferred.empty()) {
    html += "<h4>What the reader inferred</h4><ul class=\"notes\">";
    for (const std::string& guess : source.inferred) html += fmt::format("<li>{}</li>", escape(guess));
    html += "</ul>";
  }
  if (!source.missing.empty()) {
    Table table("Missing values");
    table.head({"Missing values", "Count"});
    for (const NamedCount& missing : source.missing) table.row(missing.name).number(format_count(missing.count));
    html += table.html();
  }
  return html;
}

}  // namespace

Section training_section(const ReportData& data) {
  Section section{"training", "Training", ""};
  for (const Training& run : data.training) section.html += training_run(run);
  return section;
}

Section data_section(const ReportData& data) {
  Section section{"data", "Data", ""};
  for (const DataSource& source : data.data) section.html += source_block(source);
  return section;
}

Section configuration_section(const ReportData& data) {
  Section section{"configuration", "Configuration", ""};
  if (data.configuration.empty()) return section;
  section.html = fmt::format(
      "<pre class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Configuration\"><code>{}"
      "</code></pre>",
      escape(data.configuration));
  return section;
}

Section record_section(const ReportData& data) {
  Section section{"record", "Record", ""};
  std::string facts;
  add_fact(facts, "Data hash", data.hashes.data, true);
  add_fact(facts, "Model hash", data.hashes.model, true);
  add_fact(facts, "Predictions hash", data.hashes.predictions, true);
  for (const Fact& fact : data.environment) add_fact(facts, fact.name, fact.value);
  if (!facts.empty()) section.html = "<dl class=\"facts\">" + facts + "</dl>";
  Table timings("Timings");
  timings.head({"Stage", "Time"});
  for (const Timing& timing : data.timings) timings.row(timing.name).number(format_seconds(timing.seconds));
  if (!timings.empty()) section.html += "<h3>Timings</h3>" + timings.html();
  Table files("Files of this run");
  files.head({"File", "Content", "Size"}, 2);
  for (const FileEntry& file : data.files) files.row(file.name).text(file.note).number(format_bytes(file.bytes));
  if (!files.empty()) section.html += "<h3>Files</h3>" + files.html();
  return section;
}

}  // namespace quantick::report
