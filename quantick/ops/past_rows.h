#pragma once
// The rows that a node over time carries from call to call: the last `span` rows of x [steps, batch, width], per batch
// row in a ring, so that a tick writes one row and moves none. Codes lie in the ring as they came.
#include <cstddef>
#include <cstdint>
#include <vector>

namespace quantick {

/// State of a batch, in two parts: places [batch] int64 (0 before the first step, else 1 + the slot of the oldest row),
/// rows [batch, span, width]. Zeros at the start, as every state.
class PastRows {
 public:
  /// `element`: bytes of one value, 1, 2 or 4. `before`: the bits that stand for all values before the start.
  PastRows(int64_t span, int64_t width, int64_t element, uint32_t before);

  /// The ring of one batch row.
  class Row {
   public:
    Row(const std::byte* slots, int64_t oldest, int64_t span, int64_t row_bytes)
        : slots_(slots), oldest_(oldest), span_(span), row_bytes_(row_bytes) {}
    /// The row `lag` steps before the next one, 1..span.
    const std::byte* back(int64_t lag) const noexcept { return slots_ + slot(lag) * row_bytes_; }
    /// Rows that follow it in memory, itself included, up to the newest or the end of the ring.
    int64_t side_by_side(int64_t lag) const noexcept { return slot(lag) + lag <= span_ ? lag : span_ - slot(lag); }

   private:
    int64_t slot(int64_t lag) const noexcept { return oldest_ >= lag ? oldest_ - lag : oldest_ - lag + span_; }
    const std::byte* slots_;
    int64_t oldest_, span_, row_bytes_;
  };

  /// Fills the ring where nothing was written yet.
  Row row(void* state, int64_t batch, int64_t row) const noexcept;
  /// Appends x [steps, batch, width].
  void keep(void* state, int64_t batch, const void* x, int64_t steps) const noexcept;

  int64_t span() const { return span_; }
  int64_t state_bytes() const { return span_ > 0 ? kPlaceBytes + ring_bytes() : 0; }
  /// As IntegerNode::state_parts() has them.
  std::vector<int64_t> parts() const;

 private:
  static constexpr int64_t kPlaceBytes = sizeof(int64_t);
  int64_t ring_bytes() const { return span_ * row_bytes_; }
  std::byte* slots(void* state, int64_t batch, int64_t row) const noexcept {
    return static_cast<std::byte*>(state) + batch * kPlaceBytes + row * ring_bytes();
  }
  /// Slot of the oldest row, where the next one goes.
  int64_t opened(void* state, int64_t batch, int64_t row) const noexcept;

  int64_t span_, row_bytes_, element_;
  uint32_t before_;
};

}  // namespace quantick
