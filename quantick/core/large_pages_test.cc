#include "quantick/core/large_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace quantick {
namespace {

bool all_zero(const void* p, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    if (static_cast<const char*>(p)[i] != 0) return false;
  return true;
}

TEST(LargePages, PiecesAreZeroAlignedAndOneBehindTheOther) {
  LargePages pool(10000);
  auto* first = static_cast<std::byte*>(pool.allocate(100));
  auto* second = static_cast<std::byte*>(pool.allocate(64));
  auto* third = static_cast<std::byte*>(pool.allocate(1));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 64, 0U);
  EXPECT_EQ(second - first, 128);
  EXPECT_EQ(third - second, 64);
  EXPECT_EQ(pool.used(), 256U);
  EXPECT_TRUE(all_zero(first, 256));
}

TEST(LargePages, GrowsPastTheGuessAndPastLargePages) {
  LargePages pool;
  for (const size_t bytes : {size_t{1}, size_t{5000}, size_t{3} << 20, size_t{100}, size_t{600} << 10}) {
    void* p = pool.allocate(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % 64, 0U);
    EXPECT_TRUE(all_zero(p, bytes)) << bytes;
    std::memset(p, 0xff, bytes);  // every byte is ours, and no later piece sees it
  }
}

TEST(LargePages, ABlockOfAQuarterOfALargePageStartsOnOne) {
  LargePages pool(size_t{512} << 10);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(pool.allocate(1)) % (size_t{2} << 20), 0U);
}

TEST(LargePages, BytesOutliveTheCallersPool) {
  auto pool = std::make_shared<LargePages>(4096);
  PooledBytes a(100, pool), b(100, pool), own(70, nullptr);
  EXPECT_EQ(b.data() - a.data(), 128);
  pool.reset();
  std::memset(a.data(), 1, a.size());
  PooledBytes copy = a;
  EXPECT_EQ(copy.data(), a.data());
  EXPECT_TRUE(all_zero(own.data(), own.size()));
}

}  // namespace
}  // namespace quantick
