#pragma once
// Field lists: a struct names its members once, and JSON, YAML, attributes and bindings are derived from that.
//
//   struct Options {
//     int64_t units = 1;
//     static constexpr auto fields() { return std::make_tuple(field("units", &Options::units, "output width")); }
//   };
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace quantick {

template <class Struct, class Member>
struct Field {
  std::string_view name;
  Member Struct::*member;
  std::string_view doc;
};

template <class Struct, class Member>
constexpr Field<Struct, Member> field(std::string_view name, Member Struct::*member, std::string_view doc = "") {
  return {name, member, doc};
}

template <class T>
concept HasFields = requires {
  std::remove_cvref_t<T>::fields();
};

/// Calls visit(name, member reference, doc) for each field of `object`, in the order of the list.
template <HasFields T, class Visit>
constexpr void for_each_field(T&& object, Visit&& visit) {
  std::apply([&](const auto&... entry) { (visit(entry.name, object.*entry.member, entry.doc), ...); },
             std::remove_cvref_t<T>::fields());
}

/// Names of the fields of T.
template <HasFields T>
std::vector<std::string> field_names() {
  std::vector<std::string> names;
  std::apply([&](const auto&... entry) { (names.emplace_back(entry.name), ...); }, T::fields());
  return names;
}

/// The candidate with the smallest edit distance to `name`, or "" where none is near: a third of its length, at
/// least 1.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

}  // namespace quantick
