// The registry, calls and observers; what the operators share.
#include "quantick/ops/operator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"
#include "quantick/ops/docs.h"
#include "quantick/ops/ops.h"
#include "quantick/ops/recurrent/lstm_layer.h"

namespace quantick {
namespace {

template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

Array floats(const std::vector<float>& v, const Shape& shape) { return Array::from(v, shape); }

Array random_floats(const Shape& shape, uint64_t seed) {
  std::vector<float> v(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(2 * Key(seed).uniform(i) - 1);
  return Array::from(v, shape);
}

TEST(Registry, NamesAreUniqueAndFound) {
  std::set<std::string> names;
  for (const Operator& op : operators()) {
    EXPECT_TRUE(names.insert(op.name).second) << op.name;
    EXPECT_EQ(find_operator(op.name).name, op.name);
    EXPECT_FALSE(op.summary.empty()) << op.name;
  }
  EXPECT_GE(names.size(), 50u);
}

TEST(Registry, UnknownNameGetsTheNearest) {
  EXPECT_EQ(refusal([] { find_operator("lstn"); }), "[ops] unknown operator lstn, did you mean lstm?");
}

TEST(Registry, TheDocsTableHasALineForEveryOperator) {
  const std::string table = operators_markdown();
  for (const Operator& op : operators()) {
    EXPECT_NE(table.find("`" + op.name + "`"), std::string::npos) << op.name << " in\n" << table;
    EXPECT_NE(table.find(op.summary), std::string::npos) << op.name;
  }
}

TEST(Attributes, ConvertAndRefuse) {
  const Array x = floats({1, 2, 3, 4}, {2, 2});
  const Operator& op = find_operator("sum");
  EXPECT_EQ(refusal([&] {
              invoke(op, {{"axis", int64_t{0}}}, Arrays{x});
            }),
            "[sum] unknown attribute axis, did you mean axes?");
  EXPECT_NE(refusal([&] {
              invoke(op, {{"axes", 0.5}}, Arrays{x});
            }).find("[sum] attribute axes, was 0.5"),
            std::string::npos);
  EXPECT_EQ(attribute_text(std::vector<int64_t>{1, -2}), "[1, -2]");
  EXPECT_EQ(attribute_text(std::string("a")), "\"a\"");
  EXPECT_EQ(attribute_text(true), "true");
}

TEST(Invoke, NamesTheUndefinedInput) {
  EXPECT_EQ(refusal([] { dense(Array::ones({1, 2}), Array()); }), "[dense] weight is an undefined array");
}

TEST(Invoke, NumbersTakeTheDtypeOfArrays) {
  const Array x = floats({1, 2}, {2});
  EXPECT_EQ((x * 0.5).dtype(), DType::f32);
  EXPECT_EQ((2 * x).dtype(), DType::f32);
  EXPECT_EQ((x.astype(DType::f64) + 0.5f).dtype(), DType::f64);
  EXPECT_EQ((x.astype(DType::i64) + 1).dtype(), DType::i64);
  EXPECT_EQ((x.astype(DType::i64) * 0.5).dtype(), DType::f64);  // as int64 and float32 do
  EXPECT_EQ(where(x > 1, x, 0).dtype(), DType::f32);
  EXPECT_EQ((1.0 - x).to_vector<float>(), (std::vector<float>{0, -1}));
}

TEST(Invoke, IntegersWrapAround) {
  const Array top = Array::full({1}, 2147483647, DType::i32);
  EXPECT_EQ((top + 1).to_vector<int32_t>(), (std::vector<int32_t>{-2147483647 - 1}));
}

struct Counter : CallObserver {
  int calls = 0;
  bool aliased = false;
  void on_call(const Operator&, const Attributes&, std::span<const Array> in, std::span<const Array> out) override {
    ++calls;
    for (const Array& x : in)
      for (const Array& y : out) aliased = aliased || (x.defined() && x.id() == y.id());
  }
};

TEST(Observers, NestAndCanBeHidden) {
  const Array x = Array::ones({2});
  Counter outer, inner;
  EXPECT_FALSE(recording());
  {
    const ObserverScope a(outer);
    exp(x);
    {
      const ObserverScope b(inner);
      exp(x);
      const UnobservedScope hidden;
      EXPECT_FALSE(recording());
      exp(x);
    }
    EXPECT_TRUE(recording());
  }
  exp(x);
  EXPECT_EQ(outer.calls, 2);
  EXPECT_EQ(inner.calls, 1);
}

TEST(Observers, SeeAnInputHandedThroughAsAnotherArray) {
  const Array x = Array::ones({2, 3});
  Counter counter;
  const ObserverScope scope(counter);
  cast(x, DType::f32);
  dropout(x, 0.5, 1, false);
  reshape(x, {2, 3});
  EXPECT_EQ(counter.calls, 3);
  EXPECT_FALSE(counter.aliased);
}

TEST(Values, NanGoesThrough) {
  const Array x = floats({NAN, 1}, {2}), one = Array::ones({2});
  for (const Array& y : {relu(x), maximum(x, one), minimum(x, one), clip(x, -1, 1), sign(x), tanh(x), sigmoid(x)}) {
    EXPECT_TRUE(std::isnan(y.to_vector<float>()[0]));
    EXPECT_FALSE(std::isnan(y.to_vector<float>()[1]));
  }
  EXPECT_TRUE(std::isnan(max(x).item()));
  EXPECT_TRUE(std::isnan(min(x).item()));
}

TEST(Values, SumOfManyKeepsItsDigits) {
  EXPECT_EQ(sum(Array::full({1 << 20}, 0.1)).item(), static_cast<double>(static_cast<float>(0.1f * 0x1p20)));
}

TEST(Dropout, DropsTheSameElementsForAKeyAndKeepsTheMean) {
  const Array x = Array::ones({100, 1000});
  const Array y = dropout(x, 0.3, 5, true);
  EXPECT_TRUE(same_bits(y, dropout(x, 0.3, 5, true)));
  EXPECT_FALSE(same_bits(y, dropout(x, 0.3, 6, true)));
  EXPECT_NEAR(mean(y).item(), 1.0, 0.01);
}

TEST(BatchRows, DenseAndLstmGiveTheSameBitsAlone) {
  const int64_t batch = 70, units = 19, inputs = 17, steps = 3;
  const Array x = random_floats({steps, batch, inputs}, 1), w = random_floats({4 * units, inputs}, 2);
  const Array wh = random_floats({4 * units, units}, 3), b = random_floats({4 * units}, 4);
  const Arrays whole = lstm(x, w, wh, b, b);
  const Array flat = dense(x.slice(0, 0, 1).squeeze(0), w, b);
  for (const int64_t row : {int64_t{0}, int64_t{5}, int64_t{64}, batch - 1}) {
    const Arrays alone = lstm(x.slice(1, row, row + 1), w, wh, b, b);
    EXPECT_TRUE(same_bits(alone[0], whole[0].slice(1, row, row + 1))) << row;
    EXPECT_TRUE(same_bits(alone[2], whole[2].slice(0, row, row + 1))) << row;
    EXPECT_TRUE(
        same_bits(dense(x.slice(0, 0, 1).squeeze(0).slice(0, row, row + 1), w, b), flat.slice(0, row, row + 1)));
  }
}

TEST(Lstm, RecordedCallGivesTheBitsOfAPlainOne) {
  const Array x = random_floats({4, 70, 5}, 1), w = random_floats({24, 5}, 2), wh = random_floats({24, 6}, 3);
  const Array b = random_floats({24}, 4);
  const Arrays plain = lstm(x, w, wh, b, b);
  Counter counter;
  const ObserverScope scope(counter);
  const Arrays recorded = lstm(x, w, wh, b, b);
  ASSERT_EQ(recorded.size(), plain.size());
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_TRUE(same_bits(plain[i], recorded[i]));
}

TEST(Lstm, GradientOfABatchOfManyPartsIsTheSumOfItsPieces) {
  const int64_t batch = 18 * kLstmRows + 7, units = 3, inputs = 2, steps = 2;
  const LstmSizes sizes{steps, batch, inputs, units};
  const Array x = random_floats({steps, batch, inputs}, 1), w = random_floats({4 * units, inputs}, 2);
  const Array wh = random_floats({4 * units, units}, 3), b = random_floats({4 * units}, 4);
  const Array dy = random_floats({steps, batch, units}, 5);
  const auto inputs_of = [&](const Array& rows) {
    return LstmInputs{.x = rows, .w_ih = w, .w_hh = wh, .b_ih = b, .b_hh = b};
  };
  const auto gradient = [&](int threads) {
    const int before = thread_count();
    set_thread_count(threads);
    const LstmForward f = lstm_forward(sizes, inputs_of(x), true);
    const LstmGradients g = lstm_backward(sizes, inputs_of(x), f.kept, dy, Array(), Array());
    set_thread_count(before);
    return g;
  };
  const LstmGradients g = gradient(1);
  EXPECT_TRUE(same_bits(g.w_ih, gradient(3).w_ih));
  Array total = Array::zeros(w.shape(), DType::f64);
  for (int64_t at = 0; at < batch; at += 100) {
    const int64_t end = std::min(batch, at + 100);
    const LstmSizes part{steps, end - at, inputs, units};
    const LstmInputs in = inputs_of(x.slice(1, at, end));
    const LstmForward f = lstm_forward(part, in, true);
    total = total + lstm_backward(part, in, f.kept, dy.slice(1, at, end), Array(), Array()).w_ih.astype(DType::f64);
  }
  EXPECT_LT(max(abs(total - g.w_ih.astype(DType::f64))).item(), 1e-3);
}

}  // namespace
}  // namespace quantick
