#pragma once
// Which samples each step of an epoch sees.
#include <cstdint>
#include <string>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/train/dataset.h"

namespace quantick::train {

struct Batch {
  std::vector<int64_t> ids;
  std::vector<int64_t> group_sizes;  ///< runs of ids of one date; one run of all ids with batching "samples"
};

/// Sizes of the runs of samples with equal group(), in order. Throws ValueError where groups are not ascending.
std::vector<int64_t> group_sizes(const Dataset& dataset);

class BatchPlan {
 public:
  /// `batching` "samples" or "dates"; `least_group` is the smallest date that the loss can use, smaller ones are left
  /// out with "dates". Throws ValueError where nothing is left.
  BatchPlan(const Dataset& dataset, const std::string& batching, int64_t batch_size, bool shuffle, const Key& key,
            int64_t least_group);

  int64_t steps_per_epoch() const;
  /// All batches of an epoch; the last one may be smaller.
  std::vector<Batch> epoch(int64_t number) const;

 private:
  struct Unit {
    int64_t begin, size;  ///< a date, or a single sample
  };
  std::vector<Unit> units_;
  bool by_date_;
  int64_t batch_size_;
  bool shuffle_;
  Key key_;
};

}  // namespace quantick::train
