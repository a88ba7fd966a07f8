// One row times a packed matrix, as a tick asks for it: several matrices behind each other, as the layers of a network
// lie, against one reading of their bytes and against Eigen's matrix-vector product, in turns.
#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "quantick/core/float16.h"
#include "quantick/kernels/bench_floor.h"
#include "quantick/kernels/bench_ratio.h"
#include "quantick/kernels/gemm_f32/gemm.h"

#if __has_include(<eigen3/Eigen/Core>)
#define QTK_HAS_EIGEN 1
#include <eigen3/Eigen/Core>
#endif

namespace quantick::kernels {
namespace {

#if QTK_HAS_EIGEN
template <int kOrder>
struct EigenMatrices {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, kOrder>;
  EigenMatrices(int64_t count, int64_t n, int64_t k)
      : weights(static_cast<size_t>(count), Matrix::Constant(n, k, 0.01f)),
        x(Eigen::VectorXf::Constant(k, 0.5f)),
        y(Eigen::VectorXf::Zero(n)) {}
  void run() {
    for (const Matrix& w : weights) y.noalias() = w * x;
  }
  std::vector<Matrix> weights;
  Eigen::VectorXf x, y;
};

#endif

/// What stands behind each other in lstm_2x64, lstm_2x128 and lstm_3x256: the products of x and of h of each layer.
struct Shape {
  int64_t count, rows, columns;
};

double median(std::vector<double> seconds) {
  const auto middle = seconds.begin() + static_cast<ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return *middle;
}

/// Seconds of a run, `times` in a row, with its weights in the cache.
template <class Body>
double seconds_of(int64_t times, Body body) {
  body();  // the others' weights are in the cache
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < times; ++i) {
    body();
    benchmark::ClobberMemory();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / static_cast<double>(times);
}

template <class T>
void pack_all(const Shape& s, T value, std::vector<PackedMatrix>& out) {
  const auto memory = std::make_shared<LargePages>(static_cast<size_t>(s.count * s.rows * s.columns) * sizeof(T));
  const std::vector<T> weights(static_cast<size_t>(s.rows * s.columns), value);
  for (int64_t i = 0; i < s.count; ++i) {
    out.emplace_back(memory);
    out.back().pack(true, s.columns, s.rows, weights.data(), s.columns);
  }
}

void row_product(benchmark::State& state) {
  const Shape s{state.range(1), state.range(2), state.range(3)};
  const auto type = static_cast<GemmWeights>(state.range(0));
  std::vector<PackedMatrix> weights;
  if (type == GemmWeights::f32) pack_all(s, 0.01f, weights);
  if (type == GemmWeights::bf16) pack_all(s, Bf16{to_bf16(0.01f)}, weights);
  if (type == GemmWeights::fp16) pack_all(s, Fp16{to_fp16(0.01f)}, weights);
  const std::vector<float> x(static_cast<size_t>(s.columns), 0.5f);
  std::vector<float> y(static_cast<size_t>(s.rows));
  const auto ours = [&] {
    for (const PackedMatrix& w : weights) w.multiply(1, x.data(), s.columns, 1, 1.0f, false, y.data(), s.rows);
  };
  const size_t bytes = static_cast<size_t>(s.count * s.rows * s.columns) * (type == GemmWeights::f32 ? 4 : 2);
  const int64_t times = std::max<int64_t>(1, (int64_t{1} << 21) / static_cast<int64_t>(bytes));
  std::vector<double> own;
#if QTK_HAS_EIGEN
  EigenMatrices<Eigen::RowMajor> by_row(s.count, s.rows, s.columns);
  EigenMatrices<Eigen::ColMajor> by_column(s.count, s.rows, s.columns);
  std::vector<double> row, column;
#endif
  for (auto _ : state) {
    own.push_back(seconds_of(times, ours));
    state.SetIterationTime(own.back());
#if QTK_HAS_EIGEN
    row.push_back(seconds_of(times, [&] { by_row.run(); }));
    column.push_back(seconds_of(times, [&] { by_column.run(); }));
#endif
  }
  state.counters["of_reading"] = median(own) / stream_seconds(bytes);
#if QTK_HAS_EIGEN
  state.counters["of_eigen"] = median(own) / std::min(median(row), median(column));
#endif
  state.SetLabel(type == GemmWeights::f32 ? "f32" : type == GemmWeights::bf16 ? "bf16" : "fp16");
}

void shapes(benchmark::internal::Benchmark* b) {
  for (const GemmWeights type : {GemmWeights::f32, GemmWeights::bf16, GemmWeights::fp16})
    for (const Shape& s : {Shape{4, 256, 64}, Shape{4, 512, 128}, Shape{6, 1024, 256}})
      b->Args({static_cast<int64_t>(type), s.count, s.rows, s.columns});
}
BENCHMARK(row_product)
    ->Apply(shapes)
    ->ArgNames({"type", "matrices", "rows", "columns"})
    ->UseManualTime()
    ->Iterations(201)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace quantick::kernels
