#include "quantick/kernels/dispatch.h"

#include <gtest/gtest.h>

#include "quantick/kernels/dense/dense.h"
#include "quantick/kernels/lstm/lstm.h"

namespace quantick::kernels {
namespace {

TEST(Dispatch, AListGivesTheEntryOfTheInstructionSet) {
  constexpr KernelList<int> list{1, 2, 3};
  EXPECT_EQ(list[Isa::scalar], 1);
  EXPECT_EQ(list[Isa::avx2], 2);
  EXPECT_EQ(list[Isa::avxvnni], 2);
  EXPECT_EQ(list[Isa::avx512vnni], 3);
  constexpr KernelList<int> full{1, 2, 3, 4};
  EXPECT_EQ(full[Isa::avxvnni], 3);
  EXPECT_EQ(full[Isa::avx512vnni], 4);
}

TEST(Dispatch, KernelsTakeTheActiveInstructionSetWhenTheyAreBuilt) {
  const int8_t weights[4] = {1, -2, 3, -4};
  const int64_t bias[4] = {};
  const float scale[4] = {1, 1, 1, 1};
  for (Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    const DenseKernel dense({.rows = 4, .cols = 1, .weights = weights, .scale = scale});
    EXPECT_EQ(dense.isa(), isa);
    const LstmKernel lstm(
        {.inputs = 1, .units = 1, .wx = weights, .wh = weights, .bx = bias, .sx = scale, .sh = scale});
    EXPECT_EQ(lstm.isa(), isa);
  }
}

}  // namespace
}  // namespace quantick::kernels
