#include "quantick/runtime/catch_up.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace quantick::runtime {
namespace {

constexpr int64_t kCapacity = 4, kMine = 1;

/// What a stream was told: the first column of each row, all of them forgotten at a reset.
struct Seen {
  void reset(int64_t instrument) {
    EXPECT_EQ(instrument, kMine);
    rows.clear();
  }
  void absorb(int64_t instrument, std::span<const float> row) {
    EXPECT_EQ(instrument, kMine);
    rows.push_back(row[0]);
    if (meanwhile) meanwhile();
  }
  std::vector<float> rows;
  std::function<void()> meanwhile;  ///< what the writer does while a row is replayed
};

struct Writer {
  /// Rows numbered on from the last.
  void push(int count) {
    for (int n = 0; n < count; ++n) {
      const float row[2] = {next++, -1};
      ring.push(kMine, row);
    }
  }
  FeatureRing ring{2, 2, kCapacity};
  float next = 0;
};

struct Reader {
  bool catch_up(const Writer& writer) { return runtime::catch_up(writer.ring, kMine, seen, known, row); }
  Seen seen;
  KnownRows known;
  std::vector<float> row = std::vector<float>(2);
};

using Rows = std::vector<float>;

TEST(CatchUp, FeedsWhatCameSince) {
  Writer writer;
  Reader reader;
  reader.known = {0, 0};
  EXPECT_FALSE(reader.catch_up(writer)) << "nothing came";
  writer.push(2);
  EXPECT_TRUE(reader.catch_up(writer));
  EXPECT_FALSE(reader.catch_up(writer));
  writer.push(kCapacity);
  EXPECT_TRUE(reader.catch_up(writer));
  EXPECT_EQ(reader.seen.rows, (Rows{0, 1, 2, 3, 4, 5})) << "as many as are kept: no reset";
}

TEST(CatchUp, StartsAnewFromTheNewestRowsWhereMoreCameThanAreKept) {
  Writer writer;
  Reader reader, fresh;
  writer.push(2);
  reader.catch_up(writer);
  writer.push(kCapacity + 1);
  EXPECT_TRUE(reader.catch_up(writer));
  EXPECT_EQ(reader.seen.rows, (Rows{3, 4, 5, 6}));
  EXPECT_TRUE(fresh.catch_up(writer));
  EXPECT_EQ(fresh.seen.rows, reader.seen.rows);
}

TEST(CatchUp, FollowsARestart) {
  Writer writer;
  Reader reader, fresh;
  writer.push(3);
  reader.catch_up(writer);
  writer.push(1);
  writer.ring.restart(kMine);
  EXPECT_TRUE(reader.catch_up(writer));
  EXPECT_EQ(reader.seen.rows, Rows{});
  EXPECT_FALSE(reader.catch_up(writer));
  writer.push(2);
  EXPECT_TRUE(reader.catch_up(writer));
  EXPECT_EQ(reader.seen.rows, (Rows{4, 5}));
  EXPECT_TRUE(fresh.catch_up(writer));
  EXPECT_EQ(fresh.seen.rows, (Rows{4, 5})) << "fewer than are kept, and none before the start";
}

TEST(CatchUp, LeavesRowsThatComeMeanwhileToTheNextCall) {
  Writer writer;
  Reader reader;
  writer.push(2);
  reader.seen.meanwhile = [&] { writer.push(1); };
  EXPECT_TRUE(reader.catch_up(writer));
  EXPECT_EQ(reader.seen.rows, (Rows{0, 1}));
  reader.seen.meanwhile = {};
  EXPECT_TRUE(reader.catch_up(writer));
  EXPECT_EQ(reader.seen.rows, (Rows{0, 1, 2, 3}));
}

TEST(CatchUp, AnOvertakenReaderStartsAnewAtTheNextCall) {
  Writer writer;
  Reader reader;
  writer.push(kCapacity);
  reader.seen.meanwhile = [&] { writer.push(10 * kCapacity); };
  EXPECT_TRUE(reader.catch_up(writer));
  EXPECT_EQ(reader.seen.rows, Rows{0}) << "the next row was written over";
  reader.seen.meanwhile = {};
  EXPECT_TRUE(reader.catch_up(writer));
  EXPECT_EQ(reader.seen.rows, (Rows{40, 41, 42, 43}));
  EXPECT_FALSE(reader.catch_up(writer));
}

}  // namespace
}  // namespace quantick::runtime
