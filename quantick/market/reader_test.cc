#include "quantick/market/reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "quantick/core/error.h"
#include "quantick/core/hash.h"
#include "quantick/core/rng.h"
#include "quantick/market/columns.h"
#include "quantick/market/test_files.h"

namespace quantick::market {
namespace {

using testing::gzip;
using testing::message_of;
using testing::TemporaryFolder;

constexpr const char* kLong =
    "Symbol,Date,Open,High,Low,Close,Volume,Adj Close\n"
    "B,2020-01-02,10,11,9,10.5,100,10.4\n"
    "B,2020-01-03,10.5,12,10,11,0,10.9\n"
    "A,2020-01-03,5,6,4,5.5,50,5.4\n"
    "A,2020-01-06,5.5,7,5,6,60,5.9\n";

TEST(Reader, FieldsByTheirUsualNames) {
  EXPECT_EQ(field_of("Adj Close"), "adjusted");
  EXPECT_EQ(field_of("VOLUME"), "volume");
  EXPECT_EQ(field_of("AAPL"), "");
  EXPECT_EQ(field_of(""), "");
}

constexpr const char* kWide =
    "date,LOW,C\n"
    "2020-01-02,1,\n"
    "2020-01-03,,20\n"
    "2020-01-06,,21\n"
    "2020-01-07,2,\n";

bool any_contains(const std::vector<std::string>& lines, const std::string& part) {
  for (const auto& line : lines) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

TEST(Reader, LongIsInferred) {
  const TemporaryFolder folder;
  const auto path = folder.file("long.csv.gz", gzip(kLong));
  const Panel panel = read_panel(path);
  EXPECT_EQ(panel.instruments, (std::vector<std::string>{"A", "B"}));
  ASSERT_EQ(panel.date_count(), 3);
  EXPECT_EQ(panel.dates[2].to_string(), "2020-01-06");
  EXPECT_EQ(panel.price_field, "adjusted");
  EXPECT_EQ(panel.at("price", 1, 1), 10.9);
  EXPECT_EQ(panel.at("high", 0, 1), 11);
  EXPECT_EQ(panel.at("volume", 2, 0), 60);
  EXPECT_TRUE(std::isnan(panel.at("price", 0, 0)));
  EXPECT_EQ(panel.source.layout, "long");
  EXPECT_EQ(panel.source.instrument_column, "Symbol");
  EXPECT_EQ(panel.source.price_column, "Adj Close");
  EXPECT_EQ(panel.source.sha256, sha256_file(path));
  EXPECT_TRUE(any_contains(panel.source.inferred, "adjusted before close"));
  EXPECT_TRUE(any_contains(panel.source.warts, "1 instruments begin later than the data: A 2020-01-03"));
  EXPECT_TRUE(any_contains(panel.source.warts, "1 instruments end before the data: B 2020-01-03"));
}

TEST(Reader, OptionsOverrideWhatIsInferred) {
  const TemporaryFolder folder;
  const auto path = folder.file("long.csv", kLong);
  EXPECT_EQ(read_panel(path, {.price_column = "close"}).at("price", 1, 1), 11);
  EXPECT_EQ(read_panel(path, {.instruments = {"A"}}).instruments, std::vector<std::string>{"A"});
  const Panel late = read_panel(path, {.start = "2020-01-06", .end = "2020-12-31"});
  EXPECT_EQ(late.instruments, std::vector<std::string>{"A"});  // B has no row there
  EXPECT_EQ(late.date_count(), 1);
  const auto odd = folder.file("odd.csv", "when,who,px,beta\n2020-01-02,A,3,-0.5\n");
  const Panel panel = read_panel(
      odd, {.date_column = "when", .instrument_column = "who", .price_column = "px", .extra_columns = {"beta"}});
  EXPECT_EQ(panel.price_field, "px");
  EXPECT_EQ(panel.at("beta", 0, 0), -0.5);
}

TEST(Reader, DatesAreComparedWithACalendar) {
  const TemporaryFolder folder;
  // 2020-01-01 was a holiday of the exchange and 2020-01-04 a Saturday; the session of 2020-01-06 is absent.
  const auto path =
      folder.file("days.csv", "date,close\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n2020-01-04,4\n2020-01-07,5\n");
  const auto warts = [&](const char* calendar) { return read_panel(path, {.calendar = calendar}).source.warts; };
  EXPECT_TRUE(any_contains(warts("nyse"), "2 days in the data on which nyse was closed: 2020-01-01, 2020-01-04"));
  EXPECT_TRUE(any_contains(warts("nyse"), "1 sessions of nyse are absent from the data: 2020-01-06"));
  EXPECT_TRUE(any_contains(warts("weekdays"), "1 days in the data on which weekdays was closed: 2020-01-04"));
  EXPECT_TRUE(any_contains(warts("every_day"), "2 sessions of every_day are absent from the data: 2020-01-05, "));
  EXPECT_FALSE(any_contains(warts("auto"), "sessions"));
  EXPECT_FALSE(any_contains(warts("auto"), "closed"));
  EXPECT_EQ(read_panel(path, {.calendar = "nyse"}).date_count(), 5) << "dates stay as they are";
  const auto message = message_of<ValueError>([&] { read_panel(path, {.calendar = "nyze"}); });
  EXPECT_CONTAINS(message, "[reader] calendar, was \"nyze\"");
  EXPECT_CONTAINS(message, "nyse");
}

TEST(Reader, WideTakesTickersThatLookLikeFields) {
  const TemporaryFolder folder;
  const Panel panel = read_panel(folder.file("wide.csv", kWide));
  EXPECT_EQ(panel.source.layout, "wide");
  EXPECT_EQ(panel.instruments, (std::vector<std::string>{"LOW", "C"}));
  EXPECT_EQ(panel.at("price", 3, 0), 2);
  EXPECT_TRUE(any_contains(panel.source.warts, "2 prices missing between"));
  EXPECT_TRUE(any_contains(panel.source.warts, "LOW 2020-01-07 +100 %"));
  const auto unnamed = folder.file("pandas.csv", ",AAA,BBB\n2020-01-02,1,2\n");
  EXPECT_EQ(read_panel(unnamed).instruments, (std::vector<std::string>{"AAA", "BBB"}));
}

TEST(Reader, OneInstrumentIsNamedAfterTheFile) {
  const TemporaryFolder folder;
  const Panel panel = read_panel(folder.file("csi300.daily.csv", "date,close,high\n2013/1/4,2,3\n"));
  EXPECT_EQ(panel.instruments, std::vector<std::string>{"csi300"});
  EXPECT_EQ(panel.source.layout, "single");
  EXPECT_EQ(panel.dates[0].to_string(), "2013-01-04");
}

TEST(Reader, MissingPolicies) {
  const TemporaryFolder folder;
  const auto path = folder.file("wide.csv", kWide);
  const auto message = message_of<ValueError>([&] { read_panel(path, {.missing = "error"}); });
  EXPECT_CONTAINS(message, "instrument \"LOW\" has no price on 2020-01-03");
  EXPECT_CONTAINS(message, "missing: keep");
  EXPECT_EQ(read_panel(path, {.missing = "drop_instrument"}).instruments, std::vector<std::string>{"C"});

  const Panel filled = read_panel(path, {.missing = "forward_fill", .fill_limit = 1});
  EXPECT_EQ(filled.at("price", 1, 0), 1);
  EXPECT_TRUE(std::isnan(filled.at("price", 2, 0)));  // beyond the limit
  EXPECT_TRUE(std::isnan(filled.at("price", 0, 1)));  // never backward
  EXPECT_EQ(filled.at("price", 3, 1), 21);            // at the end too: no one knows yet that it is the end
  EXPECT_EQ(filled.source.filled, (std::vector<std::pair<std::string, int64_t>>{{"LOW", 1}, {"C", 1}}));
}

TEST(Reader, FilledBarsAreFlatAtTheLastCloseAndHaveNoVolume) {
  const TemporaryFolder folder;
  const auto path = folder.file("l.csv",
                                "symbol,date,open,high,low,close,volume,adjusted\n"
                                "A,2020-01-02,1,3,1,2,9,1.5\nB,2020-01-02,1,1,1,1,1,1\nB,2020-01-03,1,1,1,1,1,1\n");
  const Panel panel = read_panel(path, {.missing = "forward_fill"});
  for (const char* name : {"open", "high", "low", "close"}) EXPECT_EQ(panel.at(name, 1, 0), 2) << name;
  EXPECT_EQ(panel.at("adjusted", 1, 0), 1.5);
  EXPECT_TRUE(std::isnan(panel.at("volume", 1, 0)));
}

/// Reads `text` with `options`, expects an E and gives its message.
template <class E>
std::string refused(const char* text, const ReadOptions& options = {}) {
  const TemporaryFolder folder;
  const auto path = folder.file("bad.csv", text);
  return message_of<E>([&] { read_panel(path, options); });
}

TEST(Reader, BadCellsNameFileLineColumnValueAndExpectation) {
  const auto text = refused<ParseError>("date,A,B\n2020-01-02,1,2\n2020-01-03,1,abc\n");
  EXPECT_CONTAINS(text, "bad.csv:3: column \"B\": was \"abc\", expected a finite number");
  EXPECT_CONTAINS(refused<ParseError>("date,A\n2020-01-02,inf\n"), "bad.csv:2: column \"A\": was \"inf\"");
  const auto zero = refused<ParseError>("date,A\n2020-01-02,1\n2020-01-03,0\n");
  EXPECT_CONTAINS(zero, "bad.csv:3: column \"A\": was \"0\", expected a price above zero");
  EXPECT_CONTAINS(zero, "bad_price: missing");
  EXPECT_CONTAINS(refused<ParseError>("date,A\n2020-01-02,-1.5\n"), "was \"-1.5\", expected a price above zero");
  EXPECT_CONTAINS(refused<ParseError>("date,close,volume\n2020-01-02,1,-3\n"), "expected a volume of zero or more");
  EXPECT_CONTAINS(refused<ParseError>("date,A\n02.01.2020,1\n"), "was \"02.01.2020\", expected a date such as");
  EXPECT_CONTAINS(refused<ParseError>("date,A\n2020/1/2 \xd0\xc7,1\n"), "was \"2020/1/2 \\xd0\\xc7\"");
  EXPECT_CONTAINS(refused<ParseError>("date,symbol,close\n2020-01-02,,1\n"), "expected an instrument's name");
}

TEST(Reader, OptionsLetBadPricesPass) {
  const TemporaryFolder folder;
  const auto path = folder.file("p.csv", "date,A,B\n2020-01-02,1,2\n2020-01-03,0,-3\n");
  const Panel masked = read_panel(path, {.bad_price = "missing"});
  EXPECT_TRUE(std::isnan(masked.at("price", 1, 0)));
  EXPECT_TRUE(any_contains(masked.source.warts, "2 zero or negative prices treated as missing"));
  EXPECT_EQ(read_panel(path, {.bad_price = "allow"}).at("price", 1, 1), -3);
  const auto scores = folder.file("s.csv", "date,symbol,score\n2020-01-02,A,-0.5\n");
  EXPECT_EQ(read_panel(scores, {.bad_price = "allow"}).at("price", 0, 0), -0.5);
}

TEST(Reader, DuplicatesAndOrder) {
  const char* twice = "date,symbol,close\n2020-01-02,A,1\n2020-01-02,B,2\n2020-01-02,A,3\n";
  const auto message = refused<ParseError>(twice);
  EXPECT_CONTAINS(message, "bad.csv:4: instrument \"A\": date 2020-01-02 was there already on line 2");
  EXPECT_CONTAINS(message, "duplicate: first or last");
  EXPECT_CONTAINS(refused<ParseError>("date,A\n2020-01-02,1\n2020-01-02,1\n"), "bad.csv:3: date 2020-01-02 was there");
  EXPECT_CONTAINS(refused<ParseError>("date,time,close\n2020-01-02,09:35,1\n2020-01-02,09:40,1\n"),
                  "column \"time\" tells that these are bars within a day");
  const char* backward = "date,A\n2020-01-03,1\n2020-01-02,2\n";
  EXPECT_CONTAINS(refused<ParseError>(backward),
                  "bad.csv:3: column \"date\": was 2020-01-02, after 2020-01-03 on line 2");
  EXPECT_CONTAINS(refused<ParseError>("date,symbol,close\n2020-01-03,A,1\n2020-01-03,B,1\n2020-01-02,A,2\n"),
                  "(instrument \"A\")");
  const TemporaryFolder folder;
  EXPECT_EQ(read_panel(folder.file("t.csv", twice), {.duplicate = "last"}).at("close", 0, 0), 3);
  EXPECT_EQ(read_panel(folder.file("t.csv", twice), {.duplicate = "first"}).at("close", 0, 0), 1);
  EXPECT_EQ(read_panel(folder.file("b.csv", backward), {.unsorted = "sort"}).at("close", 0, 0), 2);
}

TEST(Reader, EmptyThings) {
  EXPECT_CONTAINS(refused<ParseError>(""), "the file is empty");
  EXPECT_CONTAINS(refused<ParseError>("date,A\n"), "a header and no rows");
  EXPECT_CONTAINS(refused<ValueError>("date,A,B\n2020-01-02,1,\n"), "instrument \"B\" has no price at all");
  EXPECT_CONTAINS(refused<ValueError>("date,close,volume\n2020-01-02,1,\n"), "column \"volume\" holds no number");
  EXPECT_CONTAINS(refused<ValueError>("date,symbol,close\n2020-01-02,A,NaN\n"), "column \"close\" holds no number");
  EXPECT_CONTAINS(refused<ValueError>("date\n2020-01-02\n"), "only a date column");
  EXPECT_CONTAINS(refused<ValueError>("date,A\n2020-01-02,1\n", {.start = "2021-01-01"}),
                  "the file has 2020-01-02..2020-01-02");
  const TemporaryFolder folder;
  const auto path = folder.file("e.csv", "date,A,B\n2020-01-02,1,\n2020-01-03,1,2\n");
  EXPECT_EQ(read_panel(path, {.end = "2020-01-02"}).instruments, std::vector<std::string>{"A"});  // B lives later
  EXPECT_EQ(read_panel(folder.file("f.csv", "date,A,B\n2020-01-02,1,\n"), {.empty_column = "drop"}).instrument_count(),
            1);
  EXPECT_CONTAINS(message_of<IoError>([&] { read_panel(folder.path("absent.csv")); }), "absent.csv");
}

TEST(Reader, WrongOptionsNameTheNearest) {
  const char* text = "date,symbol,close\n2020-01-02,AAPL,1\n";
  EXPECT_CONTAINS(refused<ValueError>(text, {.price_column = "clsoe"}), "did you mean \"close\"?");
  EXPECT_CONTAINS(refused<ValueError>(text, {.instruments = {"APPL"}}), "did you mean \"AAPL\"?");
  EXPECT_CONTAINS(refused<ValueError>(text, {.missing = "kep"}), "did you mean \"keep\"?");
  EXPECT_CONTAINS(refused<ValueError>(text, {.start = "last year"}), "start, was \"last year\"");
  EXPECT_CONTAINS(refused<ValueError>(text, {.start = "2021-01-01", .end = "2020-01-01"}), "is after end");
  EXPECT_CONTAINS(refused<ValueError>("A,B\n1,2\n"), "set date_column");
  EXPECT_CONTAINS(refused<ValueError>("date,symbol,foo\n2020-01-02,A,1\n", {.layout = "long"}), "set price_column");
  EXPECT_CONTAINS(refused<ValueError>("date,close\n2020-01-02,1\n", {.layout = "long"}), "set instrument_column");
  EXPECT_CONTAINS(refused<ValueError>(text, {.fill_limit = 0}), "fill_limit, was 0");
}

TEST(Reader, SaysWhereSurvivorshipAndDividendsCannotBeSeen) {
  const TemporaryFolder folder;
  std::string text = "date,A,B\n";
  for (int i = 0; i < 300; ++i)
    text += Date::from_ymd(2020, 1, 1).plus(i).to_string() + "," + std::to_string(100 + i % 7) + ",9\n";
  const Panel survivors = read_panel(folder.file("s.csv", text));
  EXPECT_TRUE(any_contains(survivors.source.warts, "survivors only"));
  EXPECT_TRUE(any_contains(survivors.source.warts, "does not tell whether splits and dividends"));
  EXPECT_FALSE(any_contains(read_panel(folder.file("l.csv", kLong)).source.warts, "dividends"));  // it has `adjusted`
}

TEST(Reader, AnyBytesGiveAPanelOrAnErrorOfOurs) {
  const TemporaryFolder folder;
  const std::string packed = gzip(kLong);
  const Key key(3);
  int64_t refused_files = 0;
  for (uint64_t i = 0; i < 600; ++i) {
    const Key own = key.fold(i);
    std::string text = i % 3 == 0 ? kWide : i % 3 == 1 ? std::string(kLong) : packed;
    const uint64_t changes = 1 + own.below(0, 4);
    for (uint64_t c = 1; c <= changes && !text.empty(); ++c) {
      const uint64_t at = own.below(3 * c, text.size());
      const uint64_t kind = own.below(3 * c + 1, 3);
      const char byte = static_cast<char>(own.below(3 * c + 2, 256));
      if (kind == 0) text[at] = byte;
      if (kind == 1) text.insert(text.begin() + static_cast<int64_t>(at), byte);
      if (kind == 2) text.resize(at);
    }
    std::ofstream(folder.path("fuzz.csv"), std::ios::binary) << text;
    try {
      const Panel panel = read_panel(folder.path("fuzz.csv"));
      for (const auto& block : panel.values) ASSERT_EQ(block.size(), panel.dates.size() * panel.instruments.size());
    } catch (const InvariantError& error) {
      FAIL() << error.what();
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("fuzz.csv"), std::string::npos) << error.what();
      ++refused_files;
    }
  }
  EXPECT_GT(refused_files, 200);
}

TEST(ReaderRealData, Us253LongWithGaps) {
  const auto path = testing::shared_data("us253_ohlcv_daily_2013_2018.csv.gz");
  QTK_NEEDS_DATA(path);
  const Panel panel = read_panel(path);
  EXPECT_EQ(panel.instrument_count(), 253);
  EXPECT_EQ(panel.dates.front().to_string(), "2013-02-08");
  EXPECT_EQ(panel.dates.back().to_string(), "2018-02-07");
  int64_t prices = 0;
  for (const double v : panel.field("price")) prices += !std::isnan(v);
  EXPECT_EQ(prices, 310511);
  EXPECT_TRUE(any_contains(panel.source.warts, "3 cells of \"open\" are empty"));
  EXPECT_TRUE(any_contains(panel.source.warts, "moves above 50 %"));
}

TEST(ReaderRealData, Us6PrefersAdjustedAndUs20IsWide) {
  const auto six = testing::shared_data("us6_ohlcv_daily_2013_2023.csv.gz");
  const auto twenty = testing::shared_data("us20_close_daily_1990_2022.csv.gz");
  QTK_NEEDS_DATA(six);
  const Panel panel = read_panel(six);
  EXPECT_EQ(panel.price_field, "adjusted");
  EXPECT_EQ(panel.instrument_count(), 6);
  EXPECT_EQ(panel.date_count(), 2699);
  const Panel wide = read_panel(twenty);
  EXPECT_EQ(wide.date_count(), 8313);
  EXPECT_EQ(wide.instrument_count(), 20);
  EXPECT_EQ(wide.at("price", 0, wide.instrument_index("AAPL")), 0.264);
  EXPECT_TRUE(any_contains(wide.source.warts, "4 moves above 50 %"));
  EXPECT_TRUE(any_contains(wide.source.warts, "RRC 13 %"));
}

TEST(Reader, BarsWithinADayBearTheirTime) {
  const TemporaryFolder folder;
  const ReadOptions intraday{.bars = "intraday"};
  const Panel own = read_panel(folder.file("if.csv",
                                           "date,time,close\n2020-01-02,09:35:00,1\n2020-01-02,09:40:30,2\n"
                                           "2020-01-03,09:35:00,3\n"),
                               intraday);
  EXPECT_EQ(own.seconds, (std::vector<int32_t>{34500, 34830, 34500}));
  EXPECT_EQ(own.day_begins(), (std::vector<int64_t>{0, 2, 3}));
  EXPECT_EQ(time_text(own.seconds[0]) + " " + time_text(own.seconds[1]), "09:35 09:40:30");
  EXPECT_EQ(own.slice(1, 3).seconds, (std::vector<int32_t>{34830, 34500}));
  EXPECT_EQ(own.field("price")[2], 3);
  // The time may stand behind the date, and instruments share the bars.
  const Panel two = read_panel(folder.file("two.csv",
                                           "datetime,symbol,close\n2020-01-02 09:35,A,1\n2020-01-02 09:35,B,5\n"
                                           "2020-01-02 09:40,B,6\n"),
                               intraday);
  EXPECT_EQ(two.date_count(), 2);
  EXPECT_EQ(two.at("price", 1, 1), 6);
  EXPECT_TRUE(std::isnan(two.at("price", 1, 0)));
  const auto message = [&](const char* text) {
    return message_of<ParseError>([&] { read_panel(folder.file("bad.csv", text), intraday); });
  };
  EXPECT_CONTAINS(message("date,time,close\n2020-01-02,24:00,1\n"), "column \"time\": was \"24:00\", expected a time");
  EXPECT_CONTAINS(message("date,close\n2020-01-02,1\n"), "expected a time such as 09:35");
  EXPECT_CONTAINS(message("date,time,close\n2020-01-02,09:40,1\n2020-01-02,09:35,1\n"),
                  "after 2020-01-02 09:40 on line 2");
  EXPECT_CONTAINS(message("date,time,close\n2020-01-02,09:40,1\n2020-01-02,09:40,1\n"),
                  "date 2020-01-02 09:40 was there already on line 2");
}

TEST(ReaderRealData, OddFilesLoadOrAreRefusedByName) {
  const auto data = [](const char* name) { return testing::shared_data(name); };
  QTK_NEEDS_DATA(data("cn_if_main_5min_2014_2017.csv.gz"));
  EXPECT_CONTAINS(message_of<ParseError>([&] { read_panel(data("cn_if_main_5min_2014_2017.csv.gz")); }),
                  "bars within a day");
  const Panel bars = read_panel(data("cn_if_main_5min_2014_2017.csv.gz"), {.bars = "intraday"});
  EXPECT_EQ(bars.date_count(), 46833);
  EXPECT_EQ(bars.day_begins().size(), 977U + 1);  // two of the days were cut short by circuit breakers
  EXPECT_CONTAINS(message_of<ParseError>([&] { read_panel(data("cn_600009_1min_2020_dirty.csv.gz")); }), "\\xd0\\xc7");
  const Panel misspelt = read_panel(data("cn_600000_daily_1999_2019.csv.gz"));
  EXPECT_TRUE(misspelt.has("volume"));
  EXPECT_EQ(misspelt.date_count(), 4753);
  EXPECT_EQ(read_panel(data("cn_csi300_index_daily_2013_2018.csv")).date_count(), 1423);
  EXPECT_EQ(read_panel(data("vix_ohlc_daily_1990_2026.csv.gz")).date_count(), 9235);
  const auto banks = data("us_fin20_2002_2019/shares.csv.gz");
  EXPECT_CONTAINS(message_of<ParseError>([&] { read_panel(banks); }), "column \"LEH\"");
  EXPECT_EQ(read_panel(banks, {.bad_price = "missing"}).instrument_count(), 21);
}

}  // namespace
}  // namespace quantick::market
