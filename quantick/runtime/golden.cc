#include "quantick/runtime/golden.h"

#include <fmt/ranges.h>

#include <bit>
#include <cstring>
#include <set>

#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/kernels/activation/coefficients.h"
#include "quantick/kernels/dense/dense.h"
#include "quantick/kernels/gru/gru.h"
#include "quantick/kernels/lstm/lstm.h"
#include "quantick/kernels/quantize/quantize.h"
#include "quantick/runtime/golden_case.h"
#include "quantick/runtime/golden_operator.h"

namespace quantick::runtime {
namespace {

/// Marks which outputs differed in any form of a run.
class Comparison {
 public:
  explicit Comparison(size_t outputs) : differs_(outputs, false) {}

  template <class T>
  void compare(const T* got, const T* want, size_t count, size_t first) {
    for (size_t i = 0; i < count; ++i)
      if (std::memcmp(got + i, want + i, sizeof(T)) != 0) differs_[first + i] = true;
  }

  int64_t compared() const { return static_cast<int64_t>(differs_.size()); }
  int64_t differing() const {
    int64_t n = 0;
    for (bool d : differs_) n += d;
    return n;
  }

 private:
  std::vector<bool> differs_;
};

std::vector<int> input_widths(const std::vector<int16_t>& x) {
  return fits_8_bits(x) ? std::vector<int>{8, 16} : std::vector<int>{16};
}

/// The bytes of x in the given width.
std::vector<char> input_bytes(const std::vector<int16_t>& x, int bits) {
  std::vector<char> out(x.size() * bits / 8);
  if (bits == 16) {
    std::memcpy(out.data(), x.data(), out.size());
  } else {
    for (size_t i = 0; i < x.size(); ++i) out[i] = static_cast<char>(x[i]);
  }
  return out;
}

Comparison run(const GoldenDense& d, Isa isa) {
  Comparison result(d.y.size());
  for (int x_bits : input_widths(d.x)) {
    const kernels::DenseKernel kernel({.rows = d.rows,
                                       .cols = d.cols,
                                       .weights = d.weights.data(),
                                       .bias = d.bias.data(),
                                       .scale = d.scale.data(),
                                       .zero_y = d.zero_y,
                                       .x_bits = x_bits,
                                       .y_bits = d.y_bits},
                                      isa);
    std::vector<std::byte> scratch(kernel.scratch_bytes());
    const auto x = input_bytes(d.x, x_bits);
    std::vector<int16_t> y(d.y.size());
    if (d.y_bits == 16) {
      kernel.run(x.data(), d.samples, y.data(), scratch.data());
    } else {
      std::vector<int8_t> narrow(d.y.size());
      kernel.run(x.data(), d.samples, narrow.data(), scratch.data());
      y.assign(narrow.begin(), narrow.end());
    }
    result.compare(y.data(), d.y.data(), y.size(), 0);
  }
  return result;
}

/// Single steps and the whole window of a layer, against its hidden values and states.
template <class Layer>
void compare_recurrent(const Layer& l, const std::vector<float>& states, const kernels::RecurrentKernel& kernel,
                       Comparison& result) {
  std::vector<std::byte> scratch(kernel.scratch_bytes());
  const auto x = input_bytes(l.x, kernel.x_bits());
  const size_t units = l.units, row = l.inputs * kernel.x_bits() / 8;
  std::vector<int16_t> h(units), window_h(units), window(l.h.size());
  std::vector<float> state(units), window_state(units);
  for (int64_t t = 0; t < l.steps; ++t) {
    kernel.step(x.data() + t * row, h.data(), state.data(), 1, scratch.data());
    result.compare(h.data(), l.h.data() + t * units, units, t * units);
    result.compare(state.data(), states.data() + t * units, units, l.h.size() + t * units);
  }
  kernel.run(x.data(), l.steps, 1, window.data(), window_h.data(), window_state.data(), scratch.data());
  result.compare(window.data(), l.h.data(), window.size(), 0);
  result.compare(window_state.data(), states.data() + states.size() - units, units, l.h.size() + states.size() - units);
}

Comparison run(const GoldenLstm& l, Isa isa) {
  Comparison result(l.h.size() + l.c.size());
  for (int x_bits : input_widths(l.x)) {
    const kernels::LstmKernel kernel({l.inputs, l.units, x_bits, l.wx.data(), l.wh.data(), l.bx.data(), l.sx.data(),
                                      l.sh.data(), l.gate_bits, l.cell_bits, l.cell_top, l.h_bits},
                                     isa);
    compare_recurrent(l, l.c, kernel, result);
  }
  return result;
}

Comparison run(const GoldenGru& l, Isa isa) {
  Comparison result(l.h.size() + l.state.size());
  for (int x_bits : input_widths(l.x)) {
    const kernels::GruKernel kernel({l.inputs, l.units, x_bits, l.wx.data(), l.wh.data(), l.bx.data(), l.bh.data(),
                                     l.sx.data(), l.sh.data(), l.gate_bits, l.state_bits, l.h_bits},
                                    isa);
    compare_recurrent(l, l.state, kernel, result);
  }
  return result;
}

template <class Code, class Add>
std::vector<int16_t> sums(const GoldenAdd& a, Isa isa, Add add) {
  const std::vector<Code> first(a.a.begin(), a.a.end()), second(a.b.begin(), a.b.end());
  std::vector<Code> y(a.y.size());
  for (size_t i = 0, end = 0; i < y.size(); i = end) {  // runs of equal scales go in one call
    while (end < y.size() && a.scale_a[end] == a.scale_a[i] && a.scale_b[end] == a.scale_b[i]) ++end;
    add(first.data() + i, {a.scale_a[i], a.zero_a}, second.data() + i, {a.scale_b[i], a.zero_b},
        static_cast<int64_t>(end - i), a.zero_y, y.data() + i, isa);
  }
  return {y.begin(), y.end()};
}

Comparison run(const GoldenAdd& a, Isa isa) {
  Comparison result(a.y.size());
  const auto y = a.bits == 16 ? sums<int16_t>(a, isa, kernels::add_s16) : sums<int8_t>(a, isa, kernels::add_s8);
  result.compare(y.data(), a.y.data(), y.size(), 0);
  return result;
}

Comparison run(const GoldenOperator& c, Isa isa) {
  Comparison result(c.output.codes.size());
  for (const GoldenOperator& width : golden_widths(c))
    for (const GoldenForm form : golden_forms(c))
      result.compare(run_golden(width, form, isa).data(), c.output.codes.data(), c.output.codes.size(), 0);
  return result;
}

Comparison run(const std::monostate&, Isa) { return Comparison(0); }

GoldenResult check_pieces(const char* kind, const GoldenPieces& file, const kernels::PieceTable& ours) {
  GoldenResult r{.kind = kind};
  const auto equal = [&](bool same) {
    ++r.compared;
    r.differing += !same;
  };
  for (int k = 0; k < kernels::kPieces; ++k)
    for (int j = 0; j < kernels::kPieceTerms; ++j) equal(file.bits[k][j] == ours.bits[j][k]);
  equal(file.width == ours.width);
  equal(file.limit == std::bit_cast<uint32_t>(ours.limit));
  return r;
}

}  // namespace

int64_t GoldenReport::compared() const {
  int64_t n = 0;
  for (const auto& r : results) n += r.compared;
  return n;
}

int64_t GoldenReport::differing() const {
  int64_t n = 0;
  for (const auto& r : results) n += r.differing;
  return n;
}

std::string GoldenReport::verdict() const {
  std::string text = passed() ? "passed" : "FAILED";
  if (run() == 0) text += ", no case was run";
  if (refused.empty()) return text;
  std::set<std::string> kinds;
  for (const GoldenRefusal& r : refused) kinds.insert(r.kind);
  return fmt::format("{}, {} of {} not checked: {}", text, refused.size(), cases, fmt::join(kinds, ", "));
}

GoldenReport check_golden(const std::string& path) {
  const FloatMode mode;
  const GoldenFile file = read_golden(path);
  GoldenReport report{.path = path, .cases = static_cast<int64_t>(file.cases.size())};
  report.results.push_back(check_pieces("sigmoid", file.sigmoid, kernels::kSigmoidPieces));
  report.results.push_back(check_pieces("tanh", file.tanh, kernels::kTanhPieces));
  for (int64_t i = 0; i < report.cases; ++i) {
    const GoldenCase& c = file.cases[i];
    if (!c.refusal.empty()) {
      report.refused.push_back({i, c.kind, c.refusal});
      continue;
    }
    for (Isa isa : supported_isas()) try {
        const Comparison result = std::visit([isa](const auto& body) { return run(body, isa); }, c.body);
        report.results.push_back({i, c.name(), std::string(isa_name(isa)), result.compared(), result.differing()});
      } catch (const Error& error) {  // the layer itself is impossible: a scale or a sum out of range
        fail<ParseError>("[golden] {}, case {} ({}): {}", path, i, c.kind, error.what());
      }
  }
  return report;
}

}  // namespace quantick::runtime
