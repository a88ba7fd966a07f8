#include "quantick/kernels/recurrent/packed_tiles.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
namespace quantick::kernels {
namespace {

constexpr int64_t kLine = 64;

int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

bool PackedTiles::fit(const DenseSpec& spec) {
  for (int64_t r = 0; r < spec.rows; ++r) {
    const int8_t* row = spec.weights + r * spec.cols;
    int64_t sum = 0;
    for (int64_t k = 0; k < spec.cols; ++k) sum += std::abs(int{row[k]});
    if (sum * 255 >= int64_t{1} << 31) return false;  // |hi + 128| and lo reach 255
  }
  return true;
}

PackedTiles::PackedTiles(const DenseSpec& spec, int gates, TileInput input) {
  const int64_t units = spec.rows / gates, cols = spec.cols;
  plan_.count = (units + kTileUnits - 1) / kTileUnits;
  plan_.columns = cols;
  plan_.steps = round_up((cols + kTileDepth - 1) / kTileDepth, 2);
  plan_.plane_bytes = round_up(plan_.steps * kTileDepth, kLine);
  plan_.input = input;
  plan_.wide = accumulator_bits(spec.weights, spec.rows, cols, spec.bias, spec.x_bits) == 64;
  const bool nibbles =
      std::all_of(spec.weights, spec.weights + spec.rows * cols, [](int8_t w) { return w >= -8 && w <= 7; });
  plan_.nibbles = nibbles;
  const int64_t head = (plan_.wide ? 5 : 2) * gates * kLine, step = gates * kLine;
  plan_.tile_bytes = head + plan_.steps * step / (nibbles ? 2 : 1);
  bytes_ = PooledBytes(static_cast<size_t>(plan_.count * plan_.tile_bytes), spec.memory);
  plan_.tiles = bytes_.data();
  for (int64_t r = 0; r < spec.rows; ++r) {
    const int64_t gate = r / units, unit = r % units, lane = unit % kTileUnits;
    std::byte* tile = bytes_.data() + unit / kTileUnits * plan_.tile_bytes;
    const int8_t* row = spec.weights + r * cols;
    std::byte* to = tile + head + gate * kLine + lane * kTileDepth;
    int64_t sum = 0;
    for (int64_t k = 0; k < cols; ++k) sum += row[k];
    if (nibbles) {
      for (int64_t k = 0; k < cols; ++k) {
        const int64_t s = k / kTileDepth;
        to[s / 2 * step + k % kTileDepth] |= static_cast<std::byte>((row[k] & 15) << (s % 2 * 4));
      }
    } else {
      int64_t k = 0;
      for (; k + kTileDepth <= cols; k += kTileDepth, to += step) std::memcpy(to, row + k, kTileDepth);
      std::memcpy(to, row + k, static_cast<size_t>(cols - k));
    }
    // Unsigned bytes meet the weights in vpdpbusd: x + 128 (or hi + 128) there, undone by 128 times the row sum here.
    // Modulo 2^32 throughout: the finished sum is proved to fit.
    const int64_t bias = spec.bias ? spec.bias[r] : 0, excess = -128 * sum;
    const bool two = input == TileInput::s16;
    const auto put = [&](int64_t line, auto value) {
      std::memcpy(tile + line * kLine + lane * static_cast<int64_t>(sizeof value), &value, sizeof value);
    };
    put(gate, spec.scale[r]);
    if (plan_.wide) {
      put((two ? 2 : 1) * gates + gate, static_cast<int32_t>(excess));
      put(3 * gates + 2 * gate, bias);
    } else {
      put(gates + gate, static_cast<int32_t>(bias + (two ? excess * 256 : excess)));
    }
  }
}

}  // namespace quantick::kernels
