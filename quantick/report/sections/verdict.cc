// What the run says, first in words that follow from the numbers by fixed rules, then as a table.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "quantick/report/format.h"
#include "quantick/report/sections.h"
#include "quantick/report/table.h"

namespace quantick::report {
namespace {

constexpr double kTwoSided95 = 1.96;  // |t| beyond which a mean is called different from zero
constexpr std::string_view kNotJudged = "Not judged";

struct Finding {
  std::string question;
  std::string answer;
  std::string detail;
  std::string_view state;  // good, bad, open: icon and colour, both beside the words
};

const Strategy* find_strategy(const ReportData& data, std::string_view key) {
  const auto found = std::find_if(data.strategies.begin(), data.strategies.end(),
                                  [&](const Strategy& strategy) { return strategy.key == key; });
  return found == data.strategies.end() ? nullptr : &*found;
}

/// The network as it would trade: int8, or float32 where there is no int8.
const Strategy* network(const ReportData& data) {
  const Strategy* int8 = find_strategy(data, "int8");
  return int8 != nullptr ? int8 : find_strategy(data, "float32");
}

Estimate value_of(const ReportData& data, const Strategy* strategy, std::string_view metric) {
  if (strategy == nullptr) return {};
  for (size_t m = 0; m < data.metrics.size(); ++m) {
    if (data.metrics[m].key == metric) return strategy->values[m];
  }
  return {};
}

std::string interval_text(const Estimate& e, Unit unit) {
  if (!std::isfinite(e.low) || !std::isfinite(e.high)) return "";
  return fmt::format(" [{}, {}]", format_value(e.low, unit), format_value(e.high, unit));
}

Finding signal_finding(const ReportData& data) {
  Finding out{.question = "Does the score predict?", .answer = std::string(kNotJudged), .state = "open"};
  const Estimate ic = value_of(data, network(data), "rank_ic");
  const Estimate t = value_of(data, network(data), "ic_t");
  if (!std::isfinite(ic.value)) return out;
  const bool has_interval = std::isfinite(ic.low) && std::isfinite(ic.high);
  if (!has_interval && !std::isfinite(t.value)) return out;
  const bool apart = has_interval ? ic.low > 0 || ic.high < 0 : std::abs(t.value) > kTwoSided95;
  out.answer = !apart ? "Not told apart from zero" : (ic.value > 0 ? "Yes, above zero" : "Below zero");
  out.state = !apart ? "open" : (ic.value > 0 ? "good" : "bad");
  out.detail =
      fmt::format("Rank IC {}{}", format_value(ic.value, Unit::kCorrelation), interval_text(ic, Unit::kCorrelation));
  if (std::isfinite(t.value)) out.detail += fmt::format(", t {}", format_value(t.value, Unit::kRatio));
  if (ic.observations > 0) out.detail += fmt::format(", n\u00A0{}", format_count(ic.observations));
  return out;
}

Finding baseline_finding(const ReportData& data) {
  Finding out{.question = "Does it beat the baselines, net?", .answer = std::string(kNotJudged), .state = "open"};
  const Estimate own = value_of(data, network(data), "sharpe");
  if (!std::isfinite(own.value)) return out;
  const Strategy* best = nullptr;
  double best_value = 0;
  for (const Strategy& strategy : data.strategies) {
    if (strategy.role == Role::kFloat32 || strategy.role == Role::kInt8) continue;
    const double value = value_of(data, &strategy, "sharpe").value;
    if (!std::isfinite(value) || (best != nullptr && value <= best_value)) continue;
    best = &strategy;
    best_value = value;
  }
  if (best == nullptr) return out;
  const bool ahead = own.value > best_value;
  if (own.low <= best_value && best_value <= own.high) {
    out.answer = fmt::format("{}, within its interval", ahead ? "Ahead" : "Behind");
  } else {
    out.answer = ahead ? "Ahead in Sharpe" : "Behind in Sharpe";
    out.state = ahead ? "good" : "bad";
  }
  out.detail = fmt::format("Sharpe {}{} against {} of {}", format_value(own.value, Unit::kRatio),
                           interval_text(own, Unit::kRatio), format_value(best_value, Unit::kRatio), best->label);
  return out;
}

Finding luck_finding(const ReportData& data) {
  Finding out{.question = "Could it be luck?", .answer = std::string(kNotJudged), .state = "open"};
  const Estimate dsr = value_of(data, network(data), "dsr");
  if (!std::isfinite(dsr.value)) return out;
  const bool passed = dsr.value >= data.deflated_sharpe_bar;
  out.answer = passed ? "Unlikely" : "It could";
  out.state = passed ? "good" : "bad";
  out.detail = fmt::format("Deflated Sharpe {}, bar {:.2f}", format_value(dsr.value, Unit::kProbability),
                           data.deflated_sharpe_bar);
  if (data.trials > 0) out.detail += fmt::format(", {} tried", format_count(data.trials));
  return out;
}

Finding quantization_finding(const ReportData& data) {
  Finding out{.question = "Does int8 cost anything?", .answer = std::string(kNotJudged), .state = "open"};
  for (const PairedMetric& m : data.paired.metrics) {
    if (m.key != "rank_ic" || !std::isfinite(m.low) || !std::isfinite(m.high)) continue;
    const bool apart = m.low > 0 || m.high < 0;
    out.answer = !apart ? "No difference found" : (m.difference < 0 ? "It lowers rank IC" : "It raises rank IC");
    out.state = !apart ? "good" : (m.difference < 0 ? "bad" : "open");
    const double smallest = std::min(std::abs(m.low), std::abs(m.high));
    const auto text = [&](double v) { return format_difference(v, smallest, m.unit); };
    out.detail = fmt::format("Rank IC difference {} [{}, {}], n\u00A0{}", text(m.difference), text(m.low), text(m.high),
                             format_count(m.observations));
  }
  return out;
}

std::string findings(const ReportData& data) {
  std::string cards;
  for (const Finding& f :
       {signal_finding(data), baseline_finding(data), luck_finding(data), quantization_finding(data)}) {
    if (f.answer == kNotJudged) continue;
    cards += fmt::format("<div class=\"finding {}\"><dt>{}</dt><dd><b>{}</b><span>{}</span></dd></div>", f.state,
                         escape(f.question), escape(f.answer), escape(f.detail));
  }
  return cards.empty() ? "" : "<dl class=\"findings\">" + cards + "</dl>";
}

std::string table_of(const ReportData& data) {
  if (data.metrics.empty() || data.strategies.empty()) return "";
  Table table("Network and baselines side by side");
  std::vector<std::string> head{"Metric"};
  for (const Strategy& strategy : data.strategies) head.push_back(strategy.label);
  table.head(head);
  std::string group;
  for (size_t m = 0; m < data.metrics.size(); ++m) {
    const MetricSpec& metric = data.metrics[m];
    if (metric.group != group && !metric.group.empty()) table.group(metric.group);
    group = metric.group;
    const bool overstated = metric.key.starts_with("sharpe") && !data.survivorship.empty();
    table.row(metric.label, metric.convention, overstated ? "survivorship" : "");
    for (const Strategy& strategy : data.strategies) {
      const Estimate& e = strategy.values[m];
      std::string note;
      if (std::isfinite(e.low) && std::isfinite(e.high)) {
        note = fmt::format("{} to {}", format_value(e.low, metric.unit), format_value(e.high, metric.unit));
      }
      if (e.observations > 0)
        note += fmt::format("{}n\u00A0{}", note.empty() ? "" : "<br>", format_count(e.observations));
      table.number(format_value(e.value, metric.unit), note);
    }
  }
  return table.html();
}

}  // namespace

Section verdict_section(const ReportData& data) {
  Section section{"verdict", "Verdict", findings(data)};
  section.html += table_of(data);
  if (section.html.empty()) return section;
  std::string notes;
  if (!data.survivorship.empty())
    notes += fmt::format("<li id=\"survivorship\"><b>Survivorship.</b> {}</li>", escape(data.survivorship));
  if (data.trials > 0) {
    notes += fmt::format("<li><b>Trials.</b> {} configurations were tried; the deflated Sharpe ratio counts them.</li>",
                         format_count(data.trials));
  }
  if (!notes.empty()) section.html += "<ul class=\"notes\">" + notes + "</ul>";
  return section;
}

}  // namespace quantick::report
