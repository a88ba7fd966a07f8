#include "quantick/kernels/recurrent/recurrent_kernel.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "quantick/core/error.h"

namespace quantick::kernels {
namespace {

constexpr KernelList<HiddenView> kHidden{hidden_s8_scalar, hidden_s8_avx2, hidden_s8_avx512vnni};

// A sum below 2^53 times a scale up to this stays finite, and so does the sum of two: no pre-activation is ever NaN.
constexpr float kLargestScale = 0x1p70f;

size_t round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

int64_t hidden_width(const RecurrentSpec& spec) {
  return spec.forms.projection ? spec.forms.projection->rows : spec.units;
}

void check_scales(const RecurrentSpec& spec, const float* scales, int64_t columns, const char* layer) {
  const int64_t size = spec.forms.group_size, groups = size > 0 ? (columns + size - 1) / size : 1;
  for (int64_t i = 0; i < spec.gates * spec.units * groups; ++i)
    QTK_CHECK(std::fabs(scales[i]) <= kLargestScale, ValueError, "[{}] scale of row {}, was {}, expected at most 2^70",
              layer, i / groups, scales[i]);
}

const RecurrentSpec& checked(const RecurrentSpec& spec, const char* layer) {
  QTK_CHECK(spec.inputs > 0 && spec.units > 0, ValueError, "[{}] inputs and units, were {} and {}, expected at least 1",
            layer, spec.inputs, spec.units);
  const RecurrentForms& forms = spec.forms;
  const bool real_bias = forms.dynamic || forms.group_size > 0;
  QTK_CHECK((spec.wx || forms.wx16) && (spec.wh || forms.wh16) &&
                (real_bias ? forms.bias_x != nullptr : spec.bx != nullptr) && spec.sx && spec.sh,
            ValueError, "[{}] an array is missing", layer);
  QTK_CHECK(spec.h_bits == 8 || spec.h_bits == 16, ValueError, "[{}] h_bits, was {}, expected 8 or 16", layer,
            spec.h_bits);
  check_scales(spec, spec.sx, spec.inputs, layer);
  check_scales(spec, spec.sh, hidden_width(spec), layer);
  if (const DenseSpec* p = forms.projection)
    QTK_CHECK(p->cols == spec.units && p->x_bits == 16 && p->y_bits == 16, ValueError,
              "[{}] projection, was of {} columns from {} to {} bits, expected {} and 16 bits", layer, p->cols,
              p->x_bits, p->y_bits, spec.units);
  return spec;
}

}  // namespace

Narrowing make_narrowing(int bits, float top, const char* layer, const char* what) {
  QTK_CHECK(bits >= 2 && bits <= 24, ValueError, "[{}] {} bits, was {}, expected 2..24 (24 keeps float32)", layer, what,
            bits);
  int exponent = 0;
  QTK_CHECK(top >= 0x1p-60f && top <= 0x1p60f && std::frexp(top, &exponent) == 0.5f, ValueError,
            "[{}] {} range, was {}, expected a power of two within [2^-60, 2^60]", layer, what, top);
  if (bits == 24) return {};
  const float levels = std::ldexp(1.0f, bits - 1);
  return {true, levels / top, levels - 1, top / levels};
}

RecurrentKernel::RecurrentKernel(const RecurrentSpec& spec, const RecurrentCell& cell,
                                 const KernelList<RecurrentCellRun>& runs, RecurrentCellCounted counted,
                                 const char* layer, Isa isa)
    : isa_(isa),
      cell_(cell),
      run_(runs[isa]),
      counted_(counted),
      hidden_view_(checked(spec, layer).h_bits == 8 ? kHidden[isa] : nullptr),
      x_product_({.rows = spec.gates * spec.units,
                  .cols = spec.inputs,
                  .weights = spec.wx,
                  .weights16 = spec.forms.wx16,
                  .bias = spec.bx,
                  .scale = spec.sx,
                  .x_bits = spec.x_bits,
                  .y_bits = 32,
                  .group_size = spec.forms.group_size,
                  .zero_x = spec.forms.zero_x,
                  .dynamic = spec.forms.dynamic,
                  .bias_real = spec.forms.bias_x,
                  .memory = spec.memory},
                 isa),
      h_product_({.rows = spec.gates * spec.units,
                  .cols = hidden_width(spec),
                  .weights = spec.wh,
                  .weights16 = spec.forms.wh16,
                  .bias = spec.bh,
                  .scale = spec.sh,
                  .x_bits = spec.h_bits,
                  .y_bits = 32,
                  .group_size = spec.forms.group_size,
                  .bias_real = spec.forms.bias_h,
                  .memory = spec.memory},
                 isa),
      projection_(spec.forms.projection ? std::optional<DenseKernel>(std::in_place, *spec.forms.projection, isa)
                                        : std::nullopt),
      scratch_bytes_(2 * round_up(kDenseBlock * width() * sizeof(float)) + round_up(kDenseBlock * hidden()) +
                     round_up(kDenseBlock * units() * sizeof(int16_t)) +
                     std::max({x_product_.scratch_bytes(), h_product_.scratch_bytes(),
                               projection_ ? projection_->scratch_bytes() : size_t{0}})) {}

RecurrentKernel::Scratch RecurrentKernel::split(void* scratch) const noexcept {
  char* at = static_cast<char*>(scratch);
  const size_t gates = round_up(kDenseBlock * width() * sizeof(float));
  char* h8 = at + 2 * gates;
  char* raw = h8 + round_up(kDenseBlock * hidden());
  return {reinterpret_cast<float*>(at), reinterpret_cast<float*>(at + gates), reinterpret_cast<int8_t*>(h8),
          reinterpret_cast<int16_t*>(raw), raw + round_up(kDenseBlock * units() * sizeof(int16_t))};
}

void RecurrentKernel::input_products(const void* x, int64_t n, float* px, void* scratch) const noexcept {
  x_product_.run(x, n, px, split(scratch).product);
}

void RecurrentKernel::input_products(const float* x, const float* row_scale, int64_t n, float* px,
                                     void* scratch) const noexcept {
  x_product_.run_scaled(x, row_scale, n, px, split(scratch).product);
}

void RecurrentKernel::prepare(const int16_t* h, int64_t n, float* ph, void* scratch) const noexcept {
  const Scratch s = split(scratch);
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    const void* in = h + first * hidden();
    if (hidden_view_) {
      hidden_view_(h + first * hidden(), here * hidden(), s.h8);
      in = s.h8;
    }
    h_product_.run(in, here, ph + first * row_floats(), s.product);
  }
}

void RecurrentKernel::finish_products(const float* px, int16_t* h, float* state, int64_t n, const float* ph,
                                      void* scratch, RecurrentCounters* counters) const noexcept {
  const Scratch s = split(scratch);
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    const float *px_here = px + first * row_floats(), *ph_here = ph + first * row_floats();
    float* state_here = state + first * units();
    int16_t* h_here = h + first * hidden();
    int16_t* raw = projection_ ? s.raw : h_here;
    if (counters)
      counted_(cell_, px_here, ph_here, here, state_here, raw, &counters->saturations, &counters->dead_zone);
    else
      run_(cell_, px_here, ph_here, here, state_here, raw);
    if (projection_) projection_->run(raw, here, h_here, s.product);
  }
}

void RecurrentKernel::finish(const void* x, int16_t* h, float* state, int64_t n, const float* ph,
                             void* scratch) const noexcept {
  float* px = split(scratch).px;
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    input_products(static_cast<const char*>(x) + first * input_bytes(), here, px, scratch);
    finish_products(px, h + first * hidden(), state + first * units(), here, ph + first * row_floats(), scratch);
  }
}

void RecurrentKernel::step_products(const float* px, int16_t* h, float* state, int64_t n, void* scratch,
                                    RecurrentCounters* counters) const noexcept {
  float* ph = split(scratch).ph;
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    int16_t* h_here = h + first * hidden();
    prepare(h_here, here, ph, scratch);
    finish_products(px + first * row_floats(), h_here, state + first * units(), here, ph, scratch, counters);
  }
}

void RecurrentKernel::step(const void* x, int16_t* h, float* state, int64_t n, void* scratch) const noexcept {
  float* ph = split(scratch).ph;
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    int16_t* h_here = h + first * hidden();
    prepare(h_here, here, ph, scratch);
    finish(static_cast<const char*>(x) + first * input_bytes(), h_here, state + first * units(), here, ph, scratch);
  }
}

void RecurrentKernel::step_counted(const void* x, int16_t* h, float* state, int64_t n, void* scratch,
                                   RecurrentCounters& counters) const noexcept {
  float* px = split(scratch).px;
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    input_products(static_cast<const char*>(x) + first * input_bytes(), here, px, scratch);
    step_products(px, h + first * hidden(), state + first * units(), here, scratch, &counters);
  }
}

void RecurrentKernel::run(const void* x, int64_t steps, int64_t n, int16_t* h_out, int16_t* h, float* state,
                          void* scratch) const noexcept {
  float* px = split(scratch).px;
  const char* input = static_cast<const char*>(x);
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    // Where all rows fit one block, the products of x of several steps are one pass over its weights.
    const int64_t together = n <= kDenseBlock ? kDenseBlock / n : 1;
    int16_t* h_here = h + first * hidden();
    for (int64_t t = 0; t < steps; t += together) {
      const int64_t chunk = std::min(together, steps - t);
      input_products(input + (t * n + first) * input_bytes(), chunk * here, px, scratch);
      for (int64_t u = 0; u < chunk; ++u) {
        step_products(px + u * here * row_floats(), h_here, state + first * units(), here, scratch);
        if (h_out) std::memcpy(h_out + ((t + u) * n + first) * hidden(), h_here, here * hidden() * sizeof(int16_t));
      }
    }
  }
}

}  // namespace quantick::kernels
