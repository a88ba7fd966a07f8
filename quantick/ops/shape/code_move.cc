#include "quantick/ops/shape/code_move.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "quantick/ops/lowering.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

/// Elements that are float32 at one time.
constexpr int64_t kPiece = 256;

class MoveNode : public IntegerNode {
 public:
  MoveNode(const PrepareCall& call, std::vector<MoveRun> runs)
      : inputs_(call.inputs), output_(call.output), width_(call.output_type.shape.size()), runs_(std::move(runs)) {
    for (const TensorType& type : call.input_types) widths_.push_back(type.shape.size());
    if (runs_.size() == 1 && runs_[0].step == 1 && runs_[0].count == width_ && widths_[runs_[0].input] == width_)
      whole_ = true;
  }

  void run(const Call& call) const noexcept override {
    const int64_t rows = call.steps * call.batch, size = dtype_size(output_.dtype);
    auto* to = static_cast<std::byte*>(call.output);
    if (whole_) {  // rows follow one another in both
      copy(runs_[0], static_cast<const std::byte*>(call.inputs[runs_[0].input]), rows * width_, to);
      return;
    }
    for (int64_t row = 0; row < rows; ++row, to += width_ * size)
      for (const MoveRun& r : runs_) {
        const int64_t first = row * widths_[r.input] + r.from;
        const auto* from = static_cast<const std::byte*>(call.inputs[r.input]);
        copy(r, from + first * dtype_size(inputs_[r.input].dtype), r.count, to + r.to * size);
      }
  }

 private:
  void copy(const MoveRun& r, const std::byte* from, int64_t count, std::byte* to) const noexcept {
    const TensorFormat& format = inputs_[r.input];
    const int64_t size = dtype_size(format.dtype), to_size = dtype_size(output_.dtype);
    if (format == output_ && r.step == 1) {
      std::memcpy(to, from, static_cast<size_t>(count * size));
    } else if (format == output_) {
      strided(from, size, r.step, count, to);
    } else {
      std::byte codes[kPiece * sizeof(float)];
      float values[kPiece];
      for (int64_t at = 0; at < count; at += kPiece) {
        const int64_t n = std::min(kPiece, count - at);
        const std::byte* piece = from + at * r.step * size;
        if (r.step != 1) strided(std::exchange(piece, codes), size, r.step, n, codes);
        load_codes(piece, n, format, isa_, values);
        store_codes(values, n, output_, isa_, to + at * to_size);
      }
    }
  }

  template <class T>
  static void elements(const std::byte* from, int64_t step, int64_t count, std::byte* to) noexcept {
    const T* x = reinterpret_cast<const T*>(from);
    T* y = reinterpret_cast<T*>(to);
    for (int64_t i = 0; i < count; ++i) y[i] = x[i * step];
  }

  static void strided(const std::byte* from, int64_t size, int64_t step, int64_t count, std::byte* to) noexcept {
    if (size == 1)
      elements<int8_t>(from, step, count, to);
    else if (size == 2)
      elements<int16_t>(from, step, count, to);
    else
      elements<float>(from, step, count, to);
  }

  std::vector<TensorFormat> inputs_;
  std::vector<int64_t> widths_;
  TensorFormat output_;
  int64_t width_;
  std::vector<MoveRun> runs_;
  bool whole_ = false;
  Isa isa_ = active_isa();
};

/// Appends an element; lengthens the last run where the element goes on with it.
void append(std::vector<MoveRun>& runs, int input, int64_t from, int64_t to) {
  if (!runs.empty() && runs.back().input == input) {
    MoveRun& r = runs.back();
    if (r.count == 1) r.step = from - r.from;
    if (from == r.from + r.count * r.step) {
      ++r.count;
      return;
    }
    if (r.count == 1) r.step = 1;
  }
  runs.push_back({input, from, 1, to, 1});
}

}  // namespace

Shape probe_lead(int lead_axes) { return lead_axes == 2 ? Shape{2, 3} : Shape{3}; }

std::vector<int64_t> with_probe_lead(std::vector<int64_t> shape, int lead_axes) {
  const Shape lead = probe_lead(lead_axes);
  if (shape.size() >= static_cast<size_t>(lead.ndim())) std::copy(lead.begin(), lead.end(), shape.begin());
  return shape;
}

std::vector<MoveRun> probe_moves(const PrepareCall& call, std::string_view who,
                                 const std::function<Array(const Arrays&)>& move) {
  const Shape lead = probe_lead(call.lead_axes);
  const int64_t rows = lead.size();
  const auto full = [&](const Shape& channels) {
    Shape out = lead;
    for (const int64_t extent : channels) out.push_back(extent);
    return out;
  };
  Arrays indices;
  std::vector<int64_t> first;
  int64_t next = 0;
  for (const TensorType& type : call.input_types) {
    const int64_t count = rows * type.shape.size();
    first.push_back(next);
    indices.push_back(Array::arange(static_cast<double>(next), static_cast<double>(next + count), 1, DType::i64)
                          .reshape(full(type.shape)));
    next += count;
  }
  const Array moved = move(indices);
  QTK_CHECK(moved.shape() == full(call.output_type.shape), UnsupportedError,
            "[{}] output, was {}, expected {}: steps and batch must stay as they are (here {} stand for them)", who,
            moved.shape().text(), full(call.output_type.shape).text(), lead.text());
  const std::vector<int64_t> at = moved.to_vector<int64_t>();
  const int64_t width = call.output_type.shape.size();
  std::vector<MoveRun> runs;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < width; ++i) {
      const int64_t index = at[static_cast<size_t>(row * width + i)];
      const auto input = static_cast<size_t>(std::upper_bound(first.begin(), first.end(), index) - first.begin()) - 1;
      const int64_t n = call.input_types[input].shape.size(), within = index - first[input];
      QTK_CHECK(within / n == row && within % n == (at[static_cast<size_t>(i)] - first[input]), UnsupportedError,
                "[{}] moves elements between steps or rows of a batch", who);
      if (row == 0) append(runs, static_cast<int>(input), within, i);
    }
  return runs;
}

std::vector<NamedArray> refuse_constants(const LowerCall& call, std::string_view who) {
  for (const Array& constant : call.parameters)
    QTK_CHECK(!constant.defined(), UnsupportedError, "[{}] input, was a constant, expected computed tensors",
              lowering_name(who, call));
  return {};
}

std::unique_ptr<IntegerNode> make_move_node(const PrepareCall& call, std::vector<MoveRun> runs) {
  return std::make_unique<MoveNode>(call, std::move(runs));
}

}  // namespace quantick
