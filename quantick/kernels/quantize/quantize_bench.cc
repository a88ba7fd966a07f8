// The float boundary and the residual sum over 4096 values; "ratio" is the speed over the scalar oracle.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "quantick/kernels/bench_ratio.h"
#include "quantick/kernels/quantize/quantize.h"

namespace {

constexpr int64_t kCount = 4096;

void quantize(benchmark::State& state, quantick::Isa isa) {
  std::vector<float> x(kCount);
  for (int64_t i = 0; i < kCount; ++i) x[i] = static_cast<float>(i % 517 - 258) * 0.011f;
  std::vector<int8_t> q(kCount);
  quantick::kernels::run_with_ratio(state, "quantize", isa == quantick::Isa::scalar, [&] {
    quantick::kernels::quantize_s8(x.data(), kCount, 0.021f, 3, q.data(), isa);
  });
  state.SetItemsProcessed(state.iterations() * kCount);
}

void add(benchmark::State& state, quantick::Isa isa) {
  std::vector<int8_t> a(kCount), b(kCount), y(kCount);
  for (int64_t i = 0; i < kCount; ++i) a[i] = static_cast<int8_t>(i), b[i] = static_cast<int8_t>(7 * i);
  quantick::kernels::run_with_ratio(state, "add", isa == quantick::Isa::scalar, [&] {
    quantick::kernels::add_s8(a.data(), {0.34f, 3}, b.data(), {0.7f, -8}, kCount, 1, y.data(), isa);
  });
  state.SetItemsProcessed(state.iterations() * kCount);
}

const int registered = [] {
  for (quantick::Isa isa : quantick::supported_isas()) {
    const std::string name(quantick::isa_name(isa));
    benchmark::RegisterBenchmark(("quantize_s8/" + name).c_str(), quantize, isa);
    benchmark::RegisterBenchmark(("add_s8/" + name).c_str(), add, isa);
  }
  return 0;
}();

}  // namespace
