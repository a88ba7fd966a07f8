// The float matrix product against oneDNN, one thread each: what choosing our own costs. Shapes: the input product of
// the demo's LSTM (20 steps of 64 rows), one of its recurrent products, and a square one.
#include <vector>

#include "quantick/kernels/bench_ratio.h"
#include "quantick/kernels/gemm_f32/gemm.h"

#if QTK_HAS_ONEDNN
#include <dnnl.h>
#include <omp.h>
#endif

namespace quantick::kernels {
namespace {

struct Product {
  explicit Product(const benchmark::State& state)
      : m(state.range(0)), n(state.range(1)), k(state.range(2)), a(m * k, 0.5f), b(n * k, 0.25f), c(m * n) {}
  std::string name() const { return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k); }
  void count(benchmark::State& state) const {
    state.counters["GFLOP/s"] =
        benchmark::Counter(2.0 * static_cast<double>(m * n * k) * static_cast<double>(state.iterations()) * 1e-9,
                           benchmark::Counter::kIsRate);
  }
  int64_t m, n, k;
  std::vector<float> a, b, c;
};

#if QTK_HAS_ONEDNN
void onednn(benchmark::State& state) {
  Product p(state);
  omp_set_num_threads(1);
  run_with_ratio(state, p.name(), true, [&] {
    dnnl_sgemm('N', 'T', p.m, p.n, p.k, 1.0f, p.a.data(), p.k, p.b.data(), p.k, 0.0f, p.c.data(), p.n);
  });
  p.count(state);
}
BENCHMARK(onednn)->Args({1280, 256, 64})->Args({64, 256, 64})->Args({512, 512, 512});
#endif

void quantick_gemm(benchmark::State& state) {
  Product p(state);
  run_with_ratio(state, p.name(), false, [&] {
    gemm_f32(false, true, p.m, p.n, p.k, 1.0f, p.a.data(), p.k, p.b.data(), p.k, 0.0f, p.c.data(), p.n);
  });
  p.count(state);
}
BENCHMARK(quantick_gemm)->Args({1280, 256, 64})->Args({64, 256, 64})->Args({512, 512, 512});

}  // namespace
}  // namespace quantick::kernels
