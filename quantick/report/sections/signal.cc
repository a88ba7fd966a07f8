// What the scores are worth before any portfolio: information coefficients, their decay, returns per quantile.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "quantick/report/chart.h"
#include "quantick/report/derive.h"
#include "quantick/report/sections.h"

namespace quantick::report {
namespace {

std::string coefficient_charts(const Panel& panel, const std::string& name) {
  std::string html = date_chart(monthly_mean(panel), {.title = name + ", mean per month",
                                                      .note = panel.convention,
                                                      .unit = Unit::kCorrelation,
                                                      .mark = Mark::kBar,
                                                      .height = 200});
  html += date_chart(cumulative(panel), {.title = name + ", cumulative",
                                         .note = "running sum of the values per date",
                                         .unit = Unit::kCorrelation,
                                         .include_zero = true,
                                         .height = 220});
  return html;
}

}  // namespace

Section signal_section(const ReportData& data) {
  Section section{"signal", "Signal", ""};
  section.html = coefficient_charts(data.rank_ic, "Rank IC") + coefficient_charts(data.ic, "IC");
  std::vector<std::string> horizons;
  for (const int64_t horizon : data.ic_decay.horizons) horizons.push_back(fmt::format("{}", horizon));
  section.html += category_chart(horizons, data.ic_decay.lines,
                                 {.title = "IC decay over horizons, in bars",
                                  .note = data.ic_decay.convention,
                                  .unit = Unit::kCorrelation,
                                  .include_zero = true,
                                  .height = 220});
  return section;
}

Section quantiles_section(const ReportData& data) {
  Section section{"quantiles", "Quantiles", ""};
  if (!data.quantiles.lines.empty()) {
    std::vector<std::string> names;
    const size_t count = data.quantiles.lines.front().values.size();
    for (size_t q = 1; q <= count; ++q) {
      names.push_back(q == 1 ? "1 low" : (q == count ? fmt::format("{} high", q) : fmt::format("{}", q)));
    }
    section.html = category_chart(names, data.quantiles.lines,
                                  {.title = "Mean return per score quantile",
                                   .note = data.quantiles.convention,
                                   .unit = Unit::kBasisPoints,
                                   .mark = Mark::kBar,
                                   .height = 230});
  }
  section.html += date_chart(data.quantiles.cumulative, {.title = "Wealth per score quantile",
                                                         .note = data.quantiles.cumulative.convention,
                                                         .log_if_wide = true,
                                                         .height = 250});
  return section;
}

}  // namespace quantick::report
