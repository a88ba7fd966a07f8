#pragma once
#include "quantick/core/fields.h"
#include "quantick/nn/block.h"

namespace quantick::nn {

/// Gluon's defaults. Initializers: null means the one given to initialize().
struct EmbeddingOptions {
  InitializerPtr weight_initializer = nullptr;
  bool quantization = false;
  static constexpr auto fields() {
    return std::make_tuple(field("quantization", &EmbeddingOptions::quantization, "marks the layer for quantization"));
  }
};

/// Rows of a table by ids: (...) -> (..., output_dim), W "weight" (input_dim, output_dim). Ids are whole numbers from 0
/// to input_dim - 1, of any numeric dtype; others throw IndexError that names the value.
class Embedding : public Block {
 public:
  /// Throws ValueError for sizes below 1.
  Embedding(int64_t input_dim, int64_t output_dim, const EmbeddingOptions& options = {});
  std::string kind() const override { return "embedding"; }
  int64_t input_dim() const { return input_dim_; }
  int64_t output_dim() const { return output_dim_; }
  const EmbeddingOptions& options() const { return options_; }
  Arrays forward(const Arrays& inputs) override;

 private:
  int64_t input_dim_, output_dim_;
  EmbeddingOptions options_;
  Parameter weight_;
};

}  // namespace quantick::nn
