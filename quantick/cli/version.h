#pragma once
#include <string_view>

namespace quantick::cli {

/// Version and, where it was built from a git checkout, the commit: "0.1.0 (1a2b3c4)".
std::string_view code_version();

}  // namespace quantick::cli
