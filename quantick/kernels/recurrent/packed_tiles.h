#pragma once
// Lays out a product of a recurrent layer in tiles (recurrent_tiles.h).
#include "quantick/core/large_pages.h"
#include "quantick/kernels/dense/dense.h"
#include "quantick/kernels/recurrent/recurrent_tiles.h"

namespace quantick::kernels {

class PackedTiles {
 public:
  /// Of a plain spec with 8-bit weights; rows are gate-major. Where all weights are within [-8, 7] they are kept in 4
  /// bits. Throws ValueError for sums beyond 2^53.
  PackedTiles(const DenseSpec& spec, int gates, TileInput input);

  const TileProduct& plan() const { return plan_; }
  size_t bytes() const { return bytes_.size(); }

  /// Whether the sums of each byte plane fit 32 bits whatever the input is.
  static bool fit(const DenseSpec& spec);

 private:
  PooledBytes bytes_;
  TileProduct plan_;
};

}  // namespace quantick::kernels
