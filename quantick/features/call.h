#pragma once
// The text form of features: `momentum(20, skip=5)`, `rank(return(5))`. Parsed into calls, whose arguments are bound to
// a struct with a field list.
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"

namespace quantick::features {

struct Argument;

/// name(argument, key=argument, ...)
struct Call {
  std::string text;  // as written, for messages
  std::string name;
  std::vector<Argument> arguments;
};

/// A literal, or a call (then `call` holds one element).
struct Argument {
  std::string key;  // "" where positional
  std::string literal;
  std::vector<Call> call;
};

/// Throws ParseError that names the text and the place.
Call parse_call(std::string_view text);

/// A literal as a number. Throws ValueError that names the call and the parameter.
int64_t integer_argument(const Call& call, std::string_view parameter, const std::string& literal);

/// Finds the literal that belongs to parameter number `position` called `name`; nullptr where the default holds.
const std::string* argument_for(const Call& call, size_t position, std::string_view name);

/// Throws ValueError for more arguments than parameters, unknown or repeated keys, and calls in the place of a literal.
void check_arguments(const Call& call, const std::vector<std::string>& parameters);

/// The arguments as a P, whose members are int64_t or std::string. `call` must hold literals only.
template <HasFields P>
P bind_arguments(const Call& call) {
  check_arguments(call, field_names<P>());
  P parameters;
  size_t position = 0;
  for_each_field(parameters, [&](std::string_view name, auto& member, std::string_view) {
    using Member = std::remove_cvref_t<decltype(member)>;
    static_assert(std::same_as<Member, int64_t> || std::same_as<Member, std::string>);
    const std::string* literal = argument_for(call, position++, name);
    if (literal == nullptr) return;
    if constexpr (std::same_as<Member, int64_t>) {
      member = integer_argument(call, name, *literal);
    } else {
      member = *literal;
    }
  });
  return parameters;
}

/// Canonical text: every parameter by position; a word that has its default is left out at the end.
template <HasFields P>
std::string canonical_name(std::string_view name, const P& parameters) {
  const P defaults;
  std::vector<std::string> texts, usual;
  size_t numbers = 0;  // up to the last number
  for_each_field(parameters, [&](std::string_view, const auto& member, std::string_view) {
    texts.push_back(fmt::format("{}", member));
    if constexpr (std::same_as<std::remove_cvref_t<decltype(member)>, int64_t>) numbers = texts.size();
  });
  for_each_field(defaults, [&](std::string_view, const auto& member, std::string_view) {
    usual.push_back(fmt::format("{}", member));
  });
  size_t count = texts.size();
  while (count > numbers && texts[count - 1] == usual[count - 1]) --count;
  std::string text(name);
  text += '(';
  for (size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + texts[i];
  return text + ")";
}

}  // namespace quantick::features
