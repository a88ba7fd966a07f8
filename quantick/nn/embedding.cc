#include "quantick/nn/embedding.h"

#include "quantick/nn/inputs.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {

Embedding::Embedding(int64_t input_dim, int64_t output_dim, const EmbeddingOptions& options)
    : input_dim_(input_dim), output_dim_(output_dim), options_(options) {
  QTK_CHECK(input_dim > 0, ValueError, "[embedding] input_dim, was {}, expected > 0", input_dim);
  QTK_CHECK(output_dim > 0, ValueError, "[embedding] output_dim, was {}, expected > 0", output_dim);
  weight_ = register_parameter("weight", {input_dim, output_dim}, options.weight_initializer);
  quantization().enabled = options.quantization;
}

Arrays Embedding::forward(const Arrays& inputs) { return {embedding(one_input(inputs, "embedding"), weight_.data())}; }

}  // namespace quantick::nn
