#include "quantick/ops/reduce/reduce_node.h"

#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/ops/axes.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

class ReduceNode : public IntegerNode {
 public:
  /// order: channels of the input, group after group.
  ReduceNode(const PrepareCall& call, std::vector<int64_t> order, GroupFunction function)
      : input_(call.inputs[0]),
        output_(call.output),
        width_(call.input_types[0].shape.size()),
        groups_(call.output_type.shape.size()),
        order_(std::move(order)),
        function_(function) {
    in_order_ = std::is_sorted(order_.begin(), order_.end());
  }

  void run(const Call& call) const noexcept override {
    const int64_t rows = call.steps * call.batch, n = width_ / groups_;
    auto* x = static_cast<float*>(call.scratch);
    float *moved = x + width_, *y = x + 2 * width_;
    for (int64_t row = 0; row < rows; ++row) {
      load_codes(static_cast<const std::byte*>(call.inputs[0]) + row * width_ * dtype_size(input_.dtype), width_,
                 input_, isa_, x);
      const float* from = x;
      if (!in_order_) {
        for (int64_t i = 0; i < width_; ++i) moved[i] = x[order_[static_cast<size_t>(i)]];
        from = moved;
      }
      for (int64_t g = 0; g < groups_; ++g) y[g] = function_(from + g * n, n);
      store_codes(y, groups_, output_, isa_,
                  static_cast<std::byte*>(call.output) + row * groups_ * dtype_size(output_.dtype));
    }
  }

  int64_t scratch_bytes(int64_t, int64_t) const override {
    return (2 * width_ + groups_) * static_cast<int64_t>(sizeof(float));
  }

 private:
  TensorFormat input_, output_;
  int64_t width_, groups_;
  std::vector<int64_t> order_;
  bool in_order_ = true;
  GroupFunction function_;
  Isa isa_ = active_isa();
};

}  // namespace

std::unique_ptr<IntegerNode> make_reduce_node(const PrepareCall& call, std::string_view who,
                                              const std::vector<int64_t>& axes, GroupFunction function) {
  const Shape& channels = call.input_types[0].shape;
  std::vector<int> own;
  for (const int axis : normalize_axes(axes, call.lead_axes + channels.ndim(), who)) {
    QTK_CHECK(axis >= call.lead_axes, UnsupportedError,
              "[{}] axis {} of a tensor with {} leading axes, expected channel axes alone", who, axis, call.lead_axes);
    own.push_back(axis - call.lead_axes);
  }
  const Array index = Array::arange(0, static_cast<double>(channels.size()), 1, DType::i64).reshape(channels);
  const Array groups = reduced_last(index, own);
  QTK_CHECK(groups.shape()[0] == call.output_type.shape.size() && channels.size() > 0, FormatError,
            "[{}] output channels, were {}, expected {} of them", who, call.output_type.shape.text(),
            groups.shape()[0]);
  return std::make_unique<ReduceNode>(call, groups.to_vector<int64_t>(), function);
}

}  // namespace quantick
