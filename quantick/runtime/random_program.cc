#include "quantick/runtime/random_program.h"

#include <cmath>

#include "quantick/ops/operator.h"
#include "quantick/runtime/program_builder.h"
#include "quantick/tensor/random_array.h"

namespace quantick::runtime {
namespace {

/// Uniform in [-bound, bound].
Array uniform(const Shape& shape, double bound, const Key& key) { return uniform_array(shape, -bound, bound, key); }

TensorFormat random_format(int bits, double range, const Key& key) {
  const double scale = range * (0.5 + key.uniform(0)) / (1 << (bits - 1));
  if (bits == 16) return {DType::i16, static_cast<float>(scale), 0};
  return {DType::i8, static_cast<float>(scale), static_cast<int32_t>(key.below(1, 256)) - 128};
}

Attributes dense_attributes() { return {{"flatten", false}}; }

}  // namespace

Program random_dense(int64_t columns, int64_t rows, int bits, uint64_t seed) {
  const Key key = Key(seed).fold("dense");
  ProgramBuilder builder;
  const int x = builder.add_input("x", random_format(bits, 3, key.fold("x")), Shape{columns}, false);
  NodeSpec dense{
      .attributes = dense_attributes(), .layer = "dense", .name = "y", .inputs = {x}, .channels = Shape{rows}};
  dense.parameters = {uniform(Shape{rows, columns}, 1, key.fold("weight")), uniform(Shape{rows}, 2, key.fold("bias"))};
  // About two deviations of the sums, so that all codes and both ends are met.
  dense.output = random_format(bits, 2 * std::sqrt(static_cast<double>(columns)), key.fold("y"));
  return builder.finish(builder.add_node(find_operator("dense"), dense), "y");
}

Program random_lstm(const RandomLstm& options, uint64_t seed) {
  const Key key = Key(seed).fold("lstm");
  ProgramBuilder builder;
  int value = builder.add_input("x", random_format(8, 4, key.fold("x")), Shape{options.features}, true);
  const int64_t units = options.units;
  for (int64_t layer = 0; layer < options.layers; ++layer) {
    const Key k = key.fold(static_cast<uint64_t>(layer));
    const int64_t width = layer == 0 ? options.features : units;
    const double bound = 2 / std::sqrt(static_cast<double>(units));
    NodeSpec lstm{.layer = "lstm" + std::to_string(layer),
                  .name = "h" + std::to_string(layer),
                  .inputs = {value},
                  .channels = Shape{units}};
    lstm.parameters = {uniform(Shape{4 * units, width}, bound, k.fold("w_ih")),
                       uniform(Shape{4 * units, units}, bound, k.fold("w_hh")),
                       uniform(Shape{4 * units}, bound, k.fold("b_ih")),
                       uniform(Shape{4 * units}, bound, k.fold("b_hh")),
                       Array(),
                       Array()};
    value = builder.add_node(find_operator("lstm"), lstm);
  }
  if (options.last_only)
    value = builder.add_node(find_operator("sequence_last"),
                             {.layer = "last", .name = "last", .inputs = {value}, .channels = Shape{units}});
  if (options.outputs == 0) return builder.finish(value, "y");
  NodeSpec head{.attributes = dense_attributes(),
                .layer = "head",
                .name = "y",
                .inputs = {value},
                .channels = Shape{options.outputs}};
  head.parameters = {uniform(Shape{options.outputs, units}, 1, key.fold("head")),
                     uniform(Shape{options.outputs}, 1, key.fold("head bias"))};
  return builder.finish(builder.add_node(find_operator("dense"), head), "y");
}

Array random_input(const Program& program, int64_t steps, int64_t batch, uint64_t seed) {
  const ProgramValue& input = program.input();
  Shape shape{batch};
  if (input.sequence) shape.insert(0, steps);
  for (const int64_t c : input.channels) shape.push_back(c);
  const TensorFormat& f = input.format;
  const double top = f.quantized() ? 1.05 * (1 << (f.bits() - 1)) : 4;
  const Key key = Key(seed).fold("input");
  std::vector<float> values(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>((top * (2 * key.uniform(i) - 1) - f.zero_point) * static_cast<double>(f.scale));
  return Array::from(values, shape);
}

}  // namespace quantick::runtime
