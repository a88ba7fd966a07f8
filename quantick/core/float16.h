#pragma once
// bfloat16 and IEEE binary16 as bits in uint16_t. Conversions from float32 round to nearest even in any float mode and
// keep NaN a NaN; beyond the largest finite value they give infinity.
#include <bit>
#include <cstdint>

namespace quantick {

constexpr uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

constexpr float from_bf16(uint16_t b) { return std::bit_cast<float>(static_cast<uint32_t>(b) << 16); }

constexpr uint16_t to_fp16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // 65520 and above
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  if (exponent < -25) return sign;
  // Bits that fall away: 13 of a normal number, more of one below 2^-14.
  const int drop = exponent >= -14 ? 13 : 13 - 14 - exponent;
  const uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
  uint32_t kept = mantissa >> drop;
  const uint32_t rest = mantissa & ((1u << drop) - 1u), half = 1u << (drop - 1);
  if (rest > half || (rest == half && (kept & 1u))) ++kept;
  // The implicit bit, and a carry out of the mantissa, add themselves to the exponent field.
  const uint32_t field = exponent >= -14 ? static_cast<uint32_t>(exponent + 14) << 10 : 0u;
  return static_cast<uint16_t>(sign | (field + kept));
}

constexpr float from_fp16(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16, exponent = h >> 10 & 0x1fu, mantissa = h & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float value = static_cast<float>(mantissa) * 0x1p-24f;
  return sign != 0 ? -value : value;
}

}  // namespace quantick
