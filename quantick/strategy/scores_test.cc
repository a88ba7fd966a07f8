#include "quantick/strategy/scores.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "quantick/core/error.h"
#include "quantick/core/file.h"
#include "quantick/market/csv.h"

namespace quantick::strategy {
namespace {

class Scores : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) / (std::string("quantick_scores_") + test->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& text) {
    const std::string path = (folder_ / "scores.csv").string();
    write_file(path, text);
    return path;
  }
  std::string message_of(const std::string& text) {
    const std::string path = file(text);
    try {
      read_scores(path);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  std::filesystem::path folder_;
};

TEST_F(Scores, LongAndWideReadTheSame) {
  const ScoreMatrix tall =
      read_scores(file("date,instrument,score\n2020-01-02,B,2\n2020-01-02,A,1.5\n2020-01-03,A,-1\n2020-01-03,C,4\n"));
  const ScoreMatrix wide = read_scores(file("date,A,B,C\n2020-01-02,1.5,2,\n2020-01-03,-1,,4\n"));
  EXPECT_EQ(tall.dates, wide.dates);
  EXPECT_EQ(tall.instruments, wide.instruments);
  ASSERT_EQ(tall.values.size(), 6u);
  for (size_t i = 0; i < 6; ++i) {
    if (i == 2 || i == 4) {
      EXPECT_TRUE(std::isnan(tall.values[i]) && std::isnan(wide.values[i])) << i;
    } else {
      EXPECT_EQ(tall.values[i], wide.values[i]) << i;
    }
  }
}

TEST_F(Scores, LongRowsMayStandByInstrument) {
  const ScoreMatrix scores =
      read_scores(file("date,symbol,score\n2020-01-03,B,1\n2020-01-06,B,2\n2020-01-02,A,3\n2020-01-03,A,4\n"));
  EXPECT_EQ(scores.dates.size(), 3u);
  EXPECT_EQ(scores.instruments, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(scores.values[0], 3);
  EXPECT_EQ(scores.values[2], 4);
  EXPECT_EQ(scores.values[3], 1);
  EXPECT_EQ(scores.values[5], 2);
  EXPECT_NE(
      message_of("date,symbol,score\n2020-01-03,B,1\n2020-01-02,B,2\n").find("2020-01-02 behind 2020-01-03 for B"),
      std::string::npos);
}

TEST_F(Scores, QlibPredictionsAreLong) {
  const ScoreMatrix scores = read_scores(file("datetime,instrument,0\n2020-01-02 00:00:00,SH600000,0.25\n"));
  EXPECT_EQ(scores.instruments, std::vector<std::string>{"SH600000"});
  EXPECT_EQ(scores.values, std::vector<double>{0.25});
}

TEST_F(Scores, WrittenScoresReadBackBitForBit) {
  ScoreMatrix scores{{{18000}, {18001}}, {"A", "B,\"C\""}, {0.1, 1.0 / 3, std::nan(""), -2e-300}};
  const std::string path = (folder_ / "out.csv").string();
  write_scores(path, scores);
  const ScoreMatrix back = read_scores(path);
  EXPECT_EQ(back.dates, scores.dates);
  EXPECT_EQ(back.instruments, scores.instruments);
  EXPECT_EQ(back.values[0], scores.values[0]);
  EXPECT_EQ(back.values[1], scores.values[1]);
  EXPECT_TRUE(std::isnan(back.values[2]));
  EXPECT_EQ(back.values[3], scores.values[3]);
}

TEST_F(Scores, BadFilesAreNamedByLine) {
  EXPECT_NE(message_of("date,instrument,score\n2020-01-02,A,1\n2020-01-02,A,2\n")
                .find(":3: column \"score\", was a second score for A on 2020-01-02"),
            std::string::npos);
  EXPECT_NE(message_of("date,A\n2020-01-03,1\n2020-01-02,2\n").find(":3: column \"date\", was 2020-01-02 behind"),
            std::string::npos);
  EXPECT_NE(message_of("date,A\nmonday,1\n").find("was \"monday\""), std::string::npos);
  EXPECT_NE(message_of("date,A\n2020-01-03,high\n").find("column \"A\""), std::string::npos);
  EXPECT_NE(message_of("date,A\n").find("a header and no rows"), std::string::npos);
  EXPECT_NE(message_of("date,A\n2020-01-03,\n").find("no score in 1 rows"), std::string::npos);
  EXPECT_NE(message_of("date\n2020-01-03\n").find("expected date, instrument, score"), std::string::npos);
  EXPECT_THROW(read_scores((folder_ / "absent.csv").string()), IoError);
}

TEST_F(Scores, ColumnsMayBeNamed) {
  const std::string path = (folder_ / "columns.csv").string();
  write_file(path, "who,day,a,b\nA,2020-01-02,1,2\nB,2020-01-02,3,4\n");
  const auto read = [&](const ScoreColumns& columns) {
    market::CsvReader csv(path);
    return read_scores(csv, columns);
  };
  const ScoreMatrix scores = read({.date = "day", .instrument = "who", .score = "b"});
  EXPECT_EQ(scores.instruments, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(scores.values, (std::vector<double>{2, 4}));
  try {
    read({.date = "dy", .instrument = "who", .score = "b"});
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_NE(std::string(error.what()).find("date_column, was \"dy\""), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("nearest is \"day\""), std::string::npos) << error.what();
  }
}

TEST_F(Scores, CheckNamesWhatIsWrong) {
  EXPECT_THROW((ScoreMatrix{{{1}}, {"A"}, {1, 2}}.check()), ShapeError);
  EXPECT_THROW((ScoreMatrix{{{2}, {1}}, {"A"}, {1, 2}}.check()), ValueError);
  EXPECT_THROW((ScoreMatrix{{{1}}, {"A", "A"}, {1, 2}}.check()), ValueError);
  EXPECT_THROW((ScoreMatrix{{{1}}, {"A"}, {INFINITY}}.check()), ValueError);
  EXPECT_THROW(ScoreMatrix{}.check(), ValueError);
  const ScoreMatrix scores{{{1}}, {"AAPL", "MSFT"}, {1, 2}};
  try {
    scores.positions_of(std::vector<std::string>{"MSTF"});
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_NE(std::string(error.what()).find("nearest is \"MSFT\""), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace quantick::strategy
