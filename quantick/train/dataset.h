#pragma once
// What training asks of data.
#include <cstdint>
#include <span>

namespace quantick::train {

/// Samples 0 .. size() - 1, ordered by group: the samples of one date stand together, dates in ascending order. Calls
/// are const and may come from any thread.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual int64_t steps() const = 0;             ///< L, steps of a window
  virtual int64_t features() const = 0;          ///< F
  virtual int64_t outputs() const { return 1; }  ///< O, labels per sample
  /// x gets [L, n, F] (time-major), y gets [n, O] or is null where labels are not wanted.
  virtual void gather(std::span<const int64_t> ids, float* x, float* y) const = 0;
  /// A number that samples of one date share; must not fall as ids rise.
  virtual int64_t group(int64_t id) const = 0;
  virtual bool has_weights() const { return false; }
  /// Weights of a sample: 1, or one per label.
  virtual int64_t weight_count() const { return 1; }
  /// weights gets [n, weight_count()], for the loss. Called only where has_weights().
  virtual void gather_weights(std::span<const int64_t> ids, float* weights) const { (void)ids, (void)weights; }
};

}  // namespace quantick::train
