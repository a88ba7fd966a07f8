#pragma once
// One float as a vector of the cells' templates, for the oracle. Not for files with raised instruction sets; those have
// vector_<isa>.h. Every Vector has the same members: load and store of `count` lanes, + - *, sigmoid and tanh, and what
// rounds states. Those of the instruction sets have sigmoid_of_number and tanh_of_number, too, for what cannot be NaN,
// and within(x, limit), which does not round.
#include "quantick/kernels/activation/pieces.h"
#include "quantick/kernels/quantize/requantize.h"

namespace quantick::kernels {
namespace {

struct Vector {
  static constexpr int64_t kLanes = 1;
  float v;
  static Vector load(const float* p, int64_t) { return {*p}; }
  static void store(float* p, Vector x, int64_t) { *p = x.v; }
  static Vector broadcast(float x) { return {x}; }
  static Vector sigmoid(Vector x) { return {sigmoid1(x.v)}; }
  static Vector tanh(Vector x) { return {tanh1(x.v)}; }
  /// RNE(x) within +-limit; a zero is +0. limit is an integer below 2^24.
  static Vector round_within(Vector x, float limit) {
    return {static_cast<float>(round_to_limits(x.v, {-limit, limit, 0}))};
  }
  /// x where its magnitude is at least `smallest`, else +0.
  static Vector flush(Vector x, float smallest) { return {std::fabs(x.v) >= smallest ? x.v : 0.0f}; }
  /// x holds integers within int16.
  static void store_s16(int16_t* p, Vector x, int64_t) { *p = static_cast<int16_t>(x.v); }
  friend Vector operator+(Vector a, Vector b) { return {a.v + b.v}; }
  friend Vector operator-(Vector a, Vector b) { return {a.v - b.v}; }
  friend Vector operator*(Vector a, Vector b) { return {a.v * b.v}; }
};

}  // namespace
}  // namespace quantick::kernels
