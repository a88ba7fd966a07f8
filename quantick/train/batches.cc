#include "quantick/train/batches.h"

#include <algorithm>
#include <utility>

#include "quantick/core/error.h"

namespace quantick::train {

std::vector<int64_t> group_sizes(const Dataset& dataset) {
  std::vector<int64_t> sizes;
  const int64_t size = dataset.size();
  for (int64_t id = 0; id < size; ++id) {
    const int64_t here = dataset.group(id), before = id > 0 ? dataset.group(id - 1) : here;
    QTK_CHECK(here >= before, ValueError,
              "[train] group of sample {}, was {}, expected at least that of the one before, {}", id, here, before);
    if (id == 0 || here != before)
      sizes.push_back(1);
    else
      ++sizes.back();
  }
  return sizes;
}

BatchPlan::BatchPlan(const Dataset& dataset, const std::string& batching, int64_t batch_size, bool shuffle,
                     const Key& key, int64_t least_group)
    : by_date_(batching == "dates"), batch_size_(batch_size), shuffle_(shuffle), key_(key) {
  QTK_CHECK(batching == "samples" || batching == "dates", ValueError,
            "[train] batching, was {}, expected samples or dates", batching);
  QTK_CHECK(batch_size > 0, ValueError, "[train] batch_size, was {}, expected > 0", batch_size);
  if (by_date_) {
    int64_t begin = 0;
    for (const int64_t size : group_sizes(dataset)) {
      if (size >= least_group) units_.push_back({begin, size});
      begin += size;
    }
    QTK_CHECK(!units_.empty(), ValueError, "[train] no date has {} samples or more, of {} samples", least_group,
              dataset.size());
  } else {
    for (int64_t id = 0; id < dataset.size(); ++id) units_.push_back({id, 1});
    QTK_CHECK(!units_.empty(), ValueError, "[train] the training data has no samples");
  }
}

int64_t BatchPlan::steps_per_epoch() const {
  return (static_cast<int64_t>(units_.size()) - 1) / batch_size_ + 1;  // there is a unit, and batch_size_ may be huge
}

std::vector<Batch> BatchPlan::epoch(int64_t number) const {
  std::vector<Unit> order = units_;
  if (shuffle_) {  // Fisher and Yates
    const Key key = key_.fold(static_cast<uint64_t>(number));
    for (size_t i = order.size(); i-- > 1;) std::swap(order[i], order[key.below(i, i + 1)]);
  }
  std::vector<Batch> batches(static_cast<size_t>(steps_per_epoch()));
  for (size_t i = 0; i < order.size(); ++i) {
    Batch& batch = batches[i / static_cast<size_t>(batch_size_)];
    for (int64_t k = 0; k < order[i].size; ++k) batch.ids.push_back(order[i].begin + k);
    if (by_date_) batch.group_sizes.push_back(order[i].size);
  }
  if (!by_date_)
    for (Batch& batch : batches) batch.group_sizes = {static_cast<int64_t>(batch.ids.size())};
  return batches;
}

}  // namespace quantick::train
