// Programs as a broken or hostile file would give them: each is refused with an Error or runs within its memory (the
// sanitizers' builds see that), with the same bits on every instruction set and tick by tick.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/ops/operator.h"
#include "quantick/runtime/random_operator.h"
#include "quantick/runtime/random_program.h"
#include "quantick/runtime/session.h"
#include "quantick/runtime/stream.h"

namespace quantick::runtime {
namespace {

constexpr int64_t kSteps = 3, kBatch = 2;
/// Larger programs are made ready, not run.
constexpr int64_t kMostBytes = 4 << 20;

/// Draws one number after the other.
class Draw {
 public:
  explicit Draw(const Key& key) : key_(key) {}
  size_t below(size_t bound) { return key_.below(next_++, bound); }
  template <class T>
  const T& of(const std::vector<T>& list) {
    return list[below(list.size())];
  }
  template <class T>
  T& in(std::vector<T>& list) {
    return list[below(list.size())];
  }

 private:
  Key key_;
  uint64_t next_ = 0;
};

const std::vector<float>& poisons() {
  using Limits = std::numeric_limits<float>;
  static const std::vector<float> values{Limits::quiet_NaN(),
                                         Limits::infinity(),
                                         -Limits::infinity(),
                                         0.0f,
                                         -0.0f,
                                         -1.0f,
                                         Limits::denorm_min(),
                                         0x1p-120f,
                                         0x1p-99f,
                                         0x1p94f,
                                         0x1p120f,
                                         Limits::max(),
                                         3.0f};
  return values;
}

const std::vector<int64_t>& extents() {
  static const std::vector<int64_t> values{0,
                                           1,
                                           2,
                                           3,
                                           5,
                                           7,
                                           33,
                                           64,
                                           1000,
                                           -1,
                                           -2,
                                           int64_t{1} << 24,
                                           int64_t{1} << 31,
                                           int64_t{1} << 40,
                                           int64_t{1} << 62,
                                           std::numeric_limits<int64_t>::max(),
                                           std::numeric_limits<int64_t>::min()};
  return values;
}

constexpr DType kTypes[] = {DType::f32, DType::f64, DType::i8,  DType::u8,
                            DType::i16, DType::i32, DType::i64, DType::boolean};

void poison_value(Array& x, Draw& draw) {
  if (x.size() == 0) return;
  const bool all = draw.below(4) == 0;
  const size_t place = draw.below(static_cast<size_t>(x.size()));
  x = x.copy();
  const auto set = [&](auto* to, auto value) {
    if (all)
      std::fill_n(to, x.size(), value);
    else
      to[place] = value;
  };
  const bool high = draw.below(2) == 0;
  const auto limit = [&](auto* to) {
    using T = std::remove_pointer_t<decltype(to)>;
    set(to, high ? std::numeric_limits<T>::max() : std::numeric_limits<T>::min());
  };
  switch (x.dtype()) {
    case DType::f32:
      return set(x.mutable_data<float>(), draw.of(poisons()));
    case DType::i8:
      return limit(x.mutable_data<int8_t>());
    case DType::u8:
      return limit(x.mutable_data<uint8_t>());
    case DType::i16:
      return limit(x.mutable_data<int16_t>());
    case DType::i64:
      return limit(x.mutable_data<int64_t>());
    default:
      return;
  }
}

void alter_constant(ProgramNode& node, Draw& draw) {
  if (node.constants.empty()) {
    node.constants.push_back(
        {draw.of(std::vector<std::string>{"operand0", "operand1", "scale", "weight", "wr", "bias"}),
         Array::from(std::vector<float>{1.0f, 2.0f})});
    return;
  }
  NamedArray& constant = draw.in(node.constants);
  Array& x = constant.value;
  const int axis = x.ndim() > 0 ? static_cast<int>(draw.below(static_cast<size_t>(x.ndim()))) : 0;
  switch (draw.below(10)) {
    case 0:
      std::swap(constant, node.constants.back());
      return node.constants.pop_back();
    case 1:
      constant.name =
          draw.of(std::vector<std::string>{"", "weight", "scale", "bias", "operand1", "wr", "bh", "bias_h"});
      return;
    case 2:
      x = x.expand_dims(0);
      return;
    case 3:
      x = x.reshape(Shape{x.size()});
      return;
    case 4:
      if (x.ndim() > 0) x = x.slice(axis, 0, static_cast<int64_t>(draw.below(2))).contiguous();
      return;
    case 5:
      if (x.ndim() > 0 && x.shape()[axis] > 1) x = x.slice(axis, 1, x.shape()[axis]).contiguous();
      return;
    case 6:
      x = x.astype(kTypes[draw.below(std::size(kTypes))]);
      return;
    case 7:
      x = Array::zeros(Shape{draw.of(std::vector<int64_t>{0, 1, 2, 100}), draw.of(std::vector<int64_t>{0, 1, 7})},
                       x.dtype());
      return;
    default:
      return poison_value(x, draw);
  }
}

void alter_value(ProgramValue& value, Draw& draw) {
  TensorFormat& f = value.format;
  switch (draw.below(7)) {
    case 0:
      f.dtype = kTypes[draw.below(std::size(kTypes))];
      return;
    case 1:
      f.scale = draw.of(poisons());
      return;
    case 2:
      f.zero_point = draw.of(std::vector<int32_t>{0, 1, -128, 127, 128, -32768, 32767, -100000, 1 << 30});
      return;
    case 3:
      f.narrow_bits = static_cast<int32_t>(draw.below(20)) - 2;
      return;
    case 4:
      f.grid = draw.below(2) == 0 ? FloatGrid::bf16 : FloatGrid::fp16;
      return;
    case 5:
      value.sequence = !value.sequence;
      return;
    default:
      if (value.channels.ndim() == 0 || draw.below(4) == 0)
        value.channels.push_back(draw.of(extents()));
      else
        value.channels[static_cast<int>(draw.below(static_cast<size_t>(value.channels.ndim())))] = draw.of(extents());
  }
}

void alter_precision(Precision& p, Draw& draw) {
  const auto bits = [&] {
    std::vector<int64_t> list(draw.below(6));
    for (int64_t& b : list) b = static_cast<int64_t>(draw.below(30)) - 2;
    return list;
  };
  switch (draw.below(11)) {
    case 0:
      p.method =
          draw.of(std::vector<std::string>{"static", "dynamic", "dynamic_decay", "weight_only", "float32", "magic"});
      return;
    case 1:
      p.weight_dtype = draw.of(
          std::vector<std::string>{"int1", "int2", "int4", "int8", "int16", "int17", "bf16", "fp16", "float32"});
      return;
    case 2:
      p.granularity = draw.of(std::vector<std::string>{"tensor-wise", "channel-wise", "group-wise", "row"});
      return;
    case 3:
      p.granularity = "group-wise";
      p.group_size = draw.of(extents());
      return;
    case 4:
      p.gate_weight_bits = bits();
      return;
    case 5:
      p.gate_bits = bits();
      return;
    case 6:
      p.state_bits = draw.of(std::vector<int64_t>{-1, 0, 1, 2, 8, 23, 25, 1000});
      return;
    case 7:
      p.state_bits = 8;
      p.state_top = draw.of(std::vector<double>{0, -1, 0.3, 2, 0x1p200, 0x1p-200, 0x1p1000, NAN, INFINITY});
      return;
    case 8:
      p.hidden_bits = draw.of(std::vector<int64_t>{-8, 0, 8, 12, 16, 32});
      return;
    case 9:
      p.decay = draw.of(std::vector<double>{-1, 0, 1, 2, 1e-300, 0.5, NAN, INFINITY});
      p.method = "dynamic_decay";
      return;
    default:
      p.power_of_two = !p.power_of_two;
  }
}

void alter_attribute(ProgramNode& node, Draw& draw) {
  if (node.attributes.empty() || draw.below(10) == 0) {
    node.attributes.push_back({draw.of(std::vector<std::string>{"axis", "", "groups"}), int64_t{1}});
    return;
  }
  AttributeValue& value = draw.in(node.attributes).second;
  if (draw.below(8) == 0) {
    value = draw.of(std::vector<AttributeValue>{true, int64_t{0}, 0.5, std::string("x"), std::vector<int64_t>{}});
  } else if (auto* integer = std::get_if<int64_t>(&value)) {
    *integer = draw.of(extents());
  } else if (auto* real = std::get_if<double>(&value)) {
    *real = draw.of(poisons());
    if (draw.below(4) == 0) *real = 1e300;
  } else if (auto* list = std::get_if<std::vector<int64_t>>(&value)) {
    if (list->empty() || draw.below(4) == 0)
      list->push_back(draw.of(extents()));
    else if (draw.below(6) == 0)
      list->pop_back();
    else
      draw.in(*list) = draw.of(extents());
  } else if (auto* flag = std::get_if<bool>(&value)) {
    *flag = !*flag;
  } else {
    value = draw.of(std::vector<std::string>{"", "none", "tanh", "magic"});
  }
}

void alter(Program& program, Draw& draw) {
  ProgramNode& node = draw.in(program.nodes);
  const auto count = static_cast<int>(program.values.size());
  switch (draw.below(14)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return alter_constant(node, draw);
    case 4:
    case 5:
    case 6:
      return alter_value(draw.in(program.values), draw);
    case 7:
    case 8:
      return alter_precision(node.precision, draw);
    case 9:
    case 10:
      return alter_attribute(node, draw);
    case 11:
      if (draw.below(2) == 0 && !node.inputs.empty())
        node.inputs.pop_back();
      else
        node.inputs.push_back(static_cast<int>(draw.below(static_cast<size_t>(count))));
      return;
    case 12:
      (draw.below(2) == 0 && !node.inputs.empty() ? node.inputs[0] : node.output) =
          draw.of(std::vector<int>{-1, count, 0, 1, 1 << 30});
      return;
    default:
      node.op = operators()[draw.below(operators().size())].name;
  }
}

/// NaNs are one value: their payload is no part of the contract.
bool equal(const Array& a, const Array& b) {
  if (!(a.type() == b.type())) return false;
  if (a.dtype() != DType::f32) return same_bits(a, b);
  const auto x = a.to_vector<float>(), y = b.to_vector<float>();
  for (size_t i = 0; i < x.size(); ++i)
    if (std::memcmp(&x[i], &y[i], sizeof(float)) != 0 && !(std::isnan(x[i]) && std::isnan(y[i]))) return false;
  return true;
}

Array finite_input(const Program& program) {
  const std::vector<float> drawn = random_input(program, kSteps, kBatch, 1).to_vector<float>();
  std::vector<float> values;
  for (const float v : drawn) values.push_back(std::isfinite(v) ? v : 1.0f);
  Shape shape = program.input().channels;
  shape.insert(0, kBatch);
  if (program.input().sequence) shape.insert(0, kSteps);
  return Array::from(values, shape);
}

/// Runs what was accepted; says what is wrong, or "".
std::string fault(const Program& program) {
  const Plan plan(program);
  const Plan::Layout layout = plan.layout(kSteps, kBatch, true);
  if (layout.arena_bytes > kMostBytes || layout.state_bytes > kMostBytes) return "";
  const Array x = finite_input(program);
  Array scalar;
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    const Array y = Session(program).run_codes(x);
    if (isa == Isa::scalar)
      scalar = y;
    else if (!equal(y, scalar))
      return fmt::format("{} differs from scalar", isa_name(isa));
  }
  if (!program.input().sequence || !program.output().sequence || plan.needs_whole_window()) return "";
  Stream stream(program, {.instruments = kBatch});
  const Array expected = Session(program).run(x);
  Array ticks = Array::empty(expected.shape());
  const auto in = static_cast<size_t>(kBatch * stream.columns()),
             out = static_cast<size_t>(kBatch * stream.output_width());
  for (size_t t = 0; t < kSteps; ++t)
    stream.step({x.data<float>() + t * in, in}, {ticks.mutable_data<float>() + t * out, out});
  return equal(ticks, expected) ? "" : "steps differ from the window";
}

void attack(const Program& valid, const std::string& name, int tries, int64_t& accepted) {
  for (int i = 0; i < tries; ++i) {
    Draw draw(Key(7).fold(name).fold(static_cast<uint64_t>(i)));
    Program program = valid;
    const size_t changes = 1 + draw.below(3);
    std::string was;
    try {
      for (size_t k = 0; k < changes; ++k) alter(program, draw);
      was = fault(program);
      ++accepted;
    } catch (const InvariantError& e) {
      was = fmt::format("an invariant broke: {}", e.what());
    } catch (const Error&) {
      continue;
    } catch (const std::exception& e) {
      was = fmt::format("threw {}", e.what());
    }
    EXPECT_EQ(was, "") << name << ", try " << i << "\n" << program.text();
  }
}

TEST(HostileProgram, EveryOperatorIsRefusedOrRunsWithinItsMemory) {
  int64_t accepted = 0, programs = 0;
  for (const Operator& op : operators())
    for (const auto& [name, program] : random_operator_programs(op, 3)) {
      ++programs;
      attack(program, name, 40, accepted);
    }
  EXPECT_GT(accepted, programs * 4) << "too few altered programs are still valid to run";
}

TEST(HostileProgram, StacksAreRefusedOrRunWithinTheirMemory) {
  int64_t accepted = 0;
  attack(random_lstm({.features = 5, .units = 8}, 3), "lstm with head", 200, accepted);
  attack(random_lstm({.features = 5, .units = 8, .outputs = 3, .last_only = true}, 3), "last", 200, accepted);
  EXPECT_GT(accepted, 40);
}

TEST(HostileProgram, ConstantsThatAreViewsGiveTheSameBits) {
  int64_t views = 0;
  for (const Operator& op : operators())
    for (const auto& [name, program] : random_operator_programs(op, 3)) {
      const Array x = finite_input(program);
      const Array expected = Session(program).run_codes(x);
      Program other = program;
      for (ProgramNode& node : other.nodes)
        for (NamedArray& constant : node.constants) {
          Array& value = constant.value;
          if (value.ndim() == 0 || value.size() < 2) continue;
          Shape twice = value.shape();
          twice[-1] *= 2;
          const Array wide = Array::zeros(twice, value.dtype());
          Array view = wide.slice(value.ndim() - 1, 0, twice[-1], 2);
          view.assign(value);
          value = view;
          ++views;
        }
      EXPECT_TRUE(same_bits(Session(other).run_codes(x), expected)) << name;
    }
  EXPECT_GT(views, 20);
}

}  // namespace
}  // namespace quantick::runtime
