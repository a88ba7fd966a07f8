// One query of a head of 16 against 60 keys; "ratio" is the speed over the scalar oracle.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "quantick/kernels/attention/attention.h"
#include "quantick/kernels/bench_ratio.h"

namespace {

using quantick::Isa;
constexpr int64_t kKeys = 60, kWidth = 16;
constexpr quantick::kernels::AttentionHead kHead{kWidth, kWidth, kWidth, kWidth, 1e-4f};

template <class T>
void run(benchmark::State& state, Isa isa) {
  std::vector<T> q(kWidth), k(kKeys * kWidth), v(k.size());
  for (size_t i = 0; i < k.size(); ++i) k[i] = v[i] = static_cast<T>(static_cast<int>(i * 37 % 255) - 127);
  for (size_t i = 0; i < q.size(); ++i) q[i] = static_cast<T>(static_cast<int>(i * 91 % 255) - 127);
  std::vector<float> p(kKeys), y(kWidth);
  std::vector<int32_t> e(kKeys);
  const quantick::kernels::AttentionRun<T> run{k.data(), v.data(), nullptr, kKeys};
  constexpr bool integer = sizeof(T) == sizeof(int16_t);
  quantick::kernels::run_with_ratio(state, integer ? "attend_s16" : "attend_f32", isa == Isa::scalar, [&] {
    if constexpr (integer)
      quantick::kernels::attend_s16(kHead, q.data(), &run, 1, p.data(), e.data(), y.data(), isa);
    else
      quantick::kernels::attend_f32(kHead, q.data(), &run, 1, p.data(), y.data(), isa);
  });
  state.SetItemsProcessed(state.iterations() * kKeys);
}

const int registered = [] {
  for (Isa isa : quantick::supported_isas()) {
    const std::string name(quantick::isa_name(isa));
    benchmark::RegisterBenchmark(("attend_s16/" + name).c_str(), run<int16_t>, isa);
    benchmark::RegisterBenchmark(("attend_f32/" + name).c_str(), run<float>, isa);
  }
  return 0;
}();

}  // namespace
