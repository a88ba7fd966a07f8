#include "quantick/runtime/stream.h"

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

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace quantick::runtime {
namespace {

constexpr int64_t kFeatures = 5;

Program small(bool last_only = false) {
  return random_lstm({.features = kFeatures, .units = 8, .last_only = last_only}, 11);
}

/// Runs all steps of x [steps, batch, features]; returns [steps, batch, outputs].
Array tick_by_tick(Stream& stream, const Array& x) {
  const int64_t steps = x.shape()[0], n = x.shape()[1];
  Array out = Array::empty(Shape{steps, n, stream.output_width()});
  const auto in_width = static_cast<size_t>(n * stream.columns());
  const auto out_width = static_cast<size_t>(n * stream.output_width());
  for (int64_t t = 0; t < steps; ++t)
    stream.step({x.data<float>() + t * in_width, in_width}, {out.mutable_data<float>() + t * out_width, out_width});
  return out;
}

/// The stack of small() and a program of every operator that runs on sequences, those with scales that decay included.
const std::vector<RandomOperatorProgram>& programs_over_time() {
  static const std::vector<RandomOperatorProgram> programs = [] {
    std::vector<RandomOperatorProgram> out{{"lstm stack", small()}};
    for (const Operator& op : operators())
      for (RandomOperatorProgram& one : random_operator_programs(op, 5)) {
        if (!one.program.input().sequence) continue;
        Precision& precision = one.program.nodes[0].precision;
        if (precision.method == "dynamic") {
          out.push_back(one);
          precision.method = "dynamic_decay";
          precision.decay = 0.9;
          one.name += " with decay";
        }
        out.push_back(std::move(one));
      }
    return out;
  }();
  return programs;
}

/// Windows of a stream that the program can have.
std::vector<int64_t> windows_of(const Program& program) {
  return program.needs_whole_window() ? std::vector<int64_t>{4} : std::vector<int64_t>{0, 4};
}

TEST(Stream, AnInstrumentOfAnyOperatorThatStartsAnewEqualsAFreshStream) {
  constexpr int64_t kNames = 3, kSteps = 14, kReset = 5, kGap = 8;
  int64_t carried = 0;
  for (const auto& [name, program] : programs_over_time())
    for (const int64_t window : windows_of(program)) {
      Stream stream(program, {.instruments = kNames, .window = window});
      const Array x = random_input(program, kSteps, kNames, 2);
      const auto columns = static_cast<size_t>(stream.columns()), width = static_cast<size_t>(stream.output_width());
      std::vector<Stream> alone;
      for (int64_t i = 0; i < kNames; ++i) alone.emplace_back(program, StreamOptions{.window = window});
      std::vector<float> in(kNames * columns), out(kNames * width), one(width);
      for (int64_t t = 0; t < kSteps; ++t) {
        if (t == kReset) {
          stream.reset(1);
          alone[1] = Stream(program, {.window = window});
        }
        std::copy_n(x.data<float>() + t * static_cast<int64_t>(in.size()), in.size(), in.begin());
        if (t == kGap) in[2 * columns] = std::numeric_limits<float>::quiet_NaN();
        stream.step(in, out);
        for (size_t i = 0; i < kNames; ++i) {
          const float* row = out.data() + i * width;
          if (t == kGap && i == 2) {
            alone[2] = Stream(program, {.window = window});
            EXPECT_TRUE(std::all_of(row, row + width, [](float v) { return std::isnan(v); })) << name;
            continue;
          }
          alone[i].step({in.data() + i * columns, columns}, one);
          ASSERT_EQ(std::memcmp(row, one.data(), width * sizeof(float)), 0)
              << name << ", window " << window << ", instrument " << i << ", step " << t;
        }
      }
      carried += window == 0;
    }
  EXPECT_GT(carried, 15);
}

TEST(Stream, BitsDoNotDependOnTheCallersFloatMode) {
#if defined(__x86_64__)
  struct OtherMode {
    OtherMode() { _mm_setcsr(before | 0x8040u | 0x6000u); }  // flush to zero, denormals are zero, round toward zero
    ~OtherMode() { _mm_setcsr(before); }
    unsigned before = _mm_getcsr();
  };
  for (const auto& [name, program] : programs_over_time()) {
    Array x = random_input(program, 6, 2, 3);
    for (int64_t i = 0; i < x.size(); i += 3) x.mutable_data<float>()[i] *= 0x1p-130f;
    const int64_t window = windows_of(program)[0];
    Stream plain(program, {.instruments = 2, .window = window});
    const Array expected = tick_by_tick(plain, x), codes = Session(program).run_codes(x);
    const OtherMode mode;
    Stream stream(program, {.instruments = 2, .window = window});
    const Array ticks = tick_by_tick(stream, x);
    EXPECT_EQ(std::memcmp(ticks.raw(), expected.raw(), static_cast<size_t>(expected.size()) * sizeof(float)), 0)
        << name;
    EXPECT_TRUE(same_bits(Session(program).run_codes(x), codes)) << name;
  }
#else
  GTEST_SKIP() << "no control register";
#endif
}

TEST(Stream, EqualsTheSessionOverTenThousandSteps) {
  const Program program = small();
  const Array x = random_input(program, 10'000, 3, 1);
  Stream stream(program, {.instruments = 3});
  EXPECT_TRUE(same_bits(tick_by_tick(stream, x), Session(program).run(x)));
}

TEST(Stream, TheFrameOfTheNewestStepEqualsTheSession) {
  const Program program = small(true);
  const Array x = random_input(program, 40, 2, 1);
  Stream stream(program, {.instruments = 2});
  const Array out = tick_by_tick(stream, x);
  for (const int64_t t : {1, 2, 17, 40})
    EXPECT_TRUE(same_bits(out.slice(0, t - 1, t).squeeze(0).contiguous(), Session(program).run(x.slice(0, 0, t)))) << t;
}

TEST(Stream, ResetForgetsOneInstrument) {
  const Program program = small();
  const Array x = random_input(program, 30, 3, 1);
  Stream stream(program, {.instruments = 3});
  tick_by_tick(stream, x);
  stream.reset(1);
  const Array again = tick_by_tick(stream, x);
  const Session session(program);
  EXPECT_TRUE(same_bits(again.slice(1, 1, 2).contiguous(), session.run(x.slice(1, 1, 2))));
  const Array twice = session.run(Array::from(
      [&] {
        auto v = x.to_vector<float>();
        v.insert(v.end(), v.begin(), v.end());
        return v;
      }(),
      Shape{60, 3, kFeatures}));
  for (const int64_t i : {0, 2})
    EXPECT_TRUE(
        same_bits(again.slice(1, i, i + 1).contiguous(), twice.slice(0, 30, 60).slice(1, i, i + 1).contiguous()));
  stream.reset(3);
  stream.reset(-1);
  stream.reset();
  EXPECT_TRUE(same_bits(tick_by_tick(stream, x), session.run(x)));
}

TEST(Stream, RollingWindowEqualsTheSessionOnThatWindow) {
  for (const bool last_only : {true, false}) {
    const Program program = small(last_only);
    constexpr int64_t kWindow = 7, kSteps = 25;
    const Array x = random_input(program, kSteps, 3, 4);
    Stream stream(program, {.instruments = 3, .window = kWindow});
    std::vector<float> out(static_cast<size_t>(3 * stream.output_width()));
    const Session session(program);
    for (int64_t t = 0; t < kSteps; ++t) {
      const Status status = stream.step({x.data<float>() + t * 3 * kFeatures, 3 * kFeatures}, out);
      if (t + 1 < kWindow) {
        EXPECT_EQ(status.code, Status::Code::warming_up);
        EXPECT_TRUE(std::isnan(out[0]));
        continue;
      }
      EXPECT_TRUE(status.ok());
      Array expected = session.run(x.slice(0, t + 1 - kWindow, t + 1));
      if (!last_only) expected = expected.slice(0, kWindow - 1, kWindow).squeeze(0);
      EXPECT_TRUE(same_bits(Array::from(out, expected.shape()), expected.contiguous())) << t;
    }
    stream.reset(2);
    const Status status = stream.step({x.data<float>(), 3 * kFeatures}, out);
    EXPECT_EQ(status.code, Status::Code::warming_up);
    EXPECT_EQ(status.instrument, 2);
    EXPECT_FALSE(std::isnan(out[0]));
    EXPECT_TRUE(std::isnan(out.back()));
  }
}

TEST(Stream, ARejectedInstrumentStartsAnewAndTheOthersGoOn) {
  constexpr int64_t kNames = 4, kSteps = 40;
  const Program program = small();
  const Array x = random_input(program, kSteps, kNames, 1);
  // Days without a value, by name: one in the middle, the first ones, and all from some day on.
  const auto absent = [](int64_t t, int64_t name) {
    return (name == 1 && (t == 9 || t == 20)) || (name == 2 && t < 13) || (name == 3 && t >= 25);
  };
  for (const int64_t window : {0, 4}) {
    Stream clean(program, {.instruments = kNames, .window = window});
    Stream hit(program, {.instruments = kNames, .window = window});
    std::vector<Stream> alone;  // each name by itself, fed from its start on and anew after each gap
    for (int64_t i = 0; i < kNames; ++i) alone.emplace_back(program, StreamOptions{.window = window});
    const auto width = static_cast<size_t>(clean.output_width());
    std::vector<float> all(kNames * width), got(all), one(width);
    for (int64_t t = 0; t < kSteps; ++t) {
      const float* now = x.data<float>() + t * kNames * kFeatures;
      clean.step({now, kNames * kFeatures}, all);
      std::vector<float> bad(now, now + kNames * kFeatures);
      int64_t first = -1;
      for (int64_t i = kNames - 1; i >= 0; --i) {
        if (!absent(t, i)) continue;
        first = i;
        bad[i * kFeatures + 3] =
            t % 2 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
      }
      const Status status = hit.step(bad, got);
      if (first >= 0) {
        EXPECT_EQ(status.code, Status::Code::not_finite);
        EXPECT_EQ(status.instrument, first);
        EXPECT_EQ(status.column, 3);
      } else {
        EXPECT_NE(status.code, Status::Code::not_finite);
      }
      EXPECT_EQ(std::memcmp(got.data(), all.data(), width * sizeof(float)), 0) << "name 0, step " << t;
      for (int64_t i = 0; i < kNames; ++i) {
        const float* row = got.data() + i * width;
        if (absent(t, i)) {
          alone[i].reset();
          for (size_t k = 0; k < width; ++k) EXPECT_TRUE(std::isnan(row[k])) << "name " << i << ", step " << t;
          continue;
        }
        const Status of_one = alone[i].step({now + i * kFeatures, kFeatures}, one);
        EXPECT_EQ(std::memcmp(row, one.data(), width * sizeof(float)), 0) << "name " << i << ", step " << t;
        EXPECT_EQ(std::isnan(row[0]), of_one.code == Status::Code::warming_up);
      }
    }
    EXPECT_EQ(hit.step(std::span(all).first(1), got).code, Status::Code::wrong_size);
    EXPECT_EQ(status_name(Status::Code::wrong_size), "wrong size");
  }
}

TEST(Stream, ARejectedRowIsNamedAheadOfWindowsThatFill) {
  constexpr int64_t kNames = 70;  // more than run together, the rejected one among the last
  const Program program = small();
  Stream stream(program, {.instruments = kNames, .window = 3});
  std::vector<float> x(kNames * kFeatures, 0.5f), out(static_cast<size_t>(kNames * stream.output_width()));
  x[68 * kFeatures + 2] = std::numeric_limits<float>::infinity();
  x[69 * kFeatures] = std::numeric_limits<float>::quiet_NaN();
  const Status status = stream.step(x, out);
  EXPECT_EQ(status.code, Status::Code::not_finite);
  EXPECT_EQ(status.instrument, 68);
  EXPECT_EQ(status.column, 2);
}

TEST(Stream, FilledInputIsNeverRejected) {
  Program program = small();
  program.inputs[0].missing = MissingPolicy::fill;
  Array x = random_input(program, 12, 2, 1);
  x.mutable_data<float>()[57] = std::numeric_limits<float>::quiet_NaN();
  Stream stream(program, {.instruments = 2});
  EXPECT_TRUE(same_bits(tick_by_tick(stream, x), Session(program).run(x)));
}

TEST(Stream, RefusesOptionsOutOfRange) {
  const Program program = small();
  EXPECT_THROW(Stream(program, {.instruments = 0}), ValueError);
  EXPECT_THROW(Stream(program, {.instruments = 1, .window = -1}), ValueError);
  EXPECT_THROW(Stream(random_dense(4, 3, 8, 1), {.instruments = 1, .window = 2}), ValueError);
}

/// What each instrument's steps give when it steps alone, by instrument and step.
std::vector<std::vector<float>> alone(const Program& program, const Array& x, int64_t window, int64_t columns) {
  const int64_t steps = x.shape()[0], n = x.shape()[1];
  std::vector<std::vector<float>> out;
  const auto plan = std::make_shared<const Plan>(program);
  for (int64_t i = 0; i < n; ++i) {
    Stream stream(plan, {.window = window});
    const auto width = static_cast<size_t>(stream.output_width());
    std::vector<float> rows(static_cast<size_t>(steps) * width);
    for (int64_t t = 0; t < steps; ++t)
      stream.step({x.data<float>() + (t * n + i) * columns, static_cast<size_t>(columns)},
                  {rows.data() + static_cast<size_t>(t) * width, width});
    out.push_back(std::move(rows));
  }
  return out;
}

/// More instruments than run together, in random micro-batches and orders, some prepared and some not.
TEST(Stream, AnyFormAndOrderOfTicksGivesTheBitsOfSingleSteps) {
  constexpr int64_t kNames = 70, kSteps = 6;
  for (const auto& [name, program] : programs_over_time())
    for (const int64_t window : windows_of(program)) {
      Stream stream(program, {.instruments = kNames, .window = window});
      const int64_t columns = stream.columns(), width = stream.output_width();
      const Array x = random_input(program, kSteps, kNames, 2);
      const auto expected = alone(program, x, window, columns);
      const Key key = Key(3).fold(name);
      std::vector<int64_t> at(kNames, 0);
      std::vector<float> in(kNames * columns), out(kNames * width);
      uint64_t draw = 0;
      for (int64_t left = kNames * kSteps; left > 0;) {
        std::vector<int64_t> together;
        // One, some, or most of those that still have steps, in an order of their own.
        const uint64_t share = key.below(draw++, 3) == 0 ? 60 : 3;
        const auto first = static_cast<int64_t>(key.below(draw++, kNames));
        for (int64_t k = 0; k < kNames; ++k) {
          const int64_t i = (first + 31 * k) % kNames;
          if (at[i] < kSteps && key.below(draw++, 64) < share) together.push_back(i);
        }
        if (key.below(draw++, 4) == 0) stream.prepare(static_cast<int64_t>(key.below(draw++, kNames)));
        if (key.below(draw++, 8) == 0) stream.prepare();
        for (size_t k = 0; k < together.size(); ++k)
          std::copy_n(x.data<float>() + (at[together[k]] * kNames + together[k]) * columns, columns,
                      in.begin() + static_cast<int64_t>(k) * columns);
        const auto n = static_cast<int64_t>(together.size());
        if (n == 1)
          stream.step(together[0], {in.data(), static_cast<size_t>(columns)}, {out.data(), static_cast<size_t>(width)});
        else
          stream.step(together, {in.data(), static_cast<size_t>(n * columns)},
                      {out.data(), static_cast<size_t>(n * width)});
        for (int64_t k = 0; k < n; ++k) {
          const int64_t i = together[k], t = at[i]++;
          ASSERT_EQ(std::memcmp(out.data() + k * width, expected[i].data() + t * width, width * sizeof(float)), 0)
              << name << ", window " << window << ", instrument " << i << ", step " << t << ", among " << n;
        }
        left -= n;
      }
    }
}

TEST(Stream, AbsorbedStepsLeaveWhatStepsLeave) {
  for (const auto& [name, program] : programs_over_time())
    for (const int64_t window : windows_of(program)) {
      Stream stepped(program, {.instruments = 2, .window = window}), fed(program, {.instruments = 2, .window = window});
      const auto columns = static_cast<size_t>(stepped.columns()), width = static_cast<size_t>(stepped.output_width());
      const Array x = random_input(program, 9, 1, 4);
      std::vector<float> one(width), other(width);
      Status status;
      for (size_t t = 0; t < 8; ++t) status = stepped.step(1, {x.data<float>() + t * columns, columns}, one);
      fed.prepare(1);
      EXPECT_EQ(fed.absorb(1, {x.data<float>(), 8 * columns}).code, status.code);
      stepped.step(1, {x.data<float>() + 8 * columns, columns}, one);
      fed.step(1, {x.data<float>() + 8 * columns, columns}, other);
      EXPECT_EQ(std::memcmp(one.data(), other.data(), width * sizeof(float)), 0) << name;
      EXPECT_EQ(fed.absorb(2, {x.data<float>(), columns}).code, Status::Code::wrong_instrument);
      EXPECT_EQ(fed.absorb(0, {x.data<float>(), 0}).code, Status::Code::ok);
    }
}

TEST(Stream, WarmingUpAndPreparingChangeNoOutput) {
  for (const auto& [name, program] : programs_over_time())
    for (const int64_t window : windows_of(program)) {
      const Array x = random_input(program, 8, 3, 1);
      Stream plain(program, {.instruments = 3, .window = window}), warm(program, {.instruments = 3, .window = window});
      const auto columns = static_cast<size_t>(3 * plain.columns()),
                 width = static_cast<size_t>(3 * plain.output_width());
      std::vector<float> one(width), other(width);
      warm.warm_up();
      for (size_t t = 0; t < 8; ++t) {
        const std::span<const float> now(x.data<float>() + t * columns, columns);
        warm.keep_warm();
        if (t % 2 == 0) warm.prepare(1);
        if (t == 4) warm.warm_up();
        if (t == 6) warm.prepare();
        if (t == 5) {
          warm.prepare(2);
          warm.reset(2);  // what was prepared belongs to the forgotten steps
          plain.reset(2);
        }
        plain.step(now, one);
        warm.step(now, other);
        ASSERT_EQ(std::memcmp(one.data(), other.data(), width * sizeof(float)), 0) << name << ", step " << t;
      }
    }
}

TEST(Stream, NamesInstrumentsThatDoNotExistOrComeTwice) {
  const Program program = small();
  Stream stream(program, {.instruments = 3});
  const Array x = random_input(program, 1, 3, 1);
  const std::vector<float> row(x.data<float>(), x.data<float>() + kFeatures),
      rows(x.data<float>(), x.data<float>() + 2 * kFeatures);
  const auto width = static_cast<size_t>(stream.output_width());
  std::vector<float> one(width, 7), two(2 * width, 7);
  const auto refused = [&](const Status& status, Status::Code code, int64_t instrument) {
    EXPECT_EQ(status.code, code);
    EXPECT_EQ(status.instrument, instrument);
    EXPECT_EQ(one, std::vector<float>(width, 7));
    EXPECT_EQ(two, std::vector<float>(2 * width, 7));
  };
  refused(stream.step(3, row, one), Status::Code::wrong_instrument, 3);
  refused(stream.step(-1, row, one), Status::Code::wrong_instrument, -1);
  refused(stream.step(0, rows, one), Status::Code::wrong_size, -1);
  const std::vector<int64_t> twice{1, 1}, outside{0, 5}, good{2, 0};
  refused(stream.step(twice, rows, two), Status::Code::wrong_instrument, 1);
  refused(stream.step(outside, rows, two), Status::Code::wrong_instrument, 5);
  refused(stream.step(good, row, two), Status::Code::wrong_size, -1);
  stream.prepare(3);
  stream.prepare(-1);
  EXPECT_TRUE(stream.step(good, rows, two).ok());
  EXPECT_TRUE(stream.step(std::span<const int64_t>(), {}, {}).ok());
  Stream fresh(program);
  fresh.step(row, one);
  EXPECT_EQ(std::memcmp(one.data(), two.data(), width * sizeof(float)), 0);
  EXPECT_EQ(status_name(Status::Code::wrong_instrument), "wrong instrument");
}

/// A state that holds inputs means something else on another grid; hidden values have a grid of their own.
TEST(Stream, StatesOnAnotherGridAreNotAccepted) {
  int64_t hold_inputs = 0, hidden = 0, projected = 0;
  for (const Operator& op : operators())
    for (const auto& [name, program] : random_operator_programs(op, 5)) {
      const TensorFormat& format = program.values[program.inputs[0].value].format;
      if (!program.input().sequence || program.needs_whole_window() || !format.quantized()) continue;
      const Stream running(program);
      if (running.plan().layout(1, 1).state_bytes > 0) {
        Program other = program;
        for (ProgramValue& value : other.values)  // some operators want input and output on one grid
          if (value.format == format) value.format.scale *= 2;
        EXPECT_EQ(running.accepts(Plan(other)), op.family == "recurrent") << name;
        ++(op.family == "recurrent" ? hidden : hold_inputs);
      }
      for (size_t k = 0; k < program.nodes[0].constants.size(); ++k) {
        if (program.nodes[0].constants[k].name != "scale_r") continue;
        Program other = program;
        Array& unit = other.nodes[0].constants[k].value;
        unit = Array::from(std::vector<float>{2 * unit.to_vector<float>()[0]});
        EXPECT_FALSE(running.accepts(Plan(other))) << name;
        ++projected;
      }
    }
  EXPECT_GT(hold_inputs, 3);
  EXPECT_GT(hidden, 3);
  EXPECT_GT(projected, 0);
}

TEST(Stream, AnotherPlanTakesOverTheInstruments) {
  const Program before = random_lstm({.features = kFeatures, .units = 8}, 11);
  Program after = before;
  // Another head on the same recurrent layers, so that a session of the new model alone knows the states.
  after.nodes.back().constants = random_lstm({.features = kFeatures, .units = 8}, 12).nodes.back().constants;
  const Array x = random_input(before, 20, 2, 1);
  for (const int64_t window : {0, 3}) {
    Stream running(before, {.instruments = 2, .window = window});
    tick_by_tick(running, x.slice(0, 0, 12));
    running.prepare();
    Stream next(after, {.instruments = 2, .window = window});
    next.warm_up();
    tick_by_tick(next, x);
    next.prepare();
    next.take_over(running);
    const Array got = tick_by_tick(next, x.slice(0, 12, 20));
    Stream all(after, {.instruments = 2, .window = window});
    EXPECT_TRUE(same_bits(got, tick_by_tick(all, x).slice(0, 12, 20).contiguous())) << window;
  }
  Stream running(before, {.instruments = 2});
  const Plan wider(random_lstm({.features = kFeatures, .units = 12}, 11)),
      one_layer(random_lstm({.features = kFeatures, .units = 8, .layers = 1}, 11)), same(after);
  EXPECT_FALSE(running.accepts(wider));
  EXPECT_FALSE(running.accepts(one_layer));
  EXPECT_TRUE(running.accepts(same));
  Stream other(random_lstm({.features = kFeatures, .units = 12}, 1), {.instruments = 2}), fewer(after);
  EXPECT_THROW(other.take_over(running), ValueError);
  EXPECT_THROW(fewer.take_over(running), ValueError);
}

}  // namespace
}  // namespace quantick::runtime
