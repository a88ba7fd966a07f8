#include "quantick/kernels/dense/dense_pack.h"

#include "quantick/kernels/dispatch.h"

namespace quantick::kernels {
namespace {

template <class Function>
constexpr KernelList<Function*> two(Function* scalar, Function* avx2) {
  return {scalar, avx2, avx2};
}
constexpr auto kRowSums = two(row_sums_scalar, row_sums_avx2);
constexpr auto kPackColumns = two(pack_columns_scalar, pack_columns_avx2);
constexpr auto kToNibbles = two(to_nibbles_scalar, to_nibbles_avx2);
constexpr auto kFromNibbles = two(from_nibbles_scalar, from_nibbles_avx2);

}  // namespace

void row_sums(const int8_t* weights, int64_t rows, int64_t cols, int64_t* sums, int64_t* magnitudes, Isa isa) {
  kRowSums[isa](weights, rows, cols, sums, magnitudes);
}

void pack_columns(const int8_t* weights, int64_t rows, int64_t cols, int64_t depth, int64_t stride, int8_t* out,
                  Isa isa) {
  kPackColumns[isa](weights, rows, cols, 0, depth, stride, out);
}

bool to_nibbles(const int8_t* lines, int64_t pairs, int64_t line_bytes, int8_t* out, Isa isa) {
  return kToNibbles[isa](lines, pairs, line_bytes, out);
}

void from_nibbles(const uint8_t* nibbles, int64_t count, int8_t* codes, Isa isa) {
  kFromNibbles[isa](nibbles, count, codes);
}

}  // namespace quantick::kernels
