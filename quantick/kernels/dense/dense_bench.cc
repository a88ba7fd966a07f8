// Quantized Dense, one thread: each instruction set, 8- and 16-bit inputs, one sample and a batch. Compare the rows of
// one shape: "ratio" is the speed over the scalar oracle; bytes per second is the rate at which packed weights are
// streamed.
#include <benchmark/benchmark.h>

#include <fmt/core.h>

#include <string>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/kernels/bench_ratio.h"
#include "quantick/kernels/dense/dense.h"

namespace {

using quantick::Isa;

void run(benchmark::State& state, Isa isa, int x_bits, int64_t rows, int64_t cols, int64_t n) {
  const quantick::Key key(1);
  std::vector<int8_t> weights(rows * cols);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<int8_t>(key.bits(i));
  const std::vector<float> scale(rows, 1e-5f);
  const quantick::kernels::DenseKernel kernel(
      {.rows = rows, .cols = cols, .weights = weights.data(), .scale = scale.data(), .x_bits = x_bits}, isa);
  std::vector<char> x(n * cols * x_bits / 8, 3), y(n * rows), scratch(kernel.scratch_bytes());
  quantick::kernels::run_with_ratio(state, fmt::format("{} {} {} {}", rows, cols, n, x_bits), isa == Isa::scalar,
                                    [&] { kernel.run(x.data(), n, y.data(), scratch.data()); });
  state.SetItemsProcessed(state.iterations() * rows * cols * n);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kernel.packed_bytes()));
}

const int registered = [] {
  for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{256, 256}, {512, 128}, {1024, 1024}})
    for (int64_t n : {1, 64})
      for (int x_bits : {8, 16})
        for (Isa isa : quantick::supported_isas()) {
          const std::string name = "dense/" + std::to_string(rows) + "x" + std::to_string(cols) + "/n" +
                                   std::to_string(n) + "/x" + std::to_string(x_bits) + "/" +
                                   std::string(quantick::isa_name(isa));
          benchmark::RegisterBenchmark(name.c_str(), run, isa, x_bits, rows, cols, n);
        }
  return 0;
}();

}  // namespace
