#include "quantick/core/float_mode.h"

#include <gtest/gtest.h>

namespace quantick {
namespace {

#if defined(__x86_64__)
/// To nearest its magnitude is rounded up, so that rounding upward shows.
float minus_tenth() {
  volatile float one = -1.0f, ten = 10.0f;
  return one / ten;
}

TEST(FloatMode, SetsNearestEvenInsideAndRestoresTheCallersMode) {
  const float nearest = minus_tenth();
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | _MM_ROUND_UP);
  const float upward = minus_tenth();
  float inside = 0;
  {
    const FloatMode mode;
    inside = minus_tenth();
    EXPECT_EQ(_mm_getcsr() & _MM_ROUND_MASK, static_cast<unsigned>(_MM_ROUND_NEAREST));
  }
  const float after = minus_tenth();
  _mm_setcsr(before);
  EXPECT_EQ(inside, nearest);
  EXPECT_NE(upward, nearest) << "the test's own mode did not round upward";
  EXPECT_EQ(after, upward);
}

TEST(FloatMode, KeepsDenormalsInside) {
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8000 | 0x0040);  // flush to zero, denormals are zero
  volatile float tiny = 0x1p-126f;
  float flushed = tiny * 0.5f, kept = 0;
  {
    const FloatMode mode;
    kept = tiny * 0.5f;
  }
  _mm_setcsr(before);
  EXPECT_EQ(flushed, 0.0f) << "the test's own mode did not flush";
  EXPECT_EQ(kept, 0x1p-127f);
}
#endif

}  // namespace
}  // namespace quantick
