#pragma once
// Limits on a portfolio's weights (fractions of equity; shorts are negative), and what breaches them.
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "quantick/core/fields.h"

namespace quantick::risk {

/// Sums over a portfolio's weights.
struct Exposure {
  double gross = 0;    // sum of |w|
  double net = 0;      // sum of w
  double largest = 0;  // largest |w|
  int64_t longs = 0;
  int64_t shorts = 0;
};
Exposure exposure(std::span<const double> weights);

struct Limits {
  double max_weight = 1;
  double max_gross = 2;
  double max_net = 1;
  static constexpr auto fields() {
    return std::make_tuple(field("max_weight", &Limits::max_weight, "largest |weight| of one instrument"),
                           field("max_gross", &Limits::max_gross, "largest sum of |weights|"),
                           field("max_net", &Limits::max_net, "largest |sum of weights|"));
  }
};

struct Breach {
  std::string limit;   // the field of Limits
  int64_t instrument;  // index, or -1 where the whole portfolio is meant
  double value;
  double allowed;
};
/// Every breach beyond a rounding of 1e-12. Throws ValueError for a limit that is not positive or a weight that is not
/// finite.
std::vector<Breach> find_breaches(std::span<const double> weights, const Limits& limits);

/// The weights moved inside the limits: each instrument is cut to max_weight, then all are scaled down together until
/// gross and net fit. Signs never change and nothing grows.
std::vector<double> apply_limits(std::span<const double> weights, const Limits& limits);

}  // namespace quantick::risk
