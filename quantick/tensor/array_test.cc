#include "quantick/tensor/array.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "quantick/core/error.h"
#include "quantick/tensor/strided.h"

namespace quantick {
namespace {

Array counting(const Shape& shape, DType dtype = DType::f32) {
  return Array::arange(0, static_cast<double>(shape.size()), 1, dtype).reshape(shape);
}

template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Shape, CountsIndexesAndPrints) {
  const Shape s{2, 3, 5};
  EXPECT_EQ(s.size(), 30);
  EXPECT_EQ(Shape().size(), 1);
  EXPECT_EQ(s[-1], 5);
  EXPECT_EQ(s.text(), "(2, 3, 5)");
  EXPECT_EQ(Shape{4}.text(), "(4,)");
  EXPECT_EQ(Shape().text(), "()");
  EXPECT_THROW(s[3], IndexError);
  EXPECT_THROW(s[-4], IndexError);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), ShapeError);
  EXPECT_EQ(row_major_strides(s), (Shape{15, 5, 1}));
}

TEST(Shape, InsertsAndErases) {
  Shape s{2, 3};
  s.insert(1, 7);
  EXPECT_EQ(s, (Shape{2, 7, 3}));
  s.erase(-1);
  EXPECT_EQ(s, (Shape{2, 7}));
  EXPECT_THROW(s.insert(3, 1), IndexError);
}

TEST(Shape, BroadcastsAsNumPyDoes) {
  EXPECT_EQ(broadcast_shapes({2, 1, 3}, {5, 1}, "t"), (Shape{2, 5, 3}));
  EXPECT_EQ(broadcast_shapes({}, {4}, "t"), (Shape{4}));
  EXPECT_EQ(broadcast_shapes({1}, {0}, "t"), (Shape{0}));
  EXPECT_EQ(refusal([] {
              broadcast_shapes({2, 3}, {4}, "add");
            }),
            "[add] shapes (2, 3) and (4,) do not broadcast: axis 1 has 3 and 4");
}

TEST(DTypes, NamesGoBothWays) {
  for (const DType d :
       {DType::f32, DType::f64, DType::i8, DType::u8, DType::i16, DType::i32, DType::i64, DType::boolean})
    EXPECT_EQ(dtype_from_name(dtype_name(d)), d);
  EXPECT_THROW(dtype_from_name("float"), TypeError);
}

TEST(DTypes, PromotionIsSymmetricAndNumPys) {
  EXPECT_EQ(promote(DType::i8, DType::f32), DType::f32);
  EXPECT_EQ(promote(DType::i16, DType::f32), DType::f32);
  EXPECT_EQ(promote(DType::i32, DType::f32), DType::f64);
  EXPECT_EQ(promote(DType::i8, DType::u8), DType::i16);
  EXPECT_EQ(promote(DType::boolean, DType::u8), DType::u8);
  EXPECT_EQ(promote(DType::i64, DType::i8), DType::i64);
  for (int a = 0; a < 8; ++a)
    for (int b = 0; b < 8; ++b)
      EXPECT_EQ(promote(DType(a), DType(b)), promote(DType(b), DType(a))) << a << " and " << b;
}

TEST(Array, MakesAndReads) {
  EXPECT_EQ(Array::zeros({2, 2}).to_vector<float>(), (std::vector<float>(4, 0)));
  EXPECT_EQ(Array::full({2}, 3, DType::i8).to_vector<int8_t>(), (std::vector<int8_t>{3, 3}));
  EXPECT_EQ(Array::arange(1, 2, 0.25).to_vector<float>(), (std::vector<float>{1, 1.25f, 1.5f, 1.75f}));
  EXPECT_EQ(Array::arange(3, 0, -1, DType::i64).to_vector<int64_t>(), (std::vector<int64_t>{3, 2, 1}));
  EXPECT_EQ(Array::arange(1, 0).size(), 0);
  EXPECT_EQ(Array(2.5f).item(), 2.5);
  EXPECT_TRUE(Array(1).is_weak_scalar());
  EXPECT_FALSE(Array::zeros({}).is_weak_scalar());
  EXPECT_NE(Array(1).id(), Array(1).id());
}

TEST(Array, RefusesMisuse) {
  EXPECT_EQ(refusal([] { Array().shape(); }), "[array] undefined array used");
  EXPECT_NE(refusal([] { Array::zeros({2}).data<double>(); }).find("was float32, expected float64"), std::string::npos);
  EXPECT_NE(refusal([] {
              Array::zeros({2, 3}).transpose({1, 0}).data<float>();
            }).find("strided view"),
            std::string::npos);
  EXPECT_NE(refusal([] { Array::zeros({2}).item(); }).find("item() of shape (2,)"), std::string::npos);
  EXPECT_THROW(Array::zeros({-1}), ShapeError);
  EXPECT_THROW(Array::zeros({2, 3}).reshape({4, 2}), ShapeError);
  EXPECT_THROW(Array::zeros({2, 3}).reshape({-1, -1}), ShapeError);
  EXPECT_THROW(Array::zeros({0, 3}).reshape({-1, 4, 1, 2}).shape()[4], IndexError);
  EXPECT_THROW(Array::zeros({2, 3}).transpose({0, 0}), ValueError);
  EXPECT_THROW(Array::zeros({2, 3}).transpose({0}), ShapeError);
  EXPECT_THROW(Array::zeros({2}).slice(0, 0, 2, 0), ValueError);
  EXPECT_THROW(Array::zeros({2}).broadcast_to({3}), ShapeError);
  EXPECT_THROW(Array::zeros({2}).squeeze(0), ShapeError);
  EXPECT_THROW(Array::arange(0, 1, 0), ValueError);
  EXPECT_THROW(Array::arange(0, 1e30, 1), ShapeError);
  EXPECT_THROW(Array::arange(-1e308, 1e308, 1), ShapeError);
  EXPECT_EQ(Array::arange(0, -1e308, 1).size(), 0);
  EXPECT_THROW(Array::from(std::vector<float>{1, 2}, {3}), ShapeError);
  EXPECT_THROW(Array::zeros({2}, DType::i8).attach_grad(), TypeError);
  EXPECT_THROW(Array::zeros({2}).grad(), ValueError);
}

TEST(Array, ViewsShareMemory) {
  Array x = counting({3, 4});
  Array row = x.slice(0, 1, 2).squeeze(0);
  row.assign(Array::full({4}, 9));
  EXPECT_EQ(x.slice(0, 1, 2).to_vector<float>(), (std::vector<float>(4, 9)));
  x.transpose({1, 0}).slice(0, 0, 1).assign(Array::full({1, 3}, 7));
  EXPECT_EQ(x.slice(1, 0, 1).to_vector<float>(), (std::vector<float>(3, 7)));
}

TEST(Array, ViewsReadTheRightElements) {
  const Array x = counting({2, 3, 4});
  EXPECT_EQ(x.transpose({2, 0, 1}).slice(0, 1, 2).to_vector<float>(), (std::vector<float>{1, 5, 9, 13, 17, 21}));
  EXPECT_EQ(x.slice(2, -1, 9).squeeze(2).to_vector<float>(), (std::vector<float>{3, 7, 11, 15, 19, 23}));
  EXPECT_EQ(x.slice(1, 0, 3, 2).slice(2, 1, 4, 2).to_vector<float>(),
            (std::vector<float>{1, 3, 9, 11, 13, 15, 21, 23}));
  EXPECT_EQ(x.slice(0, 2, 1).size(), 0);
  EXPECT_EQ(x.transpose({1, 0, 2}).reshape({3, -1}).slice(0, 2, 3).to_vector<float>(),
            (std::vector<float>{8, 9, 10, 11, 20, 21, 22, 23}));
  EXPECT_EQ(counting({2}).expand_dims(-1).broadcast_to({2, 2}).to_vector<float>(), (std::vector<float>{0, 0, 1, 1}));
  EXPECT_EQ(counting({1, 2}).broadcast_to({2, 2}).copy().strides(), (Shape{2, 1}));
}

TEST(Array, AssignsFromAViewOfItself) {
  Array x = counting({2, 2});
  x.assign(x.transpose({1, 0}));
  EXPECT_EQ(x.to_vector<float>(), (std::vector<float>{0, 2, 1, 3}));
}

TEST(Array, AssignsFromTheSameMemoryOfAnotherOwner) {
  std::vector<float> held{0, 1, 2, 3, 4};
  Array forward = Array::wrap(held.data(), DType::f32, {5}, nullptr);
  forward.assign(Array::wrap(held.data() + 4, DType::f32, {5}, nullptr, {-1}));
  EXPECT_EQ(held, (std::vector<float>{4, 3, 2, 1, 0}));
}

TEST(Array, BroadcastOfAScalarAxisIsNotWrittenTwice) {
  Array one = Array::zeros({1});
  EXPECT_FALSE(one.broadcast_to({3}).is_contiguous());
  EXPECT_TRUE(one.expand_dims(0).is_contiguous());
}

TEST(Array, CastsSaturateAndNeverAreUndefined) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const Array x = Array::from(std::vector<float>{nan, inf, -inf, 1e20f, 2.9f, -2.9f, 300});
  EXPECT_EQ(x.astype(DType::i8).to_vector<int8_t>(), (std::vector<int8_t>{0, 127, -128, 127, 2, -2, 127}));
  EXPECT_EQ(x.astype(DType::u8).to_vector<uint8_t>(), (std::vector<uint8_t>{0, 255, 0, 255, 2, 0, 255}));
  EXPECT_EQ(x.astype(DType::i64).to_vector<int64_t>()[3], std::numeric_limits<int64_t>::max());
  EXPECT_EQ(x.astype(DType::i32).to_vector<int32_t>()[2], std::numeric_limits<int32_t>::min());
  EXPECT_EQ(Array::from(std::vector<double>{2147483646.5}).astype(DType::i32).to_vector<int32_t>()[0], 2147483646);
  EXPECT_EQ(x.astype(DType::boolean).to_vector<bool>()[4], true);
}

TEST(Array, SameBitsTellsSignedZerosAndTypesApart) {
  EXPECT_TRUE(same_bits(counting({2, 3}).transpose({1, 0}), counting({2, 3}).transpose({1, 0}).copy()));
  EXPECT_FALSE(same_bits(Array::full({1}, 0.0), Array::full({1}, -0.0)));
  EXPECT_FALSE(same_bits(Array::zeros({2}), Array::zeros({2}, DType::i32)));
  EXPECT_FALSE(same_bits(Array::zeros({2}), Array::zeros({1, 2})));
}

TEST(Array, WrapsForeignMemoryAndKeepsItsOwner) {
  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4, 5, 6});
  const std::weak_ptr<std::vector<float>> alive = owner;
  Array x = Array::wrap(owner->data(), DType::f32, {2, 2}, owner, {3, 1});
  owner.reset();
  EXPECT_EQ(x.to_vector<float>(), (std::vector<float>{1, 2, 4, 5}));
  Array view = x.slice(0, 1, 2);
  x = Array();
  EXPECT_FALSE(alive.expired());
  view = Array();
  EXPECT_TRUE(alive.expired());
}

TEST(Array, SizesBeyond63BitsAreRefused) {
  constexpr int64_t kHuge = int64_t{1} << 61;
  EXPECT_THROW(Array::empty({kHuge, 4}), ShapeError);
  EXPECT_THROW(Array::empty({kHuge, 0, 4}), ShapeError) << "no element, but strides";
  EXPECT_THROW(Array::empty({kHuge}, DType::f64), ShapeError) << "few enough elements, too many bytes";
  EXPECT_THROW(Array::empty({kHuge, 2}, DType::f32), ShapeError);
  EXPECT_EQ(Array::empty({0, kHuge}).size(), 0);
}

TEST(Array, GradientSlotIsPerHandle) {
  Array x = counting({2});
  x.attach_grad();
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{0, 0}));
  const Array same = x;
  x.set_grad(Array::ones({2}));
  EXPECT_EQ(same.grad().to_vector<float>(), (std::vector<float>{1, 1}));
  EXPECT_FALSE(x.copy().has_grad());
  EXPECT_THROW(x.set_grad(Array::ones({3})), ShapeError);
}

TEST(Array, ReadOnlyMemoryIsReadAndNeverWritten) {
  const auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4});
  Array x = Array::wrap_read_only(owner->data(), DType::f32, {2, 2}, owner);
  EXPECT_EQ(x.data<float>(), owner->data());
  EXPECT_FALSE(x.is_writable());
  Array row = x.slice(0, 0, 1);
  EXPECT_THROW(x.mutable_data<float>(), ValueError);
  EXPECT_THROW(row.mutable_raw(), ValueError);
  EXPECT_THROW(row.assign(Array::zeros({1, 2})), ValueError);
  EXPECT_EQ(*owner, (std::vector<float>{1, 2, 3, 4}));
  Array own = x.copy();
  own.assign(Array::zeros({2, 2}));
  EXPECT_TRUE(own.is_writable());
}

TEST(Array, PrintsShortened) {
  EXPECT_EQ(counting({2, 2}).text(), "[[0, 1], [2, 3]] float32 (2, 2)");
  EXPECT_EQ(counting({9}, DType::i64).text(), "[0, 1, 2, ..., 6, 7, 8] int64 (9,)");
  EXPECT_EQ(Array::full({}, 1, DType::boolean).text(), "true bool ()");
}

TEST(Array, LargeMemoryIsReusedButNeverShared) {
  Array first = Array::full({1 << 16}, 1);
  const void* place = first.raw();
  Array second = Array::full({1 << 16}, 2);
  EXPECT_NE(second.raw(), place);
  first = Array();
  const Array third = Array::full({1 << 16}, 3);
  EXPECT_EQ(second.to_vector<float>().back(), 2);
  EXPECT_EQ(third.to_vector<float>().back(), 3);
}

TEST(Strided, WalksInRowMajorOrder) {
  std::vector<int64_t> seen;
  for_each_offset({2, 3}, {1, 10}, [&](int64_t at) { seen.push_back(at); });
  EXPECT_EQ(seen, (std::vector<int64_t>{0, 10, 20, 1, 11, 21}));
  int calls = 0;
  for_each_offset({0, 3}, {3, 1}, [&](int64_t) { ++calls; });
  for_each_offset({}, {}, [&](int64_t) { ++calls; });
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace quantick
