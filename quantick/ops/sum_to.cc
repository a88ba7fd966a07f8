#include "quantick/ops/sum_to.h"

#include "quantick/ops/ops.h"

namespace quantick {

Array sum_to(const Array& gradient, const TensorType& type) {
  const Shape &from = gradient.shape(), &to = type.shape;
  Array out = gradient;
  if (!(from == to)) {
    const int lead = from.ndim() - to.ndim();
    std::vector<int64_t> axes;
    for (int i = 0; i < from.ndim(); ++i)
      if (i < lead || (to[i - lead] == 1 && from[i] != 1)) axes.push_back(i);
    if (!axes.empty()) out = sum(out, axes, true);
    out = out.reshape(to);
  }
  return out.astype(type.dtype);
}

}  // namespace quantick
