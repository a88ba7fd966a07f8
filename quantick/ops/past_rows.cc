#include "quantick/ops/past_rows.h"

#include <algorithm>
#include <cstring>

namespace quantick {

PastRows::PastRows(int64_t span, int64_t width, int64_t element, uint32_t before)
    : span_(span), row_bytes_(width * element), element_(element), before_(before) {}

std::vector<int64_t> PastRows::parts() const {
  if (span_ == 0) return {};
  return {kPlaceBytes, ring_bytes()};
}

int64_t PastRows::opened(void* state, int64_t batch, int64_t row) const noexcept {
  int64_t& place = static_cast<int64_t*>(state)[row];
  if (place == 0) {
    std::byte* to = slots(state, batch, row);
    for (int64_t at = 0; at < ring_bytes(); at += element_)  // little-endian: the low bytes come first
      std::memcpy(to + at, &before_, static_cast<size_t>(element_));
    place = 1;
  }
  return place - 1;
}

PastRows::Row PastRows::row(void* state, int64_t batch, int64_t row) const noexcept {
  if (span_ == 0) return {nullptr, 0, 0, 0};
  const int64_t oldest = opened(state, batch, row);
  return {slots(state, batch, row), oldest, span_, row_bytes_};
}

void PastRows::keep(void* state, int64_t batch, const void* x, int64_t steps) const noexcept {
  if (span_ == 0) return;
  for (int64_t n = 0; n < batch; ++n) {
    int64_t slot = opened(state, batch, n);
    std::byte* ring = slots(state, batch, n);
    for (int64_t step = std::max<int64_t>(0, steps - span_); step < steps; ++step) {
      const auto* from = static_cast<const std::byte*>(x) + (step * batch + n) * row_bytes_;
      std::memcpy(ring + slot * row_bytes_, from, static_cast<size_t>(row_bytes_));
      slot = slot + 1 == span_ ? 0 : slot + 1;
    }
    static_cast<int64_t*>(state)[n] = slot + 1;
  }
}

}  // namespace quantick
