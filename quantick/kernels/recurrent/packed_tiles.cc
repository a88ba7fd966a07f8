#include "quantick/kernels/recurrent/packed_tiles.h"

#include <algorithm>
#include <cstring>

#include "quantick/kernels/dense/dense_pack.h"

namespace quantick::kernels {
namespace {

constexpr int64_t kLine = 64;

int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

/// Whether all weights are within [-8, 7].
bool four_bits(const int8_t* weights, int64_t count, Isa isa) {
  constexpr int64_t kHalf = 1024;
  std::vector<int8_t> packed(kHalf), rest(2 * kHalf, 0);
  for (; count >= 2 * kHalf; weights += 2 * kHalf, count -= 2 * kHalf)
    if (!to_nibbles(weights, 1, kHalf, packed.data(), isa)) return false;
  std::copy_n(weights, count, rest.data());
  return to_nibbles(rest.data(), 1, kHalf, packed.data(), isa);
}

}  // namespace

TileRows::TileRows(const DenseSpec& spec, Isa isa) : sums(spec.rows), magnitudes(spec.rows) {
  row_sums(spec.weights, spec.rows, spec.cols, sums.data(), magnitudes.data(), isa);
}

bool TileRows::fit(int64_t factor) const {
  const int64_t largest = *std::max_element(magnitudes.begin(), magnitudes.end());
  return largest * factor * 255 < int64_t{1} << 31;  // |hi + 128| and lo reach 255
}

PackedTiles::PackedTiles(const DenseSpec& spec, const TileRows& rows, int gates, TileInput input, Isa isa) {
  const int64_t units = spec.rows / gates, cols = spec.cols;
  plan_.count = (units + kTileUnits - 1) / kTileUnits;
  plan_.columns = cols;
  plan_.steps = round_up((cols + kTileDepth - 1) / kTileDepth, 2);
  plan_.plane_bytes = round_up(plan_.steps * kTileDepth, kLine);
  plan_.input = input;
  plan_.wide = accumulator_bits(rows.magnitudes, spec.bias, spec.x_bits) == 64;
  // A nibble counts 16-fold until the end.
  plan_.nibbles = rows.fit(16) && four_bits(spec.weights, spec.rows * cols, isa);
  const int64_t head = (plan_.wide ? 5 : 2) * gates * kLine, step = gates * kLine;
  plan_.tile_bytes = head + plan_.steps * step / (plan_.nibbles ? 2 : 1);
  bytes_ = PooledBytes(static_cast<size_t>(plan_.count * plan_.tile_bytes), spec.memory);
  plan_.tiles = bytes_.data();
  pack_weights(spec, gates, head, isa);
  pack_heads(spec, rows, gates);
}

void PackedTiles::pack_weights(const DenseSpec& spec, int gates, int64_t head, Isa isa) {
  const int64_t units = spec.rows / gates, cols = spec.cols, step = gates * kLine;
  std::vector<int8_t> wide(plan_.nibbles ? plan_.steps * step : 0);  // a tile before its weights become nibbles
  for (int64_t tile = 0; tile < plan_.count; ++tile) {
    auto* weights = reinterpret_cast<int8_t*>(bytes_.data() + tile * plan_.tile_bytes + head);
    int8_t* out = weights;
    if (plan_.nibbles) {
      std::fill(wide.begin(), wide.end(), int8_t{0});
      out = wide.data();
    }
    const int64_t unit = tile * kTileUnits, here = std::min(kTileUnits, units - unit);
    for (int64_t gate = 0; gate < gates; ++gate)
      pack_columns(spec.weights + (gate * units + unit) * cols, here, cols, kTileDepth, step, out + gate * kLine, isa);
    if (plan_.nibbles) to_nibbles(out, plan_.steps / 2, step, weights, isa);
  }
}

void PackedTiles::pack_heads(const DenseSpec& spec, const TileRows& rows, int gates) {
  const int64_t units = spec.rows / gates;
  for (int64_t r = 0; r < spec.rows; ++r) {
    const int64_t gate = r / units, unit = r % units, lane = unit % kTileUnits;
    std::byte* tile = bytes_.data() + unit / kTileUnits * plan_.tile_bytes;
    // Unsigned bytes meet the weights in vpdpbusd: x + 128 (or hi + 128) there, undone by 128 times the row sum here.
    // Modulo 2^32 throughout: the finished sum is proved to fit.
    const int64_t bias = spec.bias ? spec.bias[r] : 0, excess = -128 * rows.sums[r];
    const bool two = plan_.input == TileInput::s16;
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
