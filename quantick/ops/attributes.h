#pragma once
// Attributes of an operator call in a form that graphs, files and bindings can carry. Operators see their own typed
// struct; the field list (core/fields.h) converts.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"

namespace quantick {

using AttributeValue = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>>;

/// Text of a value: true, 3, 0.5, "name", [1, 2].
std::string attribute_text(const AttributeValue& value);

/// Name-value pairs in the order of the operator's field list.
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

template <HasFields T>
Attributes to_attributes(const T& typed) {
  Attributes out;
  for_each_field(typed, [&](std::string_view name, const auto& member, std::string_view) {
    auto& [key, value] = out.emplace_back();
    key = name;
    value = member;
  });
  return out;
}

/// Defaults of T, overwritten by `values`. Throws ValueError for unknown names and TypeError for wrong types; `who` is
/// the operator's name.
template <HasFields T>
T from_attributes(const Attributes& values, std::string_view who) {
  T typed;
  for (const auto& [key, value] : values) {
    bool known = false;
    for_each_field(typed, [&](std::string_view name, auto& member, std::string_view) {
      if (name != key) return;
      known = true;
      using Member = std::remove_cvref_t<decltype(member)>;
      if (const auto* exact = std::get_if<Member>(&value)) {
        member = *exact;
      } else if (const auto* integer = std::get_if<int64_t>(&value);
                 integer != nullptr && std::is_same_v<Member, double>) {
        if constexpr (std::is_same_v<Member, double>) member = static_cast<double>(*integer);
      } else {
        fail<TypeError>("[{}] attribute {}, was {}, expected another type", who, key, attribute_text(value));
      }
    });
    if (!known) {
      const std::string near = nearest_name(key, field_names<T>());
      fail<ValueError>("[{}] unknown attribute {}{}", who, key, near.empty() ? "" : ", did you mean " + near + "?");
    }
  }
  return typed;
}

}  // namespace quantick
