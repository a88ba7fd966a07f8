#include "quantick/core/interrupt.h"

#include <atomic>

#include "quantick/core/error.h"

namespace quantick {
namespace {
std::atomic<bool> requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);
}  // namespace

void request_interrupt() noexcept { requested.store(true, std::memory_order_relaxed); }
void clear_interrupt() noexcept { requested.store(false, std::memory_order_relaxed); }
bool interrupt_requested() noexcept { return requested.load(std::memory_order_relaxed); }

void check_interrupt() {
  QTK_CHECK(!interrupt_requested(), InterruptedError, "interrupted by the user; what was saved can be resumed");
}

}  // namespace quantick
