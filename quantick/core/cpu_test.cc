#include "quantick/core/cpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "quantick/core/error.h"

namespace quantick {
namespace {

TEST(Cpu, SupportedSetsStartWithScalarAndRise) {
  const auto sets = supported_isas();
  ASSERT_FALSE(sets.empty());
  EXPECT_EQ(sets.front(), Isa::scalar);
  EXPECT_TRUE(std::is_sorted(sets.begin(), sets.end()));
}

TEST(Cpu, NamesAreThoseOfTheSwitch) {
  EXPECT_EQ(isa_name(Isa::scalar), "scalar");
  EXPECT_EQ(isa_name(Isa::avx2), "avx2");
  EXPECT_EQ(isa_name(Isa::avxvnni), "avxvnni");
  EXPECT_EQ(isa_name(Isa::avx512vnni), "avx512vnni");
}

TEST(Cpu, ForcedSetHoldsForItsScopeAndNests) {
  const Isa before = active_isa();
  {
    const ForcedIsa outer(supported_isas().back());
    EXPECT_EQ(active_isa(), supported_isas().back());
    {
      const ForcedIsa inner(Isa::scalar);
      EXPECT_EQ(active_isa(), Isa::scalar);
    }
    EXPECT_EQ(active_isa(), supported_isas().back());
  }
  EXPECT_EQ(active_isa(), before);
}

TEST(Cpu, RefusesASetThatThisProcessorLacks) {
  for (Isa isa : {Isa::avx2, Isa::avxvnni, Isa::avx512vnni}) {
    if (std::ranges::count(supported_isas(), isa) != 0) continue;
    try {
      const ForcedIsa forced(isa);
      FAIL() << isa_name(isa) << " was accepted";
    } catch (const UnsupportedError& error) {
      EXPECT_NE(std::string(error.what()).find(isa_name(isa)), std::string::npos) << error.what();
    }
  }
}

// The switch is read once a process, so each value gets a process of its own.

void exit_with_active_isa(const char* wanted) {
  ::setenv("QTK_ISA", wanted, 1);
  try {
    fmt::print(stderr, "active {}\n", isa_name(active_isa()));
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
  }
  std::exit(0);
}

TEST(CpuDeathTest, SwitchForcesASetAndNamesWhatItAccepts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(exit_with_active_isa("scalar"), testing::ExitedWithCode(0), "active scalar");
  EXPECT_EXIT(exit_with_active_isa("AVX2"), testing::ExitedWithCode(0),
              "QTK_ISA, was \"AVX2\", expected scalar, avx2, avxvnni or avx512vnni");
}

TEST(Cpu, ModelIsOneLineOfText) {
  EXPECT_FALSE(cpu_model().empty());
  EXPECT_EQ(cpu_model().find('\n'), std::string::npos);
  EXPECT_NE(cpu_model().front(), ' ');
}

}  // namespace
}  // namespace quantick
