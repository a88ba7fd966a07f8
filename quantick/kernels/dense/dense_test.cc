#include "quantick/kernels/dense/dense.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/kernels/dense/dense_test_data.h"

namespace quantick::kernels {
namespace {

struct Layer {
  int64_t rows, cols;
  int x_bits = 8, y_bits = 8;
  int32_t zero_y = 0;
  std::vector<int8_t> weights;
  std::vector<int64_t> bias;
  std::vector<float> scale;

  DenseKernel kernel(Isa isa) const {
    return DenseKernel({.rows = rows,
                        .cols = cols,
                        .weights = weights.data(),
                        .bias = bias.data(),
                        .scale = scale.data(),
                        .zero_y = zero_y,
                        .x_bits = x_bits,
                        .y_bits = y_bits},
                       isa);
  }
};

/// Scales that keep most results inside the range and push some past it.
Layer random_layer(uint64_t seed, int64_t rows, int64_t cols, int x_bits, int y_bits, int64_t bias_limit = 20000) {
  Layer l{rows, cols, x_bits, y_bits};
  const Key key = Key(seed).fold("dense test");
  l.zero_y = static_cast<int32_t>(between(key.fold("zero"), 0, -128, 127));
  for (int64_t i = 0; i < rows * cols; ++i)
    l.weights.push_back(static_cast<int8_t>(between(key.fold("weights"), i, -128, 127)));
  const double size = std::ldexp(1.0, x_bits - 1) * 64 * std::sqrt(static_cast<double>(cols)) / 2;
  for (int64_t r = 0; r < rows; ++r) {
    l.bias.push_back(between(key.fold("bias"), r, -bias_limit, bias_limit));
    const double spread = 0.05 + 0.5 * key.fold("scale").uniform(r);
    l.scale.push_back(static_cast<float>(std::ldexp(spread, std::min(y_bits, 16) - 1) / size));
  }
  return l;
}

/// The contract once more, in exact arithmetic: 128-bit sums, one conversion, one product, rounding in double.
std::vector<char> truth(const Layer& l, const std::vector<int16_t>& x, int64_t n) {
  std::vector<char> y(n * l.rows * l.y_bits / 8 + 1, 0x5a);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t r = 0; r < l.rows; ++r) {
      __int128 sum = l.bias[r];
      for (int64_t k = 0; k < l.cols; ++k) sum += int{l.weights[r * l.cols + k]} * int64_t{x[i * l.cols + k]};
      const float v = static_cast<float>(static_cast<int64_t>(sum)) * l.scale[r];
      char* out = y.data() + (i * l.rows + r) * l.y_bits / 8;
      if (l.y_bits == 32) {
        std::memcpy(out, &v, 4);
        continue;
      }
      const double limit = std::ldexp(1.0, l.y_bits - 1);
      const double rounded = std::fmin(std::fmax(std::nearbyint(double{v}), -0x1p31), 0x1p31 - 1) + l.zero_y;
      const auto q = static_cast<int16_t>(std::fmin(std::fmax(rounded, -limit), limit - 1));
      std::memcpy(out, &q, l.y_bits / 8);  // little endian: the low bytes
    }
  return y;
}

void expect_equal_everywhere(const Layer& l, const std::vector<int16_t>& x, int64_t n, const std::string& what) {
  const auto want = truth(l, x, n);
  for (Isa isa : supported_isas())
    EXPECT_EQ(want, run(l.kernel(isa), x, n)) << what << " on " << isa_name(isa) << ", rows " << l.rows << ", cols "
                                              << l.cols << ", x_bits " << l.x_bits << ", y_bits " << l.y_bits;
}

TEST(Dense, EveryInstructionSetGivesTheContractsBitsForAllShapesAndTails) {
  uint64_t seed = 0;
  for (int x_bits : {8, 16})
    for (int y_bits : {8, 16, 32})
      for (int64_t rows : {1, 3, 8, 15, 16, 17, 33, 64, 65, 130})
        for (int64_t cols : {1, 2, 3, 4, 7, 31, 64, 65}) {
          const int64_t n = 1 + static_cast<int64_t>(seed % 6);
          const Layer l = random_layer(++seed, rows, cols, x_bits, y_bits);
          expect_equal_everywhere(l, random_input(seed, n * cols, x_bits), n, "shape");
        }
}

TEST(Dense, AMillionOutputsAgreeInEveryBit) {
  for (int x_bits : {8, 16}) {
    const Layer l = random_layer(99, 131, 70, x_bits, 8);
    const int64_t n = 4000;
    const auto x = random_input(5, n * l.cols, x_bits);
    const auto want = run(l.kernel(Isa::scalar), x, n);
    int64_t saturated = 0;
    for (char c : want) saturated += c == 127 || c == -128;
    EXPECT_GT(saturated, n) << "the test should reach the limits";
    EXPECT_LT(saturated, n * l.rows / 2) << "and stay within them mostly";
    for (Isa isa : supported_isas()) EXPECT_TRUE(want == run(l.kernel(isa), x, n)) << isa_name(isa);
  }
}

TEST(Dense, BitsDoNotDependOnTheBatch) {
  for (Isa isa : supported_isas())
    for (int x_bits : {8, 16}) {
      const Layer l = random_layer(7, 67, 45, x_bits, 16);
      const auto kernel = l.kernel(isa);
      const int64_t n = 131;  // two full blocks and a rest
      const auto x = random_input(8, n * l.cols, x_bits);
      const auto batch = run(kernel, x, n);
      for (int64_t i = 0; i < n; ++i) {
        const auto one = run(kernel, {x.begin() + i * l.cols, x.begin() + (i + 1) * l.cols}, 1);
        ASSERT_EQ(0, std::memcmp(one.data(), batch.data() + i * l.rows * 2, l.rows * 2)) << i << isa_name(isa);
      }
    }
}

TEST(Dense, RawSumsContinueInRunFrom) {
  uint64_t seed = 500;
  for (int x_bits : {8, 16})
    for (int y_bits : {8, 16, 32})
      for (int64_t rows : {1, 8, 17, 64, 81})
        for (int64_t cols : {2, 9, 65}) {
          // The columns from `cut` on come first, as raw sums; the others are added to them.
          const int64_t n = 1 + static_cast<int64_t>(seed % 7), cut = 1 + static_cast<int64_t>(seed % (cols - 1));
          const Layer l = random_layer(++seed, rows, cols, x_bits, y_bits);
          const auto x = random_input(seed, n * cols, x_bits);
          const auto want = truth(l, x, n);
          const auto part = [&](int64_t from, int64_t to, const auto& all, int64_t lines) {
            std::decay_t<decltype(all)> out;
            for (int64_t i = 0; i < lines; ++i)
              out.insert(out.end(), all.begin() + i * cols + from, all.begin() + i * cols + to);
            return out;
          };
          Layer newest = l;
          newest.cols = cut, newest.weights = part(0, cut, l.weights, rows);
          const auto older_weights = part(cut, cols, l.weights, rows);
          const auto older_x = part(cut, cols, x, n), newest_x = part(0, cut, x, n);
          const std::vector<int8_t> older_bytes(older_x.begin(), older_x.end()),
              newest_bytes(newest_x.begin(), newest_x.end());
          for (Isa isa : supported_isas()) {
            const DenseKernel older({.rows = rows,
                                     .cols = cols - cut,
                                     .weights = older_weights.data(),
                                     .x_bits = x_bits,
                                     .y_bits = 32,
                                     .raw_sums = true},
                                    isa);
            const DenseKernel last = newest.kernel(isa);
            std::vector<int32_t> sums(n * rows + 1, 0x5a5a5a5a);
            std::vector<char> y(n * rows * y_bits / 8 + 1, 0x5a);
            std::vector<char> scratch(std::max(older.scratch_bytes(), last.scratch_bytes()));
            const auto input = [&](const auto& bytes, const auto& wide) {
              return x_bits == 8 ? static_cast<const void*>(bytes.data()) : wide.data();
            };
            older.run(input(older_bytes, older_x), n, sums.data(), scratch.data());
            EXPECT_EQ(sums.back(), 0x5a5a5a5a) << "wrote past the end";
            last.run_from(sums.data(), input(newest_bytes, newest_x), n, y.data(), scratch.data());
            EXPECT_EQ(want, y) << isa_name(isa) << ", " << rows << " x " << cols << ", x_bits " << x_bits << ", y_bits "
                               << y_bits;
          }
        }
}

TEST(Dense, WeightsOfFourBitsContinueFromSumsAsAnyDo) {
  const int64_t rows = 21, cols = 33;
  Layer l = random_layer(77, rows, cols, 8, 8);
  for (int8_t& w : l.weights) w = static_cast<int8_t>(w >> 4);
  for (int x_bits : {8, 16})
    for (int64_t n : {1, 3, 70}) {
      const auto wide = random_input(78, n * cols, x_bits);
      const std::vector<int8_t> bytes(wide.begin(), wide.end());
      const void* x = x_bits == 8 ? static_cast<const void*>(bytes.data()) : wide.data();
      const auto run = [&](Isa isa, int weight_bits) {
        DenseSpec spec{.rows = rows,
                       .cols = cols,
                       .weights = l.weights.data(),
                       .x_bits = x_bits,
                       .y_bits = 32,
                       .raw_sums = true,
                       .weight_bits = weight_bits};
        const DenseKernel older(spec, isa);
        spec.scale = l.scale.data(), spec.raw_sums = false, spec.y_bits = 8;
        const DenseKernel newest(spec, isa);
        std::vector<int32_t> sums(n * rows);
        std::vector<int8_t> y(n * rows);
        std::vector<char> scratch(std::max(older.scratch_bytes(), newest.scratch_bytes()));
        older.run(x, n, sums.data(), scratch.data());
        newest.run_from(sums.data(), x, n, y.data(), scratch.data());
        return std::pair(sums, y);
      };
      for (Isa isa : supported_isas()) EXPECT_EQ(run(isa, 4), run(Isa::scalar, 8)) << isa_name(isa) << ", n " << n;
    }
}

TEST(Dense, RawSumsKeepTheBiasAndMustFitInt32) {
  const std::vector<int8_t> weights{127, -128};
  for (const int64_t bias : {int64_t{-5}, (int64_t{1} << 31) - 1 - 255 * 128}) {
    DenseSpec spec{.rows = 1, .cols = 2, .weights = weights.data(), .bias = &bias, .y_bits = 32, .raw_sums = true};
    const std::vector<int8_t> x{127, -128};
    for (Isa isa : supported_isas()) {
      const DenseKernel kernel(spec, isa);
      std::vector<char> scratch(kernel.scratch_bytes());
      int32_t y = 0;
      kernel.run(x.data(), 1, &y, scratch.data());
      EXPECT_EQ(y, bias + 127 * 127 + 128 * 128);
    }
  }
  const int64_t past = (int64_t{1} << 31) - 255 * 128;
  const DenseSpec wide{.rows = 1, .cols = 2, .weights = weights.data(), .bias = &past, .y_bits = 32, .raw_sums = true};
  EXPECT_THROW(DenseKernel{wide}, ValueError);
}

TEST(Dense, NibblesGiveTheBitsOfBytes) {
  uint64_t seed = 900;
  for (int x_bits : {8, 16})
    for (int y_bits : {8, 16, 32})
      for (int64_t rows : {1, 16, 33, 64, 100})
        for (int64_t cols : {1, 4, 7, 9, 64, 130}) {
          Layer l = random_layer(++seed, rows, cols, x_bits, y_bits);
          for (auto& w : l.weights) w = static_cast<int8_t>(w >> 4);
          for (auto& s : l.scale) s *= 16;
          for (int64_t n : {1, 2, 3, 5, 70}) {
            const auto x = random_input(seed, n * cols, x_bits);
            const auto want = truth(l, x, n);
            for (Isa isa : supported_isas()) {
              const DenseKernel kernel({.rows = rows,
                                        .cols = cols,
                                        .weights = l.weights.data(),
                                        .bias = l.bias.data(),
                                        .scale = l.scale.data(),
                                        .zero_y = l.zero_y,
                                        .x_bits = x_bits,
                                        .y_bits = y_bits,
                                        .weight_bits = 4},
                                       isa);
              EXPECT_EQ(want, run(kernel, x, n)) << isa_name(isa) << ", " << rows << " x " << cols << ", x_bits "
                                                 << x_bits << ", y_bits " << y_bits << ", n " << n;
            }
          }
        }
}

TEST(Dense, NibblesHalveTheStream) {
  const std::vector<int8_t> weights(64 * 64, -8);
  const std::vector<float> scale(64, 1e-3f);
  DenseSpec spec{.rows = 64, .cols = 64, .weights = weights.data(), .scale = scale.data()};
  for (Isa isa : supported_isas()) {
    spec.weight_bits = 8;
    const size_t bytes = DenseKernel(spec, isa).packed_bytes();
    spec.weight_bits = 4;
    EXPECT_EQ(DenseKernel(spec, isa).packed_bytes(), isa == Isa::avx512vnni ? bytes / 2 : bytes) << isa_name(isa);
  }
}

TEST(Dense, LongRowsOfNibblesStayExact) {
  // 16 * 255 * 8 * 70,000 leaves int32: such rows stay bytes.
  for (int64_t cols : {60000, 66000}) {
    Layer l{2, cols, 8, 32};
    l.weights.assign(2 * cols, -8);
    l.bias.assign(2, 77);
    l.scale.assign(2, 1.0f);
    const std::vector<int16_t> x(cols, 127);
    const auto want = truth(l, x, 1);
    for (Isa isa : supported_isas()) {
      const DenseKernel kernel({.rows = 2,
                                .cols = cols,
                                .weights = l.weights.data(),
                                .bias = l.bias.data(),
                                .scale = l.scale.data(),
                                .y_bits = 32,
                                .weight_bits = 4},
                               isa);
      EXPECT_EQ(want, run(kernel, x, 1)) << isa_name(isa) << ", " << cols;
    }
  }
}

TEST(Dense, WeightsLieInTheGivenPool) {
  const auto pool = std::make_shared<LargePages>();
  const Layer l = random_layer(31, 64, 64, 8, 8);
  for (Isa isa : supported_isas()) {
    const size_t before = pool->used();
    const DenseKernel kernel({.rows = l.rows,
                              .cols = l.cols,
                              .weights = l.weights.data(),
                              .bias = l.bias.data(),
                              .scale = l.scale.data(),
                              .zero_y = l.zero_y,
                              .memory = pool},
                             isa);
    EXPECT_GE(pool->used() - before, kernel.packed_bytes()) << isa_name(isa);
    const auto x = random_input(32, 3 * l.cols, 8);
    EXPECT_EQ(truth(l, x, 3), run(kernel, x, 3)) << isa_name(isa);
  }
}

TEST(Dense, TiesRoundToEvenAndHugeResultsSaturate) {
  Layer l = random_layer(3, 40, 31, 8, 8, 128);
  l.zero_y = 5;
  for (float scale : {0.5f, 0x1p20f, 387420489.0f, 1e28f, 0x1p95f, 0x1p-100f, 0x1p-9f}) {
    l.scale.assign(l.rows, scale);
    std::vector<int16_t> x = random_input(4, 16 * l.cols, 3);
    expect_equal_everywhere(l, x, 16, "scale " + std::to_string(scale));
  }
}

TEST(Dense, SixtyFourBitSumsAreExact) {
  for (int y_bits : {8, 16, 32}) {
    Layer wide = random_layer(11, 35, 1100, 16, y_bits);
    for (auto& w : wide.weights) w = static_cast<int8_t>(90 + (w & 31));
    wide.scale.assign(wide.rows, 0x1p-25f);
    std::vector<int16_t> x = random_input(12, 5 * wide.cols, 16);
    for (auto& v : x) v = static_cast<int16_t>(v < 0 ? v : 32767 - (v & 4095));
    EXPECT_EQ(wide.kernel(Isa::scalar).accumulator(), 64);
    expect_equal_everywhere(wide, x, 5, "wide sums");
    Layer biased = random_layer(13, 21, 9, 8, y_bits, int64_t{1} << 40);  // int32 sums, 64-bit bias
    biased.scale.assign(biased.rows, 0x1p-33f);
    EXPECT_EQ(biased.kernel(Isa::scalar).accumulator(), 64);
    expect_equal_everywhere(biased, random_input(14, 3 * 9, 8), 3, "wide bias");
  }
}

TEST(Dense, SumsNextToTheEndOfInt32NeedNoWiderAccumulator) {
  // 127 * 32768 * 516 = 2,147,352,576; the bias fills up to 2^31 - 1.
  for (int sign : {1, -1}) {
    Layer l{17, 516, 16, 32};
    l.weights.assign(l.rows * l.cols, static_cast<int8_t>(-127 * sign));
    l.bias.assign(l.rows, sign * ((int64_t{1} << 31) - 1 - int64_t{127} * 32768 * 516));
    l.scale.assign(l.rows, 1.0f);
    EXPECT_EQ(l.kernel(Isa::scalar).accumulator(), 32);
    expect_equal_everywhere(l, std::vector<int16_t>(l.cols, -32768), 1, "end of int32");
    l.bias[3] += sign;
    EXPECT_EQ(l.kernel(Isa::scalar).accumulator(), 64);
    expect_equal_everywhere(l, std::vector<int16_t>(l.cols, -32768), 1, "one past int32");
  }
}

TEST(Dense, RowsTooLongForInt32PlanesFallBackToTheOracle) {
  Layer l = random_layer(21, 3, 70000, 16, 8);
  for (auto& w : l.weights) w = -128;
  for (Isa isa : supported_isas()) EXPECT_EQ(l.kernel(isa).isa(), Isa::scalar);
  expect_equal_everywhere(l, random_input(22, 70000, 16), 1, "long rows");
}

TEST(Dense, ProvesTheAccumulatorWidthFromTheRealRowSums) {
  const std::vector<int8_t> w{127, -127, 1, 1};
  const std::vector<int64_t> none{0, 0}, large{0, (int64_t{1} << 31) - 256};
  EXPECT_EQ(accumulator_bits(w.data(), 2, 2, none.data(), 8), 32);
  EXPECT_EQ(accumulator_bits(w.data(), 2, 2, nullptr, 16), 32);
  EXPECT_EQ(accumulator_bits(w.data(), 2, 2, large.data(), 8), 64);
  const std::vector<int64_t> past{(int64_t{1} << 53) - 254 * 128, 0};
  EXPECT_THROW(accumulator_bits(w.data(), 2, 2, past.data(), 8), ValueError);
  const std::vector<int64_t> most{(int64_t{1} << 53) - 254 * 128 - 1, 0};
  EXPECT_EQ(accumulator_bits(w.data(), 2, 2, most.data(), 8), 64);
  const std::vector<int64_t> lowest{std::numeric_limits<int64_t>::min(), 0};
  EXPECT_THROW(accumulator_bits(w.data(), 2, 2, lowest.data(), 8), ValueError);
}

TEST(Dense, RefusesWhatItCannotCompute) {
  const auto broken = [](auto change) {
    Layer l = random_layer(1, 2, 2, 8, 8);
    change(l);
    return [l] { l.kernel(Isa::scalar); };
  };
  EXPECT_THROW(broken([](Layer& l) { l.scale[1] = 0x1p96f; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.scale[1] = 0x1p-101f; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.scale[1] = std::nanf(""); })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.scale[0] = -1; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.y_bits = 32, l.scale[0] = INFINITY; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.x_bits = 4; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.y_bits = 12; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.zero_y = 40000; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.rows = 0; })(), ValueError);
  const auto nibbles_refused = [](std::vector<int8_t> weights) {
    const float scale = 1;
    const DenseSpec spec{.rows = 1, .cols = 2, .weights = weights.data(), .scale = &scale, .weight_bits = 4};
    for (Isa isa : supported_isas())
      if (isa == Isa::avx512vnni) {
        EXPECT_THROW(DenseKernel(spec, isa), ValueError) << int{weights[0]};
      }
  };
  nibbles_refused({8, 0});
  nibbles_refused({0, -9});
  const auto raw_refused = [](auto change) {
    const std::vector<int8_t> weights{1, 2};
    const float scale = 1;
    DenseSpec spec{.rows = 1, .cols = 2, .weights = weights.data(), .y_bits = 32, .raw_sums = true};
    DenseKernel accepted(spec);
    change(spec, &scale);
    EXPECT_THROW(DenseKernel{spec}, ValueError);
  };
  raw_refused([](DenseSpec& s, const float*) { s.y_bits = 16; });
  raw_refused([](DenseSpec& s, const float* scale) { s.scale = scale; });
  raw_refused([](DenseSpec& s, const float*) { s.group_size = 1; });
  raw_refused([](DenseSpec& s, const float*) { s.dynamic = true; });
  raw_refused([](DenseSpec& s, const float*) { s.raw_sums = false; });
  std::vector<int16_t> w(1 << 14, 32767);  // 32767 * 32768 * 2^14 = 2^44: fine; with a bias at 2^53 it is not
  const int64_t bias = (int64_t{1} << 53) - (int64_t{32767} << 29);
  EXPECT_EQ(accumulator_bits(w.data(), 1, 1 << 14, nullptr, 16), 64);
  EXPECT_THROW(accumulator_bits(w.data(), 1, 1 << 14, &bias, 16), ValueError);
}

}  // namespace
}  // namespace quantick::kernels
