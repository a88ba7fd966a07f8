#pragma once
// What int8 saves against float32: windows and model sweeps on all cores, and cores for many instruments. And how many
// portfolios an hour are tried on cached predictions.
#include <nlohmann/json_fwd.hpp>

namespace quantick::bench {

/// A list of {"workload", "contender", "windows_per_second", "sweeps_per_hour", "tick_ns", "cores"}.
nlohmann::json measure_savings();

/// Backtests of portfolio settings over one set of scores, all cores: {"instruments", "bars", "settings", "threads",
/// "sweeps_per_hour"}.
nlohmann::json measure_portfolios();

}  // namespace quantick::bench
