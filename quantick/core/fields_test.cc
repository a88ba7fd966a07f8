#include "quantick/core/fields.h"

#include <gtest/gtest.h>

namespace quantick {
namespace {

struct Options {
  int64_t units = 1;
  double rate = 0.5;
  std::string name = "x";
  static constexpr auto fields() {
    return std::make_tuple(field("units", &Options::units, "output width"), field("rate", &Options::rate),
                           field("name", &Options::name));
  }
};

struct Plain {};

static_assert(HasFields<Options> && HasFields<const Options&> && !HasFields<Plain>);

TEST(Fields, NamesStandInTheOrderOfTheList) {
  EXPECT_EQ(field_names<Options>(), (std::vector<std::string>{"units", "rate", "name"}));
}

TEST(Fields, VisitReachesTheMembersThemselves) {
  Options options;
  std::string docs;
  for_each_field(options, [&](std::string_view, auto& member, std::string_view doc) {
    docs += doc;
    if constexpr (std::is_arithmetic_v<std::remove_reference_t<decltype(member)>>) member *= 4;
  });
  EXPECT_EQ(options.units, 4);
  EXPECT_EQ(options.rate, 2.0);
  EXPECT_EQ(options.name, "x");
  EXPECT_EQ(docs, "output width");
}

TEST(Fields, ConstObjectsAreVisitedReadOnly) {
  const Options options;
  int count = 0;
  for_each_field(options, [&](std::string_view, auto& member, std::string_view) {
    static_assert(std::is_const_v<std::remove_reference_t<decltype(member)>>);
    ++count;
  });
  EXPECT_EQ(count, 3);
}

TEST(NearestName, FindsSlipsOfTheFingers) {
  const std::vector<std::string> names{"epochs", "learning_rate", "batch", "horizon", "k"};
  EXPECT_EQ(nearest_name("epoch", names), "epochs");
  EXPECT_EQ(nearest_name("epohcs", names), "epochs") << "two neighbours exchanged";
  EXPECT_EQ(nearest_name("learnin_rat", names), "learning_rate");
  EXPECT_EQ(nearest_name("horizn", names), "horizon");
  EXPECT_EQ(nearest_name("Batch", names), "batch");
  EXPECT_EQ(nearest_name("batch", names), "batch");
}

TEST(NearestName, OffersNothingWhereNothingIsNear) {
  const std::vector<std::string> names{"epochs", "learning_rate", "lr"};
  EXPECT_EQ(nearest_name("commission", names), "");
  EXPECT_EQ(nearest_name("xy", names), "") << "two letters have nothing in common with lr";
  EXPECT_EQ(nearest_name("epochs", {}), "");
}

TEST(NearestName, TakesTheNearestAndOfEqualsTheFirst) {
  const std::vector<std::string> names{"cast", "cost", "costs"};
  EXPECT_EQ(nearest_name("costs", names), "costs");
  EXPECT_EQ(nearest_name("cust", names), "cast");
}

}  // namespace
}  // namespace quantick
