#pragma once
// What a tick replay found: latencies, whether stream and batch agree, what the signals are worth, and what trading on
// them with and without latency would have brought.
#include <string>
#include <vector>

#include "quantick/backtest/compare.h"
#include "quantick/cli/pipeline/tick_model.h"
#include "quantick/cli/pipeline/tick_replay.h"

namespace quantick::cli {

/// A number with the interval of its bootstrap.
struct Estimate {
  double value = 0, low = 0, high = 0;
};

struct SignalValue {
  int64_t observations = 0;                          ///< rows with signal and label
  Estimate ic, rank_ic;                              ///< of the int8 signal
  backtest::PairedMetric paired_ic, paired_rank_ic;  ///< float32 against int8, same ticks
};

struct TradedReplay {
  std::string name;  ///< "zero", "measured", "measured_next"
  backtest::TickResult result;
};

struct ReplayResults {
  const TickData* train = nullptr;
  const TickData* replay = nullptr;
  const TickModel* model = nullptr;
  const TickReplay* live = nullptr;
  SignalValue signal;
  std::vector<TradedReplay> traded;
  double enter = 0, exit = 0;
  std::string model_hash;
};

/// Of the replayed rows; labels in returns.
SignalValue judge_signals(const ReplayConfig& config, const TickData& data, std::span<const float> int8,
                          std::span<const float> float32);

/// Writes replay.json, latencies.csv and signals.csv into the output folder.
void write_replay(const ReplayConfig& config, const ReplayResults& results);

/// What the screen shows, the table of latencies and trading at the end.
std::string replay_text(const ReplayConfig& config, const ReplayResults& results);

}  // namespace quantick::cli
