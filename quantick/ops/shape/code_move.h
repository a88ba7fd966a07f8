#pragma once
// Operators that only move elements (reshape, concat, transpose, ...) move codes in a fixed-bits program. Where each
// element of a row comes from is asked of the operator itself, on arrays of indices, when the node is prepared.
#include <functional>
#include <memory>
#include <span>

#include "quantick/ops/define.h"

namespace quantick {

/// Extents that stand for steps and batch while a row is probed: {2, 3}, or {3} for frames. Larger than 1 and unequal,
/// so that an operator that mixes rows cannot go unseen.
Shape probe_lead(int lead_axes);

/// `shape` with its leading extents replaced by those of a probe; unchanged where it has too few.
std::vector<int64_t> with_probe_lead(std::vector<int64_t> shape, int lead_axes);

/// Where elements of one output row come from: element `from + i * step` of the input row goes to `to + i`, i < count.
struct MoveRun {
  int input = 0;
  int64_t from = 0, step = 1, to = 0, count = 0;
};

/// Runs of `move`, which maps full arrays (leading axes and channels) to the output. Throws UnsupportedError where it
/// does not keep steps and batch apart or gives other channels than the node has.
std::vector<MoveRun> probe_moves(const PrepareCall& call, std::string_view who,
                                 const std::function<Array(const Arrays&)>& move);

/// No constants; throws UnsupportedError where the call has one among its inputs.
std::vector<NamedArray> refuse_constants(const LowerCall& call, std::string_view who);

/// A node that moves codes: they are copied where the input's format is the output's, else converted as identity has it
/// (docs/numerics.md, section 9).
std::unique_ptr<IntegerNode> make_move_node(const PrepareCall& call, std::vector<MoveRun> runs);

/// Calls T's forward, unseen by observers, on what the leading axes of the call are in a probe.
template <class T>
std::unique_ptr<IntegerNode> prepare_move(const PrepareCall& call, const typename T::Attrs& attrs,
                                          const Arrays& constants = {}) {
  return make_move_node(call, probe_moves(call, T::name, [&](Arrays inputs) {
                          inputs.insert(inputs.end(), constants.begin(), constants.end());
                          const UnobservedScope unobserved;
                          return invoke(operator_row<T>(), to_attributes(attrs), inputs).front();
                        }));
}

/// The form of an operator T whose attributes hold no extents of the leading axes.
template <class T>
IntegerForm move_form(int data_inputs = 1) {
  IntegerForm form;
  form.kind = IntegerForm::Kind::pointwise;
  form.output = IntegerForm::OutputFormat::same;
  form.data_inputs = data_inputs;
  if (data_inputs == kAllInputs) form.lower = [](const LowerCall& call) { return refuse_constants(call, T::name); };
  form.prepare = [](const PrepareCall& call) {
    return prepare_move<T>(call, from_attributes<typename T::Attrs>(*call.attributes, T::name));
  };
  return form;
}

}  // namespace quantick
