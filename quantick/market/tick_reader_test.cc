#include "quantick/market/tick_reader.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/market/test_files.h"

namespace quantick::market {
namespace {

using testing::message_of;
using testing::TemporaryFolder;

constexpr int64_t kSecond = 1'000'000'000;
/// 2021-01-04 00:00 in Shanghai.
constexpr int64_t kMonday = 1609689600 * kSecond;

constexpr std::string_view kLevel1 =
    "symbol,trading_date,action_date,action_time_ms,last,total_volume,volume,bid1,ask1,bid1_qty,ask1_qty\n"
    "IF2101,20210104,20210104,92900400,5230.0,240,240,5230.0,5230.8,1,2\n"
    "IF2101,20210104,20210104,93000400,5230.8,311,71,5231.4,5231.6,2,1\n"
    "IF2101,20210104,20210104,93000900,5230.8,311,0,5231.4,,2,0\n";

std::vector<TickEvent> all(TickSource& source) {
  std::vector<TickEvent> events;
  for (TickEvent event; source.next(event);) events.push_back(event);
  return events;
}

TEST(Level1Ticks, RowsAreQuoteAndTradesSinceTheLastRow) {
  const TemporaryFolder folder;
  for (const std::string& path : {folder.file("a.csv", kLevel1), folder.file("a.csv.gz", testing::gzip(kLevel1))}) {
    const auto events = all(*open_ticks(path, {.instrument = 3}));
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(events[0].exchange_time, kMonday + (9 * 3600 + 29 * 60) * kSecond + 400'000'000);
    EXPECT_EQ(events[0].receipt_time, 0);
    EXPECT_EQ(events[0].time(), events[0].exchange_time);
    EXPECT_EQ(events[0].instrument, 3);
    EXPECT_EQ(events[1].quote.bid, 5231.4);
    EXPECT_EQ(events[1].quote.ask_size, 1);
    ASSERT_TRUE(events[1].has_trade);
    EXPECT_EQ(events[1].trade.price, 5230.8);
    EXPECT_EQ(events[1].trade.size, 71);
    EXPECT_EQ(events[1].trade.aggressor, Side::unknown);
    EXPECT_EQ(events[1].total_volume, 311);
    EXPECT_FALSE(events[2].has_trade);
    EXPECT_TRUE(std::isnan(events[2].quote.ask)) << "a limit-locked market has no ask";
    EXPECT_FALSE(events[2].quote.two_sided());
  }
}

TEST(Level1Ticks, OtherNamesAndClocks) {
  const TemporaryFolder folder;
  const auto path = folder.file("rm.csv",
                                "symbol,date,time,lastPrice,lastVolume,bidPrice1,askPrice1,bidVolume1,askVolume1\n"
                                "RM705,20170320,09:00:00.5,2374.0,0.0,2372.0,2374.0,264.0,65.0\n"
                                "RM705,20170320,09:00:01,2374.0,3.0,1.7976931348623157e+308,2374.0,264.0,65.0\n");
  const auto events = all(*open_ticks(path, {.utc_offset = 0}));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].time() - events[0].time(), kSecond / 2);
  EXPECT_EQ(events[1].time() % (86400 * kSecond), (9 * 3600 + 1) * kSecond);
  EXPECT_FALSE(events[0].has_trade);
  EXPECT_TRUE(events[1].has_trade);
  EXPECT_TRUE(std::isnan(events[1].quote.bid)) << "CTP's word for no price";
  EXPECT_EQ(events[1].quote.bid_size, 0);
}

TEST(Level1Ticks, TheNaturalDateGoesBeforeTheTradingDay) {
  const TemporaryFolder folder;
  const auto path = folder.file("night.csv",
                                "date,time,action_date,action_time_ms,bid1,ask1,bid1_qty,ask1_qty\n"
                                "20210104,21:00:00,20210103,210000500,9,11,1,1\n"
                                "20210104,09:00:00,20210104,90000500,9,11,1,1\n");
  const auto events = all(*open_ticks(path));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].time(), kMonday - 3 * 3600 * kSecond + kSecond / 2);
  EXPECT_EQ(events[1].time(), kMonday + 9 * 3600 * kSecond + kSecond / 2);
}

TEST(Level1Ticks, VolumeIsTheDaysDifferenceWhereTheFileHasNoOther) {
  const TemporaryFolder folder;
  const auto path = folder.file("v.csv",
                                "date,time,last,total_volume,bid1,ask1,bid1_qty,ask1_qty\n"
                                "20210104,09:30:00,10,50,9,11,1,1\n"
                                "20210104,09:30:01,10,58,9,11,1,1\n"
                                "20210105,09:30:00,10,7,9,11,1,1\n");
  const auto events = all(*open_ticks(path));
  EXPECT_FALSE(events[0].has_trade);
  EXPECT_EQ(events[1].trade.size, 8);
  EXPECT_FALSE(events[2].has_trade) << "a new day";
}

TEST(Level1Ticks, ErrorsNameFileLineAndField) {
  const TemporaryFolder folder;
  const auto refused = [&](std::string_view row, std::string_view part) {
    const auto path = folder.file("bad.csv", std::string(kLevel1) + std::string(row) + "\n");
    const auto message = message_of<ParseError>([&] { all(*open_ticks(path)); });
    EXPECT_CONTAINS(message, "bad.csv:5: ");
    EXPECT_CONTAINS(message, part);
  };
  refused("IF2101,20210104,20210104,92959900,5230.8,311,0,5231.4,5231.6,2,1",
          "column \"action_time_ms\": was \"92959900\", 1000000000 ns before the row above");
  refused("IF2101,20210104,20210104,93060900,5230.8,311,0,5231.4,5231.6,2,1", "expected HHMMSSmmm or HH:MM:SS.fff");
  refused("IF2101,20210104,20211304,93001400,5230.8,311,0,5231.4,5231.6,2,1", "column \"action_date\": was");
  refused("IF2101,20210104,20210104,93001400,5230.8,311,0,5231.4,5231.6,-2,1", "column \"bid1_qty\": was \"-2\"");
  refused("IF2101,20210104,20210104,93001400,5230.8,311,0,nan,5231.6,2,1", "column \"bid1\": was \"nan\"");
  refused("IF2101,20210104,20210104,93001400,5230.8,311,0,inf,5231.6,2,1", "column \"bid1\": was \"inf\"");
  refused("IF2101,20210104,20210104,93001400,5230.8,300,0,5231.4,5231.6,2,1", "expected 311 or more");
  refused("IF2102,20210104,20210104,93001400,5230.8,311,0,5231.4,5231.6,2,1", "a file holds one instrument");
  refused("IF2101,20210104", "2 cells, expected 11");
  const auto headless = folder.file("headless.csv", "date,time,bid1,ask1,bid1_qty\n");
  EXPECT_CONTAINS(message_of<ParseError>([&] { open_ticks(headless); }), "no column for the ask size");
}

constexpr std::string_view kSpot =
    "1000000000000000001 {\"stream\":\"btcusdt@depth@100ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":1000000000005,"
    "\"s\":\"BTCUSDT\",\"U\":8,\"u\":12,\"b\":[[\"61837.63000000\",\"1.50000000\"]],"
    "\"a\":[[\"61837.70000000\",\"0.00000000\"],[\"61837.64000000\",\"0.25\"]]}}\n"
    "1000000000000000002 {\"stream\":\"btcusdt@bookTicker\",\"data\":{\"u\":13,\"s\":\"BTCUSDT\","
    "\"b\":\"61837.63000000\",\"B\":\"3.78826000\",\"a\":\"61837.64000000\",\"A\":\"1.54698000\"}}\n"
    "1000000000000000002 {\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":1000000000009,\"s\":"
    "\"BTCUSDT\",\"t\":3735683259,\"p\":\"61837.63000000\",\"q\":\"0.02000000\",\"T\":1000000000008,\"m\":true,"
    "\"M\":true}}\n"
    "1000000000000000003 {\"lastUpdateId\":10,\"bids\":[[\"61837.60\",\"1\"]],\"asks\":[]}\n";

TEST(BinanceTicks, ReadsEveryKindOfMessage) {
  const TemporaryFolder folder;
  for (const std::string& path : {folder.file("a.jsonl", kSpot), folder.file("a.jsonl.gz", testing::gzip(kSpot))}) {
    const auto source = open_ticks(path);
    TickEvent event;
    ASSERT_TRUE(source->next(event));
    EXPECT_EQ(event.receipt_time, 1000000000000000001);
    EXPECT_EQ(event.exchange_time, 1000000000005 * 1'000'000);
    EXPECT_EQ(event.time(), event.receipt_time);
    ASSERT_NE(event.depth, nullptr);
    EXPECT_FALSE(event.depth->snapshot);
    EXPECT_EQ(event.depth->previous_id, 7);
    EXPECT_EQ(event.depth->last_id, 12);
    ASSERT_EQ(event.depth->asks.size(), 2u);
    EXPECT_EQ(event.depth->bids[0], (BookLevel{6183763, 1.5}));
    EXPECT_EQ(event.depth->asks[0], (BookLevel{6183770, 0}));
    ASSERT_TRUE(source->next(event));
    ASSERT_TRUE(event.has_quote);
    EXPECT_EQ(event.exchange_time, 0) << "spot quotes carry no time";
    EXPECT_EQ(event.update_id, 13);
    EXPECT_EQ(event.quote.bid, 61837.63);
    EXPECT_EQ(event.quote.bid_size, 3.78826);
    EXPECT_EQ(event.depth, nullptr);
    ASSERT_TRUE(source->next(event));
    ASSERT_TRUE(event.has_trade);
    EXPECT_EQ(event.trade.aggressor, Side::sell) << "m: the buyer was the maker";
    EXPECT_EQ(event.trade.size, 0.02);
    EXPECT_EQ(event.exchange_time, 1000000000008 * 1'000'000) << "T goes before E";
    ASSERT_TRUE(source->next(event));
    ASSERT_NE(event.depth, nullptr);
    EXPECT_TRUE(event.depth->snapshot);
    EXPECT_EQ(event.depth->last_id, 10);
    EXPECT_FALSE(source->next(event));
    EXPECT_EQ(source->skipped(), 0);
  }
}

TEST(BinanceTicks, FuturesChainByPuAndLeaveFundsOut) {
  const TemporaryFolder folder;
  const auto path = folder.file(
      "f.jsonl",
      "5 {\"e\":\"depthUpdate\",\"E\":6,\"T\":5,\"s\":\"X\",\"U\":20,\"u\":30,\"pu\":17,\"b\":[],\"a\":[]}\n"
      "6 "
      "{\"e\":\"trade\",\"E\":6,\"T\":5,\"s\":\"X\",\"t\":1,\"p\":\"2\",\"q\":\"1\",\"X\":\"INSURANCE_FUND\",\"m\":"
      "false}\n"
      "7 {\"e\":\"kline\",\"k\":{\"t\":[1,{\"x\":\"a\\\"b\"}],\"y\":-1.5e-3,\"n\":null}}\n"
      "7 [{\"e\":\"24hrMiniTicker\",\"c\":\"1\"}]\n"
      "7 {\"stream\":\"!miniTicker@arr\",\"data\":[{\"e\":\"24hrMiniTicker\"},{}]}\n"
      "\n\r\n"
      "8 { \"data\" : {\"m\":false , \"q\":\"1\",\"p\":\"2\", \"e\":\"trade\"}, \"stream\":\"s\" } \r\n");
  const auto source = open_ticks(path);
  TickEvent event;
  ASSERT_TRUE(source->next(event));
  EXPECT_EQ(event.depth->previous_id, 17);
  ASSERT_TRUE(source->next(event));
  EXPECT_EQ(event.receipt_time, 8);
  EXPECT_EQ(event.trade.aggressor, Side::buy);
  EXPECT_FALSE(source->next(event));
  EXPECT_EQ(source->skipped(), 4);
}

TEST(BinanceTicks, ErrorsNameFileLineAndField) {
  const TemporaryFolder folder;
  const auto refused = [&](std::string line, std::string_view part) {
    const auto path = folder.file("bad.jsonl", std::string(kSpot) + line + "\n");
    const auto message = message_of<ParseError>([&] { all(*open_ticks(path)); });
    EXPECT_CONTAINS(message, "bad.jsonl:5: ");
    EXPECT_CONTAINS(message, part);
  };
  const std::string at = "1000000000000000004 ";
  refused("{}", "local time, was \"{}\"");
  refused("999 {}", "ns before the line above, expected lines in the order of receipt");
  refused(at + "{\"e\":\"trade\",\"p\":\"1\"", "byte 41: was \"\", expected ',' or '}'");
  refused(at + "{\"e\":\"trade\"} x", "expected the end of the line");
  refused(at + "{\"e\":\"trade\",\"p\":\"1\",\"q\":\"1\"}", "field \"m\" is missing in a trade message");
  refused(at + "{\"e\":\"trade\",\"p\":\"1\",\"q\":\"-1\",\"m\":true}",
          "field \"q\": size, was \"-1\", expected 0 or more");
  refused(at + "{\"e\":\"trade\",\"p\":\"NaN\",\"q\":\"1\",\"m\":true}",
          "field \"p\": was \"NaN\", expected a decimal");
  refused(at + "{\"e\":\"trade\",\"p\":\"0\",\"q\":\"1\",\"m\":true}", "field \"p\": was \"0\", expected above 0");
  refused(at + "{\"e\":\"trade\",\"p\":1,\"q\":\"1\",\"m\":true}", "expected a string");
  refused(at + "{\"e\":\"trade\",\"e\":\"trade\"}", "field \"e\" stands twice");
  refused(at + "{\"e\":\"trade\",\"T\":-5,\"p\":\"1\",\"q\":\"1\",\"m\":true}",
          "field \"T\": was -5, expected ms since 1970");
  refused(at + "{\"s\":\"ETHUSDT\"}", "a file holds one instrument");
  refused(at + "{\"lastUpdateId\":1,\"bids\":[]}", "field \"asks\" is missing in a snapshot");
  refused(at + "{\"lastUpdateId\":1,\"bids\":[[\"1.005\",\"1\"]],\"asks\":[]}",
          "expected a multiple of the price step 0.01");
  refused(at + "{\"lastUpdateId\":1,\"bids\":[[\"1\"]],\"asks\":[]}", "expected a size behind the price");
  refused(at + "{\"e\":\"depthUpdate\",\"U\":5,\"u\":4,\"b\":[],\"a\":[]}", "field \"u\": was 4, expected 5 or more");
  refused(at + "{\"u\":1.5}", "expected a whole number");
  refused(at + "{\"u\":99999999999999999999}", "expected a whole number of 64 bits");
}

TEST(BinanceTicks, AnyTextGivesEventsOrAnErrorOfOurs) {
  const TemporaryFolder folder;
  const std::string_view alphabet = "{}[]\":,0a.-e \\\n";
  for (uint64_t i = 0; i < 1000; ++i) {
    std::string text(kSpot);
    for (uint64_t k = 0; k < 1 + i % 4; ++k) {
      const uint64_t mixed = (i * 4 + k + 1) * 0x9e3779b97f4a7c15u;
      text[(mixed >> 20) % text.size()] = alphabet[(mixed >> 50) % alphabet.size()];
    }
    if (i % 5 == 0) text.resize((i * 7919) % text.size());
    const auto path = folder.file("fuzz.jsonl", text);
    try {
      all(*open_binance(path, {}));
    } catch (const ParseError& error) {
      EXPECT_EQ(std::string_view(error.what()).substr(0, 8), "[ticks] ") << error.what();
    }
  }
}

TEST(TickFiles, DamagedOrUnknownFilesAreRefused) {
  const TemporaryFolder folder;
  const std::string packed = testing::gzip(kSpot);
  const auto cut = folder.file("cut.gz", std::string_view(packed).substr(0, packed.size() - 9));
  EXPECT_CONTAINS(message_of<FormatError>([&] { all(*open_binance(cut, {})); }), "the file is truncated");
  EXPECT_THROW(open_ticks(folder.path("none")), IoError);
  EXPECT_CONTAINS(message_of<ValueError>([&] { open_ticks(cut, {.format = "csv"}); }),
                  "expected auto, level1 or binance");
  EXPECT_CONTAINS(message_of<ValueError>([&] { open_ticks(cut, {.instrument = -1}); }), "instrument, was -1");
  EXPECT_CONTAINS(message_of<ValueError>([&] { open_binance(cut, {.instrument = int64_t{1} << 32}); }),
                  "instrument, was 4294967296, expected 0..2147483647");
  const auto rows = folder.file("rows.csv", kLevel1);
  EXPECT_CONTAINS(message_of<ValueError>([&] { open_level1(rows, {.instrument = -1}); }), "instrument, was -1");
}

TEST(TickFiles, TheFormatIsKnownBehindAByteOrderMarkAndBlankLines) {
  const TemporaryFolder folder;
  const std::string mark = "\xef\xbb\xbf";
  for (const std::string& ahead : {mark, std::string("\r\n\n"), mark + "\n"}) {
    EXPECT_EQ(all(*open_ticks(folder.file("a.jsonl", ahead + std::string(kSpot)))).size(), 4u);
    EXPECT_EQ(all(*open_ticks(folder.file("a.jsonl.gz", testing::gzip(ahead + std::string(kSpot))))).size(), 4u);
  }
  EXPECT_EQ(all(*open_ticks(folder.file("a.csv", mark + std::string(kLevel1)))).size(),
            all(*open_level1(folder.file("b.csv", kLevel1), {})).size());
  EXPECT_CONTAINS(message_of<ParseError>([&] { open_ticks(folder.file("blank", "\n\n")); }), "blank");
}

TEST(TickFiles, AChainIsOfOneSymbol) {
  const TemporaryFolder folder;
  const auto quote = [](int64_t time, const std::string& symbol) {
    const std::string name = symbol.empty() ? "" : "\"s\":\"" + symbol + "\",";
    return std::to_string(time) + " {\"u\":1," + name + "\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}\n";
  };
  const auto chain = [&](std::initializer_list<std::string> texts) {
    std::vector<std::unique_ptr<TickSource>> files;
    for (const std::string& text : texts) files.push_back(open_ticks(folder.file(std::to_string(files.size()), text)));
    return chain_ticks(std::move(files));
  };
  const auto source = chain({quote(1, ""), quote(2, "BTCUSDT"), quote(3, ""), quote(4, "BTCUSDT")});
  EXPECT_EQ(source->symbol(), "");
  EXPECT_EQ(all(*source).size(), 4u);
  EXPECT_EQ(source->symbol(), "BTCUSDT");
  EXPECT_CONTAINS(message_of<ValueError>([&] {
                    all(*chain({quote(1, "BTCUSDT"), quote(2, ""), quote(3, "ETHUSDT")}));
                  }),
                  "source 3 is of \"ETHUSDT\", expected \"BTCUSDT\"");
  EXPECT_EQ(open_level1(folder.file("rows.csv", kLevel1), {})->symbol(), "");
}

TEST(TickFiles, MergeOrdersByReceiptAndChainRefusesOverlaps) {
  const TemporaryFolder folder;
  const auto quote = [](int64_t time) {
    return std::to_string(time) + " {\"u\":" + std::to_string(time) +
           ",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}\n";
  };
  const auto one = folder.file("one", quote(10) + quote(20) + quote(20) + quote(40));
  const auto two = folder.file("two", quote(5) + quote(20) + quote(50));
  const auto open = [&](const std::string& a, const std::string& b) {
    std::vector<std::unique_ptr<TickSource>> sources;
    sources.push_back(open_ticks(a, {.instrument = 0}));
    sources.push_back(open_ticks(b, {.instrument = 1}));
    return sources;
  };
  std::string order;
  for (const auto& event : all(*merge_ticks(open(one, two)))) {
    order += std::to_string(event.instrument) + "@" + std::to_string(event.time()) + " ";
  }
  EXPECT_EQ(order, "1@5 0@10 0@20 0@20 1@20 0@40 1@50 ");
  EXPECT_CONTAINS(message_of<ValueError>([&] { all(*chain_ticks(open(one, two))); }),
                  "source 2 begins 35 ns before the one ahead of it ends");
}

TEST(TickFiles, ATapeKeepsTheDepth) {
  const TemporaryFolder folder;
  const TickTape tape(*open_ticks(folder.file("a.jsonl", kSpot)));
  ASSERT_EQ(tape.events().size(), 4u);
  EXPECT_EQ(tape.events()[0].depth->bids[0].price, 6183763);
  EXPECT_EQ(tape.events()[3].depth->bids[0].price, 6183760);
  TickReplay replay(tape.events());
  EXPECT_EQ(all(replay).size(), 4u);
}

TEST(TickFilesOnRealData, CountsAreThoseOfTheFiles) {
  struct Case {
    const char* file;
    int64_t quotes, trades, depths;
  };
  for (const Case& c :
       {Case{"cn_if2101_l1_ticks_20210104.csv.gz", 27955, 0, 0},
        Case{"cn_if2101_l1_ticks_20210105.csv.gz", 28254, 0, 0}, Case{"cn_RM705_l1_ticks_20170320.csv.gz", 16979, 0, 0},
        Case{"binance/usdm_btcusdt_20240808.jsonl.gz", 66089, 21313, 6552},
        Case{"binance/spot_btcusdt_20240808.jsonl.gz", 28040, 9757, 3452},
        Case{"binance/spot_btcusdt_20240809.jsonl.gz", 45134, 10147, 3044}}) {
    const std::string path = testing::shared_data(c.file);
    QTK_NEEDS_DATA(path);
    const auto source = open_ticks(path);
    int64_t quotes = 0, trades = 0, depths = 0, one_sided = 0, apart = 0;
    for (TickEvent event; source->next(event);) {
      quotes += event.has_quote;
      trades += event.has_trade;
      depths += event.depth != nullptr;
      one_sided += event.has_quote && !event.quote.two_sided();
      // The recorder's clock ran 1.27 s behind the exchange's.
      apart += event.receipt_time != 0 && event.exchange_time != 0 &&
               std::abs(event.receipt_time - event.exchange_time + 1'270'000'000) > 700'000'000;
    }
    EXPECT_EQ(quotes, c.quotes) << c.file;
    if (c.depths > 0) {
      EXPECT_EQ(trades, c.trades) << c.file;
    }
    EXPECT_EQ(depths, c.depths) << c.file;
    EXPECT_EQ(one_sided, 0) << c.file;
    EXPECT_EQ(apart, 0) << c.file;
    EXPECT_EQ(source->skipped(), 0) << c.file;
  }
}

}  // namespace
}  // namespace quantick::market
