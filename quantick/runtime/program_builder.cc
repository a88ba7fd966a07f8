#include "quantick/runtime/program_builder.h"

#include <utility>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"

namespace quantick::runtime {
namespace {

std::string lowering_name_of(const Operator& op, const NodeSpec& spec) {
  return fmt::format("{} layer \"{}\"", op.name, spec.layer);
}

}  // namespace

TensorFormat output_format(const Operator& op, const TensorFormat& first_input, const TensorFormat& wanted,
                           const Precision& precision) {
  const IntegerForm& form = op.integer;
  // What a layer computes in float32 leaves it in float32; a narrower float may be asked for.
  const TensorFormat real = wanted.quantized() ? TensorFormat{} : wanted;
  if (form.kind == IntegerForm::Kind::last_step || form.kind == IntegerForm::Kind::passthrough) return first_input;
  switch (form.output) {
    case IntegerForm::OutputFormat::same:
      return form.data_inputs == kAllInputs ? wanted : first_input;
    case IntegerForm::OutputFormat::q15:
      return precision.real() ? real : kQ15;
    case IntegerForm::OutputFormat::unit:
      return wanted.bits() > form.fixed_format.bits() ? wanted : form.fixed_format;
    case IntegerForm::OutputFormat::real:
      return {};
    default:
      return form.reads_integers && (precision.real() || precision.dynamic()) ? real : wanted;
  }
}

int ProgramBuilder::add_input(const std::string& name, const TensorFormat& format, const Shape& channels,
                              bool sequence) {
  program_.values.push_back({name, format, channels, sequence});
  program_.inputs.push_back({.value = static_cast<int>(program_.values.size()) - 1});
  return program_.inputs.back().value;
}

int ProgramBuilder::add_node(const Operator& op, const NodeSpec& spec) {
  const FloatMode mode;
  const IntegerForm& form = op.integer;
  QTK_CHECK(form.kind != IntegerForm::Kind::none, UnsupportedError,
            "[program] {} (layer \"{}\") has no fixed-bits form", op.name, spec.layer);
  QTK_CHECK(!spec.inputs.empty() && static_cast<int>(spec.inputs.size()) <= data_input_count(form, spec.inputs.size()),
            ValueError, "[program] data inputs of {} (layer \"{}\"), were {}, expected {}", op.name, spec.layer,
            spec.inputs.size(), form.data_inputs == kAllInputs ? 1 : form.data_inputs);
  spec.precision.validate(lowering_name_of(op, spec));
  LowerCall call;
  call.attributes = &spec.attributes;
  call.layer = spec.layer;
  for (const int id : spec.inputs) {
    call.inputs.push_back(value(id).format);
    call.input_types.push_back({value(id).format.dtype, value(id).channels});
  }
  call.lead_axes = value(spec.inputs[0]).sequence ? 2 : 1;
  call.parameters = spec.parameters;
  call.output = output_format(op, call.inputs[0], spec.output, spec.precision);
  call.precision = spec.precision;
  ProgramNode node{op.name, spec.layer,    spec.attributes, spec.inputs, static_cast<int>(program_.values.size()),
                   {},      spec.precision};
  if (form.lower) node.constants = form.lower(call);
  const bool sequence = form.kind != IntegerForm::Kind::last_step && value(spec.inputs[0]).sequence;
  program_.values.push_back({spec.name, call.output, spec.channels, sequence});
  program_.nodes.push_back(std::move(node));
  return program_.nodes.back().output;
}

Program ProgramBuilder::finish(int output, const std::string& name) {
  program_.outputs = {{output, name}};
  program_.check();
  return std::move(program_);
}

}  // namespace quantick::runtime
