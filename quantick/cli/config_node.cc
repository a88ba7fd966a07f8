#include "quantick/cli/config_node.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>

namespace quantick::cli {
namespace {

/// More than any run file has; aliases of aliases would grow without end.
constexpr int kMostNodes = 100'000;

ConfigNode convert(const YAML::Node& node, const std::string& file, const std::string& path, int key_line, int& count) {
  QTK_CHECK(++count <= kMostNodes, ParseError, "{}:{}: the document has more than {} values", file, key_line,
            kMostNodes);
  ConfigNode out;
  out.file = file;
  out.path = path;
  out.line = node.Mark().line >= 0 ? node.Mark().line + 1 : key_line;
  if (node.IsScalar()) {
    out.kind = ConfigNode::Kind::scalar;
    out.scalar = node.Scalar();
  } else if (node.IsSequence()) {
    out.kind = ConfigNode::Kind::list;
    for (size_t i = 0; i < node.size(); ++i)
      out.items.push_back(convert(node[i], file, fmt::format("{}[{}]", path, i), out.line, count));
  } else if (node.IsMap()) {
    out.kind = ConfigNode::Kind::map;
    for (const auto& entry : node) {
      const auto key = entry.first.Scalar();
      const int line = entry.first.Mark().line + 1;
      QTK_CHECK(out.find(key) == nullptr, ParseError, "{}:{}: key \"{}\" stands twice", file, line, key);
      out.entries.emplace_back(key, convert(entry.second, file, path.empty() ? key : path + "." + key, line, count));
    }
  }
  return out;
}

template <class Number>
bool parse_number(const std::string& text, Number& value) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

const std::string& scalar_of(const ConfigNode& node, std::string_view expected) {
  if (node.kind != ConfigNode::Kind::scalar) refuse_node(node, expected);
  return node.scalar;
}

}  // namespace

const ConfigNode* ConfigNode::find(std::string_view key) const {
  for (const auto& [name, child] : entries)
    if (name == key) return &child;
  return nullptr;
}

ConfigNode parse_config(const std::string& text, const std::string& file) {
  try {
    int count = 0;
    return convert(YAML::Load(text), file, "", 1, count);
  } catch (const YAML::Exception& error) {
    fail<ParseError>("{}:{}: not valid YAML: {}", file, error.mark.line + 1, error.msg);
  }
}

void refuse_node(const ConfigNode& node, std::string_view expected) {
  constexpr std::string_view kinds[] = {"nothing", "", "a list", "a map"};
  const std::string was = node.kind == ConfigNode::Kind::scalar ? fmt::format("\"{}\"", node.scalar)
                                                                : std::string(kinds[static_cast<size_t>(node.kind)]);
  fail<ParseError>("{}:{}: {}, was {}, expected {}", node.file, node.line,
                   node.path.empty() ? "the document" : node.path, was, expected);
}

void refuse_key(const ConfigNode& node, const std::string& key, const std::vector<std::string>& known) {
  const std::string near = nearest_name(key, known);
  fail<ParseError>("{}:{}: unknown key \"{}\" ({}){}; known here: {}", node.file, node.line, key, node.path,
                   near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near), fmt::join(known, ", "));
}

void read_node(const ConfigNode& node, bool& value) {
  const std::string& text = scalar_of(node, "true or false");
  if (text != "true" && text != "false") refuse_node(node, "true or false");
  value = text == "true";
}

void read_node(const ConfigNode& node, int64_t& value) {
  if (!parse_number(scalar_of(node, "an integer"), value)) refuse_node(node, "an integer");
}

void read_node(const ConfigNode& node, uint64_t& value) {
  if (!parse_number(scalar_of(node, "an integer, 0 or more"), value)) refuse_node(node, "an integer, 0 or more");
}

void read_node(const ConfigNode& node, double& value) {
  if (!parse_number(scalar_of(node, "a number"), value) || !std::isfinite(value)) refuse_node(node, "a finite number");
}

void read_node(const ConfigNode& node, std::string& value) { value = scalar_of(node, "a text"); }

void read_node(const ConfigNode& node, ClassConfig& value) {
  if (node.kind != ConfigNode::Kind::map) refuse_node(node, "{class: NAME, kwargs: {...}}");
  value.node = node;
  value.kwargs = {};
  bool named = false;
  for (const auto& [key, child] : node.entries) {
    if (key == "class") {
      read_node(child, value.name);
      value.node = child;
      named = true;
    } else if (key == "kwargs") {
      if (child.kind != ConfigNode::Kind::map && child.kind != ConfigNode::Kind::null)
        refuse_node(child, "a map of arguments");
      value.kwargs = child;
    } else {
      refuse_key(child, key, {"class", "kwargs"});
    }
  }
  if (!named) refuse_node(node, "a key \"class\"");
}

}  // namespace quantick::cli
