#include <cmath>

#include "quantick/ops/pooling/planes.h"

namespace quantick {
namespace {

template <class T>
void max_planes(const Windows& windows, const T* x, int64_t planes, T* y) {
  for (int64_t p = 0; p < planes; ++p, x += windows.inputs(), y += windows.results())
    for_each_window(windows, [&](const Window& w) {
      T best = x[w.top * windows.w.size + w.left];
      for (int64_t row = w.top; row < w.bottom; ++row)
        for (int64_t column = w.left; column < w.right; ++column) {
          const T v = x[row * windows.w.size + column];
          best = v > best ? v : best;
        }
      y[w.result] = best;
    });
}

/// On codes: the order of codes is the order of values.
class MaxPoolNode : public IntegerNode {
 public:
  MaxPoolNode(const PrepareCall& call, const Windows& windows)
      : windows_(windows), planes_(row_planes(call, windows, "max_pool")), dtype_(call.inputs[0].dtype) {
    QTK_CHECK(call.output == call.inputs[0], FormatError, "[max_pool] output format, expected that of the input");
  }
  void run(const Call& call) const noexcept override {
    if (dtype_ == DType::i8)
      run_as<int8_t>(call);
    else if (dtype_ == DType::i16)
      run_as<int16_t>(call);
    else
      run_as<float>(call);
  }

 private:
  template <class T>
  void run_as(const Call& call) const noexcept {
    max_planes(windows_, static_cast<const T*>(call.inputs[0]), call.steps * call.batch * planes_,
               static_cast<T*>(call.output));
  }

  Windows windows_;
  int64_t planes_;
  DType dtype_;
};

struct MaxPool {
  static constexpr std::string_view name = "max_pool", family = "pooling", onnx = "MaxPool";
  static constexpr std::string_view summary =
      "The largest value of each window of x [batch, channels, width] or [batch, channels, height, width].";
  struct Attrs {
    std::vector<int64_t> kernel, strides, pads;
    static constexpr auto fields() {
      return std::make_tuple(
          field("kernel", &Attrs::kernel, "extents of the window; empty: the whole plane"),
          field("strides", &Attrs::strides, "per axis; empty: 1"),
          field("pads", &Attrs::pads, "at the begin of each axis, then at the ends; never the largest; empty: 0"));
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

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const Array x = in[0].contiguous();
    const Windows w = windows(attrs, x.shape());
    Array y = Array::empty(windows_shape(x.shape(), x.shape()[1], w), x.dtype());
    visit_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T* from = x.data<T>();
      T* to = y.mutable_data<T>();
      parallel_ranges(x.shape()[0] * x.shape()[1], plane_grain(w), [&](int64_t begin, int64_t end) {
        max_planes(w, from + begin * w.inputs(), end - begin, to + begin * w.results());
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
        double best = -INFINITY;
        for_each_place(w, r, [&](int64_t i) { best = std::max(best, x[static_cast<size_t>(p * w.inputs() + i)]); });
        y.push_back(best);
      }
    return {Array::from(y, windows_shape(in[0].shape(), in[0].shape()[1], w))};
  }

  /// To the first largest value of each window.
  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array x = call.inputs[0].contiguous(), d = call.output_grads[0].contiguous();
    const Windows w = windows(attrs, x.shape());
    Array dx = Array::zeros(x.shape(), x.dtype());
    visit_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T *all = x.data<T>(), *slopes = d.data<T>();
      T* to = dx.mutable_data<T>();
      parallel_ranges(x.shape()[0] * x.shape()[1], plane_grain(w), [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p)
          for_each_window(w, [&](const Window& window) {
            const T* plane = all + p * w.inputs();
            int64_t best = window.top * w.w.size + window.left;
            for (int64_t row = window.top; row < window.bottom; ++row)
              for (int64_t column = window.left; column < window.right; ++column)
                if (plane[row * w.w.size + column] > plane[best]) best = row * w.w.size + column;
            to[p * w.inputs() + best] += slopes[p * w.results() + window.result];
          });
      });
    });
    return {dx};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.output = IntegerForm::OutputFormat::same;
    form.row_axes = 2;
    form.prepare = [](const PrepareCall& call) -> std::unique_ptr<IntegerNode> {
      const auto attrs = from_attributes<Attrs>(*call.attributes, name);
      return std::make_unique<MaxPoolNode>(call, windows(attrs, with_batch(call.input_types[0].shape)));
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    return {{{float32({2, 3, 9})}, to_attributes(Attrs{{2}, {2}, {}})},
            {{float32({2, 3, 5, 7})}, to_attributes(Attrs{{3, 2}, {2, 1}, {1, 0, 1, 1}})},
            {{float32({3, 17, 6, 6})}, to_attributes(Attrs{{2, 2}, {2, 2}, {}})},
            {{float32({2, 3, 4, 5})}, {}},
            {{float32({0, 3, 4})}, to_attributes(Attrs{{2}, {}, {}})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 3})}, {}, "[max_pool] x, was (2, 3), expected [batch, channels, width]"},
            {{float32({2, 3, 4})}, to_attributes(Attrs{{5}, {}, {}}), "[max_pool] window of 5 taps, reaches over 5"},
            {{float32({2, 3, 4})}, to_attributes(Attrs{{2}, {}, {2, 0}}), "[max_pool] pads, were 2 and 0"}};
  }
};

}  // namespace

const Operator& max_pool_operator() { return operator_row<MaxPool>(); }

Array max_pool(const Array& x, const std::vector<int64_t>& kernel, const std::vector<int64_t>& strides,
               const std::vector<int64_t>& pads) {
  return invoke1(max_pool_operator(), to_attributes(MaxPool::Attrs{kernel, strides, pads}), {x});
}

}  // namespace quantick
