#pragma once
// No output may depend on later steps or on the other rows of its batch (docs/numerics.md, section 7).
#include <cstdint>

#include "quantick/runtime/session.h"

namespace quantick::runtime {

struct CausalityResult {
  int64_t compared = 0;          ///< output values
  int64_t later_step = 0;        ///< of them, changed by another last step
  int64_t batch_companions = 0;  ///< of them, changed by other rows in the batch
  bool causal() const { return later_step == 0 && batch_companions == 0; }
};

/// Runs the program on x [steps, batch, features], then with its last step changed, then with all rows but one changed,
/// and counts the outputs whose bits moved although they must not. Where the output is the frame of the last step there
/// is no earlier output, and only the batch companions are checked. Random changes come from `seed`.
CausalityResult check_causality(const Session& session, const Array& x, uint64_t seed = 1);

}  // namespace quantick::runtime
