#pragma once
// Last stage: everything a run found, as a report.
#include <string>
#include <vector>

#include "quantick/cli/pipeline/backtest_stage.h"
#include "quantick/quant/report.h"
#include "quantick/report/report_data.h"
#include "quantick/train/history.h"

namespace quantick::cli {

/// What a report may be made of; the pointers may be null where a stage did not run.
struct RunResults {
  const market::Panel* panel = nullptr;
  const Evaluation* evaluation = nullptr;
  const train::History* history = nullptr;
  const quant::QuantizationReport* quantization = nullptr;
  std::vector<std::string> notes;
  std::vector<report::Timing> timings;
  report::Hashes hashes;
  std::string created;  ///< when the run was made, for people
};

/// Fills a report. Pure: reads no clock and no file.
report::ReportData make_report(const RunConfig& config, const RunResults& results);

/// Writes report.html, report.json, the tables, and for each contender its positions and daily returns. Returns the
/// path of report.html.
std::string write_report(const RunConfig& config, const RunResults& results);

/// Writes scores_<key>.csv of a contender and returns its path.
std::string write_contender_scores(const RunConfig& config, const std::string& key,
                                   const strategy::ScoreMatrix& scores);

/// A short table of the verdict for the screen.
std::string verdict_text(const RunConfig& config, const Evaluation& evaluation);

/// float32 against int8 with intervals, for the screen.
std::string paired_text(const RunConfig& config, const Evaluation& evaluation);

/// SQNR in dB of int8 scores against float32 ones, both less their means; NaN where there is no pair.
double scores_sqnr_db(const strategy::ScoreMatrix& float32, const strategy::ScoreMatrix& int8);

}  // namespace quantick::cli
