#pragma once
// The tick path under a clock: event by event through features and model, as a trading process would have it.
#include <cstdint>
#include <vector>

#include "quantick/backtest/tick_engine.h"
#include "quantick/cli/pipeline/tick_data.h"
#include "quantick/runtime/program.h"

namespace quantick::cli {

struct TickReplay {
  std::vector<backtest::TickStep> steps;  ///< by event: quote in force, and a signal where the model ran
  std::vector<float> signals;             ///< by row
  /// By row, in ns: book, features and scaling; the model; both, which is the latency of a decision; and what is done
  /// ahead of the next tick, behind the decision.
  std::vector<double> features_ns, model_ns, total_ns, prepare_ns;
  double timer_ns = 0;            ///< of one look at the clock; each of the above holds about one
  double seconds = 0;             ///< of the whole loop, the looks at the clock included
  int64_t refused = 0;            ///< events that the features would not take
  int64_t restarts = 0;           ///< of the model's state, the first start not counted
  int64_t different_rows = 0;     ///< rows of features with other bits than the batch form's
  int64_t different_signals = 0;  ///< signals with other bits than `batch`
};

/// `before`: what the features saw ahead of `data`; not timed. `batch`: the signals of all rows, computed at once.
TickReplay replay_ticks(const ReplayConfig& config, const TickData& before, const TickData& data,
                        const features::Scaler& scaler, const runtime::Program& program, std::span<const float> batch);

}  // namespace quantick::cli
