// Our own golden cases, through the scalar oracle.
#include <cmath>

#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/kernels/dense/dense.h"
#include "quantick/kernels/gru/gru.h"
#include "quantick/kernels/lstm/lstm.h"
#include "quantick/kernels/quantize/quantize.h"
#include "quantick/runtime/golden.h"
#include "quantick/runtime/golden_draw.h"

namespace quantick::runtime {
namespace {

GoldenCase finished(GoldenDense d) {
  const kernels::DenseKernel kernel({.rows = d.rows,
                                     .cols = d.cols,
                                     .weights = d.weights.data(),
                                     .bias = d.bias.data(),
                                     .scale = d.scale.data(),
                                     .zero_y = d.zero_y,
                                     .x_bits = 16,
                                     .y_bits = d.y_bits},
                                    Isa::scalar);
  d.samples = static_cast<int64_t>(d.x.size()) / d.cols;
  d.y.resize(d.samples * d.rows);
  if (d.y_bits == 16) {
    kernel.run(d.x.data(), d.samples, d.y.data(), nullptr);
  } else {
    std::vector<int8_t> narrow(d.y.size());
    kernel.run(d.x.data(), d.samples, narrow.data(), nullptr);
    d.y.assign(narrow.begin(), narrow.end());
  }
  return {"dense", std::move(d), ""};
}

/// Steps over l.x; keeps the hidden values in l.h and the states in `states`.
template <class Layer>
void run_steps(const kernels::RecurrentKernel& kernel, Layer& l, std::vector<float>& states) {
  l.steps = static_cast<int64_t>(l.x.size()) / l.inputs;
  std::vector<std::byte> scratch(kernel.scratch_bytes());
  std::vector<int16_t> h(l.units);
  std::vector<float> state(l.units);
  for (int64_t t = 0; t < l.steps; ++t) {
    kernel.step(l.x.data() + t * l.inputs, h.data(), state.data(), 1, scratch.data());
    l.h.insert(l.h.end(), h.begin(), h.end());
    states.insert(states.end(), state.begin(), state.end());
  }
}

GoldenCase finished(GoldenLstm l) {
  const kernels::LstmKernel kernel({l.inputs, l.units, 16, l.wx.data(), l.wh.data(), l.bx.data(), l.sx.data(),
                                    l.sh.data(), l.gate_bits, l.cell_bits, l.cell_top, l.h_bits},
                                   Isa::scalar);
  run_steps(kernel, l, l.c);
  return {"lstm", std::move(l), ""};
}

GoldenCase finished(GoldenGru l) {
  const kernels::GruKernel kernel({l.inputs, l.units, 16, l.wx.data(), l.wh.data(), l.bx.data(), l.bh.data(),
                                   l.sx.data(), l.sh.data(), l.gate_bits, l.state_bits, l.h_bits},
                                  Isa::scalar);
  run_steps(kernel, l, l.state);
  return {"gru", std::move(l), ""};
}

GoldenCase finished(GoldenAdd a) {
  for (size_t i = 0; i < a.a.size(); ++i) {
    const kernels::AddOperand of_a{a.scale_a[i], a.zero_a}, of_b{a.scale_b[i], a.zero_b};
    int16_t y = 0;
    if (a.bits == 16) {
      kernels::add_s16(&a.a[i], of_a, &a.b[i], of_b, 1, a.zero_y, &y, Isa::scalar);
    } else {
      const auto first = static_cast<int8_t>(a.a[i]), second = static_cast<int8_t>(a.b[i]);
      int8_t narrow = 0;
      kernels::add_s8(&first, of_a, &second, of_b, 1, a.zero_y, &narrow, Isa::scalar);
      y = narrow;
    }
    a.y.push_back(y);
  }
  return {"add", std::move(a), ""};
}

/// Scales that use the range of the results and pass it now and then.
GoldenDense dense(Draw& draw, int64_t rows, int64_t cols, int64_t samples, int x_bits, int y_bits) {
  GoldenDense d{.rows = rows, .cols = cols, .y_bits = y_bits};
  const int64_t top = int64_t{1} << (x_bits - 1);
  d.weights = draw.integers<int8_t>(rows * cols, -127, 127);
  d.bias = draw.integers<int64_t>(rows, -60 * top, 60 * top);
  const double size = static_cast<double>(top) * 42 * std::sqrt(static_cast<double>(cols));  // deviation of a sum
  const double unit = std::ldexp(1.0, y_bits - 1) / size;
  d.scale = draw.floats(rows, 0.2 * unit, 0.9 * unit);
  d.zero_y = static_cast<int32_t>(draw.between(-60, 60));
  d.x = draw.integers<int16_t>(samples * cols, -top, top - 1);
  return d;
}

/// `gain` is the size of the pre-activations, `keep` is added to the gate that keeps the state: the second one.
template <class Recurrent>
Recurrent layer(Draw& draw, int64_t inputs, int64_t units, int64_t steps, double gain, double keep, int x_bits = 8,
                int h_bits = 16) {
  Recurrent l{.inputs = inputs, .units = units, .h_bits = h_bits};
  const int64_t top = int64_t{1} << (x_bits - 1), rows = static_cast<int64_t>(l.gate_bits.size()) * units;
  l.wx = draw.integers<int8_t>(rows * inputs, -127, 127);
  l.wh = draw.integers<int8_t>(rows * units, -127, 127);
  const double unit_x = gain / (static_cast<double>(top) * 42 * std::sqrt(static_cast<double>(inputs)));
  const double unit_h = gain / (std::ldexp(42.0, h_bits - 1) * std::sqrt(static_cast<double>(units)));
  l.sx = draw.floats(rows, 0.5 * unit_x, 1.5 * unit_x);
  l.sh = draw.floats(rows, 0.5 * unit_h, 1.5 * unit_h);
  for (int64_t r = 0; r < rows; ++r)
    l.bx.push_back(std::llround((draw.uniform(-gain, gain) + (r / units == 1 ? keep : 0)) / l.sx[r]));
  l.x = draw.integers<int16_t>(steps * inputs, -top, top - 1);
  return l;
}

GoldenLstm lstm(Draw& draw, int64_t inputs, int64_t units, int64_t steps, double gain, double forget, int x_bits = 8,
                int h_bits = 16) {
  return layer<GoldenLstm>(draw, inputs, units, steps, gain, forget, x_bits, h_bits);
}

GoldenGru gru(Draw& draw, int64_t inputs, int64_t units, int64_t steps, double gain, double update, int x_bits = 8,
              int h_bits = 16) {
  GoldenGru l = layer<GoldenGru>(draw, inputs, units, steps, gain, update, x_bits, h_bits);
  for (int64_t u = 0; u < units; ++u) l.bh.push_back(std::llround(draw.uniform(-gain, gain) / l.sh[2 * units + u]));
  return l;
}

/// Accumulators past 2^24 at which float32 and float64 requantization part: one weight of 1 on an x of 0.
GoldenDense float32_parts_from_float64(Draw& draw) {
  GoldenDense d{.rows = 24, .cols = 1, .y_bits = 16};
  d.weights.assign(d.rows, 1);
  d.x.assign(1, 0);
  while (static_cast<int64_t>(d.bias.size()) < d.rows) {
    const int64_t sum = draw.between(1 << 24, 1 << 30);
    const float scale = static_cast<float>(draw.uniform(1, 2) * 0x1p-16);
    if (std::rint(static_cast<float>(sum) * scale) == std::rint(static_cast<double>(sum) * double{scale})) continue;
    d.bias.push_back(sum);
    d.scale.push_back(scale);
  }
  return d;
}

/// One kick, then nothing: the cell dies away and must be flushed.
GoldenLstm dying(Draw& draw) {
  GoldenLstm l{.inputs = 2, .units = 7};
  const int64_t rows = 4 * l.units;
  l.wx.assign(rows * l.inputs, 0);
  l.wh.assign(rows * l.units, 0);
  l.sx.assign(rows, 0.01f);
  l.sh.assign(rows, 0.01f);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t gate = r / l.units, unit = r % l.units;
    constexpr int64_t kBias[] = {900, -1100, 0, 300};  // open, nearly shut, neutral, open
    l.bx.push_back(kBias[gate] + (gate == 2 ? 0 : 40 * unit));
    if (gate == 2) l.wx[r * 2] = l.wx[r * 2 + 1] = 5;
  }
  l.x = draw.integers<int16_t>(2 * l.inputs, -128, 127);
  l.x.resize(22 * l.inputs, 0);
  return l;
}

/// One kick, then nothing: the candidate is 0, the state only decays and must be flushed.
GoldenGru decaying(Draw& draw) {
  GoldenGru l{.inputs = 2, .units = 5};
  const int64_t rows = 3 * l.units;
  l.wx.assign(rows * l.inputs, 0);
  l.wh.assign(rows * l.units, 0);
  l.bh.assign(l.units, 0);
  l.sx.assign(rows, 0.01f);
  l.sh.assign(rows, 0.01f);
  for (int64_t r = 0; r < rows; ++r) {
    l.bx.push_back(r / l.units == 1 ? -300 - 40 * (r % l.units) : 0);  // an update gate nearly shut
    if (r >= 2 * l.units) l.wx[r * 2] = l.wx[r * 2 + 1] = 5;
  }
  l.x = draw.integers<int16_t>(2 * l.inputs, -128, 127);
  l.x.resize(20 * l.inputs, 0);
  return l;
}

/// Operands at which a fused multiply-add parts from two products and a sum.
GoldenAdd fused_parts(Draw& draw) {
  GoldenAdd a{.bits = 16};
  while (a.a.size() < 24) {
    const auto first = static_cast<int16_t>(draw.between(-32768, 32767));
    const auto second = static_cast<int16_t>(draw.between(-32768, 32767));
    const auto sa = static_cast<float>(draw.uniform(0.1, 1)), sb = static_cast<float>(draw.uniform(0.1, 1));
    const float product_a = static_cast<float>(first) * sa, product_b = static_cast<float>(second) * sb;
    if (std::rint(product_a + product_b) == std::rint(std::fma(static_cast<float>(first), sa, product_b))) continue;
    a.a.push_back(first), a.b.push_back(second);
    a.scale_a.push_back(sa), a.scale_b.push_back(sb);
  }
  return a;
}

}  // namespace

void write_golden(const std::string& path, uint64_t seed) {
  const FloatMode mode;
  std::vector<GoldenCase> cases;
  const Key key = Key(seed).fold("golden");
  const auto draw = [&] { return Draw(key.fold(cases.size())); };
  const auto add = [&](auto body) { cases.push_back(finished(std::move(body))); };

  struct Shape {
    int64_t rows, cols;
    int x_bits, y_bits;
  };
  for (const Shape& s :
       {Shape{1, 1, 8, 8}, {5, 7, 8, 8}, {17, 64, 8, 8}, {33, 67, 8, 16}, {9, 33, 16, 16}, {19, 30, 16, 8}}) {
    Draw d = draw();
    add(dense(d, s.rows, s.cols, 3, s.x_bits, s.y_bits));
  }
  {  // ties: sums times one half
    Draw d = draw();
    GoldenDense c = dense(d, 6, 31, 8, 3, 8);
    c.weights = d.integers<int8_t>(6 * 31, -9, 9);
    c.bias = d.integers<int64_t>(6, -30, 30);
    c.scale.assign(6, 0.5f);
    add(c);
  }
  {  // power-of-two scales
    Draw d = draw();
    GoldenDense c = dense(d, 9, 12, 4, 8, 8);
    c.scale.assign(9, 0x1p-8f);
    add(c);
  }
  {  // results past int32, and next to nothing
    Draw d = draw();
    GoldenDense c = dense(d, 6, 31, 4, 8, 8);
    c.scale = {0x1p20f, 387420489.0f, 1e28f, 0x1p95f, 0x1p-100f, 7.0f};
    add(c);
  }
  {  // sums past int32
    Draw d = draw();
    GoldenDense c = dense(d, 4, 1100, 1, 16, 8);
    c.weights = d.integers<int8_t>(4 * 1100, 90, 127);
    c.scale.assign(4, 0x1p-25f);
    c.x = d.integers<int16_t>(2 * 1100, 24000, 32767);
    add(c);
  }
  {
    Draw d = draw();
    add(float32_parts_from_float64(d));
  }

  struct Layer {
    int64_t inputs, units, steps;
    double gain, forget;
    int x_bits = 8, h_bits = 16;
  };
  for (const Layer& l : {Layer{1, 1, 20, 1, 1},
                         {5, 3, 20, 1, 1},
                         {9, 17, 20, 2, 1},
                         {21, 35, 12, 1.5, 1},
                         {4, 8, 20, 6, 1},
                         {6, 16, 50, 1, 7},
                         {6, 15, 12, 2, 1, 16},
                         {6, 16, 20, 1, 1, 8, 8},
                         {3, 5, 20, 40, 1}}) {
    Draw d = draw();
    add(lstm(d, l.inputs, l.units, l.steps, l.gain, l.forget, l.x_bits, l.h_bits));
  }
  {  // the same input again and again with an open forget gate: the cell grows
    Draw d = draw();
    GoldenLstm l = lstm(d, 6, 12, 1, 3, 9);
    const std::vector<int16_t> row = l.x;
    for (int t = 1; t < 40; ++t) l.x.insert(l.x.end(), row.begin(), row.end());
    add(l);
  }
  {  // unequal widths of gates, a narrow cell
    Draw d = draw();
    GoldenLstm l = lstm(d, 6, 11, 20, 1, 1);
    l.gate_bits = {16, 12, 8, 4};
    l.cell_bits = 12;
    l.cell_top = 2;
    add(l);
  }
  {
    Draw d = draw();
    add(dying(d));
  }
  for (const auto& [sa, sb] : {std::pair{0.34444445f, 0.7777778f}, {0.5f, 0.25f}}) {
    Draw d = draw();
    GoldenAdd a{.zero_a = 3, .zero_b = -8, .zero_y = 1};
    a.a = d.integers<int16_t>(40, -128, 127);
    a.b = d.integers<int16_t>(40, -128, 127);
    a.scale_a.assign(40, sa);
    a.scale_b.assign(40, sb);
    add(a);
  }
  {
    Draw d = draw();
    add(fused_parts(d));
  }
  for (const Layer& l : {Layer{1, 1, 20, 2, 0},
                         {6, 5, 20, 2, 0},
                         {9, 17, 20, 2, 0},
                         {13, 20, 12, 1.5, 0},
                         {6, 16, 50, 1, 7},
                         {6, 15, 12, 2, 0, 16},
                         {6, 16, 20, 1, 0, 8, 8}}) {
    Draw d = draw();
    add(gru(d, l.inputs, l.units, l.steps, l.gain, l.forget, l.x_bits, l.h_bits));
  }
  {  // a state that jumps between its ends, where h meets its limit
    Draw d = draw();
    GoldenGru l = gru(d, 6, 8, 20, 60, 0);
    for (int64_t i = 0; i < 20 * 6; ++i) l.x[i] = i / 6 % 2 ? 127 : -128;
    add(l);
  }
  {  // unequal widths of gates, a narrow state
    Draw d = draw();
    GoldenGru l = gru(d, 6, 11, 20, 1, 1);
    l.gate_bits = {12, 16, 10};
    l.state_bits = 14;
    add(l);
  }
  {
    Draw d = draw();
    add(decaying(d));
  }
  append_operator_cases(key, cases);
  save_golden(path, seed, cases);
}

}  // namespace quantick::runtime
