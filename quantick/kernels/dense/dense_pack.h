#pragma once
// From weights as the file keeps them to the layouts that kernels stream, at the speed of memory: packing counts in the
// time of a load.
#include <cstdint>

#include "quantick/core/cpu.h"

namespace quantick::kernels {

/// Sums of each row of weights [rows, cols], and of its magnitudes: [rows] each.
void row_sums(const int8_t* weights, int64_t rows, int64_t cols, int64_t* sums, int64_t* magnitudes, Isa isa);

/// Turns columns into lines: `depth` neighbouring columns of row 0, of row 1, ... side by side, the next columns
/// `stride` bytes on. What the last columns leave of their line stays as it is.
void pack_columns(const int8_t* weights, int64_t rows, int64_t cols, int64_t depth, int64_t stride, int8_t* out,
                  Isa isa);

/// Lines 2 j and 2 j + 1 of `line_bytes`, a multiple of 32, to one line of nibbles, the even one in the low half.
/// `out` may be `lines`. False where a weight lies outside of [-8, 7]; `out` is then of no use.
bool to_nibbles(const int8_t* lines, int64_t pairs, int64_t line_bytes, int8_t* out, Isa isa);

/// Bytes of two codes each, the earlier in the low half, to codes -8..7: `count` of them.
void from_nibbles(const uint8_t* nibbles, int64_t count, int8_t* codes, Isa isa);

// The functions of the instruction sets; `first`: the column to start from, a multiple of the depth.
void row_sums_scalar(const int8_t* weights, int64_t rows, int64_t cols, int64_t* sums, int64_t* magnitudes);
void row_sums_avx2(const int8_t* weights, int64_t rows, int64_t cols, int64_t* sums, int64_t* magnitudes);
void pack_columns_scalar(const int8_t* weights, int64_t rows, int64_t cols, int64_t first, int64_t depth,
                         int64_t stride, int8_t* out);
void pack_columns_avx2(const int8_t* weights, int64_t rows, int64_t cols, int64_t first, int64_t depth, int64_t stride,
                       int8_t* out);
bool to_nibbles_scalar(const int8_t* lines, int64_t pairs, int64_t line_bytes, int8_t* out);
bool to_nibbles_avx2(const int8_t* lines, int64_t pairs, int64_t line_bytes, int8_t* out);
void from_nibbles_scalar(const uint8_t* nibbles, int64_t count, int8_t* codes);
void from_nibbles_avx2(const uint8_t* nibbles, int64_t count, int8_t* codes);

}  // namespace quantick::kernels
