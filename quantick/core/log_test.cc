#include "quantick/core/log.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace quantick {
namespace {

/// Collects messages for one test and removes itself at its end.
struct Sink {
  Sink() {
    set_log_sink([this](LogLevel level, std::string_view text) { lines.emplace_back(level, text); });
  }
  ~Sink() { set_log_sink(nullptr); }
  std::vector<std::pair<LogLevel, std::string>> lines;
};

TEST(Log, MessagesReachTheSinkInOrder) {
  Sink sink;
  log(LogLevel::warning, "first");
  log(LogLevel::info, "second");
  ASSERT_EQ(sink.lines.size(), 2u);
  EXPECT_EQ(sink.lines[0], (std::pair{LogLevel::warning, std::string("first")}));
  EXPECT_EQ(sink.lines[1].second, "second");
}

TEST(Log, WithoutASinkMessagesAreDropped) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  log(LogLevel::error, "nobody listens");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Log, TakesMessagesFromManyThreads) {
  Sink sink;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([] {
        for (int i = 0; i < 100; ++i) log(LogLevel::debug, "x");
      });
  }
  EXPECT_EQ(sink.lines.size(), 400u);
}

TEST(Log, LevelsBearTheNamesOfTheSwitch) {
  EXPECT_EQ(log_level_name(LogLevel::error), "error");
  EXPECT_EQ(log_level_name(LogLevel::warning), "warning");
  EXPECT_EQ(log_level_name(LogLevel::info), "info");
  EXPECT_EQ(log_level_name(LogLevel::debug), "debug");
}

}  // namespace
}  // namespace quantick
