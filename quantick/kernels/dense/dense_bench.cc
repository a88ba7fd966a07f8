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

void run(benchmark::State& state, Isa isa, int x_bits, int64_t rows, int64_t cols, int64_t n, int64_t group_size) {
  const quantick::Key key(1);
  std::vector<int8_t> weights(rows * cols);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<int8_t>(key.bits(i));
  const std::vector<float> scale(group_size > 0 ? rows * ((cols + group_size - 1) / group_size) : rows, 1e-5f);
  const quantick::kernels::DenseKernel kernel({.rows = rows,
                                               .cols = cols,
                                               .weights = weights.data(),
                                               .scale = scale.data(),
                                               .x_bits = x_bits,
                                               .group_size = group_size},
                                              isa);
  std::vector<char> x(n * cols * x_bits / 8, 3), y(n * rows), scratch(kernel.scratch_bytes());
  quantick::kernels::run_with_ratio(state, fmt::format("{} {} {} {} {}", rows, cols, n, x_bits, group_size),
                                    isa == Isa::scalar, [&] { kernel.run(x.data(), n, y.data(), scratch.data()); });
  state.SetItemsProcessed(state.iterations() * rows * cols * n);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kernel.packed_bytes()));
}

void add(int64_t rows, int64_t cols, int64_t n, int x_bits, int64_t group_size) {
  for (Isa isa : quantick::supported_isas()) {
    const std::string name =
        fmt::format("dense/{}x{}/n{}/x{}{}/{}", rows, cols, n, x_bits,
                    group_size > 0 ? fmt::format("/groups{}", group_size) : "", quantick::isa_name(isa));
    benchmark::RegisterBenchmark(name.c_str(), run, isa, x_bits, rows, cols, n, group_size);
  }
}

const int registered = [] {
  for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{256, 256}, {512, 128}, {1024, 1024}})
    for (int64_t n : {1, 64})
      for (int x_bits : {8, 16}) add(rows, cols, n, x_bits, 0);
  for (int64_t n : {1, 64}) add(256, 256, n, 8, 32);
  return 0;
}();

}  // namespace
