#include "quantick/runtime/session.h"

#include <algorithm>
#include <cstring>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/core/thread_pool.h"
#include "quantick/runtime/boundary.h"
#include "quantick/runtime/runner.h"

namespace quantick::runtime {
namespace {

// Rows of a chunk: what the Dense kernel takes in one pass over its weights.
constexpr int64_t kChunk = 64;
// Steps between which the state is carried on, so that memory does not grow with the window.
constexpr int64_t kSteps = 64;

struct Extent {
  int64_t steps, batch;
};

/// Checks x and returns its extents.
Extent extent_of(const Plan& plan, const Array& x) {
  const ProgramValue& input = plan.values()[plan.input().value];
  QTK_CHECK(x.dtype() == DType::f32, TypeError, "[session] input, was {}, expected float32", dtype_name(x.dtype()));
  const int lead = input.sequence ? 2 : 1;
  bool fits = x.ndim() == lead + input.channels.ndim();
  for (int k = 0; fits && k < input.channels.ndim(); ++k) fits = x.shape()[lead + k] == input.channels[k];
  QTK_CHECK(fits, ShapeError, "[session] input, was {}, expected [{}batch] followed by {}", x.shape().text(),
            input.sequence ? "steps, " : "", input.channels.text());
  const Extent extent{input.sequence ? x.shape()[0] : 1, x.shape()[input.sequence ? 1 : 0]};
  QTK_CHECK(extent.steps > 0, ShapeError, "[session] steps, were 0, expected at least 1");
  return extent;
}

void check_finite(const Plan& plan, const Array& x, const Extent& extent) {
  if (plan.input().missing != MissingPolicy::reject) return;
  const int64_t bad = first_not_finite(x.data<float>(), x.size());
  if (bad < 0) return;
  const int64_t width = plan.width(plan.input().value), column = bad % width, row = bad / width;
  const auto& names = plan.input().columns;
  fail<ValueError>(
      "[session] {} in column {}, row {}, step {}; fill it before, or quantize with the missing-value policy \"fill\"",
      x.data<float>()[bad], names.empty() ? std::to_string(column) : "\"" + names[column] + "\"", row % extent.batch,
      row / extent.batch);
}

Shape full_shape(const ProgramValue& value, const Extent& extent) {
  Shape shape;
  if (value.sequence) shape.push_back(extent.steps);
  shape.push_back(extent.batch);
  for (const int64_t c : value.channels) shape.push_back(c);
  return shape;
}

/// The output of rows [first, first + n), all steps.
void run_chunk(const Plan& plan, const float* x, const Extent& extent, int64_t first, int64_t n, std::byte* out) {
  const FloatMode mode;
  const int64_t steps = plan.needs_whole_window() ? extent.steps : std::min(kSteps, extent.steps);
  const Runner runner(plan, steps, n);
  const Arena state(runner.state_bytes());
  const int in = plan.input().value, result = plan.output();
  const int64_t width = plan.width(in), out_bytes = plan.row_bytes(result);
  for (int64_t t = 0; t < extent.steps; t += steps) {
    const int64_t here = std::min(steps, extent.steps - t);
    for (int64_t u = 0; u < here; ++u)
      enter(x + ((t + u) * extent.batch + first) * width, n * width, plan.input(), plan.values()[in].format,
            runner.input() + u * n * plan.row_bytes(in), plan.isa());
    runner.run(here, n, state.data());
    const bool sequence = plan.values()[result].sequence;
    for (int64_t u = 0; u < (sequence ? here : 1); ++u)
      std::memcpy(out + ((sequence ? (t + u) * extent.batch : 0) + first) * out_bytes,
                  runner.output() + u * n * out_bytes, static_cast<size_t>(n * out_bytes));
  }
}

}  // namespace

Session::Session(const Program& program) : plan_(std::make_shared<const Plan>(program)) {}

Array Session::run_codes(const Array& x) const {
  const Extent extent = extent_of(*plan_, x);
  const Array rows = x.contiguous();
  check_finite(*plan_, rows, extent);
  const ProgramValue& output = plan_->values()[plan_->output()];
  Array out = Array::empty(full_shape(output, extent), output.format.dtype);
  const float* data = rows.data<float>();
  std::byte* result = out.mutable_raw();
  parallel_ranges(extent.batch, kChunk,
                  [&](int64_t first, int64_t last) { run_chunk(*plan_, data, extent, first, last - first, result); });
  return out;
}

Array Session::run(const Array& x) const {
  const FloatMode mode;
  const Array codes = run_codes(x);
  Array out = Array::empty(codes.shape());
  leave(codes.raw(), codes.size(), plan_->values()[plan_->output()].format, out.mutable_data<float>(), plan_->isa());
  return out;
}

std::vector<Array> Session::run_all_codes(const Array& x, std::vector<NodeCounters>* counters) const {
  const FloatMode mode;
  const Extent extent = extent_of(*plan_, x);
  const Array rows = x.contiguous();
  check_finite(*plan_, rows, extent);
  const Runner runner(*plan_, extent.steps, extent.batch, true);
  const Arena state(runner.state_bytes());
  const int in = plan_->input().value;
  enter(rows.data<float>(), rows.size(), plan_->input(), plan_->values()[in].format, runner.input(), plan_->isa());
  if (counters != nullptr) counters->assign(plan_->node_count(), {});
  runner.run(extent.steps, extent.batch, state.data(), counters == nullptr ? nullptr : counters->data());
  std::vector<Array> out;
  for (size_t v = 0; v < plan_->values().size(); ++v) {
    const ProgramValue& value = plan_->values()[v];
    Array codes = Array::empty(full_shape(value, extent), value.format.dtype);
    std::memcpy(codes.mutable_raw(), runner.value(static_cast<int>(v)),
                static_cast<size_t>(codes.size() * dtype_size(codes.dtype())));
    out.push_back(codes);
  }
  return out;
}

std::vector<Array> Session::run_all(const Array& x) const {
  const FloatMode mode;
  std::vector<Array> out = run_all_codes(x);
  for (size_t v = 0; v < out.size(); ++v) {
    Array real = Array::empty(out[v].shape());
    leave(out[v].raw(), real.size(), plan_->values()[v].format, real.mutable_data<float>(), plan_->isa());
    out[v] = real;
  }
  return out;
}

}  // namespace quantick::runtime
