// Operators from the registry: one generic call, and the rows as plain values, from which
// tools/write_python_operators.py writes quantick/_operators.py.
#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/module.h"
#include "quantick/ops/operator.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

nb::object invoke_operator(const std::string& name, const nb::iterable& inputs, const nb::dict& attributes) {
  const Operator& op = find_operator(name);
  const Arrays arrays = arrays_of(inputs);
  const Attributes typed = attributes_of(attributes);
  Arrays outputs;
  {
    const nb::gil_scoped_release released;
    outputs = invoke(op, typed, arrays);
  }
  if (op.visible_outputs == 1) return nb::cast(outputs.at(0));
  nb::list visible;
  for (int i = 0; i < op.visible_outputs; ++i) visible.append(outputs.at(static_cast<size_t>(i)));
  return nb::tuple(visible);
}

nb::list operator_rows() {
  nb::list rows;
  for (const Operator& op : operators()) {
    nb::dict row;
    row["name"] = op.name;
    row["family"] = op.family;
    row["summary"] = op.summary;
    row["onnx"] = op.onnx;
    row["inputs"] = op.inputs;
    row["variadic"] = op.variadic;
    row["optional_inputs"] = op.optional_inputs;
    row["visible_outputs"] = op.visible_outputs;
    row["tolerance"] = op.tolerance;
    row["differentiable"] = static_cast<bool>(op.gradient);
    nb::list attributes;
    for (const AttributeInfo& a : op.attributes) {
      nb::dict attribute;
      attribute["name"] = a.name;
      attribute["default"] = value_of(a.default_value);
      attribute["doc"] = a.doc;
      attributes.append(attribute);
    }
    row["attributes"] = attributes;
    rows.append(row);
  }
  return rows;
}

}  // namespace

void bind_operators(nb::module_& m) {
  m.def("invoke", &invoke_operator, "name"_a, "inputs"_a, "attributes"_a,
        "Runs an operator by name on arrays (None: an optional input that is left out).");
  m.def("operator_rows", &operator_rows, "Every operator's row, for code that is generated from the registry.");
}

}  // namespace quantick::python
