#include "quantick/nn/pooling.h"

#include "quantick/nn/conv.h"
#include "quantick/nn/inputs.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {

Pooling::Pooling(Mode mode, int axes, const std::vector<int64_t>& pool_size, const PoolOptions& options)
    : mode_(mode), axes_(axes), count_include_pad_(options.count_include_pad) {
  if (pool_size.empty()) return;
  kernel_ = per_axis(pool_size, axes, 1, "pooling", "pool_size");
  strides_ = options.strides.empty() ? kernel_ : per_axis(options.strides, axes, 1, "pooling", "strides");
  pads_ = per_axis(options.padding, axes, 0, "pooling", "padding");
  for (int i = 0; i < axes; ++i) pads_.push_back(pads_[static_cast<size_t>(i)]);
}

Arrays Pooling::forward(const Arrays& inputs) {
  const Array& x = one_input(inputs, "pooling");
  QTK_CHECK(x.ndim() == axes_ + 2, ShapeError, "[pooling] input shape, was {}, expected {} axes (layer \"{}\")",
            x.shape().text(), axes_ + 2, name());
  if (mode_ == Mode::max) return {max_pool(x, kernel_, strides_, pads_)};
  return {avg_pool(x, kernel_, strides_, pads_, count_include_pad_)};
}

}  // namespace quantick::nn
