#pragma once
// The parts of the HTML report, one function each, one file per group under sections/. A part without content is empty
// and is left out together with its entry in the navigation.
#include <string>

#include "quantick/report/report_data.h"

namespace quantick::report {

struct Section {
  std::string id;
  std::string title;
  std::string html;
};

Section verdict_section(const ReportData& data);
Section equity_section(const ReportData& data);
Section monthly_section(const ReportData& data);
Section costs_section(const ReportData& data);
Section trading_section(const ReportData& data);
Section signal_section(const ReportData& data);
Section quantiles_section(const ReportData& data);
Section paired_section(const ReportData& data);
Section layers_section(const ReportData& data);
Section calibration_section(const ReportData& data);
Section training_section(const ReportData& data);
Section data_section(const ReportData& data);
Section configuration_section(const ReportData& data);
Section record_section(const ReportData& data);

}  // namespace quantick::report
