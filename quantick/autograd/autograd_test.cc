#include "quantick/autograd/autograd.h"

#include <gtest/gtest.h>

#include "quantick/core/error_of.h"
#include "quantick/core/rng.h"
#include "quantick/ops/ops.h"

namespace quantick::autograd {
namespace {

Array random_array(const Shape& shape, const char* name) {
  Array out = Array::empty(shape, DType::f64);
  double* p = out.mutable_data<double>();
  for (int64_t i = 0; i < out.size(); ++i) p[i] = Key(3).fold(name).uniform(static_cast<uint64_t>(i)) * 2 - 1;
  return out;
}

TEST(Autograd, GradientOfALeastSquaresLoss) {
  Array w = Array::from<double>({1, -2, 3});
  w.attach_grad();
  const Array x = Array::from<double>({2, 5, 7});
  Array loss;
  {
    const Record record;
    loss = sum(square(w * x));
  }
  backward(loss);
  EXPECT_EQ(w.grad().to_vector<double>(), (std::vector<double>{2 * 1 * 4, 2 * -2 * 25, 2 * 3 * 49}));
}

TEST(Autograd, SharedInputsAccumulate) {
  Array x = Array::from<double>({3});
  x.attach_grad();
  Array y;
  {
    const Record record;
    const Array a = x * x;
    y = a + a * x + x;  // x + x^2 + x^3
  }
  backward(y);
  EXPECT_EQ(x.grad().item(), 1 + 2 * 3 + 3 * 9);
}

TEST(Autograd, AccumulatingGradientsAreAdded) {
  Array x = Array::from<double>({3});
  x.attach_grad();
  x.set_grad_adds(true);
  const auto pass = [&] {
    Array y;
    {
      const Record record;
      y = x * x;
    }
    backward(y);
    return x.grad().item();
  };
  EXPECT_EQ(pass(), 6);
  EXPECT_EQ(pass(), 12);
  x.set_grad_adds(false);
  EXPECT_EQ(pass(), 6);
}

TEST(Autograd, RecordedCallsHaveTheGradientTheyAreGiven) {
  Array x = Array::from<double>({3});
  x.attach_grad();
  Array y;
  {
    const Record record;
    const Array middle = x * 2.0;
    const Array outputs[] = {Array::from<double>({1}), Array::from<double>({1})};
    record_call({&middle, 1}, outputs, [](std::span<const Array> given) {
      EXPECT_FALSE(given[1].defined());
      return Arrays{given[0] * 5.0};
    });
    y = outputs[0] * 7.0;
  }
  backward(y);
  EXPECT_EQ(x.grad().item(), 2 * 5 * 7);
}

TEST(Autograd, RandomCompositesAgreeWithFiniteDifferences) {
  const Arrays inputs{random_array({4, 3}, "x"), random_array({5, 3}, "w"), random_array({5}, "b")};
  const double error = finite_difference_error(
      [](std::span<const Array> in) {
        const Array h = tanh(dense(in[0], in[1], in[2]));
        return mean(square(softmax(h) - sigmoid(h) * h));
      },
      inputs);
  EXPECT_LT(error, 1e-8);
}

TEST(Autograd, FiniteDifferencesSeeAWrongGradient) {
  const Arrays inputs{random_array({3}, "x")};
  int call = 0;
  const double error = finite_difference_error(
      [&](std::span<const Array> in) { return call++ == 0 ? sum(in[0] * 2.0) : sum(in[0] * 3.0); }, inputs);
  EXPECT_GT(error, 0.3);
}

TEST(Autograd, BroadcastGradientsAreSummedBack) {
  Array b = Array::from<double>({1, 2, 3});
  b.attach_grad();
  Array y;
  {
    const Record record;
    y = sum(Array::ones({4, 3}, DType::f64) * b);
  }
  backward(y);
  EXPECT_EQ(b.grad().to_vector<double>(), (std::vector<double>{4, 4, 4}));
}

TEST(Autograd, SeveralHeadsAddUpAndATapeCanBeKept) {
  Array x = Array::from<double>({3, 5});
  x.attach_grad();
  Array square_sum, doubled;
  {
    const Record record;
    square_sum = sum(x * x);
    doubled = x * 2.0;
  }
  const Arrays heads{square_sum, doubled}, variables{x};
  const Arrays head_gradients{Array(), Array::from<double>({1, 10})};
  const std::vector<double> expected{2 * 3 + 2 * 1, 2 * 5 + 2 * 10};
  EXPECT_EQ(gradients(heads, variables, head_gradients, true)[0].to_vector<double>(), expected);
  EXPECT_EQ(x.grad().to_vector<double>(), (std::vector<double>{0, 0}));
  backward(heads, head_gradients, false);
  EXPECT_EQ(x.grad().to_vector<double>(), expected);
  EXPECT_THROW(backward(square_sum), ValueError);  // the tape is gone
}

TEST(Autograd, HeadGradientsFitTheirHeads) {
  Array x = Array::from<double>({3, 5});
  x.attach_grad();
  Array y;
  {
    const Record record;
    y = x * 2.0;
  }
  const Arrays heads{y}, none{Array()}, two{Array(), Array()}, narrow{Array::ones({1}, DType::f64)};
  const auto says = [&](const Arrays& head_gradients, const char* text) {
    return error_of([&] { backward(heads, head_gradients, true); }).find(text) != std::string::npos;
  };
  EXPECT_TRUE(says(two, "[backward] head gradients, was 2 of them, expected 1"));
  EXPECT_TRUE(says(narrow, "[backward] head gradient, was float64 (1,), expected float64 (2,)"));
  EXPECT_TRUE(says(none, "expected one element"));
}

TEST(Autograd, TrainingModeLeavesRecordingAsItIs) {
  const TrainingMode outside(true);
  EXPECT_TRUE(is_training());
  EXPECT_FALSE(is_recording());
  {
    const Record record(true);
    {
      const TrainingMode predicts(false);
      EXPECT_FALSE(is_training());
      EXPECT_TRUE(is_recording());
    }
    EXPECT_TRUE(is_training());
    const Pause pause(true);
    EXPECT_TRUE(is_training());
    EXPECT_FALSE(is_recording());
  }
  EXPECT_TRUE(is_training());
}

TEST(Autograd, KnowsWhatTheTapeNeeds) {
  Array x = Array::from<double>({3, 5}), other = Array::from<double>({1, 2});
  x.attach_grad();
  EXPECT_FALSE(is_recorded(x));
  const Record record;
  const Array y = x * other, view = y.slice(0, 0, 1), apart = other * 2.0;
  EXPECT_TRUE(is_recorded(x));
  EXPECT_TRUE(is_recorded(y));
  EXPECT_TRUE(is_recorded(view));
  EXPECT_FALSE(is_recorded(apart));
  const Pause pause;
  EXPECT_FALSE(is_recorded(y));
}

TEST(Autograd, PauseLeavesCallsOut) {
  Array x = Array::from<double>({2});
  x.attach_grad();
  Array y;
  {
    const Record record;
    Array factor;
    {
      const Pause pause;
      EXPECT_FALSE(is_recording());
      factor = x * x;
    }
    EXPECT_TRUE(is_recording());
    y = x * factor;
  }
  backward(y);
  EXPECT_EQ(x.grad().item(), 4);
}

TEST(Autograd, TrainingModeFollowsTheScopes) {
  EXPECT_FALSE(is_training());
  {
    const Record record;
    EXPECT_TRUE(is_training());
    const Record predict(false);
    EXPECT_FALSE(is_training());
  }
  EXPECT_FALSE(is_training());
}

TEST(Autograd, GradientsLeaveAttachedOnesAlone) {
  Array x = Array::from<double>({5});
  x.attach_grad();
  Array y;
  {
    const Record record;
    y = square(x);
  }
  const Array variables[] = {x};
  EXPECT_EQ(gradients(y, variables, {}, true)[0].item(), 10);
  EXPECT_EQ(x.grad().item(), 0);
  EXPECT_EQ(gradients(y, variables, Array::from<double>({3}))[0].item(), 30);
}

TEST(Autograd, ErrorsNameTheMistake) {
  Array x = random_array({2, 2}, "x");
  EXPECT_NE(error_of([&] { backward(x); }).find("not computed from a variable"), std::string::npos);
  x.attach_grad();
  Array y;
  {
    const Record record;
    y = square(x);
    EXPECT_NE(error_of([&] { square(y.reshape({4})); }).find("is a view"), std::string::npos);
    EXPECT_NE(error_of([&] { square(x.slice(0, 0, 1)); }).find("is a view"), std::string::npos);
  }
  EXPECT_NE(error_of([&] { backward(y); }).find("one element"), std::string::npos);
}

}  // namespace
}  // namespace quantick::autograd
