#pragma once
// What the cells of quantized recurrent layers share (docs/numerics.md, sections 1, 4 and 5): the narrowing of gates
// and states, and the views of the hidden state, for any instruction set: plain pointers and numbers.
#include <cstdint>

namespace quantick::kernels {

/// narrow(v, b, R) = clamp(RNE(v * up), +-limit) * down, up = 2^(b-1) / R and down = R * 2^(1-b), both exact.
struct Narrowing {
  bool on = false;  // off from 24 bits up: float32 as it is
  float up = 1, limit = 1, down = 1;
};

struct RecurrentCell {
  int64_t units = 0;
  bool narrow = false;  // whether any narrowing is on
  Narrowing gates[4];   // in the order of the rows; a GRU has three
  Narrowing state;
};

/// Narrowing to `bits` (2..24) over a range of `top`, a power of two. Throws ValueError that names `layer` and `what`.
Narrowing make_narrowing(int bits, float top, const char* layer, const char* what);

/// States of smaller magnitude become +0, so that no denormal ever arises.
inline constexpr float kSmallestState = 0x1p-64f;
inline constexpr float kHiddenScale = 32768;  // h is int16 Q0.15
inline constexpr float kHiddenLimit = 32767;

/// px, ph [n, gates * units], gate-major: the scaled products of x and of h. The state [n, units] and h [n, units] are
/// replaced.
using RecurrentCellRun = void (*)(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* state,
                                  int16_t* h);
/// The same bits in plain C++, adding events (RecurrentCounters, recurrent_kernel.h).
using RecurrentCellCounted = void (*)(const RecurrentCell& cell, const float* px, const float* ph, int64_t n,
                                      float* state, int16_t* h, int64_t* saturations, int64_t* dead_zone);

/// The int8 view of h, scale 2^-7: min((h + 128) >> 8, 127).
using HiddenView = void (*)(const int16_t* h, int64_t n, int8_t* out);

void hidden_s8_scalar(const int16_t* h, int64_t n, int8_t* out);
void hidden_s8_avx2(const int16_t* h, int64_t n, int8_t* out);
void hidden_s8_avx512vnni(const int16_t* h, int64_t n, int8_t* out);

}  // namespace quantick::kernels
