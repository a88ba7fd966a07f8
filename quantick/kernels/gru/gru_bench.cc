// One quantized GRU layer (inputs = units), one thread: a single step (tick path), its second half after prepare()
// (event path), and 64 rows at once, on each instruction set; "ratio" is the speed over the scalar oracle.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <string>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/kernels/bench_ratio.h"
#include "quantick/kernels/gru/gru.h"

namespace {

using quantick::Isa;

void run(benchmark::State& state, Isa isa, int64_t units, int64_t n, bool event) {
  const quantick::Key key(1);
  std::vector<int8_t> weights(3 * units * units);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<int8_t>(key.bits(i));
  const std::vector<int64_t> bias(3 * units, 100);
  const std::vector<float> scale(3 * units, 1e-6f);
  const quantick::kernels::GruKernel kernel({.inputs = units,
                                             .units = units,
                                             .x_bits = 16,
                                             .wx = weights.data(),
                                             .wh = weights.data(),
                                             .bx = bias.data(),
                                             .bh = bias.data(),
                                             .sx = scale.data(),
                                             .sh = scale.data()},
                                            isa);
  std::vector<char> scratch(kernel.scratch_bytes());
  const std::vector<int16_t> x(n * units, 771);
  std::vector<int16_t> h(n * units);
  std::vector<float> s(n * units);
  std::vector<float> ph(n * kernel.row_floats());
  kernel.prepare(h.data(), n, ph.data(), scratch.data());
  quantick::kernels::run_with_ratio(state, fmt::format("{} {} {}", units, n, event), isa == Isa::scalar, [&] {
    if (event)
      kernel.finish(x.data(), h.data(), s.data(), n, ph.data(), scratch.data());
    else
      kernel.step(x.data(), h.data(), s.data(), n, scratch.data());
  });
  state.SetItemsProcessed(state.iterations() * n);
  if (!event) state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kernel.packed_bytes()));
}

const int registered = [] {
  for (int64_t units : {64, 128, 256})
    for (const char* form : {"step", "event", "batch64"})
      for (Isa isa : quantick::supported_isas()) {
        const std::string name = fmt::format("gru/{}/{}/{}", units, form, quantick::isa_name(isa));
        const bool batch = form[0] == 'b', event = form[0] == 'e';
        benchmark::RegisterBenchmark(name.c_str(), run, isa, units, batch ? 64 : 1, event);
      }
  return 0;
}();

}  // namespace
