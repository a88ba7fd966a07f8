// What int8 changed: paired differences, error per layer, what the observers saw.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "quantick/report/chart.h"
#include "quantick/report/format.h"
#include "quantick/report/sections.h"
#include "quantick/report/table.h"

namespace quantick::report {
namespace {

/// The digits that the smallest non-zero end of the interval needs are used along the row.
double smallest_of(const PairedMetric& m) {
  double smallest = 0;
  for (const double v : {m.difference, m.low, m.high}) {
    if (std::isfinite(v) && v != 0 && (smallest == 0 || std::abs(v) < smallest)) smallest = std::abs(v);
  }
  return smallest;
}

void add_rows(Table& table, const std::vector<PairedMetric>& metrics) {
  for (const PairedMetric& m : metrics) {
    // Ends many decades apart would ask for endless digits; two decades below the largest are plenty.
    const double largest = std::max({std::abs(m.difference), std::abs(m.low), std::abs(m.high), 0.0});
    const double smallest = std::max(smallest_of(m), std::isfinite(largest) ? largest / 100 : 0.0);
    table.row(m.label, m.convention);
    table.number(format_value(m.float32, m.unit)).number(format_value(m.int8, m.unit));
    table.number(fmt::format("<b>{}</b>", format_difference(m.difference, smallest, m.unit)));
    table.number(format_difference(m.low, smallest, m.unit)).number(format_difference(m.high, smallest, m.unit));
    table.cell(fmt::format("<td class=\"picture\">{}</td>", interval_mark(m.difference, m.low, m.high)));
    table.number(format_count(m.observations));
  }
}

std::string tie_note(const Paired& paired) {
  if (paired.tied_scores_float32 < 0 && paired.tied_scores_int8 < 0) return "";
  const auto count = [](int64_t n) { return n < 0 ? std::string("not counted") : format_count(n); };
  std::string out = fmt::format("<li><b>Tied scores.</b> float32 {}, int8 {}", count(paired.tied_scores_float32),
                                count(paired.tied_scores_int8));
  if (paired.scores >= 0) out += fmt::format(", of {} scores", format_count(paired.scores));
  return out + ". A score is tied when another name of its date has the same one.</li>";
}

std::string fact_list(const std::vector<Fact>& facts) {
  if (facts.empty()) return "";
  std::string out = "<dl class=\"facts\">";
  for (const Fact& fact : facts) {
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escape(fact.name), escape(fact.value));
  }
  return out + "</dl>";
}

}  // namespace

Section paired_section(const ReportData& data) {
  Section section{"paired", "float32 and int8", ""};
  const std::vector<std::string> head{"Metric", "float32", "int8", "Difference", "Low", "High", "Against zero", "n"};
  Table all("float32 against int8, whole report period");
  all.head(head);
  add_rows(all, data.paired.metrics);
  Table years("float32 against int8 per year");
  years.head(head);
  for (const PairedYear& year : data.paired.years) {
    if (year.metrics.empty()) continue;
    years.group(fmt::format("{}", year.year));
    add_rows(years, year.metrics);
  }
  if (all.empty() && years.empty()) return section;
  section.html = "<p>Same weights, same days, same costs. The difference is int8 minus float32.";
  if (!data.paired.interval.empty()) section.html += fmt::format(" Low and high: {}.", escape(data.paired.interval));
  section.html += "</p>" + all.html();
  if (!years.empty()) section.html += "<h3>Per year</h3>" + years.html();
  const std::string ties = tie_note(data.paired);
  if (!ties.empty()) section.html += "<ul class=\"notes\">" + ties + "</ul>";
  return section;
}

Section layers_section(const ReportData& data) {
  Section section{"layers", "Layers", ""};
  Table table("Quantization error per layer");
  table.head({"Layer", "Kind", "Type", "SQNR", "Own SQNR", "Cosine", "Saturation", "Dead zone"}, 3);
  for (const LayerError& layer : data.layers) {
    table.row(layer.name, layer.kept_in_float ? "kept in float: " + layer.reason : "")
        .text(layer.kind)
        .text(layer.dtype);
    table.number(format_value(layer.sqnr_db, Unit::kDecibel));
    table.number(format_value(layer.own_sqnr_db, Unit::kDecibel));
    table.number(std::isfinite(layer.cosine) ? fmt::format("{:.6f}", layer.cosine) : "–");
    table.number(format_difference(layer.saturation, layer.saturation, Unit::kPercent));
    table.number(format_difference(layer.dead_zone, layer.dead_zone, Unit::kPercent));
  }
  std::vector<Fact> facts = data.quantization;
  if (std::isfinite(data.prediction_sqnr_db)) {
    facts.insert(facts.begin(),
                 {"SQNR of the mean-removed predictions", format_value(data.prediction_sqnr_db, Unit::kDecibel)});
  }
  section.html = fact_list(facts) + table.html();
  if (!table.empty()) {
    section.html +=
        "<p class=\"note\">SQNR: signal to quantization noise of the layer's output against float32. Own SQNR: of the "
        "noise that the layer itself adds to what it computes from its inputs. Cosine: of the two outputs. Saturation: "
        "share of outputs at either end of their range. Dead zone: share of state updates too small to move a narrow "
        "state.</p>";
  }
  return section;
}

Section calibration_section(const ReportData& data) {
  Section section{"calibration", "Calibration", ""};
  std::string grid;
  for (const CalibrationTensor& tensor : data.calibration) grid += histogram(tensor);
  if (grid.empty()) return section;
  section.html =
      "<p class=\"note\">What the observers saw on the calibration dates, counts on a logarithmic scale. The "
      "shaded range is the one the integers cover.</p><div class=\"tiles\">" +
      grid + "</div>";
  return section;
}

}  // namespace quantick::report
