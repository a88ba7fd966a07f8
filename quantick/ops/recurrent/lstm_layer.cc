#include "quantick/ops/recurrent/lstm_layer.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quantick/core/thread_pool.h"
#include "quantick/kernels/lstm_cell_f32/lstm_cell_f32.h"
#include "quantick/ops/recurrent/float_backend.h"

namespace quantick {
namespace {

struct Float32 : Products32 {
  static void forward(int64_t rows, int64_t units, T* gates, const T* bias, const T* c_before, T* c, T* h, T* h_copy,
                      int64_t h_copy_stride) {
    kernels::lstm_cell_forward({rows, units, gates, nullptr, bias, c_before, c, h, units, h_copy, h_copy_stride});
  }
  static void backward(int64_t rows, int64_t units, const T* gates, const T* c_before, const T* c, const T* dy,
                       const T* dh, int64_t dh_stride, T* dc, T* dgates, T* dbias) {
    kernels::lstm_cell_backward({rows, units, gates, c_before, c, dy, units, dh, dh_stride, dc, dgates, dbias});
  }
};

struct Float64 : Products64 {
  static double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }
  static void forward(int64_t rows, int64_t units, T* gates, const T* bias, const T* c_before, T* c, T* h, T* h_copy,
                      int64_t h_copy_stride) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < units; ++j) {
        T* p = gates + r * 4 * units + j;
        for (int64_t gate = 0; gate < 4; ++gate) {
          const double v = p[gate * units] + bias[gate * units + j];
          p[gate * units] = gate == 2 ? std::tanh(v) : sigmoid(v);
        }
        c[r * units + j] = p[units] * c_before[r * units + j] + p[0] * p[2 * units];
        h[r * units + j] = p[3 * units] * std::tanh(c[r * units + j]);
        if (h_copy != nullptr) h_copy[r * h_copy_stride + j] = h[r * units + j];
      }
  }
  static void backward(int64_t rows, int64_t units, const T* gates, const T* c_before, const T* c, const T* dy,
                       const T* dh, int64_t dh_stride, T* dc, T* dgates, T* dbias) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < units; ++j) {
        const T* p = gates + r * 4 * units + j;
        const double i = p[0], f = p[units], g = p[2 * units], o = p[3 * units], top = std::tanh(c[r * units + j]);
        const double by_h = (dy == nullptr ? 0 : dy[r * units + j]) + (dh == nullptr ? 0 : dh[r * dh_stride + j]);
        const double by_c = dc[r * units + j] + by_h * o * (1 - top * top);
        T* d = dgates + r * 4 * units + j;
        d[0] = by_c * g * i * (1 - i);
        d[units] = by_c * c_before[r * units + j] * f * (1 - f);
        d[2 * units] = by_c * i * (1 - g * g);
        d[3 * units] = by_h * top * o * (1 - o);
        dc[r * units + j] = by_c * f;
        for (int64_t gate = 0; gate < 4; ++gate) dbias[gate * units + j] += d[gate * units];
      }
  }
};

template <class F>
auto visit_backend(DType dtype, F&& f) {
  return dtype == DType::f32 ? f(Float32{}) : f(Float64{});
}

/// [w_ih | w_hh]: rows of 4H, inputs + hidden columns.
template <class T>
std::vector<T> joined_weights(const LstmSizes& s, const Array& w_ih, const Array& w_hh) {
  const int64_t width = s.inputs + s.hidden();
  std::vector<T> out(static_cast<size_t>(4 * s.units * width));
  const Array a = w_ih.contiguous(), b = w_hh.contiguous();
  for (int64_t r = 0; r < 4 * s.units; ++r) {
    std::copy_n(a.data<T>() + r * s.inputs, s.inputs, out.data() + r * width);
    std::copy_n(b.data<T>() + r * s.hidden(), s.hidden(), out.data() + r * width + s.inputs);
  }
  return out;
}

template <class Backend>
LstmForward forward_typed(const LstmSizes& s, const LstmInputs& in, bool keep) {
  using T = typename Backend::T;
  const int64_t H = s.units, P = s.hidden(), width = s.inputs + P;
  const bool projected = s.projection > 0;
  const DType dtype = in.x.dtype();
  LstmForward out;
  out.y = Array::empty({s.steps, s.batch, P}, dtype);
  out.h_n = Array::empty({s.batch, P}, dtype);
  out.c_n = Array::empty({s.batch, H}, dtype);
  if (keep) {
    out.kept.xh = Array::empty({s.steps, s.batch, width}, dtype);
    out.kept.gates = Array::empty({s.steps, s.batch, 4 * H}, dtype);
    out.kept.c = Array::empty({s.steps, s.batch, H}, dtype);
    if (projected) out.kept.raw = Array::empty({s.steps, s.batch, H}, dtype);
  }
  typename Backend::Matrix weights, projection;
  weights.pack(true, width, 4 * H, joined_weights<T>(s, in.w_ih, in.w_hh).data(), width);
  if (projected) projection.pack(true, H, P, in.w_hr.data<T>(), H);
  std::vector<T> bias = in.b_ih.to_vector<T>();
  const std::vector<T> second = in.b_hh.to_vector<T>();
  for (size_t i = 0; i < bias.size(); ++i) bias[i] += second[i];
  T *y = writable<T>(out.y), *h_n = writable<T>(out.h_n), *c_n = writable<T>(out.c_n);
  T *kept_xh = writable<T>(out.kept.xh), *kept_gates = writable<T>(out.kept.gates), *kept_c = writable<T>(out.kept.c);
  T* kept_raw = writable<T>(out.kept.raw);
  const T* from = in.x.data<T>();
  parallel_ranges(s.batch, kLstmRows, [&](int64_t begin, int64_t end) {
    const int64_t rows = end - begin;
    // Where nothing is kept, steps take turns in the memory of one.
    std::vector<T> own;
    if (!keep) own.resize(static_cast<size_t>(rows * (width + 6 * H)));
    T* xh = keep ? kept_xh + s.steps * begin * width : own.data();
    T* gates = keep ? kept_gates + s.steps * begin * 4 * H : own.data() + rows * width;
    T* c = keep ? kept_c + s.steps * begin * H : own.data() + rows * (width + 4 * H);
    T* raw = !projected ? nullptr : keep ? kept_raw + s.steps * begin * H : own.data() + rows * (width + 5 * H);
    std::vector<T> c_start(static_cast<size_t>(rows * H));
    load_state_rows(in.c0, begin, rows, H, c_start.data(), H);
    load_state_rows(in.h0, begin, rows, P, xh + s.inputs, width);
    const T* c_before = c_start.data();
    const int64_t next = keep ? rows : 0;
    for (int64_t t = 0; t < s.steps; ++t) {
      for (int64_t r = 0; r < rows; ++r)
        std::copy_n(from + (t * s.batch + begin + r) * s.inputs, s.inputs, xh + r * width);
      Backend::multiply(weights, rows, xh, width, 1, false, gates, 4 * H);
      T* y_here = y + (t * s.batch + begin) * P;
      T* h_next = t + 1 < s.steps ? xh + next * width + s.inputs : nullptr;
      if (projected) {
        Backend::forward(rows, H, gates, bias.data(), c_before, c, raw, nullptr, 0);
        Backend::multiply(projection, rows, raw, H, 1, false, y_here, P);
        for (int64_t r = 0; h_next != nullptr && r < rows; ++r) std::copy_n(y_here + r * P, P, h_next + r * width);
        raw += next * H;
      } else {
        Backend::forward(rows, H, gates, bias.data(), c_before, c, y_here, h_next, width);
      }
      c_before = c;
      xh += next * width, gates += next * 4 * H, c += next * H;
    }
    std::copy_n(y + ((s.steps - 1) * s.batch + begin) * P, rows * P, h_n + begin * P);
    std::copy_n(c_before, rows * H, c_n + begin * H);
  });
  return out;
}

/// What one part of the batch works with.
template <class Backend>
struct Workspace {
  using T = typename Backend::T;
  std::vector<T> dxh, dc, c_start, dw, dbias;
  std::vector<T> dr, dh, dw_hr;  ///< of the projection: by its output of all steps, by its input of one, by its weights
};

template <class Backend>
LstmGradients backward_typed(const LstmSizes& s, const LstmInputs& in, const LstmKept& kept, const Array& dy,
                             const Array& dh_n, const Array& dc_n) {
  using T = typename Backend::T;
  const int64_t H = s.units, P = s.hidden(), width = s.inputs + P, gates_width = 4 * H;
  const bool projected = s.projection > 0;
  const DType dtype = in.w_ih.dtype();
  LstmGradients out;
  out.x = Array::empty({s.steps, s.batch, s.inputs}, dtype);
  out.h0 = Array::empty({s.batch, P}, dtype);
  out.c0 = Array::empty({s.batch, H}, dtype);
  out.w_ih = Array::zeros({gates_width, s.inputs}, dtype);
  out.w_hh = Array::zeros({gates_width, P}, dtype);
  out.bias = Array::zeros({gates_width}, dtype);
  if (projected) out.w_hr = Array::zeros({P, H}, dtype);
  typename Backend::Matrix weights, projection;
  weights.pack(false, gates_width, width, joined_weights<T>(s, in.w_ih, in.w_hh).data(), width);
  if (projected) projection.pack(false, P, H, in.w_hr.data<T>(), H);
  T *dx = writable<T>(out.x), *dh0 = writable<T>(out.h0), *dc0 = writable<T>(out.c0);
  const T *xh = kept.xh.data<T>(), *gates = kept.gates.data<T>(), *c = kept.c.data<T>();
  const T* grad_y = dy.defined() ? dy.data<T>() : nullptr;

  const int64_t chunks = (s.batch + kLstmRows - 1) / kLstmRows, parts = std::min(chunks, kRecurrentParts);
  std::vector<Workspace<Backend>> work(static_cast<size_t>(parts));
  parallel_for(parts, [&](int64_t part) {
    Workspace<Backend>& w = work[static_cast<size_t>(part)];
    const int64_t most = std::min(kLstmRows, s.batch);
    // Of all steps of a chunk; given back at the part's end, so that the next part finds it in the cache.
    Array all = Array::empty({s.steps, most, gates_width}, dtype);
    T* all_dgates = all.mutable_data<T>();
    w.dxh.resize(static_cast<size_t>(most * width));
    w.dc.resize(static_cast<size_t>(most * H));
    w.c_start.resize(static_cast<size_t>(most * H));
    w.dw.assign(static_cast<size_t>(gates_width * width), T(0));
    w.dbias.assign(static_cast<size_t>(gates_width), T(0));
    if (projected) {
      w.dr.resize(static_cast<size_t>(s.steps * most * P));
      w.dh.resize(static_cast<size_t>(most * H));
      w.dw_hr.assign(static_cast<size_t>(P * H), T(0));
    }
    for (int64_t chunk = part; chunk < chunks; chunk += parts) {
      const int64_t begin = chunk * kLstmRows, rows = std::min(kLstmRows, s.batch - begin);
      load_state_rows(dc_n, begin, rows, H, w.dc.data(), H);
      load_state_rows(in.c0, begin, rows, H, w.c_start.data(), H);
      load_state_rows(dh_n, begin, rows, P, w.dxh.data() + s.inputs, width);
      for (int64_t t = s.steps - 1; t >= 0; --t) {
        const int64_t at = s.steps * begin + t * rows;  // row of the chunk's step in the kept arrays
        const T* c_before = t == 0 ? w.c_start.data() : c + (at - rows) * H;
        const T* above = grad_y == nullptr ? nullptr : grad_y + (t * s.batch + begin) * P;
        T* dgates = all_dgates + t * rows * gates_width;
        if (projected) {
          T* dr = w.dr.data() + t * rows * P;
          for (int64_t r = 0; r < rows; ++r)
            for (int64_t j = 0; j < P; ++j)
              dr[r * P + j] = w.dxh[r * width + s.inputs + j] + (above == nullptr ? T(0) : above[r * P + j]);
          Backend::multiply(projection, rows, dr, P, 1, false, w.dh.data(), H);
          Backend::backward(rows, H, gates + at * gates_width, c_before, c + at * H, w.dh.data(), nullptr, 0,
                            w.dc.data(), dgates, w.dbias.data());
        } else {
          Backend::backward(rows, H, gates + at * gates_width, c_before, c + at * H, above, w.dxh.data() + s.inputs,
                            width, w.dc.data(), dgates, w.dbias.data());
        }
        Backend::multiply(weights, rows, dgates, gates_width, 1, false, w.dxh.data(), width);
        for (int64_t r = 0; r < rows; ++r)
          std::copy_n(w.dxh.data() + r * width, s.inputs, dx + (t * s.batch + begin + r) * s.inputs);
      }
      for (int64_t r = 0; r < rows; ++r) std::copy_n(w.dxh.data() + r * width + s.inputs, P, dh0 + (begin + r) * P);
      std::copy_n(w.dc.data(), rows * H, dc0 + begin * H);
      // A weight gradient is one product over all steps and rows of the chunk.
      const int64_t deep = s.steps * rows;
      Backend::add_transposed(gates_width, width, deep, all_dgates, gates_width, xh + s.steps * begin * width, width,
                              w.dw.data());
      if (projected)
        Backend::add_transposed(P, H, deep, w.dr.data(), P, kept.raw.data<T>() + s.steps * begin * H, H,
                                w.dw_hr.data());
    }
  });
  T *dw_ih = writable<T>(out.w_ih), *dw_hh = writable<T>(out.w_hh), *dbias = writable<T>(out.bias);
  T* dw_hr = writable<T>(out.w_hr);
  for (const auto& w : work) {
    for (int64_t r = 0; r < gates_width; ++r) {
      const T* row = w.dw.data() + r * width;
      for (int64_t j = 0; j < s.inputs; ++j) dw_ih[r * s.inputs + j] += row[j];
      for (int64_t j = 0; j < P; ++j) dw_hh[r * P + j] += row[s.inputs + j];
      dbias[r] += w.dbias[static_cast<size_t>(r)];
    }
    for (size_t i = 0; i < w.dw_hr.size(); ++i) dw_hr[i] += w.dw_hr[i];
  }
  return out;
}

Array contiguous_or_none(const Array& x) { return x.defined() ? x.contiguous() : x; }

}  // namespace

LstmForward lstm_forward(const LstmSizes& sizes, const LstmInputs& inputs, bool keep) {
  LstmInputs in = inputs;
  for (Array* x : {&in.x, &in.w_hr, &in.h0, &in.c0}) *x = contiguous_or_none(*x);
  return visit_backend(in.x.dtype(), [&](auto backend) { return forward_typed<decltype(backend)>(sizes, in, keep); });
}

LstmGradients lstm_backward(const LstmSizes& sizes, const LstmInputs& inputs, const LstmKept& kept, const Array& dy,
                            const Array& dh_n, const Array& dc_n) {
  LstmInputs in = inputs;
  for (Array* x : {&in.w_hr, &in.c0}) *x = contiguous_or_none(*x);
  return visit_backend(in.w_ih.dtype(), [&](auto backend) {
    return backward_typed<decltype(backend)>(sizes, in, kept, contiguous_or_none(dy), contiguous_or_none(dh_n),
                                             contiguous_or_none(dc_n));
  });
}

}  // namespace quantick
