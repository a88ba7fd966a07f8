// One training step of an LSTM and a GRU layer, forward and backward, one thread, as a fraction of the float32 matrix
// product peak of the same process: the best of oneDNN at 512, 1024 and 2048 cubed, measured in turns with the steps.
// Counted are the products: those of forward, and two of that size each in backward.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"
#include "quantick/kernels/gemm_f32/gemm.h"
#include "quantick/ops/recurrent/gru_layer.h"
#include "quantick/ops/recurrent/lstm_layer.h"

#if QTK_HAS_ONEDNN
#include <dnnl.h>
#include <omp.h>
#endif

namespace quantick {
namespace {

constexpr int64_t kSteps = 30, kBatch = 512;
enum Layer { kLstm, kGru };

double seconds_of(auto&& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The best rate so far, in flops per second; our own product where oneDNN is missing.
class ProductPeak {
 public:
  void measure(int64_t n) {
    const auto size = static_cast<size_t>(n * n);
    a_.resize(size, 0.5f), b_.resize(size, 0.25f), c_.resize(size);
    const double seconds = seconds_of([&] { multiply(n); });
    best_ = std::max(best_, 2.0 * static_cast<double>(n * n * n) / seconds);
  }
  double best() const { return best_; }

 private:
  void multiply(int64_t n) {
#if QTK_HAS_ONEDNN
    omp_set_num_threads(1);
    dnnl_sgemm('N', 'N', n, n, n, 1.0f, a_.data(), n, b_.data(), n, 0.0f, c_.data(), n);
#else
    kernels::gemm_f32(false, false, n, n, n, 1.0f, a_.data(), n, b_.data(), n, 0.0f, c_.data(), n);
#endif
  }
  std::vector<float> a_, b_, c_;
  double best_ = 0;
};

ProductPeak& peak() {
  static ProductPeak one;
  return one;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

Array noise(const Shape& shape, uint64_t seed) {
  std::vector<float> values(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(0.2 * Key(seed).uniform(i) - 0.1);
  return Array::from(values, shape);
}

void training_step(benchmark::State& state) {
  const bool gru = state.range(0) == kGru;
  const int64_t units = state.range(1), rows = (gru ? 3 : 4) * units;
  const Array x = noise({kSteps, kBatch, units}, 1), w_ih = noise({rows, units}, 2), w_hh = noise({rows, units}, 3);
  const Array bias = noise({rows}, 4), dy = noise({kSteps, kBatch, units}, 5);
  const LstmSizes lstm_sizes{kSteps, kBatch, units, units};
  const LstmInputs lstm{x, w_ih, w_hh, bias, bias, {}, {}, {}};
  const GruSizes gru_sizes{kSteps, kBatch, units, units};
  const GruInputs gru_inputs{x, w_ih, w_hh, bias, bias, {}};
  const int threads = thread_count();
  set_thread_count(1);
  std::vector<double> forward, backward, both;
  int64_t round = 0;
  for (auto _ : state) {
    peak().measure(int64_t{512} << (round++ % 3));
    LstmForward lstm_kept;
    GruForward gru_kept;
    forward.push_back(seconds_of([&] {
      if (gru)
        gru_kept = gru_forward(gru_sizes, gru_inputs, true);
      else
        lstm_kept = lstm_forward(lstm_sizes, lstm, true);
    }));
    backward.push_back(seconds_of([&] {
      if (gru)
        benchmark::DoNotOptimize(gru_backward(gru_sizes, gru_inputs, gru_kept.kept, dy, {}));
      else
        benchmark::DoNotOptimize(lstm_backward(lstm_sizes, lstm, lstm_kept.kept, dy, {}, {}));
    }));
    both.push_back(forward.back() + backward.back());
    state.SetIterationTime(both.back());
  }
  set_thread_count(threads);
  const double flops = 2.0 * static_cast<double>(kSteps * kBatch * 2 * units * rows);
  state.counters["forward_ms"] = median(forward) * 1e3;
  state.counters["backward_ms"] = median(backward) * 1e3;
  state.counters["GFLOP/s"] = 3 * flops / median(both) * 1e-9;
  state.counters["peak"] = peak().best() * 1e-9;
  state.counters["of_peak"] = 3 * flops / median(both) / peak().best();
  state.counters["forward_of_peak"] = flops / median(forward) / peak().best();
  state.counters["backward_of_peak"] = 2 * flops / median(backward) / peak().best();
  state.SetLabel(gru ? "gru" : "lstm");
}
BENCHMARK(training_step)
    ->ArgNames({"layer", "units"})
    ->ArgsProduct({{kLstm, kGru}, {64, 128}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(12);

}  // namespace
}  // namespace quantick
