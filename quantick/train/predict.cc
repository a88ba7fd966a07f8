#include "quantick/train/predict.h"

#include <algorithm>
#include <numeric>

#include "quantick/autograd/autograd.h"
#include "quantick/core/error.h"
#include "quantick/core/interrupt.h"

namespace quantick::train {

Array batch_inputs(const Dataset& dataset, std::span<const int64_t> ids, const std::string& layout) {
  QTK_CHECK(layout == "TNC" || layout == "NTC", ValueError, "[train] layout, was {}, expected TNC or NTC", layout);
  Array x = Array::empty({dataset.steps(), static_cast<int64_t>(ids.size()), dataset.features()});
  dataset.gather(ids, x.mutable_data<float>(), nullptr);
  return layout == "TNC" ? x : x.transpose({1, 0, 2}).copy();
}

std::vector<float> predict(nn::Block& net, const Dataset& dataset, std::span<const int64_t> ids,
                           const PredictOptions& options) {
  QTK_CHECK(options.batch_size > 0, ValueError, "[predict] batch_size, was {}, expected > 0", options.batch_size);
  const autograd::Pause pause;
  std::vector<float> out;
  out.reserve(ids.size());
  std::vector<int64_t> batch(static_cast<size_t>(options.batch_size));
  for (size_t start = 0; start < ids.size(); start += batch.size()) {
    check_interrupt();
    const size_t count = std::min(batch.size(), ids.size() - start);
    for (size_t i = 0; i < batch.size(); ++i) batch[i] = ids[start + std::min(i, count - 1)];
    const Array y = net(batch_inputs(dataset, batch, options.layout)).contiguous();
    QTK_CHECK(y.ndim() >= 1 && y.shape()[0] == options.batch_size && y.dtype() == DType::f32, ShapeError,
              "[predict] output of the network, was {}, expected float32 with {} rows", y.type().text(),
              options.batch_size);
    const int64_t width = y.size() / options.batch_size;
    out.insert(out.end(), y.data<float>(), y.data<float>() + static_cast<int64_t>(count) * width);
  }
  return out;
}

std::vector<float> predict(nn::Block& net, const Dataset& dataset, const PredictOptions& options) {
  std::vector<int64_t> ids(static_cast<size_t>(dataset.size()));
  std::iota(ids.begin(), ids.end(), int64_t{0});
  return predict(net, dataset, ids, options);
}

}  // namespace quantick::train
