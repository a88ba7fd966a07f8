// Values of MXNet's schedules, by its formulas and its counting.
#include "quantick/optim/schedule.h"

#include <gtest/gtest.h>

#include "quantick/core/error.h"

namespace quantick::optim {
namespace {

TEST(FactorScheduler, ReducesAfterEveryStep) {
  FactorSchedulerOptions options;
  options.step = 10;
  options.factor = 0.5;
  options.stop_factor_lr = 0.3;
  const FactorScheduler schedule(options);
  EXPECT_EQ(schedule(1, 1), 1);
  EXPECT_EQ(schedule(10, 1), 1);
  EXPECT_EQ(schedule(11, 1), 0.5);
  EXPECT_EQ(schedule(20, 1), 0.5);
  EXPECT_EQ(schedule(21, 1), 0.3);
}

TEST(MultiFactorScheduler, ReducesAfterTheGivenUpdates) {
  const auto schedule = make_schedule("MultiFactorScheduler", {{"step", std::vector<int64_t>{5, 8}}, {"factor", 0.1}});
  EXPECT_EQ((*schedule)(5, 1), 1);
  EXPECT_DOUBLE_EQ((*schedule)(6, 1), 0.1);
  EXPECT_DOUBLE_EQ((*schedule)(8, 1), 0.1);
  EXPECT_DOUBLE_EQ((*schedule)(9, 1), 0.01);
  EXPECT_THROW(make_schedule("MultiFactorScheduler", {{"step", std::vector<int64_t>{8, 5}}}), ValueError);
  EXPECT_THROW(make_schedule("MultiFactorScheduler"), ValueError);
}

TEST(PolyScheduler, FallsAsAPowerAndStays) {
  const auto schedule = make_schedule("PolyScheduler", {{"max_update", int64_t{10}}, {"final_lr", 0.2}});
  EXPECT_DOUBLE_EQ((*schedule)(5, 1), 0.2 + 0.8 * 0.25);
  EXPECT_DOUBLE_EQ((*schedule)(10, 1), 0.2);
  EXPECT_DOUBLE_EQ((*schedule)(100, 1), 0.2);
}

TEST(CosineScheduler, FallsAsAHalfWaveAfterTheWarmUp) {
  const auto schedule = make_schedule(
      "CosineScheduler",
      {{"max_update", int64_t{14}}, {"warmup_steps", int64_t{4}}, {"warmup_begin_lr", 0.2}, {"base_lr", 1.0}});
  EXPECT_DOUBLE_EQ((*schedule)(1, 99), 0.4);
  EXPECT_DOUBLE_EQ((*schedule)(3, 99), 0.8);
  EXPECT_DOUBLE_EQ((*schedule)(4, 99), 1);
  EXPECT_DOUBLE_EQ((*schedule)(9, 99), 0.5);
  EXPECT_NEAR((*schedule)(14, 99), 0, 1e-15);
  EXPECT_NEAR((*schedule)(50, 99), 0, 1e-15);
}

TEST(ConstantScheduler, TakesTheOptimizersRateAndWarmsUp) {
  EXPECT_EQ((*make_schedule("ConstantScheduler"))(7, 0.25), 0.25);
  const auto held =
      make_schedule("ConstantScheduler",
                    {{"warmup_steps", int64_t{3}}, {"warmup_begin_lr", 0.1}, {"warmup_mode", std::string("constant")}});
  EXPECT_EQ((*held)(2, 1), 0.1);
  EXPECT_EQ((*held)(3, 1), 1);
}

TEST(MakeSchedule, RefusesUnknownNamesAndValues) {
  for (const char* name : {"ConstantScheduler", "FactorScheduler"}) EXPECT_EQ(make_schedule(name)->kind(), name);
  EXPECT_THROW(make_schedule("CosinScheduler"), ValueError);
  EXPECT_THROW(make_schedule("CosineScheduler"), ValueError);  // max_update is needed
  EXPECT_THROW(make_schedule("FactorScheduler", {{"factor", 1.5}}), ValueError);
  EXPECT_THROW(make_schedule("ConstantScheduler", {{"warmup_mode", std::string("square")}}), ValueError);
}

}  // namespace
}  // namespace quantick::optim
