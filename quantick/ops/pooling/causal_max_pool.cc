#include <algorithm>
#include <cmath>
#include <cstring>

#include "quantick/ops/blocks.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/past_rows.h"

namespace quantick {
namespace {

/// y = v where v is larger, as max_pool has it.
template <class T>
void keep_larger(const T* v, int64_t n, T* y) {
  map_blocks(
      n, y, [](T a, T b) { return a > b ? a : b; }, v, y);
}

/// On codes: the order of codes is the order of values. State: the last window - 1 rows.
class CausalMaxPoolNode : public IntegerNode {
 public:
  CausalMaxPoolNode(const PrepareCall& call, int64_t window)
      : window_(window),
        width_(call.output_type.shape.size()),
        dtype_(call.inputs[0].dtype),
        past_(window - 1, width_, dtype_size(dtype_), lowest(dtype_)) {
    QTK_CHECK(call.output == call.inputs[0] && call.input_types[0].shape.size() == width_, FormatError,
              "[causal_max_pool] output, expected the format and the channels of the input");
  }

  void run(const Call& call) const noexcept override {
    if (dtype_ == DType::i8)
      run_as<int8_t>(call);
    else if (dtype_ == DType::i16)
      run_as<int16_t>(call);
    else
      run_as<float>(call);
  }
  int64_t state_bytes() const override { return past_.state_bytes(); }
  std::vector<int64_t> state_parts() const override { return past_.parts(); }

 private:
  /// Bits of what no value is below.
  static uint32_t lowest(DType dtype) {
    constexpr uint32_t kLowest8 = 0x80, kLowest16 = 0x8000, kMinusInfinity = 0xff800000;
    return dtype == DType::i8 ? kLowest8 : dtype == DType::i16 ? kLowest16 : kMinusInfinity;
  }

  template <class T>
  void run_as(const Call& call) const noexcept {
    const T* x = static_cast<const T*>(call.inputs[0]);
    T* y = static_cast<T*>(call.output);
    for (int64_t step = 0; step < call.steps; ++step)
      for (int64_t n = 0; n < call.batch; ++n, y += width_) {
        const PastRows::Row past = past_.row(call.state, call.batch, n);
        for (int64_t lag = window_ - 1; lag >= 0; --lag) {
          const T* v = step >= lag ? x + ((step - lag) * call.batch + n) * width_
                                   : reinterpret_cast<const T*>(past.back(lag - step));
          if (lag == window_ - 1)
            std::memcpy(y, v, static_cast<size_t>(width_) * sizeof(T));
          else
            keep_larger(v, width_, y);
        }
      }
    past_.keep(call.state, call.batch, x, call.steps);
  }

  int64_t window_, width_;
  DType dtype_;
  PastRows past_;
};

struct CausalMaxPool {
  static constexpr std::string_view name = "causal_max_pool", family = "pooling", onnx = "";
  static constexpr std::string_view summary =
      "The largest of the last `window` steps of x [steps, batch, ...], the newest included, element by element.";
  struct Attrs {
    int64_t window = 1;
    static constexpr auto fields() {
      return std::make_tuple(field("window", &Attrs::window, "steps; before the start there are fewer"));
    }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    QTK_CHECK(in[0].shape.ndim() >= 2, ShapeError, "[causal_max_pool] x, was {}, expected [steps, batch, ...]",
              in[0].shape.text());
    QTK_CHECK(attrs.window > 0, ValueError, "[causal_max_pool] window, was {}, expected at least 1", attrs.window);
    return in;
  }

  /// visit(step, first step of its window).
  template <class F>
  static void for_each_step(const Attrs& attrs, int64_t steps, F&& visit) {
    for (int64_t t = 0; t < steps; ++t) visit(t, std::max<int64_t>(0, t - attrs.window + 1));
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const Array x = in[0].contiguous();
    Array y = Array::empty(x.shape(), x.dtype());
    const int64_t steps = x.shape()[0], row = steps == 0 ? 0 : x.size() / steps;
    visit_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      for_each_step(attrs, steps, [&](int64_t t, int64_t first) {
        T* to = y.mutable_data<T>() + t * row;
        std::copy_n(x.data<T>() + first * row, row, to);
        for (int64_t s = first + 1; s <= t; ++s) keep_larger(x.data<T>() + s * row, row, to);
      });
    });
    return {y};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const auto x = in[0].to_vector<double>();
    const int64_t steps = in[0].shape()[0], row = steps == 0 ? 0 : in[0].size() / steps;
    std::vector<double> y;
    for (int64_t i = 0; i < in[0].size(); ++i) {
      double best = -INFINITY;
      for (int64_t lag = 0; lag < attrs.window && lag <= i / row; ++lag)
        best = std::max(best, x[static_cast<size_t>(i - lag * row)]);
      y.push_back(best);
    }
    return {Array::from(y, in[0].shape())};
  }

  /// To the first largest value of each window.
  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array x = call.inputs[0].contiguous(), d = call.output_grads[0].contiguous();
    Array dx = Array::zeros(x.shape(), x.dtype());
    const int64_t steps = x.shape()[0], row = steps == 0 ? 0 : x.size() / steps;
    visit_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T *from = x.data<T>(), *slope = d.data<T>();
      T* to = dx.mutable_data<T>();
      for_each_step(attrs, steps, [&](int64_t t, int64_t first) {
        for (int64_t i = 0; i < row; ++i) {
          int64_t best = first;
          for (int64_t s = first + 1; s <= t; ++s)
            if (from[s * row + i] > from[best * row + i]) best = s;
          to[best * row + i] += slope[t * row + i];
        }
      });
    });
    return {dx};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::recurrent;
    form.output = IntegerForm::OutputFormat::same;
    form.prepare = [](const PrepareCall& call) -> std::unique_ptr<IntegerNode> {
      constexpr int64_t kMostValues = int64_t{1} << 40;  // of the state: sizes in bytes stay far from overflow
      const int64_t window = from_attributes<Attrs>(*call.attributes, name).window;
      QTK_CHECK(window > 0 && window <= kMostValues / std::max<int64_t>(1, call.input_types[0].shape.size()),
                FormatError, "[causal_max_pool] window, was {}, expected at least 1 and to fit channels {}", window,
                call.input_types[0].shape.text());
      return std::make_unique<CausalMaxPoolNode>(call, window);
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    return {{{float32({7, 2, 5})}, to_attributes(Attrs{3}), -1, 1},
            {{float32({3, 3, 2, 17})}, to_attributes(Attrs{5}), -1, 1},  // the window is longer than time
            {{float32({4, 2, 3})}, {}, -1, 1},
            {{float32({0, 3, 4})}, to_attributes(Attrs{2}), -1, 1}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({3})}, {}, "[causal_max_pool] x, was (3,), expected [steps, batch, ...]"},
            {{float32({2, 3})}, to_attributes(Attrs{0}), "[causal_max_pool] window, was 0, expected at least 1"}};
  }
};

}  // namespace

const Operator& causal_max_pool_operator() { return operator_row<CausalMaxPool>(); }

Array causal_max_pool(const Array& x, int64_t window) {
  return invoke1(causal_max_pool_operator(), to_attributes(CausalMaxPool::Attrs{window}), {x});
}

}  // namespace quantick
