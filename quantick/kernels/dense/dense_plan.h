#pragma once
// What a Dense kernel of any instruction set reads: plain pointers and numbers, laid out by DenseKernel.
#include <cstdint>

namespace quantick::kernels {

/// Samples per pass over the weights; scratch holds the converted inputs of this many.
inline constexpr int64_t kDenseBlock = 64;
/// Row blocks (of one vector of int32 each) that share a broadcast of x; the packing interleaves them.
inline constexpr int64_t kDenseGroup = 4;

/// Packing of one instruction set: a row block holds `lanes` rows, and each lane holds `depth` neighbouring columns.
struct DensePacking {
  int64_t lanes;
  int64_t depth;
};
inline constexpr DensePacking kPackingAvx2{8, 2};         // int16 pairs for pmaddwd
inline constexpr DensePacking kPackingAvxvnni{8, 4};      // byte quadruples for vpdpbusd
inline constexpr DensePacking kPackingAvx512vnni{16, 4};  // the same

struct DensePlan {
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t steps = 0;   // columns / packing depth, rounded up; missing columns have weight 0
  int64_t blocks = 0;  // rows / packing lanes, rounded up; missing rows have weight, bias and scale 0
  // Scalar: canonical [rows, cols]. Else [group of 4 blocks][step][block in group][lane][column in step]; as nibbles
  // (AVX512-VNNI) [group of 4 blocks][two steps][block in group][lane][column in step], the even step in the low half.
  const int8_t* weights = nullptr;
  bool nibbles = false;
  const int64_t* bias = nullptr;        // [blocks * lanes]
  const int32_t* start = nullptr;       // [blocks * lanes] added to the (low-plane) sum, modulo 2^32
  const int32_t* start_high = nullptr;  // the same for the high byte plane
  const float* scale = nullptr;         // [blocks * lanes]
  const float* bias_real = nullptr;     // [blocks * lanes] added to float32 results; null: zeros
  int x_bits = 8;
  int y_bits = 8;
  bool wide = false;  // 64-bit accumulators: plane sums join as hi * 256 + lo + bias in 64 bits
  bool raw = false;   // the results are the int32 sums themselves
  float low = 0, high = 0;
  int32_t zero = 0;
};

/// Groups of columns with a scale each, and weights of more than 8 bits (one group): sums in 64 bits, then float32.
struct DenseGroupPlan {
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t group_size = 0;  // columns; the last group may be shorter
  int64_t groups = 0;
  const int8_t* weights = nullptr;  // [rows, cols], or
  const int16_t* weights16 = nullptr;
  const int64_t* start = nullptr;  // [rows, groups] where each sum starts: the integer bias, or the zero point's share
  const float* scale = nullptr;    // [rows, groups]
  const float* bias = nullptr;     // [rows] in the result's unit, or null
  int x_bits = 8;
  int y_bits = 8;
  float low = 0, high = 0;
  int32_t zero = 0;
};

/// row_scale [n]: a factor of sample n's scales; null: 1.
void dense_groups(const DenseGroupPlan& plan, const void* x, int64_t n, const float* row_scale, void* y);

struct DenseCall {
  const void* x = nullptr;
  int64_t x_stride = 0;  // bytes from one sample to the next
  int64_t n = 0;
  void* y = nullptr;  // [n, rows]
  void* scratch = nullptr;
  const int32_t* before = nullptr;   // [n, rows] added to the sums; null: zeros. Not with 64-bit accumulators.
  const float* row_scale = nullptr;  // [n] factors of the scales of each sample; null: ones
  bool add = false;                  // float32 results are added to what y holds
};

using DenseRun = void (*)(const DensePlan& plan, const DenseCall& call);

void dense_s8_scalar(const DensePlan& plan, const DenseCall& call);
void dense_s8_avx2(const DensePlan& plan, const DenseCall& call);
void dense_s8_avxvnni(const DensePlan& plan, const DenseCall& call);
void dense_s8_avx512vnni(const DensePlan& plan, const DenseCall& call);

}  // namespace quantick::kernels
