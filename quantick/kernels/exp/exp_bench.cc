// The exponential of 4096 floats; "ratio" is the speed over the scalar oracle.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "quantick/kernels/bench_ratio.h"
#include "quantick/kernels/exp/exp.h"

namespace {

void run(benchmark::State& state, quantick::Isa isa) {
  std::vector<float> x(4096), y(x.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = -static_cast<float>(i % 997) * 0.02f;
  quantick::kernels::run_with_ratio(state, "exp", isa == quantick::Isa::scalar, [&] {
    quantick::kernels::exp_f32(x.data(), y.data(), static_cast<int64_t>(x.size()), isa);
  });
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(x.size()));
}

const int registered = [] {
  for (quantick::Isa isa : quantick::supported_isas())
    benchmark::RegisterBenchmark(("exp/" + std::string(quantick::isa_name(isa))).c_str(), run, isa);
  return 0;
}();

}  // namespace
