#include "quantick/ops/convolution/convolution_float.h"

#include <algorithm>
#include <vector>

#include "quantick/core/thread_pool.h"
#include "quantick/kernels/gemm_f32/gemm.h"
#include "quantick/ops/elementwise/loop.h"

namespace quantick {
namespace {

/// Images that share their working memory.
constexpr int64_t kImages = 4;
/// Partial sums of the weights' gradient, each over a range of images; added in their order.
constexpr int64_t kPartialSums = 16;

/// op(B) [k, n] of products C (+)= A * op(B), A's element (i, j) at a[i * row + j * column].
template <class T>
class RightFactor {
 public:
  void pack(bool transposed, int64_t k, int64_t n, const T* b, int64_t ldb) {
    k_ = k, n_ = n;
    values_.resize(static_cast<size_t>(k * n));
    for (int64_t j = 0; j < k; ++j)
      for (int64_t l = 0; l < n; ++l)
        values_[static_cast<size_t>(j * n + l)] = transposed ? b[l * ldb + j] : b[j * ldb + l];
  }
  void multiply(int64_t m, const T* a, int64_t row, int64_t column, bool accumulate, T* c, int64_t ldc) const {
    for (int64_t i = 0; i < m; ++i) {
      if (!accumulate) std::fill_n(c + i * ldc, n_, T(0));
      for (int64_t j = 0; j < k_; ++j)
        for (int64_t l = 0; l < n_; ++l)
          c[i * ldc + l] += a[i * row + j * column] * values_[static_cast<size_t>(j * n_ + l)];
    }
  }

 private:
  int64_t k_ = 0, n_ = 0;
  std::vector<T> values_;
};

template <>
class RightFactor<float> {
 public:
  void pack(bool transposed, int64_t k, int64_t n, const float* b, int64_t ldb) {
    // Sixteen columns fill half of the widest panels: the narrower ones take them in half the time.
    const bool narrow = n <= kernels::kGemmPanelAvx2 && active_isa() == Isa::avx512vnni;
    packed_.pack(transposed, k, n, b, ldb, narrow ? Isa::avx2 : active_isa());
  }
  void multiply(int64_t m, const float* a, int64_t row, int64_t column, bool accumulate, float* c, int64_t ldc) const {
    packed_.multiply(m, a, row, column, 1.0f, accumulate, c, ldc);
  }

 private:
  kernels::PackedMatrix packed_;
};

/// Taps that lie side by side in a channels-last image: a whole row of the window, or one tap where they are dilated.
struct Runs {
  explicit Runs(const Windows& windows)
      : taps(windows.w.dilation == 1 ? windows.w.window : 1), count(windows.taps() / taps) {}
  int64_t taps, count;
};

/// What all images share: sizes, and weights as [group, tap, in, out].
template <class T>
class ImageProducts {
 public:
  ImageProducts(const ConvolutionSizes& sizes, const T* weight)
      : s_(sizes), h_(sizes.windows.h), w_(sizes.windows.w), runs_(sizes.windows), weight_(weight_size()) {
    for_each_weight([&](size_t ours, int64_t theirs) { weight_[ours] = weight[theirs]; });
  }

  size_t weight_size() const { return static_cast<size_t>(s_.groups * taps() * s_.in * s_.out); }
  size_t image_size() const { return static_cast<size_t>(h_.padded() * w_.padded() * s_.in); }
  size_t result_size() const { return static_cast<size_t>(s_.windows.results() * s_.out); }

  void forward(const T* x, const T* bias, T* y) const {
    std::vector<RightFactor<T>> factors(static_cast<size_t>(s_.groups * runs_.count));
    for (size_t i = 0; i < factors.size(); ++i) {
      const int64_t k = runs_.taps * s_.in;
      factors[i].pack(false, k, s_.out, weight_.data() + static_cast<int64_t>(i) * k * s_.out, s_.out);
    }
    parallel_ranges(s_.batch, kImages, [&](int64_t begin, int64_t end) {
      std::vector<T> image(image_size()), result(result_size());
      for (int64_t n = begin * s_.groups; n < end * s_.groups; ++n) {
        const int64_t group = n % s_.groups;
        load_image(x + n * s_.in * s_.windows.inputs(), image.data());
        for_each_row([&](int64_t run, int64_t from, int64_t row) {
          factors[static_cast<size_t>(group * runs_.count + run)].multiply(
              w_.result(), image.data() + from, w_.stride * s_.in, 1, run > 0, result.data() + row * s_.out, s_.out);
        });
        T* to = y + n * s_.out * s_.windows.results();
        for (int64_t o = 0; o < s_.out; ++o) {
          const T b = bias == nullptr ? T(0) : bias[group * s_.out + o];
          for (int64_t p = 0; p < s_.windows.results(); ++p)
            to[o * s_.windows.results() + p] = result[static_cast<size_t>(p * s_.out + o)] + b;
        }
      }
    });
  }

  void backward(const T* x, const T* dy, T* dx, T* dweight) const {
    std::vector<RightFactor<T>> factors(static_cast<size_t>(s_.groups * taps()));
    for (size_t i = 0; i < factors.size(); ++i)
      factors[i].pack(true, s_.out, s_.in, weight_.data() + static_cast<int64_t>(i) * s_.in * s_.out, s_.out);
    const int64_t images = (s_.batch + kPartialSums - 1) / kPartialSums, chunks = (s_.batch + images - 1) / images;
    std::vector<std::vector<T>> sums(static_cast<size_t>(chunks));
    parallel_for(chunks, [&](int64_t chunk) {
      std::vector<T>& sum = sums[static_cast<size_t>(chunk)];
      sum.assign(weight_size(), T(0));
      std::vector<T> image(image_size()), slope(image_size()), result(result_size());
      RightFactor<T> right;
      const int64_t end = std::min(s_.batch, (chunk + 1) * images);
      for (int64_t n = chunk * images * s_.groups; n < end * s_.groups; ++n) {
        load_image(x + n * s_.in * s_.windows.inputs(), image.data());
        load_result(dy + n * s_.out * s_.windows.results(), result.data());
        std::fill(slope.begin(), slope.end(), T(0));
        const int64_t group = n % s_.groups;
        int64_t packed = -1;
        for_each_row([&](int64_t run, int64_t from, int64_t row) {
          const T* d = result.data() + row * s_.out;
          if (packed != row) right.pack(false, w_.result(), s_.out, d, s_.out);
          packed = row;
          const int64_t tap = group * taps() + run * runs_.taps;
          right.multiply(runs_.taps * s_.in, image.data() + from, 1, w_.stride * s_.in, true,
                         sum.data() + tap * s_.in * s_.out, s_.out);
          for (int64_t i = 0; i < runs_.taps; ++i)
            factors[static_cast<size_t>(tap + i)].multiply(w_.result(), d, s_.out, 1, true,
                                                           slope.data() + from + i * s_.in, w_.stride * s_.in);
        });
        store_image(slope.data(), dx + n * s_.in * s_.windows.inputs());
      }
    });
    for (const std::vector<T>& sum : sums)
      for_each_weight([&](size_t ours, int64_t theirs) { dweight[theirs] += sum[ours]; });
  }

 private:
  int64_t taps() const { return s_.windows.taps(); }

  /// visit(index in [group, tap, in, out], index in [group, out, in, tap]).
  template <class F>
  void for_each_weight(F&& visit) const {
    size_t ours = 0;
    for (int64_t g = 0; g < s_.groups; ++g)
      for (int64_t t = 0; t < taps(); ++t)
        for (int64_t i = 0; i < s_.in; ++i)
          for (int64_t o = 0; o < s_.out; ++o) visit(ours++, ((g * s_.out + o) * s_.in + i) * taps() + t);
  }

  /// visit(run of taps, where it begins in the image for the row's first window, first result of the row).
  template <class F>
  void for_each_row(F&& visit) const {
    const int64_t per_row = runs_.count / h_.window;
    for (int64_t y = 0; y < h_.result(); ++y)
      for (int64_t run = 0; run < runs_.count; ++run) {
        const int64_t top = y * h_.stride + run / per_row * h_.dilation, left = run % per_row * w_.dilation;
        visit(run, (top * w_.padded() + left) * s_.in, y * w_.result());
      }
  }

  /// Channels-last with its padding, which stays zero.
  void load_image(const T* x, T* image) const {
    for (int64_t y = 0; y < h_.size; ++y)
      for (int64_t c = 0; c < w_.size; ++c) {
        T* to = image + ((y + h_.begin) * w_.padded() + c + w_.begin) * s_.in;
        const T* from = x + y * w_.size + c;
        for (int64_t i = 0; i < s_.in; ++i) to[i] = from[i * s_.windows.inputs()];
      }
  }
  void store_image(const T* image, T* x) const {
    for (int64_t i = 0; i < s_.in; ++i)
      for (int64_t y = 0; y < h_.size; ++y) {
        const T* from = image + ((y + h_.begin) * w_.padded() + w_.begin) * s_.in + i;
        T* to = x + (i * h_.size + y) * w_.size;
        for (int64_t c = 0; c < w_.size; ++c) to[c] = from[c * s_.in];
      }
  }
  void load_result(const T* dy, T* result) const {
    const int64_t results = s_.windows.results();
    for (int64_t p = 0; p < results; ++p)
      for (int64_t o = 0; o < s_.out; ++o) result[p * s_.out + o] = dy[o * results + p];
  }

  const ConvolutionSizes s_;
  const WindowAxis h_, w_;
  const Runs runs_;
  std::vector<T> weight_;
};

}  // namespace

void convolution_forward(const ConvolutionSizes& sizes, const Array& x, const Array& weight, const Array& bias,
                         Array& y) {
  if (y.size() == 0) return;
  visit_float(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const ImageProducts<T> convolution(sizes, weight.data<T>());
    convolution.forward(x.data<T>(), bias.defined() ? bias.data<T>() : nullptr, y.mutable_data<T>());
  });
}

void convolution_backward(const ConvolutionSizes& sizes, const Array& x, const Array& weight, const Array& dy,
                          Array& dx, Array& dweight) {
  if (dy.size() == 0) return;
  visit_float(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const ImageProducts<T> convolution(sizes, weight.data<T>());
    convolution.backward(x.data<T>(), dy.data<T>(), dx.mutable_data<T>(), dweight.mutable_data<T>());
  });
}

}  // namespace quantick
