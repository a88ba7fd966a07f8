#include "quantick/runtime/runner.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "quantick/core/error.h"
#include "quantick/runtime/boundary.h"

namespace quantick::runtime {

Arena::Arena(int64_t bytes)
    : bytes_(std::max<int64_t>(bytes, 64)),
      data_(static_cast<std::byte*>(::operator new[](static_cast<size_t>(bytes_), std::align_val_t{64}))) {
  std::memset(data_.get(), 0, static_cast<size_t>(bytes_));
}

namespace {

bool unsettled(const TensorFormat& format) { return format.narrow_bits > 0 || format.grid != FloatGrid::f32; }

}  // namespace

Runner::Runner(const Plan& plan, int64_t steps, int64_t batch, bool keep_all) : arena_(0) {
  Plan::Layout layout = plan.layout(steps, batch, keep_all);
  arena_ = Arena(layout.arena_bytes);
  std::byte* const base = arena_.data();
  const auto at = [&](int value) { return base + layout.values[static_cast<size_t>(value)]; };
  size_t inputs = 0;
  for (const Plan::Step& step : plan.steps_) inputs += step.inputs.size();
  inputs_.reserve(inputs);
  for (size_t i = 0; i < plan.steps_.size(); ++i) {
    const Plan::Step& step = plan.steps_[i];
    if (step.kind == IntegerForm::Kind::passthrough) continue;
    const ProgramValue& result = plan.values_[static_cast<size_t>(step.output)];
    Node node{.node = step.node.get(),
              .inputs = inputs_.data() + inputs_.size(),
              .input_count = step.inputs.size(),
              .output = at(step.output),
              .state = layout.states[i],
              .pending = layout.pendings[i],
              .width = plan.width(step.output),
              .bytes = plan.row_bytes(step.output),
              .settle = step.node && unsettled(result.format) ? &result.format : nullptr,
              .sequence = result.sequence,
              .index = i};
    for (const int id : step.inputs) inputs_.push_back(at(id));
    if (step.node) {
      int64_t before = 0;
      for (const int64_t bytes : step.node->state_parts()) {
        if (bytes > 0) states_.push_back({node.state, before, bytes});
        before += bytes;
      }
      QTK_ASSERT(before == step.node->state_bytes());
      const int64_t pending = step.node->pending_bytes();
      node.halves = pending > 0;
      if (node.halves) pendings_.push_back({node.pending, 0, pending});
      if (node.halves) halves_.push_back(node);
    }
    nodes_.push_back(node);
  }
  input_ = at(plan.input().value), output_ = at(plan.output());
  scratch_ = base + layout.scratch;
  state_bytes_ = layout.state_bytes, pending_bytes_ = layout.pending_bytes;
  values_ = std::move(layout.values);
}

/// All nodes in order; `act` runs one.
template <class Act>
void Runner::each(int64_t steps, int64_t batch, std::byte* state, Act&& act) const noexcept {
  for (const Node& node : nodes_) {
    const int64_t here = node.sequence ? steps : 1;
    if (node.node == nullptr) {
      const int64_t bytes = batch * node.bytes;
      std::memcpy(node.output, static_cast<const std::byte*>(node.inputs[0]) + (steps - 1) * bytes,
                  static_cast<size_t>(bytes));
      continue;
    }
    act(node, IntegerNode::Call{.steps = here,
                                .batch = batch,
                                .inputs = {node.inputs, node.input_count},
                                .output = node.output,
                                .state = state + node.state,
                                .scratch = scratch_});
    if (node.settle != nullptr) settle(node.output, here * batch * node.width, *node.settle);
  }
}

void Runner::run(int64_t steps, int64_t batch, std::byte* state, NodeCounters* counters) const noexcept {
  if (counters == nullptr)
    each(steps, batch, state, [](const Node& n, const IntegerNode::Call& call) { n.node->run(call); });
  else
    each(steps, batch, state,
         [&](const Node& n, const IntegerNode::Call& call) { n.node->run_counted(call, counters[n.index]); });
}

void Runner::prepare(int64_t batch, std::byte* state, std::byte* pending) const noexcept {
  for (const Node& node : halves_)
    node.node->prepare_step({.steps = 1,
                             .batch = batch,
                             .state = state + node.state,
                             .scratch = scratch_,
                             .pending = pending + node.pending});
}

void Runner::finish(int64_t batch, std::byte* state, std::byte* pending) const noexcept {
  each(1, batch, state, [&](const Node& n, IntegerNode::Call call) {
    if (!n.halves) return n.node->run(call);
    call.pending = pending + n.pending;
    n.node->finish_step(call);
  });
}

}  // namespace quantick::runtime
