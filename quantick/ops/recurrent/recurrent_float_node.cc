#include "quantick/ops/recurrent/recurrent_float_node.h"

#include <algorithm>

#include "quantick/core/error.h"

namespace quantick {
namespace {

/// Batch rows, or rows of several steps, whose products are computed together.
constexpr int64_t kBlock = 64;

}  // namespace

RecurrentFloatNode::RecurrentFloatNode(const PrepareCall& call, int64_t gates, bool has_cells, std::string_view who)
    : inputs_(call.input_types[0].shape.size()),
      hidden_(call.output_type.shape.size()),
      x_(call, "wx", inputs_),
      h_(call, "wh", hidden_) {
  QTK_CHECK(!call.inputs[0].quantized() && !call.output.quantized(), FormatError,
            "[{}] input and output with method {}, expected float32", who, call.precision.method);
  units_ = h_.rows() / gates;
  cells_ = has_cells ? units_ : 0;
  QTK_CHECK(h_.rows() == gates * units_ && x_.rows() == h_.rows(), FormatError,
            "[{}] rows of wx and wh, were {} and {}, expected {} per unit", who, x_.rows(), h_.rows(), gates);
}

void RecurrentFloatNode::run(const Call& call) const noexcept {
  const int64_t width = h_.rows();
  auto* c = static_cast<float*>(call.state);
  float* h = c + call.batch * cells_;
  auto* px = static_cast<float*>(call.scratch);
  float *ph = px + kBlock * width, *raw = ph + kBlock * width;
  for (int64_t row = 0; row < call.batch; row += kBlock) {
    const int64_t rows = std::min(kBlock, call.batch - row);
    // The rows of a small batch follow each other step by step: one product for several steps reads the weights once.
    const int64_t together = rows == call.batch ? kBlock / rows : 1;
    for (int64_t t = 0; t < call.steps; t += together) {
      const int64_t steps = std::min(together, call.steps - t), first = t * call.batch + row;
      x_.run(static_cast<const float*>(call.inputs[0]) + first * inputs_, steps * rows, px);
      for (int64_t s = 0; s < steps; ++s) {
        float* here = h + row * hidden_;
        h_.run(here, rows, ph);
        cell({rows, px + s * rows * width, ph, c + row * cells_, here, raw});
        std::copy_n(here, rows * hidden_, static_cast<float*>(call.output) + (first + s * rows) * hidden_);
      }
    }
  }
}

void RecurrentFloatNode::prepare_step(const Call& call) const noexcept {
  h_.run(static_cast<const float*>(call.state) + call.batch * cells_, call.batch, static_cast<float*>(call.pending));
}

void RecurrentFloatNode::finish_step(const Call& call) const noexcept {
  const int64_t width = h_.rows();
  auto* c = static_cast<float*>(call.state);
  float* h = c + call.batch * cells_;
  auto* px = static_cast<float*>(call.scratch);
  for (int64_t row = 0; row < call.batch; row += kBlock) {
    const int64_t rows = std::min(kBlock, call.batch - row);
    x_.run(static_cast<const float*>(call.inputs[0]) + row * inputs_, rows, px);
    cell({rows, px, static_cast<const float*>(call.pending) + row * width, c + row * cells_, h + row * hidden_,
          px + kBlock * width});
  }
  std::copy_n(h, call.batch * hidden_, static_cast<float*>(call.output));
}

int64_t RecurrentFloatNode::scratch_bytes(int64_t, int64_t) const { return kBlock * (2 * h_.rows() + units_) * kFloat; }

}  // namespace quantick
