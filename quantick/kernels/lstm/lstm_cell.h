#pragma once
// The LSTM cell between the two integer products and the hidden state (docs/numerics.md, section 4), for any
// instruction set: plain pointers and numbers. Rows of p are gate-major i, f, g, o: row = gate * units + unit.
#include <cstdint>

namespace quantick::kernels {

/// narrow(v, b, R) = clamp(RNE(v * up), +-limit) * down, up = 2^(b-1) / R and down = R * 2^(1-b), both exact.
struct Narrowing {
  bool on = false;  // off from 24 bits up: float32 as it is
  float up = 1, limit = 1, down = 1;
};

struct LstmCell {
  int64_t units = 0;
  bool narrow = false;  // whether any of the five narrowings is on
  Narrowing gates[4];
  Narrowing state;
};

/// States of smaller magnitude become +0, so that no denormal ever arises.
inline constexpr float kSmallestState = 0x1p-64f;
inline constexpr float kHiddenScale = 32768;  // h is int16 Q0.15
inline constexpr float kHiddenLimit = 32767;

/// px, ph [n, 4 * units]: the scaled products of x and of h. c [n, units] and h [n, units] are replaced.
using LstmCellRun = void (*)(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h);

void lstm_cell_scalar(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h);
void lstm_cell_avx2(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h);
void lstm_cell_avx512vnni(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h);

/// The scalar cell, which also counts (LstmCounters, lstm.h).
void lstm_cell_counted(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h,
                       int64_t* saturations, int64_t* dead_zone);

/// The int8 view of h, scale 2^-7: min((h + 128) >> 8, 127).
using HiddenView = void (*)(const int16_t* h, int64_t n, int8_t* out);

void hidden_s8_scalar(const int16_t* h, int64_t n, int8_t* out);
void hidden_s8_avx2(const int16_t* h, int64_t n, int8_t* out);
void hidden_s8_avx512vnni(const int16_t* h, int64_t n, int8_t* out);

}  // namespace quantick::kernels
