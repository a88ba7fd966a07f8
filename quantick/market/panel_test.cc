#include "quantick/market/panel.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/market/test_files.h"

namespace quantick::market {
namespace {

Panel small() {
  Panel panel;
  panel.dates = {Date::from_ymd(2020, 1, 2), Date::from_ymd(2020, 1, 3), Date::from_ymd(2020, 1, 6)};
  panel.instruments = {"AAA", "BBB"};
  panel.price_field = "close";
  panel.add_field("close", {1, 2, 3, 4, 5, 6});
  return panel;
}

TEST(Panel, FieldsByNameAndAsPrice) {
  const Panel panel = small();
  EXPECT_EQ(panel.field("price").data(), panel.field("close").data());
  EXPECT_EQ(panel.at("close", 2, 0), 5);
  EXPECT_TRUE(panel.has("price"));
  EXPECT_FALSE(panel.has("open"));
  EXPECT_CONTAINS(testing::message_of<ValueError>([&] { panel.field("clos"); }), "did you mean \"close\"?");
  EXPECT_CONTAINS(testing::message_of<ValueError>([&] { panel.instrument_index("AAB"); }), "did you mean \"AAA\"?");
  EXPECT_THROW(panel.at("close", 3, 0), IndexError);
  EXPECT_THROW(panel.at("close", 0, -1), IndexError);
}

TEST(Panel, SliceAndSelect) {
  const Panel part = small().slice(1, 3);
  EXPECT_EQ(part.date_count(), 2);
  EXPECT_EQ(part.at("close", 0, 1), 4);
  const Panel turned = small().select(std::vector<int64_t>{1, 0});
  EXPECT_EQ(turned.instruments[0], "BBB");
  EXPECT_EQ(turned.at("close", 2, 0), 6);
  EXPECT_THROW(small().slice(2, 4), IndexError);
  EXPECT_THROW(small().select(std::vector<int64_t>{2}), IndexError);
}

TEST(Panel, LowerBoundAndAddField) {
  Panel panel = small();
  EXPECT_EQ(panel.lower_bound(Date::from_ymd(2020, 1, 4)), 2);
  EXPECT_EQ(panel.lower_bound(Date::from_ymd(2021, 1, 4)), 3);
  EXPECT_THROW(panel.add_field("open", {1}), ShapeError);
  EXPECT_THROW(panel.add_field("close", {1, 2, 3, 4, 5, 6}), ValueError);
}

TEST(Warts, CleanDataHasNone) {
  Panel panel = small();
  panel.values[0] = {10, 20, 11, 19, 12, 18};
  EXPECT_TRUE(find_warts(panel).empty());
}

TEST(Warts, EachIsFound) {
  Panel panel;
  for (int i = 0; i < 40; ++i) panel.dates.push_back(Date::from_ymd(2020, 1, 1).plus(i));
  panel.instruments = {"A"};
  panel.price_field = "close";
  std::vector<double> close(40, 10), high(40, 11), low(40, 9), volume(40, 1);
  close[2] = 12;        // above its high
  close[5] = kMissing;  // a gap
  close[8] = 30;        // a jump and back
  high[8] = 31;
  volume[9] = kMissing;
  panel.add_field("close", close);
  panel.add_field("high", high);
  panel.add_field("low", low);
  panel.add_field("volume", volume);
  std::string all;
  for (const auto& line : find_warts(panel)) all += line + "\n";
  EXPECT_CONTAINS(all, "1 prices missing between an instrument's first and last price, in 1 instruments: A 1");
  EXPECT_CONTAINS(all, "1 cells of \"volume\" are empty");
  EXPECT_CONTAINS(all, "1 bars whose high and low do not enclose open and close: A 2020-01-03");
  EXPECT_CONTAINS(all, "2 moves above 50 % in one bar");
  EXPECT_CONTAINS(all, "A 2020-01-09 +200 %");
  EXPECT_CONTAINS(all, "of the returns are zero; above 10 %: A");
  EXPECT_CONTAINS(all, "stand still to their end");
}

}  // namespace
}  // namespace quantick::market
