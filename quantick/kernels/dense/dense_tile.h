#pragma once
// The loops of Dense's integer products, for the files of the instruction sets, which compile them each for themselves.
// A file says by a struct V what is its own:
//   Sum, kStepBytes          a vector of int32, one row of a block each; bytes of weights of a block and step
//   Input, kDepth            what x is converted to; columns of a step, which are one int32 of it
//   samples(P), chains(n)    samples that share a load of weights, with P planes; steps with sums of their own where a
//                            step has n sums, since few chains of sums wait for each other
//   zero, add, weights, broadcast, product, hold          of vectors
//   convert, group, finish   inputs, all samples of R row blocks, results
#include "quantick/kernels/dense/dense_plan.h"

namespace quantick::kernels {
namespace {

template <class V, int P, int R, int N, int K>
[[gnu::always_inline]] inline void clear(typename V::Sum (&sum)[K][P][N][R]) {
#pragma GCC unroll 8
  for (int j = 0; j < K; ++j)
#pragma GCC unroll 2
    for (int plane = 0; plane < P; ++plane)
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n)
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) sum[j][plane][n][r] = V::zero();
}

/// Sums of K steps side by side, joined into one per plane, sample and block; then the results.
template <class V, int P, int R, int N, int K>
[[gnu::always_inline]] inline void join(const DensePlan& p, const typename V::Sum (&sum)[K][P][N][R], int64_t block,
                                        int64_t sample, const DenseCall& c) {
  typename V::Sum sums[P * N * R];
#pragma GCC unroll 2
  for (int plane = 0; plane < P; ++plane)
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n)
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        typename V::Sum all = sum[0][plane][n][r];
#pragma GCC unroll 8
        for (int j = 1; j < K; ++j) all = V::add(all, sum[j][plane][n][r]);
        sums[(plane * N + n) * R + r] = all;
      }
  V::finish(p, sums, P, N, R, block, sample, c);
}

/// N samples times R row blocks with P planes.
template <class V, int P, int R, int N>
void tile(const DensePlan& p, const int8_t* w, int64_t block, const typename V::Input* x, int64_t sample,
          const DenseCall& c) {
  constexpr int K = V::chains(P * R * N);
  const int64_t width = p.steps * V::kDepth;
  typename V::Sum sum[K][P][N][R];
  clear<V, P, R, N, K>(sum);
  int64_t k = 0;
  for (; k + K <= p.steps; k += K, w += K * R * V::kStepBytes, x += K * V::kDepth)
#pragma GCC unroll 8
    for (int j = 0; j < K; ++j) {
      typename V::Sum weights[R];
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        weights[r] = V::weights(w + (j * R + r) * V::kStepBytes);
        // In a register: g++ would load it once more for each product.
        if (P * N > 1) V::hold(weights[r]);
      }
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n)
#pragma GCC unroll 2
        for (int plane = 0; plane < P; ++plane) {
          const typename V::Sum input = V::broadcast(x + j * V::kDepth + (n * P + plane) * width);
#pragma GCC unroll 4
          for (int r = 0; r < R; ++r) sum[j][plane][n][r] = V::product(sum[j][plane][n][r], input, weights[r]);
        }
    }
  if constexpr (K > 1)
    for (; k < p.steps; ++k, w += R * V::kStepBytes, x += V::kDepth)
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const typename V::Sum weights = V::weights(w + r * V::kStepBytes);
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n)
#pragma GCC unroll 2
          for (int plane = 0; plane < P; ++plane)
            sum[0][plane][n][r] = V::product(sum[0][plane][n][r], V::broadcast(x + (n * P + plane) * width), weights);
      }
  join<V, P, R, N, K>(p, sum, block, sample, c);
}

/// All n samples of R row blocks, whose weights begin at w.
template <class V, int P, int R>
[[gnu::always_inline]] inline void tiles(const DensePlan& p, const int8_t* w, int64_t block, const typename V::Input* x,
                                         int64_t sample, int64_t n, const DenseCall& c) {
  constexpr int kSamples = V::samples(P);
  const int64_t stride = P * p.steps * V::kDepth;
  int64_t i = 0;
  for (; i + kSamples <= n; i += kSamples) tile<V, P, R, kSamples>(p, w, block, x + i * stride, sample + i, c);
  const typename V::Input* rest = x + i * stride;
  switch (n - i) {
    case 1:
      if constexpr (kSamples > 1) tile<V, P, R, 1>(p, w, block, rest, sample + i, c);
      break;
    case 2:
      if constexpr (kSamples > 2) tile<V, P, R, 2>(p, w, block, rest, sample + i, c);
      break;
    case 3:
      if constexpr (kSamples > 3) tile<V, P, R, 3>(p, w, block, rest, sample + i, c);
      break;
    default:
      break;
  }
}

template <class V, int P>
void groups(const DensePlan& p, const typename V::Input* x, int64_t sample, int64_t n, const DenseCall& c) {
  for (int64_t block = 0; block < p.blocks; block += kDenseGroup) switch (p.blocks - block) {
      case 1:
        V::template group<P, 1>(p, block, x, sample, n, c);
        break;
      case 2:
        V::template group<P, 2>(p, block, x, sample, n, c);
        break;
      case 3:
        V::template group<P, 3>(p, block, x, sample, n, c);
        break;
      default:
        V::template group<P, 4>(p, block, x, sample, n, c);
    }
}

/// All samples of a call; `converted` has room for kDenseBlock samples of one plane or two.
template <class V>
[[gnu::always_inline]] inline void run_dense(const DensePlan& p, const DenseCall& c, bool planes,
                                             typename V::Input* converted) {
  const int64_t width = p.steps * V::kDepth, count = planes ? 2 : 1;
  for (int64_t first = 0; first < c.n; first += kDenseBlock) {
    const int64_t here = c.n - first < kDenseBlock ? c.n - first : kDenseBlock;
    for (int64_t i = 0; i < here; ++i)
      V::convert(p, static_cast<const char*>(c.x) + (first + i) * c.x_stride, planes, width,
                 converted + i * count * width);
    if (planes)
      groups<V, 2>(p, converted, first, here, c);
    else
      groups<V, 1>(p, converted, first, here, c);
  }
}

}  // namespace
}  // namespace quantick::kernels
