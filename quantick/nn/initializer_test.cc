#include "quantick/nn/initializer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::nn {
namespace {

std::vector<double> filled(const InitializerPtr& init, const Shape& shape, uint64_t seed = 1) {
  Array array = Array::zeros(shape);
  init->fill(array, Key(seed));
  return array.to_vector<double>();
}

double standard_deviation(const std::vector<double>& values) {
  double squares = 0;
  for (const double v : values) squares += v * v;
  return std::sqrt(squares / static_cast<double>(values.size()));
}

TEST(Initializer, UniformStaysInItsRangeAndFillsIt) {
  const auto values = filled(uniform(), {100, 100});
  double low = 1, high = -1;
  for (const double v : values) low = std::min(low, v), high = std::max(high, v);
  EXPECT_GE(low, -0.07f);
  EXPECT_LE(high, 0.07f);
  EXPECT_LT(low, -0.069);
  EXPECT_GT(high, 0.069);
  EXPECT_NE(values, filled(uniform(), {100, 100}, 2));
  EXPECT_EQ(values, filled(uniform(), {100, 100}, 1));
}

TEST(Initializer, XavierHasTheVarianceOfTheFormula) {
  // uniform in +-sqrt(3 / factor) has the standard deviation sqrt(1 / factor)
  EXPECT_NEAR(standard_deviation(filled(xavier(), {300, 100})), std::sqrt(1 / 200.0), 1e-3);
  EXPECT_NEAR(standard_deviation(filled(xavier("uniform", "in"), {300, 100})), std::sqrt(1 / 100.0), 1e-3);
  EXPECT_NEAR(standard_deviation(filled(xavier("gaussian", "out", 2), {300, 100})), std::sqrt(2 / 300.0), 1e-3);
  Array vector = Array::zeros({3});
  EXPECT_THROW(xavier()->fill(vector, Key(1)), ShapeError);
  EXPECT_THROW(xavier("triangular"), ValueError);
  EXPECT_THROW(xavier("uniform", "both"), ValueError);
}

TEST(Initializer, OrthogonalRowsOrColumnsAreOrthonormal) {
  for (const Shape& shape : {Shape{3, 7}, Shape{7, 3}, Shape{5, 5}}) {
    const auto w = filled(orthogonal(2), shape);
    const int64_t rows = shape[0], columns = shape[1];
    const bool by_rows = rows <= columns;
    for (int64_t a = 0; a < std::min(rows, columns); ++a) {
      for (int64_t b = 0; b <= a; ++b) {
        double dot = 0;
        for (int64_t i = 0; i < std::max(rows, columns); ++i)
          dot += by_rows ? w[a * columns + i] * w[b * columns + i] : w[i * columns + a] * w[i * columns + b];
        EXPECT_NEAR(dot, a == b ? 4 : 0, 1e-5);
      }
    }
  }
}

TEST(Initializer, LstmBiasFillsTheForgetGateOnly) {
  EXPECT_EQ(filled(lstm_bias(1.5), {8}), (std::vector<double>{0, 0, 1.5, 1.5, 0, 0, 0, 0}));
  Array wrong = Array::zeros({6});
  EXPECT_THROW(lstm_bias()->fill(wrong, Key(1)), ShapeError);
}

TEST(Initializer, IsFoundByNameOrTheNearestIsNamed) {
  EXPECT_EQ(initializer_by_name("uniform")->text(), "Uniform(0.07)");
  try {
    initializer_by_name("xavir");
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean xavier?"), std::string::npos) << error.what();
  }
}

TEST(Initializer, RefusesIntegerArrays) {
  Array integers = Array::zeros({2, 2}, DType::i8);
  EXPECT_THROW(uniform()->fill(integers, Key(1)), TypeError);
}

}  // namespace
}  // namespace quantick::nn
