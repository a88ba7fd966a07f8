#pragma once
// The registry: one row per operator, made from one struct in one file (see ops/elementwise/tanh.cc for the template,
// HACKING.md for the recipe). Bindings, graphs, files, tests, benchmarks and the docs table are derived from the row.
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/ops/attributes.h"
#include "quantick/ops/integer_form.h"
#include "quantick/tensor/array.h"

namespace quantick {

using Arrays = std::vector<Array>;
using Types = std::vector<TensorType>;

/// The only extent of the shape that stands for an optional input which was left out, in the types infer sees.
constexpr int64_t kAbsent = -1;
inline bool is_absent(const TensorType& type) { return type.shape.ndim() == 1 && type.shape[0] == kAbsent; }

/// What a gradient rule sees: the call's inputs and outputs, and the gradient of the loss by each visible output
/// (undefined where the loss does not depend on it).
struct GradientCall {
  std::span<const Array> inputs;
  std::span<const Array> outputs;  ///< all outputs, the hidden ones that forward kept for this rule included
  std::span<const Array> output_grads;
};

/// One set of inputs on which the universal test exercises an operator.
struct OperatorSample {
  std::vector<TensorType> inputs;
  Attributes attributes;
  double low = -2.0, high = 2.0;  ///< range of the random inputs; keep clear of kinks for finite differences
};

/// A call that the operator must refuse, with a piece of the error's text.
struct OperatorMisuse {
  std::vector<TensorType> inputs;
  Attributes attributes;
  std::string expected_text;
};

struct AttributeInfo {
  std::string name;
  AttributeValue default_value;
  std::string doc;
};

/// The type-erased row.
struct Operator {
  std::string name;     ///< NumPy or ONNX name in snake_case
  std::string family;   ///< folder
  std::string summary;  ///< one sentence for the docs table
  std::string onnx;     ///< ONNX operator, "" where a subgraph is needed
  std::vector<std::string> inputs;
  bool variadic = false;      ///< the last input may repeat
  int optional_inputs = 0;    ///< how many of the last inputs may be left out
  int visible_outputs = 1;    ///< the first ones; what follows was kept by forward for the gradient
  bool weak_scalars = false;  ///< C++ numbers among the inputs take the dtype of the arrays
  std::vector<AttributeInfo> attributes;
  double tolerance = 2e-6;  ///< of float32 against the float64 truth, relative to max(1, |truth|)

  /// Checks the inputs (absent optional ones: is_absent) and gives the types of the visible outputs.
  std::function<Types(const Attributes&, const Types&)> infer;
  std::function<Arrays(const Attributes&, std::span<const Array>)> forward;
  /// Gradients by input, undefined where none flows. Empty function: not differentiable.
  std::function<Arrays(const Attributes&, const GradientCall&)> gradient;
  /// Plain double-precision recomputation, written independently of forward.
  std::function<Arrays(const Attributes&, std::span<const Array>)> truth;
  std::function<std::vector<OperatorSample>()> samples;
  std::function<std::vector<OperatorMisuse>()> misuses;
  IntegerForm integer;  ///< kind none where the operator has no fixed-bits form
};

/// Every operator, in the order of ops/list.inc.
std::span<const Operator> operators();

/// Throws IndexError with the nearest name.
const Operator& find_operator(std::string_view name);

/// Sees each call while it is installed: autograd's tape and graph's tracer derive from it.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void on_call(const Operator& op, const Attributes& attributes, std::span<const Array> inputs,
                       std::span<const Array> outputs) = 0;
};

/// Installs an observer on this thread for a scope. Observers nest; all of them see a call.
class ObserverScope {
 public:
  explicit ObserverScope(CallObserver& observer);
  ~ObserverScope();
  ObserverScope(const ObserverScope&) = delete;
  ObserverScope& operator=(const ObserverScope&) = delete;
};

/// Hides calls from observers for a scope (gradient rules run inside one).
class UnobservedScope {
 public:
  UnobservedScope();
  ~UnobservedScope();
  UnobservedScope(const UnobservedScope&) = delete;
  UnobservedScope& operator=(const UnobservedScope&) = delete;

 private:
  bool previous_;
};

/// Whether an observer of this thread sees calls now. Where none does, forward may leave out the hidden outputs that it
/// keeps for the gradient; gradient rules compute them again where they are missing.
bool recording();

/// Checks the inputs through the shape rule, runs forward, tells the observers. Returns all outputs.
Arrays invoke(const Operator& op, const Attributes& attributes, std::span<const Array> inputs);

/// What public functions call: the first output of the named operator.
Array invoke1(const Operator& op, const Attributes& attributes, std::initializer_list<Array> inputs);

}  // namespace quantick
