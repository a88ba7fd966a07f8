#include <string>
#include <vector>

#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/runtime/runner.h"
#include "tests/oracle/commands.h"

namespace quantick::oracle {
namespace {

TensorFormat format_from(const Json& in) {
  return {.dtype = dtype_from_name(in.at("dtype").get<std::string>()),
          .scale = in.value("scale", 1.0f),
          .zero_point = in.value("zero_point", 0)};
}

Shape after(const Shape& shape, int lead) { return Shape(std::span<const int64_t>(shape.begin() + lead, shape.end())); }

Array run(const IntegerNode& node, const Arrays& inputs, const Shape& shape, DType dtype, int lead) {
  const FloatMode mode;
  const int64_t steps = lead == 2 ? shape[0] : 1, batch = shape[lead - 1];
  Array out = Array::zeros(shape, dtype);
  const runtime::Arena state(node.state_bytes() * batch), scratch(node.scratch_bytes(steps, batch));
  std::vector<const void*> pointers;
  for (const Array& x : inputs) pointers.push_back(x.raw());
  node.run({.steps = steps,
            .batch = batch,
            .inputs = pointers,
            .output = out.mutable_raw(),
            .state = state.data(),
            .scratch = scratch.data()});
  return out;
}

}  // namespace

Json run_lowered(const Json& in) {
  const Operator& op = find_operator(in.at("name").get<std::string>());
  QTK_CHECK(op.integer.prepare, ValueError, "[oracle] {} has no fixed-bits form", op.name);
  const Attributes attributes = attributes_from(in.value("attributes", Json::object()));
  const auto lead = in.at("lead_axes").get<int>();
  LowerCall lower{.attributes = &attributes, .output = format_from(in.at("output")), .lead_axes = lead};
  for_each_field(lower.precision, [&](std::string_view name, auto& member, std::string_view) {
    if (const Json given = in.value("precision", Json::object()); given.contains(name)) given.at(name).get_to(member);
  });
  Arrays inputs;
  Types types;
  for (const Json& format : in.at("formats")) lower.inputs.push_back(format_from(format));
  for (size_t i = 0; i < lower.inputs.size(); ++i) {
    inputs.push_back(array_from(in.at("inputs").at(i)).astype(lower.inputs[i].dtype));
    types.push_back({DType::f32, inputs[i].shape()});
    lower.input_types.push_back({lower.inputs[i].dtype, after(inputs[i].shape(), lead)});
  }
  for (const Json& parameter : in.at("parameters")) {
    lower.parameters.push_back(parameter.is_null() ? Array() : array_from(parameter));
    const Array& value = lower.parameters.back();
    types.push_back(value.defined() ? value.type() : TensorType{DType::f32, Shape{kAbsent}});
  }
  const Shape shape = op.infer(attributes, types)[0].shape;
  PrepareCall prepare{.attributes = &attributes,
                      .inputs = lower.inputs,
                      .input_types = lower.input_types,
                      .output = lower.output,
                      .output_type = {lower.output.dtype, after(shape, lead)},
                      .precision = lower.precision,
                      .lead_axes = lead};
  if (op.integer.lower) prepare.constants = op.integer.lower(lower);
  Json out = {{"constants", Json::object()}, {"outputs", Json::object()}};
  for (const NamedArray& constant : prepare.constants) out["constants"][constant.name] = json_from(constant.value);
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    out["outputs"][std::string(isa_name(isa))] =
        json_from(run(*op.integer.prepare(prepare), inputs, shape, lower.output.dtype, lead));
  }
  return out;
}

}  // namespace quantick::oracle
