#include "quantick/market/csv.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/core/hash.h"
#include "quantick/market/test_files.h"

namespace quantick::market {
namespace {

using testing::gzip;
using testing::message_of;
using testing::TemporaryFolder;

std::vector<std::vector<std::string>> all_rows(const std::string& path) {
  CsvReader csv(path);
  std::vector<std::vector<std::string>> rows;
  while (csv.next()) rows.emplace_back(csv.cells().begin(), csv.cells().end());
  return rows;
}

using Rows = std::vector<std::vector<std::string>>;

TEST(Csv, ReadsPlainQuotedPaddedAndBlankLines) {
  const TemporaryFolder folder;
  const auto path = folder.file("a.csv",
                                "\xef\xbb\xbf"
                                "date , \"na\"\"me\",x\r\n\r\n2020-01-01, \"a,b\" ,1\r\n2,\"line\nbreak\",\n\n3,,4");
  CsvReader csv(path);
  EXPECT_EQ(csv.header(), (std::vector<std::string>{"date", "na\"me", "x"}));
  ASSERT_TRUE(csv.next());
  EXPECT_EQ(csv.line(), 3);
  EXPECT_EQ(csv.cells()[1], "a,b");
  ASSERT_TRUE(csv.next());
  EXPECT_EQ(csv.line(), 4);
  EXPECT_EQ(csv.cells()[1], "line\nbreak");
  EXPECT_EQ(csv.cells()[2], "");
  ASSERT_TRUE(csv.next());
  EXPECT_EQ(csv.line(), 7);
  EXPECT_FALSE(csv.next());
}

TEST(Csv, FindsTheSeparator) {
  const TemporaryFolder folder;
  EXPECT_EQ(all_rows(folder.file("s.csv", "a;b\n1;2\n")), (Rows{{"1", "2"}}));
  EXPECT_EQ(all_rows(folder.file("t.csv", "a\tb\tc\n1\t\t3\n")), (Rows{{"1", "", "3"}}));
}

TEST(Csv, GzipIsToldByItsBytesAndMayHaveSeveralMembers) {
  const TemporaryFolder folder;
  std::string text = "a,b\n";
  for (int i = 0; i < 60000; ++i) text += std::to_string(i) + ",x\n";
  const auto plain = folder.file("plain.csv", text);
  const auto packed = folder.file("no_ending", gzip(text.substr(0, 1000)) + gzip(text.substr(1000)));
  EXPECT_EQ(all_rows(plain), all_rows(packed));
  EXPECT_EQ(CsvReader(packed).sha256(), sha256_file(packed));
}

TEST(Csv, TruncatedOrDamagedGzipIsNamed) {
  const TemporaryFolder folder;
  std::string text = "a,b\n";
  for (int i = 0; i < 20000; ++i) text += std::to_string(i * 7919 % 10007) + ",x\n";
  const std::string packed = gzip(text);
  for (const size_t length : {packed.size() - 1, packed.size() - 9, packed.size() / 2, size_t{20}, size_t{3}}) {
    const auto path = folder.file("cut.csv.gz", packed.substr(0, length));
    EXPECT_CONTAINS(message_of<FormatError>([&] { all_rows(path); }), "cut.csv.gz: the gzip data ends too early");
  }
  std::string flipped = packed;
  flipped[packed.size() - 6] ^= 1;  // in the checksum
  const auto path = folder.file("flip.csv.gz", flipped);
  EXPECT_CONTAINS(message_of<FormatError>([&] { all_rows(path); }), "flip.csv.gz: the gzip data is damaged");
}

TEST(Csv, BadFilesAreNamedOneByOne) {
  const TemporaryFolder folder;
  const auto refused = [&](auto error, const char* text, const char* part) {
    const auto path = folder.file("bad.csv", text);
    const auto message = message_of<decltype(error)>([&] { all_rows(path); });
    EXPECT_CONTAINS(message, "bad.csv");
    EXPECT_CONTAINS(message, part);
  };
  refused(ParseError(""), "", "the file is empty");
  refused(ParseError(""), "\n\n", "the file is blank");
  refused(ParseError(""), "a,b\n1,2\n1,2,3\n", ":3: 3 cells, expected 2");
  refused(ParseError(""), "a,b\n1\n", ":2: 1 cells, expected 2");
  refused(ParseError(""), "a,b,a\n1,2,3\n", "two columns are called \"a\"");
  refused(ParseError(""), "a,b\n1,\"2\n", "never closed");
  refused(ParseError(""), "a,b\n\"1\"x,2\n", "after the closing quote");
  refused(FormatError(""),
          "\xff\xfe"
          "a",
          "UTF-16");
  EXPECT_CONTAINS(message_of<IoError>([&] { CsvReader(folder.path("none.csv")); }), "none.csv");
  const auto path = folder.file("nul.csv", std::string_view("a,b\n1,\0\n", 8));
  EXPECT_CONTAINS(message_of<FormatError>([&] { all_rows(path); }), "nul.csv:2: a NUL byte");
}

TEST(Csv, NumbersAndMissingWords) {
  const TemporaryFolder folder;
  CsvReader csv(folder.file("n.csv", "x\n1.5\n-2e3\n+7\n\"3\"\nNaN\nN/A\nnull\n#N/A\n\"\"\n"));
  for (const double expected : {1.5, -2000.0, 7.0, 3.0}) {
    ASSERT_TRUE(csv.next());
    EXPECT_EQ(parse_number(csv, 0), expected);
  }
  int missing = 0;
  while (csv.next()) missing += std::isnan(parse_number(csv, 0));
  EXPECT_EQ(missing, 5);
}

TEST(Csv, WrongNumbersNameThePlaceAndTheValue) {
  const TemporaryFolder folder;
  for (const char* text :
       {"abc", "1.2.3", "inf", "-Infinity", "1e999", "\"1,000\"", "12 34", "0x10", "+-1", "\xd0\xc7"}) {
    CsvReader csv(folder.file("n.csv", std::string("date,close\n2020-01-01,") + text + "\n"));
    ASSERT_TRUE(csv.next());
    const auto message = message_of<ParseError>([&] { parse_number(csv, 1); });
    EXPECT_CONTAINS(message, "n.csv:2: column \"close\": was \"");
    EXPECT_CONTAINS(message, "expected a finite number or an empty cell");
  }
}

}  // namespace
}  // namespace quantick::market
