#include <algorithm>
#include <cstring>

#include "quantick/core/error.h"
#include "quantick/kernels/quantize/quantize.h"
#include "quantick/ops/convolution/convolution_node.h"
#include "quantick/ops/convolution/gathered_product.h"
#include "quantick/ops/convolution/tap_product.h"

namespace quantick {
namespace {

constexpr int64_t kRows = GatheredProduct::kRows;
constexpr int64_t kAlignment = 64;
int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// Channels of one group between rows that hold all groups and rows that hold one.
void copy_rows(const std::byte* from, int64_t from_stride, int64_t bytes, int64_t count, std::byte* to,
               int64_t to_stride) noexcept {
  for (int64_t r = 0; r < count; ++r)
    std::memcpy(to + r * to_stride, from + r * from_stride, static_cast<size_t>(bytes));
}

void check_sizes(const PrepareCall& call, const CausalSizes& s, int64_t in, int64_t out) {
  QTK_CHECK(s.channels == s.groups * in && call.output_type.shape.size() == s.columns * s.groups * out, FormatError,
            "[causal_convolution] channels, were {} and {}, expected {} and {} in each of {} columns",
            call.input_types[0].shape.text(), call.output_type.shape.text(), s.groups * in, s.groups * out, s.columns);
}

/// State of a batch: PastRows, then with a decaying scale [groups, batch, columns] float32.
class WholeConvolutionNode : public IntegerNode {
 public:
  WholeConvolutionNode(const PrepareCall& call, const CausalSizes& sizes)
      : taps_(sizes, call.inputs[0]),
        product_(call, sizes.groups, sizes.taps, sizes.in()),
        decay_(static_cast<float>(call.precision.decay)),
        decaying_(product_.dynamic() && call.precision.method == "dynamic_decay") {
    check_sizes(call, sizes, product_.in(), product_.out());
  }

  void run(const Call& call) const noexcept override {
    const CausalSizes& s = taps_.sizes();
    const int64_t step_places = call.batch * s.columns, places = call.steps * step_places;
    const int64_t bytes = product_.out() * product_.result(), row_bytes = bytes * s.groups;
    auto* scales = reinterpret_cast<float*>(static_cast<std::byte*>(call.scratch) + product_.scratch_bytes());
    auto* maxima = reinterpret_cast<float*>(static_cast<std::byte*>(call.state) + call.batch * past().state_bytes());
    int64_t count = 0;
    for (int64_t first = 0; first < places; first += count) {
      count = std::min(kRows, places - first);
      // A decaying scale comes from the step before: places of one step at a time.
      if (decaying_) count = std::min(count, step_places - first % step_places);
      for (int64_t g = 0; g < s.groups; ++g) {
        std::byte* rows = product_.rows(call.scratch);
        taps_.gather(call, first, count, g, 0, s.taps, rows);
        if (decaying_)
          kernels::decaying_scales(reinterpret_cast<const float*>(rows), 1, count, s.taps * s.in(), decay_,
                                   maxima + g * step_places + first % step_places, scales);
        const std::byte* y = product_.run(g, count, decaying_ ? scales : nullptr, call.scratch);
        copy_rows(y, bytes, bytes, count, static_cast<std::byte*>(call.output) + first * row_bytes + g * bytes,
                  row_bytes);
      }
    }
    past().keep(call.state, call.batch, call.inputs[0], call.steps);
  }

  int64_t state_bytes() const override {
    return past().state_bytes() + (decaying_ ? taps_.sizes().groups * maxima_bytes() : 0);
  }
  std::vector<int64_t> state_parts() const override {
    std::vector<int64_t> parts = past().parts();
    if (decaying_) parts.insert(parts.end(), static_cast<size_t>(taps_.sizes().groups), maxima_bytes());
    return parts;
  }
  int64_t scratch_bytes(int64_t, int64_t) const override {
    return product_.scratch_bytes() + kRows * static_cast<int64_t>(sizeof(float));
  }

 private:
  const PastRows& past() const { return taps_.past(); }
  /// Of one group.
  int64_t maxima_bytes() const { return taps_.sizes().columns * static_cast<int64_t>(sizeof(float)); }

  TapRows taps_;
  GatheredProduct product_;
  float decay_;
  bool decaying_;
};

/// State of a batch: PastRows. Pending of a batch row: sums of the older taps [columns, groups, out] int32.
class SplitConvolutionNode : public IntegerNode {
 public:
  SplitConvolutionNode(const PrepareCall& call, const CausalSizes& sizes, std::unique_ptr<const TapProduct> product)
      : taps_(sizes, call.inputs[0]), product_(std::move(product)), result_(dtype_size(call.output.dtype)) {
    check_sizes(call, sizes, sizes.in(), product_->out());
  }

  void run(const Call& call) const noexcept override {
    const Scratch scratch(*this, call.scratch);
    const int64_t places = call.steps * call.batch * sizes().columns;
    for (int64_t first = 0; first < places; first += kRows)
      for (int64_t g = 0, count = std::min(kRows, places - first); g < sizes().groups; ++g) {
        older(call, first, count, g, scratch.sums, scratch);
        newest(call, first, count, g, scratch.sums, scratch);
      }
    taps_.past().keep(call.state, call.batch, call.inputs[0], call.steps);
  }

  void prepare_step(const Call& call) const noexcept override {
    const Scratch scratch(*this, call.scratch);
    auto* pending = static_cast<int32_t*>(call.pending);
    const int64_t places = call.batch * sizes().columns, out = product_->out(), groups = sizes().groups;
    for (int64_t first = 0; first < places; first += kRows)
      for (int64_t g = 0, count = std::min(kRows, places - first); g < groups; ++g) {
        int32_t* to = pending + first * groups * out + g * out;
        older(call, first, count, g, groups == 1 ? to : scratch.sums, scratch);
        if (groups > 1) copy_sums(scratch.sums, out, count, to, groups * out);
      }
  }

  void finish_step(const Call& call) const noexcept override {
    const Scratch scratch(*this, call.scratch);
    const auto* pending = static_cast<const int32_t*>(call.pending);
    const int64_t places = call.batch * sizes().columns, out = product_->out(), groups = sizes().groups;
    if (groups == 1) {
      product_->newest(0, pending, call.inputs[0], places, call.output, scratch.rest);
    } else {
      for (int64_t first = 0; first < places; first += kRows)
        for (int64_t g = 0, count = std::min(kRows, places - first); g < groups; ++g) {
          copy_sums(pending + first * groups * out + g * out, groups * out, count, scratch.sums, out);
          newest(call, first, count, g, scratch.sums, scratch);
        }
    }
    taps_.past().keep(call.state, call.batch, call.inputs[0], 1);
  }

  int64_t pending_bytes() const override { return sizes().columns * sizes().groups * sums_bytes(); }
  int64_t state_bytes() const override { return taps_.past().state_bytes(); }
  std::vector<int64_t> state_parts() const override { return taps_.past().parts(); }
  int64_t scratch_bytes(int64_t, int64_t) const override {
    return aligned(kRows * older_bytes()) + aligned(kRows * sums_bytes()) + aligned(kRows * product_->out() * result_) +
           product_->scratch_bytes();
  }

 private:
  struct Scratch {
    Scratch(const SplitConvolutionNode& node, void* scratch) noexcept
        : rows(static_cast<std::byte*>(scratch)),
          sums(reinterpret_cast<int32_t*>(rows + aligned(kRows * node.older_bytes()))),
          results(reinterpret_cast<std::byte*>(sums) + aligned(kRows * node.sums_bytes())),
          rest(results + aligned(kRows * node.product_->out() * node.result_)) {}
    std::byte* rows;
    int32_t* sums;
    std::byte* results;
    std::byte* rest;
  };
  const CausalSizes& sizes() const noexcept { return taps_.sizes(); }
  /// Of one place: gathered older taps, which the newest one never exceeds; sums.
  int64_t older_bytes() const noexcept { return (sizes().taps - 1) * sizes().in() * taps_.element(); }
  int64_t sums_bytes() const noexcept { return product_->out() * static_cast<int64_t>(sizeof(int32_t)); }

  static void copy_sums(const int32_t* from, int64_t from_stride, int64_t count, int32_t* to,
                        int64_t to_stride) noexcept {
    constexpr auto kBytes = static_cast<int64_t>(sizeof(int32_t));
    copy_rows(reinterpret_cast<const std::byte*>(from), from_stride * kBytes, std::min(from_stride, to_stride) * kBytes,
              count, reinterpret_cast<std::byte*>(to), to_stride * kBytes);
  }

  /// Sums [count, out] of the older taps.
  void older(const Call& call, int64_t first, int64_t count, int64_t group, int32_t* sums,
             const Scratch& scratch) const noexcept {
    taps_.gather(call, first, count, group, 0, sizes().taps - 1, scratch.rows);
    product_->older(group, scratch.rows, count, sums, scratch.rest);
  }

  /// From these sums to results.
  void newest(const Call& call, int64_t first, int64_t count, int64_t group, const int32_t* sums,
              const Scratch& scratch) const noexcept {
    const int64_t out_bytes = product_->out() * result_, row_bytes = out_bytes * sizes().groups;
    auto* y = static_cast<std::byte*>(call.output) + first * row_bytes + group * out_bytes;
    if (sizes().groups == 1) {  // rows of x and y as they lie
      const auto* x = static_cast<const std::byte*>(call.inputs[0]) + first * sizes().channels * taps_.element();
      product_->newest(group, sums, x, count, y, scratch.rest);
      return;
    }
    taps_.gather(call, first, count, group, sizes().taps - 1, sizes().taps, scratch.rows);
    product_->newest(group, sums, scratch.rows, count, scratch.results, scratch.rest);
    copy_rows(scratch.results, out_bytes, out_bytes, count, y, row_bytes);
  }

  TapRows taps_;
  std::unique_ptr<const TapProduct> product_;
  int64_t result_;  ///< bytes of one y
};

}  // namespace

std::unique_ptr<IntegerNode> make_causal_convolution_node(const PrepareCall& call, const CausalSizes& sizes) {
  if (auto product = TapProduct::make(call, sizes))
    return std::make_unique<SplitConvolutionNode>(call, sizes, std::move(product));
  return std::make_unique<WholeConvolutionNode>(call, sizes);
}

}  // namespace quantick
