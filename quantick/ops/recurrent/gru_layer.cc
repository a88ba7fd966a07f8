#include "quantick/ops/recurrent/gru_layer.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quantick/core/thread_pool.h"
#include "quantick/kernels/gru_cell_f32/gru_cell_f32.h"
#include "quantick/ops/recurrent/float_backend.h"

namespace quantick {
namespace {

/// Rows of one chunk.
constexpr int64_t kRows = 64;
struct Float32 : Products32 {
  using Forward = kernels::GruCellForward;
  using Backward = kernels::GruCellBackward;
  static void forward(const Forward& call) { kernels::gru_cell_forward(call); }
  static void backward(const Backward& call) { kernels::gru_cell_backward(call); }
};

/// The cell in double precision; the members are those of the float32 calls.
struct Float64 : Products64 {
  struct Forward {
    int64_t rows, units;
    double* gates;
    const double *ph, *bias_x, *bias_h, *before;
    int64_t before_stride;
    double *inner, *h, *h_copy;
    int64_t h_copy_stride;
  };
  struct Backward {
    int64_t rows, units;
    const double *gates, *inner, *before;
    int64_t before_stride;
    const double* dy;
    double *dh, *d, *dbias;
  };
  static double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }
  static void forward(const Forward& call) {
    const int64_t n = call.units;
    for (int64_t row = 0; row < call.rows; ++row)
      for (int64_t j = 0; j < n; ++j) {
        double* p = call.gates + row * 3 * n + j;
        const double* q = call.ph + row * 3 * n + j;
        p[0] = sigmoid(p[0] + q[0] + call.bias_x[j]);
        p[n] = sigmoid(p[n] + q[n] + call.bias_x[n + j]);
        const double inner = q[2 * n] + call.bias_h[j];
        p[2 * n] = std::tanh(p[2 * n] + call.bias_x[2 * n + j] + p[0] * inner);
        const double h = p[2 * n] + p[n] * (call.before[row * call.before_stride + j] - p[2 * n]);
        if (call.inner != nullptr) call.inner[row * n + j] = inner;
        call.h[row * n + j] = h;
        if (call.h_copy != nullptr) call.h_copy[row * call.h_copy_stride + j] = h;
      }
  }
  static void backward(const Backward& call) {
    const int64_t n = call.units;
    for (int64_t row = 0; row < call.rows; ++row)
      for (int64_t j = 0; j < n; ++j) {
        const double* p = call.gates + row * 3 * n + j;
        const double r = p[0], z = p[n], c = p[2 * n];
        double& carried = call.dh[row * n + j];
        const double dh = carried + (call.dy == nullptr ? 0 : call.dy[row * n + j]);
        const double dz = dh * (call.before[row * call.before_stride + j] - c) * z * (1 - z);
        const double dc = dh * (1 - z) * (1 - c * c);
        const double dr = dc * call.inner[row * n + j] * r * (1 - r);
        const double parts[4] = {dc, dr, dz, dc * r};
        for (int64_t part = 0; part < 4; ++part) {
          call.d[(row * 4 + part) * n + j] = parts[part];
          call.dbias[part * n + j] += parts[part];
        }
        carried = dh * z;
      }
  }
};

template <class F>
auto visit_backend(DType dtype, F&& f) {
  return dtype == DType::f32 ? f(Float32{}) : f(Float64{});
}

template <class Backend>
GruForward forward_typed(const GruSizes& s, const GruInputs& in, bool keep) {
  using T = typename Backend::T;
  const int64_t I = s.inputs, H = s.units, width = I + H;
  const DType dtype = in.x.dtype();
  GruForward out;
  out.y = Array::empty({s.steps, s.batch, H}, dtype);
  out.h_n = Array::empty({s.batch, H}, dtype);
  if (keep) {
    out.kept.xh = Array::empty({s.steps, s.batch, width}, dtype);
    out.kept.gates = Array::empty({s.steps, s.batch, 3 * H}, dtype);
    out.kept.inner = Array::empty({s.steps, s.batch, H}, dtype);
  }
  typename Backend::Matrix w_x, w_h;
  w_x.pack(true, I, 3 * H, in.w_ih.data<T>(), I);
  w_h.pack(true, H, 3 * H, in.w_hh.data<T>(), H);
  std::vector<T> bias = in.b_ih.to_vector<T>();
  const std::vector<T> second = in.b_hh.to_vector<T>();
  for (size_t i = 0; i < static_cast<size_t>(2 * H); ++i) bias[i] += second[i];
  T *y = writable<T>(out.y), *h_n = writable<T>(out.h_n);
  T *kept_xh = writable<T>(out.kept.xh), *kept_gates = writable<T>(out.kept.gates);
  T* kept_inner = writable<T>(out.kept.inner);
  const T* x = in.x.data<T>();
  parallel_ranges(s.batch, kRows, [&](int64_t begin, int64_t end) {
    const int64_t rows = end - begin;
    // Where nothing is kept, steps take turns in the memory of one.
    std::vector<T> own(static_cast<size_t>(keep ? 0 : rows * (width + 3 * H)));
    std::vector<T> ph(static_cast<size_t>(rows * 3 * H));
    T* xh = keep ? kept_xh + s.steps * begin * width : own.data();
    T* gates = keep ? kept_gates + s.steps * begin * 3 * H : own.data() + rows * width;
    T* inner = keep ? kept_inner + s.steps * begin * H : nullptr;
    load_state_rows(in.h0, begin, rows, H, xh + I, width);
    const int64_t next = keep ? rows : 0;
    for (int64_t t = 0; t < s.steps; ++t) {
      for (int64_t r = 0; r < rows; ++r) std::copy_n(x + (t * s.batch + begin + r) * I, I, xh + r * width);
      Backend::multiply(w_x, rows, xh, width, 1, false, gates, 3 * H);
      Backend::multiply(w_h, rows, xh + I, width, 1, false, ph.data(), 3 * H);
      T* h_next = t + 1 < s.steps ? xh + next * width + I : nullptr;
      Backend::forward({rows, H, gates, ph.data(), bias.data(), second.data() + 2 * H, xh + I, width, inner,
                        y + (t * s.batch + begin) * H, h_next, width});
      xh += next * width, gates += next * 3 * H;
      if (keep) inner += rows * H;
    }
    std::copy_n(y + ((s.steps - 1) * s.batch + begin) * H, rows * H, h_n + begin * H);
  });
  return out;
}

/// What one part of the batch works with.
template <class Backend>
struct Workspace {
  using T = typename Backend::T;
  std::vector<T> dh, dw_x, dw_h, dbias;  ///< dw_x in the order of Backward::d: n, r, z
};

template <class Backend>
GruGradients backward_typed(const GruSizes& s, const GruInputs& in, const GruKept& kept, const Array& dy,
                            const Array& dh_n) {
  using T = typename Backend::T;
  const int64_t I = s.inputs, H = s.units, width = I + H, G = 3 * H;
  const DType dtype = in.w_ih.dtype();
  GruGradients out;
  out.x = Array::empty({s.steps, s.batch, I}, dtype);
  out.h0 = Array::empty({s.batch, H}, dtype);
  out.w_ih = Array::zeros({G, I}, dtype);
  out.w_hh = Array::zeros({G, H}, dtype);
  out.b_ih = Array::zeros({G}, dtype);
  out.b_hh = Array::zeros({G}, dtype);
  typename Backend::Matrix w_x, w_h;
  std::vector<T> turned(static_cast<size_t>(G * I));  // w_ih in the order n, r, z
  for (int64_t i = 0; i < G * I; ++i) turned[static_cast<size_t>((i + H * I) % (G * I))] = in.w_ih.data<T>()[i];
  w_x.pack(false, G, I, turned.data(), I);
  w_h.pack(false, G, H, in.w_hh.data<T>(), H);
  T *dx = writable<T>(out.x), *dh0 = writable<T>(out.h0);
  const T *xh = kept.xh.data<T>(), *gates = kept.gates.data<T>(), *inner = kept.inner.data<T>();
  const T* grad_y = dy.defined() ? dy.data<T>() : nullptr;

  const int64_t chunks = (s.batch + kRows - 1) / kRows, parts = std::min(chunks, kRecurrentParts);
  std::vector<Workspace<Backend>> work(static_cast<size_t>(parts));
  parallel_for(parts, [&](int64_t part) {
    Workspace<Backend>& w = work[static_cast<size_t>(part)];
    const int64_t most = std::min(kRows, s.batch);
    const auto resize = [](std::vector<T>& v, int64_t n) { v.assign(static_cast<size_t>(n), T(0)); };
    Array all = Array::empty({s.steps, most, 4 * H}, dtype);  // what Backward::d gets in all steps of a chunk
    T* all_d = all.mutable_data<T>();
    resize(w.dh, most * H);
    resize(w.dw_x, G * I), resize(w.dw_h, G * H), resize(w.dbias, 4 * H);
    for (int64_t chunk = part; chunk < chunks; chunk += parts) {
      const int64_t begin = chunk * kRows, rows = std::min(kRows, s.batch - begin);
      load_state_rows(dh_n, begin, rows, H, w.dh.data(), H);
      for (int64_t t = s.steps - 1; t >= 0; --t) {
        const int64_t at = s.steps * begin + t * rows;  // row of the chunk's step in the kept arrays
        T* d = all_d + t * rows * 4 * H;
        Backend::backward({rows, H, gates + at * G, inner + at * H, xh + at * width + I, width,
                           grad_y == nullptr ? nullptr : grad_y + (t * s.batch + begin) * H, w.dh.data(), d,
                           w.dbias.data()});
        Backend::multiply(w_h, rows, d + H, 4 * H, 1, true, w.dh.data(), H);
        Backend::multiply(w_x, rows, d, 4 * H, 1, false, dx + (t * s.batch + begin) * I, I);
      }
      std::copy_n(w.dh.data(), rows * H, dh0 + begin * H);
      // The weight gradients are one product each over all steps and rows of the chunk.
      const int64_t deep = s.steps * rows;
      const T* chunk_xh = xh + s.steps * begin * width;
      Backend::add_transposed(G, I, deep, all_d, 4 * H, chunk_xh, width, w.dw_x.data());
      Backend::add_transposed(G, H, deep, all_d + H, 4 * H, chunk_xh + I, width, w.dw_h.data());
    }
  });
  const auto add = [](Array& to, const std::vector<T>& from, int64_t count, int64_t skip, int64_t start) {
    T* sum = to.mutable_data<T>();
    for (int64_t i = 0; i < count; ++i) sum[start + i] += from[static_cast<size_t>(skip + i)];
  };
  for (const auto& w : work) {
    add(out.w_ih, w.dw_x, H * I, 0, 2 * H * I);
    add(out.w_ih, w.dw_x, 2 * H * I, H * I, 0);
    add(out.w_hh, w.dw_h, G * H, 0, 0);
    add(out.b_ih, w.dbias, H, 0, 2 * H);
    add(out.b_ih, w.dbias, 2 * H, H, 0);
    add(out.b_hh, w.dbias, G, H, 0);
  }
  return out;
}

GruInputs contiguous(GruInputs in) {
  for (Array* x : {&in.x, &in.w_ih, &in.w_hh, &in.h0})
    if (x->defined()) *x = x->contiguous();
  return in;
}

}  // namespace

GruForward gru_forward(const GruSizes& sizes, const GruInputs& inputs, bool keep) {
  return visit_backend(inputs.x.dtype(),
                       [&](auto backend) { return forward_typed<decltype(backend)>(sizes, contiguous(inputs), keep); });
}

GruGradients gru_backward(const GruSizes& sizes, const GruInputs& inputs, const GruKept& kept, const Array& dy,
                          const Array& dh_n) {
  const auto or_none = [](const Array& x) { return x.defined() ? x.contiguous() : x; };
  return visit_backend(inputs.w_ih.dtype(), [&](auto backend) {
    return backward_typed<decltype(backend)>(sizes, contiguous(inputs), kept, or_none(dy), or_none(dh_n));
  });
}

}  // namespace quantick
