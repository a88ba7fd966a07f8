#include "quantick/backtest/tick_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <optional>

#include "quantick/core/error.h"

namespace quantick::backtest {
namespace {

constexpr int64_t kSecond = 1'000'000'000, kDay = 86'400 * kSecond;
/// Share of max_position that sums of partial fills may miss by rounding.
constexpr double kDust = 1e-9;

/// "14:59:00" as ns of the day; no value for other text.
std::optional<int64_t> time_of_day(const std::string& text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  int64_t parts[3];
  for (size_t i = 0; i < 3; ++i) {
    const char a = text[3 * i], b = text[3 * i + 1];
    if (a < '0' || a > '9' || b < '0' || b > '9') return std::nullopt;
    parts[i] = (a - '0') * 10 + (b - '0');
  }
  if (parts[0] > 23 || parts[1] > 59 || parts[2] > 59) return std::nullopt;
  return ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * kSecond;
}

/// An order on its way.
struct Sent {
  int64_t arrival;
  double quantity;
  double seen_price;  // the opposite best price at the decision
};

class Run {
 public:
  Run(const TickOptions& options, const QuoteFill& fill)
      : options_(options),
        fill_(fill),
        flat_at_(options.flat_at.empty() ? kDay : *time_of_day(options.flat_at)),
        offset_(std::llround(options.utc_offset * 3600) * kSecond),
        next_quote_(options.fill_quote == "next") {}

  TickResult run(std::span<const TickStep> steps) {
    result_.profit.reserve(steps.size());
    result_.position.reserve(steps.size());
    double highest = 0;
    for (size_t i = 0; i < steps.size(); ++i) {
      const TickStep& step = steps[i];
      QTK_CHECK(i == 0 || steps[i - 1].time <= step.time, ValueError,
                "[tick backtest] time of step {}, was {} behind {}, expected times that never fall", i, step.time,
                steps[i - 1].time);
      if (!next_quote_ && i > 0) {
        land(step.time - 1);
        result_.days.back().profit = worth() - day_start_;
      }
      const int64_t local = step.time + offset_;
      const int64_t day = std::chrono::floor<std::chrono::days>(std::chrono::nanoseconds(local)).count();
      if (result_.days.empty() || result_.days.back().date.days != day) open_day(static_cast<int32_t>(day));
      quote_ = step.quote;
      if (quote_.two_sided()) mark_ = quote_.mid();
      if (next_quote_) land(step.time);
      result_.profit.push_back(worth());
      result_.position.push_back(position_);
      result_.days.back().profit = worth() - day_start_;
      highest = std::max(highest, worth());
      result_.max_drawdown = std::max(result_.max_drawdown, highest - worth());
      decide(step, local - day * kDay >= flat_at_);
    }
    if (!steps.empty() && !next_quote_) {
      land(steps.back().time);
      result_.days.back().profit = worth() - day_start_;
    }
    result_.in_flight = static_cast<int64_t>(flying_.size());
    result_.final_profit = worth();
    result_.final_position = position_;
    describe();
    return std::move(result_);
  }

 private:
  double worth() const { return cash_ + (position_ == 0 ? 0 : position_ * mark_ * options_.multiplier); }

  void open_day(int32_t day) {
    day_start_ = worth();
    result_.days.push_back({.date = {day}});
  }

  void decide(const TickStep& step, bool flat) {
    if (flat) {
      target_ = 0;
    } else if (!std::isnan(step.signal)) {
      if (step.signal >= options_.enter)
        target_ = options_.max_position;
      else if (step.signal <= -options_.enter)
        target_ = -options_.max_position;
      else if (target_ != 0 && std::copysign(1.0, target_) * step.signal < options_.exit)
        target_ = 0;
    }
    double expected = position_;
    for (const Sent& order : flying_) expected += order.quantity;
    const double quantity = target_ - expected;
    if (std::fabs(quantity) <= kDust * options_.max_position || !step.quote.two_sided()) return;
    flying_.push_back(
        {fill_.arrival(step.time, result_.orders++), quantity, quantity > 0 ? step.quote.ask : step.quote.bid});
  }

  /// Trades the orders that are in the market at `time` or before, at the quote valid now. A slow decision is never
  /// overtaken: those behind it wait.
  void land(int64_t time) {
    for (; !flying_.empty() && flying_.front().arrival <= time; flying_.pop_front()) {
      const Sent& order = flying_.front();
      const QuoteFillAnswer got = fill_.fill(order.quantity, quote_);
      if (got.quantity == 0) {
        ++result_.refused;
        continue;
      }
      const double count = std::fabs(got.quantity), side = got.quantity > 0 ? 1 : -1;
      const double value = count * got.price * options_.multiplier;
      const double fee = count * options_.fee_per_contract + value * options_.fee_bps * 1e-4;
      const double worse = side * (got.price - order.seen_price);
      position_ += got.quantity;
      cash_ -= side * value + fee;
      ++result_.fills;
      result_.cut_by_size += count < std::fabs(order.quantity);
      result_.adverse += worse > 0;
      result_.favourable += worse < 0;
      result_.contracts += count;
      result_.fees += fee;
      result_.spread_cost += side * (got.price - quote_.mid()) * count * options_.multiplier;
      result_.latency_cost += worse * count * options_.multiplier;
      result_.days.back().fees += fee;
      result_.days.back().contracts += count;
    }
  }

  void describe() {
    result_.notes.push_back(fill_.describe());
    result_.notes.push_back(next_quote_ ? "an order meets the quote of the first event at or behind its arrival"
                                        : "an order meets the last quote up to its arrival");
    result_.notes.push_back(fmt::format("fees {:g} per contract and {:g} bps of the traded value; {:g} per point",
                                        options_.fee_per_contract, options_.fee_bps, options_.multiplier));
    result_.notes.push_back(fmt::format("in at {:g}, out below {:g}, at most {:g} contracts{}", options_.enter,
                                        options_.exit, options_.max_position,
                                        options_.flat_at.empty() ? "" : ", flat from " + options_.flat_at));
  }

  const TickOptions& options_;
  const QuoteFill& fill_;
  int64_t flat_at_, offset_;
  bool next_quote_;
  std::deque<Sent> flying_;
  market::Quote quote_;
  double mark_ = 0, cash_ = 0, position_ = 0, target_ = 0, day_start_ = 0;
  TickResult result_;
};

}  // namespace

void check_options(const TickOptions& options) {
  const auto check = [](bool good, std::string_view name, double value, std::string_view expected) {
    QTK_CHECK(std::isfinite(value) && good, ValueError, "[tick backtest] {}, was {}, expected {}", name, value,
              expected);
  };
  check(options.enter > 0, "enter", options.enter, "above 0");
  check(options.exit <= options.enter, "exit", options.exit, "at most enter");
  check(options.max_position > 0, "max_position", options.max_position, "above 0");
  check(options.multiplier > 0, "multiplier", options.multiplier, "above 0");
  check(options.fee_per_contract >= 0, "fee_per_contract", options.fee_per_contract, ">= 0");
  check(options.fee_bps >= 0, "fee_bps", options.fee_bps, ">= 0");
  check(std::fabs(options.utc_offset) <= 14, "utc_offset", options.utc_offset, "inside [-14, 14]");
  QTK_CHECK(options.fill_quote == "valid" || options.fill_quote == "next", ValueError,
            "[tick backtest] fill_quote, was \"{}\", expected valid or next", options.fill_quote);
  QTK_CHECK(options.flat_at.empty() || time_of_day(options.flat_at), ValueError,
            "[tick backtest] flat_at, was \"{}\", expected HH:MM:SS or nothing", options.flat_at);
}

TickResult run_tick_backtest(std::span<const TickStep> steps, const TickOptions& options, const QuoteFill& fill) {
  check_options(options);
  return Run(options, fill).run(steps);
}

}  // namespace quantick::backtest
