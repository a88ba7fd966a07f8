#pragma once
// The products of a recurrent layer packed for the tick path: tile after tile of 16 units, the rows of all gates of a
// unit in one tile, so that a cell can follow its products at once, and the weights are one stream in order of use.
// Plain pointers and numbers, for any instruction set; packed_tiles.h lays them out.
#include <cstddef>
#include <cstdint>

#include "quantick/kernels/recurrent/recurrent_cell.h"

namespace quantick::kernels {

inline constexpr int64_t kTileUnits = 16;
/// Neighbouring columns in one lane of a vector: what vpdpbusd adds up.
inline constexpr int64_t kTileDepth = 4;
/// Rows of x or h together; scratch holds the converted inputs of this many.
inline constexpr int64_t kTileRows = 64;

enum class TileInput { s8, s16, hidden_as_s8 };  // the last: int16 Q0.15, read as its int8 view

struct TileProduct {
  /// Of each tile: scales [gates][16] float32, starts of the sums [gates][16] int32; where wide, starts of the high
  /// plane's sums [gates][16] int32 and biases [gates][16] int64; then the weights [step][gate][16 units][4 columns],
  /// of 4 bits two steps in one line: the even one's code in the low half of each byte, the odd one's in the high half.
  const std::byte* tiles = nullptr;
  int64_t count = 0;       // of tiles
  int64_t tile_bytes = 0;  // of one tile
  int64_t columns = 0;
  int64_t steps = 0;        // columns / 4, rounded up to an even number; missing columns have weight 0
  int64_t plane_bytes = 0;  // of a converted row in one byte plane, a multiple of 64
  TileInput input = TileInput::s8;
  bool wide = false;  // sums that need 64 bits: the plane sums join as hi * 256 + lo + bias
  bool nibbles = false;
};

/// A row of out [n, tiles, gates, 16]: f32(W in + b) * scale. n <= kTileRows; scratch aligned to 64 bytes.
using TileProducts = void (*)(const TileProduct& product, const void* in, int64_t n, float* out, void* scratch);
/// The same and the cell behind it: the other product is given as TileProducts left it.
using TileFinish = void (*)(const RecurrentCell& cell, const TileProduct& product, const void* in, const float* other,
                            int64_t n, float* state, int16_t* h, void* scratch);

/// What an instruction set has for one kind of cell.
struct TileKernels {
  TileProducts products = nullptr;
  TileFinish finish_x = nullptr;  // the product of x behind that of h
  TileFinish finish_h = nullptr;  // the product of h behind that of x
};

}  // namespace quantick::kernels
