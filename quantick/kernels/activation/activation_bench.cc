// Sigmoid and tanh over 4096 floats; "ratio" is the speed over the C library.
#include <benchmark/benchmark.h>

#include <cmath>
#include <string>
#include <vector>

#include "quantick/kernels/activation/activation.h"
#include "quantick/kernels/bench_ratio.h"

namespace {

constexpr int64_t kCount = 4096;

std::vector<float> input() {
  std::vector<float> x(kCount);
  for (int64_t i = 0; i < kCount; ++i) x[i] = static_cast<float>(i % 1021 - 510) * 0.013f;
  return x;
}

void run(benchmark::State& state, void (*function)(const float*, float*, int64_t), const std::string& group,
         bool is_base) {
  const auto x = input();
  std::vector<float> y(kCount);
  quantick::kernels::run_with_ratio(state, group, is_base, [&] { function(x.data(), y.data(), kCount); });
  state.SetItemsProcessed(state.iterations() * kCount);
}

void library_tanh(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::tanh(x[i]);
}

void library_sigmoid(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = 1 / (1 + std::exp(-x[i]));
}

namespace k = quantick::kernels;

const int registered = [] {
  struct Row {
    const char* name;
    void (*function)(const float*, float*, int64_t);
    quantick::Isa isa;
  };
  const Row rows[] = {{"tanh/library", library_tanh, quantick::Isa::scalar},
                      {"tanh/scalar", k::tanh_f32_scalar, quantick::Isa::scalar},
                      {"tanh/avx2", k::tanh_f32_avx2, quantick::Isa::avx2},
                      {"tanh/avx512vnni", k::tanh_f32_avx512vnni, quantick::Isa::avx512vnni},
                      {"sigmoid/library", library_sigmoid, quantick::Isa::scalar},
                      {"sigmoid/scalar", k::sigmoid_f32_scalar, quantick::Isa::scalar},
                      {"sigmoid/avx2", k::sigmoid_f32_avx2, quantick::Isa::avx2},
                      {"sigmoid/avx512vnni", k::sigmoid_f32_avx512vnni, quantick::Isa::avx512vnni}};
  for (const Row& row : rows)
    if (row.isa <= quantick::supported_isas().back())
      benchmark::RegisterBenchmark(row.name, run, row.function, std::string(row.name, row.name[0] == 't' ? 4 : 7),
                                   row.function == library_tanh || row.function == library_sigmoid);
  return 0;
}();

}  // namespace
