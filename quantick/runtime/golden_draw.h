#pragma once
// Random values of our own golden cases.
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/runtime/golden_case.h"

namespace quantick::runtime {

/// Values of one case, each drawn once in order.
class Draw {
 public:
  explicit Draw(Key key) : key_(key) {}

  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(key_.below(next_++, static_cast<uint64_t>(high - low + 1)));
  }
  double uniform(double low, double high) { return low + (high - low) * key_.uniform(next_++); }

  template <class T>
  std::vector<T> integers(int64_t count, int64_t low, int64_t high) {
    std::vector<T> out(count);
    for (T& v : out) v = static_cast<T>(between(low, high));
    return out;
  }
  std::vector<float> floats(int64_t count, double low, double high) {
    std::vector<float> out(count);
    for (float& v : out) v = static_cast<float>(uniform(low, high));
    return out;
  }

 private:
  Key key_;
  uint64_t next_ = 0;
};

/// Cases of kind "operator", each drawn from `key` folded with its place in the file.
void append_operator_cases(const Key& key, std::vector<GoldenCase>& cases);

}  // namespace quantick::runtime
