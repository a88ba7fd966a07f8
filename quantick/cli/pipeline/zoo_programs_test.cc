#include "quantick/cli/pipeline/zoo_programs.h"

#include <gtest/gtest.h>

#include <set>

#include "quantick/runtime/equality.h"

namespace quantick::cli {
namespace {

TEST(ZooPrograms, CarryTheirStateWithTheBitsOfWindows) {
  std::set<std::string> names;
  for (const auto& [name, program] : zoo_programs(3)) {
    names.insert(name);
    EXPECT_FALSE(program.needs_whole_window()) << name;
    const auto rows = runtime::check_equality(name, program, {.outputs = 60, .seed = 3});
    std::set<std::string> kinds;
    for (const auto& row : rows) {
      EXPECT_EQ(row.differing_bits, 0) << row.name;
      if (row.name.starts_with(name + ", scalar: ")) kinds.insert(row.name.substr(name.size() + 10));
    }
    EXPECT_TRUE(kinds.contains("step = step in two halves")) << name;
    EXPECT_TRUE(kinds.contains("all instruments together = random micro-batches")) << name;
    EXPECT_TRUE(kinds.contains("window of 5 steps = rolling window of random micro-batches")) << name;
  }
  EXPECT_EQ(names.size(), 8u);
}

}  // namespace
}  // namespace quantick::cli
