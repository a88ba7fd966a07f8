#pragma once
// One line per command; each is defined in its own file.
#include "quantick/cli/command.h"

namespace quantick::cli {

Command run_command();
Command train_command();
Command quantize_command();
Command backtest_command();
Command compare_command();
Command sweep_command();
Command replay_command();
Command metrics_command();
Command predict_command();
Command inspect_command();
Command check_command();
Command ops_command();
Command env_command();

}  // namespace quantick::cli
