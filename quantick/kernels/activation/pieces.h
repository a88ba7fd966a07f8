#pragma once
// The two activation functions for one number, as written in docs/numerics.md, section 3: the oracle of every other
// form. Not for files with raised instruction sets (inline functions would be merged across them); those use
// pieces_<isa>.h.
#include <bit>
#include <cmath>
#include <limits>

#include "quantick/kernels/activation/coefficients.h"

namespace quantick::kernels {

/// The value for |x|, every step one binary32 operation; |x| / width and the remainder are exact. x is not NaN.
inline float piece_value(const PieceTable& table, float x) {
  const float magnitude = std::fabs(x);
  const float a = magnitude < table.limit ? magnitude : table.limit;
  const int k = static_cast<int>(a * table.inverse_width);
  const float t = a - static_cast<float>(k) * table.width;
  float y = std::bit_cast<float>(table.bits[kPieceTerms - 1][k]);
  for (int j = kPieceTerms - 2; j >= 0; --j) {
    const float product = y * t;
    y = product + std::bit_cast<float>(table.bits[j][k]);
  }
  return y;
}

/// In [0, 1]; sigmoid(0) = 1/2; NaN gives the canonical quiet NaN.
inline float sigmoid1(float x) {
  if (std::isnan(x)) return std::numeric_limits<float>::quiet_NaN();
  const float y = piece_value(kSigmoidPieces, x);
  return x < 0 ? 1.0f - y : y;
}

/// In [-1, 1], odd, signed zero kept; NaN gives the canonical quiet NaN.
inline float tanh1(float x) {
  if (std::isnan(x)) return std::numeric_limits<float>::quiet_NaN();
  return std::copysign(piece_value(kTanhPieces, x), x);
}

/// In (-1, 1), odd, signed zero kept; NaN gives the canonical quiet NaN.
inline float erf1(float x) {
  if (std::isnan(x)) return std::numeric_limits<float>::quiet_NaN();
  return std::copysign(piece_value(kErfPieces, x), x);
}

}  // namespace quantick::kernels
