// Causal convolutions as nodes of a program, one thread: the whole window, one step, and the part of a step that waits
// for the tick (event). Items per second: products of a weight and a value.
#include <benchmark/benchmark.h>

#include <fmt/core.h>

#include <string>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/ops/operator.h"

namespace quantick {
namespace {

constexpr int64_t kWindow = 64;

enum class Path { window, batch, step, prepare, event };

struct Case {
  int64_t columns, channels, out, taps;
  DType dtype;  ///< f32: float weights
};

/// One node, its constants and its memory.
class Runner {
 public:
  explicit Runner(const Case& c, int64_t steps, int64_t batch) : steps_(steps), batch_(batch) {
    const bool real = c.dtype == DType::f32;
    const Key key(1);
    std::vector<float> values(static_cast<size_t>(c.out * c.channels * c.taps));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(key.uniform(i) - 0.5);
    const Array weight = Array::from(values, {c.out, c.channels, c.taps});
    const TensorFormat x = real ? TensorFormat{} : TensorFormat{c.dtype, c.dtype == DType::i8 ? 0.01f : 4e-5f, 0};
    const TensorFormat y = real ? TensorFormat{} : TensorFormat{c.dtype, c.dtype == DType::i8 ? 0.05f : 2e-4f, 0};
    Precision precision;
    if (real) precision.method = precision.weight_dtype = "float32";
    const Shape row{c.columns, c.channels};
    const IntegerForm& form = find_operator("causal_convolution").integer;
    const LowerCall lower{.attributes = &attributes_,
                          .layer = "bench",
                          .inputs = {x},
                          .parameters = {weight, Array::zeros({c.out})},
                          .output = y,
                          .precision = precision,
                          .lead_axes = 2,
                          .input_types = {{c.dtype, row}}};
    node_ = form.prepare({.attributes = &attributes_,
                          .inputs = {x},
                          .input_types = {{c.dtype, row}},
                          .output = y,
                          .output_type = {c.dtype, Shape{c.columns, c.out}},
                          .constants = form.lower(lower),
                          .precision = precision,
                          .lead_axes = 2});
    const int64_t size = dtype_size(c.dtype), rows = steps * batch * c.columns;
    x_.resize(static_cast<size_t>(rows * c.channels * size), std::byte{0x3f});  // as float32 0.747
    y_.resize(static_cast<size_t>(rows * c.out * size));
    state_.resize(static_cast<size_t>(node_->state_bytes() * batch));
    scratch_.resize(static_cast<size_t>(node_->scratch_bytes(steps, batch)));
    pending_.resize(static_cast<size_t>(node_->pending_bytes() * batch));
    in_ = x_.data();
    call_ = {.steps = steps_,
             .batch = batch_,
             .inputs = {&in_, 1},
             .output = y_.data(),
             .state = state_.data(),
             .scratch = scratch_.data(),
             .pending = pending_.data()};
  }

  void run(Path path) const {
    if (path == Path::prepare)
      node_->prepare_step(call_);
    else if (path == Path::event)
      node_->finish_step(call_);
    else
      node_->run(call_);
  }
  bool splits() const { return node_->pending_bytes() > 0; }

 private:
  Attributes attributes_;
  int64_t steps_, batch_;
  std::unique_ptr<IntegerNode> node_;
  std::vector<std::byte> x_, y_, state_, scratch_, pending_;
  const void* in_ = nullptr;
  IntegerNode::Call call_;
};

void bench(benchmark::State& state, const Case& c, Path path) {
  const int64_t steps = path == Path::window ? kWindow : 1, batch = path == Path::batch ? kWindow : 1;
  const Runner runner(c, steps, batch);
  if ((path == Path::prepare || path == Path::event) && !runner.splits()) {
    state.SkipWithError("this form has no halves");
    return;
  }
  runner.run(Path::prepare);
  for (auto _ : state) {
    runner.run(path);
    benchmark::ClobberMemory();
  }
  const int64_t taps = path == Path::event ? 1 : path == Path::prepare ? c.taps - 1 : c.taps;
  state.SetItemsProcessed(state.iterations() * steps * batch * c.columns * c.out * c.channels * taps);
}

const int registered = [] {
  const Case cases[] = {{1, 128, 128, 8, DType::i8},  {1, 256, 256, 8, DType::i8}, {1, 128, 128, 8, DType::i16},
                        {1, 128, 128, 8, DType::f32}, {20, 16, 16, 4, DType::i8},  {1, 64, 64, 5, DType::i8}};
  const std::pair<Path, const char*> paths[] = {{Path::window, "window"},
                                                {Path::batch, "batch"},
                                                {Path::step, "step"},
                                                {Path::prepare, "prepare"},
                                                {Path::event, "event"}};
  for (const Case& c : cases)
    for (const auto& [path, name] : paths)
      benchmark::RegisterBenchmark(fmt::format("causal_convolution/{}x{}to{}/taps{}/{}/{}", c.columns, c.channels,
                                               c.out, c.taps, dtype_name(c.dtype), name)
                                       .c_str(),
                                   bench, c, path);
  return 0;
}();

}  // namespace
}  // namespace quantick
