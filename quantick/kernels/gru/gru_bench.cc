// One quantized GRU layer (inputs = units), one thread, on each instruction set: a step, its halves (`prepare`, and
// `event`, which is finish), and 64 rows at once. h16 is the contract's default, h8 the int8 view of h; x has the same
// width. "ratio" is the speed over the scalar oracle. "floor" is the time over that of reading the packed weights, or,
// for 64 rows, over that of the products at this core's peak.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <string>
#include <string_view>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/kernels/bench_floor.h"
#include "quantick/kernels/bench_ratio.h"
#include "quantick/kernels/gru/gru.h"

namespace {

using quantick::Isa;

void run(benchmark::State& state, Isa isa, int64_t units, int bits, std::string_view form) {
  const quantick::Key key(1);
  std::vector<int8_t> weights(3 * units * units);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<int8_t>(key.bits(i));
  const std::vector<int64_t> bias(3 * units, 100);
  const std::vector<float> scale(3 * units, 1e-6f);
  const quantick::kernels::GruKernel kernel({.inputs = units,
                                             .units = units,
                                             .x_bits = bits,
                                             .wx = weights.data(),
                                             .wh = weights.data(),
                                             .bx = bias.data(),
                                             .bh = bias.data(),
                                             .sx = scale.data(),
                                             .sh = scale.data(),
                                             .h_bits = bits},
                                            isa);
  const int64_t n = form == "batch64" ? 64 : 1;
  std::vector<char> x(n * units * bits / 8, 3), scratch(kernel.scratch_bytes());
  std::vector<int16_t> h(n * units);
  std::vector<float> s(n * units), ph(n * kernel.row_floats());
  kernel.prepare(h.data(), n, ph.data(), scratch.data());
  size_t bytes = kernel.packed_bytes();
  if (form == "event") bytes = kernel.input_packed_bytes();
  if (form == "prepare") bytes -= kernel.input_packed_bytes();
  const double seconds =
      quantick::kernels::run_with_ratio(state, fmt::format("{} {} {}", units, bits, form), isa == Isa::scalar, [&] {
        if (form == "event")
          kernel.finish(x.data(), h.data(), s.data(), n, ph.data(), scratch.data());
        else if (form == "prepare")
          kernel.prepare(h.data(), n, ph.data(), scratch.data());
        else
          kernel.step(x.data(), h.data(), s.data(), n, scratch.data());
      });
  const double products = static_cast<double>(2 * 3 * units * units * n * (bits / 8));
  // Measured beside each run: the clock of a core that others share drifts.
  const double least =
      n == 1 ? quantick::kernels::stream_seconds(bytes) : products / quantick::kernels::vnni_peak_macs_per_second();
  state.counters["floor"] = seconds / least;
  state.counters["bytes"] = static_cast<double>(bytes);
  state.SetItemsProcessed(state.iterations() * n);
}

const int registered = [] {
  for (int64_t units : {64, 100, 128, 200, 256, 1000})
    for (int bits : {16, 8})
      for (const char* form : {"step", "event", "prepare", "batch64"})
        for (Isa isa : quantick::supported_isas()) {
          const std::string name = fmt::format("gru/{}/h{}/{}/{}", units, bits, form, quantick::isa_name(isa));
          benchmark::RegisterBenchmark(name.c_str(), run, isa, units, bits, form);
        }
  return 0;
}();

}  // namespace
