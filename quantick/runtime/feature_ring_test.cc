#include "quantick/runtime/feature_ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "quantick/core/error.h"

namespace quantick::runtime {
namespace {

TEST(FeatureRing, KeepsTheNewestRowsByNumber) {
  for (const int64_t columns : {1, 2, 5}) {
    FeatureRing ring(2, columns, 3);
    std::vector<float> row(static_cast<size_t>(columns));
    for (int n = 0; n < 20; ++n) {
      for (size_t c = 0; c < row.size(); ++c) row[c] = static_cast<float>(n * 10 + static_cast<int>(c));
      ring.push(1, row.data());
      EXPECT_EQ(ring.count(1), static_cast<uint64_t>(n + 1));
      for (int back = 0; back < 3 && back <= n; ++back) {
        ASSERT_TRUE(ring.read(1, static_cast<uint64_t>(n - back), row.data()));
        for (size_t c = 0; c < row.size(); ++c)
          EXPECT_EQ(row[c], static_cast<float>((n - back) * 10 + static_cast<int>(c)));
      }
    }
    EXPECT_FALSE(ring.read(1, 0, row.data()));
    EXPECT_EQ(ring.count(0), 0u);
    EXPECT_EQ(ring.start(1), 0u);
    ring.restart(1);
    EXPECT_EQ(ring.start(1), 20u);
  }
}

TEST(FeatureRing, RefusesSizesOutOfRange) {
  EXPECT_THROW(FeatureRing(0, 1, 1), ValueError);
  EXPECT_THROW(FeatureRing(1, 0, 1), ValueError);
  EXPECT_THROW(FeatureRing(1, 1, 0), ValueError);
  EXPECT_THROW(FeatureRing(int64_t{1} << 20, int64_t{1} << 20, int64_t{1} << 20), ValueError);
}

TEST(FeatureRing, AReaderGetsWholeRowsOrIsTold) {
  constexpr int64_t kColumns = 31, kCapacity = 4;
  constexpr uint64_t kRows = 200'000;
  FeatureRing ring(1, kColumns, kCapacity);
  std::atomic<bool> go{false};
  std::thread writer([&] {
    std::vector<float> row(kColumns);
    while (!go) std::this_thread::yield();
    for (uint64_t n = 0; n < kRows; ++n) {
      row.assign(kColumns, static_cast<float>(n));
      ring.push(0, row.data());
    }
  });
  std::vector<float> row(kColumns);
  uint64_t read = 0, overtaken = 0;
  go = true;
  for (uint64_t count = 0; count < kRows; count = ring.count(0)) {
    if (count == 0) continue;
    const uint64_t back = (read + overtaken) % (2 * kCapacity), number = count - 1 - std::min(back, count - 1);
    if (!ring.read(0, number, row.data())) {
      ++overtaken;
      continue;
    }
    ++read;
    for (const float v : row) ASSERT_EQ(v, static_cast<float>(number));
  }
  writer.join();
  EXPECT_GT(read + overtaken, 0u);
  for (uint64_t back = 0; back < static_cast<uint64_t>(kCapacity); ++back) {
    ASSERT_TRUE(ring.read(0, kRows - 1 - back, row.data()));
    EXPECT_EQ(row[kColumns - 1], static_cast<float>(kRows - 1 - back));
  }
}

}  // namespace
}  // namespace quantick::runtime
