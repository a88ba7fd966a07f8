#pragma once
// Every environment switch stands in one table; `quantick env` prints it.
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace quantick {

struct EnvironmentSwitch {
  std::string_view name;
  std::string_view accepted;
  std::string_view meaning;
};

/// All switches that any room reads.
std::span<const EnvironmentSwitch> environment_switches();

/// Value of a switch of the table, or nothing where it is unset or empty. Throws InvariantError for an unlisted name.
std::optional<std::string> environment(std::string_view name);

}  // namespace quantick
