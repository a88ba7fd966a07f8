#include "quantick/kernels/dense/dense_pack.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "quantick/core/rng.h"

namespace quantick::kernels {
namespace {

std::vector<int8_t> random_bytes(uint64_t seed, int64_t count) {
  const Key key(seed);
  std::vector<int8_t> bytes(count);
  for (int64_t i = 0; i < count; ++i) bytes[i] = static_cast<int8_t>(key.below(static_cast<uint64_t>(i), 256));
  return bytes;
}

TEST(DensePack, RowSumsAreExact) {
  for (int64_t cols : {1, 31, 32, 33, 200}) {
    auto weights = random_bytes(1, 3 * cols);
    for (int64_t k = 0; k < cols; ++k) weights[cols + k] = -128;
    for (Isa isa : supported_isas()) {
      std::vector<int64_t> sums(3), magnitudes(3);
      row_sums(weights.data(), 3, cols, sums.data(), magnitudes.data(), isa);
      for (int64_t r = 0; r < 3; ++r) {
        int64_t sum = 0, magnitude = 0;
        for (int64_t k = 0; k < cols; ++k) sum += weights[r * cols + k], magnitude += std::abs(weights[r * cols + k]);
        EXPECT_EQ(sums[r], sum) << isa_name(isa) << cols;
        EXPECT_EQ(magnitudes[r], magnitude) << isa_name(isa) << cols;
      }
    }
  }
}

TEST(DensePack, ColumnsBecomeLines) {
  for (int64_t depth : {2, 4})
    for (int64_t rows : {1, 7, 8, 13, 16})
      for (int64_t cols : {1, 3, 15, 16, 31, 32, 33, 70}) {
        const auto weights = random_bytes(2, rows * cols);
        const int64_t stride = rows * depth + 5, lines = (cols + depth - 1) / depth;
        for (Isa isa : supported_isas()) {
          std::vector<int8_t> out(lines * stride, 77);
          pack_columns(weights.data(), rows, cols, depth, stride, out.data(), isa);
          std::vector<int8_t> want(lines * stride, 77);
          for (int64_t r = 0; r < rows; ++r)
            for (int64_t k = 0; k < cols; ++k) want[k / depth * stride + r * depth + k % depth] = weights[r * cols + k];
          EXPECT_EQ(out, want) << isa_name(isa) << ", " << rows << " x " << cols << ", depth " << depth;
        }
      }
}

TEST(DensePack, NibblesComeBack) {
  for (int64_t count : {1, 2, 31, 32, 33, 64, 127}) {
    std::vector<int8_t> codes = random_bytes(3, count);
    for (auto& code : codes) code = static_cast<int8_t>(code >> 4);
    std::vector<uint8_t> nibbles((count + 1) / 2, 0);
    for (int64_t i = 0; i < count; ++i) nibbles[i / 2] |= static_cast<uint8_t>((codes[i] & 15) << (i % 2 * 4));
    for (Isa isa : supported_isas()) {
      std::vector<int8_t> back(count + 1, 77);
      from_nibbles(nibbles.data(), count, back.data(), isa);
      EXPECT_EQ(back.back(), 77) << "wrote past the end";
      back.pop_back();
      EXPECT_EQ(back, codes) << isa_name(isa) << count;
    }
  }
}

TEST(DensePack, TwoLinesBecomeOneOfNibbles) {
  const int64_t line = 64, pairs = 3;
  std::vector<int8_t> lines = random_bytes(4, 2 * pairs * line);
  for (auto& code : lines) code = static_cast<int8_t>(code >> 4);
  for (Isa isa : supported_isas()) {
    std::vector<int8_t> out(pairs * line);
    EXPECT_TRUE(to_nibbles(lines.data(), pairs, line, out.data(), isa));
    for (int64_t i = 0; i < pairs * line; ++i) {
      const int64_t pair = i / line, at = i % line;
      const int even = lines[2 * pair * line + at], odd = lines[(2 * pair + 1) * line + at];
      EXPECT_EQ(out[i] & 0xff, (even & 15) | (odd & 15) << 4) << isa_name(isa) << i;
    }
    for (const int8_t outside : {8, -9, 127, -128})
      for (const int64_t at : {int64_t{0}, line + 63, 5 * line + 7}) {
        auto broken = lines;
        broken[at] = outside;
        EXPECT_FALSE(to_nibbles(broken.data(), pairs, line, out.data(), isa)) << isa_name(isa) << int{outside};
      }
  }
}

}  // namespace
}  // namespace quantick::kernels
