#pragma once
// Numbers that the report derives from the series it was given; all three writers take them from here.
#include <array>
#include <string>
#include <vector>

#include "quantick/report/report_data.h"

namespace quantick::report {

/// Wealth over its running maximum, minus 1 (so <= 0); the maximum starts at the capital of 1 before the first date.
/// Missing stays missing.
std::vector<double> drawdown(const std::vector<double>& equity);
Panel drawdown(const Panel& equity);

/// Running sum; a missing value adds nothing and stays missing.
std::vector<double> cumulative(const std::vector<double>& values);
Panel cumulative(const Panel& panel);

/// Mean per calendar month of the values that are there; dates are the months, "2020-03".
Panel monthly_mean(const Panel& panel);

struct YearRow {
  int year = 0;
  std::array<double, 12> months;  // compounded return of the month, kMissing where there is no date
  double total = kMissing;        // of the year
};

/// Returns per calendar month and year from wealth at date ends (capital of 1 before the first date).
std::vector<YearRow> monthly_returns(const std::vector<std::string>& dates, const std::vector<double>& equity);

}  // namespace quantick::report
