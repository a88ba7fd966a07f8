#pragma once
// report.html: one file that needs no network, no font and no script to be read.
#include <string>

#include "quantick/report/report_data.h"

namespace quantick::report {

std::string to_html(const ReportData& data);

/// Replaces `path` atomically. Throws ValueError (see validate) or IoError.
void write_html(const ReportData& data, const std::string& path);

}  // namespace quantick::report
