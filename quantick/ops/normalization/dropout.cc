#include <algorithm>
#include <cmath>

#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/random.h"

namespace quantick {
namespace {

/// Keeps these draws apart from those of core's Key.
constexpr uint32_t kPurpose = 2;

struct Dropout {
  static constexpr std::string_view name = "dropout", family = "normalization", onnx = "Dropout";
  static constexpr std::string_view summary =
      "In training, elements become 0 with probability rate and the others grow by 1 / (1 - rate); else x itself.";
  struct Attrs {
    double rate = 0.5;
    int64_t key = 0;
    bool training = false;
    static constexpr auto fields() {
      return std::make_tuple(
          field("rate", &Attrs::rate, "probability of 0, in [0, 1)"),
          field("key", &Attrs::key, "the same key drops the same elements; 0: the next of the thread's stream"),
          field("training", &Attrs::training, "false: identity"));
    }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    QTK_CHECK(attrs.rate >= 0 && attrs.rate < 1, ValueError, "[dropout] rate, was {}, expected in [0, 1)", attrs.rate);
    return in;
  }

  /// Element i is dropped where 32 random bits of (key, i) lie below this.
  static uint32_t threshold(double rate) { return static_cast<uint32_t>(rate * 0x1p32); }

  /// y, and for the gradient the key that was used (a drawn one is odd, so never 0).
  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    if (!attrs.training) return {in[0]};
    const Array x = in[0].contiguous();
    Array y = Array::empty(x.shape(), x.dtype());
    const uint64_t key = attrs.key != 0 ? static_cast<uint64_t>(attrs.key) : next_random_key().value() | 1;
    const uint32_t limit = threshold(attrs.rate);
    visit_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T* from = x.data<T>();
      T* to = y.mutable_data<T>();
      const T grow = static_cast<T>(1 / (1 - attrs.rate));
      parallel_ranges(x.size(), kElementwiseGrain, [=](int64_t begin, int64_t end) {  // the grain is a multiple of 4
        for (int64_t i = begin; i < end; i += 4) {
          const auto block = static_cast<uint64_t>(i) / 4;
          const auto draws = philox({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), kPurpose, 0},
                                    {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
          for (int64_t j = i; j < std::min(end, i + 4); ++j)
            to[j] = draws[static_cast<size_t>(j - i)] < limit ? T(0) : from[j] * grow;
        }
      });
    });
    return {y, Array::from(std::vector<int64_t>{static_cast<int64_t>(key)}, Shape{})};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    std::vector<double> x = in[0].to_vector<double>();
    const auto key = static_cast<uint64_t>(attrs.key);
    for (size_t i = 0; attrs.training && i < x.size(); ++i) {
      const uint64_t block = i / 4;
      const auto draws = philox({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), kPurpose, 0},
                                {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
      x[i] = static_cast<double>(draws[i % 4]) < std::floor(attrs.rate * 0x1p32) ? 0 : x[i] / (1 - attrs.rate);
    }
    return {Array::from(x, in[0].shape())};
  }

  /// The same elements are dropped from the gradient.
  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    if (!attrs.training) return {call.output_grads[0]};
    const auto key = static_cast<uint64_t>(call.outputs[1].data<int64_t>()[0]);
    return {dropout(call.output_grads[0], attrs.rate, key, true)};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::passthrough;
    form.lower = [](const LowerCall& call) -> std::vector<NamedArray> {
      QTK_CHECK(!from_attributes<Attrs>(*call.attributes, name).training, ValueError,
                "[dropout] training, was true, expected false in a fixed-bits program: trace the model for inference");
      return {};
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    return {{{float32({3, 5})}, to_attributes(Attrs{0.5, 7, true})},
            {{float32({2, 3, 17})}, to_attributes(Attrs{0.2, -9, true})},
            {{float32({0, 3})}, to_attributes(Attrs{0.5, 7, true})},
            {{float32({4})}, to_attributes(Attrs{0.5, 7, false})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2})}, to_attributes(Attrs{1.0, 0, true}), "[dropout] rate, was 1, expected in [0, 1)"}};
  }
};

}  // namespace

const Operator& dropout_operator() { return operator_row<Dropout>(); }

Array dropout(const Array& x, double rate, uint64_t key, bool training) {
  return invoke1(dropout_operator(), to_attributes(Dropout::Attrs{rate, static_cast<int64_t>(key), training}), {x});
}

}  // namespace quantick
