// Operators from the registry: each row as one callable, and the rows as plain values, from which
// tools/write_python_operators.py writes quantick/_operators.py.
#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/module.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/core/error.h"
#include "quantick/ops/operator.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

/// A row that is called: its inputs in order (the last one of a variadic row a sequence, None for an optional one that
/// is left out), then its attributes in order, those at the end left out where they keep their defaults.
class Operation {
 public:
  explicit Operation(const std::string& name) : op_(find_operator(name)) {
    for (const AttributeInfo& info : op_.attributes) defaults_.emplace_back(info.name, info.default_value);
  }

  nb::object call(const nb::args& given) const {
    const size_t listed = op_.inputs.size();
    QTK_CHECK(given.size() <= listed + defaults_.size(), TypeError, "[{}] arguments, was {}, expected at most {}",
              op_.name, given.size(), listed + defaults_.size());
    Arrays inputs;
    inputs.reserve(listed);
    for (size_t i = 0; i < std::min(listed, given.size()); ++i) add_input(inputs, given[i], i);
    if (op_.weak_scalars) check_numbers(inputs);
    Attributes attributes = defaults_;
    for (size_t i = listed; i < given.size(); ++i)
      attributes[i - listed].second = attribute_of(op_.attributes[i - listed], op_.name, given[i]);
    return run(attributes, inputs);
  }

  const std::string& name() const { return op_.name; }

 private:
  void add_input(Arrays& inputs, nb::handle value, size_t index) const {
    if (op_.variadic && index + 1 == op_.inputs.size()) {
      QTK_CHECK(is_sequence(value) && !nb::isinstance<Array>(value), TypeError,
                "[{}] {}, was a {}, expected a sequence of arrays", op_.name, op_.inputs[index],
                nb::cast<std::string>(nb::inst_name(value)));
      for (nb::handle item : value) inputs.push_back(array_of(item));
    } else {
      inputs.push_back(value.is_none() ? Array() : array_of(value));
    }
  }

  nb::object run(const Attributes& attributes, const Arrays& inputs) const {
    Arrays outputs;
    {
      const Unlocked released;
      outputs = invoke(op_, attributes, inputs);
    }
    if (op_.visible_outputs == 1) return nb::cast(outputs.at(0));
    nb::list visible;
    for (int i = 0; i < op_.visible_outputs; ++i) visible.append(outputs.at(static_cast<size_t>(i)));
    return nb::tuple(visible);
  }

  const Operator& op_;
  Attributes defaults_;
};

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
  nb::class_<Operation>(m, "Operation", "A row of the registry that is called: inputs in order, then attributes.")
      .def(nb::init<const std::string&>(), "name"_a)
      .def("__call__", &Operation::call, nb::sig("def __call__(self, *arguments: typing.Any) -> typing.Any"))
      .def("__repr__", [](const Operation& self) { return "Operation(" + self.name() + ")"; });
  m.def("operator_rows", &operator_rows, nb::sig("def operator_rows() -> list[dict[str, typing.Any]]"),
        "Every operator's row, for code that is generated from the registry.");
}

}  // namespace quantick::python
