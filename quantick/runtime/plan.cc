#include "quantick/runtime/plan.h"

#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/ops/operator.h"

namespace quantick::runtime {
namespace {

// Bytes of one value in an arena at most: products of sizes stay far from overflow.
constexpr int64_t kMaxBytes = int64_t{1} << 40;

int64_t round_up(int64_t bytes) { return (bytes + 63) / 64 * 64; }

TensorType row_type(const ProgramValue& value) { return {value.format.dtype, value.channels}; }

/// First place of `bytes` between the blocks in use (sorted by offset); keeps them sorted.
struct Block {
  int64_t offset, bytes;
  int value;
};

int64_t place(std::vector<Block>& used, int64_t bytes, int value) {
  int64_t at = 0;
  auto next = used.begin();
  for (; next != used.end() && next->offset - at < bytes; ++next) at = next->offset + next->bytes;
  used.insert(next, {at, bytes, value});
  return at;
}

}  // namespace

Plan::Plan(const Program& program) : isa_(active_isa()) {
  const FloatMode mode;
  program.check();
  values_ = program.values;
  input_ = program.inputs[0];
  output_ = program.outputs[0].value;
  needs_whole_window_ = program.needs_whole_window();
  for (const ProgramValue& value : values_) widths_.push_back(value.channels.size());
  root_.resize(values_.size());
  last_use_.assign(values_.size(), -1);
  for (size_t v = 0; v < values_.size(); ++v) root_[v] = static_cast<int>(v);
  const auto memory = std::make_shared<LargePages>(static_cast<size_t>(program.constant_bytes()));
  for (const ProgramNode& node : program.nodes) {
    const IntegerForm& form = find_operator(node.op).integer;
    Step step{form.kind, nullptr, node.inputs, node.output};
    if (form.prepare) {
      PrepareCall call;
      call.attributes = &node.attributes;
      for (const int id : node.inputs) {
        call.inputs.push_back(values_[id].format);
        call.input_types.push_back(row_type(values_[id]));
      }
      call.precision = node.precision;
      call.memory = memory;
      call.lead_axes = values_[node.inputs[0]].sequence ? 2 : 1;
      call.output = values_[node.output].format;
      call.output_type = row_type(values_[node.output]);
      for (const NamedArray& constant : node.constants)
        call.constants.push_back({constant.name, constant.value.contiguous()});
      step.node = form.prepare(call);
      add_meaning(node, *step.node);
    }
    const bool moves = form.kind == IntegerForm::Kind::last_step || form.kind == IntegerForm::Kind::passthrough;
    QTK_ASSERT(moves || step.node != nullptr);
    if (form.kind == IntegerForm::Kind::passthrough) root_[node.output] = root_[node.inputs[0]];
    for (const int id : node.inputs) last_use_[root_[id]] = static_cast<int>(steps_.size());
    steps_.push_back(std::move(step));
  }
  last_use_[root_[output_]] = static_cast<int>(steps_.size());
}

Plan::Layout Plan::layout(int64_t steps, int64_t batch, bool keep_all) const {
  Layout out;
  out.steps = steps, out.batch = batch;
  out.values.assign(values_.size(), 0);
  std::vector<Block> used;
  const auto add = [&](int value) {
    QTK_CHECK(steps >= 1 && batch >= 0 && steps <= kMaxBytes / std::max<int64_t>(1, batch) / row_bytes(value),
              ValueError, "[plan] {} steps of {} rows are more than one arena holds", steps, batch);
    out.values[value] = place(used, round_up(rows(value, steps, batch) * row_bytes(value)), value);
    out.arena_bytes = std::max(out.arena_bytes, used.empty() ? 0 : used.back().offset + used.back().bytes);
  };
  add(input_.value);
  int64_t scratch = 0;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    out.states.push_back(out.state_bytes);
    out.pendings.push_back(out.pending_bytes);
    if (step.node) {
      scratch = std::max(scratch, step.node->scratch_bytes(values_[step.output].sequence ? steps : 1, batch));
      const int64_t state = step.node->state_bytes(), pending = step.node->pending_bytes();
      const auto fits = [&](int64_t bytes, int64_t used_bytes) {
        return bytes >= 0 && bytes <= (kMaxBytes - used_bytes) / std::max<int64_t>(1, batch);
      };
      QTK_CHECK(
          scratch >= 0 && scratch <= kMaxBytes && fits(state, out.state_bytes) && fits(pending, out.pending_bytes),
          ValueError, "[plan] state and scratch of node {} are more than memory holds", i);
      out.state_bytes += round_up(state * batch);
      out.pending_bytes += round_up(pending * batch);
    }
    if (root_[step.output] == step.output)
      add(step.output);
    else
      out.values[step.output] = out.values[root_[step.output]];
    if (!keep_all) std::erase_if(used, [&](const Block& b) { return last_use_[b.value] <= static_cast<int>(i); });
  }
  out.scratch = out.arena_bytes;
  out.arena_bytes += round_up(scratch);
  return out;
}

void Plan::add_meaning(const ProgramNode& node, const IntegerNode& prepared) {
  if (prepared.state_bytes() == 0) return;
  StateMeaning meaning{node.op, node.precision.method, node.attributes, prepared.state_parts(), {}, 0};
  // Hidden values and cells have a unit of their own, whatever the input's; all other states hold inputs.
  if (find_operator(node.op).family != "recurrent")
    for (const int id : node.inputs) meaning.inputs.push_back(values_[id].format);
  for (const NamedArray& constant : node.constants)
    if (constant.name == "scale_r") meaning.unit = constant.value.to_vector<float>().at(0);
  meanings_.push_back(std::move(meaning));
}

bool Plan::same_state(const Plan& other) const { return meanings_ == other.meanings_; }

}  // namespace quantick::runtime
