#pragma once
// Results must not depend on the caller's rounding or denormal mode (docs/numerics.md, section 14).
#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace quantick {

/// Sets round-to-nearest-even with denormals kept, and restores the caller's mode at the end of the scope.
class FloatMode {
 public:
#if defined(__x86_64__)
  FloatMode() noexcept : saved_(_mm_getcsr()) { _mm_setcsr(kDefault); }
  ~FloatMode() { _mm_setcsr(saved_); }
#else
  FloatMode() noexcept = default;
#endif
  FloatMode(const FloatMode&) = delete;
  FloatMode& operator=(const FloatMode&) = delete;

 private:
  static constexpr uint32_t kDefault = 0x1f80;  // all exceptions masked, nearest even, no flushing
#if defined(__x86_64__)
  uint32_t saved_;
#endif
};

}  // namespace quantick
