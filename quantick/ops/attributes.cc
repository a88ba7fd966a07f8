#include "quantick/ops/attributes.h"

#include <fmt/format.h>

namespace quantick {

std::string attribute_text(const AttributeValue& value) {
  return std::visit(
      [](const auto& v) -> std::string {
        using T = std::remove_cvref_t<decltype(v)>;
        if constexpr (std::is_same_v<T, bool>) return v ? "true" : "false";
        if constexpr (std::is_same_v<T, std::string>) return "\"" + v + "\"";
        if constexpr (std::is_same_v<T, std::vector<int64_t>>) return fmt::format("[{}]", fmt::join(v, ", "));
        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) return fmt::format("{}", v);
      },
      value);
}

}  // namespace quantick
