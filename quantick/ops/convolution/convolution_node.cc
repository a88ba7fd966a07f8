#include "quantick/ops/convolution/convolution_node.h"

#include <algorithm>
#include <cstring>

#include "quantick/core/error.h"
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

}  // namespace

std::unique_ptr<IntegerNode> make_convolution_node(const PrepareCall& call, const Windows& windows, int64_t groups) {
  return std::make_unique<ConvolutionNode>(call, windows, groups);
}

}  // namespace quantick
