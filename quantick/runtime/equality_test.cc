#include "quantick/runtime/equality.h"

#include <gtest/gtest.h>

#include <set>

#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"

namespace quantick::runtime {
namespace {

TEST(Equality, EveryRowIsEqualAndLargeEnough) {
  const int before = thread_count();
  const EqualityOptions options{.outputs = 30'000, .lstm_steps = 6'000, .seed = 5, .threads = 2};
  const auto rows = run_equality_checks(options);
  EXPECT_EQ(thread_count(), before);
  std::set<std::string> names;
  for (const EqualityRow& row : rows) {
    names.insert(row.name);
    EXPECT_EQ(row.differing_bits, 0) << row.name;
    // 4 outputs of the head and 32 hidden states a step.
    const int64_t least = row.name.starts_with("dense")         ? options.outputs
                          : row.name.starts_with("lstm hidden") ? 32 * options.lstm_steps
                                                                : 4 * options.lstm_steps;
    EXPECT_GE(row.outputs, least) << row.name;
  }
  EXPECT_EQ(names.size(), rows.size());
  EXPECT_TRUE(names.contains("dense int16, scalar: batch of 233 = single runs"));
  EXPECT_TRUE(names.contains("lstm hidden, scalar: window of 2000 steps = step by step"));
  // Four models: each set but scalar against scalar, on each set threads and batches, and one file; steps for one
  // model.
  const size_t isas = supported_isas().size();
  EXPECT_EQ(rows.size(), 4 * ((isas - 1) + 2 * isas + 1) + isas);
}

TEST(Equality, RefusesOptionsThatMeasureNothing) {
  EXPECT_THROW(run_equality_checks({.outputs = 0}), ValueError);
  EXPECT_THROW(run_equality_checks({.lstm_steps = -1}), ValueError);
  EXPECT_THROW(run_equality_checks({.threads = 0}), ValueError);
}

}  // namespace
}  // namespace quantick::runtime
