// Layer normalization of 64 rows of 256; "ratio" is the speed over the scalar oracle.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "quantick/kernels/bench_ratio.h"
#include "quantick/kernels/layer_norm/layer_norm.h"

namespace {

void run(benchmark::State& state, quantick::Isa isa) {
  constexpr int64_t kRows = 64, kWidth = 256;
  std::vector<float> x(kRows * kWidth), y(x.size()), gamma(kWidth, 1.1f), beta(kWidth, 0.1f);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 101) * 0.03f;
  quantick::kernels::run_with_ratio(state, "layer_norm", isa == quantick::Isa::scalar, [&] {
    quantick::kernels::layer_norm_f32(x.data(), kRows, kWidth, gamma.data(), beta.data(), 1e-5f, y.data(), nullptr,
                                      nullptr, isa);
  });
  state.SetItemsProcessed(state.iterations() * kRows * kWidth);
}

const int registered = [] {
  for (quantick::Isa isa : quantick::supported_isas())
    benchmark::RegisterBenchmark(("layer_norm/" + std::string(quantick::isa_name(isa))).c_str(), run, isa);
  return 0;
}();

}  // namespace
