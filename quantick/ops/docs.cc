#include "quantick/ops/docs.h"

#include <fmt/format.h>

#include "quantick/ops/operator.h"

namespace quantick {
namespace {

std::string inputs_text(const Operator& op) {
  std::vector<std::string> names = op.inputs;
  for (size_t i = names.size() - static_cast<size_t>(op.optional_inputs); i < names.size(); ++i) names[i] += "?";
  if (op.variadic) names.back() += "...";
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string attributes_text(const Operator& op) {
  std::vector<std::string> parts;
  for (const AttributeInfo& a : op.attributes)
    parts.push_back(fmt::format("`{}` = {}: {}", a.name, attribute_text(a.default_value), a.doc));
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string_view integer_text(const IntegerForm& form) {
  if (!form.stays_float.empty()) return "no, float32";
  switch (form.kind) {
    case IntegerForm::Kind::none:
      break;
    case IntegerForm::Kind::pointwise:
      return "each row by itself";
    case IntegerForm::Kind::recurrent:
      return "with state";
    case IntegerForm::Kind::window:
      return "whole windows";
    case IntegerForm::Kind::last_step:
      return "picks the step";
    case IntegerForm::Kind::passthrough:
      return "passes through";
  }
  return "not in programs";
}

}  // namespace

std::string operators_markdown() {
  std::string out =
      "# Operators\n\n"
      "Made by `quantick ops` from the registry (quantick/ops/list.inc). `?` marks inputs that may be left out, `...` "
      "one that repeats.\n\n"
      "| operator | family | inputs | attributes | gradient | fixed bits | ONNX | what it does |\n"
      "|---|---|---|---|---|---|---|---|\n";
  for (const Operator& op : operators())
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} | {} |\n", op.name, op.family, inputs_text(op),
                       attributes_text(op), op.gradient ? "yes" : "-", integer_text(op.integer),
                       op.onnx.empty() ? "-" : op.onnx, op.summary);
  return out;
}

}  // namespace quantick
