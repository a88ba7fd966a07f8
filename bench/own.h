#pragma once
// Quantick's own contenders: one float network, quantized in several ways, run as a user runs it.
#include <memory>
#include <string>
#include <vector>

#include "bench/measurement.h"
#include "bench/workload.h"
#include "quantick/runtime/session.h"
#include "quantick/runtime/stream.h"

namespace quantick::bench {

/// A workload as a program of ours.
struct OwnProgram {
  std::string contender;  ///< int8, int8_h8, int4, bf16 or f32
  runtime::Program program;
};

/// int8 is the contract: 8-bit weights, hidden states of 16 bits. int8_h8 has hidden states of 8 bits where the
/// recurrent product reads them (LSTM alone), int4 4-bit weights, bf16 and f32 float32 arithmetic.
OwnProgram own_program(Workload& workload, const std::string& contender);
/// Those that the workload has.
std::vector<std::string> own_contenders(const WorkloadSpec& spec);

/// What one row of a step reads and multiplies: weights of all nodes, or of those that wait for the newest features.
Work step_work(const runtime::Program& program);
Work event_work(const runtime::Program& program);
/// One whole window: recurrent weights once a step, layer by layer, and all products.
Work window_work(const runtime::Program& program, int64_t steps, int64_t rows);

class OwnStepper final : public Stepper {
 public:
  OwnStepper(const runtime::Program& program, const WorkloadSpec& spec);
  void reset() override { stream_.reset(); }
  void prepare() override { stream_.prepare(); }
  /// Throws InvariantError where a step fails.
  void step(const float* features, float* out) override;
  runtime::Stream& stream() { return stream_; }

 private:
  runtime::Stream stream_;
  size_t in_, out_;
};

}  // namespace quantick::bench
