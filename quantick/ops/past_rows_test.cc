#include "quantick/ops/past_rows.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace quantick {
namespace {

constexpr int64_t kSpan = 4, kWidth = 3;
constexpr int16_t kBefore = -9;

/// x [steps, batch, width]: 100 * step + 10 * row + column.
std::vector<int16_t> numbered(int64_t first, int64_t steps, int64_t batch) {
  std::vector<int16_t> x;
  for (int64_t t = first; t < first + steps; ++t)
    for (int64_t n = 0; n < batch; ++n)
      for (int64_t i = 0; i < kWidth; ++i) x.push_back(static_cast<int16_t>(100 * t + 10 * n + i));
  return x;
}

void expect_newest(const PastRows& past, std::vector<std::byte>& state, int64_t batch, int64_t n, int64_t steps) {
  const PastRows::Row row = past.row(state.data(), batch, n);
  for (int64_t lag = 1; lag <= kSpan; ++lag) {
    const auto* got = reinterpret_cast<const int16_t*>(row.back(lag));
    for (int64_t i = 0; i < kWidth; ++i)
      EXPECT_EQ(got[i], steps < lag ? kBefore : 100 * (steps - lag) + 10 * n + i) << "lag " << lag;
    // Neighbours in memory are neighbours in time.
    EXPECT_GE(row.side_by_side(lag), 1);
    EXPECT_LE(row.side_by_side(lag), lag);
    for (int64_t next = 1; next < row.side_by_side(lag); ++next)
      EXPECT_EQ(row.back(lag - next), row.back(lag) + next * kWidth * static_cast<int64_t>(sizeof(int16_t)));
  }
}

TEST(PastRows, HoldTheNewestRowsHoweverTheyCome) {
  const PastRows past(kSpan, kWidth, sizeof(int16_t), static_cast<uint16_t>(kBefore));
  const auto parts = past.parts();
  EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), int64_t{0}), past.state_bytes());
  for (const int64_t batch : {1, 3})
    for (const std::vector<int64_t>& pieces :
         {std::vector<int64_t>{1, 1, 1, 1, 1, 1, 1}, {3, 2, 4, 1}, {7, 1}, {4, 4}, {2}}) {
      std::vector<std::byte> state(static_cast<size_t>(past.state_bytes() * batch));
      for (int64_t n = 0; n < batch; ++n) expect_newest(past, state, batch, n, 0);
      int64_t steps = 0;
      for (const int64_t piece : pieces) {
        const auto x = numbered(steps, piece, batch);
        past.keep(state.data(), batch, x.data(), piece);
        steps += piece;
        for (int64_t n = 0; n < batch; ++n) expect_newest(past, state, batch, n, steps);
      }
    }
}

TEST(PastRows, WithoutPastThereIsNoState) {
  const PastRows past(0, kWidth, 1, 0);
  EXPECT_EQ(past.state_bytes(), 0);
  EXPECT_TRUE(past.parts().empty());
  past.keep(nullptr, 2, nullptr, 5);
}

}  // namespace
}  // namespace quantick
