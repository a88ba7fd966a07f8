#pragma once
// A backtest as Python sees it: the result together with what it was made from, so that comparisons and reports need
// nothing else.
#include <nanobind/nanobind.h>

#include <memory>

#include "quantick/backtest/engine.h"
#include "quantick/market/panel.h"
#include "quantick/strategy/scores.h"

namespace quantick::python {

/// Strategy options by class name.
struct StrategyChoice {
  std::string name;
  strategy::StrategyOptions options;
};

struct BacktestRun {
  std::shared_ptr<const market::Panel> prices;
  strategy::ScoreMatrix scores;
  StrategyChoice strategy;
  backtest::BacktestOptions options;
  backtest::BacktestResult result;
};

/// Closes on the footing that the backtest trades at.
strategy::ScoreMatrix closes_of(const market::Panel& prices);

}  // namespace quantick::python
