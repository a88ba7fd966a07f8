#include "quantick/runtime/boundary.h"

#include <algorithm>
#include <bit>

#include "quantick/core/float16.h"
#include "quantick/ops/row_node.h"

namespace quantick::runtime {
namespace {

// Values that are filled at a time, on the stack.
constexpr int64_t kPiece = 256;

// Of binary32.
constexpr uint32_t kExponent = 0x7f800000, kExponentUnit = 0x00800000;

bool finite(float x) noexcept { return (std::bit_cast<uint32_t>(x) & kExponent) != kExponent; }

/// Storage type T, codes of fewer bits.
template <class T>
void clamp_codes(T* codes, int64_t n, int bits) noexcept {
  const auto high = static_cast<T>((1 << (bits - 1)) - 1), low = static_cast<T>(-high - 1);
  for (int64_t i = 0; i < n; ++i) codes[i] = std::min(std::max(codes[i], low), high);
}

constexpr float kLargestBf16 = 0x1.fep127f, kLargestFp16 = 65504;

/// Onto a narrower float's values, saturating at its largest finite one: no infinity arises.
template <class Round>
void round_floats(float* x, int64_t n, float largest, Round round) noexcept {
  for (int64_t i = 0; i < n; ++i) x[i] = round(std::min(std::max(x[i], -largest), largest));
}

}  // namespace

int64_t first_not_finite(const float* x, int64_t n) noexcept {
  // Group after group without a branch per value, as long as all are finite.
  constexpr int64_t kGroup = 16;
  int64_t i = 0;
  for (; i + kGroup <= n; i += kGroup) {
    uint32_t carries = 0;  // an exponent of ones, plus one, carries into the highest bit
    for (int64_t j = 0; j < kGroup; ++j) carries |= (std::bit_cast<uint32_t>(x[i + j]) & kExponent) + kExponentUnit;
    if (carries >> 31 != 0) break;
  }
  for (; i < n; ++i)
    if (!finite(x[i])) return i;
  return -1;
}

void settle(void* codes, int64_t n, const TensorFormat& format) noexcept {
  if (format.narrow_bits > 0 && format.dtype == DType::i8)
    clamp_codes(static_cast<int8_t*>(codes), n, format.narrow_bits);
  else if (format.narrow_bits > 0)
    clamp_codes(static_cast<int16_t*>(codes), n, format.narrow_bits);
  else if (format.grid == FloatGrid::bf16)
    round_floats(static_cast<float*>(codes), n, kLargestBf16, [](float x) { return from_bf16(to_bf16(x)); });
  else if (format.grid == FloatGrid::fp16)
    round_floats(static_cast<float*>(codes), n, kLargestFp16, [](float x) { return from_fp16(to_fp16(x)); });
}

void enter(const float* x, int64_t n, const ProgramInput& input, const TensorFormat& format, void* codes,
           Isa isa) noexcept {
  if (input.missing == MissingPolicy::reject) {
    store_codes(x, n, format, isa, codes);
    return settle(codes, n, format);
  }
  float piece[kPiece];
  for (int64_t first = 0; first < n; first += kPiece) {
    const int64_t here = std::min(kPiece, n - first);
    for (int64_t i = 0; i < here; ++i) piece[i] = finite(x[first + i]) ? x[first + i] : input.fill;
    store_codes(piece, here, format, isa, static_cast<char*>(codes) + first * dtype_size(format.dtype));
  }
  settle(codes, n, format);
}

void leave(const void* codes, int64_t n, const TensorFormat& format, float* x, Isa isa) noexcept {
  load_codes(codes, n, format, isa, x);
}

}  // namespace quantick::runtime
