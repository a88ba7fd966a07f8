#include "quantick/core/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>

#include "quantick/core/error.h"

namespace quantick {
namespace {

TEST(Interrupt, IsSeenUntilItIsCleared) {
  clear_interrupt();
  EXPECT_NO_THROW(check_interrupt());
  request_interrupt();
  EXPECT_TRUE(interrupt_requested());
  EXPECT_THROW(check_interrupt(), InterruptedError);
  EXPECT_THROW(check_interrupt(), InterruptedError) << "polling does not clear it";
  clear_interrupt();
  EXPECT_NO_THROW(check_interrupt());
}

TEST(Interrupt, MayBeRequestedFromASignalHandler) {
  clear_interrupt();
  const auto before = std::signal(SIGUSR1, [](int) { request_interrupt(); });
  std::raise(SIGUSR1);
  std::signal(SIGUSR1, before);
  EXPECT_TRUE(interrupt_requested());
  clear_interrupt();
}

}  // namespace
}  // namespace quantick
