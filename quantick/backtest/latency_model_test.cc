#include "quantick/backtest/latency_model.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "quantick/core/error.h"
#include "quantick/core/file.h"

namespace quantick::backtest {
namespace {

/// One per process, since tests of this file run side by side; gone at its end.
struct TemporaryFile {
  std::string path =
      (std::filesystem::path(testing::TempDir()) / ("quantick_latency_" + std::to_string(::getpid()) + ".csv"))
          .string();
  ~TemporaryFile() { std::filesystem::remove(path); }
};

std::string file_with(const std::string& text) {
  static const TemporaryFile file;
  write_file(file.path, text);
  return file.path;
}

template <class E>
std::string error_of(const std::string& text) {
  try {
    read_latency(file_with(text), 0);
  } catch (const E& error) {
    return error.what();
  }
  return "no error";
}

TEST(LatencyModel, ConstantIsConstant) {
  const ConstantLatency latency(1500);
  EXPECT_EQ(latency.nanoseconds(0), 1500);
  EXPECT_EQ(latency.nanoseconds(7), 1500);
  EXPECT_EQ(latency.describe(), "latency 1500 ns");
  EXPECT_THROW(ConstantLatency(-1), ValueError);
  EXPECT_EQ(ConstantLatency(kLongestLatency).nanoseconds(0), kLongestLatency);
  EXPECT_THROW(ConstantLatency(kLongestLatency + 1), ValueError);
}

TEST(LatencyModel, QuantilesAreLinearBetweenThePointsAndFlatBeyond) {
  const EmpiricalLatency latency({{0.1, 100}, {0.5, 200}, {0.9, 1000}}, 1, "bench");
  EXPECT_EQ(latency.quantile(0), 100);
  EXPECT_EQ(latency.quantile(0.1), 100);
  EXPECT_DOUBLE_EQ(latency.quantile(0.3), 150);
  EXPECT_DOUBLE_EQ(latency.quantile(0.7), 600);
  EXPECT_EQ(latency.quantile(1), 1000);
}

TEST(LatencyModel, DrawsRepeatAndFollowTheDistribution) {
  const std::vector<double> samples{400, 100, 300, 200, 500};
  const auto latency = EmpiricalLatency::from_samples(samples, 3, "run"), again = latency;
  const auto other = EmpiricalLatency::from_samples(samples, 4, "run");
  int64_t below_median = 0, different = 0;
  for (int64_t i = 0; i < 10000; ++i) {
    const int64_t ns = latency.nanoseconds(i);
    EXPECT_EQ(ns, again.nanoseconds(i));
    ASSERT_TRUE(ns >= 100 && ns <= 500) << ns;
    below_median += ns < 300;
    different += ns != other.nanoseconds(i);
  }
  EXPECT_NEAR(static_cast<double>(below_median), 5000, 200);
  EXPECT_GT(different, 9000) << "another seed draws others";
  EXPECT_EQ(EmpiricalLatency::from_samples(std::vector<double>{70}, 0, "one").nanoseconds(5), 70);
}

TEST(LatencyModel, FilesHoldSamplesOrQuantiles) {
  const auto samples = read_latency(file_with("tick,total_ns,model_ns\n0,900,800\n1,500,400\n2,700,600\n"), 0);
  EXPECT_EQ(samples.quantile(0.5), 700);
  EXPECT_EQ(read_latency(file_with("tick,total_ns,model_ns\n0,900,800\n1,500,400\n"), 0, "model_ns").quantile(0), 400);
  const auto quantiles = read_latency(file_with("share,ns\n0.5,1000\n0.99,3000\n0.999,9000\n"), 0);
  EXPECT_DOUBLE_EQ(quantiles.quantile(0.745), 2000);
  EXPECT_NE(quantiles.describe().find("p99 3000 ns"), std::string::npos) << quantiles.describe();
}

TEST(LatencyModel, BadFilesAreNamed) {
  EXPECT_NE(error_of<ParseError>("a,b\n1,2\n").find("columns a, b, expected total_ns"), std::string::npos);
  EXPECT_NE(error_of<ParseError>("total_ns\n5\n-1\n").find("csv:3: column \"total_ns\", was -1"), std::string::npos);
  EXPECT_NE(error_of<ValueError>("total_ns\n").find("no point"), std::string::npos);
  EXPECT_NE(error_of<ParseError>("total_ns\n5\n1e30\n").find("was 1e+30"), std::string::npos);
  EXPECT_NE(error_of<ValueError>("share,ns\n0.5,9\n0.9,7\n").find("never fall"), std::string::npos);
  EXPECT_NE(error_of<ValueError>("share,ns\n0.5,9\n1.9,10\n").find("share inside [0, 1]"), std::string::npos);
}

TEST(LatencyModel, BadSamplesAreNamed) {
  for (const double bad : {-1.0, static_cast<double>(NAN), 1e30}) {
    const std::vector<double> samples{5, bad, 7};
    EXPECT_THROW(EmpiricalLatency::from_samples(samples, 0, "test"), ValueError) << bad;
    EXPECT_THROW(EmpiricalLatency({{0.5, bad}}, 0, "test"), ValueError) << bad;
  }
}

}  // namespace
}  // namespace quantick::backtest
