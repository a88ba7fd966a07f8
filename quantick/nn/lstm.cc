#include "quantick/nn/lstm.h"

#include <fmt/format.h>

#include "quantick/core/error.h"
#include "quantick/nn/dropout.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {

LSTM::LSTM(int64_t hidden_size, const LSTMOptions& options) : hidden_size_(hidden_size), options_(options) {
  QTK_CHECK(hidden_size > 0, ValueError, "[lstm] hidden_size, was {}, expected > 0", hidden_size);
  QTK_CHECK(options.num_layers > 0 && options.num_layers <= 1024, ValueError,
            "[lstm] num_layers, was {}, expected 1..1024", options.num_layers);
  QTK_CHECK(options.input_size >= 0, ValueError, "[lstm] input_size, was {}, expected >= 0 (0: from the first input)",
            options.input_size);
  QTK_CHECK(options.projection_size >= 0, ValueError, "[lstm] projection_size, was {}, expected >= 0 (0: none)",
            options.projection_size);
  QTK_CHECK(options.layout == "TNC" || options.layout == "NTC", ValueError,
            "[lstm] layout, was {}, expected TNC or NTC", options.layout);
  QTK_CHECK(options.dropout >= 0 && options.dropout < 1, ValueError, "[lstm] dropout, was {}, expected 0 <= rate < 1",
            options.dropout);
  const int64_t gates = 4 * hidden_size;
  const auto or_zeros = [](const InitializerPtr& init) { return init != nullptr ? init : zeros(); };
  for (int64_t k = 0; k < options.num_layers; ++k) {
    const int64_t inputs = k == 0 ? options.input_size : directions() * output_size();
    for (int64_t d = 0; d < directions(); ++d) {
      const std::string prefix = fmt::format("{}{}_", d == 0 ? 'l' : 'r', k);
      Layer layer;
      layer.i2h_weight = register_parameter(prefix + "i2h_weight", {gates, inputs}, options.i2h_weight_initializer);
      layer.h2h_weight =
          register_parameter(prefix + "h2h_weight", {gates, output_size()}, options.h2h_weight_initializer);
      if (options.projection_size > 0)
        layer.h2r_weight = register_parameter(prefix + "h2r_weight", {options.projection_size, hidden_size},
                                              options.h2r_weight_initializer);
      layer.i2h_bias = register_parameter(prefix + "i2h_bias", {gates}, or_zeros(options.i2h_bias_initializer));
      layer.h2h_bias = register_parameter(prefix + "h2h_bias", {gates}, or_zeros(options.h2h_bias_initializer));
      layers_.push_back(layer);
    }
  }
  quantization().enabled = options.quantization;
}

Arrays LSTM::begin_state(int64_t batch_size) const {
  QTK_CHECK(batch_size > 0, ValueError, "[lstm] batch_size, was {}, expected > 0", batch_size);
  const int64_t states = options_.num_layers * directions();
  const DType dtype = layers_[0].h2h_weight.dtype();
  return {Array::zeros({states, batch_size, output_size()}, dtype),
          Array::zeros({states, batch_size, hidden_size_}, dtype)};
}

void LSTM::infer_shapes(const Types& inputs) {
  QTK_CHECK(inputs.size() == 1 || inputs.size() == 3, ValueError, "[lstm] inputs, was {}, expected x or x, h0, c0",
            inputs.size());
  const Shape& x = inputs[0].shape;
  QTK_CHECK(x.ndim() == 3, ShapeError, "[lstm] input shape, was {}, expected three axes, {} (layer \"{}\")", x.text(),
            options_.layout, name());
  const int64_t known = layers_[0].i2h_weight.shape()[1];
  QTK_CHECK(known == 0 || known == x[2], ShapeError, "[lstm] input columns, was {}, expected {} (layer \"{}\")", x[2],
            known, name());
  for (size_t i = 1; i < inputs.size(); ++i) {
    const Shape state{options_.num_layers * directions(), options_.layout == "TNC" ? x[1] : x[0],
                      i == 1 ? output_size() : hidden_size_};
    QTK_CHECK(inputs[i].shape == state, ShapeError, "[lstm] shape of state {}, was {}, expected {} (layer \"{}\")",
              i == 1 ? "h0" : "c0", inputs[i].shape.text(), state.text(), name());
  }
  for (int64_t d = 0; d < directions(); ++d)
    layers_[static_cast<size_t>(d)].i2h_weight.infer_shape({4 * hidden_size_, x[2]});
}

Arrays LSTM::run_layer(const Layer& layer, const Array& x, const Array& h0, const Array& c0) const {
  const Array &w_ih = layer.i2h_weight.data(), &w_hh = layer.h2h_weight.data();
  const Array &b_ih = layer.i2h_bias.data(), &b_hh = layer.h2h_bias.data();
  if (options_.projection_size == 0) return lstm(x, w_ih, w_hh, b_ih, b_hh, h0, c0);
  return lstm_projection(x, w_ih, w_hh, b_ih, b_hh, layer.h2r_weight.data(), h0, c0);
}

Arrays LSTM::forward(const Arrays& inputs) {
  const bool with_states = inputs.size() == 3, batch_first = options_.layout == "NTC";
  const auto state_of_layer = [&](const Array& states, int64_t k) { return squeeze(slice(states, 0, k, k + 1), 0); };
  Array x = batch_first ? transpose(inputs[0], {1, 0, 2}) : inputs[0];
  Arrays hidden, cell;
  for (int64_t k = 0; k < options_.num_layers; ++k) {
    if (k > 0) x = dropout_in_training(x, options_.dropout);
    Arrays sides;
    for (int64_t d = 0; d < directions(); ++d) {
      const int64_t at = k * directions() + d;
      const Array h0 = with_states ? state_of_layer(inputs[1], at) : Array();
      const Array c0 = with_states ? state_of_layer(inputs[2], at) : Array();
      const Arrays out = run_layer(layers_[static_cast<size_t>(at)], d == 0 ? x : sequence_reverse(x), h0, c0);
      sides.push_back(d == 0 ? out[0] : sequence_reverse(out[0]));
      if (with_states) {
        hidden.push_back(out[1]);
        cell.push_back(out[2]);
      }
    }
    x = directions() == 1 ? sides[0] : concat(sides, 2);
  }
  const Array y = batch_first ? transpose(x, {1, 0, 2}) : x;
  if (!with_states) return {y};
  return {y, stack(hidden, 0), stack(cell, 0)};
}

}  // namespace quantick::nn
