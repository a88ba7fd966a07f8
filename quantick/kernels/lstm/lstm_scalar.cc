// The oracle of the LSTM cell.
#include <cmath>
#include <cstring>

#include "quantick/kernels/activation/pieces.h"
#include "quantick/kernels/lstm/lstm_cell.h"
#include "quantick/kernels/quantize/requantize.h"

namespace quantick::kernels {
namespace {

/// RNE within +-limit. Sets `clamped` where the limit was met.
float round_within(float v, float limit, bool& clamped) {
  clamped = std::fabs(std::rint(v)) > limit;
  return static_cast<float>(round_to_limits(v, {-limit, limit, 0}));
}

template <bool kCount>
void cell_rows(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h,
               int64_t* saturations, int64_t* dead_zone) {
  const int64_t units = cell.units;
  const auto narrow = [&](float v, const Narrowing& to) {
    if (!to.on) return v;
    bool clamped = false;
    const float kept = round_within(v * to.up, to.limit, clamped) * to.down;
    if (kCount) *saturations += clamped;
    return kept;
  };
  for (int64_t row = 0; row < n; ++row, px += 4 * units, ph += 4 * units, c += units, h += units)
    for (int64_t u = 0; u < units; ++u) {
      float p[4];
      for (int g = 0; g < 4; ++g) p[g] = px[g * units + u] + ph[g * units + u];
      const float i = narrow(sigmoid1(p[0]), cell.gates[0]);
      const float f = narrow(sigmoid1(p[1]), cell.gates[1]);
      const float g = narrow(tanh1(p[2]), cell.gates[2]);
      const float o = narrow(sigmoid1(p[3]), cell.gates[3]);
      const float kept = f * c[u];
      const float added = i * g;
      float state = narrow(kept + added, cell.state);
      state = std::fabs(state) >= kSmallestState ? state : 0.0f;
      bool clamped = false;
      h[u] = static_cast<int16_t>(round_within((o * tanh1(state)) * kHiddenScale, kHiddenLimit, clamped));
      if (kCount) {
        *saturations += clamped;
        *dead_zone += added != 0 && std::memcmp(&state, &c[u], sizeof state) == 0;
      }
      c[u] = state;
    }
}

}  // namespace

void lstm_cell_scalar(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h) {
  cell_rows<false>(cell, px, ph, n, c, h, nullptr, nullptr);
}

void lstm_cell_counted(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h,
                       int64_t* saturations, int64_t* dead_zone) {
  cell_rows<true>(cell, px, ph, n, c, h, saturations, dead_zone);
}

}  // namespace quantick::kernels
