#pragma once
// The parts of make_report, one per section of the report.
#include "quantick/cli/pipeline/report_stage.h"

namespace quantick::cli {

std::string summary_text(const RunConfig& config, const RunResults& results);
/// Metrics by contender: net of costs, gross, signal.
void fill_verdict(const RunConfig& config, const Evaluation& e, report::ReportData& out);
/// Equity, gross and net, costs, turnover, exposure.
void fill_backtests(const RunConfig& config, const Evaluation& e, report::ReportData& out);
/// IC by date, its decay, quantile returns.
void fill_signal(const RunConfig& config, const market::Panel& panel, const Evaluation& e, report::ReportData& out);
void fill_paired(const RunConfig& config, const Evaluation& e, report::ReportData& out);
void fill_training(const RunConfig& config, const train::History& history, report::ReportData& out);
void fill_data(const RunConfig& config, const RunResults& results, report::ReportData& out);

}  // namespace quantick::cli
