#pragma once
// The report's style sheet and its small optional script, as text to be put inline.
#include <string_view>

namespace quantick::report {

std::string_view style_sheet();
std::string_view script();

}  // namespace quantick::report
