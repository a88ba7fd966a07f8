#include "quantick/backtest/quote_fill.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"

namespace quantick::backtest {

QuoteFill::QuoteFill(std::shared_ptr<const LatencyModel> latency, int64_t line_ns, bool limit_to_size)
    : latency_(std::move(latency)), line_ns_(line_ns), limit_to_size_(limit_to_size) {
  QTK_CHECK(latency_ != nullptr, ValueError, "[backtest] latency model, was none, expected one");
  QTK_CHECK(line_ns >= 0 && line_ns <= kLongestLatency, ValueError,
            "[backtest] line latency, was {} ns, expected 0 to a day", line_ns);
}

QuoteFillAnswer QuoteFill::fill(double quantity, const market::Quote& quote) const {
  if (quantity == 0 || !quote.two_sided()) return {};
  const double shown = quantity > 0 ? quote.ask_size : quote.bid_size;
  const double most = limit_to_size_ ? std::min(std::fabs(quantity), shown) : std::fabs(quantity);
  return {std::copysign(most, quantity), quantity > 0 ? quote.ask : quote.bid};
}

std::string QuoteFill::describe() const {
  return fmt::format("marketable orders, buys at the ask and sells at the bid{}; {}; line {} ns",
                     limit_to_size_ ? ", no more than the quote shows, the rest cancelled" : "", latency_->describe(),
                     line_ns_);
}

}  // namespace quantick::backtest
