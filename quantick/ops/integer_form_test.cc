// Every fixed-bits form, tested from its operator's row: against the float operator in steps of the output, over
// instruction sets, batch rows, and steps.
#include "quantick/ops/integer_form.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/operator.h"
#include "quantick/ops/ops.h"

namespace quantick {
namespace {

/// Asymmetric int8 or symmetric int16 over the values' range.
TensorFormat format_of(const std::vector<double>& values, DType dtype) {
  double low = 0, high = 0;
  for (const double v : values) low = std::min(low, v), high = std::max(high, v);
  if (dtype == DType::i16) return {dtype, static_cast<float>(std::max({-low, high, 1e-3}) / 32767), 0};
  const auto scale = static_cast<float>(std::max(high - low, 1e-3) / 255);
  return {dtype, scale, static_cast<int32_t>(std::clamp(std::rint(-128 - low / scale), -128.0, 127.0))};
}

Array quantized(const Array& x, const TensorFormat& format) {
  std::vector<double> v = x.to_vector<double>();
  const double top = format.bits() == 8 ? 128 : 32768;
  for (double& q : v) q = std::clamp(std::rint(q / format.scale) + format.zero_point, -top, top - 1);
  return Array::from(v, x.shape()).astype(format.dtype);
}

Array dequantized(const Array& q, const TensorFormat& format) {
  std::vector<double> v = q.to_vector<double>();
  for (double& x : v) x = (x - format.zero_point) * static_cast<double>(format.scale);
  return Array::from(v, q.shape()).astype(DType::f32);
}

/// One sample of a row as a node of a program.
struct Case {
  const Operator* op = nullptr;
  std::shared_ptr<Attributes> attributes;
  LowerCall lower;
  PrepareCall prepare;
  Arrays codes;        ///< data inputs
  Array float_output;  ///< of the float operator on the same (dequantized) inputs
  int64_t steps = 1, batch = 1;

  /// The whole window at once, one step at a time, or each step in its two halves.
  enum class How { window, steps, halves };

  Array run(Isa isa, int64_t first_row, int64_t rows, How how) const {
    const ForcedIsa forced(isa);
    const auto node = op->integer.prepare(prepare);
    std::vector<std::byte> state(static_cast<size_t>(node->state_bytes() * rows));
    Array out = Array::zeros({steps, rows, prepare.output_type.shape.size()}, lower.output.dtype);
    const int64_t at_once = how == How::window ? steps : 1;
    for (int64_t t = 0; t < steps; t += at_once)
      run_steps(*node, t, at_once, first_row, rows, state.data(), how == How::halves, out);
    return out;
  }

  /// The first steps as a batch, then each row alone with its part of the batch's state.
  Array run_parted(Isa isa) const {
    const ForcedIsa forced(isa);
    const auto node = op->integer.prepare(prepare);
    std::vector<std::byte> state(static_cast<size_t>(node->state_bytes() * batch)), own;
    Array out = Array::zeros({steps, batch, prepare.output_type.shape.size()}, lower.output.dtype);
    const int64_t first = steps / 2;
    if (first > 0) run_steps(*node, 0, first, 0, batch, state.data(), false, out);
    for (int64_t row = 0; row < batch; ++row) {
      own.clear();
      const std::byte* part = state.data();
      for (const int64_t bytes : node->state_parts()) {
        own.insert(own.end(), part + row * bytes, part + (row + 1) * bytes);
        part += batch * bytes;
      }
      EXPECT_EQ(static_cast<int64_t>(own.size()), node->state_bytes());
      Array rest = Array::zeros({steps, 1, out.shape()[2]}, out.dtype());
      run_steps(*node, first, steps - first, row, 1, own.data(), false, rest);
      out.slice(0, first, steps).slice(1, row, row + 1).assign(rest.slice(0, first, steps));
    }
    return out;
  }

  /// All steps, though after half of them the states of the rows begin, ..., end - 1 are zeros again.
  Array run_restarted(int64_t begin, int64_t end) const {
    const auto node = op->integer.prepare(prepare);
    std::vector<std::byte> state(static_cast<size_t>(node->state_bytes() * batch));
    Array out = Array::zeros({steps, batch, prepare.output_type.shape.size()}, lower.output.dtype);
    const int64_t first = steps / 2;
    if (first > 0) run_steps(*node, 0, first, 0, batch, state.data(), false, out);
    std::byte* part = state.data();
    for (const int64_t bytes : node->state_parts()) {
      std::fill(part + begin * bytes, part + end * bytes, std::byte{});
      part += batch * bytes;
    }
    run_steps(*node, first, steps - first, 0, batch, state.data(), false, out);
    return out;
  }

 private:
  /// Rows first_row ... of the steps from t on, into out [steps, rows, width].
  void run_steps(const IntegerNode& node, int64_t t, int64_t count, int64_t first_row, int64_t rows, std::byte* state,
                 bool halves, Array& out) const {
    const auto bytes = static_cast<size_t>(node.scratch_bytes(count, rows)) + 64;
    std::vector<std::byte> scratch(bytes), pending(static_cast<size_t>(node.pending_bytes() * rows));
    Arrays inputs;
    std::vector<const void*> pointers;
    for (const Array& c : codes) {
      inputs.push_back(
          c.reshape({steps, batch, -1}).slice(0, t, t + count).slice(1, first_row, first_row + rows).copy());
      pointers.push_back(inputs.back().raw());
    }
    IntegerNode::Call call{
        .steps = count, .batch = rows, .state = state, .scratch = scratch.data(), .pending = pending.data()};
    if (halves) {
      node.prepare_step(call);
      scratch.assign(bytes, std::byte{0x5a});  // others used it
      call.scratch = scratch.data();
    }
    call.inputs = pointers;
    call.output = out.mutable_raw() + t * out.size() / steps * dtype_size(out.dtype());
    if (halves)
      node.finish_step(call);
    else
      node.run(call);
  }
};

Array random_floats(const Shape& shape, double low, double high, Key key) {
  std::vector<float> v(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(low + (high - low) * key.uniform(i));
  return Array::from(v, shape);
}

Shape channels_of(const Shape& shape, int lead) {
  return Shape(std::span<const int64_t>(shape.begin() + lead, shape.end()));
}

/// How the tensors and weights of a case are kept.
struct Setting {
  std::vector<DType> inputs;  ///< in turn
  DType output = DType::i8;
  bool free_output = false;  ///< a format of its own also where the form would keep the input's
  Precision precision = {};
};

Setting all_in(DType dtype) { return {.inputs = {dtype}, .output = dtype}; }

bool same_lead(const Shape& a, const Shape& b, int lead) {
  return a.ndim() >= lead && b.ndim() >= lead && std::equal(a.begin(), a.begin() + lead, b.begin());
}

/// Random values of the sample's input; whole numbers where it is not float.
Array random_input(const OperatorSample& sample, size_t index, Key key) {
  const TensorType& type = sample.inputs[index];
  if (type.dtype == DType::boolean) return random_floats(type.shape, 0, 1, key) > 0.5;
  const Array v = random_floats(type.shape, sample.low, sample.high, key);
  return is_float(type.dtype) ? v : v.astype(type.dtype);
}

/// Adds a data input: codes, format, and what the float operator reads. Conditions are codes 0 and 1, ids stay float32.
void add_data(Case& c, Arrays& floats, const Array& v, DType dtype, int lead) {
  TensorFormat format;
  if (v.dtype() == DType::boolean) {
    format = {DType::i8, 1.0f, 0};
    c.codes.push_back(v.astype(DType::i8));
    floats.push_back(v);
  } else if (!is_float(v.dtype()) || dtype == DType::f32) {
    c.codes.push_back(v.astype(DType::f32));
    floats.push_back(v);
  } else {
    format = format_of(v.to_vector<double>(), dtype);
    c.codes.push_back(quantized(v, format));
    floats.push_back(dequantized(c.codes.back(), format));
  }
  c.lower.inputs.push_back(format);
  c.prepare.input_types.push_back({format.dtype, channels_of(v.shape(), lead)});
}

/// The samples that a program can hold with so many leading axes: inputs and outputs that keep steps and batch apart,
/// no initial states. Inputs that do not vary over the leading axes are constants where the form takes them.
void add_cases(const Operator& op, const Setting& setting, int lead, std::vector<Case>& out) {
  const IntegerForm& form = op.integer;
  const bool steps = lead == 2;
  const auto state = static_cast<size_t>(std::find(op.inputs.begin(), op.inputs.end(), "h0") - op.inputs.begin());
  for (const OperatorSample& sample : op.samples()) {
    if (state < op.inputs.size() && sample.inputs.size() > state) continue;
    const Shape y = op.infer(sample.attributes, sample.inputs)[0].shape;
    const auto data = static_cast<size_t>(data_input_count(form, sample.inputs.size()));
    int ndim = 0;
    for (size_t i = 0; i < data; ++i) ndim = std::max(ndim, sample.inputs[i].shape.ndim());
    if (ndim < lead + std::max(1, form.row_axes) || y.size() == 0 || y.ndim() < lead) continue;
    Case c;
    c.op = &op;
    c.steps = steps ? y[0] : 1;
    c.batch = y[lead - 1];
    c.attributes = std::make_shared<Attributes>(sample.attributes);
    c.lower.attributes = c.prepare.attributes = c.attributes.get();
    c.lower.lead_axes = c.prepare.lead_axes = lead;
    c.lower.precision = c.prepare.precision = setting.precision;
    Arrays floats;
    bool fits = true;
    for (size_t i = 0; i < sample.inputs.size(); ++i) {
      const Shape& x = sample.inputs[i].shape;
      const Array v = random_input(sample, i, Key(out.size()).fold(i));
      if (i < data && same_lead(x, y, lead)) {
        add_data(c, floats, v, setting.inputs[i % setting.inputs.size()], lead);
        if (form.data_inputs == kAllInputs) c.lower.parameters.emplace_back();
      } else {
        fits = fits && (i >= data || form.data_inputs == kAllInputs);
        floats.push_back(v);
        c.lower.parameters.push_back(v);
      }
    }
    if (!fits || c.codes.empty()) continue;
    c.float_output = invoke(op, sample.attributes, floats).front();
    using Output = IntegerForm::OutputFormat;
    const bool real = form.output == Output::real || setting.output == DType::f32;
    c.lower.output = real                                                  ? TensorFormat{}
                     : form.output == Output::q15                          ? kQ15
                     : form.output == Output::same && !setting.free_output ? c.lower.inputs[0]
                     : form.output == Output::unit && !setting.free_output
                         ? form.fixed_format
                         : format_of(c.float_output.to_vector<double>(), setting.output);
    c.lower.input_types = c.prepare.input_types;
    c.prepare.inputs = c.lower.inputs;
    c.prepare.output = c.lower.output;
    c.prepare.output_type = {c.lower.output.dtype, channels_of(y, lead)};
    try {
      if (form.lower) c.prepare.constants = form.lower(c.lower);
      form.prepare(c.prepare);
    } catch (const Error&) {
      continue;  // the sample's axes cannot be read in this way
    }
    out.push_back(c);
  }
}

std::vector<Case> cases(const Operator& op, const Setting& setting) {
  std::vector<Case> out;
  const bool over_steps = op.integer.kind != IntegerForm::Kind::pointwise;
  if (!over_steps) add_cases(op, setting, 1, out);
  if (over_steps || !op.integer.reads_integers) add_cases(op, setting, 2, out);
  return out;
}

/// Largest error allowed to an element: steps of the output; for float32 rounding alone; where there are weights the
/// steps that int8 would have at least.
double allowed_error(const Case& c) {
  const TensorFormat& format = c.lower.output;
  const auto values = c.float_output.to_vector<double>();
  if (c.op->integer.lower && c.op->integer.data_inputs != kAllInputs) {
    const double coarse = format_of(values, DType::i8).scale, own = format.quantized() ? format.scale : 0.0;
    return c.op->integer.error_steps * std::max(coarse, own);
  }
  if (format.quantized()) return c.op->integer.error_steps * static_cast<double>(format.scale);
  double top = 1;
  for (const double v : values) top = std::max(top, std::abs(v));
  return 1e-5 * top;
}

void expect_near_float_operator(const Case& c, double allowed, double& largest) {
  const TensorFormat& format = c.lower.output;
  const auto got = dequantized(c.run(active_isa(), 0, c.batch, Case::How::window), format).to_vector<double>();
  const auto want = c.float_output.to_vector<double>();
  ASSERT_EQ(got.size(), want.size());
  const double top = format.quantized() ? std::ldexp(1.0, format.bits() - 1) : INFINITY, scale = format.scale;
  const double low = (-top - format.zero_point) * scale, high = (top - 1 - format.zero_point) * scale;
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - std::clamp(want[i], low, high));
    largest = std::max(largest, error / scale);
    ASSERT_LE(error, allowed) << format.name() << ", element " << i << ": " << got[i] << " against " << want[i];
  }
}

/// Zeros in the state of one row start that row anew and leave the others as they are.
void expect_rows_restart_alone(const Case& c) {
  if (c.op->integer.prepare(c.prepare)->state_bytes() == 0) return;
  const Array whole = c.run(active_isa(), 0, c.batch, Case::How::window), anew = c.run_restarted(0, c.batch);
  for (int64_t row = 0; row < std::min<int64_t>(c.batch, 3); ++row) {
    const Array got = c.run_restarted(row, row + 1);
    for (int64_t n = 0; n < c.batch; ++n)
      EXPECT_TRUE(same_bits(got.slice(1, n, n + 1), (n == row ? anew : whole).slice(1, n, n + 1)))
          << "row " << n << " where row " << row << " starts anew";
  }
}

/// The same bits for rows alone, step by step, in half steps, and for rows that leave their batch; over instruction
/// sets but for float32 products.
void expect_same_bits_everywhere(const Case& c) {
  using How = Case::How;
  const Array scalar = c.run(Isa::scalar, 0, c.batch, How::window);
  for (const Isa isa : supported_isas()) {
    const Array whole = c.run(isa, 0, c.batch, How::window);
    const bool real_products = c.op->integer.reads_integers && c.lower.precision.real();
    EXPECT_TRUE(real_products || same_bits(whole, scalar)) << isa_name(isa);
    if (c.op->integer.kind != IntegerForm::Kind::window) {
      EXPECT_TRUE(same_bits(c.run(isa, 0, c.batch, How::steps), whole)) << isa_name(isa) << ", step by step";
      EXPECT_TRUE(same_bits(c.run(isa, 0, c.batch, How::halves), whole)) << isa_name(isa) << ", in half steps";
      EXPECT_TRUE(same_bits(c.run_parted(isa), whole)) << isa_name(isa) << ", parted";
    }
    for (int64_t row = 0; row < std::min<int64_t>(c.batch, 3); ++row)
      EXPECT_TRUE(same_bits(c.run(isa, row, 1, How::window), whole.slice(1, row, row + 1)))
          << isa_name(isa) << ", row " << row << " alone";
  }
  if (c.op->integer.kind != IntegerForm::Kind::window) expect_rows_restart_alone(c);
}

/// Methods, granularities and widths of weights.
std::vector<Precision> weight_precisions() {
  std::vector<Precision> out;
  Precision p;
  p.group_size = 4;
  p.decay = 0.75;
  for (const char* method : {"static", "dynamic", "dynamic_decay", "weight_only"}) {
    p.method = method;
    for (const char* granularity : {"tensor-wise", "channel-wise", "group-wise"}) {
      p.granularity = granularity;
      for (const char* dtype : {"int4", "int8", "int16"}) {
        p.weight_dtype = dtype;
        out.push_back(p);
      }
    }
    p.granularity = "channel-wise";
    for (const char* dtype : {"int2", "int6", "int12"}) {
      p.weight_dtype = dtype;
      p.power_of_two = p.weight_dtype == "int6";
      out.push_back(p);
    }
    p.power_of_two = false;
  }
  p.method = "float32";
  for (const char* dtype : {"float32", "bf16", "fp16"}) {
    p.weight_dtype = dtype;
    out.push_back(p);
  }
  return out;
}

/// Formats that a method reads and writes.
std::vector<Setting> settings_of(const Precision& p, const IntegerForm& form) {
  const bool q15 = form.output == IntegerForm::OutputFormat::q15 && !p.real();
  if (p.method != "static") return {{{DType::f32}, q15 ? DType::i16 : DType::f32, false, p}};
  return {{{DType::i8}, q15 ? DType::i16 : DType::i8, false, p},
          {{DType::i16}, q15 ? DType::i16 : DType::f32, false, p}};
}

/// Error of a setting, from that of 8-bit weights by the weights' steps; dynamic inputs add their own.
double allowed_error(const Case& c, const Precision& p) {
  double coarse = 0;  // 24 bits
  if (p.weight_dtype == "bf16")
    coarse = 1;
  else if (p.weight_dtype == "fp16")
    coarse = 0.125;
  else if (p.method != "float32")
    coarse = 127.0 / ((1 << (p.weight_bits() - 1)) - 1) * (p.power_of_two ? 3 : p.granularity == "tensor-wise" ? 2 : 1);
  if (c.lower.parameters.empty()) coarse = 1;  // no weights: products of computed tensors
  if (p.dynamic()) coarse += 1.5;
  const bool q15 = c.op->integer.output == IntegerForm::OutputFormat::q15;
  const auto values = c.float_output.to_vector<double>();
  const double step = q15 ? 0x1p-15 : static_cast<double>(format_of(values, DType::i8).scale);
  const double rounding = c.lower.output.quantized() ? 0.51 * static_cast<double>(c.lower.output.scale) : 0;
  // Hidden values of 16 bits over a range of at most 4; else the order of float32 sums.
  const bool recurrent = c.op->integer.kind == IntegerForm::Kind::recurrent;
  double top = 1;
  for (const double v : values) top = std::max(top, std::abs(v));
  return c.op->integer.error_steps * step * coarse + (recurrent ? 8 * 0x1p-13 : 2e-5 * top) + rounding;
}

class IntegerForms : public testing::TestWithParam<const Operator*> {};

TEST_P(IntegerForms, StaysNearTheFloatOperator) {
  const std::vector<Case> all = cases(*GetParam(), all_in(DType::i8));
  ASSERT_FALSE(all.empty());
  double largest = 0;
  for (const Case& c : all) expect_near_float_operator(c, allowed_error(c), largest);
  RecordProperty("largest_error_in_steps", std::to_string(largest));
}

TEST_P(IntegerForms, InstructionSetsRowsAndStepsGiveTheSameBits) {
  for (const DType dtype : {DType::i8, DType::i16})
    for (const Case& c : cases(*GetParam(), all_in(dtype))) expect_same_bits_everywhere(c);
}

TEST_P(IntegerForms, TakeAnyMixOfFormats) {
  const Operator& op = *GetParam();
  if (op.integer.reads_integers) return;
  Precision weights;
  weights.method = "weight_only";
  const Setting settings[] = {
      {.inputs = {DType::f32}, .output = DType::f32},
      {.inputs = {DType::f32}, .output = DType::i8, .free_output = true},
      {.inputs = {DType::f32}, .output = DType::i16, .free_output = true, .precision = weights},
      {.inputs = {DType::i8, DType::f32, DType::i16}, .output = DType::f32, .precision = weights},
      {.inputs = {DType::i8, DType::i16}, .output = DType::i8, .free_output = true},
      {.inputs = {DType::f32, DType::i16, DType::i8}, .output = DType::i8, .free_output = true},
      {.inputs = {DType::i16, DType::i8}, .output = DType::i16, .free_output = true}};
  double largest = 0;
  for (const Setting& setting : settings) {
    const std::vector<Case> all = cases(op, setting);
    // A form that keeps its input's format may insist on it.
    ASSERT_FALSE(all.empty() && op.integer.output != IntegerForm::OutputFormat::same);
    for (const Case& c : all) {
      expect_near_float_operator(c, allowed_error(c), largest);
      expect_same_bits_everywhere(c);
    }
  }
}

TEST_P(IntegerForms, RunInEveryMethodGranularityAndWidthOfWeights) {
  const Operator& op = *GetParam();
  const IntegerForm& form = op.integer;
  if (!form.reads_integers) return;
  const bool sequences = form.kind == IntegerForm::Kind::pointwise && form.row_axes == 0;  // and frames
  const auto cases_of = [&](const Setting& setting) {
    std::vector<Case> all = cases(op, setting);
    if (sequences) add_cases(op, setting, 2, all);
    return all;
  };
  const size_t expected = cases_of(all_in(DType::i8)).size();
  double largest = 0;
  int refused = 0;
  for (const Precision& precision : weight_precisions())
    for (const Setting& setting : settings_of(precision, form)) {
      SCOPED_TRACE(precision.method + " " + precision.granularity + " " + precision.weight_dtype);
      const std::vector<Case> all = cases_of(setting);
      if (op.name == "dense") {
        ASSERT_EQ(all.size(), expected);
      }
      refused += all.empty() ? 1 : 0;
      for (const Case& c : all) {
        expect_near_float_operator(c, allowed_error(c, precision), largest);
        expect_same_bits_everywhere(c);
      }
    }
  RecordProperty("settings_refused", std::to_string(refused));
}

std::vector<const Operator*> forms() {
  std::vector<const Operator*> out;
  for (const Operator& op : operators())
    if (op.integer.prepare) out.push_back(&op);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Ops, IntegerForms, testing::ValuesIn(forms()),
                         [](const auto& info) { return info.param->name; });

// --- lowering, against values worked out by hand ---

TEST(Lowering, WeightScaleIsTheLargestOverTheLimit) {
  const Array w = Array::from(std::vector<float>{0.5f, -1.27f, 0, 0, 0.006f, 2.54f}, {3, 2});
  const QuantizedWeight q = quantize_weight(w, 8, {}, 1.0f, "test");
  EXPECT_EQ(q.scales, (std::vector<float>{static_cast<float>(1.27f / 127.0), 1.0f, static_cast<float>(2.54f / 127.0)}));
  EXPECT_EQ(q.values.to_vector<int>(), (std::vector<int>{50, -127, 0, 0, 0, 127}));
}

TEST(Lowering, TwoBitWeightsHaveThreeCodes) {
  const Array w = Array::from(std::vector<float>{-1, -0.6f, 0.4f, 1}, {1, 4});
  EXPECT_EQ(quantize_weight(w, 2, {}, 1.0f, "test").values.to_vector<int>(), (std::vector<int>{-1, -1, 0, 1}));
}

TEST(Lowering, HalfStepsGoToEvenCodes) {
  const Array w = Array::from(std::vector<float>{127, 0.5f, 1.5f, -2.5f}, {1, 4});
  EXPECT_EQ(quantize_weight(w, 8, {}, 1.0f, "test").values.to_vector<int>(), (std::vector<int>{127, 0, 2, -2}));
}

TEST(Lowering, LargeBiasWidensTheScaleUntilItFits) {
  const Array w = Array::from(std::vector<float>{1e-7f}, {1, 1});
  const std::vector<double> bias = {4.0};
  const QuantizedWeight q = quantize_weight(w, 8, bias, 0.5f, "test");
  EXPECT_EQ(q.scales[0], 0x1p-27f);  // 4 * 2^-30 / 0.5
  EXPECT_EQ(quantize_bias(bias, 0.5f, 0, q, "test"), (std::vector<int64_t>{int64_t{1} << 30}));
}

TEST(Lowering, BiasTakesTheZeroPointIn) {
  const Array w = Array::from(std::vector<float>{127, -2, 5}, {1, 3});
  const std::vector<double> bias = {2.5};
  const QuantizedWeight q = quantize_weight(w, 8, bias, 1.0f, "test");
  EXPECT_EQ(quantize_bias(bias, 1.0f, -3, q, "test"), (std::vector<int64_t>{2 + 3 * 130}));
}

TEST(Lowering, ScalesAreDividedInFloat32InOrder) {
  const float x = 0.1f, w = 0.3f, y = 0.7f;
  volatile float product = x * w;
  EXPECT_EQ(row_scales(x, std::vector<float>{w}, y, kLargestScale, "test")[0], product / y);
}

template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Lowering, RefusesWhatTheContractRefuses) {
  const Array w = Array::ones({1, 1});
  EXPECT_NE(refusal([&] { quantize_weight(w, 17, {}, 1, "fc"); }).find("[fc] weight bits, was 17"), std::string::npos);
  EXPECT_NE(refusal([&] {
              quantize_weight(Array::full({1, 1}, NAN), 8, {}, 1, "fc");
            }).find("[fc] weight [0, 0], was nan"),
            std::string::npos);
  EXPECT_NE(refusal([&] {
              row_scales(0x1p-60f, std::vector<float>{0x1p-60f}, 1, kLargestScale, "fc");
            }).find("[fc] scale, was"),
            std::string::npos);
  EXPECT_NE(refusal([&] {
              row_scales(0x1p60f, std::vector<float>{0x1p60f}, 1, kLargestScale, "fc");
            }).find("[fc] scale, was"),
            std::string::npos);
}

TEST(Lowering, RefusesFloatInputsAndInitialStates) {
  LowerCall call;
  call.layer = "head";
  call.inputs = {TensorFormat{}};
  call.parameters = {Array::ones({2, 3})};
  EXPECT_NE(refusal([&] { find_operator("dense").integer.lower(call); }).find("[dense \"head\"] input, was float32"),
            std::string::npos);
  call.inputs = {{DType::i8, 0.1f, 0}};
  call.parameters = {Array::ones({4, 3}), Array::ones({4, 1}), Array(), Array(), Array::ones({1, 1})};
  EXPECT_NE(refusal([&] { find_operator("lstm").integer.lower(call); }).find("h0 and c0"), std::string::npos);
}

TEST(PrepareCall, NamesTheMissingConstant) {
  PrepareCall call;
  EXPECT_NE(refusal([&] { call.constant("weight"); }).find("constant weight is missing"), std::string::npos);
}

}  // namespace
}  // namespace quantick
