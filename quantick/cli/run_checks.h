#pragma once
// Everything about a run file that can be refused before any work starts.
#include "quantick/cli/run_config.h"

namespace quantick::cli {

/// Throws ParseError with file, line and key. `root` is the document that `config` was read from.
void check_run_config(const RunConfig& config, const ConfigNode& root, RunPurpose purpose);

}  // namespace quantick::cli
