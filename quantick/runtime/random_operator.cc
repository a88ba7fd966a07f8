#include "quantick/runtime/random_operator.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "quantick/core/error.h"
#include "quantick/runtime/plan.h"
#include "quantick/runtime/program_builder.h"
#include "quantick/tensor/random_array.h"

namespace quantick::runtime {
namespace {

using Kind = IntegerForm::Kind;

Shape channels_of(const Shape& shape, int lead) {
  return Shape(std::span<const int64_t>(shape.begin() + lead, shape.end()));
}

TensorFormat format_over(double low, double high, int bits) {
  low = std::min(low, 0.0), high = std::max(high, 1e-3);
  if (bits == 16) return {DType::i16, static_cast<float>(std::max(-low, high) / 32767), 0};
  const auto scale = static_cast<float>((high - low) / 255);
  return {DType::i8, scale, static_cast<int32_t>(std::clamp(std::rint(-128 - low / scale), -128.0, 127.0))};
}

/// A sample that a program of one input can hold: all data inputs have the first one's shape, the rest are parameters.
bool fits(const Operator& op, const OperatorSample& sample, int lead) {
  const IntegerForm& form = op.integer;
  const auto state = static_cast<size_t>(std::find(op.inputs.begin(), op.inputs.end(), "h0") - op.inputs.begin());
  if (state < op.inputs.size() && sample.inputs.size() > state) return false;  // initial states have no fixed bits
  const Shape& x = sample.inputs[0].shape;
  if (x.ndim() < lead + std::max(1, form.row_axes) || x.size() == 0) return false;
  const int data = data_input_count(form, sample.inputs.size());
  for (int i = 0; i < data; ++i)
    if (!(sample.inputs[i].shape == x) || sample.inputs[i].dtype == DType::boolean) return false;
  const Shape y = op.infer(sample.attributes, sample.inputs)[0].shape;
  return y.size() > 0 && y.ndim() >= lead && std::equal(x.begin(), x.begin() + lead, y.begin());
}

struct Setting {
  std::string name;
  int bits = 8;             ///< of input and output
  bool real_input = false;  ///< float32 input, integer output
  std::string method = "static";
};

std::optional<Program> make_program(const Operator& op, const OperatorSample& sample, int lead, const Setting& setting,
                                    const Key& key) {
  const IntegerForm& form = op.integer;
  const Shape& x = sample.inputs[0].shape;
  const int data = data_input_count(form, sample.inputs.size());
  Arrays floats;
  for (size_t i = 0; i < sample.inputs.size(); ++i)
    floats.push_back(
        uniform_array(sample.inputs[i].shape, sample.low, sample.high, key.fold(i)).astype(sample.inputs[i].dtype));
  const std::vector<double> y = invoke(op, sample.attributes, floats)[0].to_vector<double>();

  NodeSpec spec{.attributes = sample.attributes, .layer = op.name, .name = "y"};
  spec.precision.method = setting.method;
  const bool real = setting.method != "static";
  ProgramBuilder builder;
  const TensorFormat format =
      real || setting.real_input ? TensorFormat{} : format_over(sample.low, sample.high, setting.bits);
  const int input = builder.add_input("x", format, channels_of(x, lead), lead == 2);
  spec.inputs.assign(static_cast<size_t>(data), input);
  for (size_t i = static_cast<size_t>(data); i < floats.size(); ++i) spec.parameters.push_back(floats[i]);
  spec.channels = channels_of(op.infer(sample.attributes, sample.inputs)[0].shape, lead);
  if (!real)
    spec.output =
        format_over(*std::min_element(y.begin(), y.end()), *std::max_element(y.begin(), y.end()), setting.bits);
  try {
    Program program = builder.finish(builder.add_node(op, spec), "y");
    const Plan check(program);
    return program;
  } catch (const Error&) {
    return std::nullopt;  // the sample's axes mean something else in a program
  }
}

}  // namespace

std::vector<RandomOperatorProgram> random_operator_programs(const Operator& op, uint64_t seed) {
  std::vector<RandomOperatorProgram> out;
  const IntegerForm& form = op.integer;
  if (form.kind != Kind::pointwise && form.kind != Kind::recurrent && form.kind != Kind::window) return out;
  if (!form.stays_float.empty()) return out;
  std::vector<Setting> settings{{.name = "int8"}, {.name = "int16", .bits = 16}};
  if (form.reads_integers)
    settings.push_back({.name = "dynamic", .method = "dynamic"});
  else
    settings.push_back({.name = "float32 to int8", .real_input = true});
  for (const Setting& setting : settings) {
    std::optional<Program> widest;
    for (const OperatorSample& sample : op.samples())
      for (const int lead : form.kind == Kind::pointwise ? std::vector<int>{1, 2} : std::vector<int>{2}) {
        if (!fits(op, sample, lead)) continue;
        auto program = make_program(op, sample, lead, setting, Key(seed).fold(op.name));
        if (program && (!widest || program->output().channels.size() > widest->output().channels.size()))
          widest = std::move(program);
      }
    if (widest) out.push_back({op.name + " " + setting.name, std::move(*widest)});
  }
  return out;
}

}  // namespace quantick::runtime
