#include "quantick/market/book.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/market/test_files.h"
#include "quantick/market/tick_reader.h"

namespace quantick::market {
namespace {

DepthUpdate snapshot(int64_t id, std::vector<BookLevel> bids, std::vector<BookLevel> asks) {
  return {.snapshot = true, .last_id = id, .bids = std::move(bids), .asks = std::move(asks)};
}

DepthUpdate change(int64_t previous, int64_t last, std::vector<BookLevel> bids, std::vector<BookLevel> asks) {
  return {.previous_id = previous, .last_id = last, .bids = std::move(bids), .asks = std::move(asks)};
}

TEST(Book, TakesASnapshotAndTheChangesBehindIt) {
  Book book;
  EXPECT_EQ(book.status(), BookStatus::waiting);
  EXPECT_FALSE(book.quote().two_sided());
  const auto in_fifths = [](DepthUpdate update) {
    update.step = PriceStep(0.2);
    return update;
  };
  EXPECT_EQ(book.update(in_fifths(snapshot(10, {{100, 1}, {99, 2}}, {{101, 3}, {105, 4}}))), BookStatus::ready);
  EXPECT_EQ(book.update(in_fifths(change(8, 12, {{100, 0}, {98, 7}}, {{103, 5}}))), BookStatus::ready);
  EXPECT_EQ(book.update(in_fifths(change(12, 13, {}, {{101, 2.5}}))), BookStatus::ready);
  ASSERT_EQ(book.depth(Side::buy), 2);
  ASSERT_EQ(book.depth(Side::sell), 3);
  EXPECT_EQ(book.level(Side::buy, 0), (BookLevel{99, 2}));
  EXPECT_EQ(book.level(Side::buy, 1), (BookLevel{98, 7}));
  EXPECT_EQ(book.level(Side::sell, 0), (BookLevel{101, 2.5}));
  EXPECT_EQ(book.level(Side::sell, 1), (BookLevel{103, 5}));
  EXPECT_EQ(book.quote().bid, 19.8);
  EXPECT_EQ(book.quote().ask, 20.2);
  EXPECT_EQ(book.quote().ask_size, 2.5);
  EXPECT_EQ(book.update_id(), 13);
}

TEST(Book, AMissingChangeBreaksItUntilTheNextSnapshot) {
  Book book;
  book.update(snapshot(10, {{100, 1}}, {{101, 1}}));
  book.update(change(10, 11, {{100, 2}}, {}));
  EXPECT_EQ(book.update(change(12, 13, {{100, 3}}, {})), BookStatus::broken);
  EXPECT_EQ(book.depth(Side::buy), 0);
  EXPECT_FALSE(book.quote().two_sided());
  EXPECT_EQ(book.update(change(13, 14, {{100, 4}}, {})), BookStatus::broken);
  EXPECT_EQ(book.breaks(), 1);
  // The changes since the gap were kept: a snapshot that is older than the last of them meets them.
  EXPECT_EQ(book.update(snapshot(13, {{100, 3}}, {{101, 1}})), BookStatus::ready);
  EXPECT_EQ(book.level(Side::buy, 0).size, 4);
  EXPECT_EQ(book.update_id(), 14);
}

TEST(Book, TheChangeThatBrokeItIsKeptToo) {
  Book book;
  book.update(snapshot(10, {{100, 1}}, {{101, 1}}));
  EXPECT_EQ(book.update(change(12, 13, {{100, 3}}, {})), BookStatus::broken);
  EXPECT_EQ(book.update(snapshot(12, {{100, 2}}, {{101, 1}})), BookStatus::ready);
  EXPECT_EQ(book.level(Side::buy, 0).size, 3);
  EXPECT_EQ(book.update_id(), 13);
}

TEST(Book, OnlyTheFirstChangeMayOverlap) {
  Book book;
  book.update(snapshot(10, {{100, 1}}, {{101, 1}}));
  EXPECT_EQ(book.update(change(8, 12, {}, {})), BookStatus::ready);
  EXPECT_EQ(book.update(change(11, 13, {}, {})), BookStatus::broken);
}

TEST(Book, TheFirstChangeMustReachOverTheSnapshot) {
  Book book;
  book.update(snapshot(10, {{100, 1}}, {{101, 1}}));
  EXPECT_EQ(book.update(change(11, 12, {}, {})), BookStatus::broken);
  book.reset();
  EXPECT_EQ(book.update(change(11, 12, {{100, 9}}, {})), BookStatus::waiting);
  EXPECT_EQ(book.update(snapshot(10, {{100, 1}}, {{101, 1}})), BookStatus::broken) << "the snapshot is too old";
  EXPECT_EQ(book.update(snapshot(11, {{100, 1}}, {{101, 1}})), BookStatus::ready) << "the next one meets it";
  EXPECT_EQ(book.level(Side::buy, 0).size, 9);
}

TEST(Book, WhatItAlreadyHoldsIsPassedOver) {
  Book book;
  book.update(snapshot(10, {{100, 1}}, {{101, 1}}));
  book.update(change(10, 12, {{100, 2}}, {}));
  EXPECT_EQ(book.update(change(9, 11, {{100, 5}}, {})), BookStatus::ready);
  EXPECT_EQ(book.update(snapshot(11, {{50, 5}}, {{60, 1}})), BookStatus::ready);
  EXPECT_EQ(book.level(Side::buy, 0), (BookLevel{100, 2}));
  EXPECT_EQ(book.update(snapshot(20, {{50, 5}}, {{60, 1}})), BookStatus::ready);
  EXPECT_EQ(book.level(Side::buy, 0), (BookLevel{50, 5}));
  EXPECT_EQ(book.depth(Side::buy), 1);
}

TEST(Book, SaysThatItIsCrossed) {
  Book book;
  EXPECT_EQ(book.update(snapshot(1, {{100, 1}}, {{100, 1}})), BookStatus::crossed);
  EXPECT_FALSE(book.quote().two_sided());
  EXPECT_EQ(book.depth(Side::buy), 1);
  EXPECT_EQ(book.update(change(1, 2, {}, {{100, 0}, {101, 1}})), BookStatus::ready);
  EXPECT_EQ(book.update(change(2, 3, {{102, 1}}, {})), BookStatus::crossed);
  EXPECT_EQ(book.breaks(), 0);
}

TEST(Book, SaysThatThereIsNoRoom) {
  Book book({.levels = 2});
  book.update(snapshot(1, {{100, 1}, {99, 1}}, {{101, 1}}));
  EXPECT_EQ(book.update(change(1, 2, {{99, 0}, {98, 1}}, {})), BookStatus::ready) << "a level went, another came";
  EXPECT_EQ(book.update(change(2, 3, {{97, 1}}, {})), BookStatus::overflow);
  EXPECT_EQ(book.depth(Side::buy), 0);
  EXPECT_EQ(book.update(snapshot(5, {{100, 1}}, {{101, 1}})), BookStatus::ready);
  EXPECT_EQ(book.update(snapshot(6, {{3, 1}, {2, 1}, {1, 1}}, {{101, 1}})), BookStatus::overflow);
  EXPECT_EQ(status_name(book.status()), "overflow");
}

TEST(Book, ChangesThatDoNotFitAreForgottenFromTheOldestOn) {
  Book book({.pending_changes = 2});
  for (int64_t id = 11; id <= 13; ++id) book.update(change(id - 1, id, {{id, 1}}, {}));
  EXPECT_EQ(book.update(snapshot(10, {{1, 1}}, {{99, 1}})), BookStatus::broken) << "11 is forgotten";
  EXPECT_EQ(book.update(snapshot(12, {{1, 1}}, {{99, 1}})), BookStatus::ready);
  EXPECT_EQ(book.update_id(), 13);
  Book small({.pending_levels = 1});
  EXPECT_EQ(small.update(change(1, 2, {{1, 1}, {2, 1}}, {})), BookStatus::waiting);
  EXPECT_EQ(small.update(snapshot(2, {{1, 1}}, {{99, 1}})), BookStatus::ready);
}

TEST(Book, SenselessSizesBreakIt) {
  for (const double size : {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Book book;
    book.update(snapshot(1, {{100, 1}}, {{101, 1}}));
    EXPECT_EQ(book.update(change(1, 2, {{99, size}}, {})), BookStatus::broken) << size;
  }
}

TEST(Book, RefusesOptionsOutOfRange) {
  EXPECT_CONTAINS(testing::message_of<ValueError>([] { Book({.levels = 0}); }), "[book] levels, was 0, expected 1..");
}

TEST(Book, AChangeOfAnotherPriceStepBreaksItUntilASnapshotMeetsIt) {
  DepthUpdate finer = change(1, 2, {{990, 5}}, {});
  finer.step = PriceStep(0.001);
  Book book;
  book.update(snapshot(1, {{100, 1}}, {{101, 1}}));
  EXPECT_EQ(book.update(finer), BookStatus::broken);
  DepthUpdate whole = snapshot(1, {{1000, 1}}, {{1010, 1}});
  EXPECT_EQ(book.update(whole), BookStatus::broken) << "the kept change is still of another step";
  whole.step = finer.step;
  EXPECT_EQ(book.update(whole), BookStatus::ready);
  EXPECT_EQ(book.level(Side::buy, 1), (BookLevel{990, 5}));
  EXPECT_EQ(book.quote().bid, 1);
  EXPECT_EQ(book.breaks(), 2);
}

/// The same rules, slowly.
struct SlowBook {
  std::map<int64_t, double> bids, asks;
  void set(std::map<int64_t, double>& side, const std::vector<BookLevel>& levels) {
    for (const auto& level : levels) {
      if (level.size == 0)
        side.erase(level.price);
      else
        side[level.price] = level.size;
    }
  }
  void update(const DepthUpdate& update) {
    if (update.snapshot) bids.clear(), asks.clear();
    set(bids, update.bids);
    set(asks, update.asks);
  }
};

void expect_same(const Book& book, const SlowBook& slow) {
  ASSERT_EQ(book.depth(Side::buy), static_cast<int64_t>(slow.bids.size()));
  ASSERT_EQ(book.depth(Side::sell), static_cast<int64_t>(slow.asks.size()));
  int64_t i = 0;
  for (auto it = slow.bids.rbegin(); it != slow.bids.rend(); ++it, ++i) {
    ASSERT_EQ(book.level(Side::buy, i), (BookLevel{it->first, it->second}));
  }
  i = 0;
  for (const auto& [price, size] : slow.asks) ASSERT_EQ(book.level(Side::sell, i++), (BookLevel{price, size}));
}

TEST(Book, RandomChangesGiveWhatAMapGives) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Key key(seed);
    uint64_t draw = 0;
    const auto below = [&](uint64_t bound) { return static_cast<int64_t>(key.below(draw++, bound)); };
    Book book;
    SlowBook slow;
    int64_t id = 0;
    for (int64_t n = 0; n < 400; ++n) {
      DepthUpdate update{.snapshot = n % 100 == 0, .previous_id = id};
      id = update.last_id = id + 1 + below(3);
      for (int64_t k = below(12); k > 0; --k) {
        update.bids.push_back({below(40) - 5, static_cast<double>(below(4)) / 4});
        update.asks.push_back({30 + below(40), static_cast<double>(below(4)) / 4});
      }
      slow.update(update);
      const BookStatus status = book.update(update);
      const bool crossed =
          !slow.bids.empty() && !slow.asks.empty() && slow.bids.rbegin()->first >= slow.asks.begin()->first;
      ASSERT_EQ(status, crossed ? BookStatus::crossed : BookStatus::ready);
      ASSERT_NO_FATAL_FAILURE(expect_same(book, slow)) << "seed " << seed << ", change " << n;
    }
  }
}

/// The best prices of the book after each change, against those that the exchange sent for the same state: the quote
/// with the greatest number not above the change's, if a later quote shows that none lies between.
struct Agreement {
  int64_t same_number = 0, in_force = 0, different = 0, different_number = 0;
};

Agreement agreement(const TickTape& tape, Book& book) {
  std::vector<const TickEvent*> quotes;
  for (const auto& event : tape.events()) {
    if (event.has_quote) quotes.push_back(&event);
  }
  Agreement result;
  for (const auto& event : tape.events()) {
    if (event.depth == nullptr || book.update(*event.depth) != BookStatus::ready) continue;
    const auto later = std::upper_bound(quotes.begin(), quotes.end(), book.update_id(),
                                        [](int64_t id, const TickEvent* quote) { return id < quote->update_id; });
    if (later == quotes.begin() || later == quotes.end()) continue;
    const TickEvent& told = **std::prev(later);
    const Quote ours = book.quote();
    const bool same = ours.bid == told.quote.bid && ours.ask == told.quote.ask &&
                      ours.bid_size == told.quote.bid_size && ours.ask_size == told.quote.ask_size;
    result.same_number += same && told.update_id == book.update_id();
    result.in_force += same;
    result.different += !same;
    result.different_number += !same && told.update_id == book.update_id();
  }
  return result;
}

TEST(BookOnRealData, AgreesWithTheBestQuotesOfTheSameFile) {
  struct Case {
    const char* file;
    int64_t same_number, in_force;
  };
  for (const Case& c : {Case{"binance/usdm_btcusdt_20240808.jsonl.gz", 628, 6544},
                        Case{"binance/spot_btcusdt_20240808.jsonl.gz", 564, 3449}}) {
    const std::string path = testing::shared_data(c.file);
    QTK_NEEDS_DATA(path);
    const TickTape tape(*open_ticks(path));
    Book book;
    const Agreement found = agreement(tape, book);
    EXPECT_EQ(found.different, 0) << c.file;
    EXPECT_GE(found.same_number, c.same_number) << c.file;
    EXPECT_GE(found.in_force, c.in_force) << c.file;
    EXPECT_EQ(book.breaks(), 0) << c.file;
  }
}

TEST(BookOnRealData, GoesOnInTheFileThatContinues) {
  std::vector<std::unique_ptr<TickSource>> files;
  for (const char* name : {"binance/spot_btcusdt_20240808.jsonl.gz", "binance/spot_btcusdt_20240809.jsonl.gz"}) {
    const std::string path = testing::shared_data(name);
    QTK_NEEDS_DATA(path);
    files.push_back(open_ticks(path));
  }
  const TickTape tape(*chain_ticks(std::move(files)));
  Book book;
  const Agreement found = agreement(tape, book);
  EXPECT_GT(found.same_number, 1000);
  // Two states within the second file were followed by another before the exchange told their best prices.
  EXPECT_EQ(found.different, 2);
  EXPECT_EQ(found.different_number, 0);
  EXPECT_GT(found.in_force, 6000);
  EXPECT_EQ(book.status(), BookStatus::ready);
  EXPECT_EQ(book.breaks(), 0);
}

TEST(BookOnRealData, EqualsTheMapAfterEveryChange) {
  const std::string path = testing::shared_data("binance/usdm_btcusdt_20240808.jsonl.gz");
  QTK_NEEDS_DATA(path);
  const auto source = open_ticks(path);
  Book book;
  SlowBook slow;
  bool started = false;
  int64_t checked = 0;
  std::vector<DepthUpdate> early;
  for (TickEvent event; source->next(event);) {
    if (event.depth == nullptr) continue;
    book.update(*event.depth);
    if (event.depth->snapshot) {
      started = true;
      slow.update(*event.depth);
      for (const auto& update : early) {
        if (update.last_id > event.depth->last_id) slow.update(update);
      }
    } else if (started) {
      slow.update(*event.depth);
    } else {
      early.push_back(*event.depth);
    }
    if (started && checked++ % 50 == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_same(book, slow));
    }
  }
  EXPECT_GT(checked, 6000);
}

}  // namespace
}  // namespace quantick::market
