#pragma once
// The largest and the smallest element: an operator T says by better(a, b) which of two goes first.
#include <algorithm>
#include <vector>

#include "quantick/ops/reduce/reduce.h"

namespace quantick {

template <class T>
struct Extreme : Reduce<T> {
  using Attrs = typename Reduce<T>::Attrs;
  static constexpr bool needs_elements = true;

  /// NaN where there is one.
  template <class F>
  static F row(const F* x, int64_t n) {
    F best = x[0];
    for (int64_t i = 1; i < n; ++i)
      if (T::better(x[i], best) || x[i] != x[i]) best = x[i];
    return best;
  }
  static double exact(const std::vector<double>& row) {
    return *std::min_element(row.begin(), row.end(), [](double a, double b) { return T::better(a, b); });
  }

  /// Ties share the gradient evenly.
  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array& x = call.inputs[0];
    const Array hit = cast(x == Reduce<T>::with_axes(attrs, call, call.outputs[0]), x.dtype());
    const Array share = hit / sum(hit, attrs.axes, true);
    return {Reduce<T>::with_axes(attrs, call, call.output_grads[0]) * share};
  }
};

}  // namespace quantick
