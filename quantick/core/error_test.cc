#include "quantick/core/error.h"

#include <gtest/gtest.h>

#include <functional>

namespace quantick {
namespace {

std::string text_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Error, CheckNamesTheThingItsValueAndWhatWasExpected) {
  const int rows = -3;
  EXPECT_EQ(text_of([&] { QTK_CHECK(rows > 0, ValueError, "[dense] rows, was {}, expected > 0", rows); }),
            "[dense] rows, was -3, expected > 0");
  EXPECT_THROW(QTK_CHECK(rows > 0, ShapeError, "x"), ShapeError);
}

TEST(Error, CheckLooksAtItsArgumentsOnlyWhenItFails) {
  int looks = 0;
  QTK_CHECK(true, ValueError, "[test] {}", ++looks);
  EXPECT_EQ(looks, 0);
}

TEST(Error, CheckStandsWhereAStatementMay) {
  // Without the do-while the else would belong to the macro's own if.
  bool other = false;
  if (bool no = false; no)
    QTK_CHECK(false, ValueError, "[test] not reached");
  else
    other = true;
  EXPECT_TRUE(other);
}

TEST(Error, AssertNamesConditionAndPlace) {
  const std::string text = text_of([] { QTK_ASSERT(1 + 1 == 3); });
  EXPECT_TRUE(text.starts_with("Invariant: 1 + 1 == 3 (")) << text;
  EXPECT_NE(text.find("error_test.cc:"), std::string::npos) << text;
}

TEST(Error, EveryKindIsAnError) {
  EXPECT_THROW(fail<IoError>("x"), Error);
  EXPECT_THROW(fail<ParseError>("x"), Error);
  EXPECT_THROW(fail<FormatError>("x"), Error);
  EXPECT_THROW(fail<UnsupportedError>("x"), Error);
  EXPECT_THROW(fail<InterruptedError>("x"), Error);
  EXPECT_THROW(fail<InvariantError>("x"), std::runtime_error);
}

}  // namespace
}  // namespace quantick
