#include "quantick/core/env.h"

#include <array>
#include <cstdlib>

#include "quantick/core/error.h"

namespace quantick {
namespace {
constexpr std::array kSwitches{
    EnvironmentSwitch{"QTK_ISA", "scalar | avx2 | avxvnni | avx512vnni", "forces the instruction set of all kernels"},
    EnvironmentSwitch{"QTK_THREADS", "1..256", "number of threads; results do not depend on it"},
    EnvironmentSwitch{"QTK_LOG", "error | warning | info | debug", "least severe message that the command line prints"},
    EnvironmentSwitch{"QTK_CACHE", "a folder", "where downloaded example data is kept (default .cache)"},
};
}

std::span<const EnvironmentSwitch> environment_switches() { return kSwitches; }

std::optional<std::string> environment(std::string_view name) {
  for (const auto& entry : kSwitches) {
    if (entry.name != name) continue;
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  }
  fail<InvariantError>("Invariant: environment switch {} is not in the table", name);
}

}  // namespace quantick
