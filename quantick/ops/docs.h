#pragma once
// The registry as a table, for `quantick ops` and docs/operators.md.
#include <string>

namespace quantick {

std::string operators_markdown();

}  // namespace quantick
