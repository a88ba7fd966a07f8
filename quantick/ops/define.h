#pragma once
// make_operator<T>() turns an operator struct into a registry row. Included by operator files only.
//
// A struct T has: `static constexpr std::string_view name, family, summary, onnx;` `static std::vector<std::string>
// inputs();` an `Attributes`-like struct `Attrs` with a field list (may be empty: NoAttributes), and static functions
//   Types infer(const Attrs&, const Types&);
//   Arrays forward(const Attrs&, std::span<const Array>);
//   Arrays truth(const Attrs&, std::span<const Array>);          // float64 in, float64 out
//   std::vector<OperatorSample> samples();
// and optionally gradient(const Attrs&, const GradientCall&), misuses(), integer_form(), variadic, optional_inputs,
// visible_outputs, tolerance, weak_scalars.
#include <fmt/format.h>

#include "quantick/ops/operator.h"
#include "quantick/ops/ops.h"
#include "quantick/ops/registry.h"

namespace quantick {

/// Types of samples.
inline TensorType float32(const Shape& shape) { return {DType::f32, shape}; }

/// A float input: float32 or float64.
inline void check_float(std::string_view who, std::string_view what, const TensorType& type) {
  QTK_CHECK(is_float(type.dtype), TypeError, "[{}] {}, was {}, expected float32 or float64", who, what,
            dtype_name(type.dtype));
}

inline void check_same_dtype(std::string_view who, std::string_view what, const TensorType& type, DType expected) {
  QTK_CHECK(type.dtype == expected, TypeError, "[{}] {}, was {}, expected {}", who, what, dtype_name(type.dtype),
            dtype_name(expected));
}

inline void check_ndim(std::string_view who, std::string_view what, const TensorType& type, int expected) {
  QTK_CHECK(type.shape.ndim() == expected, ShapeError, "[{}] {}, was {}, expected {} dimensions", who, what,
            type.shape.text(), expected);
}

inline void check_extent(std::string_view who, std::string_view what, int64_t was, int64_t expected) {
  QTK_CHECK(was == expected, ShapeError, "[{}] {}, was {}, expected {}", who, what, was, expected);
}

struct NoAttributes {
  static constexpr auto fields() { return std::make_tuple(); }
};

template <class T>
Operator make_operator() {
  using Attrs = typename T::Attrs;
  Operator row;
  row.name = T::name;
  row.family = T::family;
  row.summary = T::summary;
  row.onnx = T::onnx;
  row.inputs = T::inputs();
  if constexpr (requires { T::variadic; }) row.variadic = T::variadic;
  if constexpr (requires { T::optional_inputs; }) row.optional_inputs = T::optional_inputs;
  if constexpr (requires { T::visible_outputs; }) row.visible_outputs = T::visible_outputs;
  if constexpr (requires { T::tolerance; }) row.tolerance = T::tolerance;
  if constexpr (requires { T::weak_scalars; }) row.weak_scalars = T::weak_scalars;
  for_each_field(Attrs{}, [&](std::string_view name, const auto& member, std::string_view doc) {
    row.attributes.push_back({std::string(name), AttributeValue(member), std::string(doc)});
  });
  const auto typed = [](const Attributes& a) { return from_attributes<Attrs>(a, T::name); };
  row.infer = [typed](const Attributes& a, const Types& in) { return T::infer(typed(a), in); };
  row.forward = [typed](const Attributes& a, std::span<const Array> in) { return T::forward(typed(a), in); };
  row.truth = [typed](const Attributes& a, std::span<const Array> in) { return T::truth(typed(a), in); };
  if constexpr (requires { &T::gradient; })
    row.gradient = [typed](const Attributes& a, const GradientCall& call) { return T::gradient(typed(a), call); };
  row.samples = [] { return T::samples(); };
  if constexpr (requires { &T::misuses; })
    row.misuses = [] { return T::misuses(); };
  else
    row.misuses = [] { return std::vector<OperatorMisuse>{}; };
  if constexpr (requires { &T::integer_form; }) row.integer = T::integer_form();
  return row;
}

/// The row of T, made once.
template <class T>
const Operator& operator_row() {
  static const Operator row = make_operator<T>();
  return row;
}

}  // namespace quantick
