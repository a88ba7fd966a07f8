// One quantized LSTM layer (inputs = units), one thread: a single step (tick path), its second half after prepare()
// (event path), and 64 rows at once, on each instruction set. h16 is the contract's default, h8 the int8 view of h;
// "ratio" is the speed over the scalar oracle.
#include <benchmark/benchmark.h>

#include <fmt/core.h>

#include <string>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/kernels/bench_ratio.h"
#include "quantick/kernels/lstm/lstm.h"

namespace {

using quantick::Isa;

void run(benchmark::State& state, Isa isa, int64_t units, int h_bits, int64_t n, bool event) {
  const quantick::Key key(1);
  std::vector<int8_t> weights(4 * units * units);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<int8_t>(key.bits(i));
  const std::vector<int64_t> bias(4 * units, 100);
  const std::vector<float> scale(4 * units, 1e-6f);
  const quantick::kernels::LstmKernel kernel({.inputs = units,
                                              .units = units,
                                              .x_bits = h_bits,
                                              .wx = weights.data(),
                                              .wh = weights.data(),
                                              .bx = bias.data(),
                                              .sx = scale.data(),
                                              .sh = scale.data(),
                                              .h_bits = h_bits},
                                             isa);
  std::vector<char> x(n * units * h_bits / 8, 3), scratch(kernel.scratch_bytes());
  std::vector<int16_t> h(n * units);
  std::vector<float> c(n * units);
  std::vector<float> ph(n * kernel.row_floats());
  kernel.prepare(h.data(), n, ph.data(), scratch.data());
  const std::string group = fmt::format("{} {} {} {}", units, h_bits, n, event);
  quantick::kernels::run_with_ratio(state, group, isa == Isa::scalar, [&] {
    if (event)
      kernel.finish(x.data(), h.data(), c.data(), n, ph.data(), scratch.data());
    else
      kernel.step(x.data(), h.data(), c.data(), n, scratch.data());
  });
  state.SetItemsProcessed(state.iterations() * n);
  if (!event) state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kernel.packed_bytes()));
}

const int registered = [] {
  for (int64_t units : {64, 128, 256})
    for (int h_bits : {16, 8})
      for (const char* form : {"step", "event", "batch64"})
        for (Isa isa : quantick::supported_isas()) {
          const std::string name = "lstm/" + std::to_string(units) + "/h" + std::to_string(h_bits) + "/" + form + "/" +
                                   std::string(quantick::isa_name(isa));
          const bool batch = form[0] == 'b', event = form[0] == 'e';
          benchmark::RegisterBenchmark(name.c_str(), run, isa, units, h_bits, batch ? 64 : 1, event);
        }
  return 0;
}();

}  // namespace
