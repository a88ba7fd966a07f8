#include "quantick/runtime/program.h"

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/ops/operator.h"

namespace quantick::runtime {
namespace {

// Far above any model, far below what would overflow an arena's size: channels of one row.
constexpr int64_t kMaxChannels = int64_t{1} << 24;

void check_format(const ProgramValue& value) {
  const TensorFormat& f = value.format;
  QTK_CHECK(f.dtype == DType::f32 || f.dtype == DType::i8 || f.dtype == DType::i16, ValueError,
            "[program] type of {}, was {}, expected int8, int16 or float32", value.name, dtype_name(f.dtype));
  QTK_CHECK(std::isfinite(f.scale) && f.scale > 0, ValueError,
            "[program] scale of {}, was {}, expected a positive number", value.name, f.scale);
  QTK_CHECK(f.narrow_bits == 0 || (f.quantized() && f.narrow_bits >= 2 && f.narrow_bits < f.bits()), ValueError,
            "[program] narrow bits of {}, were {}, expected 0, or 2 and more of an integer type", value.name,
            f.narrow_bits);
  QTK_CHECK(f.grid == FloatGrid::f32 || !f.quantized(), ValueError, "[program] {} is both {} and a narrow float",
            value.name, dtype_name(f.dtype));
  const int32_t top = f.quantized() ? (1 << (f.width() - 1)) : 0;
  QTK_CHECK(f.zero_point >= -top && f.zero_point <= std::max(0, top - 1), ValueError,
            "[program] zero point of {}, was {}, expected a code of {}", value.name, f.zero_point, dtype_name(f.dtype));
  int64_t channels = 1;
  for (const int64_t extent : value.channels) {
    QTK_CHECK(extent > 0 && extent <= kMaxChannels / channels, ValueError,
              "[program] channels of {}, was {}, expected between 1 and 2^24 in all", value.name,
              value.channels.text());
    channels *= extent;
  }
}

void check_input(const ProgramInput& input, const ProgramValue& value) {
  QTK_CHECK(input.columns.empty() || static_cast<int64_t>(input.columns.size()) == value.channels.size(), ValueError,
            "[program] column names of {}, were {}, expected {}", value.name, input.columns.size(),
            value.channels.size());
  if (input.missing != MissingPolicy::fill) return;
  const TensorFormat& f = value.format;
  const float top = f.quantized() ? static_cast<float>(1 << (f.width() - 1)) : 0;
  const float code = std::rint(input.fill / f.scale) + static_cast<float>(f.zero_point);
  const bool on_grid = !f.quantized() || (code >= -top && code < top &&
                                          (code - static_cast<float>(f.zero_point)) * f.scale == input.fill);
  QTK_CHECK(std::isfinite(input.fill) && on_grid, ValueError,
            "[program] fill value of {}, was {}, expected a point of its grid (0 always is one; scale {})", value.name,
            input.fill, f.scale);
}

}  // namespace

std::string_view missing_policy_name(MissingPolicy policy) {
  return policy == MissingPolicy::reject ? "reject" : "fill";
}

MissingPolicy missing_policy_from_name(std::string_view name) {
  if (name == "reject") return MissingPolicy::reject;
  if (name == "fill") return MissingPolicy::fill;
  QTK_CHECK(name != "missing", UnsupportedError,
            "[program] missing-value policy \"missing\" (a reserved code and a mask column) is not in this version; "
            "available: reject, fill");
  fail<ValueError>("[program] missing-value policy, was \"{}\", expected reject or fill", name);
}

void Program::check() const {
  QTK_CHECK(inputs.size() == 1 && outputs.size() == 1, UnsupportedError,
            "[program] inputs and outputs, were {} and {}; this version runs programs of one input and one output",
            inputs.size(), outputs.size());
  const int count = static_cast<int>(values.size());
  const auto check_id = [&](int id, std::string_view who) {
    QTK_CHECK(id >= 0 && id < count, ValueError, "[program] {} names value {}, expected 0..{}", who, id, count - 1);
  };
  for (const ProgramValue& value : values) check_format(value);
  std::vector<bool> made(values.size(), false);
  check_id(inputs[0].value, "the input");
  check_input(inputs[0], input());
  made[inputs[0].value] = true;
  for (const ProgramNode& node : nodes) {
    const Operator& op = find_operator(node.op);
    QTK_CHECK(op.integer.kind != IntegerForm::Kind::none, UnsupportedError,
              "[program] {} (layer \"{}\") has no fixed-bits form", node.op, node.layer);
    // Constants stand for operands where the form takes any mix of both.
    const bool all = op.integer.data_inputs == kAllInputs;
    size_t operands = node.inputs.size();
    if (all)
      operands += static_cast<size_t>(std::count_if(node.constants.begin(), node.constants.end(),
                                                    [](const NamedArray& c) { return c.name.starts_with("operand"); }));
    const size_t most = !all ? op.integer.data_inputs : op.variadic ? kMaxNodeInputs : op.inputs.size();
    const size_t least = !all ? most : op.inputs.size() - static_cast<size_t>(op.optional_inputs);
    QTK_CHECK(!node.inputs.empty() && node.inputs.size() <= kMaxNodeInputs && operands >= least && operands <= most,
              ValueError, "[program] inputs of {} (layer \"{}\"), were {}, expected {}{}", node.op, node.layer,
              operands, least, least == most ? "" : " or more");
    node.precision.validate(fmt::format("program: {} (layer \"{}\")", node.op, node.layer));
    check_id(node.output, node.op);
    QTK_CHECK(!made[node.output], ValueError, "[program] value {} is made twice", values[node.output].name);
    const ProgramValue& out = values[node.output];
    for (const int id : node.inputs) {
      check_id(id, node.op);
      QTK_CHECK(made[id], ValueError, "[program] {} (layer \"{}\") reads {} before it is made", node.op, node.layer,
                values[id].name);
      const bool picks = op.integer.kind == IntegerForm::Kind::last_step;
      QTK_CHECK(picks ? values[id].sequence && !out.sequence : values[id].sequence == out.sequence, ValueError,
                "[program] {} (layer \"{}\") mixes a sequence with a frame", node.op, node.layer);
    }
    if (op.integer.kind == IntegerForm::Kind::last_step || op.integer.kind == IntegerForm::Kind::passthrough) {
      const ProgramValue& in = values[node.inputs[0]];
      QTK_CHECK(in.format == out.format && in.channels.size() == out.channels.size(), ValueError,
                "[program] {} (layer \"{}\") must keep the format of its input", node.op, node.layer);
    }
    const bool over_time =
        op.integer.kind == IntegerForm::Kind::recurrent || op.integer.kind == IntegerForm::Kind::window;
    QTK_CHECK(!over_time || out.sequence, ValueError, "[program] {} (layer \"{}\") runs over time, its input has none",
              node.op, node.layer);
    made[node.output] = true;
  }
  check_id(outputs[0].value, "the output");
  QTK_CHECK(made[outputs[0].value], ValueError, "[program] the output is never made");
}

std::string Program::text() const {
  const auto describe = [&](int id) {
    const ProgramValue& v = values[id];
    std::string text = fmt::format("%{} {} {}{}", id, v.name, v.format.name(), v.channels.text());
    if (v.format.quantized()) text += fmt::format(" scale {} zero {}", v.format.scale, v.format.zero_point);
    return text + (v.sequence ? " per step" : "");
  };
  std::string text;
  for (const ProgramInput& i : inputs)
    text += fmt::format("input  {}, missing values: {}\n", describe(i.value), missing_policy_name(i.missing));
  for (const ProgramNode& node : nodes) {
    text += fmt::format("{} = {}(", describe(node.output), node.op);
    for (size_t k = 0; k < node.inputs.size(); ++k) text += fmt::format("{}%{}", k > 0 ? ", " : "", node.inputs[k]);
    text += ")";
    if (!node.layer.empty()) text += fmt::format(" layer \"{}\"", node.layer);
    if (node.precision.method != "static") text += " " + node.precision.method;
    for (const NamedArray& c : node.constants) text += fmt::format(" {}: {}", c.name, c.value.type().text());
    text += "\n";
  }
  for (const ProgramOutput& o : outputs) text += fmt::format("output {} \"{}\"\n", describe(o.value), o.name);
  return text;
}

int64_t Program::constant_bytes() const {
  int64_t bytes = 0;
  for (const ProgramNode& node : nodes)
    for (const NamedArray& c : node.constants) bytes += c.value.size() * dtype_size(c.value.dtype());
  return bytes;
}

bool Program::needs_whole_window() const {
  return std::any_of(nodes.begin(), nodes.end(), [](const ProgramNode& node) {
    return find_operator(node.op).integer.kind == IntegerForm::Kind::window;
  });
}

bool operator==(const Program& a, const Program& b) {
  if (a.values != b.values || a.inputs != b.inputs || a.outputs != b.outputs || a.metadata != b.metadata ||
      a.nodes.size() != b.nodes.size())
    return false;
  for (size_t i = 0; i < a.nodes.size(); ++i) {
    const ProgramNode &x = a.nodes[i], &y = b.nodes[i];
    if (x.op != y.op || x.layer != y.layer || x.attributes != y.attributes || x.inputs != y.inputs ||
        x.output != y.output || !(x.precision == y.precision) || x.constants.size() != y.constants.size())
      return false;
    for (size_t k = 0; k < x.constants.size(); ++k)
      if (x.constants[k].name != y.constants[k].name || !same_bits(x.constants[k].value, y.constants[k].value))
        return false;
  }
  return true;
}

}  // namespace quantick::runtime
