#include "quantick/market/json_scanner.h"

#include <gtest/gtest.h>

#include <string>

namespace quantick::market {
namespace {

/// What is wrong with a text, or "".
std::string complaint(std::string_view text) {
  JsonScanner scanner(text);
  try {
    scanner.skip();
    scanner.end();
  } catch (const JsonError& error) {
    return std::to_string(error.at) + ": " + std::string(error.expected);
  }
  return "";
}

TEST(JsonScanner, WalksOverAMessage) {
  JsonScanner scanner(R"( {"a" : -12, "b":[ ["x","y"], [] ],"c":true,"d":{"e":[1,{"f":null}]},"g":"" } )");
  std::string seen;
  scanner.begin_object();
  for (std::string_view key; scanner.next_key(key);) {
    seen += key;
    if (key == "a") {
      EXPECT_EQ(scanner.integer(), -12);
    } else if (key == "b") {
      scanner.begin_array();
      while (scanner.next_element()) {
        scanner.begin_array();
        while (scanner.next_element()) seen += scanner.string();
      }
    } else if (key == "c") {
      EXPECT_TRUE(scanner.boolean());
    } else if (key == "g") {
      EXPECT_EQ(scanner.string(), "");
    } else {
      scanner.skip();
    }
  }
  scanner.end();
  EXPECT_EQ(seen, "abxycdg");
}

TEST(JsonScanner, PassesOverAllOfJsonAndNothingElse) {
  for (const char* text :
       {"{}", "[]", "[{}]", R"({"a":"\"\\\u00e9"})", "-0.5e+10", "0", "null", " [ true , false ] "}) {
    EXPECT_EQ(complaint(text), "") << text;
  }
  for (const char* text : {"",     "{",    "[1,]", "[1 2]", "{\"a\"}",   "{\"a\":}",    "{\"a\":1,}", "{a:1}",
                           "tru",  "nul",  "-",    "1.",    "1e",        "\"",          "\"\\x\"",    "\"a\nb\"",
                           "[1]]", "{} x", "[,1]", "+1",    R"("\u12")", R"("\u12g4")", R"("\u123)"}) {
    EXPECT_NE(complaint(text), "") << text;
  }
  EXPECT_NE(complaint(std::string(100000, '[')), "") << "depth is bounded";
}

TEST(JsonScanner, NumbersOf64Bits) {
  EXPECT_EQ(JsonScanner("9223372036854775807").integer(), 9223372036854775807);
  for (const char* text : {"9223372036854775808", "01", "1.5", "1e3", "x", "-", ""}) {
    EXPECT_THROW(JsonScanner(text).integer(), JsonError) << text;
  }
}

}  // namespace
}  // namespace quantick::market
