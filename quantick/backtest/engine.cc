#include "quantick/backtest/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

#include "quantick/core/error.h"
#include "quantick/core/interrupt.h"
#include "quantick/risk/limits.h"
#include "quantick/risk/positions.h"

namespace quantick::backtest {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

enum class Execution { next_open, next_close, same_close };

Execution execution_of(const BacktestOptions& options, const BacktestInputs& inputs) {
  if (options.execution == "auto") return inputs.has_open() ? Execution::next_open : Execution::next_close;
  if (options.execution == "next_open") {
    QTK_CHECK(inputs.has_open(), ValueError,
              "[backtest] execution next_open, but the prices have no opens; use next_close or auto");
    return Execution::next_open;
  }
  if (options.execution == "next_close") return Execution::next_close;
  return Execution::same_close;
}

/// What concerns the account, whatever the models are.
void check_account(const BacktestOptions& options) {
  const auto at_least = [](std::string_view name, double value, double least) {
    QTK_CHECK(std::isfinite(value) && value >= least, ValueError, "[backtest] {}, was {}, expected >= {}", name, value,
              least);
  };
  QTK_CHECK(std::isfinite(options.capital) && options.capital > 0, ValueError,
            "[backtest] capital, was {}, expected > 0", options.capital);
  const std::vector<std::string> executions{"next_open", "next_close", "auto", "same_close_looks_ahead"};
  QTK_CHECK(std::find(executions.begin(), executions.end(), options.execution) != executions.end(), ValueError,
            "[backtest] execution, was \"{}\", expected next_open, next_close, auto or same_close_looks_ahead",
            options.execution);
  at_least("borrow_rate", options.borrow_rate, 0);
  at_least("cash_rate", options.cash_rate, -1);
  at_least("bars_per_year", options.bars_per_year, 1);
  at_least("lot_size", options.lot_size, 0);
  at_least("delist_after_bars", static_cast<double>(options.delist_after_bars), 1);
  QTK_CHECK(options.unfilled == "cancel" || options.unfilled == "carry", ValueError,
            "[backtest] unfilled, was \"{}\", expected cancel or carry", options.unfilled);
  QTK_CHECK(options.execution != "same_close_looks_ahead" || options.delay_bars == 1, ValueError,
            "[backtest] delay_bars, was {}, expected 1 with same_close_looks_ahead", options.delay_bars);
}

/// Quantities to hold from a bar on; NaN leaves an instrument alone.
struct Goal {
  int64_t due = 0;
  std::vector<double> quantities;
};

class Run {
 public:
  Run(const BacktestInputs& inputs, strategy::Strategy& strategy, const BacktestOptions& options,
      const BacktestModels& models, Record record)
      : inputs_(inputs),
        strategy_(strategy),
        options_(options),
        models_(models),
        record_(record),
        execution_(execution_of(options, inputs)),
        carry_(options.unfilled == "carry"),
        book_(static_cast<int64_t>(inputs.instruments().size()), options.capital) {
    goal_.assign(inputs.instruments().size(), kNone);
    result_.instruments = inputs.instruments();
    result_.capital = options.capital;
    result_.looks_ahead = execution_ == Execution::same_close;
  }

  BacktestResult run() {
    double equity = options_.capital;
    for (int64_t t = 0; t < inputs_.bar_count(); ++t) {
      check_interrupt();
      before_ = now_;
      now_ = inputs_.bar(t);
      if (t > 0) equity = bar(t, equity);
      if (!now_.scores.empty() && !result_.ruined) decide(t, equity);
    }
    result_.ties = strategy_.ties();
    result_.shortfalls = strategy_.shortfalls();
    describe();
    return std::move(result_);
  }

 private:
  /// One bar: charges, due orders, trades, marking. Returns the equity at its end.
  double bar(int64_t t, double before) {
    const double base = result_.ruined ? 1.0 : before;  // nothing is held after a ruin, and shares of it mean nothing
    const std::span<const double> held = book_.quantities();
    double shorts = 0;
    for (size_t i = 0; i < held.size(); ++i) {
      if (held[i] < 0) shorts -= held[i] * before_.close[i];
    }
    const double interest = result_.ruined ? 0 : book_.cash() * options_.cash_rate / options_.bars_per_year;
    const double borrow = shorts * options_.borrow_rate / options_.bars_per_year;
    book_.pay(interest - borrow);
    for (; !pending_.empty() && pending_.front().due <= t; pending_.pop_front()) {
      for (size_t i = 0; i < goal_.size(); ++i) {
        if (!std::isnan(pending_.front().quantities[i])) goal_[i] = pending_.front().quantities[i];
      }
    }
    double gross = 0, traded = 0, commission = 0, slippage = 0;
    int64_t trades = 0;
    for (size_t i = 0; i < goal_.size(); ++i) {
      if (held[i] != 0) gross += held[i] * (now_.close[i] - before_.close[i]);
      if (std::isnan(goal_[i])) continue;
      const Trade trade = execute(i);
      if (trade.quantity != 0) {
        const double fee = models_.fee->commission(trade), slip = models_.slippage->slippage(trade) * trade.notional();
        book_.trade(static_cast<int64_t>(i), trade.quantity, trade.price, fee + slip);
        gross += trade.quantity * (now_.close[i] - trade.price);
        traded += trade.notional();
        commission += fee;
        slippage += slip;
        ++trades;
      }
      if (!carry_ || book_.quantity(static_cast<int64_t>(i)) == goal_[i]) goal_[i] = kNone;
    }
    delist();
    const double after = worth();
    if (after <= 0 && !result_.ruined) ruin();
    result_.dates.push_back(now_.date);
    result_.equity.push_back(after);
    result_.gross_return.push_back(gross / base);
    result_.net_return.push_back((after - before) / base);
    result_.commission.push_back(commission / base);
    result_.slippage.push_back(slippage / base);
    result_.borrow.push_back(borrow / base);
    result_.interest.push_back(interest / base);
    result_.turnover.push_back(traded / base);
    result_.trades.push_back(trades);
    result_.trade_count += trades;
    record_positions(after);
    return after;
  }

  Trade execute(size_t i) {
    Order order;
    order.instrument = static_cast<int64_t>(i);
    order.quantity = goal_[i] - book_.quantity(order.instrument);
    if (order.quantity == 0) return {};
    order.date = now_.date;
    order.previous_close = before_.close[i];
    order.volume = now_.volume.empty() ? kNone : now_.volume[i];
    if (execution_ == Execution::same_close) {
      order.price = before_.tradable[i] ? before_.close[i] : kNone;
      order.previous_close = kNone;
    } else {
      const auto source = execution_ == Execution::next_open ? now_.open : now_.close;
      order.price = now_.tradable[i] ? source[i] : kNone;  // a bar without a close is not a bar
    }
    const FillAnswer answer = models_.fill->fill(order);
    QTK_CHECK(answer.quantity == 0 || ((answer.quantity > 0) == (order.quantity > 0) &&
                                       std::fabs(answer.quantity) <= std::fabs(order.quantity) && order.price > 0),
              ValueError, "[backtest] fill model gave {} for an order of {} at {}, expected between 0 and the order",
              answer.quantity, order.quantity, order.price);
    result_.blocked_no_price += answer.block == Block::no_price;
    result_.blocked_limit += answer.block == Block::limit_up || answer.block == Block::limit_down;
    result_.blocked_volume += answer.block == Block::volume;
    const double filled = answer.block == Block::volume ? whole_lots(answer.quantity) : answer.quantity;
    return {order.instrument, filled, order.price, order.volume};
  }

  double whole_lots(double quantity) const {
    return options_.lot_size == 0 ? quantity : std::trunc(quantity / options_.lot_size) * options_.lot_size;
  }

  void delist() {
    for (size_t i = 0; i < goal_.size(); ++i) {
      const double held = book_.quantity(static_cast<int64_t>(i));
      if (held == 0 || now_.missing[i] < options_.delist_after_bars) continue;
      book_.trade(static_cast<int64_t>(i), -held, now_.close[i], 0);
      goal_[i] = kNone;
      for (Goal& pending : pending_) pending.quantities[i] = kNone;
      result_.delistings.push_back({now_.date, result_.instruments[i], now_.close[i], held});
    }
  }

  void ruin() {
    result_.ruined = now_.date;
    for (size_t i = 0; i < goal_.size(); ++i) {
      const double held = book_.quantity(static_cast<int64_t>(i));
      if (held != 0) book_.trade(static_cast<int64_t>(i), -held, now_.close[i], 0);
    }
    std::fill(goal_.begin(), goal_.end(), kNone);
    pending_.clear();
  }

  double worth() const {
    double sum = book_.cash();
    for (size_t i = 0; i < goal_.size(); ++i) {
      const double held = book_.quantity(static_cast<int64_t>(i));
      if (held != 0) sum += held * now_.close[i];
    }
    return sum;
  }

  void record_positions(double equity) {
    weights_.assign(goal_.size(), 0.0);
    for (size_t i = 0; i < goal_.size(); ++i) {
      const double held = book_.quantity(static_cast<int64_t>(i));
      if (held != 0) weights_[i] = held * now_.close[i] / equity;
    }
    const risk::Exposure exposure = risk::exposure(weights_);
    result_.gross_exposure.push_back(exposure.gross);
    result_.net_exposure.push_back(exposure.net);
    result_.longs.push_back(exposure.longs);
    result_.shorts.push_back(exposure.shorts);
    if (record_ == Record::series) return;
    result_.quantities.insert(result_.quantities.end(), book_.quantities().begin(), book_.quantities().end());
    result_.weights.insert(result_.weights.end(), weights_.begin(), weights_.end());
  }

  void decide(int64_t t, double equity) {
    const size_t n = goal_.size();
    std::vector<double> holdings(n, 0.0);
    for (size_t i = 0; i < n; ++i) {
      double expected = std::isnan(goal_[i]) ? book_.quantity(static_cast<int64_t>(i)) : goal_[i];
      for (const Goal& pending : pending_) {
        if (!std::isnan(pending.quantities[i])) expected = pending.quantities[i];
      }
      if (expected != 0) holdings[i] = expected * now_.close[i] / equity;
    }
    const strategy::Target target = strategy_.on_scores({now_.date, now_.scores, now_.tradable, holdings, now_.order});
    QTK_CHECK(target.weights.size() == n && target.keep.size() == n, ShapeError,
              "[backtest] strategy gave {} weights and {} keep flags, expected {}", target.weights.size(),
              target.keep.size(), n);
    const int64_t delay = models_.fill->delay_bars(decisions_++);
    QTK_CHECK(delay >= 1, ValueError, "[backtest] delay_bars of the fill model, was {}, expected >= 1", delay);
    Goal goal{t + delay, std::vector<double>(n, kNone)};
    // A slow decision never overtakes: orders of a later decision cannot trade before those of an earlier one.
    if (!pending_.empty()) goal.due = std::max(goal.due, pending_.back().due);
    for (size_t i = 0; i < n; ++i) {
      if (target.keep[i]) continue;
      QTK_CHECK(std::isfinite(target.weights[i]), ValueError,
                "[backtest] weight of {} on {}, was {}, expected a number", result_.instruments[i],
                now_.date.to_string(), target.weights[i]);
      if (target.weights[i] == 0) {
        goal.quantities[i] = 0;
      } else if (!std::isnan(now_.close[i])) {
        goal.quantities[i] = whole_lots(target.weights[i] * equity / now_.close[i]);
      }
    }
    pending_.push_back(std::move(goal));
  }

  void describe() {
    auto& notes = result_.notes;
    switch (execution_) {
      case Execution::next_open:
        notes.push_back("orders are sized at the close that the decision saw and trade at a later bar's open");
        break;
      case Execution::next_close:
        notes.push_back("orders are sized at the close that the decision saw and trade at a later bar's close");
        break;
      case Execution::same_close:
        notes.push_back("LOOKS AHEAD: orders trade at the very close that the decision saw (same_close_looks_ahead)");
        break;
    }
    notes.push_back(fmt::format("prices: {}", inputs_.close_name()));
    if (execution_ != Execution::same_close) notes.push_back(models_.fill->describe());
    notes.push_back(models_.fee->describe());
    notes.push_back(models_.slippage->describe());
    notes.push_back(fmt::format("borrowing shorts {:g} % a year, interest on cash {:g} % a year, over {:g} bars",
                                options_.borrow_rate * 100, options_.cash_rate * 100, options_.bars_per_year));
    notes.push_back(options_.lot_size == 0
                        ? std::string("fractions of a share")
                        : fmt::format("lots of {:g} on a capital of {:.0f}", options_.lot_size, options_.capital));
    notes.push_back(fmt::format("what a bar does not fill: {}", options_.unfilled));
    notes.push_back(
        fmt::format("a position without a price for {} bars is closed at its last price", options_.delist_after_bars));
  }

  const BacktestInputs& inputs_;
  strategy::Strategy& strategy_;
  const BacktestOptions& options_;
  const BacktestModels& models_;
  Record record_;
  Execution execution_;
  bool carry_;
  BacktestInputs::Bar before_, now_;
  risk::Positions book_;
  std::vector<double> weights_;
  std::vector<double> goal_;  // quantities that orders work towards, NaN: no order
  std::deque<Goal> pending_;
  int64_t decisions_ = 0;
  BacktestResult result_;
};

}  // namespace

BacktestModels BacktestModels::from(const BacktestOptions& options) {
  return {std::make_shared<BasisPointFee>(options.commission_bps, options.commission_minimum),
          std::make_shared<BasisPointSlippage>(options.slippage_bps, options.impact),
          std::make_shared<BarFill>(options.delay_bars, options.limit_move, options.max_volume_share)};
}

void check_options(const BacktestOptions& options) {
  BacktestModels::from(options);
  check_account(options);
}

BacktestResult run_backtest(const BacktestInputs& inputs, strategy::Strategy& strategy, const BacktestOptions& options,
                            const BacktestModels& models, Record record) {
  check_account(options);
  QTK_CHECK(models.fee && models.slippage && models.fill, ValueError,
            "[backtest] a fee, slippage or fill model is missing, expected all three");
  return Run(inputs, strategy, options, models, record).run();
}

BacktestResult run_backtest(const BacktestInputs& inputs, const strategy::StrategyOptions& strategy,
                            const BacktestOptions& options, Record record) {
  const auto made = strategy::make_strategy(strategy, inputs.instruments());
  return run_backtest(inputs, *made, options, BacktestModels::from(options), record);
}

BacktestResult run_backtest(const Prices& prices, const strategy::ScoreMatrix& scores, strategy::Strategy& strategy,
                            const BacktestOptions& options, const BacktestModels& models) {
  return run_backtest(BacktestInputs(prices, scores), strategy, options, models);
}

BacktestResult run_backtest(const Prices& prices, const strategy::ScoreMatrix& scores,
                            const strategy::StrategyOptions& strategy, const BacktestOptions& options) {
  return run_backtest(BacktestInputs(prices, scores), strategy, options);
}

}  // namespace quantick::backtest
