// An event through the book and every feature allocates nothing.
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/features/ticks/tick_feature_set.h"
#include "quantick/features/ticks/tick_registry.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define QTK_SANITIZED 1  // the sanitizer owns the allocator
#else
#define QTK_SANITIZED 0
#endif

namespace {
thread_local int64_t allocations = 0;
}  // namespace

#if !QTK_SANITIZED
// glibc's own function, which stays reachable when the name everybody calls is taken.
extern "C" {
void* __libc_malloc(size_t);
void* malloc(size_t n) {
  ++allocations;
  return __libc_malloc(n);
}
}
#endif

namespace quantick::features {
namespace {

TEST(TickRealtime, NoAllocationAfterConstruction) {
  if (QTK_SANITIZED) GTEST_SKIP() << "a sanitizer counts allocations of its own";
  static_assert(noexcept(std::declval<TickFeatureSet&>().update({}, {})));
  static_assert(noexcept(std::declval<market::Book&>().update(std::declval<const market::DepthUpdate&>())));
  std::vector<std::string> features;
  for (const auto& row : tick_feature_registry()) features.push_back(row.example);
  TickFeatureSet set(features, {.quotes = "book"});
  const Key key(9);
  uint64_t draw = 0;
  const auto below = [&](uint64_t bound) { return static_cast<int64_t>(key.below(draw++, bound)); };
  constexpr int64_t kChanges = 2000;
  std::vector<market::DepthUpdate> depths(kChanges);
  for (int64_t i = 0; i < kChanges; ++i) {
    // A gap every 500 changes, mended by the next snapshot.
    depths[i] = {.snapshot = i % 100 == 10, .previous_id = i + (i % 500 == 400), .last_id = i + 1};
    for (int64_t k = 0; k < 30; ++k) {
      depths[i].bids.push_back({9999 - below(30), static_cast<double>(below(5))});
      depths[i].asks.push_back({10001 + below(30), static_cast<double>(below(5))});
    }
  }
  std::vector<float> row(features.size());
  int64_t complete = 0;
  const int64_t before = allocations;
  ASSERT_GT(before, 0) << "the counter must count";
  for (int64_t i = 0; i < 2 * kChanges; ++i) {
    market::TickEvent event{.receipt_time = 1 + i * 1'000'000};
    event.depth = i % 2 == 0 ? &depths[i / 2] : nullptr;
    event.has_trade = i % 5 == 0;
    event.trade = {100, 1, market::Side::unknown};
    complete += set.update(event, row).complete;
  }
  EXPECT_EQ(allocations - before, 0);
  EXPECT_GT(complete, 1000);
}

}  // namespace
}  // namespace quantick::features
