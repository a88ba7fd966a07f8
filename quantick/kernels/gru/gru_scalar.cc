// The oracle of the GRU cell.
#include <cmath>
#include <cstring>

#include "quantick/kernels/activation/pieces.h"
#include "quantick/kernels/gru/gru_cell.h"
#include "quantick/kernels/quantize/requantize.h"

namespace quantick::kernels {
namespace {

/// RNE within +-limit; `clamped` counts where the limit was met.
float round_within(float v, float limit, int64_t* clamped) {
  if (clamped) *clamped += std::fabs(std::rint(v)) > limit;
  return static_cast<float>(round_to_limits(v, {-limit, limit, 0}));
}

/// Counts where the two pointers are given.
void cell_rows(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* s, int16_t* h,
               int64_t* saturations, int64_t* dead_zone) {
  const int64_t units = cell.units;
  const auto narrow = [&](float v, const Narrowing& to) {
    return to.on ? round_within(v * to.up, to.limit, saturations) * to.down : v;
  };
  for (int64_t row = 0; row < n; ++row, px += 3 * units, ph += 3 * units, s += units)
    for (int64_t u = 0; u < units; ++u) {
      const float r = narrow(sigmoid1(px[u] + ph[u]), cell.gates[0]);
      const float z = narrow(sigmoid1(px[units + u] + ph[units + u]), cell.gates[1]);
      const float inner = r * ph[2 * units + u];
      const float c = narrow(tanh1(px[2 * units + u] + inner), cell.gates[2]);
      const float difference = s[u] - c;
      const float kept = z * difference;
      float state = narrow(c + kept, cell.state);
      state = std::fabs(state) >= kSmallestState ? state : 0.0f;
      if (dead_zone) *dead_zone += difference != 0 && std::memcmp(&state, &s[u], sizeof state) == 0;
      s[u] = state;
      h[row * units + u] = static_cast<int16_t>(round_within(state * kHiddenScale, kHiddenLimit, saturations));
    }
}

}  // namespace

void gru_cell_scalar(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* s, int16_t* h) {
  cell_rows(cell, px, ph, n, s, h, nullptr, nullptr);
}

void gru_cell_counted(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* s, int16_t* h,
                      int64_t* saturations, int64_t* dead_zone) {
  cell_rows(cell, px, ph, n, s, h, saturations, dead_zone);
}

}  // namespace quantick::kernels
