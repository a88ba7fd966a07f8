#include "quantick/nn/sequential.h"

#include "quantick/core/error.h"

namespace quantick::nn {

Block& Sequential::operator[](size_t index) const {
  QTK_CHECK(index < size(), IndexError, "[sequential] index, was {}, expected < {}", index, size());
  return *children()[index].second;
}

Arrays Sequential::forward(const Arrays& inputs) {
  Arrays values = inputs;
  for (const auto& [name, child] : children()) values = (*child)(values);
  return values;
}

}  // namespace quantick::nn
