#include "quantick/runtime/equality.h"

#include <gtest/gtest.h>

#include <set>

#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/runtime/random_operator.h"

namespace quantick::runtime {
namespace {

TEST(Equality, EveryRowIsEqualAndLargeEnough) {
  const int before = thread_count();
  const EqualityOptions options{.outputs = 2'000, .lstm_steps = 3'000, .seed = 5, .threads = 2};
  const auto rows = run_equality_checks(options);
  EXPECT_EQ(thread_count(), before);
  std::set<std::string> names;
  for (const EqualityRow& row : rows) {
    names.insert(row.name);
    EXPECT_EQ(row.differing_bits, 0) << row.name;
    // 4 outputs of the head and 32 hidden states a step.
    const int64_t least = row.name.starts_with("lstm hidden")      ? 32 * options.lstm_steps
                          : row.name.starts_with("lstm with head") ? 4 * options.lstm_steps
                                                                   : options.outputs;
    const bool share =
        row.name.find("micro-batches") != std::string::npos || row.name.find("single runs") != std::string::npos;
    EXPECT_GE(row.outputs, share ? least / 8 : least) << row.name;
  }
  EXPECT_EQ(names.size(), rows.size());
  EXPECT_TRUE(names.contains("dense 129x67 int16, scalar: batch of 16 = single runs"));
  EXPECT_TRUE(names.contains("lstm hidden, scalar: window of 1000 steps = step by step"));
  for (const char* program : {"lstm hidden", "gru int8", "causal_convolution dynamic", "causal_attention int16"})
    for (const char* row : {"step = step in two halves", "all instruments together = random micro-batches",
                            "window of 5 steps = rolling window of random micro-batches"})
      EXPECT_TRUE(names.contains(std::string(program) + ", scalar: " + row)) << program;
  EXPECT_TRUE(
      names.contains("sequence_reverse int8, scalar: window of 5 steps = rolling window of random micro-batches"));
  for (const char* program : {"gru int8", "lstm_projection dynamic", "convolution int16", "causal_convolution int8",
                              "causal_attention int8", "attention dynamic", "embedding float32 to int8", "concat int8"})
    EXPECT_TRUE(names.contains(std::string(program) + ", scalar: 1 thread = 2 threads")) << program;
}

TEST(Equality, EveryOperatorWithFixedBitsHasItsRows) {
  // Their operands have other shapes or types than the one input that a random program gives to all of them; ops_test
  // compares their nodes.
  const std::set<std::string> elsewhere{"matmul", "where"};
  for (const Operator& op : operators()) {
    const IntegerForm::Kind kind = op.integer.kind;
    const bool computes = kind == IntegerForm::Kind::pointwise || kind == IntegerForm::Kind::recurrent ||
                          kind == IntegerForm::Kind::window;
    const bool expected = computes && op.integer.stays_float.empty() && !elsewhere.contains(op.name);
    EXPECT_EQ(!random_operator_programs(op, 1).empty(), expected) << op.name;
  }
}

TEST(Equality, RefusesOptionsThatMeasureNothing) {
  EXPECT_THROW(run_equality_checks({.outputs = 0}), ValueError);
  EXPECT_THROW(run_equality_checks({.lstm_steps = -1}), ValueError);
  EXPECT_THROW(run_equality_checks({.threads = 0}), ValueError);
}

}  // namespace
}  // namespace quantick::runtime
