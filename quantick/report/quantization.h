#pragma once
// The quantization report as sections of a report.
#include "quantick/quant/config.h"
#include "quantick/quant/report.h"
#include "quantick/report/report_data.h"

namespace quantick::report {

/// Adds layers, histograms, facts and warnings.
void add_quantization(const quant::QuantizationConfig& config, const quant::QuantizationReport& report,
                      ReportData& out);

}  // namespace quantick::report
