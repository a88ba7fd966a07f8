#pragma once
// Lays out a product of a recurrent layer in tiles (recurrent_tiles.h).
#include <vector>

#include "quantick/core/large_pages.h"
#include "quantick/kernels/dense/dense.h"
#include "quantick/kernels/recurrent/recurrent_tiles.h"

namespace quantick::kernels {

/// The rows of a plain spec with 8-bit weights, read once for all proofs.
struct TileRows {
  TileRows(const DenseSpec& spec, Isa isa);
  /// Whether the sums of each byte plane fit 32 bits whatever the input is; `factor`: of the weights.
  bool fit(int64_t factor = 1) const;

  std::vector<int64_t> sums, magnitudes;
};

class PackedTiles {
 public:
  /// Of a plain spec with 8-bit weights; rows are gate-major and fit. Where all weights are within [-8, 7] they are
  /// kept in 4 bits. A tick then takes 0.4 to 0.5 of the time of 8 bits where those leave the L2 cache, else 0.9 to 1,
  /// or 1.1 to 1.2 with inputs of 16 bits. Throws ValueError for sums beyond 2^53.
  PackedTiles(const DenseSpec& spec, const TileRows& rows, int gates, TileInput input, Isa isa);

  const TileProduct& plan() const { return plan_; }
  size_t bytes() const { return bytes_.size(); }

 private:
  void pack_weights(const DenseSpec& spec, int gates, int64_t head, Isa isa);
  void pack_heads(const DenseSpec& spec, const TileRows& rows, int gates);

  PooledBytes bytes_;
  TileProduct plan_;
};

}  // namespace quantick::kernels
