#include "quantick/nn/dropout.h"

#include "quantick/autograd/autograd.h"
#include "quantick/nn/inputs.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {

Dropout::Dropout(double rate) : rate_(rate) {
  QTK_CHECK(rate >= 0 && rate < 1, ValueError, "[dropout] rate, was {}, expected 0 <= rate < 1", rate);
}

Arrays Dropout::forward(const Arrays& inputs) { return {dropout_in_training(one_input(inputs, "dropout"), rate_)}; }

Array dropout_in_training(const Array& x, double rate) {
  if (rate == 0 || !autograd::is_training()) return x;
  return dropout(x, rate, /*key=*/0, /*training=*/true);  // key 0: the thread's stream
}

}  // namespace quantick::nn
