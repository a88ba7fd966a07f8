#include "quantick/cli/commands/list.h"

namespace quantick::cli {

const std::vector<Command>& commands() {
  static const std::vector<Command> all{run_command(),     train_command(),   quantize_command(), backtest_command(),
                                        compare_command(), sweep_command(),   replay_command(),   metrics_command(),
                                        predict_command(), inspect_command(), check_command(),    ops_command(),
                                        env_command()};
  return all;
}

}  // namespace quantick::cli
