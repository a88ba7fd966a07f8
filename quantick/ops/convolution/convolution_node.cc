#include "quantick/ops/convolution/convolution_node.h"

#include <algorithm>
#include <cstring>

#include "quantick/core/error.h"
#include "quantick/kernels/quantize/quantize.h"
#include "quantick/ops/convolution/gathered_product.h"

namespace quantick {
namespace {

/// Elements of one, two or four bytes, copied whatever they mean.
template <class F>
void visit_element(int64_t bytes, F&& f) noexcept {
  if (bytes == 1)
    f(uint8_t{});
  else if (bytes == 2)
    f(uint16_t{});
  else
    f(uint32_t{});
}

/// Values of a padded image at most: sizes in bytes stay far from overflow.
constexpr int64_t kMostValues = int64_t{1} << 40;

const Windows& checked(const Windows& windows, const Shape& x) {
  QTK_CHECK(windows.h.padded() <= kMostValues / windows.w.padded() / std::max<int64_t>(1, x[0]), FormatError,
            "[convolution] padded image, was {} x {} of {} channels, expected at most 2^40 values", windows.h.padded(),
            windows.w.padded(), x[0]);
  return windows;
}

class ConvolutionNode : public IntegerNode {
 public:
  ConvolutionNode(const PrepareCall& call, const Windows& windows, int64_t groups)
      : windows_(checked(windows, call.input_types[0].shape)),
        zero_(static_cast<uint32_t>(call.inputs[0].zero_point)),
        product_(call, groups, windows.taps(), call.input_types[0].shape[0] / groups) {
    QTK_CHECK(call.input_types[0].shape[0] == groups * product_.in() &&
                  call.output_type.shape.size() == groups * product_.out() * windows.results(),
              FormatError, "[convolution] channels, were {} and {}, expected {} and {} times {}",
              call.input_types[0].shape.text(), call.output_type.shape.text(), groups * product_.in(),
              groups * product_.out(), windows.results());
  }

  void run(const Call& call) const noexcept override {
    visit_element(product_.element(), [&](auto element) {
      using T = decltype(element);
      const T* x = static_cast<const T*>(call.inputs[0]);
      auto* y = static_cast<std::byte*>(call.output);
      auto* image = reinterpret_cast<T*>(static_cast<std::byte*>(call.scratch) + product_.scratch_bytes());
      for (int64_t n = 0; n < call.steps * call.batch; ++n)
        for (int64_t g = 0; g < product_.groups(); ++g) {
          load_image(x, image);
          run_group(g, image, y, call.scratch);
          x += product_.in() * windows_.inputs();
          y += product_.out() * windows_.results() * product_.result();
        }
    });
  }

  int64_t scratch_bytes(int64_t, int64_t) const override {
    return product_.scratch_bytes() + windows_.h.padded() * windows_.w.padded() * product_.in() * product_.element();
  }

 private:
  /// Channels-last with its padding.
  template <class T>
  void load_image(const T* x, T* image) const noexcept {
    const WindowAxis &h = windows_.h, &w = windows_.w;
    const int64_t in = product_.in();
    std::fill_n(image, h.padded() * w.padded() * in, static_cast<T>(zero_));
    for (int64_t i = 0; i < in; ++i)
      for (int64_t row = 0; row < h.size; ++row) {
        T* to = image + ((row + h.begin) * w.padded() + w.begin) * in + i;
        for (int64_t column = 0; column < w.size; ++column) to[column * in] = *x++;
      }
  }

  template <class T>
  void run_group(int64_t group, const T* image, std::byte* y, void* scratch) const noexcept {
    const WindowAxis &h = windows_.h, &w = windows_.w;
    const int64_t in = product_.in(), results = windows_.results();
    const int64_t side_by_side = w.dilation == 1 ? w.window : 1;  // taps that one copy takes
    for (int64_t first = 0; first < results; first += GatheredProduct::kRows) {
      const int64_t count = std::min(GatheredProduct::kRows, results - first);
      auto* to = reinterpret_cast<T*>(product_.rows(scratch));
      for (int64_t r = first; r < first + count; ++r) {
        const int64_t top = r / w.result() * h.stride, left = r % w.result() * w.stride;
        for (int64_t a = 0; a < h.window; ++a)
          for (int64_t b = 0; b < w.window; b += side_by_side) {
            const T* from = image + ((top + a * h.dilation) * w.padded() + left + b * w.dilation) * in;
            std::memcpy(to, from, static_cast<size_t>(side_by_side * in) * sizeof(T));
            to += side_by_side * in;
          }
      }
      const std::byte* sums = product_.run(group, count, nullptr, scratch);
      visit_element(product_.result(), [&](auto element) {
        using U = decltype(element);
        const U* from = reinterpret_cast<const U*>(sums);
        U* target = reinterpret_cast<U*>(y) + first;
        const int64_t out = product_.out();
        for (int64_t o = 0; o < out; ++o)
          for (int64_t r = 0; r < count; ++r) target[o * results + r] = from[r * out + o];
      });
    }
  }

  Windows windows_;
  uint32_t zero_;  ///< as the low bits of a code
  GatheredProduct product_;
};

/// State of a batch: rows of the past [batch, span, channels], then with a decaying scale [groups, batch] float32.
class CausalConvolutionNode : public IntegerNode {
 public:
  CausalConvolutionNode(const PrepareCall& call, int64_t taps, int64_t dilation, int64_t groups)
      : zero_(static_cast<uint32_t>(call.inputs[0].zero_point)),
        dilation_(dilation),
        span_((taps - 1) * dilation),
        channels_(call.input_types[0].shape.size()),
        product_(call, groups, taps, channels_ / groups),
        decay_(static_cast<float>(call.precision.decay)),
        decaying_(product_.dynamic() && call.precision.method == "dynamic_decay") {
    QTK_CHECK(channels_ == groups * product_.in() && call.output_type.shape.size() == groups * product_.out(),
              FormatError, "[causal_convolution] channels, were {} and {}, expected {} and {}",
              call.input_types[0].shape.text(), call.output_type.shape.text(), groups * product_.in(),
              groups * product_.out());
  }

  void run(const Call& call) const noexcept override {
    visit_element(product_.element(), [&](auto element) {
      using T = decltype(element);
      run_as(call, static_cast<const T*>(call.inputs[0]), static_cast<T*>(call.state));
    });
  }

  int64_t state_bytes() const override { return past_bytes() + maxima_bytes(); }
  void reset_state(void* state, int64_t batch, int64_t row) const noexcept override {
    auto* at = static_cast<std::byte*>(state);
    std::fill_n(at + row * past_bytes(), past_bytes(), std::byte{0});
    auto* maxima = reinterpret_cast<float*>(at + maxima_at(batch));
    if (decaying_)
      for (int64_t g = 0; g < product_.groups(); ++g) maxima[g * batch + row] = 0;
  }
  int64_t scratch_bytes(int64_t, int64_t) const override {
    return product_.scratch_bytes() + GatheredProduct::kRows * static_cast<int64_t>(sizeof(float));
  }

 private:
  int64_t past_bytes() const { return span_ * channels_ * product_.element(); }
  int64_t maxima_bytes() const { return decaying_ ? product_.groups() * static_cast<int64_t>(sizeof(float)) : 0; }
  int64_t maxima_at(int64_t batch) const { return batch * past_bytes(); }

  template <class T>
  void run_as(const Call& call, const T* x, T* past) const noexcept {
    const int64_t rows = call.steps * call.batch, out = product_.out(), width = out * product_.groups();
    auto* scales = reinterpret_cast<float*>(static_cast<std::byte*>(call.scratch) + product_.scratch_bytes());
    auto* maxima = reinterpret_cast<float*>(static_cast<std::byte*>(call.state) + maxima_at(call.batch));
    int64_t count = 0;
    for (int64_t first = 0; first < rows; first += count) {
      count = std::min(GatheredProduct::kRows, rows - first);
      // A decaying scale comes from the step before: rows of one step at a time.
      if (decaying_) count = std::min(count, call.batch - first % call.batch);
      for (int64_t g = 0; g < product_.groups(); ++g) {
        auto* to = reinterpret_cast<T*>(product_.rows(call.scratch));
        for (int64_t r = first; r < first + count; ++r)
          for (int64_t tap = product_.taps() - 1; tap >= 0; --tap, to += product_.in())
            load(call, x, past, r / call.batch - tap * dilation_, r % call.batch, g, to);
        if (decaying_)
          kernels::decaying_scales(reinterpret_cast<const float*>(product_.rows(call.scratch)), 1, count,
                                   product_.taps() * product_.in(), decay_,
                                   maxima + g * call.batch + first % call.batch, scales);
        const std::byte* sums = product_.run(g, count, decaying_ ? scales : nullptr, call.scratch);
        auto* y = static_cast<std::byte*>(call.output) + (first * width + g * out) * product_.result();
        const int64_t bytes = out * product_.result();
        for (int64_t r = 0; r < count; ++r)
          std::memcpy(y + r * width * product_.result(), sums + r * bytes, static_cast<size_t>(bytes));
      }
    }
    for (int64_t n = 0; n < call.batch; ++n) keep(call, x, n, past + n * span_ * channels_);
  }

  /// Channels of a group at a step, which lies in the past where it is negative.
  template <class T>
  void load(const Call& call, const T* x, const T* past, int64_t step, int64_t row, int64_t group,
            T* to) const noexcept {
    const int64_t in = product_.in();
    if (step >= 0) {
      std::memcpy(to, x + (step * call.batch + row) * channels_ + group * in, static_cast<size_t>(in) * sizeof(T));
      return;
    }
    const T* from = past + (row * span_ + span_ + step) * channels_ + group * in;
    for (int64_t i = 0; i < in; ++i) to[i] = static_cast<T>(from[i] + zero_);
  }

  /// Moves the past of one batch row on.
  template <class T>
  void keep(const Call& call, const T* x, int64_t row, T* past) const noexcept {
    const int64_t old = std::max<int64_t>(0, span_ - call.steps);
    std::memmove(past, past + (span_ - old) * channels_, static_cast<size_t>(old * channels_) * sizeof(T));
    for (int64_t at = old; at < span_; ++at) {
      const T* from = x + ((call.steps - span_ + at) * call.batch + row) * channels_;
      for (int64_t i = 0; i < channels_; ++i) past[at * channels_ + i] = static_cast<T>(from[i] - zero_);
    }
  }

  uint32_t zero_;  ///< as the low bits of a code
  int64_t dilation_, span_, channels_;
  GatheredProduct product_;
  float decay_;
  bool decaying_;
};

}  // namespace

std::unique_ptr<IntegerNode> make_convolution_node(const PrepareCall& call, const Windows& windows, int64_t groups) {
  return std::make_unique<ConvolutionNode>(call, windows, groups);
}

std::unique_ptr<IntegerNode> make_causal_convolution_node(const PrepareCall& call, int64_t taps, int64_t dilation,
                                                          int64_t groups) {
  return std::make_unique<CausalConvolutionNode>(call, taps, dilation, groups);
}

}  // namespace quantick
