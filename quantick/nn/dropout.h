#pragma once
#include <string>

#include "quantick/nn/block.h"

namespace quantick::nn {

/// Sets elements to zero with probability `rate` and scales the others by 1 / (1 - rate) while training (Srivastava et
/// al. 2014); hands its input on otherwise. Masks come from the thread's stream (ops/random.h).
class Dropout final : public Block {
 public:
  /// Throws ValueError outside 0 <= rate < 1.
  explicit Dropout(double rate);
  std::string kind() const override { return "dropout"; }
  double rate() const { return rate_; }
  Arrays forward(const Arrays& inputs) override;

 private:
  double rate_;
};

/// x itself outside autograd's training mode or where the rate is 0.
Array dropout_in_training(const Array& x, double rate);

}  // namespace quantick::nn
