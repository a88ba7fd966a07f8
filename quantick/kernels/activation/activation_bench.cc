// Ratio of each instruction set to the scalar oracle and to the C library, over 4096 floats.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "quantick/kernels/activation/activation.h"

namespace {

constexpr int64_t kCount = 4096;

std::vector<float> input() {
  std::vector<float> x(kCount);
  for (int64_t i = 0; i < kCount; ++i) x[i] = static_cast<float>(i % 1021 - 510) * 0.013f;
  return x;
}

void run(benchmark::State& state, void (*function)(const float*, float*, int64_t)) {
  const auto x = input();
  std::vector<float> y(kCount);
  for (auto _ : state) {
    function(x.data(), y.data(), kCount);
    benchmark::ClobberMemory();
  }
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
      benchmark::RegisterBenchmark(row.name, [function = row.function](benchmark::State& s) { run(s, function); });
  return 0;
}();

}  // namespace
