#pragma once
// Structs with field lists (core/fields.h) from keyword arguments and back, and their Python signatures: a new field
// needs no edit here.
//
//   const Signature fit("fit", arguments_of<FitOptions>());
//   m.def("fit", [](const nb::args& a, const nb::kwargs& k) { ... from_keywords<FitOptions>(fit.bind(a, k), "fit") ...
//   },
//         nb::sig(fit.text("fit", "None").c_str()), fit.doc("Trains a network.").c_str());
#include <fmt/format.h>
#include <nanobind/nanobind.h>

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"

namespace quantick::python {

/// Throws TypeError: "[fit] epochs, was a str, expected a whole number".
[[noreturn]] void refuse_type(std::string_view who, std::string_view name, nanobind::handle value,
                              std::string_view expected);

void read_value(nanobind::handle value, bool& out, std::string_view who, std::string_view name);
void read_value(nanobind::handle value, int64_t& out, std::string_view who, std::string_view name);
/// Throws ValueError below 0.
void read_value(nanobind::handle value, uint64_t& out, std::string_view who, std::string_view name);
void read_value(nanobind::handle value, double& out, std::string_view who, std::string_view name);
/// A text, or a path (os.PathLike).
void read_value(nanobind::handle value, std::string& out, std::string_view who, std::string_view name);

template <class T>
void read_value(nanobind::handle value, std::optional<T>& out, std::string_view who, std::string_view name);
/// A sequence; a single value is a sequence of one, as in run files.
template <class T>
void read_value(nanobind::handle value, std::vector<T>& out, std::string_view who, std::string_view name);
/// A dict of the fields' names; fields that it leaves out keep their values.
template <HasFields T>
void read_value(nanobind::handle value, T& out, std::string_view who, std::string_view name);
/// Smaller whole numbers, and everything else that has a caster.
template <class T>
void read_value(nanobind::handle value, T& out, std::string_view who, std::string_view name);

/// Whether `value` is a list, a tuple or another sequence that is no text.
bool is_sequence(nanobind::handle value);
/// Throws TypeError that gives the nearest of the names.
[[noreturn]] void refuse_name(std::string_view who, std::string_view name, const std::vector<std::string>& names);

template <class T>
void read_value(nanobind::handle value, std::optional<T>& out, std::string_view who, std::string_view name) {
  if (value.is_none()) return out.reset();
  read_value(value, out.emplace(), who, name);
}

template <class T>
void read_value(nanobind::handle value, std::vector<T>& out, std::string_view who, std::string_view name) {
  out.clear();
  const auto add = [&](nanobind::handle item, const std::string& where) {
    T element{};
    read_value(item, element, who, where);
    out.push_back(std::move(element));
  };
  if (!is_sequence(value)) return add(value, std::string(name));
  for (nanobind::handle item : value) add(item, fmt::format("{}[{}]", name, out.size()));
}

template <HasFields T>
void read_value(nanobind::handle value, T& out, std::string_view who, std::string_view name) {
  if (!nanobind::isinstance<nanobind::dict>(value)) refuse_type(who, name, value, "a dict");
  for (auto [key, item] : nanobind::borrow<nanobind::dict>(value)) {
    const auto wanted = nanobind::cast<std::string>(nanobind::str(key));
    const std::string path = name.empty() ? wanted : fmt::format("{}.{}", name, wanted);
    bool known = false;
    for_each_field(out, [&](std::string_view field, auto& member, std::string_view) {
      if (field != wanted) return;
      known = true;
      if (!item.is_none()) read_value(item, member, who, path);
    });
    if (!known) refuse_name(who, path, field_names<T>());
  }
}

template <class T>
void read_value(nanobind::handle value, T& out, std::string_view who, std::string_view name) {
  if constexpr (std::integral<T>) {
    int64_t wide = 0;
    read_value(value, wide, who, name);
    QTK_CHECK(std::in_range<T>(wide), ValueError, "[{}] {}, was {}, expected a number that fits {} bits", who, name,
              wide, 8 * sizeof(T));
    out = static_cast<T>(wide);
  } else if constexpr (std::floating_point<T>) {
    double wide = 0;
    read_value(value, wide, who, name);
    out = static_cast<T>(wide);
  } else if (!nanobind::try_cast(value, out)) {
    refuse_type(who, name, value, "another type");
  }
}

/// T's defaults, or `defaults`, overwritten by the values; None keeps the default. Throws TypeError for unknown names
/// and for wrong types; `who` stands in brackets.
template <HasFields T>
T from_keywords(const nanobind::dict& values, std::string_view who, T defaults = {}) {
  read_value(values, defaults, who, "");
  return defaults;
}

namespace detail {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

}  // namespace detail

/// Plain Python values: a struct with fields as a dict, vectors as lists.
template <class T>
nanobind::object python_value(const T& value) {
  if constexpr (HasFields<T>) {
    nanobind::dict out;
    for_each_field(value, [&](std::string_view name, const auto& member, std::string_view) {
      out[nanobind::str(name.data(), name.size())] = python_value(member);
    });
    return out;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return nanobind::str(value.data(), value.size());
  } else if constexpr (detail::IsOptional<T>::value) {
    return value ? python_value(*value) : nanobind::none();
  } else if constexpr (detail::IsVector<T>::value) {
    nanobind::list out;
    for (const auto& item : value) out.append(python_value(item));
    return out;
  } else {
    return nanobind::cast(value);
  }
}

/// An argument of a Python call as its signature shows it.
struct Argument {
  std::string name;
  std::string type;           ///< annotation
  std::string default_value;  ///< Python text; "": the argument is required
  std::string doc;
};

/// The annotation of a value that read_value takes.
template <class T>
std::string annotation_of() {
  if constexpr (std::is_same_v<T, bool>) return "bool";
  if constexpr (std::integral<T>) return "int";
  if constexpr (std::floating_point<T>) return "float";
  if constexpr (std::is_same_v<T, std::string>) return "str";
  if constexpr (HasFields<T>) return "dict[str, typing.Any]";
  if constexpr (detail::IsOptional<T>::value) return annotation_of<typename T::value_type>();
  if constexpr (detail::IsVector<T>::value) {
    const std::string item = annotation_of<typename T::value_type>();
    return item + " | collections.abc.Sequence[" + item + "]";
  }
  return "typing.Any";
}

/// Arguments by a field list, with the values of `defaults`. An empty text, list or optional shows as None.
template <HasFields T>
std::vector<Argument> arguments_of(const T& defaults = {}) {
  std::vector<Argument> out;
  for_each_field(defaults, [&](std::string_view name, const auto& member, std::string_view doc) {
    using Member = std::remove_cvref_t<decltype(member)>;
    std::string type = annotation_of<Member>(), text = "None";
    if constexpr (std::is_same_v<Member, bool>)
      text = member ? "True" : "False";
    else if constexpr (std::integral<Member> || std::floating_point<Member>)
      text = fmt::format("{}", member);
    else if constexpr (std::is_same_v<Member, std::string>)
      text = member.empty() ? "None" : "'" + member + "'";
    else if constexpr (detail::IsVector<Member>::value && std::is_same_v<Member, std::vector<int64_t>>)
      if (!member.empty())
        text = member.size() == 1 ? fmt::format("{}", member[0]) : fmt::format("({})", fmt::join(member, ", "));
    if (text == "None" && type != "typing.Any") type += " | None";
    out.push_back({std::string(name), std::move(type), std::move(text), std::string(doc)});
  });
  return out;
}

/// Arguments of a Python call in their order: binds them as Python does, and writes signature and docstring.
class Signature {
 public:
  /// `who` stands in brackets in errors.
  Signature(std::string who, std::vector<Argument> arguments);

  /// This order for the named arguments, the others behind them. The names must be there.
  Signature& order(std::initializer_list<std::string_view> names);
  /// Values by name; what was left out or is None is not among them. Throws TypeError for unknown names (with the
  /// nearest one), names given twice, too many values, and required arguments that are missing.
  nanobind::dict bind(const nanobind::args& values, const nanobind::kwargs& keywords) const;
  const std::string& who() const { return who_; }
  const std::vector<Argument>& arguments() const { return arguments_; }
  /// "def name(first, units: int, activation: str | None = None) -> result"; `first` is "self" for methods.
  std::string text(std::string_view name, std::string_view result, std::string_view first = "") const;
  /// The summary, and a line for each argument.
  std::string doc(std::string_view summary) const;

 private:
  std::string who_;
  std::vector<Argument> arguments_;
};

}  // namespace quantick::python
