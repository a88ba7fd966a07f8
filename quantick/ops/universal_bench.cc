// Every operator on its largest sample, forward and backward (what a call costs), and the LSTM against the peak of
// the float product of the same process.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>

#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"
#include "quantick/kernels/gemm_f32/gemm.h"
#include "quantick/ops/operator.h"

namespace quantick {
namespace {

Array random_array(const TensorType& type, double low, double high, Key key) {
  std::vector<double> v(static_cast<size_t>(type.shape.size()));
  for (size_t i = 0; i < v.size(); ++i) {
    v[i] = low + (high - low) * key.uniform(i);
    if (!is_float(type.dtype)) v[i] = std::floor(v[i]);
  }
  return Array::from(v, type.shape).astype(type.dtype);
}

struct Recorder : CallObserver {
  Arrays outputs;
  void on_call(const Operator&, const Attributes&, std::span<const Array>, std::span<const Array> out) override {
    outputs.assign(out.begin(), out.end());
  }
};

int64_t elements(const OperatorSample& sample) {
  int64_t n = 0;
  for (const TensorType& type : sample.inputs) n += type.shape.size();
  return n;
}

Arrays inputs_of(const OperatorSample& sample) {
  Arrays out;
  for (const TensorType& type : sample.inputs)
    out.push_back(random_array(type, sample.low, sample.high, Key(out.size())));
  return out;
}

void forward(benchmark::State& state, const Operator* op, const OperatorSample& sample) {
  const Arrays inputs = inputs_of(sample);
  for (auto _ : state) benchmark::DoNotOptimize(invoke(*op, sample.attributes, inputs));
  state.SetItemsProcessed(state.iterations() * elements(sample));
}

void backward(benchmark::State& state, const Operator* op, const OperatorSample& sample) {
  const Arrays inputs = inputs_of(sample);
  Recorder recorder;
  {
    const ObserverScope scope(recorder);
    invoke(*op, sample.attributes, inputs);
  }
  Arrays by_output;
  for (int i = 0; i < op->visible_outputs; ++i) by_output.push_back(recorder.outputs[static_cast<size_t>(i)]);
  for (auto _ : state) benchmark::DoNotOptimize(op->gradient(sample.attributes, {inputs, recorder.outputs, by_output}));
  state.SetItemsProcessed(state.iterations() * elements(sample));
}

/// Products of 512 cubed: what the LSTM is measured against.
void product_peak(benchmark::State& state) {
  constexpr int64_t n = 512;
  const std::vector<float> a(n * n, 0.5f), b(n * n, 0.25f);
  std::vector<float> c(n * n);
  for (auto _ : state) kernels::gemm_f32(false, false, n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(), n);
  state.counters["FLOPS"] =
      benchmark::Counter(2.0 * n * n * n * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

/// One layer, T = 30, N = 512, inputs = units, forward and backward.
void lstm_training(benchmark::State& state) {
  const int64_t units = state.range(0), steps = 30, batch = 512;
  const Operator& op = find_operator("lstm");
  const OperatorSample sample{{{DType::f32, Shape{steps, batch, units}},
                               {DType::f32, Shape{4 * units, units}},
                               {DType::f32, Shape{4 * units, units}},
                               {DType::f32, Shape{4 * units}},
                               {DType::f32, Shape{4 * units}}},
                              {},
                              -0.2,
                              0.2};
  const Arrays inputs = inputs_of(sample);
  Recorder recorder;
  for (auto _ : state) {
    const ObserverScope scope(recorder);
    invoke(op, {}, inputs);
    benchmark::DoNotOptimize(op.gradient({}, {inputs, recorder.outputs, Arrays{recorder.outputs[0], {}, {}}}));
  }
  const double work = 3.0 * 2.0 * static_cast<double>(steps * batch * 4 * units * 2 * units);
  state.counters["FLOPS"] =
      benchmark::Counter(work * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

const int registered = [] {
  set_thread_count(1);
  for (const Operator& op : operators()) {
    const auto samples = op.samples();
    const OperatorSample sample = *std::max_element(
        samples.begin(), samples.end(), [](const auto& a, const auto& b) { return elements(a) < elements(b); });
    benchmark::RegisterBenchmark((op.name + "/forward").c_str(),
                                 [&op, sample](benchmark::State& s) { forward(s, &op, sample); });
    if (op.gradient && is_float(op.infer(sample.attributes, sample.inputs)[0].dtype))
      benchmark::RegisterBenchmark((op.name + "/backward").c_str(),
                                   [&op, sample](benchmark::State& s) { backward(s, &op, sample); });
  }
  benchmark::RegisterBenchmark("product_512", product_peak);
  benchmark::RegisterBenchmark("lstm_training", lstm_training)->Arg(64)->Arg(128)->Unit(benchmark::kMillisecond);
  return 0;
}();

}  // namespace
}  // namespace quantick
