#include "quantick/nn/shaping.h"

#include "quantick/nn/inputs.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {

Arrays Identity::forward(const Arrays& inputs) { return inputs; }

Arrays Flatten::forward(const Arrays& inputs) { return {flatten(one_input(inputs, "flatten"))}; }

SequenceLast::SequenceLast(const std::string& layout) : batch_first_(layout == "NTC") {
  QTK_CHECK(layout == "TNC" || layout == "NTC", ValueError, "[sequence_last] layout, was {}, expected TNC or NTC",
            layout);
}

Arrays SequenceLast::forward(const Arrays& inputs) {
  const Array& x = one_input(inputs, "sequence_last");
  QTK_CHECK(x.ndim() == 3, ShapeError, "[sequence_last] input shape, was {}, expected three axes", x.shape().text());
  return {sequence_last(batch_first_ ? transpose(x, {1, 0, 2}) : x)};
}

}  // namespace quantick::nn
