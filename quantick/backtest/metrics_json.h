#pragma once
// Metrics as JSON text, for the command line and for tests against other tools.
#include <span>
#include <string>
#include <string_view>

#include "quantick/strategy/scores.h"

namespace quantick::backtest {

/// {"profile": .., "observations": n, "metrics": {"sharpe": {"value": 1.5, "convention": ".."}, ..}}; a value that is
/// undefined is null. Throws as evaluate_profile does.
std::string metrics_json(std::span<const double> returns, std::span<const double> benchmark, std::string_view profile);

/// {"ic": {"mean", "deviation", "ratio", "observations"}, "rank_ic": {..}, "dates": [..], "ic_by_date": [..],
/// "rank_ic_by_date": [..]} of scores against labels aligned to them.
std::string ic_json(const strategy::ScoreMatrix& scores, const strategy::ScoreMatrix& labels);

}  // namespace quantick::backtest
