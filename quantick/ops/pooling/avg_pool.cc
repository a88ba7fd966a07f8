#include "quantick/ops/pooling/planes.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

/// One sum per window, then one product by (scale / count) or one division by the count (docs/numerics.md,
/// section 8).
class AvgPoolNode : public IntegerNode {
 public:
  AvgPoolNode(const PrepareCall& call, const Windows& windows, bool count_pads)
      : windows_(windows),
        planes_(row_planes(call, windows, "avg_pool")),
        count_pads_(count_pads),
        x_(call.inputs[0]),
        y_(call.output) {}

  void run(const Call& call) const noexcept override {
    if (x_.dtype == DType::i8)
      run_as<int8_t, int64_t>(call);
    else if (x_.dtype == DType::i16)
      run_as<int16_t, int64_t>(call);
    else
      run_as<float, float>(call);
  }
  int64_t scratch_bytes(int64_t, int64_t) const override {
    return windows_.results() * static_cast<int64_t>(sizeof(float));
  }

 private:
  template <class T, class Sum>
  void run_as(const Call& call) const noexcept {
    const T* x = static_cast<const T*>(call.inputs[0]);
    auto* y = static_cast<std::byte*>(call.output);
    auto* means = static_cast<float*>(call.scratch);
    for (int64_t p = 0; p < call.steps * call.batch * planes_; ++p, x += windows_.inputs()) {
      for_each_window(windows_, [&](const Window& w) {
        Sum total = 0;
        for (int64_t row = w.top; row < w.bottom; ++row)
          for (int64_t column = w.left; column < w.right; ++column) total += x[row * windows_.w.size + column];
        const auto count = static_cast<float>(count_pads_ ? windows_.taps() : w.count());
        if constexpr (std::is_same_v<T, float>)
          means[w.result] = total / count;
        else
          means[w.result] = static_cast<float>(total - x_.zero_point * w.count()) * (x_.scale / count);
      });
      store_codes(means, windows_.results(), y_, isa_, y);
      y += windows_.results() * static_cast<int64_t>(dtype_size(y_.dtype));
    }
  }

  Windows windows_;
  int64_t planes_;
  bool count_pads_;
  TensorFormat x_, y_;
  Isa isa_ = active_isa();
};

struct AvgPool {
  static constexpr std::string_view name = "avg_pool", family = "pooling", onnx = "AveragePool";
  static constexpr std::string_view summary =
      "The mean of each window of x [batch, channels, width] or [batch, channels, height, width], zeros outside.";
  struct Attrs {
    std::vector<int64_t> kernel, strides, pads;
    bool count_include_pad = true;
    static constexpr auto fields() {
      return std::make_tuple(
          field("kernel", &Attrs::kernel, "extents of the window; empty: the whole plane"),
          field("strides", &Attrs::strides, "per axis; empty: 1"),
          field("pads", &Attrs::pads, "zeros at the begin of each axis, then at the ends; empty: 0"),
          field("count_include_pad", &Attrs::count_include_pad, "divide by the whole window; else by its real values"));
    }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Windows windows(const Attrs& attrs, const Shape& x) {
    return pooling_windows(x, attrs.kernel, attrs.strides, attrs.pads, name);
  }
  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    return pooled(in, windows(attrs, in[0].shape));
  }
  static int64_t divisor(const Attrs& attrs, const Windows& windows, const Window& window) {
    return attrs.count_include_pad ? windows.taps() : window.count();
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const Array x = in[0].contiguous();
    const Windows w = windows(attrs, x.shape());
    Array y = Array::empty(windows_shape(x.shape(), x.shape()[1], w), x.dtype());
    visit_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T* from = x.data<T>();
      T* to = y.mutable_data<T>();
      parallel_ranges(x.shape()[0] * x.shape()[1], plane_grain(w), [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p)
          for_each_window(w, [&](const Window& window) {
            double total = 0;
            for (int64_t row = window.top; row < window.bottom; ++row)
              for (int64_t column = window.left; column < window.right; ++column)
                total += static_cast<double>(from[p * w.inputs() + row * w.w.size + column]);
            to[p * w.results() + window.result] =
                static_cast<T>(total / static_cast<double>(divisor(attrs, w, window)));
          });
      });
    });
    return {y};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const Windows w = windows(attrs, in[0].shape());
    const auto x = in[0].to_vector<double>();
    std::vector<double> y;
    for (int64_t p = 0; p < in[0].shape()[0] * in[0].shape()[1]; ++p)
      for (int64_t r = 0; r < w.results(); ++r) {
        double total = 0, count = 0;
        for_each_place(w, r, [&](int64_t i) {
          total += x[static_cast<size_t>(p * w.inputs() + i)];
          count += 1;
        });
        y.push_back(total / (attrs.count_include_pad ? static_cast<double>(w.taps()) : count));
      }
    return {Array::from(y, windows_shape(in[0].shape(), in[0].shape()[1], w))};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array d = call.output_grads[0].contiguous();
    const Shape& shape = call.inputs[0].shape();
    const Windows w = windows(attrs, shape);
    Array dx = Array::zeros(shape, d.dtype());
    visit_float(d.dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T* slopes = d.data<T>();
      T* to = dx.mutable_data<T>();
      parallel_ranges(shape[0] * shape[1], plane_grain(w), [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p)
          for_each_window(w, [&](const Window& window) {
            const T share = slopes[p * w.results() + window.result] / static_cast<T>(divisor(attrs, w, window));
            for (int64_t row = window.top; row < window.bottom; ++row)
              for (int64_t column = window.left; column < window.right; ++column)
                to[p * w.inputs() + row * w.w.size + column] += share;
          });
      });
    });
    return {dx};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.row_axes = 2;
    form.prepare = [](const PrepareCall& call) -> std::unique_ptr<IntegerNode> {
      const auto attrs = from_attributes<Attrs>(*call.attributes, name);
      return std::make_unique<AvgPoolNode>(call, windows(attrs, with_batch(call.input_types[0].shape)),
                                           attrs.count_include_pad);
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    const auto attributes = [](bool count_pads) {
      return to_attributes(Attrs{{3, 2}, {2, 1}, {1, 0, 1, 1}, count_pads});
    };
    return {{{float32({2, 3, 9})}, to_attributes(Attrs{{2}, {2}, {}})},
            {{float32({2, 3, 5, 7})}, attributes(true)},
            {{float32({2, 3, 5, 7})}, attributes(false)},
            {{float32({3, 17, 6, 6})}, {}},
            {{float32({0, 3, 4})}, to_attributes(Attrs{{2}, {}, {}})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 3})}, {}, "[avg_pool] x, was (2, 3), expected [batch, channels, width]"},
            {{float32({2, 3, 4})}, to_attributes(Attrs{{5}, {}, {}}), "[avg_pool] window of 5 taps, reaches over 5"},
            {{float32({2, 3, 4})}, to_attributes(Attrs{{2}, {}, {2, 0}}), "[avg_pool] pads, were 2 and 0"}};
  }
};

}  // namespace

const Operator& avg_pool_operator() { return operator_row<AvgPool>(); }

Array avg_pool(const Array& x, const std::vector<int64_t>& kernel, const std::vector<int64_t>& strides,
               const std::vector<int64_t>& pads, bool count_include_pad) {
  return invoke1(avg_pool_operator(), to_attributes(AvgPool::Attrs{kernel, strides, pads, count_include_pad}), {x});
}

}  // namespace quantick
