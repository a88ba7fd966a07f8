#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "quantick/bindings/quantick.h"
#include "quantick/core/file.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/random_program.h"
#include "quantick/runtime/session.h"

namespace quantick {
namespace {

/// Written once with version 2 of the file format; every later version has to read it.
const std::string kModel = QTK_SOURCE_DIR "/tests/golden/lstm_v2.qtk";

runtime::Program reference() {
  runtime::Program program = runtime::random_lstm({.features = 3, .units = 5, .layers = 2, .outputs = 2}, 7);
  program.metadata["label"] = "return over 5 days";
  program.inputs[0].columns = {"close", "volume", "spread"};
  return program;
}

struct Handles {
  explicit Handles(int64_t instruments = 3, int64_t window = 0) {
    EXPECT_EQ(qtk_model_load(kModel.c_str(), &model), QTK_OK) << qtk_last_error();
    EXPECT_EQ(qtk_stream_open(model, instruments, window, &stream), QTK_OK) << qtk_last_error();
  }
  ~Handles() {
    qtk_stream_close(stream);
    qtk_model_free(model);
  }
  qtk_model* model = nullptr;
  qtk_stream* stream = nullptr;
};

bool same_bits(const std::vector<float>& a, const float* b) { return std::memcmp(a.data(), b, 4 * a.size()) == 0; }

TEST(CApi, TheFileOfVersion2IsTheProgramItWasMadeFrom) {
  EXPECT_TRUE(runtime::load(kModel) == reference());
  EXPECT_EQ(qtk_abi_version(), QTK_ABI_VERSION);
  EXPECT_EQ(std::string(qtk_version()).find("0."), 0U);
}

TEST(CApi, DescribesTheModel) {
  Handles h;
  EXPECT_EQ(qtk_model_columns(h.model), 3);
  EXPECT_EQ(qtk_model_outputs(h.model), 2);
  EXPECT_STREQ(qtk_model_column_name(h.model, 1), "volume");
  EXPECT_EQ(qtk_model_column_name(h.model, 3), nullptr);
  EXPECT_EQ(qtk_model_column_name(h.model, -1), nullptr);
  EXPECT_STREQ(qtk_model_metadata(h.model, "label"), "return over 5 days");
  EXPECT_EQ(qtk_model_metadata(h.model, "weather"), nullptr);
  EXPECT_EQ(qtk_model_metadata(h.model, nullptr), nullptr);
}

TEST(CApi, NullHandlesHaveNothingToSay) {
  EXPECT_EQ(qtk_model_columns(nullptr), 0);
  EXPECT_EQ(qtk_model_outputs(nullptr), 0);
  EXPECT_EQ(qtk_model_column_name(nullptr, 0), nullptr);
  EXPECT_EQ(qtk_model_metadata(nullptr, "label"), nullptr);
  EXPECT_EQ(qtk_slot_columns(nullptr), 0);
  EXPECT_EQ(qtk_slot_outputs(nullptr), 0);
  const int64_t first = 0;
  const float x[3] = {};
  float out[2];
  Handles h;
  EXPECT_EQ(qtk_stream_step_many(h.stream, nullptr, 1, x, out, nullptr), QTK_INVALID);
  EXPECT_EQ(qtk_stream_step_many(h.stream, &first, -1, x, out, nullptr), QTK_WRONG_SIZE);
  EXPECT_EQ(qtk_slot_step(nullptr, 0, x, out, nullptr, nullptr), QTK_INVALID);
  EXPECT_EQ(qtk_slot_step_many(nullptr, &first, 1, x, out, nullptr, nullptr), QTK_INVALID);
  EXPECT_EQ(qtk_model_run(h.model, x, 1, -1, out, 2), QTK_INVALID);
  EXPECT_EQ(qtk_model_run(h.model, x, int64_t{1} << 62, int64_t{1} << 62, out, 2), QTK_INVALID);
  qtk_model_free(nullptr);
  qtk_stream_close(nullptr);
  qtk_slot_close(nullptr);
}

TEST(CApi, WindowsAndTicksGiveTheBitsOfTheSession) {
  const int64_t steps = 20, batch = 3;
  const runtime::Program program = reference();
  const Array x = runtime::random_input(program, steps, batch, 5);
  const Array want = runtime::Session(program).run(x);
  const float* expected = want.data<float>();
  Handles h;
  std::vector<float> out(static_cast<size_t>(want.size()));
  ASSERT_EQ(qtk_model_run(h.model, x.data<float>(), steps, batch, out.data(), want.size()), QTK_OK) << qtk_last_error();
  EXPECT_TRUE(same_bits(out, expected));

  const int64_t order[] = {2, 0, 1};
  for (int64_t t = 0; t < steps; ++t) {
    const float* features = x.data<float>() + t * batch * 3;
    float got[6];
    if (t % 2 == 0) {
      for (const int64_t i : order) {
        if (t % 4 == 0) {
          ASSERT_EQ(qtk_stream_prepare(h.stream, i), QTK_OK);
        }
        ASSERT_EQ(qtk_stream_step(h.stream, i, features + i * 3, got + i * 2, nullptr), QTK_OK);
      }
    } else {
      float gathered[9], scattered[6];
      for (int k = 0; k < 3; ++k) std::memcpy(gathered + k * 3, features + order[k] * 3, 12);
      if (t % 3 == 0) {
        ASSERT_EQ(qtk_stream_prepare(h.stream, -1), QTK_OK);
      }
      ASSERT_EQ(qtk_stream_step_many(h.stream, order, 3, gathered, scattered, nullptr), QTK_OK);
      for (int k = 0; k < 3; ++k) std::memcpy(got + order[k] * 2, scattered + k * 2, 8);
    }
    ASSERT_EQ(std::memcmp(got, expected + t * 6, sizeof got), 0) << t;
    if (t == 7) {
      ASSERT_EQ(qtk_stream_keep_warm(h.stream), QTK_OK);
    }
    if (t == 9) {
      ASSERT_EQ(qtk_stream_warm_up(h.stream), QTK_OK);
    }
  }
}

TEST(CApi, TickStatusesNameThePlace) {
  Handles h(2, 3);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float good[] = {0, 1, 2, 0, 1, 2}, bad[] = {0, 1, 2, 0, nan, 2};
  float out[4];
  qtk_where where;
  EXPECT_EQ(qtk_stream_step(h.stream, 1, good, out, &where), QTK_WARMING_UP);
  EXPECT_EQ(where.instrument, 1);
  EXPECT_TRUE(std::isnan(out[0]));
  const int64_t both[] = {0, 1}, twice[] = {1, 1};
  EXPECT_EQ(qtk_stream_step_many(h.stream, both, 2, bad, out, &where), QTK_NOT_FINITE);
  EXPECT_EQ(where.instrument, 1);
  EXPECT_EQ(where.column, 1);
  EXPECT_EQ(qtk_stream_step_many(h.stream, twice, 2, good, out, &where), QTK_WRONG_INSTRUMENT);
  EXPECT_EQ(where.instrument, 1);
  EXPECT_EQ(qtk_stream_step_many(h.stream, both, 3, good, out, &where), QTK_WRONG_SIZE);
  EXPECT_EQ(qtk_stream_step(h.stream, 2, good, out, nullptr), QTK_WRONG_INSTRUMENT);
  EXPECT_EQ(qtk_stream_prepare(h.stream, 2), QTK_WRONG_INSTRUMENT);
  EXPECT_EQ(qtk_stream_reset(h.stream, -2), QTK_WRONG_INSTRUMENT);
  EXPECT_EQ(qtk_stream_step(nullptr, 0, good, out, nullptr), QTK_INVALID);
  EXPECT_EQ(qtk_stream_step(h.stream, 0, nullptr, out, nullptr), QTK_INVALID);
  EXPECT_EQ(qtk_stream_prepare(nullptr, 0), QTK_INVALID);
  for (int t = 0; t < 3; ++t) {
    EXPECT_EQ(qtk_stream_step(h.stream, 0, good, out, nullptr), t < 1 ? QTK_WARMING_UP : QTK_OK) << t;
  }
  EXPECT_EQ(qtk_stream_reset(h.stream, -1), QTK_OK);
  EXPECT_EQ(qtk_stream_step(h.stream, 0, good, out, nullptr), QTK_WARMING_UP);
}

TEST(CApi, AbsorbedHistoryIsWorthItsSteps) {
  const int64_t past = 5;
  const Array x = runtime::random_input(reference(), past + 1, 1, 5);
  const float* newest = x.data<float>() + past * 3;
  for (const int64_t window : {0, 4}) {
    Handles stepped(2, window), absorbed(2, window);
    qtk_slot* slot = nullptr;
    ASSERT_EQ(qtk_slot_open(kModel.c_str(), 2, window, 8, &slot), QTK_OK) << qtk_last_error();
    float want[2], got[2];
    for (int64_t t = 0; t <= past; ++t) qtk_stream_step(stepped.stream, 1, x.data<float>() + t * 3, want, nullptr);
    uint64_t number = 0;
    EXPECT_EQ(qtk_stream_absorb(absorbed.stream, 1, past, x.data<float>(), nullptr), QTK_OK);
    EXPECT_EQ(qtk_slot_absorb(slot, 1, past, x.data<float>(), nullptr, &number), QTK_OK);
    EXPECT_EQ(number, 1U);
    ASSERT_EQ(qtk_stream_step(absorbed.stream, 1, newest, got, nullptr), QTK_OK);
    EXPECT_EQ(std::memcmp(want, got, sizeof want), 0);
    ASSERT_EQ(qtk_slot_step(slot, 1, newest, got, nullptr, nullptr), QTK_OK);
    EXPECT_EQ(std::memcmp(want, got, sizeof want), 0);
    qtk_slot_close(slot);
  }
  Handles h;
  const float bad[6] = {0, 0, 0, 0, std::numeric_limits<float>::infinity(), 0};
  qtk_where where;
  EXPECT_EQ(qtk_stream_absorb(h.stream, 2, 2, bad, &where), QTK_NOT_FINITE);
  EXPECT_EQ(where.instrument, 2);
  EXPECT_EQ(where.column, 1);
  EXPECT_EQ(qtk_stream_absorb(h.stream, 3, 1, bad, nullptr), QTK_WRONG_INSTRUMENT);
  EXPECT_EQ(qtk_stream_absorb(h.stream, 0, -1, bad, nullptr), QTK_WRONG_SIZE);
  EXPECT_EQ(qtk_stream_absorb(h.stream, 0, 1, nullptr, nullptr), QTK_INVALID);
  EXPECT_EQ(qtk_slot_absorb(nullptr, 0, 1, bad, nullptr, nullptr), QTK_INVALID);
}

TEST(CApi, ErrorsBecomeStatusesWithATextOfTheThread) {
  qtk_model* model = reinterpret_cast<qtk_model*>(1);
  EXPECT_EQ(qtk_model_load("/nowhere/model.qtk", &model), QTK_FILE);
  EXPECT_EQ(model, nullptr);
  EXPECT_NE(std::string(qtk_last_error()).find("/nowhere/model.qtk"), std::string::npos) << qtk_last_error();
  std::thread([] { EXPECT_STREQ(qtk_last_error(), ""); }).join();

  const auto path = (std::filesystem::temp_directory_path() / ("qtk-c-" + std::to_string(::getpid()))).string();
  std::string bytes = read_file(kModel);
  bytes[bytes.size() / 2] ^= 4;
  write_file(path, bytes);
  EXPECT_EQ(qtk_model_load(path.c_str(), &model), QTK_FORMAT);
  EXPECT_NE(std::string(qtk_last_error()).find(path), std::string::npos) << qtk_last_error();
  std::filesystem::remove(path);
  EXPECT_EQ(qtk_model_load(nullptr, &model), QTK_INVALID);
  EXPECT_EQ(qtk_model_load(kModel.c_str(), nullptr), QTK_INVALID);

  Handles h;
  qtk_stream* stream = nullptr;
  EXPECT_EQ(qtk_stream_open(h.model, 0, 0, &stream), QTK_INVALID);
  EXPECT_NE(std::string(qtk_last_error()).find("instruments, was 0"), std::string::npos) << qtk_last_error();
  EXPECT_EQ(qtk_stream_open(nullptr, 1, 0, &stream), QTK_INVALID);
  const float x[6] = {};
  float out[4];
  EXPECT_EQ(qtk_model_run(h.model, x, 2, 1, out, 3), QTK_INVALID);
  EXPECT_NE(std::string(qtk_last_error()).find("out_size, was 3, expected 4"), std::string::npos) << qtk_last_error();
  EXPECT_EQ(qtk_model_run(h.model, x, 0, 1, out, 4), QTK_INVALID);
  EXPECT_EQ(qtk_model_run(h.model, x, 2, 0, out, 0), QTK_OK);
  const float nan[3] = {0, 0, std::numeric_limits<float>::infinity()};
  EXPECT_EQ(qtk_model_run(h.model, nan, 1, 1, out, 2), QTK_INVALID);
  EXPECT_NE(std::string(qtk_last_error()).find("spread"), std::string::npos) << qtk_last_error();
}

TEST(CApi, AStreamOutlivesItsModel) {
  Handles h(1);
  const float x[3] = {0.1f, -0.2f, 0.3f};
  float before[2], after[2];
  ASSERT_EQ(qtk_stream_step(h.stream, 0, x, before, nullptr), QTK_OK);
  ASSERT_EQ(qtk_stream_reset(h.stream, 0), QTK_OK);
  qtk_model_free(h.model);
  h.model = nullptr;
  ASSERT_EQ(qtk_stream_step(h.stream, 0, x, after, nullptr), QTK_OK);
  EXPECT_EQ(std::memcmp(before, after, sizeof before), 0);
}

TEST(CApi, ASlotTakesAnotherModelAndKeepsItsStates) {
  const auto path = (std::filesystem::temp_directory_path() / ("qtk-c-slot-" + std::to_string(::getpid()))).string();
  runtime::Program other = reference();
  other.outputs[0].name = "other";
  runtime::save(other, path);
  Handles plain(1);
  qtk_slot* slot = nullptr;
  ASSERT_EQ(qtk_slot_open(kModel.c_str(), 1, 0, 0, &slot), QTK_OK) << qtk_last_error();
  EXPECT_EQ(qtk_slot_columns(slot), 3);
  EXPECT_EQ(qtk_slot_outputs(slot), 2);
  ASSERT_EQ(qtk_slot_warm_up(slot), QTK_OK);
  uint64_t number = 0, offered = 0;
  const int64_t first = 0;
  for (int t = 0; t < 6; ++t) {
    if (t == 3) {
      ASSERT_EQ(qtk_slot_offer(slot, path.c_str(), &offered), QTK_OK) << qtk_last_error();
      EXPECT_EQ(offered, 2U);
      EXPECT_EQ(qtk_slot_offer(slot, "/nowhere", nullptr), QTK_FILE);
    }
    const float x[3] = {0.3f * static_cast<float>(t), 0.1f, -0.5f};
    float want[2], got[2];
    ASSERT_EQ(qtk_stream_step(plain.stream, 0, x, want, nullptr), QTK_OK);
    if (t % 2 == 0) {
      ASSERT_EQ(qtk_slot_step(slot, 0, x, got, nullptr, &number), QTK_OK);
    } else {
      ASSERT_EQ(qtk_slot_step_many(slot, &first, 1, x, got, nullptr, &number), QTK_OK);
    }
    ASSERT_EQ(std::memcmp(want, got, sizeof want), 0) << t;
    EXPECT_EQ(number, t < 3 ? 1U : 2U);
    EXPECT_EQ(qtk_slot_running(slot), number);
    EXPECT_EQ(qtk_slot_prepare(slot, t % 2 == 0 ? 0 : -1), QTK_OK);
    EXPECT_EQ(qtk_slot_keep_warm(slot), QTK_OK);
  }
  EXPECT_EQ(qtk_slot_reset(slot, 0), QTK_OK);
  EXPECT_EQ(qtk_slot_prepare(slot, 1), QTK_WRONG_INSTRUMENT);
  EXPECT_EQ(qtk_slot_offer(nullptr, path.c_str(), nullptr), QTK_INVALID);
  EXPECT_EQ(qtk_slot_running(nullptr), 0U);
  qtk_slot_close(slot);
  EXPECT_EQ(qtk_slot_open(kModel.c_str(), 1, 4, 2, &slot), QTK_INVALID);
  EXPECT_EQ(slot, nullptr);
  std::filesystem::remove(path);
}

TEST(CApi, EveryStatusHasAName) {
  for (const qtk_status status : {QTK_OK, QTK_WARMING_UP, QTK_NOT_FINITE, QTK_WRONG_SIZE, QTK_WRONG_INSTRUMENT,
                                  QTK_INVALID, QTK_FILE, QTK_FORMAT, QTK_UNSUPPORTED, QTK_NO_MEMORY, QTK_INTERNAL})
    EXPECT_STRNE(qtk_status_name(status), "unknown status") << status;
  EXPECT_STREQ(qtk_status_name(999), "unknown status");
}

}  // namespace
}  // namespace quantick
