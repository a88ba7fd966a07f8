// Packing in plain C++.
#include "quantick/kernels/dense/dense_pack.h"

namespace quantick::kernels {

void row_sums_scalar(const int8_t* weights, int64_t rows, int64_t cols, int64_t* sums, int64_t* magnitudes) {
  for (int64_t r = 0; r < rows; ++r, weights += cols) {
    sums[r] = magnitudes[r] = 0;
    for (int64_t k = 0; k < cols; ++k) {
      sums[r] += weights[k];
      magnitudes[r] += weights[k] < 0 ? -weights[k] : weights[k];
    }
  }
}

void pack_columns_scalar(const int8_t* weights, int64_t rows, int64_t cols, int64_t first, int64_t depth,
                         int64_t stride, int8_t* out) {
  for (int64_t k = first; k < cols; ++k)
    for (int64_t r = 0; r < rows; ++r) out[k / depth * stride + r * depth + k % depth] = weights[r * cols + k];
}

bool to_nibbles_scalar(const int8_t* lines, int64_t pairs, int64_t line_bytes, int8_t* out) {
  int outside = 0;
  for (int64_t pair = 0; pair < pairs; ++pair, lines += 2 * line_bytes, out += line_bytes)
    for (int64_t i = 0; i < line_bytes; ++i) {
      const int even = lines[i], odd = lines[line_bytes + i];
      outside |= ((even + 8) | (odd + 8)) & ~15;
      out[i] = static_cast<int8_t>((even & 15) | (odd & 15) << 4);
    }
  return outside == 0;
}

void from_nibbles_scalar(const uint8_t* nibbles, int64_t count, int8_t* codes) {
  for (int64_t i = 0; i < count; ++i) {
    const int code = nibbles[i / 2] >> (i % 2 * 4) & 15;
    codes[i] = static_cast<int8_t>(code < 8 ? code : code - 16);
  }
}

}  // namespace quantick::kernels
