#include "quantick/runtime/boundary.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace quantick::runtime {
namespace {

using Limits = std::numeric_limits<float>;

TEST(Boundary, FindsTheFirstNanOrInfinityAtEveryPlace) {
  for (int64_t n = 0; n <= 50; ++n) {
    std::vector<float> x(static_cast<size_t>(n));
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = i % 3 == 0 ? -Limits::max() : i % 3 == 1 ? Limits::denorm_min() : Limits::max();
    ASSERT_EQ(first_not_finite(x.data(), n), -1) << n;
    // From behind, so that each one stands before all others.
    for (int64_t i = n - 1; i >= 0; --i) {
      x[static_cast<size_t>(i)] = i % 3 == 0   ? Limits::quiet_NaN()
                                  : i % 3 == 1 ? Limits::infinity()
                                               : -Limits::infinity();
      ASSERT_EQ(first_not_finite(x.data(), n), i) << n;
    }
  }
}

}  // namespace
}  // namespace quantick::runtime
