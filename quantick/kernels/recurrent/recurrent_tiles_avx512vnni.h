#pragma once
// Tiles of recurrent products by vpdpbusd (recurrent_tiles.h), for any cell: unsigned bytes of the input against signed
// weights, 16 units of one gate per vector. 16-bit inputs are two byte planes that share each load of weights. For
// files compiled for AVX-512 VNNI only.
#if defined(__AVX512VNNI__)
#include "quantick/kernels/activation/vector_two.h"
#include "quantick/kernels/intrinsics.h"
#include "quantick/kernels/recurrent/cell_rows.h"
#include "quantick/kernels/recurrent/recurrent_tiles.h"

namespace quantick::kernels {
namespace {

constexpr int64_t kLine = 64;

/// One row as unsigned planes: x + 128; or for 16 bits hi + 128, then lo. Zeros behind the columns,
/// whose weights are 0.
inline void to_planes(const TileProduct& p, const void* in, uint8_t* out) {
  const int64_t width = p.plane_bytes;
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  if (p.input == TileInput::s8) {
    for (int64_t k = 0; k < p.columns; k += 64) {
      const int64_t left = p.columns - k;
      const __mmask64 mask = left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
      const __m512i v = _mm512_maskz_loadu_epi8(mask, static_cast<const int8_t*>(in) + k);
      _mm512_store_si512(out + k, _mm512_xor_si512(v, flip));
    }
    return;
  }
  const bool narrow = p.input == TileInput::hidden_as_s8;
  for (int64_t k = 0; k < width; k += 32) {
    const int64_t left = p.columns - k;
    const __mmask32 mask = left >= 32 ? ~__mmask32{0} : left <= 0 ? 0 : (__mmask32{1} << left) - 1;
    __m512i v = _mm512_maskz_loadu_epi16(mask, static_cast<const int16_t*>(in) + k);
    // The saturating sum stops at 32767, whose high byte is the 127 that the minimum of the int8 view asks for.
    if (narrow) v = _mm512_adds_epi16(v, _mm512_set1_epi16(128));
    const __m256i high = _mm256_xor_si256(_mm512_cvtepi16_epi8(_mm512_srai_epi16(v, 8)), _mm512_castsi512_si256(flip));
    _mm256_store_si256(reinterpret_cast<__m256i*>(out + k), high);
    if (!narrow) _mm256_store_si256(reinterpret_cast<__m256i*>(out + width + k), _mm512_cvtepi16_epi8(v));
  }
}

[[gnu::always_inline]] inline __m512i broadcast4(const uint8_t* x) {
  int32_t four;
  __builtin_memcpy(&four, x, 4);
  return _mm512_set1_epi32(four);
}

/// sum += unsigned x times signed w, by fours. As text, since g++ 12 copies and spills the sums of the intrinsic.
[[gnu::always_inline]] inline void multiply_add(__m512i& sum, __m512i x, __m512i w) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
}

/// hi * 256 + lo + bias of 8 lanes in 64 bits, to float32 with one rounding.
[[gnu::always_inline]] inline __m256 joined8(__m256i high, __m256i low, const std::byte* bias) {
  const __m512i sum = _mm512_add_epi64(_mm512_slli_epi64(_mm512_cvtepi32_epi64(high), 8), _mm512_cvtepi32_epi64(low));
  return _mm512_cvtepi64_ps(_mm512_add_epi64(sum, _mm512_load_si512(bias)));
}

/// What stands before the weights of a tile.
template <int kGates>
struct TileHead {
  const std::byte* at;
  [[gnu::always_inline]] __m512 scale(int g) const { return _mm512_load_ps(at + g * kLine); }
  [[gnu::always_inline]] __m512i start(int g) const { return _mm512_load_si512(at + (kGates + g) * kLine); }
  [[gnu::always_inline]] __m512i start_high(int g) const { return _mm512_load_si512(at + (2 * kGates + g) * kLine); }
  [[gnu::always_inline]] const std::byte* bias(int g) const { return at + (3 * kGates + 2 * g) * kLine; }
  [[gnu::always_inline]] const std::byte* weights(bool wide) const { return at + (wide ? 5 : 2) * kGates * kLine; }
};

/// f32(sum) * scale of one gate; kPlanes 1 has no high sum.
template <int kGates, int kPlanes>
[[gnu::always_inline]] inline __m512 scaled(const TileProduct& p, TileHead<kGates> head, int g, __m512i high,
                                            __m512i low) {
  __m512 v;
  if (__builtin_expect(p.wide, 0)) {
    if (kPlanes == 1) {
      high = _mm512_setzero_si512();
      low = _mm512_add_epi32(low, head.start(g));
    } else {
      high = _mm512_add_epi32(high, head.start_high(g));
    }
    const __m256 first = joined8(_mm512_castsi512_si256(high), _mm512_castsi512_si256(low), head.bias(g));
    const __m256 second =
        joined8(_mm512_extracti64x4_epi64(high, 1), _mm512_extracti64x4_epi64(low, 1), head.bias(g) + kLine);
    v = _mm512_insertf32x8(_mm512_castps256_ps512(first), second, 1);
  } else {
    if (kPlanes == 2) low = _mm512_add_epi32(_mm512_slli_epi32(high, 8), low);
    v = _mm512_cvtepi32_ps(_mm512_add_epi32(low, head.start(g)));
  }
  return _mm512_mul_ps(v, head.scale(g));
}

/// The sums of one tile for kRows rows. Steps go in twos; kSplit sets of sums take them in turn: a product waits 5
/// cycles for the one before it in its sum, so 10 must be under way. Other work is called in after each of
/// Work::kParts parts: work.after(part).
template <int kGates, int kPlanes, bool kNibbles, int kRows, int kSplit, class Work>
[[gnu::always_inline]] inline void tile_sums(const TileProduct& p, TileHead<kGates> head, const uint8_t* x,
                                             __m512i (&out)[kPlanes][kRows][kGates], Work work) {
  __m512i sum[kSplit][kPlanes][kRows][kGates];
#pragma GCC unroll 2
  for (int s = 0; s < kSplit; ++s)
#pragma GCC unroll 2
    for (int plane = 0; plane < kPlanes; ++plane)
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
        for (int g = 0; g < kGates; ++g) sum[s][plane][r][g] = _mm512_setzero_si512();
  const std::byte* w = head.weights(p.wide);
  const __m512i high_half = _mm512_set1_epi8(static_cast<char>(0xf0));
  int64_t k = 0;
#pragma GCC unroll 4
  for (int part = 0; part < Work::kParts; ++part) {
    const int64_t end = p.steps / 2 * (part + 1) / Work::kParts * 2;
    for (; k < end; k += 2)
#pragma GCC unroll 2
      for (int s = 0; s < 2; ++s, x += kTileDepth) {
        __m512i weights[kGates];
#pragma GCC unroll 4
        for (int g = 0; g < kGates; ++g) {
          weights[g] = _mm512_load_si512(w + g * kLine);
          // Else g++ 12 loads the same line for each plane and row anew.
          if (!kNibbles && kPlanes * kRows > 1) asm("" : "+v"(weights[g]));
          // 4-bit codes, times 16: the sums stay exact, and are shifted back at the end.
          if (kNibbles)
            weights[g] = _mm512_and_si512(s == 0 ? _mm512_slli_epi16(weights[g], 4) : weights[g], high_half);
        }
        if (!kNibbles || s == 1) w += kGates * kLine;
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
          for (int plane = 0; plane < kPlanes; ++plane) {
            const __m512i input = broadcast4(x + (r * kPlanes + plane) * p.plane_bytes);
#pragma GCC unroll 4
            for (int g = 0; g < kGates; ++g) multiply_add(sum[s % kSplit][plane][r][g], input, weights[g]);
          }
      }
    work.after(part);
  }
#pragma GCC unroll 2
  for (int plane = 0; plane < kPlanes; ++plane)
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
      for (int g = 0; g < kGates; ++g) {
        __m512i v = sum[0][plane][r][g];
        if (kSplit == 2) v = _mm512_add_epi32(v, sum[kSplit - 1][plane][r][g]);
        out[plane][r][g] = kNibbles ? _mm512_srai_epi32(v, 4) : v;
      }
}

struct NoWork {
  static constexpr int kParts = 1;
  void after(int) {}
};

/// f32(W in + b) * scale of one tile, of kRows rows from `row` on.
template <int kGates, int kPlanes, bool kNibbles, int kRows, class Work>
[[gnu::always_inline]] inline void tile_products_of(const TileProduct& p, int64_t tile, const uint8_t* planes,
                                                    int64_t row, __m512 (&v)[kRows][kGates], Work work) {
  const TileHead<kGates> head{p.tiles + tile * p.tile_bytes};
  __m512i sum[kPlanes][kRows][kGates];
  tile_sums<kGates, kPlanes, kNibbles, kRows, (kPlanes * kRows >= 4 ? 1 : 2)>(
      p, head, planes + row * kPlanes * p.plane_bytes, sum, work);
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (int g = 0; g < kGates; ++g)
      v[r][g] = scaled<kGates, kPlanes>(p, head, g, sum[0][r][g], sum[kPlanes - 1][r][g]);
}

template <int kPlanes>
inline void all_planes(const TileProduct& p, const void* in, int64_t n, uint8_t* planes) {
  const int64_t row_bytes = p.columns * (p.input == TileInput::s8 ? 1 : 2);
  for (int64_t i = 0; i < n; ++i)
    to_planes(p, static_cast<const char*>(in) + i * row_bytes, planes + i * kPlanes * p.plane_bytes);
}

/// Products alone.
template <int kGates, int kPlanes, bool kNibbles>
struct ProductTiles {
  const TileProduct& p;
  const uint8_t* planes;
  float* out;

  template <int kRows>
  [[gnu::always_inline]] void rows(int64_t tile, int64_t row) const {
    __m512 v[kRows][kGates];
    tile_products_of<kGates, kPlanes, kNibbles, kRows>(p, tile, planes, row, v, NoWork());
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      float* to = out + ((row + r) * p.count + tile) * kGates * kTileUnits;
#pragma GCC unroll 4
      for (int g = 0; g < kGates; ++g) _mm512_storeu_ps(to + g * kTileUnits, v[r][g]);
    }
  }
  void single(int64_t row) const {
    for (int64_t tile = 0; tile < p.count; ++tile) rows<1>(tile, row);
  }
};

/// The stages of a cell, in the time of the next tile. What goes from one to the next stays in registers: a second half
/// of a step with 8-bit inputs takes 2 to 8 % less time than where it waits in memory, one with 16-bit inputs 2 to 3 %
/// more, of 64 units 7 %; the first layer, whose input is 8-bit, gains more than the others lose.
template <class Units>
struct CellWork {
  static constexpr int kParts = 4;
  const RecurrentCell& cell;
  Units& units;
  [[gnu::always_inline]] void after(int part) {
    if (part == 0) units.template stage<0>(cell);
    if (part == 1) units.template stage<1>(cell);
    if (part == 2) units.template stage<2>(cell);
    if (part == 3) units.template stage<3>(cell);
    if (part < 3) units.keep();
  }
};

/// Products and the cell behind them. `other` are the products of h, or of x unless kFreshIsX.
template <template <class, bool> class Cell, class V, int kPlanes, bool kNibbles, bool kFreshIsX>
struct FinishTiles {
  using Units = Cell<V, true>;
  static constexpr int kGates = Units::kGates;
  const TileProduct& p;
  const uint8_t* planes;
  const RecurrentCell& cell;
  const float* other;
  float* state;
  int16_t* h;

  /// The units of a tile: the first one's place in the batch's, and how many there are.
  struct Place {
    int64_t at, count;
  };
  [[gnu::always_inline]] Place place(int64_t row, int64_t tile) const {
    const int64_t left = cell.units - tile * kTileUnits;
    return {row * cell.units + tile * kTileUnits, left < kTileUnits ? left : kTileUnits};
  }
  [[gnu::always_inline]] V state_of(Place units) const { return V::load(state + units.at, units.count); }
  [[gnu::always_inline]] V given(int64_t row, int64_t tile, int g) const {
    return {_mm512_loadu_ps(other + ((row * p.count + tile) * kGates + g) * kTileUnits)};
  }
  [[gnu::always_inline]] void store(Place units, V new_state, V hidden) const {
    V::store(state + units.at, new_state, units.count);
    V::store_s16(h + units.at, hidden, units.count);
  }

  /// The cells of two rows fill each other's waiting time.
  template <int kRows>
  [[gnu::always_inline]] void rows(int64_t tile, int64_t row) const {
    __m512 v[kRows][kGates];
    tile_products_of<kGates, kPlanes, kNibbles, kRows>(p, tile, planes, row, v, NoWork());
#pragma GCC unroll 2
    for (int r = 0; r < kRows; r += 2) {
      const int64_t first = row + r, second = first + 1;
      Two<V> fresh[kGates], others[kGates];
#pragma GCC unroll 4
      for (int g = 0; g < kGates; ++g) {
        fresh[g] = {{v[r][g]}, {v[r + 1][g]}};
        others[g] = {given(first, tile, g), given(second, tile, g)};
      }
      const Place a = place(first, tile), b = place(second, tile);
      Cell<Two<V>, true> units;
      units.set(kFreshIsX ? fresh : others, kFreshIsX ? others : fresh, {state_of(a), state_of(b)});
      all_stages(units, cell);
      store(a, units.state.a, units.hidden.a);
      store(b, units.state.b, units.hidden.b);
    }
  }

  [[gnu::always_inline]] void set(Units& units, const __m512 (&v)[kGates], int64_t row, int64_t tile) const {
    V fresh[kGates], others[kGates];
#pragma GCC unroll 4
    for (int g = 0; g < kGates; ++g) fresh[g].v = v[g], others[g] = given(row, tile, g);
    units.set(kFreshIsX ? fresh : others, kFreshIsX ? others : fresh, state_of(place(row, tile)));
    units.keep();
  }
  /// A tick: the cell of a tile fills the gaps that the products of the next leave.
  void single(int64_t row) const {
    Units units;
    __m512 v[1][kGates];
    tile_products_of<kGates, kPlanes, kNibbles, 1>(p, 0, planes, row, v, NoWork());
    set(units, v[0], row, 0);
    for (int64_t tile = 1; tile < p.count; ++tile) {
      tile_products_of<kGates, kPlanes, kNibbles, 1>(p, tile, planes, row, v, CellWork<Units>{cell, units});
      store(place(row, tile - 1), units.state, units.hidden);
      set(units, v[0], row, tile);
    }
    all_stages(units, cell);
    store(place(row, p.count - 1), units.state, units.hidden);
  }
};

/// Row by row in groups that share each load of weights; a last row by itself.
template <int kPlanes, class Tiles>
inline void all_rows(const Tiles& tiles, int64_t n) {
  if (n > 1)
    for (int64_t tile = 0; tile < tiles.p.count; ++tile) {
      int64_t row = 0;
      if (kPlanes == 1)
        for (; row + 4 <= n; row += 4) tiles.template rows<4>(tile, row);
      for (; row + 2 <= n; row += 2) tiles.template rows<2>(tile, row);
    }
  if (n % 2 == 1) tiles.single(n - 1);
}

template <int kGates, int kPlanes>
inline void products_of_planes(const TileProduct& p, const void* in, int64_t n, float* out, void* scratch) {
  auto* planes = static_cast<uint8_t*>(scratch);
  all_planes<kPlanes>(p, in, n, planes);
  if (p.nibbles)
    all_rows<kPlanes>(ProductTiles<kGates, kPlanes, true>{p, planes, out}, n);
  else
    all_rows<kPlanes>(ProductTiles<kGates, kPlanes, false>{p, planes, out}, n);
}

template <int kGates>
void tile_products(const TileProduct& p, const void* in, int64_t n, float* out, void* scratch) {
  if (p.input == TileInput::s16)
    products_of_planes<kGates, 2>(p, in, n, out, scratch);
  else
    products_of_planes<kGates, 1>(p, in, n, out, scratch);
}

template <template <class, bool> class Cell, class V, bool kFreshIsX, int kPlanes>
inline void finish_of_planes(const RecurrentCell& cell, const TileProduct& p, const void* in, const float* other,
                             int64_t n, float* state, int16_t* h, void* scratch) {
  auto* planes = static_cast<uint8_t*>(scratch);
  all_planes<kPlanes>(p, in, n, planes);
  if (p.nibbles)
    all_rows<kPlanes>(FinishTiles<Cell, V, kPlanes, true, kFreshIsX>{p, planes, cell, other, state, h}, n);
  else
    all_rows<kPlanes>(FinishTiles<Cell, V, kPlanes, false, kFreshIsX>{p, planes, cell, other, state, h}, n);
}

template <template <class, bool> class Cell, class V, bool kFreshIsX>
void tile_finish(const RecurrentCell& cell, const TileProduct& p, const void* in, const float* other, int64_t n,
                 float* state, int16_t* h, void* scratch) {
  if (p.input == TileInput::s16)
    finish_of_planes<Cell, V, kFreshIsX, 2>(cell, p, in, other, n, state, h, scratch);
  else
    finish_of_planes<Cell, V, kFreshIsX, 1>(cell, p, in, other, n, state, h, scratch);
}

}  // namespace
}  // namespace quantick::kernels
#endif
