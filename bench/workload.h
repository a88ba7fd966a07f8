#pragma once
// The networks that are timed: names and shapes used by the trading industry, with random weights of our own. Nothing
// here is an audited industry result.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "quantick/nn/block.h"

namespace quantick::bench {

enum class Kind { lstm, convolution, dense, book };
/// "lstm", "convolution", "dense", "book".
std::string kind_name(Kind kind);

/// One row of the list of workloads.
struct WorkloadSpec {
  std::string name;
  Kind kind = Kind::lstm;
  int64_t columns = 0;  ///< features of a step
  int64_t window = 1;   ///< steps of a whole window; 1: the network has no steps
  int64_t rows = 1;     ///< that a step computes together
  int64_t layers = 0;   ///< of an LSTM, of convolutions
  int64_t width = 0;    ///< of each
  int64_t outputs = 0;
  int64_t batch = 256;   ///< windows of the batch path
  int64_t checked = 32;  ///< windows whose error is measured
};
const std::vector<WorkloadSpec>& workload_specs();
/// Throws ValueError that lists the names.
const WorkloadSpec& workload_spec(const std::string& name);

/// A layer's float32 weights, row-major, for contenders that are not made from a Block.
struct LstmWeights {
  int64_t inputs = 0, units = 0;
  std::vector<float> wx;    ///< [4 units, inputs], gates i, f, g, o
  std::vector<float> wh;    ///< [4 units, units]
  std::vector<float> bias;  ///< [4 units]
};
struct DenseWeights {
  int64_t inputs = 0, units = 0;
  std::vector<float> weight;  ///< [units, inputs]
  std::vector<float> bias;
  bool relu = false;
};

struct Workload {
  WorkloadSpec spec;
  std::unique_ptr<nn::Block> net;
  Array calibration;     ///< [steps, rows, columns], or [rows, columns] without steps
  Array windows;         ///< of the same form, other values: what errors are measured on
  std::vector<float> x;  ///< steps of `spec.rows` rows each, one after the other, for the step paths
  std::vector<LstmWeights> lstm;
  std::vector<DenseWeights> dense;

  int64_t step_size() const { return spec.rows * spec.columns; }
  int64_t steps() const { return static_cast<int64_t>(x.size()) / step_size(); }
};

/// Initialized, gates of unequal size, with its data. The same on every machine.
Workload make_workload(const WorkloadSpec& spec);

/// The float64 network on workload.windows, [rows, outputs].
Array truth_of(const Workload& workload);

/// The same network with new parameters, for those who need no data.
std::unique_ptr<nn::Block> make_net(const WorkloadSpec& spec);

/// Features that remember: each column is an autoregression of order one with variance 1. Frames where `window` is 1.
Array random_walks(const WorkloadSpec& spec, int64_t rows, const Key& key);

}  // namespace quantick::bench
