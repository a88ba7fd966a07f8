#pragma once
// The cases of a golden-vector file as plain arrays, checked for shape and range.
#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "quantick/ops/integer_form.h"

namespace quantick::runtime {

struct GoldenDense {
  int64_t rows = 0, cols = 0, samples = 0;
  std::vector<int8_t> weights;
  std::vector<int64_t> bias;
  std::vector<float> scale;
  int32_t zero_y = 0;
  int y_bits = 8;
  std::vector<int16_t> x;  // [samples, cols]
  std::vector<int16_t> y;  // [samples, rows]
};

struct GoldenLstm {
  int64_t inputs = 0, units = 0, steps = 0;
  std::vector<int8_t> wx, wh;
  std::vector<int64_t> bx;
  std::vector<float> sx, sh;
  std::array<int, 4> gate_bits{24, 24, 24, 24};
  int cell_bits = 24;
  float cell_top = 1;
  int h_bits = 16;
  std::vector<int16_t> x;  // [steps, inputs]
  std::vector<int16_t> h;  // [steps, units]
  std::vector<float> c;    // [steps, units]
};

struct GoldenGru {
  int64_t inputs = 0, units = 0, steps = 0;
  std::vector<int8_t> wx, wh;
  std::vector<int64_t> bx, bh;
  std::vector<float> sx, sh;
  std::array<int, 3> gate_bits{24, 24, 24};
  int state_bits = 24;
  int h_bits = 16;
  std::vector<int16_t> x;    // [steps, inputs]
  std::vector<int16_t> h;    // [steps, units]
  std::vector<float> state;  // [steps, units]
};

struct GoldenAdd {
  std::vector<float> scale_a, scale_b;  // one per element
  int32_t zero_a = 0, zero_b = 0, zero_y = 0;
  int bits = 8;
  std::vector<int16_t> a, b, y;
};

/// Codes of one tensor of an operator's case; float32 as bits.
struct GoldenTensor {
  TensorFormat format;
  Shape channels;              // of one row, without steps and batch
  std::vector<int64_t> codes;  // [steps, batch, channels...], or [batch, channels...]
};

/// Any operator's node, with its constants as a model file keeps them. "conv1d" and "embedding" cases are read as the
/// operators of causal convolution and embedding.
struct GoldenOperator {
  std::string op;
  Attributes attributes;
  Precision precision;
  bool sequence = false;  // tensors have steps
  int64_t steps = 1, batch = 1;
  std::vector<NamedArray> constants;
  std::vector<GoldenTensor> inputs;
  GoldenTensor output;
  bool any_width = false;  // an input of 8 bits means the same in 16

  int64_t rows() const { return steps * batch; }
};

struct GoldenCase {
  std::string kind;
  std::variant<std::monostate, GoldenDense, GoldenLstm, GoldenGru, GoldenAdd, GoldenOperator> body;  // or refused
  std::string refusal;                                                                               // why

  /// The kind, or the operator's name.
  std::string name() const {
    const auto* op = std::get_if<GoldenOperator>(&body);
    return op == nullptr ? kind : op->op;
  }
};

/// Coefficients as the file lists them: bits[piece][term], c0 first.
struct GoldenPieces {
  std::vector<std::array<uint32_t, 5>> bits;
  double width = 0;
  uint32_t limit = 0;
};

struct GoldenFile {
  GoldenPieces sigmoid, tanh;
  std::vector<GoldenCase> cases;
};

/// Throws IoError, or ParseError that names file, case and field.
GoldenFile read_golden(const std::string& path);

/// The file for these cases; `seed` is noted in it. The activation tables are those of the kernels.
void save_golden(const std::string& path, uint64_t seed, const std::vector<GoldenCase>& cases);

/// Whether all values fit 8 bits, so that a case also runs with 8-bit inputs.
bool fits_8_bits(const std::vector<int16_t>& values);

}  // namespace quantick::runtime
