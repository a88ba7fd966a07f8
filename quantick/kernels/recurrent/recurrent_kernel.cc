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

constexpr size_t kLine = 64;

size_t round_up(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

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
  QTK_CHECK(spec.x_bits == 8 || spec.x_bits == 16, ValueError, "[{}] x_bits, was {}, expected 8 or 16", layer,
            spec.x_bits);
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
                                 const KernelList<const TileKernels*>& tiles, const char* layer, Isa isa)
    : isa_(isa),
      cell_(cell),
      run_(runs[isa]),
      counted_(counted),
      hidden_view_(checked(spec, layer).h_bits == 8 ? kHidden[isa] : nullptr),
      inputs_(spec.inputs),
      hidden_(hidden_width(spec)),
      gates_(spec.gates),
      x_bits_(spec.x_bits) {
  const RecurrentForms& forms = spec.forms;
  const DenseSpec x{.rows = spec.gates * spec.units,
                    .cols = inputs_,
                    .weights = spec.wx,
                    .weights16 = forms.wx16,
                    .bias = spec.bx,
                    .scale = spec.sx,
                    .x_bits = spec.x_bits,
                    .y_bits = 32,
                    .group_size = forms.group_size,
                    .zero_x = forms.zero_x,
                    .dynamic = forms.dynamic,
                    .bias_real = forms.bias_x,
                    .memory = spec.memory};
  const DenseSpec h{.rows = spec.gates * spec.units,
                    .cols = hidden_,
                    .weights = spec.wh,
                    .weights16 = forms.wh16,
                    .bias = spec.bh,
                    .scale = spec.sh,
                    .x_bits = spec.h_bits,
                    .y_bits = 32,
                    .group_size = forms.group_size,
                    .bias_real = forms.bias_h,
                    .memory = spec.memory};
  const bool plain = spec.wx && spec.wh && !forms.dynamic && forms.group_size == 0 && forms.projection == nullptr;
  size_t product_bytes = 0;
  const auto rows = [&](const DenseSpec& product) -> std::optional<TileRows> {
    if (!plain || tiles[isa] == nullptr) return {};
    TileRows of(product, isa);
    return of.fit() ? std::optional(std::move(of)) : std::nullopt;
  };
  const std::optional<TileRows> rows_x = rows(x), rows_h = rows(h);
  if (rows_x && rows_h) {
    tiles_.emplace(
        PackedTiles(x, *rows_x, spec.gates, spec.x_bits == 8 ? TileInput::s8 : TileInput::s16, isa),
        PackedTiles(h, *rows_h, spec.gates, spec.h_bits == 8 ? TileInput::hidden_as_s8 : TileInput::s16, isa),
        tiles[isa]);
    product_bytes = static_cast<size_t>(
        std::max(2 * kTileRows * std::max(tiles_->x.plan().plane_bytes, tiles_->h.plan().plane_bytes),
                 2 * gates_ * units() * static_cast<int64_t>(sizeof(float))));
  } else {
    dense_.emplace(DenseKernel(x, isa), DenseKernel(h, isa));
    if (forms.projection) dense_->projection.emplace(*forms.projection, isa);
    product_bytes = std::max({dense_->x.scratch_bytes(), dense_->h.scratch_bytes(),
                              dense_->projection ? dense_->projection->scratch_bytes() : size_t{0}});
  }
  scratch_bytes_ = 2 * round_up(kDenseBlock * row_floats() * sizeof(float)) +
                   round_up(kDenseBlock * std::max(units(), hidden_) * sizeof(int16_t)) + round_up(product_bytes) +
                   kLine;
}

RecurrentKernel::Scratch RecurrentKernel::split(void* scratch) const noexcept {
  auto* at = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(scratch) + kLine - 1) / kLine * kLine);
  const size_t gates = round_up(kDenseBlock * row_floats() * sizeof(float));
  char* raw = at + 2 * gates;
  return {reinterpret_cast<float*>(at), reinterpret_cast<float*>(at + gates), reinterpret_cast<int16_t*>(raw),
          raw + round_up(kDenseBlock * std::max(units(), hidden_) * sizeof(int16_t))};
}

void RecurrentKernel::input_products(const void* x, int64_t n, float* px, void* scratch) const noexcept {
  void* product = split(scratch).product;
  if (dense_) {
    dense_->x.run(x, n, px, product);
    return;
  }
  for (int64_t first = 0; first < n; first += kTileRows)
    tiles_->kernels->products(tiles_->x.plan(), static_cast<const char*>(x) + first * input_bytes(),
                              std::min(kTileRows, n - first), px + first * row_floats(), product);
}

void RecurrentKernel::input_products(const float* x, const float* row_scale, int64_t n, float* px,
                                     void* scratch) const noexcept {
  dense_->x.run_scaled(x, row_scale, n, px, split(scratch).product);
}

void RecurrentKernel::prepare(const int16_t* h, int64_t n, float* ph, void* scratch) const noexcept {
  const Scratch s = split(scratch);
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    const int16_t* in = h + first * hidden();
    float* out = ph + first * row_floats();
    if (tiles_) {
      tiles_->kernels->products(tiles_->h.plan(), in, here, out, s.product);
    } else if (hidden_view_) {
      auto* view = reinterpret_cast<int8_t*>(s.raw);
      hidden_view_(in, here * hidden(), view);
      dense_->h.run(view, here, out, s.product);
    } else {
      dense_->h.run(in, here, out, s.product);
    }
  }
}

void RecurrentKernel::cell_of_row(const float* px, const float* ph, float* state, int16_t* h, void* scratch,
                                  RecurrentCounters* counters) const noexcept {
  auto* x = static_cast<float*>(scratch);
  float* r = x + gates_ * units();
  for (int64_t u = 0; u < units(); ++u)
    for (int64_t g = 0; g < gates_; ++g) {
      const int64_t from = (u / kTileUnits * gates_ + g) * kTileUnits + u % kTileUnits;
      x[g * units() + u] = px[from];
      r[g * units() + u] = ph[from];
    }
  if (counters)
    counted_(cell_, x, r, 1, state, h, &counters->saturations, &counters->dead_zone);
  else
    run_(cell_, x, r, 1, state, h);
}

void RecurrentKernel::finish_products(const float* px, int16_t* h, float* state, int64_t n, const float* ph,
                                      void* scratch, RecurrentCounters* counters) const noexcept {
  const Scratch s = split(scratch);
  if (tiles_) {
    for (int64_t i = 0; i < n; ++i)
      cell_of_row(px + i * row_floats(), ph + i * row_floats(), state + i * units(), h + i * units(), s.product,
                  counters);
    return;
  }
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    const float *px_here = px + first * row_floats(), *ph_here = ph + first * row_floats();
    float* state_here = state + first * units();
    int16_t* h_here = h + first * hidden();
    int16_t* raw = dense_->projection ? s.raw : h_here;
    if (counters)
      counted_(cell_, px_here, ph_here, here, state_here, raw, &counters->saturations, &counters->dead_zone);
    else
      run_(cell_, px_here, ph_here, here, state_here, raw);
    if (dense_->projection) dense_->projection->run(raw, here, h_here, s.product);
  }
}

void RecurrentKernel::finish(const void* x, int16_t* h, float* state, int64_t n, const float* ph,
                             void* scratch) const noexcept {
  const Scratch s = split(scratch);
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    const char* in = static_cast<const char*>(x) + first * input_bytes();
    const float* ph_here = ph + first * row_floats();
    int16_t* h_here = h + first * hidden();
    float* state_here = state + first * units();
    if (tiles_) {
      tiles_->kernels->finish_x(cell_, tiles_->x.plan(), in, ph_here, here, state_here, h_here, s.product);
    } else {
      input_products(in, here, s.px, scratch);
      finish_products(s.px, h_here, state_here, here, ph_here, scratch);
    }
  }
}

void RecurrentKernel::step_products(const float* px, int16_t* h, float* state, int64_t n, void* scratch,
                                    RecurrentCounters* counters) const noexcept {
  float* ph = split(scratch).ph;
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    int16_t* h_here = h + first * hidden();
    if (tiles_ && !counters) {
      tiles_->kernels->finish_h(cell_, tiles_->h.plan(), h_here, px + first * row_floats(), here,
                                state + first * units(), h_here, split(scratch).product);
      continue;
    }
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
