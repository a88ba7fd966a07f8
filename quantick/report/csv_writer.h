#pragma once
// The report's tables and series as CSV (RFC 4180 quoting, LF line ends, dot decimals). A missing number is an empty
// cell; every number reads back to the same bits as in report.json.
#include <string>
#include <vector>

#include "quantick/report/report_data.h"

namespace quantick::report {

struct CsvFile {
  std::string name;  // "equity.csv"
  std::string text;
};

/// One file per table that has content, in the order of the report.
std::vector<CsvFile> to_csvs(const ReportData& data);

/// Writes them into `folder` (made if missing), each replaced atomically, and returns their paths.
std::vector<std::string> write_csvs(const ReportData& data, const std::string& folder);

}  // namespace quantick::report
