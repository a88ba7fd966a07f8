#include "quantick/runtime/model_slot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

#include "quantick/core/error.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/random_program.h"

namespace quantick::runtime {
namespace {

constexpr int64_t kFeatures = 5, kOutputs = 4;

Program lstm(int64_t units, uint64_t seed) {
  return random_lstm({.features = kFeatures, .units = units, .outputs = kOutputs}, seed);
}

/// Another head on the layers of `program`: states of the one are those of the other.
Program with_head(Program program, uint64_t seed) {
  program.nodes.back().constants = lstm(8, seed).nodes.back().constants;
  return program;
}

using Row = std::vector<float>;

bool equal(const Row& a, const Row& b) { return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0; }

/// Rows of features, by number.
std::vector<Row> rows_of(const Program& program, int64_t count, uint64_t seed) {
  const std::vector<float> all = random_input(program, count, 1, seed).to_vector<float>();
  std::vector<Row> out;
  for (int64_t t = 0; t < count; ++t) out.emplace_back(all.begin() + t * kFeatures, all.begin() + (t + 1) * kFeatures);
  return out;
}

TEST(ModelSlot, GoesOnFromTheStatesOfTheLastModelWhereTheyMeanTheSame) {
  const Program first = lstm(8, 1), second = lstm(8, 2);
  const std::vector<Row> rows = rows_of(first, 30, 3);
  for (const int64_t history : {0, 40}) {
    ModelSlot slot(first, {.stream = {.instruments = 2}, .history = history});
    Stream a(first, {.instruments = 2}), b(second, {.instruments = 2});
    Row got(kOutputs), expected(kOutputs);
    for (int t = 0; t < 30; ++t) {
      if (t == 12) {
        EXPECT_EQ(slot.offer(second), 2u);
        EXPECT_EQ(slot.running(), 1u);
        EXPECT_EQ(slot.collect(), 2u);
        b.take_over(a);
      }
      if (t % 5 == 2) slot.prepare(1);
      const Tick tick = slot.step(1, rows[t], got);
      EXPECT_TRUE(tick.ok());
      EXPECT_EQ(tick.model, t < 12 ? 1u : 2u);
      (t < 12 ? a : b).step(1, rows[t], expected);
      EXPECT_TRUE(equal(got, expected)) << t;
    }
    EXPECT_EQ(slot.running(), 2u);
    EXPECT_EQ(slot.collect(), 1u);
  }
}

TEST(ModelSlot, ReplaysTheNewestRowsForAModelWithOtherStates) {
  constexpr int64_t kHistory = 8;
  const Program first = lstm(8, 1), second = lstm(12, 2);
  const std::vector<Row> rows = rows_of(first, 40, 3);
  for (const int64_t window : {0, 4}) {
    ModelSlot slot(first, {.stream = {.instruments = 3, .window = window}, .history = kHistory});
    Stream fresh(second, {.instruments = 3, .window = window});
    Row got(kOutputs), expected(kOutputs);
    Row missing = rows[0];
    missing[3] = std::numeric_limits<float>::quiet_NaN();
    const auto both = [&](int64_t instrument, const Row& row) {
      const Tick tick = slot.step(instrument, row, got);
      const Status status = fresh.step(instrument, row, expected);
      EXPECT_EQ(tick.status.code, status.code);
      return tick;
    };
    for (int t = 0; t < 20; ++t) {
      slot.step(0, rows[t], got);  // more than is kept
      if (t == 15) slot.reset(1);
      if (t == 17) slot.step(2, missing, got);
      slot.step(1, rows[t], got);
      slot.step(2, rows[t], got);
    }
    for (int t = 12; t < 20; ++t) fresh.step(0, rows[t], expected);
    for (int t = 15; t < 20; ++t) fresh.step(1, rows[t], expected);
    for (int t = 17; t < 20; ++t) fresh.step(2, rows[t], expected);
    EXPECT_EQ(slot.offer(second), 2u);
    for (int t = 20; t < 40; ++t)
      for (const int64_t i : {2, 0, 1}) {
        if (t == 30 && i == 1) slot.reset(i), fresh.reset(i);
        EXPECT_EQ(both(i, rows[t]).model, 2u);
        EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0) << t << " of " << i;
      }
  }
}

TEST(ModelSlot, KeepsTheRowsOfAMicroBatchLessTheRejectedOnes) {
  const Program first = lstm(8, 1), second = lstm(12, 2);
  const std::vector<Row> rows = rows_of(first, 10, 3);
  ModelSlot slot(first, {.stream = {.instruments = 2}, .history = 16});
  Stream fresh(second, {.instruments = 2});
  const std::vector<int64_t> both{1, 0};
  Row in(2 * kFeatures), got(2 * kOutputs), expected(2 * kOutputs);
  for (int t = 0; t < 10; ++t) {
    std::copy_n(rows[t].begin(), kFeatures, in.begin());
    std::copy_n(rows[9 - t].begin(), kFeatures, in.begin() + kFeatures);
    if (t == 4) in[kFeatures + 1] = std::numeric_limits<float>::quiet_NaN();
    if (t == 8) slot.offer(second);
    const Tick tick = slot.step(both, in, got);
    EXPECT_EQ(tick.status.code, t == 4 ? Status::Code::not_finite : Status::Code::ok);
    fresh.step(both, in, expected);
    EXPECT_EQ(equal(got, expected), tick.model == 2) << t;
  }
  EXPECT_EQ(slot.running(), 2u);
}

TEST(ModelSlot, AnOfferEndsWhereTicksComeFasterThanTheNewModelReplaysThem) {
  const Program quick = lstm(4, 1), slow = lstm(384, 2);
  const Row row = rows_of(quick, 1, 3)[0];
  ModelSlot slot(quick, {.history = 2048});
  std::atomic<bool> stop{false}, started{false};
  std::thread ticking([&] {
    Row out(kOutputs);
    while (!stop) {
      slot.step(0, row, out);
      started = true;
    }
  });
  while (!started) std::this_thread::yield();
  EXPECT_EQ(slot.offer(slow), 2u);
  while (slot.running() != 2) std::this_thread::yield();
  stop = true;
  ticking.join();
}

TEST(ModelSlot, EveryFormOfStepIsThatOfAStream) {
  const Program program = lstm(8, 1);
  ModelSlot slot(program, {.stream = {.instruments = 3}, .history = 4});
  Stream stream(program, {.instruments = 3});
  const Array x = random_input(program, 4, 3, 2);
  const std::span<const float> all(x.data<float>(), 3 * kFeatures);
  Row got(3 * kOutputs), expected(3 * kOutputs);
  const std::vector<int64_t> some{2, 0};
  slot.warm_up();
  for (int t = 0; t < 4; ++t) {
    slot.prepare();
    EXPECT_TRUE(slot.step(all, got).ok());
    stream.step(all, expected);
    EXPECT_TRUE(equal(got, expected));
    slot.keep_warm();
    EXPECT_TRUE(slot.step(some, all.first(2 * kFeatures), std::span(got).first(2 * kOutputs)).ok());
    stream.step(some, all.first(2 * kFeatures), std::span(expected).first(2 * kOutputs));
    EXPECT_TRUE(equal(got, expected));
    if (t == 1) slot.reset(), stream.reset();
    if (t == 2) slot.reset(2), stream.reset(2);
  }
  EXPECT_EQ(slot.step(3, all.first(kFeatures), std::span(got).first(kOutputs)).status.code,
            Status::Code::wrong_instrument);
  EXPECT_EQ(slot.step(1, all, got).status.code, Status::Code::wrong_size);
  slot.reset(-1);
  slot.prepare(7);
  slot.step(all, got);
  stream.step(all, expected);
  EXPECT_TRUE(equal(got, expected));
}

TEST(ModelSlot, AbsorbsHistoryAsStepsWould) {
  const Program first = lstm(8, 1), second = lstm(12, 2);
  const std::vector<Row> rows = rows_of(first, 12, 3);
  for (const int64_t window : {0, 3})
    for (const int64_t history : {0, 6}) {
      const ModelSlotOptions options{.stream = {.instruments = 2, .window = window}, .history = history};
      ModelSlot slot(first, options), stepped(first, options);
      Row past, got(kOutputs), expected(kOutputs);
      for (int t = 0; t < 10; ++t) past.insert(past.end(), rows[t].begin(), rows[t].end());
      past[7 * kFeatures + 2] = std::numeric_limits<float>::quiet_NaN();  // rows 8 and 9 are left
      Status last;
      for (int t = 0; t < 10; ++t)
        last = stepped.step(1, std::span(past).subspan(t * kFeatures, kFeatures), got).status;
      const Tick tick = slot.absorb(1, past);
      EXPECT_EQ(tick.status.code, last.code);
      EXPECT_EQ(tick.model, 1u);
      if (history > 0) {  // a model with other states finds the rows
        slot.offer(second);
        stepped.offer(second);
      }
      for (int t = 10; t < 12; ++t) {
        EXPECT_EQ(slot.step(1, rows[t], got).status.code, stepped.step(1, rows[t], expected).status.code);
        EXPECT_TRUE(equal(got, expected)) << t;
      }
      EXPECT_EQ(slot.absorb(1, std::span(past).first(kFeatures + 1)).status.code, Status::Code::wrong_size);
      EXPECT_EQ(slot.absorb(2, past).status.code, Status::Code::wrong_instrument);
    }
}

/// The text that an offer is refused with; the running model must not notice.
template <class Offer>
std::string refusal(ModelSlot& slot, Offer&& offer) {
  const uint64_t before = slot.running();
  std::string text = "accepted";
  try {
    offer();
  } catch (const Error& error) {
    text = error.what();
  }
  EXPECT_EQ(slot.running(), before);
  return text;
}

TEST(ModelSlot, RefusesWhatDoesNotFitAndGoesOn) {
  const Program program = lstm(8, 1);
  ModelSlot slot(program, {.stream = {.instruments = 1}, .history = 4});
  const auto text = [&](const Program& other) { return refusal(slot, [&] { slot.offer(other); }); };
  const auto names = [](const std::string& text, std::string_view part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  names(text(random_lstm({.features = 6, .units = 8}, 1)), "[model slot] input of the new model, was (6,) per step");
  names(text(random_lstm({.features = kFeatures, .units = 8, .outputs = 3}, 1)),
        "output of the new model, was 3 values");
  Program other = program;
  other.inputs[0].missing = MissingPolicy::fill;
  names(text(other), "missing values of the new model, were \"fill\", expected \"reject\"");
  other = program;
  other.inputs[0].columns = {"a", "b", "c", "d", "e"};
  names(text(other), "column 0 of the new model, was \"a\", expected without a name");
  other = program;
  other.nodes[0].inputs[0] = 99;
  names(text(other), "names value 99");

  const auto path = std::filesystem::temp_directory_path() /
                    ("quantick-slot-" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  save(with_head(program, 5), path.string());
  EXPECT_EQ(slot.offer_file(path.string()), 2u);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('\x7f');
  }
  names(refusal(slot, [&] { slot.offer_file(path.string()); }), path.string());
  std::filesystem::remove(path);
  names(refusal(slot, [&] { slot.offer_file(path.string()); }), path.string());

  // The one that was on offer still is, and a later one takes its place.
  Row got(kOutputs), expected(kOutputs);
  const std::vector<Row> rows = rows_of(program, 2, 3);
  EXPECT_EQ(slot.step(0, rows[0], got).model, 2u);
  EXPECT_EQ(slot.offer(program), 3u);
  EXPECT_EQ(slot.offer(with_head(program, 7)), 4u);
  EXPECT_EQ(slot.collect(), 2u);
  EXPECT_EQ(slot.step(0, rows[1], got).model, 4u);
  Stream stream(with_head(program, 7));
  for (const Row& row : rows) stream.step(0, row, expected);
  EXPECT_TRUE(equal(got, expected));

  ModelSlot forgetful(program, {});
  names(refusal(forgetful, [&] { forgetful.offer(lstm(12, 1)); }), "a slot with a history of features");
  EXPECT_EQ(forgetful.offer(lstm(8, 2)), 2u);
  EXPECT_THROW(ModelSlot(program, {.stream = {.window = 5}, .history = 4}), ValueError);
}

/// Three models take turns under a thread that ticks; each output must be that of the model whose number it bears,
/// given the instrument's rows since its last start, and of no other.
void swap_under_load(uint64_t swaps, int64_t window) {
  constexpr int64_t kNames = 4, kPeriod = 96;
  constexpr std::chrono::microseconds kTick(10);
  const Program first = lstm(8, 1);
  const std::vector<Program> models{first, with_head(first, 2), lstm(12, 3)};
  // Every way from one to another: to the same states, to others and back.
  constexpr int kTurns[] = {0, 1, 0, 2, 1, 2};
  const auto model_of = [&](uint64_t number) { return kTurns[(number - 1) % std::size(kTurns)]; };

  std::vector<std::vector<Row>> rows;                // by instrument
  std::vector<std::vector<std::vector<Row>>> truth;  // by instrument, model, row
  for (int64_t i = 0; i < kNames; ++i) {
    rows.push_back(rows_of(first, kPeriod, 10 + static_cast<uint64_t>(i)));
    truth.emplace_back();
    for (const Program& model : models) {
      Stream stream(model, {.window = window});
      truth.back().emplace_back();
      for (const Row& row : rows.back()) {
        Row out(kOutputs);
        stream.step(row, out);
        truth.back().back().push_back(out);
      }
    }
    for (int64_t t = window; t < kPeriod; ++t)
      for (const auto& [a, b] : {std::pair(0, 1), {0, 2}, {1, 2}})
        ASSERT_FALSE(equal(truth[i][a][t], truth[i][b][t])) << "models that cannot be told apart";
  }

  ModelSlot slot(first, {.stream = {.instruments = kNames, .window = window}, .history = kPeriod});
  std::atomic<bool> stop{false}, started{false};
  std::atomic<int64_t> steps{0}, wrong{0}, ambiguous{0}, backwards{0}, behind{0};
  std::thread ticking([&] {
    slot.warm_up();
    std::vector<int64_t> at(kNames, 0);
    Row missing = rows[0][0], out(kOutputs), batch_out(2 * kOutputs), batch_in(2 * kFeatures);
    missing[1] = std::numeric_limits<float>::infinity();
    uint64_t last = 1;
    const auto look = [&](int64_t i, const Tick& tick, const float* got) {
      const int64_t t = at[i]++;
      backwards += tick.model < last;
      last = tick.model;
      const auto is = [&](int model) {
        return std::memcmp(got, truth[i][model][t].data(), kOutputs * sizeof(float)) == 0;
      };
      wrong += !is(model_of(tick.model));
      // Before a window is full all models give NaN.
      if (t + 1 >= window) ambiguous += is(0) + is(1) + is(2) != 1;
      ++steps;
    };
    auto due = std::chrono::steady_clock::now();
    for (int64_t n = 0; !stop; ++n) {
      const int64_t i = n % kNames, other = (i + 1) % kNames;
      for (const int64_t k : {i, other})
        if (at[k] == kPeriod) {
          slot.reset(k);
          at[k] = 0;
        }
      if (n % 1009 == 7) {
        wrong += slot.step(i, missing, out).status.code != Status::Code::not_finite;
        at[i] = 0;
      }
      if (n % 3 == 0) slot.prepare(i);
      if (n % 5 == 0) {
        const int64_t both[] = {other, i};
        std::copy_n(rows[other][at[other]].data(), kFeatures, batch_in.data());
        std::copy_n(rows[i][at[i]].data(), kFeatures, batch_in.data() + kFeatures);
        const Tick tick = slot.step(both, batch_in, batch_out);
        look(other, tick, batch_out.data());
        look(i, tick, batch_out.data() + kOutputs);
      } else {
        const Tick tick = slot.step(i, rows[i][at[i]], out);
        look(i, tick, out.data());
      }
      started = true;
      due += kTick;
      const auto now = std::chrono::steady_clock::now();
      if (now > due + 100 * kTick) {
        ++behind;  // the system took the processor away
        due = now;
      }
      while (std::chrono::steady_clock::now() < due) {
      }
    }
  });
  while (!started) std::this_thread::yield();
  const auto begin = std::chrono::steady_clock::now();
  const int64_t steps_before = steps;
  uint64_t refused = 0;
  for (uint64_t number = 2; number <= swaps + 1; ++number) {
    if (number % 64 == 0) try {
        slot.offer(random_lstm({.features = kFeatures, .units = 8, .outputs = 3}, number));
      } catch (const ValueError&) {
        ++refused;
      }
    ASSERT_EQ(slot.offer(models[static_cast<size_t>(model_of(number))]), number);
    while (slot.running() != number) std::this_thread::yield();
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const int64_t during = steps - steps_before;
  stop = true;
  ticking.join();
  EXPECT_EQ(slot.collect(), 1u);
  EXPECT_EQ(refused, (swaps + 1) / 64);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(ambiguous, 0);
  EXPECT_EQ(backwards, 0);
  EXPECT_GE(during, static_cast<int64_t>(swaps));
  std::printf(
      "%llu swaps in %.1f s under %.0f steps per second, %lld outputs, each of exactly one model; %lld pauses\n",
      static_cast<unsigned long long>(swaps), seconds.count(), static_cast<double>(during) / seconds.count(),
      static_cast<long long>(steps.load()), static_cast<long long>(behind.load()));
}

TEST(ModelSlot, SwapsUnderLoadMissNoStep) { swap_under_load(200, 0); }

TEST(ModelSlot, SwapsOfRollingWindowsUnderLoadMissNoStep) { swap_under_load(200, 4); }

TEST(ModelSlotSlow, TenThousandSwapsUnderLoadMissNoStep) { swap_under_load(10'000, 0); }

}  // namespace
}  // namespace quantick::runtime
