#pragma once
// A YAML document as a plain tree that remembers where everything stood, and the reading of structs with field lists
// from it. Every unknown key and wrong value is an error with file, line, key and, where there is one, the nearest
// known key.
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"

namespace quantick::cli {

struct ConfigNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string scalar;
  std::vector<ConfigNode> items;
  std::vector<std::pair<std::string, ConfigNode>> entries;
  std::string file;
  std::string path;  ///< "model.kwargs.hidden_size"
  int line = 0;      ///< 1-based

  /// The entry of a map, or nullptr.
  const ConfigNode* find(std::string_view key) const;
};

/// Parses YAML. Throws ParseError with file and line; duplicate keys are refused.
ConfigNode parse_config(const std::string& text, const std::string& file);

/// "us_daily.yaml:12: label.horizon, was "x", expected an integer".
[[noreturn]] void refuse_node(const ConfigNode& node, std::string_view expected);
/// For keys that no field bears. `known` are the names that would do.
[[noreturn]] void refuse_key(const ConfigNode& node, const std::string& key, const std::vector<std::string>& known);

/// A class by name with its arguments, as Qlib writes it: {class: Adam, kwargs: {learning_rate: 0.001}}.
struct ClassConfig {
  std::string name;
  ConfigNode kwargs;  ///< a map, possibly empty
  ConfigNode node;    ///< where the class itself stands
};

void read_node(const ConfigNode& node, bool& value);
void read_node(const ConfigNode& node, int64_t& value);
void read_node(const ConfigNode& node, uint64_t& value);
void read_node(const ConfigNode& node, double& value);
void read_node(const ConfigNode& node, std::string& value);
void read_node(const ConfigNode& node, ClassConfig& value);

template <class T>
void read_node(const ConfigNode& node, std::vector<T>& value);
template <class T>
void read_node(const ConfigNode& node, std::optional<T>& value);

/// Fills the fields that the map names; the others keep their values.
template <HasFields T>
void read_node(const ConfigNode& node, T& value) {
  if (node.kind == ConfigNode::Kind::null) return;
  if (node.kind != ConfigNode::Kind::map) refuse_node(node, "a map of keys and values");
  for (const auto& [key, child] : node.entries) {
    bool known = false;
    for_each_field(value, [&](std::string_view name, auto& member, std::string_view) {
      if (name != key) return;
      known = true;
      read_node(child, member);
    });
    if (!known) refuse_key(child, key, field_names<T>());
  }
}

template <class T>
void read_node(const ConfigNode& node, std::vector<T>& value) {
  if (node.kind == ConfigNode::Kind::map || node.kind == ConfigNode::Kind::null) refuse_node(node, "a list");
  value.clear();
  if (node.kind == ConfigNode::Kind::scalar) return read_node(node, value.emplace_back());
  for (const ConfigNode& item : node.items) {
    T element{};
    read_node(item, element);
    value.push_back(std::move(element));
  }
}

template <class T>
void read_node(const ConfigNode& node, std::optional<T>& value) {
  if (node.kind == ConfigNode::Kind::null) return value.reset();
  read_node(node, value.emplace());
}

}  // namespace quantick::cli
