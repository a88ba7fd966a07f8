#pragma once
// Golden cases of operators, run by the node that programs run.
#include <vector>

#include "quantick/core/cpu.h"
#include "quantick/runtime/golden_case.h"

namespace quantick::runtime {

/// How a case is cut into calls.
enum class GoldenForm {
  window,  ///< everything at once
  steps,   ///< step by step, the state carried
  rows,    ///< each row of the batch by itself
};

/// The forms that the operator and the case have.
std::vector<GoldenForm> golden_forms(const GoldenOperator& c);

/// The case itself and, with any_width, the same with its 8-bit input in 16 bits.
std::vector<GoldenOperator> golden_widths(const GoldenOperator& c);

/// The output's codes; those of the case are not read. Throws the node's own errors for constants and formats that do
/// not fit.
std::vector<int64_t> run_golden(const GoldenOperator& c, GoldenForm form, Isa isa);

}  // namespace quantick::runtime
