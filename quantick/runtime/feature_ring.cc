#include "quantick/runtime/feature_ring.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "quantick/core/error.h"

namespace quantick::runtime {
namespace {

constexpr int64_t kMaxCapacity = int64_t{1} << 24, kMaxWords = int64_t{1} << 36;

}  // namespace

FeatureRing::FeatureRing(int64_t instruments, int64_t columns, int64_t capacity)
    : columns_(columns), capacity_(capacity) {
  QTK_CHECK(instruments > 0 && columns > 0 && capacity > 0 && capacity <= kMaxCapacity, ValueError,
            "[feature ring] instruments, columns and rows, were {}, {} and {}, expected at least 1, and 2^24 rows at "
            "most",
            instruments, columns, capacity);
  slots_ = std::bit_ceil(static_cast<uint64_t>(2 * capacity));
  row_words_ = static_cast<uint64_t>(columns + 1) / 2;
  QTK_CHECK(instruments <= kMaxWords / columns / static_cast<int64_t>(slots_), ValueError,
            "[feature ring] {} rows of {} columns for {} instruments are more than memory holds", slots_, columns,
            instruments);
  heads_ = std::make_unique<Head[]>(static_cast<size_t>(instruments));
  words_ = std::make_unique<std::atomic<uint64_t>[]>(static_cast<uint64_t>(instruments) * slots_ * row_words_);
}

// The writer overwrites row n while count is n + slots. A reader that met one of the new words has acquired what the
// writer released before, that count included, and so sees that it was overtaken.
void FeatureRing::push(int64_t instrument, const float* row) noexcept {
  Head& head = heads_[static_cast<size_t>(instrument)];
  const uint64_t number = head.count.load(std::memory_order_relaxed);
  std::atomic<uint64_t>* to = slot(instrument, number);
  for (int64_t at = 0; at < columns_; at += 2) {
    uint64_t word = 0;
    std::memcpy(&word, row + at, sizeof(float) * static_cast<size_t>(std::min<int64_t>(2, columns_ - at)));
    (to++)->store(word, std::memory_order_release);
  }
  head.count.store(number + 1, std::memory_order_release);
}

void FeatureRing::restart(int64_t instrument) noexcept {
  Head& head = heads_[static_cast<size_t>(instrument)];
  head.start.store(head.count.load(std::memory_order_relaxed), std::memory_order_release);
}

bool FeatureRing::read(int64_t instrument, uint64_t number, float* row) const noexcept {
  const std::atomic<uint64_t>* from = slot(instrument, number);
  for (int64_t at = 0; at < columns_; at += 2) {
    const uint64_t word = (from++)->load(std::memory_order_acquire);
    std::memcpy(row + at, &word, sizeof(float) * static_cast<size_t>(std::min<int64_t>(2, columns_ - at)));
  }
  return count(instrument) < number + slots_;
}

}  // namespace quantick::runtime
