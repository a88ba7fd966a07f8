#include "quantick/core/rng.h"

#include <cmath>
#include <numbers>

namespace quantick {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
  constexpr uint64_t kM0 = 0xD2511F53, kM1 = 0xCD9E8D57;
  constexpr uint32_t kW0 = 0x9E3779B9, kW1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = kM0 * c[0], p1 = kM1 * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
    k[0] += kW0;
    k[1] += kW1;
  }
  return c;
}

namespace {

std::array<uint32_t, 4> draw(uint64_t key, uint64_t index, uint32_t purpose) {
  return philox({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), purpose, 0},
                {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
}

constexpr uint32_t kValues = 0, kFold = 1;

double unit(uint32_t high, uint32_t low) {
  return static_cast<double>((static_cast<uint64_t>(high) << 32 | low) >> 11) * 0x1p-53;
}

}  // namespace

Key Key::fold(uint64_t data) const {
  const auto r = draw(value_, data, kFold);
  return Key(static_cast<uint64_t>(r[0]) << 32 | r[1]);
}

Key Key::fold(std::string_view name) const {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, 64 bits
  for (unsigned char ch : name) hash = (hash ^ ch) * 0x100000001b3;
  return fold(hash);
}

uint64_t Key::bits(uint64_t index) const {
  const auto r = draw(value_, index, kValues);
  return static_cast<uint64_t>(r[0]) << 32 | r[1];
}

double Key::uniform(uint64_t index) const {
  const auto r = draw(value_, index, kValues);
  return unit(r[0], r[1]);
}

uint64_t Key::below(uint64_t index, uint64_t bound) const {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(bits(index)) * bound) >> 64);
}

double Key::normal(uint64_t index) const {
  const auto r = draw(value_, index, kValues);
  const double u = 1.0 - unit(r[0], r[1]);  // in (0, 1]
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * unit(r[2], r[3]));
}

}  // namespace quantick
