// Three steps of each optimizer against the formulas its header names, recomputed here in double.
#include "quantick/optim/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"

namespace quantick::optim {
namespace {

const std::vector<std::vector<float>> kGradients = {{1, -2}, {0.5f, 0.25f}, {-3, 1}};

/// Weights after three steps with learning rates 0.1, 0.1, 0.05, from (1, -1).
std::vector<double> run(Optimizer& optimizer) {
  Arrays weights = {Array::from(std::vector<float>{1, -1})};
  const double rates[] = {0.1, 0.1, 0.05};
  for (size_t t = 0; t < 3; ++t) {
    const Arrays gradients = {Array::from(kGradients[t])};
    optimizer.step(weights, gradients, rates[t]);
  }
  EXPECT_EQ(optimizer.steps(), 3);
  return weights[0].to_vector<double>();
}

template <class Step>
void expect_steps(Optimizer& optimizer, Step&& step) {
  const auto got = run(optimizer);
  const double rates[] = {0.1, 0.1, 0.05};
  for (size_t i = 0; i < 2; ++i) {
    double w = i == 0 ? 1 : -1, a = 0, b = 0;
    for (int t = 1; t <= 3; ++t) step(w, static_cast<double>(kGradients[t - 1][i]), a, b, rates[t - 1], t);
    EXPECT_NEAR(got[i], w, 1e-6) << optimizer.kind();
  }
}

TEST(SGD, FollowsMxnetsFormulas) {
  SGD plain({.wd = 0.1});
  expect_steps(plain, [](double& w, double g, double&, double&, double lr, int) { w -= lr * (g + 0.1 * w); });
  SGD momentum({.momentum = 0.9, .wd = 0.1});
  expect_steps(momentum, [](double& w, double g, double& mom, double&, double lr, int) {
    mom = 0.9 * mom - lr * (g + 0.1 * w);
    w += mom;
  });
  SGD nesterov({.momentum = 0.9, .nesterov = true});
  expect_steps(nesterov, [](double& w, double g, double& mom, double&, double lr, int) {
    mom = 0.9 * mom - lr * g;
    w += 0.9 * mom - lr * g;
  });
  EXPECT_THROW(SGD({.nesterov = true}), ValueError);
  EXPECT_THROW(SGD({.learning_rate = 0}), ValueError);
}

void adam(double& w, double g, double& m, double& v, double lr, int t) {
  m = 0.9 * m + 0.1 * g;
  v = 0.999 * v + 0.001 * g * g;
  w -= lr * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
}

TEST(Adam, FollowsAlgorithmOneOfThePaper) {
  Adam optimizer({.wd = 0.1});
  expect_steps(optimizer,
               [](double& w, double g, double& m, double& v, double lr, int t) { adam(w, g + 0.1 * w, m, v, lr, t); });
}

TEST(AdamW, DecaysTheWeightsApartFromTheGradient) {
  AdamW optimizer({.wd = 0.1});
  expect_steps(optimizer, [](double& w, double g, double& m, double& v, double lr, int t) {
    w *= 1 - lr * 0.1;
    adam(w, g, m, v, lr, t);
  });
  EXPECT_THROW(AdamW({.beta2 = 1}), ValueError);
}

TEST(Optimizer, RestoredStatesContinueInBits) {
  for (const std::string& name : optimizer_names()) {
    const Attributes kwargs = name == "SGD" ? Attributes{{"momentum", 0.9}} : Attributes{};
    const auto first = make_optimizer(name, kwargs), second = make_optimizer(name, kwargs);
    Arrays a = {Array::from(std::vector<float>{1, -1})};
    const Arrays gradient = {Array::from(std::vector<float>{0.3f, -0.7f})};
    for (int t = 0; t < 3; ++t) first->step(a, gradient, 0.1);
    Arrays b = {a[0].copy()};
    second->restore(first->steps(), first->states());
    first->step(a, gradient, 0.1);
    second->step(b, gradient, 0.1);
    EXPECT_TRUE(same_bits(a[0], b[0])) << name;
  }
  Adam adam;
  EXPECT_THROW(adam.restore(1, {{Array::zeros({2})}}), ValueError);
}

TEST(Optimizer, ThreadsDoNotChangeBits) {
  const int before = thread_count();
  std::vector<Array> results;
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    std::vector<float> values(100003);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(Key(1).normal(i));
    Arrays weights = {Array::from(values)};
    const Arrays gradients = {Array::from(values)};
    Adam adam;
    for (int t = 0; t < 3; ++t) adam.step(weights, gradients, 0.01);
    results.push_back(weights[0]);
  }
  set_thread_count(before);
  EXPECT_TRUE(same_bits(results[0], results[1]));
  EXPECT_TRUE(same_bits(results[0], results[2]));
}

TEST(Optimizer, RefusesArraysThatDoNotFit) {
  Adam adam;
  Arrays weights = {Array::zeros({2})};
  const Arrays wrong = {Array::zeros({3})}, none, doubles = {Array::zeros({2}, DType::f64)};
  EXPECT_THROW(adam.step(weights, wrong, 0.1), ShapeError);
  EXPECT_THROW(adam.step(weights, none, 0.1), ValueError);
  EXPECT_THROW(adam.step(weights, doubles, 0.1), TypeError);
}

TEST(ClipGlobalNorm, ScalesOnlyWhatIsTooLong) {
  Arrays arrays = {Array::from(std::vector<float>{3, 0}), Array::from(std::vector<float>{0, 4})};
  EXPECT_EQ(clip_global_norm(arrays, 5), 5);
  EXPECT_EQ(arrays[0].to_vector<float>(), (std::vector<float>{3, 0}));
  EXPECT_EQ(clip_global_norm(arrays, 1), 5);
  EXPECT_NEAR(global_norm(arrays), 1, 1e-6);
  EXPECT_NEAR(arrays[1].to_vector<float>()[1], 0.8f, 1e-6);
  Arrays infinite = {Array::from(std::vector<float>{std::numeric_limits<float>::infinity(), 1})};
  EXPECT_TRUE(std::isinf(clip_global_norm(infinite, 1)));
  EXPECT_EQ(infinite[0].to_vector<float>()[1], 1);
  EXPECT_THROW(clip_global_norm(arrays, 0), ValueError);
}

TEST(MakeOptimizer, NamesTheNearestClassAndKeyword) {
  const auto text = [](const auto& f) -> std::string {
    try {
      f();
    } catch (const ValueError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(text([] { make_optimizer("AdmaW"); }).find("did you mean AdamW?"), std::string::npos);
  EXPECT_EQ(text([] {
              make_optimizer("AdamW", {{"learning_rat", 0.1}});
            }),
            "[AdamW] unknown attribute learning_rat, did you mean learning_rate?");
  EXPECT_EQ(make_optimizer("AdamW", {{"learning_rate", 0.25}})->learning_rate(), 0.25);
}

}  // namespace
}  // namespace quantick::optim
