#pragma once
// Two vectors (activation/vector_<isa>.h) side by side: each operation twice, one behind the other, so that the second
// fills the time in which the first waits for its result.
#include <cstdint>

namespace quantick::kernels {

template <class V>
struct Two {
  V a, b;
  [[gnu::always_inline]] static Two broadcast(float x) { return {V::broadcast(x), V::broadcast(x)}; }
  [[gnu::always_inline]] static Two sigmoid_of_number(Two x) {
    return {V::sigmoid_of_number(x.a), V::sigmoid_of_number(x.b)};
  }
  [[gnu::always_inline]] static Two tanh_of_number(Two x) { return {V::tanh_of_number(x.a), V::tanh_of_number(x.b)}; }
  [[gnu::always_inline]] static Two within(Two x, float limit) {
    return {V::within(x.a, limit), V::within(x.b, limit)};
  }
  [[gnu::always_inline]] static Two round_within(Two x, float limit) {
    return {V::round_within(x.a, limit), V::round_within(x.b, limit)};
  }
  [[gnu::always_inline]] static Two flush(Two x, float smallest) {
    return {V::flush(x.a, smallest), V::flush(x.b, smallest)};
  }
  [[gnu::always_inline]] friend Two operator+(Two x, Two y) { return {x.a + y.a, x.b + y.b}; }
  [[gnu::always_inline]] friend Two operator-(Two x, Two y) { return {x.a - y.a, x.b - y.b}; }
  [[gnu::always_inline]] friend Two operator*(Two x, Two y) { return {x.a * y.a, x.b * y.b}; }
};

}  // namespace quantick::kernels
