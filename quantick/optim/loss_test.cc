// Each loss against its formula, its gradient against finite differences in float64.
#include "quantick/optim/loss.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/autograd/autograd.h"
#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/ops/ops.h"

namespace quantick::optim {
namespace {

Array doubles(const std::vector<double>& values, const Shape& shape) { return Array::from(values, shape); }

Array random(const Shape& shape, uint64_t seed) {
  std::vector<double> values(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = Key(seed).normal(i);
  return doubles(values, shape);
}

void expect_values(const Array& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), static_cast<int64_t>(expected.size()));
  const auto values = got.to_vector<double>();
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-12) << i;
}

void expect_gradient(const Loss& loss, const Array& prediction, const Array& label, const Array& weight = {},
                     std::span<const int64_t> groups = {}) {
  const Arrays inputs = {prediction};
  EXPECT_LT(autograd::finite_difference_error(
                [&](std::span<const Array> in) { return mean(loss(in[0], label, weight, groups)); }, inputs),
            1e-6)
      << loss.kind();
}

const Array kPrediction = doubles({1, 2, 3, 5}, {2, 2});
const Array kLabel = doubles({0, 4, 3.5, 5}, {2, 2});

TEST(L2Loss, IsHalfTheMeanSquarePerSample) {
  expect_values(L2Loss()(kPrediction, kLabel), {(1 + 4) / 4.0, 0.25 / 4});
  expect_values(L2Loss({.weight = 3})(kPrediction, kLabel), {3 * (1 + 4) / 4.0, 3 * 0.25 / 4});
}

TEST(L1Loss, IsTheMeanDistancePerSample) {
  expect_values(L1Loss()(kPrediction, kLabel), {1.5, 0.25});
  expect_values(L1Loss()(kPrediction, kLabel, doubles({2, 4}, {2})), {3, 1});
  expect_values(L1Loss()(kPrediction, kLabel, doubles({1, 0, 0, 1}, {2, 2})), {0.5, 0});
}

TEST(HuberLoss, IsASquareNearAndALineFar) {
  // rho 1: 0.5 * 1, 2 - 0.5; 0.5 * 0.25, 0
  expect_values(HuberLoss()(kPrediction, kLabel), {(0.5 + 1.5) / 2, 0.125 / 2});
  // rho 0.5: 1 - 0.25, 2 - 0.25; 0.25 / (2 * 0.5), 0
  expect_values(HuberLoss({.rho = 0.5})(kPrediction, kLabel), {(0.75 + 1.75) / 2, 0.25 / 2});
  EXPECT_THROW(HuberLoss({.rho = 0}), ValueError);
}

TEST(QuantileLoss, WeighsBothSidesByTheLevel) {
  // differences label - prediction: -1, 2; 0.5, 0
  expect_values(QuantileLoss({.quantile = 0.9})(kPrediction, kLabel), {(0.1 * 1 + 0.9 * 2) / 2, 0.9 * 0.5 / 2});
  EXPECT_THROW(QuantileLoss({.quantile = 1}), ValueError);
}

TEST(NegativeICLoss, IsMinusTheCorrelationPerGroup) {
  const Array prediction = doubles({1, 2, 3, 1, 5, 2, 2}, {7, 1});
  const Array label = doubles({2, 4, 6, 3, 1, 2, 2.5}, {7});
  const std::vector<int64_t> groups = {3, 4};
  const Array value = NegativeICLoss()(prediction, label, {}, groups);
  // second group, by hand: predictions 1 5 2 2 (mean 2.5), labels 3 1 2 2.5 (mean 2.125)
  const double ab = (-1.5 * 0.875) + (2.5 * -1.125) + (-0.5 * -0.125) + (-0.5 * 0.375);
  const double aa = 2.25 + 6.25 + 0.25 + 0.25, bb = 0.765625 + 1.265625 + 0.015625 + 0.140625;
  const auto values = value.to_vector<double>();
  ASSERT_EQ(values.size(), 2u);
  EXPECT_NEAR(values[0], -1, 1e-9);
  EXPECT_NEAR(values[1], -ab / std::sqrt(aa * bb), 1e-9);
}

TEST(NegativeICLoss, WeightsCountAsRepetitions) {
  const Array prediction = doubles({1, 5, 2, 2}, {4}), label = doubles({3, 1, 2, 2.5}, {4});
  const Array repeated = doubles({1, 5, 5, 2, 2}, {5}), repeated_label = doubles({3, 1, 1, 2, 2.5}, {5});
  EXPECT_NEAR(NegativeICLoss()(prediction, label, doubles({1, 2, 1, 1}, {4})).item(),
              NegativeICLoss()(repeated, repeated_label).item(), 1e-12);
}

TEST(NegativeICLoss, HasAFiniteGradientForConstantPredictions) {
  Array prediction = Array::zeros({4});
  prediction.attach_grad();
  const Array label = Array::from(std::vector<float>{1, -2, 0.5f, 3});
  Array loss;
  {
    const autograd::Record record;
    loss = mean(NegativeICLoss()(prediction, label));
  }
  autograd::backward(loss);
  for (const float g : prediction.grad().to_vector<float>()) EXPECT_TRUE(std::isfinite(g));
  EXPECT_LT(prediction.grad().to_vector<float>()[3], 0);  // upwards where the label is high
}

TEST(NegativeICLoss, RefusesGroupsThatDoNotFit) {
  const Array prediction = random({4}, 1), label = random({4}, 2);
  const std::vector<int64_t> wrong = {2, 1}, single = {3, 1};
  EXPECT_THROW(NegativeICLoss()(prediction, label, {}, wrong), ShapeError);
  EXPECT_THROW(NegativeICLoss()(prediction, label, {}, single), ValueError);
}

TEST(Loss, GradientsAreThoseOfFiniteDifferences) {
  const Array prediction = random({6, 2}, 1), label = random({6, 2}, 2), weight = doubles({1, 2, 3, 0.5, 1, 2}, {6});
  const std::vector<int64_t> groups = {4, 2};
  expect_gradient(L2Loss(), prediction, label, weight);
  expect_gradient(L1Loss(), prediction, label, weight);
  expect_gradient(HuberLoss({.rho = 0.8}), prediction, label, weight);
  expect_gradient(QuantileLoss({.quantile = 0.3}), prediction, label, weight);
  expect_gradient(NegativeICLoss(), prediction, label, weight, groups);
  expect_gradient(NegativeICLoss(), prediction, label);
}

TEST(Loss, RefusesShapesThatDoNotFit) {
  EXPECT_THROW(L2Loss()(random({4}, 1), random({5}, 2)), ShapeError);
  EXPECT_THROW(L2Loss()(random({4}, 1), random({4}, 2), random({3}, 3)), ShapeError);
}

TEST(MakeLoss, FindsByNameOrNamesTheNearest) {
  for (const std::string& name : loss_names()) EXPECT_EQ(make_loss(name)->kind(), name);
  EXPECT_EQ(make_loss("HuberLoss", {{"rho", 0.5}})->kind(), "HuberLoss");
  const auto text = [](const auto& f) -> std::string {
    try {
      f();
    } catch (const ValueError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(text([] { make_loss("HubrLoss"); }).find("did you mean HuberLoss?"), std::string::npos);
  EXPECT_EQ(text([] {
              make_loss("HuberLoss", {{"rhoo", 0.5}});
            }),
            "[HuberLoss] unknown attribute rhoo, did you mean rho?");
}

}  // namespace
}  // namespace quantick::optim
