#pragma once
// Brings the state of one instrument up to the rows that a ring holds.
#include <algorithm>
#include <cstdint>
#include <span>

#include "quantick/runtime/feature_ring.h"

namespace quantick::runtime {

/// Which rows an instrument's state holds: up to `count` of the history that began at `start`.
struct KnownRows {
  static constexpr uint64_t kNothing = ~uint64_t{0};
  uint64_t start = kNothing, count = 0;
};

/// Feeds `stream` (a Stream) the rows that it has not seen, the newest ring.capacity() of the history at most; false
/// where there are none. A reader that is overtaken by more than a whole history leaves the instrument to the next
/// call. `row`: room for one, [columns].
template <class Stream>
bool catch_up(const FeatureRing& ring, int64_t instrument, Stream& stream, KnownRows& known,
              std::span<float> row) noexcept {
  const uint64_t start = ring.start(instrument), count = ring.count(instrument);
  if (known.start == start && known.count == count) return false;
  const auto capacity = static_cast<uint64_t>(ring.capacity());
  if (known.start != start || count - known.count > capacity) {
    stream.reset(instrument);
    known = {start, count - std::min(count - std::min(start, count), capacity)};
  }
  for (; known.count < count; ++known.count) {
    if (!ring.read(instrument, known.count, row.data())) {
      known.start = KnownRows::kNothing;
      return true;
    }
    stream.absorb(instrument, row);
  }
  return true;
}

}  // namespace quantick::runtime
