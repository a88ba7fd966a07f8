#pragma once
// The layers under the names of their quantized forms: the same blocks, which train in float and are marked, so that
// the next quantize call takes them even where it takes marked layers alone.
#include "quantick/nn/conv.h"
#include "quantick/nn/dense.h"
#include "quantick/nn/embedding.h"
#include "quantick/nn/lstm.h"

namespace quantick::nn {

/// The options with their mark set.
template <class Options>
Options marked(Options options) {
  options.quantization = true;
  return options;
}

class QuantizedDense : public Dense {
 public:
  explicit QuantizedDense(int64_t units, const DenseOptions& options = {}) : Dense(units, marked(options)) {}
};

class QuantizedConv1D : public Conv1D {
 public:
  QuantizedConv1D(int64_t channels, int64_t kernel_size, const ConvOptions& options = {})
      : Conv1D(channels, kernel_size, marked(options)) {}
};

class QuantizedEmbedding : public Embedding {
 public:
  QuantizedEmbedding(int64_t input_dim, int64_t output_dim, const EmbeddingOptions& options = {})
      : Embedding(input_dim, output_dim, marked(options)) {}
};

class QuantizedLSTM : public LSTM {
 public:
  explicit QuantizedLSTM(int64_t hidden_size, const LSTMOptions& options = {}) : LSTM(hidden_size, marked(options)) {}
};

}  // namespace quantick::nn
