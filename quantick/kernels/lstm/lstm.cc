#include "quantick/kernels/lstm/lstm.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "quantick/core/error.h"
#include "quantick/kernels/dispatch.h"

namespace quantick::kernels {
namespace {

constexpr KernelList<LstmCellRun> kCell{lstm_cell_scalar, lstm_cell_avx2, lstm_cell_avx512vnni};
constexpr KernelList<HiddenView> kHidden{hidden_s8_scalar, hidden_s8_avx2, hidden_s8_avx512vnni};

// A sum below 2^53 times a scale up to this stays finite, and so does the sum of two: no pre-activation is ever NaN.
constexpr float kLargestScale = 0x1p70f;

size_t round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

Narrowing narrowing(int bits, float top, const char* what) {
  QTK_CHECK(bits >= 2 && bits <= 24, ValueError, "[lstm] {} bits, was {}, expected 2..24 (24 keeps float32)", what,
            bits);
  int exponent = 0;
  QTK_CHECK(top >= 0x1p-60f && top <= 0x1p60f && std::frexp(top, &exponent) == 0.5f, ValueError,
            "[lstm] {} range, was {}, expected a power of two within [2^-60, 2^60]", what, top);
  if (bits == 24) return {};
  const float levels = std::ldexp(1.0f, bits - 1);
  return {true, levels / top, levels - 1, top / levels};
}

void check(const LstmSpec& spec) {
  QTK_CHECK(spec.inputs > 0 && spec.units > 0, ValueError,
            "[lstm] inputs and units, were {} and {}, expected at least 1", spec.inputs, spec.units);
  QTK_CHECK(spec.wx && spec.wh && spec.bx && spec.sx && spec.sh, ValueError, "[lstm] an array is missing");
  QTK_CHECK(spec.h_bits == 8 || spec.h_bits == 16, ValueError, "[lstm] h_bits, was {}, expected 8 or 16", spec.h_bits);
  for (int64_t r = 0; r < 4 * spec.units; ++r)
    for (const float s : {spec.sx[r], spec.sh[r]})
      QTK_CHECK(std::fabs(s) <= kLargestScale, ValueError, "[lstm] scale of row {}, was {}, expected at most 2^70", r,
                s);
}

LstmCell cell_of(const LstmSpec& spec) {
  check(spec);
  LstmCell cell{.units = spec.units};
  constexpr const char* kNames[] = {"input gate", "forget gate", "cell candidate", "output gate"};
  for (int g = 0; g < 4; ++g) cell.gates[g] = narrowing(spec.gate_bits[g], 1, kNames[g]);
  cell.state = narrowing(spec.cell_bits, spec.cell_top, "cell");
  cell.narrow = cell.state.on;
  for (const Narrowing& gate : cell.gates) cell.narrow |= gate.on;
  return cell;
}

}  // namespace

LstmKernel::LstmKernel(const LstmSpec& spec, Isa isa)
    : isa_(isa),
      cell_(cell_of(spec)),
      cell_run_(kCell[isa]),
      hidden_view_(spec.h_bits == 8 ? kHidden[isa] : nullptr),
      x_product_({.rows = 4 * spec.units,
                  .cols = spec.inputs,
                  .weights = spec.wx,
                  .bias = spec.bx,
                  .scale = spec.sx,
                  .x_bits = spec.x_bits,
                  .y_bits = 32},
                 isa),
      h_product_({.rows = 4 * spec.units,
                  .cols = spec.units,
                  .weights = spec.wh,
                  .scale = spec.sh,
                  .x_bits = spec.h_bits,
                  .y_bits = 32},
                 isa),
      scratch_bytes_(2 * round_up(kDenseBlock * 4 * spec.units * sizeof(float)) + round_up(kDenseBlock * spec.units) +
                     std::max(x_product_.scratch_bytes(), h_product_.scratch_bytes())) {}

LstmKernel::Scratch LstmKernel::split(void* scratch) const noexcept {
  char* at = static_cast<char*>(scratch);
  const size_t gates = round_up(kDenseBlock * 4 * cell_.units * sizeof(float));
  return {reinterpret_cast<float*>(at), reinterpret_cast<float*>(at + gates), reinterpret_cast<int8_t*>(at + 2 * gates),
          at + 2 * gates + round_up(kDenseBlock * cell_.units)};
}

void LstmKernel::prepare(const int16_t* h, int64_t n, void* scratch) const noexcept {
  const Scratch s = split(scratch);
  if (hidden_view_) hidden_view_(h, n * cell_.units, s.h8);
  h_product_.run(hidden_view_ ? static_cast<const void*>(s.h8) : h, n, s.ph, s.product);
}

void LstmKernel::finish(const void* x, int16_t* h, float* c, int64_t n, void* scratch) const noexcept {
  const Scratch s = split(scratch);
  x_product_.run(x, n, s.px, s.product);
  cell_run_(cell_, s.px, s.ph, n, c, h);
}

void LstmKernel::step(const void* x, int16_t* h, float* c, int64_t n, void* scratch) const noexcept {
  const int64_t row_bytes = inputs() * x_bits() / 8;
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first), at = first * cell_.units;
    prepare(h + at, here, scratch);
    finish(static_cast<const char*>(x) + first * row_bytes, h + at, c + at, here, scratch);
  }
}

void LstmKernel::step_counted(const void* x, int16_t* h, float* c, int64_t n, void* scratch,
                              LstmCounters& counters) const noexcept {
  const Scratch s = split(scratch);
  const int64_t row_bytes = inputs() * x_bits() / 8;
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first), at = first * cell_.units;
    prepare(h + at, here, scratch);
    x_product_.run(static_cast<const char*>(x) + first * row_bytes, here, s.px, s.product);
    lstm_cell_counted(cell_, s.px, s.ph, here, c + at, h + at, &counters.saturations, &counters.dead_zone);
  }
}

void LstmKernel::run(const void* x, int64_t steps, int64_t n, int16_t* h_out, int16_t* h, float* c,
                     void* scratch) const noexcept {
  const Scratch s = split(scratch);
  const char* input = static_cast<const char*>(x);
  const int64_t row_bytes = inputs() * x_bits() / 8, units = cell_.units;
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    // Where all rows fit one block, the products of x of several steps are one pass over its weights.
    const int64_t together = n <= kDenseBlock ? kDenseBlock / n : 1;
    for (int64_t t = 0; t < steps; t += together) {
      const int64_t chunk = std::min(together, steps - t);
      x_product_.run(input + (t * n + first) * row_bytes, chunk * here, s.px, s.product);
      for (int64_t u = 0; u < chunk; ++u) {
        int16_t* state = h + first * units;
        prepare(state, here, scratch);
        cell_run_(cell_, s.px + u * here * 4 * units, s.ph, here, c + first * units, state);
        if (h_out) std::memcpy(h_out + ((t + u) * n + first) * units, state, here * units * sizeof(int16_t));
      }
    }
  }
}

}  // namespace quantick::kernels
