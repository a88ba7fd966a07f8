#pragma once
// No output may depend on later steps or on the other rows of its batch (docs/numerics.md, section 12). The same check
// for programs and, as a test helper, for any callable: a float network, a feature, a model of one's own.
#include <cstdint>
#include <functional>
#include <string>

#include "quantick/runtime/session.h"

namespace quantick::runtime {

struct CausalityResult {
  int64_t compared = 0;          ///< output values
  int64_t truncated = 0;         ///< of them, changed when the later steps were cut off
  int64_t later_step = 0;        ///< of them, changed by another last step
  int64_t batch_companions = 0;  ///< of them, changed by other rows in the batch
  CausalityResult& operator+=(const CausalityResult& other);
  bool causal() const { return truncated == 0 && later_step == 0 && batch_companions == 0; }
  /// "1,200 values compared: no look-ahead" or what changed by what, for people.
  std::string text() const;
};

struct CausalityOptions {
  bool sequence_in = true;   ///< x is [steps, batch, ...], else [batch, ...]
  bool sequence_out = true;  ///< the same for the output
  uint64_t seed = 1;         ///< of the random changes
};

/// Runs the model on x, then on x cut off after several of its steps, then with its last step changed, then with all
/// rows but one changed, and counts the outputs whose bits moved although they must not. Where the output is the frame
/// of the last step there is no earlier output, and only the batch companions are checked. Throws ShapeError where x
/// has less than 2 steps or 2 rows, and for outputs of another form.
CausalityResult check_causality(const std::function<Array(const Array&)>& model, const Array& x,
                                const CausalityOptions& options = {});

/// The same for a program, on the bits of its output codes.
CausalityResult check_causality(const Session& session, const Array& x, uint64_t seed = 1);

}  // namespace quantick::runtime
