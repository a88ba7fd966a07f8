#pragma once
// The backtest: one account, bar by bar. A decision sees the close of bar t; its orders are sized at that close and
// trade in a later bar. Cutting the data at t leaves everything up to t as it was, bit for bit.
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "quantick/backtest/fee_model.h"
#include "quantick/backtest/fill_model.h"
#include "quantick/backtest/inputs.h"
#include "quantick/backtest/prices.h"
#include "quantick/backtest/slippage_model.h"
#include "quantick/core/fields.h"
#include "quantick/strategy/registry.h"
#include "quantick/strategy/scores.h"

namespace quantick::backtest {

struct BacktestOptions {
  double capital = 1e6;
  std::string execution = "auto";
  int64_t delay_bars = 1;
  double commission_bps = 5;
  double commission_minimum = 0;
  double slippage_bps = 5;
  double impact = 0;
  double borrow_rate = 0.005;
  double cash_rate = 0;
  double bars_per_year = 252;
  double lot_size = 1;
  double limit_move = 0;
  double max_volume_share = 0;
  std::string unfilled = "cancel";
  int64_t delist_after_bars = 20;

  static constexpr auto fields() {
    using O = BacktestOptions;
    return std::make_tuple(
        field("capital", &O::capital, "cash at the start"),
        field("execution", &O::execution,
              "next_open, next_close, auto (next_open where the data has opens, else next_close), or "
              "same_close_looks_ahead (trades at the close just seen: a bug unless you study exactly that)"),
        field("delay_bars", &O::delay_bars, "bars from a decision to the bar its orders trade in, 1 or more"),
        field("commission_bps", &O::commission_bps, "commission, 1e-4 of the traded value"),
        field("commission_minimum", &O::commission_minimum, "least commission per trade"),
        field("slippage_bps", &O::slippage_bps, "fill worse than the bar's price, 1e-4 of the price"),
        field("impact", &O::impact, "price impact: times the square of the share of the bar's volume"),
        field("borrow_rate", &O::borrow_rate, "yearly cost of short positions, share of their value"),
        field("cash_rate", &O::cash_rate, "yearly interest on cash, negative cash pays it"),
        field("bars_per_year", &O::bars_per_year, "bars over which yearly rates are spread"),
        field("lot_size", &O::lot_size, "orders are whole multiples of it, rounded towards zero; 0 for fractions"),
        field("limit_move", &O::limit_move, "exchange price limit, e.g. 0.1; 0 for none"),
        field("max_volume_share", &O::max_volume_share, "largest share of a bar's volume; 0 for no cap"),
        field("unfilled", &O::unfilled, "what is not filled in its bar: cancel, or carry to the next bars"),
        field("delist_after_bars", &O::delist_after_bars,
              "bars without a price after which a position is closed at its last price"));
  }
};

/// The models a run uses; the defaults are built from the options. Put your own in their place.
struct BacktestModels {
  std::shared_ptr<const FeeModel> fee;
  std::shared_ptr<const SlippageModel> slippage;
  std::shared_ptr<const FillModel> fill;
  static BacktestModels from(const BacktestOptions& options);
};

/// Throws ValueError for options that no prices could make right, as run_backtest() with the models of the options
/// does.
void check_options(const BacktestOptions& options);

/// One per delisting that closed a position.
struct Delisting {
  market::Date date;
  std::string instrument;
  double price;
  double quantity;
};

/// Rows are the bars after the first score date, up to the last score date. Returns, costs and turnover are fractions
/// of the equity at the end of the bar before: net = gross + interest - commission - slippage - borrow.
struct BacktestResult {
  std::vector<market::Date> dates;
  std::vector<std::string> instruments;
  double capital = 0;
  std::vector<double> equity;
  std::vector<double> gross_return;
  std::vector<double> net_return;
  std::vector<double> commission;
  std::vector<double> slippage;
  std::vector<double> borrow;
  std::vector<double> interest;
  std::vector<double> turnover;        // traded value, buys and sales
  std::vector<double> gross_exposure;  // sum of |weights| at the close
  std::vector<double> net_exposure;
  std::vector<int64_t> longs;
  std::vector<int64_t> shorts;
  std::vector<int64_t> trades;
  std::vector<double> quantities;  // [T, N] at the close
  std::vector<double> weights;     // [T, N] at the close

  int64_t trade_count = 0;
  int64_t blocked_no_price = 0;  // orders that a bar could not fill, or not wholly
  int64_t blocked_limit = 0;
  int64_t blocked_volume = 0;
  std::vector<Delisting> delistings;
  std::optional<market::Date> ruined;  // equity fell to zero or below; everything was closed, and rows after are flat
  strategy::TieCount ties;
  int64_t shortfalls = 0;
  bool looks_ahead = false;        // true for same_close_looks_ahead
  std::vector<std::string> notes;  // the conventions and costs of the run, one line each

  int64_t bar_count() const { return static_cast<int64_t>(dates.size()); }
};

/// What a result keeps: all of it, or all but quantities and weights, which are most of its bytes.
enum class Record { everything, series };

/// Runs a strategy over scores; bars without scores keep the positions. Throws ValueError or ShapeError that names what
/// does not fit. Polls for Ctrl-C (core/interrupt.h).
BacktestResult run_backtest(const BacktestInputs& inputs, strategy::Strategy& strategy, const BacktestOptions& options,
                            const BacktestModels& models, Record record = Record::everything);
BacktestResult run_backtest(const BacktestInputs& inputs, const strategy::StrategyOptions& strategy,
                            const BacktestOptions& options = {}, Record record = Record::everything);

/// The same for one run: the inputs are made on the way.
BacktestResult run_backtest(const Prices& prices, const strategy::ScoreMatrix& scores, strategy::Strategy& strategy,
                            const BacktestOptions& options, const BacktestModels& models);
BacktestResult run_backtest(const Prices& prices, const strategy::ScoreMatrix& scores,
                            const strategy::StrategyOptions& strategy, const BacktestOptions& options = {});

/// CSV: date,instrument,quantity,weight for every position held, and one row per bar of everything else.
void write_positions(const std::string& path, const BacktestResult& result);
void write_bars(const std::string& path, const BacktestResult& result);

}  // namespace quantick::backtest
