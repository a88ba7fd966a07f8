#pragma once
// How much worse than the bar's price a trade fills. A new model is a class like BasisPointSlippage in its own file.
#include <string>

#include "quantick/backtest/fee_model.h"

namespace quantick::backtest {

class SlippageModel {
 public:
  virtual ~SlippageModel() = default;
  /// Adverse move as a fraction of the price, >= 0.
  virtual double slippage(const Trade& trade) const = 0;
  virtual std::string describe() const = 0;
};

/// A fixed part, and an impact of `impact` times the square of the trade's share of the bar's volume (the form of
/// zipline's VolumeShareSlippage, whose default impact is 0.1). The impact needs a volume; a trade in a bar without
/// one pays the impact of the whole bar.
class BasisPointSlippage : public SlippageModel {
 public:
  /// Throws ValueError for negative values.
  explicit BasisPointSlippage(double basis_points, double impact = 0);
  double slippage(const Trade& trade) const override;
  std::string describe() const override;

 private:
  double basis_points_;
  double impact_;
};

}  // namespace quantick::backtest
