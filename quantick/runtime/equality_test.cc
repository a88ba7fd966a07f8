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
    EXPECT_GE(row.outputs, row.name.starts_with("dense") ? options.outputs : options.lstm_steps) << row.name;
  }
  EXPECT_EQ(names.size(), rows.size());
  EXPECT_EQ(rows.size(), 3 * (supported_isas().size() - 1) + 3 * 3 + 1);
}

TEST(Equality, RefusesOptionsThatMeasureNothing) {
  EXPECT_THROW(run_equality_checks({.outputs = 0}), ValueError);
  EXPECT_THROW(run_equality_checks({.lstm_steps = -1}), ValueError);
  EXPECT_THROW(run_equality_checks({.threads = 0}), ValueError);
}

}  // namespace
}  // namespace quantick::runtime
