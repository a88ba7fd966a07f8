#pragma once
// The fixed-bits form of operators that work element by element (docs/numerics.md, section 9): operands of
// any formats become float32, the function follows, the result takes the output's format.
// Operands broadcast over channels, not over steps or batch. An operand may be a constant; it stays float32.
#include <functional>
#include <memory>
#include <string_view>

#include "quantick/ops/integer_form.h"

namespace quantick {

/// y[i] of x[0][i], x[1][i], ...; y may be one of them.
using ElementFunction = std::function<void(const float* const* x, int64_t n, float* y)>;

/// Constants "operand0", "operand1", ... of the operator's inputs that the call has as parameters instead of data:
/// parameters hold one entry per input of the operator, undefined for data. float32, leading axes removed.
/// Throws UnsupportedError for a constant that varies over steps or batch.
std::vector<NamedArray> constant_operands(const LowerCall& call, std::string_view who);

/// Whether every operand is data in integers, all of the same channels, and the output is in integers.
bool all_integers(const LowerCall& call);

/// Throws UnsupportedError where operands do not broadcast to the output's channels.
std::unique_ptr<IntegerNode> make_element_node(const PrepareCall& call, std::string_view who, ElementFunction function);

/// The form of an operator of so many operands. `who` must outlive it (a literal).
IntegerForm element_form(std::string_view who, int operands, ElementFunction function);

}  // namespace quantick
