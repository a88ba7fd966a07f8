#pragma once
// A book of positions and cash: what is held and what it is worth. Money in the account's currency.
#include <cstdint>
#include <span>
#include <vector>

namespace quantick::risk {

class Positions {
 public:
  /// Throws ValueError where `cash` is not positive.
  Positions(int64_t instruments, double cash);

  /// Buys (quantity > 0) or sells (< 0) at `price` and pays `cost` (>= 0) out of cash.
  void trade(int64_t instrument, double quantity, double price, double cost);
  /// Adds interest, dividends (> 0) or charges (< 0) to cash.
  void pay(double amount) { cash_ += amount; }

  double cash() const { return cash_; }
  double quantity(int64_t instrument) const { return quantities_[static_cast<size_t>(instrument)]; }
  std::span<const double> quantities() const { return quantities_; }

  /// Cash plus the worth of all that is held.
  double equity(std::span<const double> prices) const;
  /// Worth of each position over equity. Throws ValueError where equity is not positive.
  std::vector<double> weights(std::span<const double> prices) const;

 private:
  double cash_;
  std::vector<double> quantities_;
};

}  // namespace quantick::risk
