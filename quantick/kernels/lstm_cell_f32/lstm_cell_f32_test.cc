#include "quantick/kernels/lstm_cell_f32/lstm_cell_f32.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "quantick/core/rng.h"

namespace quantick::kernels {
namespace {

std::vector<float> random(int64_t n, float top, uint64_t seed) {
  std::vector<float> out(static_cast<size_t>(n));
  for (size_t i = 0; i < out.size(); ++i) out[i] = top * static_cast<float>(2 * Key(seed).uniform(i) - 1);
  return out;
}

struct Result {
  std::vector<float> gates, c, h, copy, dc, dgates, dbias;
  bool operator==(const Result&) const = default;
};

constexpr int64_t kRows = 3;

Result run(int64_t units, Isa isa) {
  const int64_t stride = units + 5;
  Result r{random(kRows * 4 * units, 6, 1),
           std::vector<float>(static_cast<size_t>(kRows * units)),
           std::vector<float>(static_cast<size_t>(kRows * units)),
           std::vector<float>(static_cast<size_t>(kRows * stride), 9.0f),
           random(kRows * units, 1, 4),
           std::vector<float>(static_cast<size_t>(kRows * 4 * units)),
           random(4 * units, 1, 5)};
  const auto bias = random(4 * units, 1, 2), before = random(kRows * units, 3, 3), dy = random(kRows * units, 1, 6);
  const auto dh = random(kRows * stride, 1, 7);
  lstm_cell_forward({kRows, units, r.gates.data(), nullptr, bias.data(), before.data(), r.c.data(), r.h.data(), units,
                     r.copy.data(), stride},
                    isa);
  lstm_cell_backward({kRows, units, r.gates.data(), before.data(), r.c.data(), dy.data(), units, dh.data(), stride,
                      r.dc.data(), r.dgates.data(), r.dbias.data()},
                     isa);
  return r;
}

TEST(LstmCellF32, EveryInstructionSetGivesTheOraclesBits) {
  for (const int64_t units : {1, 7, 8, 16, 19, 64})
    for (const Isa isa : supported_isas())
      EXPECT_TRUE(run(units, isa) == run(units, Isa::scalar)) << isa_name(isa) << ", " << units << " units";
}

TEST(LstmCellF32, IsTheCellEquation) {
  const int64_t units = 19;
  const Result r = run(units, Isa::scalar);
  const auto p = random(kRows * 4 * units, 6, 1), bias = random(4 * units, 1, 2), before = random(kRows * units, 3, 3);
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  for (int64_t row = 0; row < kRows; ++row)
    for (int64_t j = 0; j < units; ++j) {
      const auto gate = [&](int64_t g) {
        return static_cast<double>(p[static_cast<size_t>((row * 4 + g) * units + j)]) +
               bias[static_cast<size_t>(g * units + j)];
      };
      const auto at = static_cast<size_t>(row * units + j);
      const double c = sigmoid(gate(1)) * before[at] + sigmoid(gate(0)) * std::tanh(gate(2));
      EXPECT_NEAR(r.c[at], c, 3e-6);
      EXPECT_NEAR(r.h[at], sigmoid(gate(3)) * std::tanh(c), 3e-6);
      EXPECT_EQ(r.copy[static_cast<size_t>(row * (units + 5) + j)], r.h[at]);
    }
  EXPECT_EQ(r.copy[static_cast<size_t>(units)], 9.0f) << "written past the row";
}

TEST(LstmCellF32, ProductsOfHEnterBeforeTheBias) {
  for (const int64_t units : {3, 16, 19})
    for (const Isa isa : supported_isas()) {
      const auto px = random(4 * units, 3, 1), ph = random(4 * units, 3, 2), bias = random(4 * units, 1, 3);
      const auto before = random(units, 3, 4);
      std::vector<float> apart(px), joined(px), c(static_cast<size_t>(units)), h(c), c_joined(c), h_joined(c);
      for (size_t i = 0; i < joined.size(); ++i) joined[i] += ph[i];
      lstm_cell_forward({1, units, apart.data(), ph.data(), bias.data(), before.data(), c.data(), h.data()}, isa);
      lstm_cell_forward(
          {1, units, joined.data(), nullptr, bias.data(), before.data(), c_joined.data(), h_joined.data()}, isa);
      EXPECT_EQ(apart, joined) << isa_name(isa);
      EXPECT_EQ(c, c_joined) << isa_name(isa);
      EXPECT_EQ(h, h_joined) << isa_name(isa);
    }
}

TEST(LstmCellF32, BiasGradientIsTheSumOfTheRows) {
  const int64_t units = 16;
  const Result r = run(units, active_isa());
  const auto start = random(4 * units, 1, 5);
  for (int64_t j = 0; j < 4 * units; ++j) {
    float sum = start[static_cast<size_t>(j)];
    for (int64_t row = 0; row < kRows; ++row) sum += r.dgates[static_cast<size_t>(row * 4 * units + j)];
    EXPECT_EQ(r.dbias[static_cast<size_t>(j)], sum);
  }
}

}  // namespace
}  // namespace quantick::kernels
