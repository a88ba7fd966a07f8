#pragma once
// For tests: the contract of Dense, LSTM, GRU and the residual sum once more, from the text of docs/numerics.md, as
// templates over their single steps. A wrong kernel is a struct that replaces one of the steps.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "quantick/kernels/activation/coefficients.h"
#include "quantick/runtime/golden_case.h"

namespace quantick::runtime {

inline constexpr double kLow32 = -0x1p31, kHigh32 = 0x1p31 - 1;

inline double clamp32(double v) { return std::fmin(std::fmax(v, kLow32), kHigh32); }

/// The steps of the contract. A mutant derives from it and hides one; P is the mutant, so that steps see each other's.
struct Contract {
  static int64_t round(double v) { return static_cast<int64_t>(clamp32(std::nearbyint(v))); }
  static double requantized(int64_t sum, float scale) { return double{static_cast<float>(sum) * scale}; }
  static double requantized2(int64_t a, float scale_a, int64_t b, float scale_b) {
    const float first = static_cast<float>(a) * scale_a;
    const float second = static_cast<float>(b) * scale_b;
    return double{first + second};
  }
  static int64_t accumulated(int64_t sum) { return sum; }
  static float horner(float y, float t, float c) {
    const float product = y * t;
    return product + c;
  }
  template <class P>
  static float pieces(const kernels::PieceTable& table, float x) {
    const float a = std::fmin(std::fabs(x), table.limit);
    const int k = static_cast<int>(a / table.width);
    const float t = a - static_cast<float>(k) * table.width;
    float y = std::bit_cast<float>(table.bits[4][k]);
    for (int j = 3; j >= 0; --j) y = P::horner(y, t, std::bit_cast<float>(table.bits[j][k]));
    return y;
  }
  template <class P>
  static float sigmoid(float x) {
    const float y = pieces<P>(kernels::kSigmoidPieces, x);
    return x < 0 ? 1.0f - y : y;
  }
  template <class P>
  static float tanh(float x) {
    return std::copysign(pieces<P>(kernels::kTanhPieces, x), x);
  }
  static float flush(float c) { return std::fabs(c) >= 0x1p-64f ? c : 0.0f; }
  static int hidden8(int h) { return std::min((h + 128) >> 8, 127); }
  static float pre_activation(int64_t ax, float sx, int64_t ah, float sh) {
    const float x = static_cast<float>(ax) * sx;
    const float h = static_cast<float>(ah) * sh;
    return x + h;
  }
  static float cell(float f, float c, float i, float g) {
    const float kept = f * c;
    const float added = i * g;
    return kept + added;
  }
  static std::pair<int, float> cell_width(int bits, float top) { return {bits, top}; }
  static constexpr int kInput = 0, kForget = 1;  // rows of the LSTM's gates
  static float candidate(float px, float r, int64_t ah, int64_t bias, float sh) {
    const float recurrent = static_cast<float>(ah + bias) * sh;
    const float inner = r * recurrent;
    return px + inner;
  }
  static float blended(float n, float z, float s) {
    const float kept = z * (s - n);
    return n + kept;
  }
  static float previous(float s) { return s; }
  static constexpr int kReset = 0, kUpdate = 1;  // rows of the GRU's gates
};

template <class P>
float narrowed(float v, int bits, float top) {
  if (bits >= 24) return v;
  const int64_t limit = (int64_t{1} << (bits - 1)) - 1;
  const float levels = static_cast<float>(std::ldexp(1.0, bits - 1) / top);
  const int64_t q = std::clamp(P::round(double{v * levels}), -limit, limit);
  return static_cast<float>(q) * static_cast<float>(top * std::ldexp(1.0, 1 - bits));
}

template <class P>
bool agrees(const GoldenDense& d) {
  const int64_t top = int64_t{1} << (d.y_bits - 1);
  for (int64_t i = 0; i < d.samples; ++i)
    for (int64_t r = 0; r < d.rows; ++r) {
      int64_t sum = d.bias[r];
      for (int64_t k = 0; k < d.cols; ++k) sum += int64_t{d.weights[r * d.cols + k]} * d.x[i * d.cols + k];
      const int64_t q = P::round(P::requantized(P::accumulated(sum), d.scale[r])) + d.zero_y;
      if (std::clamp(q, -top, top - 1) != d.y[i * d.rows + r]) return false;
    }
  return true;
}

template <class P>
bool agrees(const GoldenLstm& l) {
  std::vector<int16_t> h(l.units), next(l.units);
  std::vector<float> c(l.units);
  const auto [cell_bits, cell_top] = P::cell_width(l.cell_bits, l.cell_top);
  for (int64_t t = 0; t < l.steps; ++t) {
    for (int64_t u = 0; u < l.units; ++u) {
      float p[4];
      for (int64_t gate = 0; gate < 4; ++gate) {
        const int64_t r = gate * l.units + u;
        int64_t ax = l.bx[r], ah = 0;
        for (int64_t k = 0; k < l.inputs; ++k) ax += int64_t{l.wx[r * l.inputs + k]} * l.x[t * l.inputs + k];
        for (int64_t k = 0; k < l.units; ++k)
          ah += int64_t{l.wh[r * l.units + k]} * (l.h_bits == 16 ? h[k] : P::hidden8(h[k]));
        p[gate] = P::pre_activation(ax, l.sx[r], ah, l.sh[r]);
      }
      const float i = narrowed<P>(P::template sigmoid<P>(p[P::kInput]), l.gate_bits[0], 1);
      const float f = narrowed<P>(P::template sigmoid<P>(p[P::kForget]), l.gate_bits[1], 1);
      const float g = narrowed<P>(P::template tanh<P>(p[2]), l.gate_bits[2], 1);
      const float o = narrowed<P>(P::template sigmoid<P>(p[3]), l.gate_bits[3], 1);
      c[u] = P::flush(narrowed<P>(P::cell(f, c[u], i, g), cell_bits, cell_top));
      const float hidden = (o * P::template tanh<P>(c[u])) * 32768.0f;
      next[u] = static_cast<int16_t>(std::clamp<int64_t>(P::round(double{hidden}), -32767, 32767));
    }
    h = next;
    if (std::memcmp(h.data(), l.h.data() + t * l.units, 2 * l.units) != 0) return false;
    if (std::memcmp(c.data(), l.c.data() + t * l.units, 4 * l.units) != 0) return false;
  }
  return true;
}

template <class P>
bool agrees(const GoldenGru& l) {
  std::vector<int16_t> h(l.units), next(l.units);
  std::vector<float> s(l.units);
  for (int64_t t = 0; t < l.steps; ++t) {
    for (int64_t u = 0; u < l.units; ++u) {
      int64_t ax[3], ah[3];
      float p[3];
      for (int64_t gate = 0; gate < 3; ++gate) {
        const int64_t r = gate * l.units + u;
        ax[gate] = l.bx[r], ah[gate] = 0;
        for (int64_t k = 0; k < l.inputs; ++k) ax[gate] += int64_t{l.wx[r * l.inputs + k]} * l.x[t * l.inputs + k];
        for (int64_t k = 0; k < l.units; ++k)
          ah[gate] += int64_t{l.wh[r * l.units + k]} * (l.h_bits == 16 ? h[k] : P::hidden8(h[k]));
        p[gate] = P::pre_activation(ax[gate], l.sx[r], ah[gate], l.sh[r]);
      }
      const int64_t last = 2 * l.units + u;
      const float r = narrowed<P>(P::template sigmoid<P>(p[P::kReset]), l.gate_bits[0], 1);
      const float z = narrowed<P>(P::template sigmoid<P>(p[P::kUpdate]), l.gate_bits[1], 1);
      const float px = static_cast<float>(ax[2]) * l.sx[last];
      const float before = P::candidate(px, r, ah[2], l.bh[u], l.sh[last]);
      const float n = narrowed<P>(P::template tanh<P>(before), l.gate_bits[2], 1);
      s[u] = P::flush(narrowed<P>(P::blended(n, z, P::previous(s[u])), l.state_bits, 1));
      next[u] = static_cast<int16_t>(std::clamp<int64_t>(P::round(double{s[u] * 32768.0f}), -32767, 32767));
    }
    h = next;
    if (std::memcmp(h.data(), l.h.data() + t * l.units, 2 * l.units) != 0) return false;
    if (std::memcmp(s.data(), l.state.data() + t * l.units, 4 * l.units) != 0) return false;
  }
  return true;
}

template <class P>
bool agrees(const GoldenAdd& a) {
  const int64_t top = int64_t{1} << (a.bits - 1);
  for (size_t i = 0; i < a.y.size(); ++i) {
    const double sum = P::requantized2(a.a[i] - a.zero_a, a.scale_a[i], a.b[i] - a.zero_b, a.scale_b[i]);
    if (std::clamp(P::round(sum) + a.zero_y, -top, top - 1) != a.y[i]) return false;
  }
  return true;
}

}  // namespace quantick::runtime
