#include "quantick/cli/version.h"

namespace quantick::cli {

// QTK_COMMIT comes from CMake (" (1a2b3c4)" or ""), for this file alone: a new commit rebuilds nothing else.
std::string_view code_version() { return QTK_VERSION QTK_COMMIT; }

}  // namespace quantick::cli
