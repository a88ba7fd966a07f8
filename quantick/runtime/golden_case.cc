#include "quantick/runtime/golden_case.h"

#include <algorithm>

#include "quantick/core/file.h"
#include "quantick/kernels/activation/coefficients.h"
#include "quantick/runtime/golden_json.h"

namespace quantick::runtime {
namespace {

using namespace golden_json;

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

/// Codes of 8 bits where they fit, else of 16.
GoldenTensor integer_tensor(const std::vector<int16_t>& codes, int32_t zero, int64_t channels) {
  const DType dtype = fits_8_bits(codes) && zero >= -128 && zero <= 127 ? DType::i8 : DType::i16;
  return {{dtype, 1.0f, zero}, Shape{channels}, {codes.begin(), codes.end()}};
}

/// Results of "bits" bits and zero point "zy"; scales stand in the constants.
TensorFormat result_format(const Object& o) {
  const int64_t bits = o.integer("bits", 2, 32);
  if (bits != 8 && bits != 16) throw Refused{fmt::format("results of {} bits", bits)};
  return {bits == 8 ? DType::i8 : DType::i16, 1.0f, static_cast<int32_t>(o.integer("zy", -32768, 32767))};
}

GoldenTensor result_tensor(const Object& o, const std::vector<int16_t>& codes, const Shape& channels) {
  return {result_format(o), channels, {codes.begin(), codes.end()}};
}

GoldenOperator read_conv1d(const Object& o) {
  GoldenOperator c{.op = "causal_convolution", .sequence = true, .steps = kAny, .any_width = true};
  int64_t rows = kAny, columns = kAny, channels = kAny;
  const auto weights = o.matrix<int8_t>("w", rows, columns);
  const auto bias = o.list<int64_t>("b", rows);
  const int64_t taps = o.integer("kernel", 1, columns), dilation = o.integer("dilation", 1, 1 << 20);
  const auto x = o.matrix<int16_t>("x", c.steps, channels);
  QTK_CHECK(taps * channels == columns, ParseError, "[golden] {}: field \"w\" has {} columns, expected {} ({} by {})",
            o.where, columns, taps * channels, taps, channels);
  c.attributes = {{"dilation", dilation}};
  c.constants = {{"weight", Array::from(weights, {rows, columns})},
                 {"bias", Array::from(bias)},
                 {"scale", Array::from(o.scales("scale", rows))},
                 {"taps", Array::from(std::vector<int64_t>{taps})}};
  c.inputs = {integer_tensor(x, static_cast<int32_t>(o.integer("zx", -32768, 32767)), channels)};
  c.output = result_tensor(o, o.results<int16_t>("y", c.steps, rows), Shape{rows});
  return c;
}

GoldenOperator read_embedding(const Object& o) {
  GoldenOperator c{.op = "embedding", .batch = kAny, .any_width = true};
  int64_t rows = kAny, width = kAny, ids = kAny;
  const auto table = o.matrix<int8_t>("w", rows, width);
  const auto x = o.matrix<int16_t>("x", c.batch, ids);
  for (const int16_t id : x)
    QTK_CHECK(id >= 0 && id < rows, ParseError, "[golden] {}: field \"x\" has {}, expected 0..{}", o.where, id,
              rows - 1);
  c.constants = {{"weight", Array::from(table, {rows, width})}, {"scale", Array::from(o.scales("scale", rows))}};
  c.inputs = {integer_tensor(x, 0, ids)};
  std::vector<int16_t> y;
  const json& values = o.array("y");
  QTK_CHECK(static_cast<int64_t>(values.size()) == c.batch, ParseError,
            "[golden] {}: field \"y\" has {} rows, expected {}", o.where, values.size(), c.batch);
  for (const json& row : values) {
    const json line{{"y", row}};
    const auto codes = Object{line, o.where}.results<int16_t>("y", ids, width);
    y.insert(y.end(), codes.begin(), codes.end());
  }
  c.output = result_tensor(o, y, Shape{ids, width});
  return c;
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
    else if (c.kind == "conv1d")
      c.body = read_conv1d(o);
    else if (c.kind == "embedding")
      c.body = read_embedding(o);
    else if (c.kind == "operator")
      c.body = read_operator(o);
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

}  // namespace quantick::runtime
