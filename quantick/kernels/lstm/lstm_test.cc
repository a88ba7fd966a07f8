#include "quantick/kernels/lstm/lstm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/kernels/activation/pieces.h"

namespace quantick::kernels {
namespace {

struct Layer {
  int64_t inputs, units;
  int x_bits = 8;
  std::vector<int8_t> wx, wh;
  std::vector<int64_t> bx;
  std::vector<float> sx, sh;
  std::array<int, 4> gate_bits{24, 24, 24, 24};
  int cell_bits = 24;
  float cell_top = 1;
  int h_bits = 16;

  LstmSpec spec() const {
    return {inputs,    units,     x_bits,    wx.data(), wh.data(), bx.data(),
            sx.data(), sh.data(), gate_bits, cell_bits, cell_top,  h_bits};
  }
};

/// Random weights; `gain` is the size of the pre-activations, `forget` is added to the forget gate.
Layer random_layer(uint64_t seed, int64_t inputs, int64_t units, double gain = 1, double forget = 1, int x_bits = 8,
                   int h_bits = 16) {
  Layer l{inputs, units, x_bits};
  l.h_bits = h_bits;
  const Key key = Key(seed).fold("lstm test");
  const auto byte = [&](const char* name, int64_t i) {
    return static_cast<int8_t>(static_cast<int64_t>(key.fold(name).below(i, 255)) - 127);
  };
  for (int64_t i = 0; i < 4 * units * inputs; ++i) l.wx.push_back(byte("wx", i));
  for (int64_t i = 0; i < 4 * units * units; ++i) l.wh.push_back(byte("wh", i));
  for (int64_t r = 0; r < 4 * units; ++r) {
    const double spread = gain * (0.5 + key.fold("scale").uniform(r));
    l.sx.push_back(static_cast<float>(spread / (64 * std::ldexp(1.0, x_bits - 2) * std::sqrt(inputs))));
    l.sh.push_back(static_cast<float>(spread / (64 * std::ldexp(1.0, h_bits - 2) * std::sqrt(units))));
    const double bias = key.fold("bias").normal(r) + (r / units == 1 ? forget : 0);
    l.bx.push_back(std::llround(bias / l.sx.back()));
  }
  return l;
}

struct State {
  std::vector<int16_t> h;
  std::vector<float> c;
  bool operator==(const State& o) const {
    return h == o.h && c.size() == o.c.size() && std::memcmp(c.data(), o.c.data(), 4 * c.size()) == 0;
  }
};

State zero_state(const Layer& l, int64_t n) {
  return {std::vector<int16_t>(n * l.units), std::vector<float>(n * l.units)};
}

/// Input bytes of `rows` rows, in the layer's width.
std::vector<char> random_input(const Layer& l, int64_t rows, uint64_t seed) {
  const Key key = Key(seed).fold("lstm input");
  std::vector<char> x(rows * l.inputs * l.x_bits / 8);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<char>(key.bits(i));
  return x;
}

int64_t row_bytes(const Layer& l) { return l.inputs * l.x_bits / 8; }

/// Section 4 of the contract, one unit at a time, with 64-bit sums; independent of the kernels but for the activations.
void truth_step(const Layer& l, const char* x, int16_t* h, float* c) {
  std::vector<int16_t> before(h, h + l.units);
  const auto narrow = [](float v, int bits, float top) {
    if (bits >= 24) return v;
    const double limit = std::ldexp(1.0, bits - 1) - 1;
    const float up = v * static_cast<float>(std::ldexp(1.0, bits - 1) / top);
    const double q = std::fmin(std::fmax(std::nearbyint(double{up}), -limit), limit);
    return static_cast<float>(static_cast<int64_t>(q)) * static_cast<float>(top * std::ldexp(1.0, 1 - bits));
  };
  for (int64_t u = 0; u < l.units; ++u) {
    float p[4];
    for (int gate = 0; gate < 4; ++gate) {
      const int64_t r = gate * l.units + u;
      int64_t ax = l.bx[r], ah = 0;
      for (int64_t k = 0; k < l.inputs; ++k) {
        int16_t input = static_cast<int8_t>(x[k]);
        if (l.x_bits == 16) std::memcpy(&input, x + 2 * k, 2);
        ax += int{l.wx[r * l.inputs + k]} * int64_t{input};
      }
      for (int64_t k = 0; k < l.units; ++k) {
        const int view = l.h_bits == 16 ? before[k] : std::min((before[k] + 128) >> 8, 127);
        ah += int{l.wh[r * l.units + k]} * int64_t{view};
      }
      const float first = static_cast<float>(ax) * l.sx[r];
      const float second = static_cast<float>(ah) * l.sh[r];
      p[gate] = first + second;
    }
    const float i = narrow(sigmoid1(p[0]), l.gate_bits[0], 1), f = narrow(sigmoid1(p[1]), l.gate_bits[1], 1);
    const float g = narrow(tanh1(p[2]), l.gate_bits[2], 1), o = narrow(sigmoid1(p[3]), l.gate_bits[3], 1);
    const float kept = f * c[u];
    const float added = i * g;
    const float state = narrow(kept + added, l.cell_bits, l.cell_top);
    c[u] = std::fabs(state) >= 0x1p-64f ? state : 0.0f;
    const double q = std::nearbyint(double{(o * tanh1(c[u])) * 32768.0f});
    h[u] = static_cast<int16_t>(std::fmin(std::fmax(q, -32767), 32767));
  }
}

std::vector<char> scratch_of(const LstmKernel& kernel) { return std::vector<char>(kernel.scratch_bytes()); }

/// Steps of every instruction set against the truth, for n rows; returns the number of row steps compared.
int64_t expect_truth(const Layer& l, int64_t steps, int64_t n, const std::string& what) {
  State want = zero_state(l, n);
  std::vector<LstmKernel> kernels;
  std::vector<State> got;
  std::vector<std::vector<char>> scratch;
  for (Isa isa : supported_isas()) {
    kernels.emplace_back(l.spec(), isa);
    got.push_back(want);
    scratch.push_back(scratch_of(kernels.back()));
  }
  for (int64_t t = 0; t < steps; ++t) {
    const auto x = random_input(l, n, static_cast<uint64_t>(t) / 3);  // each input three times: cells grow
    for (int64_t i = 0; i < n; ++i)
      truth_step(l, x.data() + i * row_bytes(l), want.h.data() + i * l.units, want.c.data() + i * l.units);
    for (size_t k = 0; k < kernels.size(); ++k) {
      kernels[k].step(x.data(), got[k].h.data(), got[k].c.data(), n, scratch[k].data());
      if (got[k] == want) continue;
      ADD_FAILURE() << what << ": step " << t << " differs on " << isa_name(kernels[k].isa()) << ", units " << l.units;
      return t * n;
    }
  }
  return steps * n;
}

TEST(Lstm, EveryInstructionSetGivesTheContractsBitsForAllSizes) {
  for (int64_t units : {1, 3, 8, 15, 16, 17, 33, 65})
    for (int64_t inputs : {1, 5, 16, 33})
      for (int x_bits : {8, 16})
        for (int h_bits : {8, 16})
          expect_truth(random_layer(units * 100 + inputs, inputs, units, 2, 1, x_bits, h_bits), 9, 1 + units % 3,
                       "size");
}

TEST(Lstm, EveryNumberOfUnitsAndRowsAgrees) {
  for (int64_t units = 1; units <= 65; ++units)
    expect_truth(random_layer(units, units, units, 2, 1, units % 2 ? 8 : 16, units % 3 ? 16 : 8), 4, 1, "units");
  for (int64_t n = 1; n <= 66; ++n)
    expect_truth(random_layer(n, 9, 35, 2, 1, n % 2 ? 8 : 16, n % 3 ? 16 : 8), 3, n, "rows");
  expect_truth(random_layer(7, 30, 100, 2, 1, 16, 16), 6, 3, "three rows");
}

/// Weights of 4 bits, which have a packing of their own.
TEST(Lstm, CodesOfFourBitsAgree) {
  for (int64_t units : {1, 16, 33, 100})
    for (int64_t n : {1, 2, 5})
      for (int bits : {8, 16}) {
        Layer l = random_layer(units, units + 3, units, 2, 1, bits, bits);
        for (auto* w : {&l.wx, &l.wh})
          for (auto& code : *w) code = static_cast<int8_t>(code >> 4);
        for (auto* scales : {&l.sx, &l.sh})
          for (float& s : *scales) s *= 16;
        const LstmKernel packed(l.spec());
        l.wh[0] = 8;  // one weight more than 4 bits hold
        const LstmKernel wide(l.spec());
        l.wh[0] = -8;
        if (packed.isa() == Isa::avx512vnni) {
          EXPECT_LT(packed.packed_bytes(), wide.packed_bytes());
        }
        expect_truth(l, 6, n, "4 bits");
        if (bits == 16) l.bx[0] = int64_t{1} << 40;  // 64-bit sums
        expect_truth(l, 3, n, "4 bits, wide");
      }
  Layer many = random_layer(4, 140001, 1);  // more columns than sums of 16-fold codes have room for
  std::fill(many.wx.begin(), many.wx.end(), int8_t{-8});
  expect_truth(many, 3, 1, "4 bits, many columns");
}

TEST(Lstm, AHundredThousandStepsAgreeInEveryBit) {
  int64_t compared = 0;
  for (double forget : {-1.0, 1.0, 7.0})
    compared += expect_truth(random_layer(17, 3, 4, 1.5, forget), 1500, 25, "long run");
  EXPECT_GE(compared, 100000);
}

TEST(Lstm, NarrowGatesAndCellsFollowTheContract) {
  for (int bits : {2, 4, 8, 12, 16, 23}) {
    Layer l = random_layer(bits, 6, 19, 3);
    l.gate_bits = {bits, 24, bits, std::min(bits + 1, 24)};
    l.cell_bits = bits;
    l.cell_top = bits % 4 ? 0.5f : 2.0f;
    expect_truth(l, 30, 2, "narrow " + std::to_string(bits));
  }
}

TEST(Lstm, PreActivationsFarPastTheRangeAndWideSums) {
  expect_truth(random_layer(5, 6, 16, 1000, 9), 30, 2, "large gain");
  Layer wide = random_layer(6, 700, 5, 1, 1, 16);
  for (auto& w : wide.wx) w = w < 0 ? static_cast<int8_t>(-128) : int8_t{127};
  expect_truth(wide, 12, 3, "64-bit sums");
  for (auto& s : wide.sx) s = 0x1p70f;
  for (auto& s : wide.sh) s = 0x1p70f;
  expect_truth(wide, 12, 3, "largest scales");
}

TEST(Lstm, ADyingStateIsFlushedToPlusZero) {
  Layer l = random_layer(8, 2, 11, 1, -40);
  std::fill(l.wx.begin(), l.wx.begin() + 22, int8_t{0});
  for (int64_t r = 0; r < 11; ++r) l.bx[r] = std::llround(-30 / l.sx[r]);  // the input gate is shut
  LstmKernel kernel(l.spec());
  State s = zero_state(l, 1);
  for (int64_t u = 0; u < l.units; ++u) s.c[u] = std::ldexp(u % 2 ? -1.0f : 1.0f, -40 - static_cast<int>(u));
  State want = s;
  auto scratch = scratch_of(kernel);
  const std::vector<char> x(l.inputs);
  for (int t = 0; t < 20; ++t) {
    kernel.step(x.data(), s.h.data(), s.c.data(), 1, scratch.data());
    truth_step(l, x.data(), want.h.data(), want.c.data());
    ASSERT_TRUE(s == want) << t;
    for (float c : s.c) ASSERT_TRUE(c == 0 ? !std::signbit(c) : std::fabs(c) >= 0x1p-64f);
  }
}

TEST(Lstm, BatchWindowAndHalvesGiveTheBitsOfSingleSteps) {
  for (Isa isa : supported_isas())
    for (int64_t n : {1, 5, 64, 67}) {
      const Layer l = random_layer(31, 7, 19, 2, 1, 8, n == 5 ? 8 : 16);
      const LstmKernel kernel(l.spec(), isa);
      auto scratch = scratch_of(kernel);
      const int64_t steps = 70;
      const auto x = random_input(l, steps * n, 4);
      State window = zero_state(l, n), stream = zero_state(l, n), halves = zero_state(l, n);
      std::vector<int16_t> h_out(steps * n * l.units);
      std::vector<float> pending(n * kernel.row_floats());
      kernel.run(x.data(), steps, n, h_out.data(), window.h.data(), window.c.data(), scratch.data());
      for (int64_t t = 0; t < steps; ++t) {
        for (int64_t i = 0; i < n; ++i)  // row by row
          kernel.step(x.data() + (t * n + i) * row_bytes(l), stream.h.data() + i * l.units,
                      stream.c.data() + i * l.units, 1, scratch.data());
        ASSERT_EQ(0, std::memcmp(h_out.data() + t * n * l.units, stream.h.data(), 2 * n * l.units)) << t;
        kernel.prepare(halves.h.data(), n, pending.data(), scratch.data());
        std::fill(scratch.begin(), scratch.end(), char{0x55});  // it may serve others between the halves
        kernel.finish(x.data() + t * n * row_bytes(l), halves.h.data(), halves.c.data(), n, pending.data(),
                      scratch.data());
        ASSERT_TRUE(halves == stream);
      }
      EXPECT_TRUE(window == stream) << isa_name(isa) << " n " << n;
      State again = zero_state(l, n);
      kernel.run(x.data(), steps, n, nullptr, again.h.data(), again.c.data(), scratch.data());
      EXPECT_TRUE(again == window);
    }
}

TEST(Lstm, CountsSaturationsAndDeadZones) {
  Layer l = random_layer(12, 4, 6, 1, 9);
  l.cell_bits = 4;  // a coarse cell: small changes vanish, large ones meet the limit
  const LstmKernel kernel(l.spec());
  auto scratch = scratch_of(kernel);
  State plain = zero_state(l, 3), counted = plain;
  RecurrentCounters counters;
  for (int t = 0; t < 50; ++t) {
    const auto x = random_input(l, 3, t / 10);
    kernel.step(x.data(), plain.h.data(), plain.c.data(), 3, scratch.data());
    kernel.step_counted(x.data(), counted.h.data(), counted.c.data(), 3, scratch.data(), counters);
    ASSERT_TRUE(plain == counted);
  }
  EXPECT_GT(counters.saturations, 0);
  EXPECT_GT(counters.dead_zone, 0);
  RecurrentCounters none;
  State wide = zero_state(l, 3);
  const Layer exact = random_layer(12, 4, 6, 1, 1);
  const LstmKernel exact_kernel(exact.spec());
  auto exact_scratch = scratch_of(exact_kernel);
  exact_kernel.step_counted(random_input(l, 3, 1).data(), wide.h.data(), wide.c.data(), 3, exact_scratch.data(), none);
  EXPECT_EQ(none.saturations, 0);
  EXPECT_EQ(none.dead_zone, 0);
}

TEST(Lstm, RefusesWhatItCannotCompute) {
  const auto broken = [](auto change) {
    Layer l = random_layer(1, 2, 2);
    change(l);
    return [l] { LstmKernel(l.spec(), Isa::scalar); };
  };
  EXPECT_NO_THROW(broken([](Layer&) {})());
  EXPECT_THROW(broken([](Layer& l) { l.gate_bits[2] = 1; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.cell_bits = 25; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.cell_bits = 8, l.cell_top = 3; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.h_bits = 12; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.x_bits = 32; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.sx[3] = 0x1p71f; })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.sh[3] = std::nanf(""); })(), ValueError);
  EXPECT_THROW(broken([](Layer& l) { l.units = 0; })(), ValueError);
}

}  // namespace
}  // namespace quantick::kernels
