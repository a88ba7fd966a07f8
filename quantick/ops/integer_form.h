#pragma once
// How an operator runs inside a fixed-bits program (docs/numerics.md). quant calls `lower` once per node to make the
// integer constants; runtime calls `run` for windows and for single ticks, through the same pointers, so that both give
// the same bits. Tensors of a program are [steps, batch, channels...] ("sequence") or [batch, channels...] ("frame"),
// row-major; a live tick is steps = 1 with carried state.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quantick/core/large_pages.h"
#include "quantick/ops/attributes.h"
#include "quantick/ops/precision.h"
#include "quantick/tensor/quantization.h"

namespace quantick {

/// What `lower` sees.
struct LowerCall {
  const Attributes* attributes = nullptr;
  std::string layer;                 ///< block name, for error texts
  std::vector<TensorFormat> inputs;  ///< of the data inputs (not of parameters)
  std::vector<Array> parameters;     ///< float32 parameters, in the order of the operator's inputs; may be undefined
  TensorFormat output;               ///< wanted output
  Precision precision;
  int lead_axes = 1;                    ///< axes before the channels: 2 (steps, batch) or 1 (batch)
  std::vector<TensorType> input_types;  ///< of the data inputs: shapes of one row without steps and batch
};

/// A constant of a lowered node, saved in the model file under its name.
struct NamedArray {
  std::string name;
  Array value;
};

/// Events that cost precision, counted on request.
struct NodeCounters {
  int64_t saturations = 0;  ///< values inside the node that met a limit and were clamped (gates, cells, hidden values)
  int64_t dead_zone = 0;    ///< updates of a state that were not 0 and yet left it as it was
};

/// An operator prepared for one node: packed weights, constants, sizes. Immutable; shared by sessions and streams.
class IntegerNode {
 public:
  virtual ~IntegerNode() = default;
  struct Call {
    int64_t steps = 1;  ///< 1 for frames and ticks
    int64_t batch = 1;
    std::span<const void* const> inputs;  ///< data inputs
    void* output = nullptr;
    void* state = nullptr;    ///< state_bytes() per batch row, carried between calls; zeros at the start
    void* scratch = nullptr;  ///< scratch_bytes(steps, batch)
    void* pending = nullptr;  ///< of the two halves of a tick: pending_bytes() per batch row
  };
  /// No allocation, lock, system call or exception.
  virtual void run(const Call& call) const noexcept = 0;
  /// The same bits, adding events to `counters`; slower.
  virtual void run_counted(const Call& call, NodeCounters& counters) const noexcept {
    (void)counters;
    run(call);
  }
  /// A tick in halves, with steps = 1 and the bits of run(). The first half does what needs no input, from the state
  /// alone (inputs and output are not set), and leaves it in `pending`; the second does the rest. Between the two the
  /// state stays as it is, and scratch may serve others.
  virtual void prepare_step(const Call& call) const noexcept { (void)call; }
  virtual void finish_step(const Call& call) const noexcept { run(call); }
  /// Bytes that the first half leaves, for one batch row: 0 where it has nothing to do. Rows lie one behind the other.
  virtual int64_t pending_bytes() const { return 0; }
  /// Bytes of carried state for one batch row: 0 for stateless operators.
  virtual int64_t state_bytes() const { return 0; }
  /// How the state of a batch lies in memory: part after part, each [batch, bytes]; so that rows can be moved from one
  /// batch to another, or put back to the start as zeros. The sum is state_bytes().
  virtual std::vector<int64_t> state_parts() const { return {state_bytes()}; }
  virtual int64_t scratch_bytes(int64_t steps, int64_t batch) const {
    (void)steps, (void)batch;
    return 0;
  }
};

/// What `prepare` sees: a node as the model file keeps it.
struct PrepareCall {
  const Attributes* attributes = nullptr;
  std::vector<TensorFormat> inputs;
  std::vector<TensorType> input_types;  ///< channels etc.: shapes of one row without steps and batch
  TensorFormat output;
  TensorType output_type;
  std::vector<NamedArray> constants;
  Precision precision;
  int lead_axes = 1;  ///< axes before the channels, which positive axes in the attributes count: 2 (steps, batch) or 1
  std::shared_ptr<LargePages> memory;                  ///< where packed weights go; null: each kernel brings its own
  const Array& constant(std::string_view name) const;  ///< throws FormatError where the file lacks it
  bool has_constant(std::string_view name) const;
};

/// IntegerForm::data_inputs of an operator without parameters that takes any number of inputs.
inline constexpr int kAllInputs = -1;

/// The integer part of an operator's row. Data inputs come as int8, int16 or float32, each in its own format, and so
/// does the output. With `reads_integers` the form makes integer products: lowering converts its inputs to integers
/// where precision.method is static, and hands them over in float32 for every other method, the output being float32.
struct IntegerForm {
  enum class Kind {
    none,         ///< stays float, refused by lowering with the reason
    pointwise,    ///< every row (step, batch) by itself
    recurrent,    ///< steps in order, with state: row t depends on rows 0..t
    window,       ///< needs all steps of the window at once (reversal, attention to later steps): no carried state
    last_step,    ///< picks the newest step: identity on a tick
    passthrough,  ///< no arithmetic (dropout at inference, identity)
  };
  enum class OutputFormat {
    calibrated,  ///< observers choose scale and zero point (int8, or int16 where asked)
    same,        ///< that of the first input
    q15,         ///< int16 Q0.15
    unit,        ///< known range [-1, 1] or [0, 1], chosen by the operator's `fixed_format`
    real,        ///< float32
  };
  Kind kind = Kind::none;
  OutputFormat output = OutputFormat::calibrated;
  int data_inputs = 1;  ///< the first inputs are data, the rest parameters; or kAllInputs
  bool reads_integers = false;
  /// Smallest number of axes of an input row without steps and batch: 2 for images as [channels, width].
  int row_axes = 0;
  /// Why the node computes in float32 whatever is asked, "" where it need not (functions without fixed bits).
  std::string stays_float;
  std::function<std::vector<NamedArray>(const LowerCall&)> lower;           ///< empty: no constants
  std::function<std::unique_ptr<IntegerNode>(const PrepareCall&)> prepare;  ///< empty for passthrough and last_step
  TensorFormat fixed_format;                                                ///< for OutputFormat::unit
  /// Largest magnitude of the hidden state (an LSTM's cell) that float32 inputs and parameters give; for state_top.
  std::function<double(const Attributes&, std::span<const Array>)> state_range;
  /// Largest error against the float operator on the row's samples, in steps of the output (int8 in and out).
  double error_steps = 1;
};

/// How many of `inputs` are data.
inline int data_input_count(const IntegerForm& form, size_t inputs) {
  return form.data_inputs == kAllInputs ? static_cast<int>(inputs) : form.data_inputs;
}

}  // namespace quantick
