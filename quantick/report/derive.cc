#include "quantick/report/derive.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "quantick/core/error.h"

namespace quantick::report {
namespace {

template <class Map>
Panel map_lines(const Panel& panel, Map&& map) {
  Panel out = panel;
  for (Line& line : out.lines) line.values = map(line.values);
  return out;
}

int number_at(const std::string& date, size_t from, size_t length) {
  int value = -1;
  if (date.size() >= from + length) std::from_chars(date.data() + from, date.data() + from + length, value);
  return value;
}

}  // namespace

std::vector<double> drawdown(const std::vector<double>& equity) {
  std::vector<double> out(equity.size(), kMissing);
  double peak = 1;
  for (size_t i = 0; i < equity.size(); ++i) {
    if (!std::isfinite(equity[i])) continue;
    peak = std::max(peak, equity[i]);
    out[i] = equity[i] / peak - 1;
  }
  return out;
}

Panel drawdown(const Panel& equity) {
  return map_lines(equity, [](const std::vector<double>& values) { return drawdown(values); });
}

std::vector<double> cumulative(const std::vector<double>& values) {
  std::vector<double> out(values.size(), kMissing);
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    sum += values[i];
    out[i] = sum;
  }
  return out;
}

Panel cumulative(const Panel& panel) {
  return map_lines(panel, [](const std::vector<double>& values) { return cumulative(values); });
}

Panel monthly_mean(const Panel& panel) {
  Panel out;
  out.convention = panel.convention;
  std::vector<size_t> month_of(panel.dates.size());
  for (size_t i = 0; i < panel.dates.size(); ++i) {
    std::string month = panel.dates[i].substr(0, 7);
    if (out.dates.empty() || out.dates.back() != month) out.dates.push_back(std::move(month));
    month_of[i] = out.dates.size() - 1;
  }
  for (const Line& line : panel.lines) {
    std::vector<double> sum(out.dates.size(), 0);
    std::vector<double> count(out.dates.size(), 0);
    for (size_t i = 0; i < line.values.size(); ++i) {
      if (!std::isfinite(line.values[i])) continue;
      sum[month_of[i]] += line.values[i];
      count[month_of[i]] += 1;
    }
    for (size_t m = 0; m < sum.size(); ++m) sum[m] = count[m] > 0 ? sum[m] / count[m] : kMissing;
    out.lines.push_back({line.key, line.label, line.role, std::move(sum)});
  }
  return out;
}

std::vector<YearRow> monthly_returns(const std::vector<std::string>& dates, const std::vector<double>& equity) {
  std::vector<YearRow> rows;
  double year_start = 1;
  double month_start = 1;
  double last = 1;
  int open_month = -1;
  for (size_t i = 0; i < dates.size(); ++i) {
    const int year = number_at(dates[i], 0, 4);
    const int month = number_at(dates[i], 5, 2);
    QTK_CHECK(year > 0 && month >= 1 && month <= 12, ValueError,
              "[report] equity date, was \"{}\", expected YYYY-MM-DD", dates[i]);
    if (!std::isfinite(equity[i])) continue;
    if (rows.empty() || rows.back().year != year) {
      rows.push_back({.year = year});
      rows.back().months.fill(kMissing);
      year_start = last;
      open_month = -1;
    }
    if (month != open_month) {
      open_month = month;
      month_start = last;
    }
    rows.back().months[static_cast<size_t>(month - 1)] = equity[i] / month_start - 1;
    rows.back().total = equity[i] / year_start - 1;
    last = equity[i];
  }
  return rows;
}

}  // namespace quantick::report
