#pragma once
// A typed, static graph of operator calls: what hybridize() runs, what quant lowers and deploy exports.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/ops/operator.h"

namespace quantick::graph {

using ValueId = int;

enum class ValueKind { input, parameter, constant, result };

struct Value {
  ValueKind kind = ValueKind::result;
  TensorType type;
  std::string name;  ///< "x", "lstm0.l0_i2h_weight", "c0", "%7"
  Array data;        ///< parameters (a live handle: training changes it) and constants
  int node = -1;     ///< producer of a result
};

struct Node {
  const Operator* op = nullptr;
  Attributes attributes;
  std::vector<ValueId> inputs;   ///< -1 where an optional input is left out
  std::vector<ValueId> outputs;  ///< the visible ones
  std::string layer;             ///< block path, e.g. "net.lstm0"
};

class Graph {
 public:
  const std::vector<Value>& values() const { return values_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  const Value& value(ValueId id) const;

  ValueId add_input(const std::string& name, const TensorType& type);
  ValueId add_parameter(const std::string& name, const Array& data);
  ValueId add_constant(const Array& data);
  /// Types come from the operator's shape rule. Returns the ids of its outputs.
  std::vector<ValueId> add_node(const Operator& op, Attributes attributes, std::vector<ValueId> inputs,
                                std::string layer);
  void set_outputs(std::vector<ValueId> outputs) { outputs_ = std::move(outputs); }
  /// Makes a node read `data` as its input `index`, which was a parameter, a constant or left out. Other nodes read
  /// what they read before, and the ids of all values stay. Throws ShapeError where the operator does not take `data`.
  void set_parameter(int node, size_t index, const Array& data);

  /// Runs the nodes in order through invoke(): the same bits as the imperative calls, and a tape sees them. Shapes
  /// other than the traced ones are allowed as far as the operators' shape rules hold. `observe(value id, array)` is
  /// called for inputs and results; calibration uses it.
  Arrays run(std::span<const Array> inputs, const std::function<void(ValueId, const Array&)>& observe = {}) const;

  /// Throws InvariantError where an id is out of range, used before it is made, or of another type than the rule says.
  void verify() const;
  /// One line per value and node, for people.
  std::string text() const;
  /// JSON of the structure; data of parameters and constants is not included but named.
  std::string json() const;

  /// Nodes whose results the outputs do not need are dropped, and values nobody uses.
  Graph without_dead_nodes() const;
  /// Nodes all of whose inputs are constants are computed now.
  Graph with_folded_constants() const;

 private:
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<ValueId> inputs_, outputs_;
};

/// Named parameter for tracing.
struct NamedParameter {
  std::string name;
  Array data;
};

/// Runs `function` once on `inputs` and keeps its operator calls. Arrays that are neither inputs nor parameters nor
/// results become constants; a view (Array::reshape and the like) of an input, parameter or result is refused, since
/// its making was not an operator call. `outputs`, where given, receives the values of this run.
Graph trace(const std::function<Arrays(std::span<const Array>)>& function, std::span<const Array> inputs,
            std::span<const NamedParameter> parameters, Arrays* outputs = nullptr);

/// Names the block that is running on this thread, for Node::layer. Scopes nest: "net" + "lstm0" = "net.lstm0".
class LayerScope {
 public:
  explicit LayerScope(std::string_view name);
  ~LayerScope();
  LayerScope(const LayerScope&) = delete;
  LayerScope& operator=(const LayerScope&) = delete;

 private:
  size_t outer_length_;
};

}  // namespace quantick::graph
