#pragma once
// Blocks without parameters that only hand on, reshape or pick.
#include <string>

#include "quantick/nn/block.h"

namespace quantick::nn {

/// Outputs are the inputs.
class Identity final : public Block {
 public:
  std::string kind() const override { return "identity"; }
  Arrays forward(const Arrays& inputs) override;
};

/// (N, ...) -> (N, product of the rest).
class Flatten final : public Block {
 public:
  std::string kind() const override { return "flatten"; }
  Arrays forward(const Arrays& inputs) override;
};

/// The newest step of a sequence: (T, N, C) -> (N, C), or (N, T, C) -> (N, C) with layout NTC. MXNet's SequenceLast
/// without lengths; ONNX writes it as Gather(axis = 0, index = -1).
class SequenceLast final : public Block {
 public:
  explicit SequenceLast(const std::string& layout = "TNC");
  std::string kind() const override { return "sequence_last"; }
  Arrays forward(const Arrays& inputs) override;

 private:
  bool batch_first_;
};

}  // namespace quantick::nn
