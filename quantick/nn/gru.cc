#include "quantick/nn/gru.h"

#include <fmt/format.h>

#include "quantick/core/error.h"
#include "quantick/nn/dropout.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {

GRU::GRU(int64_t hidden_size, const GRUOptions& options) : hidden_size_(hidden_size), options_(options) {
  QTK_CHECK(hidden_size > 0, ValueError, "[gru] hidden_size, was {}, expected > 0", hidden_size);
  QTK_CHECK(options.num_layers > 0 && options.num_layers <= 1024, ValueError,
            "[gru] num_layers, was {}, expected 1..1024", options.num_layers);
  QTK_CHECK(options.input_size >= 0, ValueError, "[gru] input_size, was {}, expected >= 0 (0: from the first input)",
            options.input_size);
  QTK_CHECK(options.layout == "TNC" || options.layout == "NTC", ValueError, "[gru] layout, was {}, expected TNC or NTC",
            options.layout);
  QTK_CHECK(options.dropout >= 0 && options.dropout < 1, ValueError, "[gru] dropout, was {}, expected 0 <= rate < 1",
            options.dropout);
  const int64_t gates = 3 * hidden_size;
  const auto or_zeros = [](const InitializerPtr& init) { return init != nullptr ? init : zeros(); };
  for (int64_t k = 0; k < options.num_layers; ++k)
    for (int64_t d = 0; d < directions(); ++d) {
      const std::string prefix = fmt::format("{}{}_", d == 0 ? 'l' : 'r', k);
      const int64_t inputs = k == 0 ? options.input_size : directions() * hidden_size;
      Layer layer;
      layer.i2h_weight = register_parameter(prefix + "i2h_weight", {gates, inputs}, options.i2h_weight_initializer);
      layer.h2h_weight =
          register_parameter(prefix + "h2h_weight", {gates, hidden_size}, options.h2h_weight_initializer);
      layer.i2h_bias = register_parameter(prefix + "i2h_bias", {gates}, or_zeros(options.i2h_bias_initializer));
      layer.h2h_bias = register_parameter(prefix + "h2h_bias", {gates}, or_zeros(options.h2h_bias_initializer));
      layers_.push_back(layer);
    }
  quantization().enabled = options.quantization;
}

Arrays GRU::begin_state(int64_t batch_size) const {
  QTK_CHECK(batch_size > 0, ValueError, "[gru] batch_size, was {}, expected > 0", batch_size);
  return {Array::zeros({options_.num_layers * directions(), batch_size, hidden_size_}, layers_[0].h2h_weight.dtype())};
}

void GRU::infer_shapes(const Types& inputs) {
  QTK_CHECK(inputs.size() == 1 || inputs.size() == 2, ValueError, "[gru] inputs, was {}, expected x or x, h0",
            inputs.size());
  const Shape& x = inputs[0].shape;
  QTK_CHECK(x.ndim() == 3, ShapeError, "[gru] input shape, was {}, expected three axes, {} (layer \"{}\")", x.text(),
            options_.layout, name());
  const int64_t known = layers_[0].i2h_weight.shape()[1];
  QTK_CHECK(known == 0 || known == x[2], ShapeError, "[gru] input columns, was {}, expected {} (layer \"{}\")", x[2],
            known, name());
  const Shape state{options_.num_layers * directions(), options_.layout == "TNC" ? x[1] : x[0], hidden_size_};
  QTK_CHECK(inputs.size() == 1 || inputs[1].shape == state, ShapeError,
            "[gru] shape of state h0, was {}, expected {} (layer \"{}\")", inputs.back().shape.text(), state.text(),
            name());
  for (int64_t d = 0; d < directions(); ++d)
    layers_[static_cast<size_t>(d)].i2h_weight.infer_shape({3 * hidden_size_, x[2]});
}

Arrays GRU::forward(const Arrays& inputs) {
  const bool with_state = inputs.size() == 2, batch_first = options_.layout == "NTC";
  Array x = batch_first ? transpose(inputs[0], {1, 0, 2}) : inputs[0];
  Arrays hidden;
  for (int64_t k = 0; k < options_.num_layers; ++k) {
    if (k > 0) x = dropout_in_training(x, options_.dropout);
    Arrays sides;
    for (int64_t d = 0; d < directions(); ++d) {
      const int64_t at = k * directions() + d;
      const Layer& layer = layers_[static_cast<size_t>(at)];
      const Array h0 = with_state ? squeeze(slice(inputs[1], 0, at, at + 1), 0) : Array();
      const Arrays out = gru(d == 0 ? x : sequence_reverse(x), layer.i2h_weight.data(), layer.h2h_weight.data(),
                             layer.i2h_bias.data(), layer.h2h_bias.data(), h0);
      sides.push_back(d == 0 ? out[0] : sequence_reverse(out[0]));
      if (with_state) hidden.push_back(out[1]);
    }
    x = directions() == 1 ? sides[0] : concat(sides, 2);
  }
  const Array y = batch_first ? transpose(x, {1, 0, 2}) : x;
  if (!with_state) return {y};
  return {y, stack(hidden, 0)};
}

}  // namespace quantick::nn
