// Cases of kind "operator" in JSON: an operator's name, attributes, precision (what differs from the default),
// constants, and the codes of its tensors. float32 values are kept as their bits.
#include <cstring>

#include "quantick/ops/operator.h"
#include "quantick/runtime/golden_json.h"

namespace quantick::runtime::golden_json {
namespace {

/// Extents that no case comes near; products of them stay in range.
constexpr int64_t kMaxExtent = 1 << 16, kMaxSize = 1 << 24;

std::string text(const Object& o, const char* field) {
  const json& v = o.at(field);
  QTK_CHECK(v.is_string(), ParseError, "[golden] {}: field \"{}\" was {}, expected a name", o.where, field, v.dump());
  return v.get<std::string>();
}

const json& object(const Object& o, const char* field) {
  const json& v = o.at(field);
  QTK_CHECK(v.is_object(), ParseError, "[golden] {}: field \"{}\" was {}, expected an object", o.where, field,
            v.type_name());
  return v;
}

Shape shape(const Object& o, const char* field) {
  const json& v = o.at(field);
  QTK_CHECK(v.is_array() && v.size() <= 6, ParseError, "[golden] {}: field \"{}\" was {}, expected up to 6 extents",
            o.where, field, v.dump());
  Shape out;
  for (const json& extent : v) {
    const int64_t n = o.integer(extent, field);
    QTK_CHECK(n >= 1 && n <= kMaxExtent && out.size() * n <= kMaxSize, ParseError,
              "[golden] {}: field \"{}\" has {}, expected extents within [1, {}]", o.where, field, n, kMaxExtent);
    out.push_back(n);
  }
  return out;
}

AttributeValue attribute(const Object& o, const std::string& name, const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_float()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return o.integer(value, name.c_str());
  std::vector<int64_t> list;
  for (const json& entry : value) list.push_back(o.integer(entry, name.c_str()));
  return list;
}

Precision read_precision(const Object& o) {
  const json& fields = object(o, "precision");
  Precision p;
  size_t known = 0;
  for_each_field(p, [&](std::string_view name, auto& member, std::string_view) {
    const auto found = fields.find(std::string(name));
    if (found == fields.end()) return;
    ++known;
    try {
      found->get_to(member);
    } catch (const json::exception& error) {
      fail<ParseError>("[golden] {}: precision \"{}\" was {}: {}", o.where, name, found->dump(), error.what());
    }
  });
  QTK_CHECK(known == fields.size(), ParseError, "[golden] {}: field \"precision\" has an unknown name: {}", o.where,
            fields.dump());
  return p;
}

DType dtype(const Object& o) {
  const std::string name = text(o, "dtype");
  for (const DType d : {DType::f32, DType::i8, DType::u8, DType::i16, DType::i64})
    if (dtype_name(d) == name) return d;
  fail<ParseError>("[golden] {}: field \"dtype\" was \"{}\", expected float32, int8, uint8, int16 or int64", o.where,
                   name);
}

/// Values within the type's range; float32 as bits.
std::vector<int64_t> codes(const Object& o, const char* field, DType type, int64_t count) {
  try {
    if (type == DType::i64) return o.list<int64_t>(field, count);
    const int64_t top = int64_t{1} << (8 * dtype_size(type) - 1);
    const bool is_signed = type == DType::i8 || type == DType::i16;
    return o.list<int64_t>(o.array(field), field, count, is_signed ? -top : 0, is_signed ? top - 1 : 2 * top - 1);
  } catch (const Refused& refused) {
    fail<ParseError>("[golden] {}: {}", o.where, refused.reason);
  }
}

NamedArray read_constant(const Object& o) {
  const DType type = dtype(o);
  const Shape extents = shape(o, "shape");
  Array out = Array::empty(extents, type);
  std::byte* to = out.mutable_raw();
  for (const int64_t v : codes(o, "values", type, extents.size())) {
    std::memcpy(to, &v, static_cast<size_t>(dtype_size(type)));  // the low bytes
    to += dtype_size(type);
  }
  return {text(o, "name"), out};
}

GoldenTensor read_tensor(const Object& o, int64_t rows) {
  GoldenTensor t;
  t.format.dtype = dtype(o);
  QTK_CHECK(t.format.dtype == DType::f32 || t.format.dtype == DType::i8 || t.format.dtype == DType::i16, ParseError,
            "[golden] {}: field \"dtype\" was \"{}\", expected float32, int8 or int16", o.where, text(o, "dtype"));
  if (t.format.quantized()) {
    t.format.scale = o.scales("scale", 1)[0];
    t.format.zero_point = static_cast<int32_t>(o.integer("zero", -32768, 32767));
    QTK_CHECK(t.format.scale > 0, ParseError, "[golden] {}: field \"scale\" was {}, expected > 0", o.where,
              t.format.scale);
  }
  t.channels = shape(o, "channels");
  t.codes = codes(o, "codes", t.format.dtype, rows * t.channels.size());
  return t;
}

json tensor_json(const GoldenTensor& t) {
  json out{{"dtype", dtype_name(t.format.dtype)}, {"channels", t.channels.to_vector()}, {"codes", t.codes}};
  if (t.format.quantized())
    out.update({{"scale", std::bit_cast<uint32_t>(t.format.scale)}, {"zero", t.format.zero_point}});
  return out;
}

json constant_json(const NamedArray& c) {
  const Array array = c.value.contiguous();
  json values = json::array();
  const auto list = [&](auto zero) {
    using T = decltype(zero);
    const auto* from = reinterpret_cast<const T*>(array.raw());
    for (int64_t i = 0; i < array.size(); ++i) values.push_back(from[i]);
  };
  if (array.dtype() == DType::f32)
    list(uint32_t{});
  else
    visit_dtype(array.dtype(), list);
  return {
      {"name", c.name}, {"dtype", dtype_name(array.dtype())}, {"shape", array.shape().to_vector()}, {"values", values}};
}

}  // namespace

GoldenOperator read_operator(const Object& o) {
  GoldenOperator c;
  c.op = text(o, "op");
  const auto all = operators();
  const auto row = std::find_if(all.begin(), all.end(), [&](const Operator& op) { return op.name == c.op; });
  if (row == all.end() || !row->integer.prepare)
    throw Refused{fmt::format("this version has no operator \"{}\" in fixed bits", c.op)};
  for (const auto& [name, value] : object(o, "attributes").items())
    c.attributes.emplace_back(name, attribute(o, name, value));
  c.precision = read_precision(o);
  const json& sequence = o.at("sequence");
  QTK_CHECK(sequence.is_boolean(), ParseError, "[golden] {}: field \"sequence\" was {}, expected true or false",
            o.where, sequence.dump());
  c.sequence = sequence.get<bool>();
  c.steps = c.sequence ? o.integer("steps", 1, kMaxExtent) : 1;
  c.batch = o.integer("batch", 1, kMaxExtent);
  for (const json& node : o.array("inputs"))
    c.inputs.push_back(read_tensor({node, fmt::format("{}, input {}", o.where, c.inputs.size())}, c.rows()));
  c.output = read_tensor({o.at("output"), o.where + ", output"}, c.rows());
  const json& constants = o.at("constants");
  QTK_CHECK(constants.is_array(), ParseError, "[golden] {}: field \"constants\" was {}, expected an array", o.where,
            constants.type_name());
  for (const json& node : constants)
    c.constants.push_back(read_constant({node, fmt::format("{}, constant {}", o.where, c.constants.size())}));
  return c;
}

json operator_json(const GoldenOperator& c) {
  json out{{"op", c.op}, {"attributes", json::object()}, {"precision", json::object()}, {"constants", json::array()}};
  for (const auto& [name, value] : c.attributes)
    std::visit([&, &key = name](const auto& v) { out["attributes"][key] = v; }, value);
  const Precision usual;
  json given = json::object(), defaults = json::object();
  const auto fill = [](const Precision& p, json& to) {
    for_each_field(p, [&](std::string_view name, const auto& v, std::string_view) { to[std::string(name)] = v; });
  };
  fill(c.precision, given);
  fill(usual, defaults);
  for (const auto& [name, value] : given.items())
    if (value != defaults[name]) out["precision"][name] = value;
  out["sequence"] = c.sequence;
  if (c.sequence) out["steps"] = c.steps;
  out["batch"] = c.batch;
  for (const NamedArray& constant : c.constants) out["constants"].push_back(constant_json(constant));
  for (const GoldenTensor& input : c.inputs) out["inputs"].push_back(tensor_json(input));
  out["output"] = tensor_json(c.output);
  return out;
}

}  // namespace quantick::runtime::golden_json
