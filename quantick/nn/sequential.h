#pragma once
#include <concepts>
#include <string>
#include <utility>

#include "quantick/nn/block.h"

namespace quantick::nn {

/// Blocks in a row; children are named "0", "1", ... as Gluon names them.
class Sequential : public Block {
 public:
  Sequential() = default;
  /// Sequential net(nn::LSTM(64), nn::SequenceLast(), nn::Dense(1));
  template <class First, class... Rest>
  requires std::is_base_of_v<Block, First> &&(!std::is_base_of_v<Sequential, std::remove_cvref_t<First>> ||
                                              sizeof...(Rest) > 0) explicit Sequential(First first, Rest... rest) {
    add(std::move(first));
    (add(std::move(rest)), ...);
  }

  std::string kind() const override { return "sequential"; }
  /// The reference stays valid when the container moves.
  template <std::derived_from<Block> B>
  B& add(B block) {
    return add_child(next_name(), std::move(block));
  }
  Block& add(std::shared_ptr<Block> block) { return add_shared_child(next_name(), std::move(block)); }
  size_t size() const { return children().size(); }
  /// Throws IndexError.
  Block& operator[](size_t index) const;
  Arrays forward(const Arrays& inputs) override;
};

/// Every block here can be hybridized; the name is Gluon's.
using HybridSequential = Sequential;

}  // namespace quantick::nn
