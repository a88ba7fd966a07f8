#include "quantick/autograd/autograd.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "quantick/core/error.h"

namespace quantick::autograd {
namespace {

struct Entry {
  const Operator* op;
  Attributes attributes;
  Arrays inputs, outputs;
  std::shared_ptr<const Operator> owned;  ///< where `op` is none of the registry
};

/// Adds b to a in place, element by element; both contiguous and of one type.
void accumulate(Array& a, const Array& b) {
  const Array from = b.contiguous();
  visit_dtype(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_floating_point_v<T>) {
      T* to = a.mutable_data<T>();
      const T* p = from.data<T>();
      for (int64_t i = 0; i < a.size(); ++i) to[i] += p[i];
    }
  });
}

class Tape : public CallObserver {
 public:
  void on_call(const Operator& op, const Attributes& attributes, std::span<const Array> inputs,
               std::span<const Array> outputs) override {
    record(op, attributes, inputs, outputs, nullptr);
  }

  void record(const Operator& op, const Attributes& attributes, std::span<const Array> inputs,
              std::span<const Array> outputs, std::shared_ptr<const Operator> owned) {
    if (!recording) return;
    bool needed = false;
    for (const Array& x : inputs) {
      if (!x.defined()) continue;
      if (results_.contains(x.id())) {
        needed = true;
      } else if (x.has_grad()) {
        needed = true;
        variables_.try_emplace(x.id(), x);
        storages_.insert(x.storage());
      } else if (is_float(x.dtype()) && storages_.contains(x.storage())) {
        fail<ValueError>(
            "[autograd] an input of {} is a view (Array::reshape, slice, ...) of a recorded array; use the operator, "
            "e.g. "
            "quantick::reshape(x, ...)",
            op.name);
      }
    }
    if (!needed) return;
    for (const Array& y : outputs) {
      if (!y.defined()) continue;
      results_.insert(y.id());
      storages_.insert(y.storage());
    }
    entries_.push_back(
        {&op, attributes, {inputs.begin(), inputs.end()}, {outputs.begin(), outputs.end()}, std::move(owned)});
  }

  /// Whether a write into the array would change what was recorded.
  bool needs(const Array& x) const { return recording && (x.has_grad() || storages_.contains(x.storage())); }

  /// Gradient of the sum of the heads by array id.
  std::unordered_map<uint64_t, Array> run_backward(std::span<const Array> heads,
                                                   std::span<const Array> head_gradients) const {
    QTK_CHECK(head_gradients.empty() || head_gradients.size() == heads.size(), ValueError,
              "[backward] head gradients, was {} of them, expected {}", head_gradients.size(), heads.size());
    const UnobservedScope unobserved;
    std::unordered_map<uint64_t, Array> grads;
    // Gradients that this function allocated itself may be added to in place; those that rules returned may be shared.
    std::unordered_set<uint64_t> owned;
    const auto add = [&](uint64_t id, const Array& gradient) {
      const auto [slot, first] = grads.try_emplace(id, gradient);
      if (first) return;
      if (owned.insert(id).second) slot->second = slot->second.copy();
      accumulate(slot->second, gradient);
    };
    for (size_t i = 0; i < heads.size(); ++i) {
      const Array& head = heads[i];
      QTK_CHECK(head.defined() && (results_.contains(head.id()) || variables_.contains(head.id())), ValueError,
                "[backward] the array was not computed from a variable with a gradient inside a Record scope");
      const Array given = head_gradients.empty() ? Array() : head_gradients[i];
      QTK_CHECK(given.defined() || head.size() == 1, ValueError,
                "[backward] array of shape {}, expected one element or a head gradient", head.shape().text());
      QTK_CHECK(!given.defined() || given.type() == head.type(), ShapeError,
                "[backward] head gradient, was {}, expected {}", given.type().text(), head.type().text());
      add(head.id(), given.defined() ? given : Array::ones(head.shape(), head.dtype()));
    }
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      Arrays output_grads(entry->outputs.size());
      bool reached = false;
      for (size_t i = 0; i < entry->outputs.size(); ++i) {
        if (!entry->outputs[i].defined()) continue;
        const auto found = grads.find(entry->outputs[i].id());
        if (found != grads.end()) output_grads[i] = found->second, reached = true;
      }
      if (!reached) continue;
      QTK_CHECK(entry->op->gradient, ValueError, "[backward] operator {} has no gradient", entry->op->name);
      const Arrays input_grads = entry->op->gradient(entry->attributes, {entry->inputs, entry->outputs, output_grads});
      QTK_ASSERT(input_grads.size() == entry->inputs.size());
      for (size_t i = 0; i < input_grads.size(); ++i) {
        const Array& x = entry->inputs[i];
        if (!input_grads[i].defined() || !x.defined()) continue;
        if (!results_.contains(x.id()) && !variables_.contains(x.id())) continue;
        QTK_ASSERT(input_grads[i].type() == x.type());
        add(x.id(), input_grads[i]);
      }
    }
    return grads;
  }

  const std::unordered_map<uint64_t, Array>& variables() const { return variables_; }

  void clear() {
    entries_.clear();
    variables_.clear();
    results_.clear();
    storages_.clear();
  }

  bool recording = false, training = false;
  std::unique_ptr<ObserverScope> scope;

 private:
  std::vector<Entry> entries_;
  std::unordered_map<uint64_t, Array> variables_;  ///< leaves with an attached gradient
  std::unordered_set<uint64_t> results_;           ///< ids of recorded outputs
  std::unordered_set<const void*> storages_;       ///< memory of both
};

Tape& tape() {
  thread_local Tape instance;
  return instance;
}

void set_recording(bool recording, bool training) {
  Tape& t = tape();
  t.recording = recording;
  t.training = training;
  if (recording && !t.scope) t.scope = std::make_unique<ObserverScope>(t);
}

}  // namespace

Record::Record(bool train_mode) : outer_recording_(is_recording()), outer_training_(is_training()) {
  if (!outer_recording_) tape().clear();
  set_recording(true, train_mode);
}

Record::~Record() {
  set_recording(outer_recording_, outer_training_);
  if (!outer_recording_) tape().scope.reset();
}

Pause::Pause(bool train_mode) : outer_recording_(is_recording()), outer_training_(is_training()) {
  set_recording(false, train_mode);
}
Pause::~Pause() { set_recording(outer_recording_, outer_training_); }

TrainingMode::TrainingMode(bool train_mode) : outer_(is_training()) { tape().training = train_mode; }
TrainingMode::~TrainingMode() { tape().training = outer_; }

bool is_recording() { return tape().recording; }
bool is_training() { return tape().training; }
bool is_recorded(const Array& array) { return tape().needs(array); }

void record_call(std::span<const Array> inputs, std::span<const Array> outputs,
                 std::function<Arrays(std::span<const Array>)> gradient) {
  const auto op = std::make_shared<Operator>();
  op->name = "function";
  op->gradient = [gradient = std::move(gradient)](const Attributes&, const GradientCall& call) {
    return gradient(call.output_grads);
  };
  tape().record(*op, {}, inputs, outputs, op);
}

void backward(const Array& head, const Array& head_gradient) { backward({&head, 1}, {&head_gradient, 1}, false); }

void backward(std::span<const Array> heads, std::span<const Array> head_gradients, bool retain_tape) {
  const auto grads = tape().run_backward(heads, head_gradients);
  for (const auto& [id, variable] : tape().variables()) {
    const auto found = grads.find(id);
    if (found == grads.end()) continue;
    Array target = variable;  // a handle to the same array
    if (variable.grad_adds()) {
      Array sum = target.grad().copy();
      accumulate(sum, found->second);
      target.set_grad(sum);
    } else {
      target.set_grad(found->second);
    }
  }
  if (!retain_tape) tape().clear();
}

Arrays gradients(const Array& head, std::span<const Array> variables, const Array& head_gradient, bool retain_tape) {
  return gradients({&head, 1}, variables, {&head_gradient, 1}, retain_tape);
}

Arrays gradients(std::span<const Array> heads, std::span<const Array> variables, std::span<const Array> head_gradients,
                 bool retain_tape) {
  const auto grads = tape().run_backward(heads, head_gradients);
  Arrays out;
  for (const Array& variable : variables) {
    const auto found = grads.find(variable.id());
    out.push_back(found != grads.end() ? found->second : Array::zeros(variable.shape(), variable.dtype()));
  }
  if (!retain_tape) tape().clear();
  return out;
}

double finite_difference_error(const std::function<Array(std::span<const Array>)>& f, std::span<const Array> inputs,
                               double step) {
  Arrays variables;
  for (const Array& x : inputs) {
    variables.push_back(x.copy());
    if (x.dtype() == DType::f64) variables.back().attach_grad();
  }
  Array head;
  {
    const Record record(false);
    head = f(variables);
  }
  const Arrays grads = gradients(head, variables);
  double worst = 0;
  for (size_t i = 0; i < variables.size(); ++i) {
    if (variables[i].dtype() != DType::f64) continue;
    double* p = variables[i].mutable_data<double>();
    const auto recorded = grads[i].to_vector<double>();
    for (int64_t k = 0; k < variables[i].size(); ++k) {
      const double at = p[k];
      p[k] = at + step;
      const double above = f(variables).item();
      p[k] = at - step;
      const double below = f(variables).item();
      p[k] = at;
      const double expected = (above - below) / (2 * step);
      const double error = std::abs(recorded[static_cast<size_t>(k)] - expected) / std::max(1.0, std::abs(expected));
      worst = std::isnan(error) ? INFINITY : std::max(worst, error);
    }
  }
  return worst;
}

}  // namespace quantick::autograd
