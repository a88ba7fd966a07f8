// Golden cases to JSON.
#include "quantick/core/file.h"
#include "quantick/kernels/activation/coefficients.h"
#include "quantick/runtime/golden_json.h"

namespace quantick::runtime {
namespace {

using namespace golden_json;

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
  } else if (const auto* op = std::get_if<GoldenOperator>(&c.body)) {
    out.update(operator_json(*op));
  }
  return out;
}

}  // namespace

void save_golden(const std::string& path, uint64_t seed, const std::vector<GoldenCase>& cases) {
  json doc{{"version", 1}, {"seed", seed}};
  doc["sigmoid"] = pieces_of(kernels::kSigmoidPieces);
  doc["tanh"] = pieces_of(kernels::kTanhPieces);
  doc["cases"] = json::array();
  for (const GoldenCase& c : cases) doc["cases"].push_back(case_of(c));
  write_file(path, doc.dump() + "\n");
}

}  // namespace quantick::runtime
