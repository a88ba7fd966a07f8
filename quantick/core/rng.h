#pragma once
// Keyed random numbers: value number i of a key is a function of (key, i) alone (Philox 4x32-10, Salmon et al. 2011,
// "Parallel random numbers: as easy as 1, 2, 3"). No hidden state, so order and threads do not matter.
#include <array>
#include <cstdint>
#include <string_view>

namespace quantick {

/// Philox 4x32 with 10 rounds.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// A name for a stream of random numbers. Derive one per purpose: Key(seed).fold("dropout").fold(step).
class Key {
 public:
  explicit Key(uint64_t seed) : value_(seed) {}

  /// A key that is independent of this one and of other folds.
  Key fold(uint64_t data) const;
  Key fold(std::string_view name) const;

  uint64_t value() const { return value_; }

  /// 64 random bits.
  uint64_t bits(uint64_t index) const;
  /// Uniform in [0, 1), a multiple of 2^-53.
  double uniform(uint64_t index) const;
  /// Uniform integer in [0, bound), bound > 0, without modulo bias beyond 2^-64.
  uint64_t below(uint64_t index, uint64_t bound) const;
  /// Standard normal (Box-Muller).
  double normal(uint64_t index) const;

 private:
  uint64_t value_;
};

}  // namespace quantick
