#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/ops/operator.h"

namespace quantick {
namespace {

thread_local std::vector<CallObserver*> observers;
thread_local bool hidden = false;

bool yields(const Array& x) { return x.is_weak_scalar() && !x.has_grad(); }

void check_inputs(const Operator& op, std::span<const Array> inputs) {
  const auto listed = op.inputs.size(), given = inputs.size();
  const auto least = listed - static_cast<size_t>(op.optional_inputs);
  QTK_CHECK(given >= least && (op.variadic || given <= listed), ValueError, "[{}] inputs, was {}, expected {}{}",
            op.name, given, least,
            op.variadic                        ? " or more"
            : given > listed && least < listed ? " or a few more"
                                               : "");
  for (size_t i = 0; i < given; ++i)
    QTK_CHECK(inputs[i].defined() || (i >= least && !op.variadic), ValueError, "[{}] {} is an undefined array", op.name,
              op.inputs[std::min(i, listed - 1)]);
}

/// Numbers written in C++ take the dtype of the arrays they meet; a fraction that meets integers
/// counts as float32.
std::vector<Array> settle_weak_scalars(std::span<const Array> inputs) {
  std::vector<Array> settled(inputs.begin(), inputs.end());
  bool found = false, fraction = false;
  DType dtype = DType::boolean;
  for (const Array& x : settled) {
    if (yields(x))
      fraction = fraction || is_float(x.dtype());
    else if (x.dtype() != DType::boolean)
      dtype = found ? promote(dtype, x.dtype()) : x.dtype(), found = true;
  }
  if (!found || (fraction && !is_float(dtype))) dtype = fraction ? DType::f32 : found ? dtype : DType::i64;
  for (Array& x : settled)
    if (yields(x)) x = x.astype(dtype);
  return settled;
}

}  // namespace

ObserverScope::ObserverScope(CallObserver& observer) { observers.push_back(&observer); }
ObserverScope::~ObserverScope() { observers.pop_back(); }

UnobservedScope::UnobservedScope() : previous_(hidden) { hidden = true; }
UnobservedScope::~UnobservedScope() { hidden = previous_; }

bool recording() { return !hidden && !observers.empty(); }

Arrays invoke(const Operator& op, const Attributes& attributes, std::span<const Array> given) {
  check_inputs(op, given);
  const FloatMode mode;
  std::vector<Array> settled;
  if (op.weak_scalars && std::any_of(given.begin(), given.end(), yields)) settled = settle_weak_scalars(given);
  const std::span<const Array> inputs = settled.empty() ? given : std::span<const Array>(settled);
  Types types;
  types.reserve(inputs.size());
  for (const Array& x : inputs) types.push_back(x.defined() ? x.type() : TensorType{DType::f32, Shape{kAbsent}});
  const Types expected = op.infer(attributes, types);
  Arrays outputs = op.forward(attributes, inputs);
  QTK_ASSERT(outputs.size() >= expected.size());
  for (size_t i = 0; i < expected.size(); ++i) QTK_ASSERT(outputs[i].type() == expected[i]);
  for (Array& y : outputs)  // observers tell arrays apart by identity, so that an input handed through gets its own
    for (const Array& x : inputs)
      if (x.defined() && y.defined() && x.id() == y.id()) y = y.reshape(y.shape());
  if (!hidden)
    for (CallObserver* observer : observers) observer->on_call(op, attributes, inputs, outputs);
  return outputs;
}

Array invoke1(const Operator& op, const Attributes& attributes, std::initializer_list<Array> inputs) {
  return invoke(op, attributes, std::span<const Array>(inputs.begin(), inputs.size())).front();
}

}  // namespace quantick
