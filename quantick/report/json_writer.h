#pragma once
// report.json: every number of the report under a clear name. Keys that other programs may rely on:
//   hashes.{data,model,predictions}
//   paired.<metric>.{float32,int8,difference,low,high,observations} and the same under years.<year>.<metric>
//   layers[].{name,sqnr_db,cosine,saturation}
//   timings.<stage> in seconds
// Numbers are written with as many digits as reading them back exactly takes; NaN and infinities become null.
#include <string>

#include "quantick/report/report_data.h"

namespace quantick::report {

std::string to_json(const ReportData& data);

/// Replaces `path` atomically. Throws ValueError (see validate) or IoError.
void write_json(const ReportData& data, const std::string& path);

}  // namespace quantick::report
