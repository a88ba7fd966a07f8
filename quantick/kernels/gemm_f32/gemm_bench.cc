// The float matrix product against oneDNN, one thread each: what choosing our own costs. Shapes: the input product of
// the demo's LSTM (20 steps of 64 rows), one of its recurrent products, and a square one; ours also with weights that
// were packed before, as layers and programs have them. Last, what a core makes at best: products of float32, and of
// bf16 where the processor multiplies them.
#include <vector>

#include "quantick/kernels/bench_floor.h"
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

void quantick_packed(benchmark::State& state) {
  Product p(state);
  const PackedMatrix b(true, p.k, p.n, p.b.data(), p.k);
  run_with_ratio(state, p.name(), false, [&] { b.multiply(p.m, p.a.data(), p.k, 1, 1.0f, false, p.c.data(), p.n); });
  p.count(state);
}
BENCHMARK(quantick_packed)->Args({1280, 256, 64})->Args({64, 256, 64})->Args({512, 512, 512});

#if defined(__x86_64__)
/// ratio: products per second, relative to float32.
void peak(benchmark::State& state) {
  const bool bf16 = state.range(0) == 1;
  if (!__builtin_cpu_supports("avx512f") || (bf16 && !__builtin_cpu_supports("avx512bf16")))
    return state.SkipWithError("the processor lacks the instruction");
  constexpr int64_t kRounds = 1000, kSums = 16;
  run_with_ratio(state, "peak", !bf16, [&] { bf16 ? multiply_bf16_avx512(kRounds) : multiply_floats_avx512(kRounds); });
  const int64_t lanes = bf16 ? 32 : 16;
  if (bf16) state.counters["ratio"].value *= 2;
  state.counters["GMAC/s"] =
      benchmark::Counter(1e-9 * static_cast<double>(lanes * kSums * kRounds) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
  state.SetLabel(bf16 ? "bf16" : "f32");
}
BENCHMARK(peak)->Arg(0)->Arg(1);
#endif

}  // namespace
}  // namespace quantick::kernels
