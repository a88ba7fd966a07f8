#include "quantick/runtime/golden_case.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "quantick/core/error.h"
#include "quantick/core/file.h"
#include "quantick/kernels/activation/coefficients.h"

namespace quantick::runtime {
namespace {

using nlohmann::json;

/// A case that is well formed and asks for what this version does not run.
struct Refused {
  std::string reason;
};

/// A JSON object with the words that errors need.
struct Object {
  const json& node;
  std::string where;  // "golden.json, case 3 (lstm)"

  const json& at(const char* field) const {
    QTK_CHECK(node.is_object(), ParseError, "[golden] {}: was {}, expected an object", where, node.type_name());
    const auto found = node.find(field);
    QTK_CHECK(found != node.end(), ParseError, "[golden] {}: field \"{}\" is missing", where, field);
    return *found;
  }

  int64_t integer(const json& value, const char* field) const {
    const bool fits = value.is_number_integer() &&
                      !(value.is_number_unsigned() &&
                        value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
    QTK_CHECK(fits, ParseError, "[golden] {}: field \"{}\" has {}, expected an integer", where, field,
              value.is_array() ? "an array" : value.dump());
    return value.get<int64_t>();
  }

  int64_t integer(const char* field, int64_t low, int64_t high) const {
    const int64_t v = integer(at(field), field);
    QTK_CHECK(v >= low && v <= high, ParseError, "[golden] {}: field \"{}\" was {}, expected within [{}, {}]", where,
              field, v, low, high);
    return v;
  }

  double number(const char* field) const {
    const json& v = at(field);
    QTK_CHECK(v.is_number(), ParseError, "[golden] {}: field \"{}\" was {}, expected a number", where, field, v.dump());
    return v.get<double>();
  }

  const json& array(const char* field) const {
    const json& v = at(field);
    QTK_CHECK(v.is_array() && !v.empty(), ParseError, "[golden] {}: field \"{}\" was {}, expected a non-empty array",
              where, field, v.is_array() ? "empty" : v.type_name());
    return v;
  }

  /// One axis; `size` < 0 takes any. Throws Refused for values that the type T of our kernels does not hold.
  template <class T>
  std::vector<T> list(const json& values, const char* field, int64_t size, int64_t low = std::numeric_limits<T>::min(),
                      int64_t high = std::numeric_limits<T>::max()) const {
    QTK_CHECK(values.is_array(), ParseError, "[golden] {}: field \"{}\" has {}, expected an array", where, field,
              values.dump().substr(0, 40));
    QTK_CHECK(size < 0 || values.size() == static_cast<size_t>(size), ParseError,
              "[golden] {}: field \"{}\" has {} values, expected {}", where, field, values.size(), size);
    std::vector<T> out;
    out.reserve(values.size());
    for (const json& value : values) {
      const int64_t v = integer(value, field);
      if (v < low || v > high) throw Refused{fmt::format("field \"{}\" has {}, outside [{}, {}]", field, v, low, high)};
      out.push_back(static_cast<T>(v));
    }
    return out;
  }

  template <class T>
  std::vector<T> list(const char* field, int64_t size) const {
    return list<T>(array(field), field, size);
  }

  /// Two axes; returns the flat values. rows or cols < 0 take any size and are set.
  template <class T>
  std::vector<T> matrix(const char* field, int64_t& rows, int64_t& cols) const {
    const json& values = array(field);
    QTK_CHECK(rows < 0 || values.size() == static_cast<size_t>(rows), ParseError,
              "[golden] {}: field \"{}\" has {} rows, expected {}", where, field, values.size(), rows);
    rows = static_cast<int64_t>(values.size());
    std::vector<T> out;
    for (const json& row : values) {
      const std::vector<T> line = list<T>(row, field, cols);
      QTK_CHECK(!line.empty(), ParseError, "[golden] {}: field \"{}\" has an empty row", where, field);
      cols = static_cast<int64_t>(line.size());
      out.insert(out.end(), line.begin(), line.end());
    }
    return out;
  }

  /// Results: what our types do not hold is then a fault of the file, not of this version.
  template <class T>
  std::vector<T> results(const char* field, int64_t rows, int64_t cols) const {
    try {
      return rows < 0 ? list<T>(field, cols) : matrix<T>(field, rows, cols);
    } catch (const Refused& refused) {
      fail<ParseError>("[golden] {}: {}", where, refused.reason);
    }
  }

  /// float32 stored as its bits.
  std::vector<float> floats(const std::vector<uint32_t>& bits, const char* field) const {
    std::vector<float> out;
    for (uint32_t b : bits) {
      out.push_back(std::bit_cast<float>(b));
      QTK_CHECK(std::isfinite(out.back()), ParseError,
                "[golden] {}: field \"{}\" has the bits {}, not a finite float32", where, field, b);
    }
    return out;
  }

  /// One scale, or one for each.
  std::vector<float> scales(const char* field, int64_t size) const {
    const json& values = at(field);
    const bool single = !values.is_array() || values.size() == 1;
    auto out =
        floats(list<uint32_t>(values.is_array() ? values : json::array({values}), field, single ? 1 : size), field);
    if (single) out.assign(size, out.front());
    return out;
  }
};

constexpr int64_t kAny = -1;

GoldenDense read_dense(const Object& o) {
  GoldenDense d;
  d.rows = d.cols = kAny;
  d.weights = o.matrix<int8_t>("w", d.rows, d.cols);
  d.bias = o.list<int64_t>("b", d.rows);
  d.scale = o.scales("scale", d.rows);
  d.zero_y = static_cast<int32_t>(o.integer("zy", -32768, 32767));
  d.y_bits = static_cast<int>(o.integer("bits", 2, 32));
  if (d.y_bits != 8 && d.y_bits != 16) throw Refused{fmt::format("results of {} bits", d.y_bits)};
  d.samples = kAny;
  d.x = o.matrix<int16_t>("x", d.samples, d.cols);
  d.y = o.results<int16_t>("y", d.samples, d.rows);
  return d;
}

/// 2 and more; 24 and more keep float32.
int state_width(const Object& o, const char* field) {
  return static_cast<int>(std::min<int64_t>(o.integer(field, 2, 64), 24));
}

/// What LSTM and GRU share: all but the state.
template <class Layer>
void read_recurrent(const Object& o, Layer& l) {
  const auto gates = static_cast<int64_t>(l.gate_bits.size());
  int64_t rows = kAny;
  l.inputs = l.units = l.steps = kAny;
  l.wh = o.matrix<int8_t>("wh", rows, l.units);
  QTK_CHECK(rows == gates * l.units, ParseError, "[golden] {}: field \"wh\" is [{}, {}], expected {} rows per column",
            o.where, rows, l.units, gates);
  l.wx = o.matrix<int8_t>("wx", rows, l.inputs);
  l.bx = o.list<int64_t>("bx", rows);
  l.sx = o.scales("sx", rows);
  l.sh = o.scales("sh", rows);
  const auto bits = o.list<int64_t>("gate_bits", gates);
  for (size_t g = 0; g < bits.size(); ++g) {
    QTK_CHECK(bits[g] >= 2, ParseError, "[golden] {}: field \"gate_bits\" has {}, expected at least 2", o.where,
              bits[g]);
    l.gate_bits[g] = static_cast<int>(std::min<int64_t>(bits[g], 24));
  }
  l.h_bits = static_cast<int>(o.integer("h_bits", 1, 64));
  if (l.h_bits != 8 && l.h_bits != 16) throw Refused{fmt::format("a hidden state of {} bits", l.h_bits)};
  l.x = o.matrix<int16_t>("x", l.steps, l.inputs);
  l.h = o.results<int16_t>("h", l.steps, l.units);
}

GoldenGru read_gru(const Object& o) {
  GoldenGru l;
  read_recurrent(o, l);
  l.bh = o.list<int64_t>("bh", l.units);
  l.state_bits = state_width(o, "state_bits");
  l.state = o.floats(o.results<uint32_t>("state", l.steps, l.units), "state");
  return l;
}

GoldenLstm read_lstm(const Object& o) {
  GoldenLstm l;
  read_recurrent(o, l);
  l.cell_bits = state_width(o, "cell_bits");
  l.cell_top = static_cast<float>(o.number("cell_top"));
  l.c = o.floats(o.results<uint32_t>("c", l.steps, l.units), "c");
  return l;
}

GoldenAdd read_add(const Object& o) {
  GoldenAdd a;
  int64_t two = 2, size = kAny;
  const auto x = o.matrix<int16_t>("x", two, size);
  a.a.assign(x.begin(), x.begin() + size);
  a.b.assign(x.begin() + size, x.end());
  a.scale_a = o.scales("scale_a", size);
  a.scale_b = o.scales("scale_b", size);
  a.zero_a = static_cast<int32_t>(o.integer("za", -32768, 32767));
  a.zero_b = static_cast<int32_t>(o.integer("zb", -32768, 32767));
  a.zero_y = static_cast<int32_t>(o.integer("zy", -32768, 32767));
  a.bits = static_cast<int>(o.integer("bits", 2, 32));
  if (a.bits != 8 && a.bits != 16) throw Refused{fmt::format("results of {} bits", a.bits)};
  if (a.bits == 8 && !fits_8_bits(x)) throw Refused{"8-bit results of 16-bit operands"};
  a.y = o.results<int16_t>("y", kAny, size);
  return a;
}

GoldenCase read_case(const json& node, const std::string& path, int64_t index) {
  Object o{node, fmt::format("{}, case {}", path, index)};
  const json& kind = o.at("kind");
  QTK_CHECK(kind.is_string(), ParseError, "[golden] {}: field \"kind\" was {}, expected a name", o.where, kind.dump());
  GoldenCase c{kind.get<std::string>()};
  o.where += fmt::format(" ({})", c.kind);
  try {
    if (c.kind == "dense")
      c.body = read_dense(o);
    else if (c.kind == "lstm")
      c.body = read_lstm(o);
    else if (c.kind == "gru")
      c.body = read_gru(o);
    else if (c.kind == "add")
      c.body = read_add(o);
    else
      c.refusal = "this version has no such kernel";
  } catch (const Refused& refused) {
    c.refusal = refused.reason;
  }
  return c;
}

GoldenPieces read_pieces(const json& doc, const std::string& path, const char* name) {
  const Object o{Object{doc, path}.at(name), fmt::format("{}, {}", path, name)};
  GoldenPieces p;
  int64_t rows = kernels::kPieces, terms = kernels::kPieceTerms;
  try {
    const auto bits = o.matrix<uint32_t>("coef", rows, terms);
    p.bits.resize(rows);
    for (int64_t i = 0; i < rows * terms; ++i) p.bits[i / terms][i % terms] = bits[i];
  } catch (const Refused& refused) {
    fail<ParseError>("[golden] {}: {}", o.where, refused.reason);
  }
  p.width = o.number("width");
  p.limit = static_cast<uint32_t>(o.integer("limit", 0, std::numeric_limits<uint32_t>::max()));
  return p;
}

template <class T>
json bits_of(const std::vector<T>& values) {
  json out = json::array();
  for (T v : values)
    if constexpr (std::is_same_v<T, float>)
      out.push_back(std::bit_cast<uint32_t>(v));
    else
      out.push_back(static_cast<int64_t>(v));
  return out;
}

template <class T>
json rows_of(const std::vector<T>& values, int64_t cols) {
  json out = json::array();
  for (size_t i = 0; i < values.size(); i += cols)
    out.push_back(bits_of(std::vector<T>(values.begin() + i, values.begin() + i + cols)));
  return out;
}

json pieces_of(const kernels::PieceTable& table) {
  json coef = json::array();
  for (int k = 0; k < kernels::kPieces; ++k) {
    json piece = json::array();
    for (int j = 0; j < kernels::kPieceTerms; ++j) piece.push_back(table.bits[j][k]);
    coef.push_back(piece);
  }
  return {{"coef", coef}, {"width", table.width}, {"limit", std::bit_cast<uint32_t>(table.limit)}};
}

/// What LSTM and GRU share: all but the state.
template <class Layer>
void add_recurrent(const Layer& l, json& out) {
  out.update({{"wx", rows_of(l.wx, l.inputs)}, {"wh", rows_of(l.wh, l.units)}, {"bx", bits_of(l.bx)}});
  out.update({{"sx", bits_of(l.sx)}, {"sh", bits_of(l.sh)}, {"gate_bits", l.gate_bits}, {"h_bits", l.h_bits}});
  out.update({{"x", rows_of(l.x, l.inputs)}, {"h", rows_of(l.h, l.units)}});
}

json case_of(const GoldenCase& c) {
  json out{{"kind", c.kind}};
  if (const auto* d = std::get_if<GoldenDense>(&c.body)) {
    out.update({{"w", rows_of(d->weights, d->cols)}, {"b", bits_of(d->bias)}, {"scale", bits_of(d->scale)}});
    out.update({{"zy", d->zero_y}, {"bits", d->y_bits}, {"x", rows_of(d->x, d->cols)}, {"y", rows_of(d->y, d->rows)}});
  } else if (const auto* l = std::get_if<GoldenLstm>(&c.body)) {
    add_recurrent(*l, out);
    out.update({{"cell_bits", l->cell_bits}, {"cell_top", l->cell_top}, {"c", rows_of(l->c, l->units)}});
  } else if (const auto* g = std::get_if<GoldenGru>(&c.body)) {
    add_recurrent(*g, out);
    out.update({{"bh", bits_of(g->bh)}, {"state_bits", g->state_bits}, {"state", rows_of(g->state, g->units)}});
  } else if (const auto* a = std::get_if<GoldenAdd>(&c.body)) {
    out.update({{"scale_a", bits_of(a->scale_a)}, {"scale_b", bits_of(a->scale_b)}});
    out.update({{"za", a->zero_a}, {"zb", a->zero_b}, {"zy", a->zero_y}, {"bits", a->bits}});
    out.update({{"x", json::array({bits_of(a->a), bits_of(a->b)})}, {"y", bits_of(a->y)}});
  }
  return out;
}

}  // namespace

bool fits_8_bits(const std::vector<int16_t>& values) {
  return std::all_of(values.begin(), values.end(), [](int16_t v) { return v >= -128 && v <= 127; });
}

GoldenFile read_golden(const std::string& path) {
  const std::string text = read_file(path);
  json doc;
  try {
    doc = json::parse(text);
  } catch (const json::exception& error) {
    fail<ParseError>("[golden] {}: not JSON: {}", path, error.what());
  }
  const Object top{doc, path};
  const int64_t version = top.integer(top.at("version"), "version");
  QTK_CHECK(version == 1, ParseError, "[golden] {}: field \"version\" was {}, expected 1", path, version);
  GoldenFile file{read_pieces(doc, path, "sigmoid"), read_pieces(doc, path, "tanh"), {}};
  for (const json& node : top.array("cases"))
    file.cases.push_back(read_case(node, path, static_cast<int64_t>(file.cases.size())));
  return file;
}

void save_golden(const std::string& path, uint64_t seed, const std::vector<GoldenCase>& cases) {
  json doc{{"version", 1}, {"seed", seed}};
  doc["sigmoid"] = pieces_of(kernels::kSigmoidPieces);
  doc["tanh"] = pieces_of(kernels::kTanhPieces);
  doc["cases"] = json::array();
  for (const GoldenCase& c : cases) doc["cases"].push_back(case_of(c));
  write_file(path, doc.dump() + "\n");
}

}  // namespace quantick::runtime
