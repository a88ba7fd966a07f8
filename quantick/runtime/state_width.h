#pragma once
// What narrow states and gates cost (docs/numerics.md, section 1): `quantick check states` prints the table.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace quantick::runtime {

/// Steps in which a state forgets half of what it holds, without new input.
inline constexpr std::array<int, 5> kHalfLives{10, 60, 250, 1000, 4000};

/// One column of the experiment over the half-lives, SQNR in dB.
struct StateWidthRow {
  std::string name;
  std::array<double, kHalfLives.size()> reference{};  ///< of the design; 0 means at or below 0 dB
  std::array<double, kHalfLives.size()> measured{};

  /// Measured less reference; both count as 0 below 0 dB.
  double difference(size_t half_life) const;
  /// Largest magnitude of it.
  double largest_difference() const;
};

/// One recurrent layer of 32 units on 16 inputs over 1500 steps, int8 weights and inputs; the biases of the gates that
/// keep and take set the half-life. SQNR against float64 on the same quantized weights and inputs, averaged in dB over
/// `seeds` random layers. Throws ValueError for seeds < 1.
std::vector<StateWidthRow> measure_state_widths(int64_t seeds = 4);

}  // namespace quantick::runtime
