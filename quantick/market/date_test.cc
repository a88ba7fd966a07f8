#include "quantick/market/date.h"

#include <gtest/gtest.h>

#include "quantick/core/error.h"

namespace quantick::market {
namespace {

TEST(Date, ParsesTheFormsInUse) {
  const Date expected = Date::from_ymd(2013, 1, 4);
  for (const char* text : {"2013-01-04", "2013/1/4", "2013/01/04", "20130104", "2013-01-04T09:30:00Z", " 2013-1-4 ",
                           "2013-01-04 00:00:00", "2013-01-04T00:00:00.000+08:00"}) {
    EXPECT_EQ(Date::parse(text), expected) << text;
  }
  EXPECT_EQ(expected.to_string(), "2013-01-04");
  EXPECT_EQ(expected.year(), 2013);
  EXPECT_EQ(expected.weekday(), 5u);  // a Friday
}

TEST(Date, RefusesWhatIsNoDate) {
  for (const char* text : {"", "2013", "2013-02-29", "2013-13-01", "2013-00-10", "1/4/2013", "04.01.2013", "2013-1",
                           "2013-01/04", "1357084800", "99990101", "2013-01-04x", "2013/1/4 \xd0\xc7", "abc"}) {
    EXPECT_FALSE(Date::try_parse(text).has_value()) << text;
    EXPECT_THROW(Date::parse(text), ValueError) << text;
  }
}

TEST(Date, EveryDayRoundTrips) {
  for (Date date = year_begin(1899); date <= year_end(2101); date = date.plus(1)) {
    ASSERT_EQ(Date::parse(date.to_string()), date);
  }
  EXPECT_EQ(Date::from_ymd(1970, 1, 1).days, 0);
  EXPECT_EQ(year_end(2000).days - year_begin(2000).days, 365);
}

TEST(Date, NamesTheBadText) {
  try {
    Date::parse("4th of May");
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_NE(std::string(error.what()).find("\"4th of May\""), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("2013-01-02"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace quantick::market
