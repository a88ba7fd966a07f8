#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "quantick/core/error.h"
#include "quantick/graph/graph.h"
#include "quantick/graph/tracing.h"

namespace quantick::graph {
namespace {

thread_local std::string layer_path;

class Tracer : public CallObserver {
 public:
  Tracer(std::span<const Array> inputs, std::span<const NamedParameter> parameters) {
    for (size_t i = 0; i < inputs.size(); ++i)
      know(inputs[i], graph.add_input(inputs.size() == 1 ? "x" : fmt::format("x{}", i), inputs[i].type()));
    for (const auto& parameter : parameters) {
      parameters_.emplace(parameter.data.id(), parameter);
      storages_.insert(parameter.data.storage());
      kept_.push_back(parameter.data);
    }
  }

  void on_call(const Operator& op, const Attributes& attributes, std::span<const Array> inputs,
               std::span<const Array> outputs) override {
    std::vector<ValueId> ids;
    for (const Array& x : inputs) ids.push_back(x.defined() ? find(x, op.name) : -1);
    const auto results = graph.add_node(op, attributes, std::move(ids), layer_path);
    QTK_ASSERT(results.size() <= outputs.size());  // further outputs are hidden: kept for the gradient alone
    for (size_t i = 0; i < results.size(); ++i) {
      QTK_ASSERT(graph.value(results[i]).type == outputs[i].type());
      know(outputs[i], results[i]);
    }
  }

  ValueId find(const Array& x, const std::string& user) {
    if (const auto known = ids_.find(x.id()); known != ids_.end()) return known->second;
    if (const auto found = parameters_.find(x.id()); found != parameters_.end())
      return ids_[x.id()] = graph.add_parameter(found->second.name, found->second.data);
    QTK_CHECK(!storages_.contains(x.storage()), ValueError,
              "[trace] an input of {} is a view (Array::reshape, slice, ...) of a traced array; use the operator, e.g. "
              "quantick::reshape(x, ...)",
              user);
    kept_.push_back(x);
    return ids_[x.id()] = graph.add_constant(x);
  }

  bool follows(const Array& x) const { return storages_.contains(x.storage()); }

  Graph graph;

 private:
  void know(const Array& x, ValueId id) {
    ids_[x.id()] = id;
    storages_.insert(x.storage());
    kept_.push_back(x);  // keeps memory, and so addresses, from being reused while tracing
  }

  std::unordered_map<uint64_t, ValueId> ids_;
  std::unordered_map<uint64_t, NamedParameter> parameters_;
  std::unordered_set<const void*> storages_;
  Arrays kept_;
};

thread_local const Tracer* running = nullptr;

/// Names the tracer for is_traced(); traces may nest.
class Running {
 public:
  explicit Running(const Tracer& tracer) : outer_(std::exchange(running, &tracer)) {}
  ~Running() { running = outer_; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  const Tracer* outer_;
};

}  // namespace

bool is_traced(const Array& array) { return running != nullptr && running->follows(array); }
bool is_tracing() { return running != nullptr; }

Graph trace(const std::function<Arrays(std::span<const Array>)>& function, std::span<const Array> inputs,
            std::span<const NamedParameter> parameters, Arrays* outputs) {
  Tracer tracer(inputs, parameters);
  Arrays results;
  {
    const ObserverScope scope(tracer);
    const Running inside(tracer);
    results = function(inputs);
  }
  std::vector<ValueId> ids;
  for (const Array& y : results) ids.push_back(tracer.find(y, "the outputs"));
  tracer.graph.set_outputs(std::move(ids));
  if (outputs != nullptr) *outputs = std::move(results);
  return std::move(tracer.graph);
}

LayerScope::LayerScope(std::string_view name) : outer_length_(layer_path.size()) {
  if (!layer_path.empty() && !name.empty()) layer_path += '.';
  layer_path += name;
}

LayerScope::~LayerScope() { layer_path.resize(outer_length_); }

}  // namespace quantick::graph
