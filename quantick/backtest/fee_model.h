#pragma once
// What a broker charges. A new fee model is a class like BasisPointFee in its own file, with its test.
#include <cstdint>
#include <string>

namespace quantick::backtest {

/// One execution. Money in the account's currency; `volume` is the bar's, NaN where unknown.
struct Trade {
  int64_t instrument = 0;
  double quantity = 0;  // > 0 buys, < 0 sells
  double price = 0;     // before slippage
  double volume = 0;
  double notional() const { return quantity < 0 ? -quantity * price : quantity * price; }
};

class FeeModel {
 public:
  virtual ~FeeModel() = default;
  /// Commission and taxes of a trade, >= 0.
  virtual double commission(const Trade& trade) const = 0;
  /// One line for the report, with the values.
  virtual std::string describe() const = 0;
};

/// A share of the traded value, and at least `minimum` per trade.
class BasisPointFee : public FeeModel {
 public:
  /// Throws ValueError for negative values.
  BasisPointFee(double basis_points, double minimum);
  double commission(const Trade& trade) const override;
  std::string describe() const override;

 private:
  double basis_points_;
  double minimum_;
};

}  // namespace quantick::backtest
