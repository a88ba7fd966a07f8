#include "quantick/cli/json_number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace quantick::cli {
namespace {

TEST(NumberOrNull, NullStandsForWhatJsonCannotSay) {
  EXPECT_EQ(number_or_null(-0.5).dump(), "-0.5");
  for (const double v : {NAN, INFINITY, -INFINITY}) EXPECT_EQ(number_or_null(v).dump(), "null") << v;
}

}  // namespace
}  // namespace quantick::cli
