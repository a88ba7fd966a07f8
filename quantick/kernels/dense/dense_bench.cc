// Quantized Dense, one thread: each instruction set, 8- and 16-bit inputs, 4-bit and group-wise weights, one sample and
// batches, and a network of three layers. "ratio" is the speed over the scalar oracle; "of stream" is the time over
// that of reading as many bytes as the packed weights have, "of peak" the byte products per second over the most that
// the core makes; all of the same process.
#include <benchmark/benchmark.h>

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/kernels/bench_floor.h"
#include "quantick/kernels/bench_ratio.h"
#include "quantick/kernels/dense/dense.h"

namespace {

using namespace quantick;
using namespace quantick::kernels;

struct Form {
  int64_t rows, cols, n;
  int x_bits = 8, weight_bits = 8;
  int64_t group_size = 0;

  std::string name() const {
    return fmt::format("{}x{}/n{}/x{}/w{}{}", rows, cols, n, x_bits, weight_bits,
                       group_size > 0 ? fmt::format("/groups{}", group_size) : "");
  }
};

DenseKernel random_kernel(const Form& form, Isa isa) {
  const Key key(1);
  std::vector<int8_t> weights(form.rows * form.cols);
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = static_cast<int8_t>(static_cast<int8_t>(key.bits(i)) >> (8 - form.weight_bits));
  const int64_t groups = form.group_size > 0 ? (form.cols + form.group_size - 1) / form.group_size : 1;
  const std::vector<float> scale(form.rows * groups, 1e-5f);
  return DenseKernel({.rows = form.rows,
                      .cols = form.cols,
                      .weights = weights.data(),
                      .scale = scale.data(),
                      .x_bits = form.x_bits,
                      .group_size = form.group_size,
                      .weight_bits = form.weight_bits},
                     isa);
}

void report(benchmark::State& state, const std::string& name, Isa isa, size_t bytes, int64_t products, auto body) {
  static const double peak = vnni_peak_macs_per_second();
  run_with_ratio(state, name, isa == Isa::scalar, body);
  if (isa == Isa::scalar) return;
  const double seconds = median_seconds(body), floor = stream_seconds(bytes);
  if (floor > 0) state.counters["of stream"] = seconds / floor;
  if (peak > 0) state.counters["of peak"] = static_cast<double>(products) / seconds / peak;
}

void run(benchmark::State& state, Isa isa, const Form& form) {
  const DenseKernel kernel = random_kernel(form, isa);
  std::vector<char> x(form.n * form.cols * form.x_bits / 8, 3), y(form.n * form.rows);
  PooledBytes scratch(kernel.scratch_bytes(), nullptr);
  report(state, form.name(), isa, kernel.packed_bytes(), form.rows * form.cols * form.n * form.x_bits / 8,
         [&] { kernel.run(x.data(), form.n, y.data(), scratch.data()); });
  state.SetItemsProcessed(state.iterations() * form.rows * form.cols * form.n);
}

/// 256 to 384, 384 and 128.
void run_network(benchmark::State& state, Isa isa, int64_t n) {
  const DenseKernel layers[] = {random_kernel({384, 256, n}, isa), random_kernel({384, 384, n}, isa),
                                random_kernel({128, 384, n}, isa)};
  size_t bytes = 0, scratch_bytes = 0;
  int64_t products = 0;
  for (const DenseKernel& layer : layers) {
    bytes += layer.packed_bytes(), scratch_bytes = std::max(scratch_bytes, layer.scratch_bytes());
    products += layer.rows() * layer.cols() * n;
  }
  std::vector<char> a(n * 384, 3), b(n * 384, 3);
  PooledBytes scratch(scratch_bytes, nullptr);
  report(state, fmt::format("network {}", n), isa, bytes, products, [&] {
    layers[0].run(a.data(), n, b.data(), scratch.data());
    layers[1].run(b.data(), n, a.data(), scratch.data());
    layers[2].run(a.data(), n, b.data(), scratch.data());
  });
}

const int registered = [] {
  std::vector<Form> forms;
  for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{256, 256}, {512, 128}, {512, 1024}, {1024, 1024}})
    for (int64_t n : {1, 64})
      for (int x_bits : {8, 16}) forms.push_back({rows, cols, n, x_bits});
  for (int64_t n : {1, 64}) {
    forms.push_back({256, 256, n, 8, 8, 32});
    forms.push_back({256, 256, n, 8, 4, 32});
    forms.push_back({2048, 2048, n, 8, 8});  // beyond the second cache
    forms.push_back({2048, 2048, n, 8, 4});
  }
  const auto name = [](const std::string& what, Isa isa) { return fmt::format("dense/{}/{}", what, isa_name(isa)); };
  for (const Form& form : forms)
    for (Isa isa : supported_isas()) benchmark::RegisterBenchmark(name(form.name(), isa).c_str(), run, isa, form);
  for (int64_t n : {1, 4, 8})
    for (Isa isa : supported_isas())
      benchmark::RegisterBenchmark(name(fmt::format("mlp_256_384_384_128/n{}", n), isa).c_str(), run_network, isa, n);
  return 0;
}();

}  // namespace
