#include "quantick/risk/positions.h"

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::risk {

Positions::Positions(int64_t instruments, double cash) : cash_(cash) {
  QTK_CHECK(instruments > 0, ValueError, "[positions] instruments, was {}, expected > 0", instruments);
  QTK_CHECK(std::isfinite(cash) && cash > 0, ValueError, "[positions] cash, was {}, expected > 0", cash);
  quantities_.assign(static_cast<size_t>(instruments), 0.0);
}

void Positions::trade(int64_t instrument, double quantity, double price, double cost) {
  QTK_CHECK(instrument >= 0 && instrument < static_cast<int64_t>(quantities_.size()), IndexError,
            "[positions] instrument {}, expected 0..{}", instrument, quantities_.size() - 1);
  QTK_CHECK(std::isfinite(price) && price > 0 && std::isfinite(quantity) && cost >= 0, ValueError,
            "[positions] trade of {} at {} with cost {}, expected finite numbers, price > 0 and cost >= 0", quantity,
            price, cost);
  quantities_[static_cast<size_t>(instrument)] += quantity;
  cash_ -= quantity * price + cost;
}

double Positions::equity(std::span<const double> prices) const {
  QTK_CHECK(prices.size() == quantities_.size(), ShapeError, "[positions] {} prices, expected {}", prices.size(),
            quantities_.size());
  double worth = 0;
  for (size_t i = 0; i < prices.size(); ++i) {
    if (quantities_[i] != 0) worth += quantities_[i] * prices[i];
  }
  return cash_ + worth;
}

std::vector<double> Positions::weights(std::span<const double> prices) const {
  const double total = equity(prices);
  QTK_CHECK(total > 0, ValueError, "[positions] equity, was {}, expected > 0 to speak of weights", total);
  std::vector<double> out(prices.size());
  for (size_t i = 0; i < prices.size(); ++i) out[i] = quantities_[i] == 0 ? 0 : quantities_[i] * prices[i] / total;
  return out;
}

}  // namespace quantick::risk
