#pragma once
// The newest rows of features of each instrument: what a new model replays to know the past of a running one.
#include <atomic>
#include <cstdint>
#include <memory>

namespace quantick::runtime {

/// One thread writes, others may read at the same time: a row is found by its number, and a reader notices where the
/// writer has overtaken it. Calls neither allocate nor lock.
class FeatureRing {
 public:
  /// `capacity`: rows of one instrument that can always be read; a reader has as many again before it is overtaken.
  /// Throws ValueError for sizes out of range.
  FeatureRing(int64_t instruments, int64_t columns, int64_t capacity);

  /// The writer's: the newest row, [columns].
  void push(int64_t instrument, const float* row) noexcept;
  /// The writer's: a history starts anew, the rows before it count no longer.
  void restart(int64_t instrument) noexcept;

  /// Rows written so far, which is the next row's number.
  uint64_t count(int64_t instrument) const noexcept { return heads_[instrument].count.load(std::memory_order_acquire); }
  /// Number of the first row of the present history.
  uint64_t start(int64_t instrument) const noexcept { return heads_[instrument].start.load(std::memory_order_acquire); }
  /// Copies row `number` < count(); false where it has been overwritten.
  bool read(int64_t instrument, uint64_t number, float* row) const noexcept;

  int64_t capacity() const { return capacity_; }

 private:
  struct alignas(64) Head {
    std::atomic<uint64_t> count{0}, start{0};
  };
  std::atomic<uint64_t>* slot(int64_t instrument, uint64_t number) const noexcept {
    return words_.get() + (static_cast<uint64_t>(instrument) * slots_ + (number & (slots_ - 1))) * row_words_;
  }

  int64_t columns_, capacity_;
  uint64_t slots_, row_words_;
  std::unique_ptr<Head[]> heads_;
  std::unique_ptr<std::atomic<uint64_t>[]> words_;  ///< two floats each
};

}  // namespace quantick::runtime
