#pragma once
// Reverse-mode differentiation of operator calls, in the Gluon manner:
//
//   w.attach_grad();
//   { autograd::Record record; loss = mean(square(dense(x, w, b) - y)); }
//   autograd::backward(loss);          // w.grad() now holds d loss / d w
//
// Only operator calls are seen. Array's member functions that make views (x.reshape(...)) are not operators: use
// quantick::reshape(x, ...) inside a record; a view of a recorded array that enters an operator is refused by name.
#include <functional>
#include <span>

#include "quantick/ops/operator.h"

namespace quantick::autograd {

/// Records operator calls of this thread on a tape for the lifetime of the object. Scopes nest: an inner one continues
/// the tape of the outer one.
class Record {
 public:
  /// `train_mode` sets is_training(), which dropout reads.
  explicit Record(bool train_mode = true);
  ~Record();
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;

 private:
  bool outer_recording_, outer_training_;
};

/// Stops recording for a scope.
class Pause {
 public:
  explicit Pause(bool train_mode = false);
  ~Pause();
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  bool outer_recording_, outer_training_;
};

/// Sets is_training() for a scope; whether calls are recorded stays as it is.
class TrainingMode {
 public:
  explicit TrainingMode(bool train_mode);
  ~TrainingMode();
  TrainingMode(const TrainingMode&) = delete;
  TrainingMode& operator=(const TrainingMode&) = delete;

 private:
  bool outer_;
};

bool is_recording();
bool is_training();

/// Whether the tape that is being recorded needs the array's values: it has a gradient attached, or is a result of
/// recorded calls, or shares memory with such. Writing into it would spoil gradients.
bool is_recorded(const Array& array);

/// Puts a call on the tape that no operator made: `gradient` gives gradients by input from those of the outputs. Does
/// nothing where nothing is recorded, or no input leads to a variable.
void record_call(std::span<const Array> inputs, std::span<const Array> outputs,
                 std::function<Arrays(std::span<const Array>)> gradient);

/// Gradients of a scalar (or of sum(head * head_gradient)) by every array with an attached gradient that it depends on;
/// they replace the arrays' grad(), or are added to it (Array::grad_adds). The tape is freed. Throws ValueError where
/// `head` was not recorded, or has more than one element and no head_gradient.
void backward(const Array& head, const Array& head_gradient = {});

/// The same for the sum of several heads; `head_gradients` is empty, or one per head (undefined: ones). `retain_tape`
/// keeps the tape for another call.
void backward(std::span<const Array> heads, std::span<const Array> head_gradients, bool retain_tape);

/// The same, returned in the order of `variables` (zeros where the head does not depend on one); attached gradients
/// stay as they are. `retain_tape` keeps the tape for another call.
Arrays gradients(const Array& head, std::span<const Array> variables, const Array& head_gradient = {},
                 bool retain_tape = false);
Arrays gradients(std::span<const Array> heads, std::span<const Array> variables, std::span<const Array> head_gradients,
                 bool retain_tape);

/// Largest deviation of the recorded gradient of f (scalar, float64 inputs) from central finite differences, relative
/// to max(1, |gradient|). For tests.
double finite_difference_error(const std::function<Array(std::span<const Array>)>& f, std::span<const Array> inputs,
                               double step = 1e-5);

}  // namespace quantick::autograd
