#pragma once
// The registry as a table, for `quantick ops`.
#include <string>

namespace quantick {

std::string operators_markdown();

}  // namespace quantick
