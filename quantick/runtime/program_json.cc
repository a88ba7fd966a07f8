#include "quantick/runtime/program_json.h"

#include "quantick/runtime/strict_json.h"

namespace quantick::runtime {
namespace {

using nlohmann::json;
using namespace strict_json;

constexpr int64_t kMaxId = (int64_t{1} << 31) - 1;

json attribute_json(const AttributeValue& value) {
  return std::visit(
      [](const auto& v) -> json {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(v)>, double>)
          QTK_CHECK(std::isfinite(v), ValueError, "[model file] an attribute is {}, expected a finite number", v);
        return v;
      },
      value);
}

AttributeValue attribute_value(const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return integer(value, "attribute");
  if (value.is_number_float()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  std::vector<int64_t> list;
  for (const json& entry : array(value, "attribute")) list.push_back(integer(entry, "attribute"));
  return list;
}

json value_json(const ProgramValue& v) {
  return {{"name", v.name},
          {"dtype", dtype_name(v.format.dtype)},
          {"scale", v.format.scale},
          {"zero_point", v.format.zero_point},
          {"narrow_bits", v.format.narrow_bits},
          {"grid", v.format.quantized() ? "" : v.format.name()},
          {"channels", v.channels.to_vector()},
          {"sequence", v.sequence}};
}

ProgramValue read_value(const json& j) {
  check_keys(j, {"name", "dtype", "scale", "zero_point", "narrow_bits", "grid", "channels", "sequence"}, "value");
  ProgramValue v;
  v.name = text(member(j, "name"), "name");
  v.format.dtype = dtype_from_name(text(member(j, "dtype"), "dtype"));
  v.format.scale = float32(member(j, "scale"), "scale");
  v.format.zero_point = static_cast<int32_t>(integer(member(j, "zero_point"), "zero_point", -32768, 32767));
  v.format.narrow_bits = static_cast<int32_t>(integer(member(j, "narrow_bits"), "narrow_bits", 0, 15));
  const std::string grid = text(member(j, "grid"), "grid");
  QTK_CHECK(grid.empty() || grid == "float32" || grid == "bf16" || grid == "fp16", FormatError,
            "[model file] grid of {}, was \"{}\", expected float32, bf16 or fp16", v.name, grid);
  if (grid == "bf16") v.format.grid = FloatGrid::bf16;
  if (grid == "fp16") v.format.grid = FloatGrid::fp16;
  const json& channels = array(member(j, "channels"), "channels");
  QTK_CHECK(channels.size() + 2 <= static_cast<size_t>(Shape::kMaxDims), FormatError,
            "[model file] channels of {}, were {} axes, expected at most {}", v.name, channels.size(),
            Shape::kMaxDims - 2);
  for (const json& extent : channels) v.channels.push_back(integer(extent, "channels", 1, kMaxId));
  v.sequence = boolean(member(j, "sequence"), "sequence");
  return v;
}

json node_json(const ProgramNode& n) {
  json attributes = json::array(), constants = json::array();
  for (const auto& [name, value] : n.attributes) attributes.push_back({name, attribute_json(value)});
  for (const NamedArray& c : n.constants) constants.push_back(c.name);
  json precision = json::object();
  for_each_field(n.precision, [&](std::string_view name, const auto& value, std::string_view) {
    precision[std::string(name)] = value;
  });
  return {{"op", n.op},         {"layer", n.layer},       {"attributes", attributes}, {"inputs", n.inputs},
          {"output", n.output}, {"constants", constants}, {"precision", precision}};
}

void read_field(const json& j, const std::string& name, std::string& value) { value = text(j, name); }
void read_field(const json& j, const std::string& name, bool& value) { value = boolean(j, name); }
void read_field(const json& j, const std::string& name, int64_t& value) { value = integer(j, name); }
void read_field(const json& j, const std::string& name, double& value) {
  QTK_CHECK(j.is_number(), FormatError, "[model file] {} is not a number", name);
  value = j.get<double>();
}
void read_field(const json& j, const std::string& name, std::vector<int64_t>& value) {
  value.clear();
  for (const json& entry : array(j, name)) value.push_back(integer(entry, name));
}

ProgramNode read_node(const json& j, size_t index, const std::function<Array(const std::string&)>& constant) {
  check_keys(j, {"op", "layer", "attributes", "inputs", "output", "constants", "precision"}, "node");
  ProgramNode n;
  n.op = text(member(j, "op"), "op");
  n.layer = text(member(j, "layer"), "layer");
  for (const json& pair : array(member(j, "attributes"), "attributes")) {
    QTK_CHECK(pair.is_array() && pair.size() == 2, FormatError, "[model file] an attribute is not [name, value]");
    n.attributes.emplace_back(text(pair[0], "attribute name"), attribute_value(pair[1]));
  }
  for (const json& id : array(member(j, "inputs"), "inputs"))
    n.inputs.push_back(static_cast<int>(integer(id, "input", 0, kMaxId)));
  n.output = static_cast<int>(integer(member(j, "output"), "output", 0, kMaxId));
  for (const json& entry : array(member(j, "constants"), "constants")) {
    const std::string name = text(entry, "constant");
    n.constants.push_back({name, constant(constant_tensor_name(index, name))});
  }
  const json& precision = member(j, "precision");
  for_each_field(n.precision, [&](std::string_view name, auto& value, std::string_view) {
    read_field(member(precision, std::string(name).c_str()), std::string(name), value);
  });
  QTK_CHECK(precision.size() == field_names<Precision>().size(), FormatError,
            "[model file] precision of a node has an unknown key");
  return n;
}

ProgramInput read_input(const json& j) {
  check_keys(j, {"value", "columns", "missing", "fill"}, "input");
  ProgramInput i;
  i.value = static_cast<int>(integer(member(j, "value"), "input value", 0, kMaxId));
  for (const json& c : array(member(j, "columns"), "columns")) i.columns.push_back(text(c, "column"));
  i.missing = missing_policy_from_name(text(member(j, "missing"), "missing"));
  i.fill = float32(member(j, "fill"), "fill");
  return i;
}

ProgramOutput read_output(const json& j) {
  check_keys(j, {"value", "name"}, "output");
  return {static_cast<int>(integer(member(j, "value"), "output value", 0, kMaxId)), text(member(j, "name"), "name")};
}

}  // namespace

std::string constant_tensor_name(size_t node, std::string_view constant) {
  return fmt::format("{}.{}", node, constant);
}

std::string program_to_json(const Program& program) {
  json j{{"values", json::array()}, {"nodes", json::array()}, {"inputs", json::array()}, {"outputs", json::array()}};
  for (const ProgramValue& v : program.values) j["values"].push_back(value_json(v));
  for (const ProgramNode& n : program.nodes) j["nodes"].push_back(node_json(n));
  for (const ProgramInput& i : program.inputs)
    j["inputs"].push_back(
        {{"value", i.value}, {"columns", i.columns}, {"missing", missing_policy_name(i.missing)}, {"fill", i.fill}});
  for (const ProgramOutput& o : program.outputs) j["outputs"].push_back({{"value", o.value}, {"name", o.name}});
  j["metadata"] = program.metadata;
  try {
    return j.dump();
  } catch (const json::exception& error) {  // a name that is not UTF-8
    fail<ValueError>("[model file] the program's names or metadata cannot be written: {}", error.what());
  }
}

Program program_from_json(std::string_view source, const std::function<Array(const std::string&)>& constant) {
  const json j = parse(source, "program");
  check_keys(j, {"values", "nodes", "inputs", "outputs", "metadata"}, "program");
  Program program;
  for (const json& v : array(member(j, "values"), "values")) program.values.push_back(read_value(v));
  size_t index = 0;
  for (const json& n : array(member(j, "nodes"), "nodes")) program.nodes.push_back(read_node(n, index++, constant));
  for (const json& i : array(member(j, "inputs"), "inputs")) program.inputs.push_back(read_input(i));
  for (const json& o : array(member(j, "outputs"), "outputs")) program.outputs.push_back(read_output(o));
  const json& metadata = member(j, "metadata");
  QTK_CHECK(metadata.is_object(), FormatError, "[model file] metadata is not an object");
  for (const auto& [key, value] : metadata.items()) program.metadata[key] = text(value, "metadata");
  return program;
}

}  // namespace quantick::runtime
