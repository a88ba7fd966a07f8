#pragma once
// Attention in fixed-bits programs (docs/numerics.md, section 7).
#include <memory>
#include <string_view>

#include "quantick/ops/attention/attention_layer.h"
#include "quantick/ops/integer_form.h"

namespace quantick {

/// The integer form where q, k and v are integers, else float32. `sizes` without steps and batch: with time_major, rows
/// is 1 and queries and keys are unknown (0); the node carries the last `context` keys and values of each batch row
/// where sizes.causal is set, and needs all steps at once where it is not. Else a batch row holds sizes.rows rows.
std::unique_ptr<IntegerNode> make_attention_node(const PrepareCall& call, const AttentionSizes& sizes,
                                                 std::string_view who);

}  // namespace quantick
