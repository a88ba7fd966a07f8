// Groups of columns with a scale each, weights of up to 16 bits, and scales per sample.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/kernels/dense/dense.h"
#include "quantick/kernels/dense/dense_test_data.h"

namespace quantick::kernels {
namespace {

/// Weights of up to 16 bits, scales per group, float32 biases; `dynamic` codes have a scale per sample.
struct RealLayer {
  int64_t rows, cols, group_size;  // 0: one scale per row
  int x_bits = 8, y_bits = 8;
  int32_t zero_x = 0, zero_y = 0;
  bool wide_weights = false, dynamic = false;
  std::vector<int16_t> weights;
  std::vector<int8_t> narrow;
  std::vector<int64_t> bias;  // without groups and not dynamic
  std::vector<float> scale, bias_real;

  int64_t size() const { return group_size > 0 ? group_size : cols; }
  int64_t groups() const { return (cols + size() - 1) / size(); }
  bool integer_bias() const { return group_size == 0 && !dynamic; }

  DenseKernel kernel(Isa isa) const {
    return DenseKernel({.rows = rows,
                        .cols = cols,
                        .weights = wide_weights ? nullptr : narrow.data(),
                        .weights16 = wide_weights ? weights.data() : nullptr,
                        .bias = integer_bias() ? bias.data() : nullptr,
                        .scale = scale.data(),
                        .zero_y = zero_y,
                        .x_bits = x_bits,
                        .y_bits = y_bits,
                        .group_size = group_size,
                        .zero_x = zero_x,
                        .dynamic = dynamic,
                        .bias_real = integer_bias() ? nullptr : bias_real.data()},
                       isa);
  }

  /// Row r of one sample, before rounding: exact sums, then float32 steps in the contract's order.
  float value(const int16_t* x, int64_t r, float factor) const {
    float t = 0;
    for (int64_t g = 0; g < groups(); ++g) {
      __int128 sum = integer_bias() ? bias[r] : 0;
      for (int64_t k = g * size(); k < std::min(cols, (g + 1) * size()); ++k)
        sum += __int128{weights[r * cols + k]} * (x[k] - zero_x);
      const float s = dynamic ? factor * scale[r * groups() + g] : scale[r * groups() + g];
      const float term = static_cast<float>(static_cast<int64_t>(sum)) * s;
      t = g == 0 ? term : t + term;
    }
    return integer_bias() ? t : t + bias_real[r];
  }
};

RealLayer random_real_layer(uint64_t seed, int64_t rows, int64_t cols, int64_t group_size, int x_bits, int y_bits,
                            bool wide_weights, bool dynamic = false) {
  RealLayer l{rows, cols, group_size, x_bits, y_bits};
  const Key key = Key(seed).fold("dense groups");
  l.wide_weights = wide_weights, l.dynamic = dynamic;
  const int64_t top = wide_weights ? 32767 : 127;
  if (y_bits != 32) l.zero_y = static_cast<int32_t>(between(key.fold("zero"), 0, -128, 127));
  if (group_size > 0 && !dynamic) l.zero_x = static_cast<int32_t>(between(key.fold("zero"), 1, -128, 127));
  for (int64_t i = 0; i < rows * cols; ++i)
    l.weights.push_back(static_cast<int16_t>(between(key.fold("weights"), i, -top, top)));
  l.narrow.assign(l.weights.begin(), l.weights.end());
  const double size = std::ldexp(1.0, x_bits - 2) * static_cast<double>(top) * std::sqrt(static_cast<double>(cols));
  const double range = std::ldexp(1.0, std::min(y_bits, 16) - 1);
  for (int64_t r = 0; r < rows; ++r) {
    l.bias.push_back(between(key.fold("bias"), r, -20000, 20000));
    l.bias_real.push_back(static_cast<float>(range * 0.1 * key.fold("bias").normal(r)));
  }
  for (int64_t i = 0; i < rows * l.groups(); ++i)
    l.scale.push_back(static_cast<float>((0.1 + key.fold("scale").uniform(i)) * range / size));
  return l;
}

std::vector<char> truth(const RealLayer& l, const std::vector<int16_t>& x, int64_t n, const float* row_scale) {
  std::vector<char> y(n * l.rows * l.y_bits / 8 + 1, 0x5a);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t r = 0; r < l.rows; ++r) {
      const float v = l.value(x.data() + i * l.cols, r, row_scale ? row_scale[i] : 1);
      char* out = y.data() + (i * l.rows + r) * l.y_bits / 8;
      const double limit = std::ldexp(1.0, l.y_bits - 1);
      const double rounded = std::nearbyint(double{v}) + l.zero_y;
      const auto q = static_cast<int16_t>(std::fmin(std::fmax(rounded, -limit), limit - 1));
      std::memcpy(out, l.y_bits == 32 ? static_cast<const void*>(&v) : &q, l.y_bits / 8);
    }
  return y;
}

TEST(DenseGroups, GroupsAndWideWeightsGiveTheContractsBits) {
  uint64_t seed = 0;
  for (int64_t group_size : {0, 1, 3, 8, 32, 64, 100})
    for (bool wide_weights : {false, true})
      for (int x_bits : {8, 16})
        for (int y_bits : {8, 16, 32})
          for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{1, 1}, {17, 33}, {40, 64}, {5, 259}}) {
            const RealLayer l = random_real_layer(++seed, rows, cols, group_size, x_bits, y_bits, wide_weights);
            const int64_t n = 1 + static_cast<int64_t>(seed % 5);
            const auto x = random_input(seed, n * cols, x_bits);
            const auto want = truth(l, x, n, nullptr);
            for (Isa isa : supported_isas())
              EXPECT_EQ(want, run(l.kernel(isa), x, n))
                  << isa_name(isa) << ", group " << group_size << ", wide " << wide_weights << ", x_bits " << x_bits
                  << ", y_bits " << y_bits << ", " << rows << " x " << cols;
          }
}

TEST(DenseGroups, AMillionGroupWiseAndDynamicOutputsAgreeInEveryBit) {
  const int64_t n = 4000;
  for (bool dynamic : {false, true}) {
    const RealLayer l = random_real_layer(99, 131, 70, 32, 8, dynamic ? 32 : 8, false, dynamic);
    const auto codes = random_input(5, n * l.cols, 8);
    std::vector<float> x(codes.begin(), codes.end());
    const auto outputs = [&](Isa isa) {
      const DenseKernel kernel = l.kernel(isa);
      if (!dynamic) return run(kernel, codes, n);
      std::vector<char> y(n * l.rows * sizeof(float));
      std::vector<float> scratch(kernel.scratch_bytes() / sizeof(float));
      kernel.run_dynamic(x.data(), n, reinterpret_cast<float*>(y.data()), scratch.data());
      return y;
    };
    const auto want = outputs(Isa::scalar);
    for (Isa isa : supported_isas()) EXPECT_TRUE(want == outputs(isa)) << isa_name(isa) << dynamic;
  }
}

TEST(DenseGroups, OneGroupOfAllColumnsIsOneScalePerRow) {
  RealLayer l = random_real_layer(5, 19, 45, 0, 8, 32, false);
  l.bias.assign(l.rows, 0);
  l.bias_real.assign(l.rows, 0);
  const auto x = random_input(6, 7 * l.cols, 8);
  const auto whole = run(l.kernel(active_isa()), x, 7);
  l.group_size = 64;
  EXPECT_EQ(whole, run(l.kernel(active_isa()), x, 7));
}

TEST(DenseGroups, DynamicRowsHaveTheirOwnScale) {
  uint64_t seed = 100;
  for (int64_t group_size : {0, 16})
    for (bool wide_weights : {false, true})
      for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{1, 1}, {17, 33}, {70, 129}})
        for (int64_t n : {1, 5, 131}) {
          const RealLayer l = random_real_layer(++seed, rows, cols, group_size, 8, 32, wide_weights, true);
          const Key key = Key(seed).fold("dynamic");
          std::vector<float> x(n * cols), scales(n);
          std::vector<int16_t> codes(n * cols);
          for (int64_t i = 0; i < n * cols; ++i)
            x[i] = static_cast<float>(std::ldexp(key.normal(i), static_cast<int>(i / cols % 40 - 20)));
          if (n > 1) std::fill_n(x.begin() + cols, cols, 0.0f);  // a row of zeros
          for (int64_t i = 0; i < n; ++i) {
            float top = 0;
            for (int64_t k = 0; k < cols; ++k) top = std::max(top, std::abs(x[i * cols + k]));
            scales[i] = top == 0 ? 1 : top / 127;
            for (int64_t k = 0; k < cols; ++k) {
              const double q = std::nearbyint(double{x[i * cols + k] / scales[i]});
              codes[i * cols + k] = static_cast<int16_t>(std::fmin(std::fmax(q, -127), 127));
            }
          }
          const auto bytes = truth(l, codes, n, scales.data());
          std::vector<float> want(n * rows), got(n * rows), given(n * rows), coded(n * rows);
          std::memcpy(want.data(), bytes.data(), want.size() * sizeof(float));
          const std::vector<int8_t> narrow(codes.begin(), codes.end());
          for (Isa isa : supported_isas()) {
            const DenseKernel kernel = l.kernel(isa);
            std::vector<float> scratch(kernel.scratch_bytes() / sizeof(float));
            kernel.run_dynamic(x.data(), n, got.data(), scratch.data());
            EXPECT_EQ(want, got) << isa_name(isa) << ", group " << group_size << ", " << rows << " x " << cols;
            kernel.run_scaled(x.data(), scales.data(), n, given.data(), scratch.data());
            EXPECT_EQ(want, given) << isa_name(isa);
            kernel.run_codes(narrow.data(), scales.data(), n, coded.data(), scratch.data());
            EXPECT_EQ(want, coded) << isa_name(isa);
            std::vector<float> one(rows);
            kernel.run_dynamic(x.data() + (n - 1) * cols, 1, one.data(), scratch.data());
            EXPECT_TRUE(std::equal(one.begin(), one.end(), got.end() - rows)) << "the last row alone";
          }
        }
}

TEST(DenseGroups, ValuesBeyondAGivenScaleSaturate) {
  RealLayer l = random_real_layer(3, 2, 2, 0, 8, 32, false, true);
  l.narrow = {1, 0, 0, 1};
  l.scale = {1, 1};
  l.bias_real = {0.25f, 0};
  const DenseKernel kernel = l.kernel(active_isa());
  std::vector<float> scratch(kernel.scratch_bytes() / sizeof(float)), y(2);
  const std::vector<float> x{3.0f, -3.0f}, scale{0.015625f};
  kernel.run_scaled(x.data(), scale.data(), 1, y.data(), scratch.data());
  EXPECT_EQ(y, (std::vector<float>{127 * 0.015625f + 0.25f, -127 * 0.015625f}));
}

TEST(DenseGroups, RefusesWhatItCannotCompute) {
  const auto refused = [](auto change) {
    RealLayer l = random_real_layer(1, 2, 4, 2, 8, 8, false);
    const std::vector<int64_t> none(l.rows, 0);
    DenseSpec spec{.rows = l.rows,
                   .cols = l.cols,
                   .weights = l.narrow.data(),
                   .scale = l.scale.data(),
                   .group_size = l.group_size,
                   .bias_real = l.bias_real.data()};
    DenseKernel accepted(spec);
    change(spec, l, none.data());
    EXPECT_THROW(DenseKernel{spec}, ValueError);
  };
  refused([](DenseSpec& s, RealLayer&, const int64_t* none) { s.bias = none; });  // integer bias of groups
  refused([](DenseSpec& s, RealLayer&, const int64_t*) { s.group_size = 0; });    // float32 bias without groups
  refused([](DenseSpec& s, RealLayer&, const int64_t*) { s.group_size = -1; });
  refused([](DenseSpec& s, RealLayer& l, const int64_t*) { s.weights16 = l.weights.data(); });  // two weights
  refused([](DenseSpec&, RealLayer& l, const int64_t*) { l.scale[3] = 0; });                    // a group's scale
  refused([](DenseSpec& s, RealLayer&, const int64_t*) { s.dynamic = true; });                  // to 8 bits
  refused([](DenseSpec& s, RealLayer&, const int64_t*) { s.dynamic = true, s.y_bits = 32, s.zero_x = 1; });
  refused([](DenseSpec& s, RealLayer&, const int64_t*) { s.weight_bits = 5; });
}

}  // namespace
}  // namespace quantick::kernels
