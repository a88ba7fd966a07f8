#include "quantick/kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/kernels/exp/exp.h"

namespace quantick::kernels {
namespace {

struct Case {
  int64_t keys, width, value_width;
  int32_t top_score, top_value;
};

std::vector<int16_t> codes(int64_t n, int32_t top, Key key) {
  std::vector<int16_t> v(n);
  for (int64_t i = 0; i < n; ++i)
    v[i] = static_cast<int16_t>(std::floor(key.uniform(i) * (2 * top + 1)) - static_cast<double>(top));
  return v;
}

TEST(Attention, IntegerFormIsTheFormulaOnEveryInstructionSetAndForAnySplit) {
  for (const Case& c : {Case{1, 1, 1, 255, 255}, Case{7, 8, 8, 255, 255}, Case{60, 16, 20, 255, 255},
                        Case{600, 33, 17, 255, 255}, Case{300, 64, 37, 32767, 32767}, Case{5, 19, 3, 32767, 255}}) {
    const Key key = Key(9).fold(static_cast<uint64_t>(c.keys));
    const auto q = codes(c.width, c.top_score, key.fold("q")), k = codes(c.keys * c.width, c.top_score, key.fold("k"));
    const auto v = codes(c.keys * c.value_width, c.top_value, key.fold("v"));
    std::vector<uint8_t> attended(c.keys, 1);
    for (int64_t j = 0; j < c.keys; j += 3) attended[j] = j % 2;
    attended[c.keys - 1] = 1;
    const float scale = 3.0f / (static_cast<float>(c.top_score) * static_cast<float>(c.top_score));
    const float slope = c.keys % 2 == 0 ? 0.01f : 0.0f;
    const AttentionHead head{c.width, c.value_width, c.width,           c.value_width,
                             scale,   slope,         c.top_score > 255, c.top_value > 255};
    for (const bool masked : {false, true}) {
      std::vector<float> p(c.keys, -INFINITY), e(c.keys), want(c.value_width);
      for (int64_t j = 0; j < c.keys; ++j) {
        if (masked && !attended[j]) continue;
        int64_t sum = 0;
        for (int64_t i = 0; i < c.width; ++i) sum += int64_t{q[i]} * k[j * c.width + i];
        const float score = static_cast<float>(sum) * scale;
        p[j] = score - slope * static_cast<float>(c.keys - 1 - j);
      }
      const float top = *std::max_element(p.begin(), p.end());
      for (int64_t j = 0; j < c.keys; ++j) e[j] = p[j] - top;
      exp_f32(e.data(), e.data(), c.keys, Isa::scalar);
      int64_t weights = 0;
      for (float& w : e) weights += static_cast<int64_t>(w = std::rint(w * (c.top_value > 255 ? 0x1p22f : 32767.0f)));
      for (int64_t d = 0; d < c.value_width; ++d) {
        int64_t sum = 0;
        for (int64_t j = 0; j < c.keys; ++j) sum += static_cast<int64_t>(e[j]) * v[j * c.value_width + d];
        want[d] = static_cast<float>(sum) / static_cast<float>(weights);
      }
      for (const Isa isa : supported_isas())
        for (const int64_t cut : {c.keys, c.keys / 2, int64_t{0}}) {
          const AttentionRun<int16_t> runs[2] = {{k.data(), v.data(), masked ? attended.data() : nullptr, cut},
                                                 {k.data() + cut * c.width, v.data() + cut * c.value_width,
                                                  masked ? attended.data() + cut : nullptr, c.keys - cut}};
          std::vector<float> scores(c.keys), y(c.value_width + 1, 7.0f);
          std::vector<int32_t> weight(c.keys);
          attend_s16(head, q.data(), runs, 2, scores.data(), weight.data(), y.data(), isa);
          EXPECT_EQ(y.back(), 7.0f) << "wrote past the end";
          y.pop_back();
          EXPECT_EQ(y, want) << isa_name(isa) << ", " << c.keys << " keys, cut " << cut;
        }
    }
  }
}

TEST(Attention, FloatFormHasTheSameBitsOnEveryInstructionSetAndForAnySplit) {
  for (const Case& c : {Case{1, 1, 1, 1, 1}, Case{7, 8, 9, 1, 1}, Case{60, 16, 20, 1, 1}, Case{300, 37, 35, 1, 1}}) {
    const Key key = Key(9).fold(static_cast<uint64_t>(c.keys));
    const auto normal = [&](const char* name, int64_t n) {
      std::vector<float> x(n);
      for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(key.fold(name).normal(i));
      return x;
    };
    const auto q = normal("q", c.width), k = normal("k", c.keys * c.width), v = normal("v", c.keys * c.value_width);
    const AttentionHead head{c.width, c.value_width, c.width, c.value_width, 0.3f, 0.02f};
    std::vector<double> e(c.keys);
    double total = 0;
    for (int64_t j = 0; j < c.keys; ++j) {
      double sum = 0;
      for (int64_t i = 0; i < c.width; ++i) sum += static_cast<double>(q[i]) * k[j * c.width + i];
      total += e[j] = std::exp(sum * 0.3 - 0.02 * static_cast<double>(c.keys - 1 - j));
    }
    std::vector<float> want(c.value_width), p(c.keys);
    const AttentionRun<float> whole{k.data(), v.data(), nullptr, c.keys};
    attend_f32(head, q.data(), &whole, 1, p.data(), want.data(), Isa::scalar);
    for (int64_t d = 0; d < c.value_width; ++d) {
      double sum = 0;
      for (int64_t j = 0; j < c.keys; ++j) sum += e[j] / total * v[j * c.value_width + d];
      EXPECT_NEAR(want[d], sum, 2e-6);
    }
    for (const Isa isa : supported_isas())
      for (const int64_t cut : {c.keys, c.keys / 2, int64_t{0}}) {
        const AttentionRun<float> runs[2] = {
            {k.data(), v.data(), nullptr, cut},
            {k.data() + cut * c.width, v.data() + cut * c.value_width, nullptr, c.keys - cut}};
        std::vector<float> y(c.value_width);
        attend_f32(head, q.data(), runs, 2, p.data(), y.data(), isa);
        EXPECT_EQ(y, want) << isa_name(isa) << ", " << c.keys << " keys, cut " << cut;
      }
  }
}

TEST(Attention, KeysThatDoNotCountMayHoldNaNAndNoKeyGivesZero) {
  const std::vector<float> q = {1, 2}, k = {1, 0, NAN, NAN}, v = {3, 4, NAN, NAN};
  const AttentionHead head{2, 2, 2, 2, 1.0f};
  for (const Isa isa : supported_isas()) {
    std::vector<float> p(2), y(2);
    std::vector<uint8_t> attended = {1, 0};
    AttentionRun<float> run{k.data(), v.data(), attended.data(), 2};
    attend_f32(head, q.data(), &run, 1, p.data(), y.data(), isa);
    EXPECT_EQ(y, (std::vector<float>{3, 4}));
    attended[0] = 0;
    attend_f32(head, q.data(), &run, 1, p.data(), y.data(), isa);
    EXPECT_EQ(y, (std::vector<float>{0, 0}));
  }
}

}  // namespace
}  // namespace quantick::kernels
