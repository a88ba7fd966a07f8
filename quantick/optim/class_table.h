#pragma once
// Classes by name with keyword arguments, for `class: AdamW, kwargs: {...}` of a configuration.
#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"
#include "quantick/ops/attributes.h"

namespace quantick::optim {

template <class Base>
struct ClassEntry {
  std::string name;
  std::vector<std::string> keywords;
  std::function<std::unique_ptr<Base>(const Attributes&)> make;
};

/// `Class` is built from its options struct.
template <class Base, class Class, HasFields Options>
ClassEntry<Base> class_entry(const std::string& name) {
  return {name, field_names<Options>(), [name](const Attributes& kwargs) -> std::unique_ptr<Base> {
            return std::make_unique<Class>(from_attributes<Options>(kwargs, name));
          }};
}

template <class Base>
class ClassTable {
 public:
  ClassTable(std::string_view what, std::vector<ClassEntry<Base>> entries)
      : what_(what), entries_(std::move(entries)) {}

  /// Throws ValueError with the nearest class or keyword.
  std::unique_ptr<Base> make(std::string_view name, const Attributes& kwargs) const {
    for (const auto& entry : entries_)
      if (entry.name == name) return entry.make(kwargs);
    const std::string near = nearest_name(name, names());
    fail<ValueError>("[optim] {}, was {}, expected one of {}{}", what_, name, fmt::join(names(), ", "),
                     near.empty() ? "" : "; did you mean " + near + "?");
  }

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : entries_) out.push_back(entry.name);
    return out;
  }

 private:
  std::string what_;
  std::vector<ClassEntry<Base>> entries_;
};

}  // namespace quantick::optim
