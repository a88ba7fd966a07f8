#include "quantick/kernels/gru_cell_f32/gru_cell_f32.h"

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

constexpr int64_t kRows = 3;

struct Result {
  std::vector<float> gates, inner, h, copy, dh, d, dbias;
  bool operator==(const Result&) const = default;
};

std::vector<float> zeros(int64_t n) { return std::vector<float>(static_cast<size_t>(n)); }

Result run(int64_t units, Isa isa) {
  const int64_t stride = units + 5;
  Result r{random(kRows * 3 * units, 6, 1),
           zeros(kRows * units),
           zeros(kRows * units),
           std::vector<float>(static_cast<size_t>(kRows * stride), 9.0f),
           random(kRows * units, 1, 4),
           zeros(kRows * 4 * units),
           random(4 * units, 1, 5)};
  const auto ph = random(kRows * 3 * units, 6, 2), bias = random(3 * units, 1, 3), inner = random(units, 1, 6);
  const auto before = random(kRows * stride, 1, 7), dy = random(kRows * units, 1, 8);
  gru_cell_forward({kRows, units, r.gates.data(), ph.data(), bias.data(), inner.data(), before.data(), stride,
                    r.inner.data(), r.h.data(), r.copy.data(), stride},
                   isa);
  gru_cell_backward({kRows, units, r.gates.data(), r.inner.data(), before.data(), stride, dy.data(), r.dh.data(),
                     r.d.data(), r.dbias.data()},
                    isa);
  return r;
}

TEST(GruCellF32, EveryInstructionSetGivesTheOraclesBits) {
  for (const int64_t units : {1, 7, 8, 16, 19, 64})
    for (const Isa isa : supported_isas())
      EXPECT_TRUE(run(units, isa) == run(units, Isa::scalar)) << isa_name(isa) << ", " << units << " units";
}

TEST(GruCellF32, IsTheCellEquation) {
  const int64_t units = 19, stride = units + 5;
  const Result r = run(units, Isa::scalar);
  const auto px = random(kRows * 3 * units, 6, 1), ph = random(kRows * 3 * units, 6, 2), bias = random(3 * units, 1, 3);
  const auto inner = random(units, 1, 6), before = random(kRows * stride, 1, 7);
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  for (int64_t row = 0; row < kRows; ++row)
    for (int64_t j = 0; j < units; ++j) {
      const auto at = [&](const std::vector<float>& p, int64_t gate) {
        return static_cast<double>(p[static_cast<size_t>((row * 3 + gate) * units + j)]);
      };
      const auto b = [&](int64_t gate) { return static_cast<double>(bias[static_cast<size_t>(gate * units + j)]); };
      const double reset = sigmoid(at(px, 0) + at(ph, 0) + b(0)), update = sigmoid(at(px, 1) + at(ph, 1) + b(1));
      const double n = std::tanh(at(px, 2) + b(2) + reset * (at(ph, 2) + inner[static_cast<size_t>(j)]));
      const double h = (1 - update) * n + update * before[static_cast<size_t>(row * stride + j)];
      EXPECT_NEAR(r.h[static_cast<size_t>(row * units + j)], h, 3e-6);
      EXPECT_EQ(r.copy[static_cast<size_t>(row * stride + j)], r.h[static_cast<size_t>(row * units + j)]);
    }
  EXPECT_EQ(r.copy[static_cast<size_t>(units)], 9.0f) << "written past the row";
}

TEST(GruCellF32, BiasGradientIsTheSumOfTheRows) {
  const int64_t units = 16;
  const Result r = run(units, active_isa());
  const auto start = random(4 * units, 1, 5);
  for (int64_t j = 0; j < 4 * units; ++j) {
    float sum = start[static_cast<size_t>(j)];
    for (int64_t row = 0; row < kRows; ++row) sum += r.d[static_cast<size_t>(row * 4 * units + j)];
    EXPECT_EQ(r.dbias[static_cast<size_t>(j)], sum);
  }
}

}  // namespace
}  // namespace quantick::kernels
