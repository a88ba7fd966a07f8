// What the account did: wealth, drawdown, months, costs, turnover, exposure.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "quantick/report/chart.h"
#include "quantick/report/derive.h"
#include "quantick/report/format.h"
#include "quantick/report/sections.h"
#include "quantick/report/table.h"

namespace quantick::report {
namespace {

constexpr double kHeatQuantile = 0.95;  // months beyond this size wear the deepest colour, so that one crash month
                                        // does not bleach the others
const std::vector<std::string> kMonthHead{"Year", "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul",  "Aug", "Sep", "Oct", "Nov", "Dec", "Year"};

double heat_scale(const std::vector<YearRow>& rows) {
  std::vector<double> sizes;
  for (const YearRow& row : rows) {
    for (const double month : row.months) {
      if (std::isfinite(month)) sizes.push_back(std::abs(month));
    }
  }
  if (sizes.empty()) return 0;
  std::sort(sizes.begin(), sizes.end());
  return sizes[static_cast<size_t>(kHeatQuantile * static_cast<double>(sizes.size() - 1))];
}

std::string month_table(const Panel& equity, const Line& line) {
  const std::vector<YearRow> rows = monthly_returns(equity.dates, line.values);
  Table table(fmt::format("Monthly returns in percent, {}", line.label), "months");
  table.head(kMonthHead);
  const double scale = heat_scale(rows);
  for (const YearRow& row : rows) {
    table.row(fmt::format("{}", row.year));
    for (const double month : row.months) table.cell(heat_cell(month, scale));
    table.number(fmt::format("<b>{}</b>", format_percent(row.total)));
  }
  return table.empty() ? "" : fmt::format("<h3>{}</h3>", escape(line.label)) + table.html();
}

bool is_network(const Line& line) { return line.role == Role::kFloat32 || line.role == Role::kInt8; }

}  // namespace

Section equity_section(const ReportData& data) {
  Section section{"equity", "Equity", ""};
  section.html = date_chart(data.equity, {.title = "Wealth, net of costs",
                                          .note = data.equity.convention,
                                          .unit = Unit::kRatio,
                                          .log_if_wide = true,
                                          .height = 320});
  if (section.html.empty()) return section;
  section.html += date_chart(drawdown(data.equity), {.title = "Drawdown",
                                                     .note = "wealth over its running maximum, minus 1, compounded",
                                                     .unit = Unit::kPercent,
                                                     .mark = Mark::kArea,
                                                     .height = 190});
  return section;
}

Section monthly_section(const ReportData& data) {
  Section section{"months", "Months", ""};
  // The network's own tables come first; baselines have theirs in CSV. Without a network, the first line stands here.
  for (const Line& line : data.equity.lines) {
    if (is_network(line)) section.html += month_table(data.equity, line);
  }
  if (section.html.empty() && !data.equity.lines.empty()) {
    section.html = month_table(data.equity, data.equity.lines.front());
  }
  if (section.html.empty()) return section;
  section.html +=
      "<p class=\"note\">Compounded net returns per calendar month, in percent. Blue above zero, orange below.</p>";
  return section;
}

Section costs_section(const ReportData& data) {
  Section section{"costs", "Costs", ""};
  section.html = date_chart(
      data.gross_net,
      {.title = "Gross against net wealth", .note = data.gross_net.convention, .log_if_wide = true, .height = 260});
  if (data.costs.empty()) return section;
  Table table("Costs per year");
  table.head({"Strategy", "Gross", "Commission", "Slippage", "Borrow", "Net"});
  const auto cost = [](double value) { return format_value(-value, Unit::kPercent); };
  for (const CostRow& row : data.costs) {
    table.row(row.label).number(format_value(row.gross, Unit::kPercent));
    table.number(cost(row.commission)).number(cost(row.slippage)).number(cost(row.borrow));
    table.number(fmt::format("<b>{}</b>", format_value(row.net, Unit::kPercent)));
  }
  section.html += table.html();
  section.html += "<p class=\"note\">Shares of the account per year. Gross less the three costs is net.</p>";
  return section;
}

Section trading_section(const ReportData& data) {
  Section section{"trading", "Trading", ""};
  section.html = date_chart(data.turnover, {.title = "Turnover",
                                            .note = data.turnover.convention,
                                            .unit = Unit::kPercent,
                                            .include_zero = true,
                                            .height = 200});
  section.html += date_chart(data.exposure, {.title = "Exposure",
                                             .note = data.exposure.convention,
                                             .unit = Unit::kPercent,
                                             .include_zero = true,
                                             .height = 200});
  return section;
}

}  // namespace quantick::report
