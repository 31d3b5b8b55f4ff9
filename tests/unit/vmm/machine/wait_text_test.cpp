#include "vmm/machine/wait_text.h"

#include <gtest/gtest.h>

#include <array>

namespace trapline::vmm {
namespace {

std::array<guest_shared, 2> pages() {
  std::array<guest_shared, 2> pages{};
  pages[0].workload = GUEST_WORKLOAD_IPI;
  pages[0].waits_for = GUEST_WAIT_TARGET_HALTED;
  pages[0].waited_rounds = 256;
  pages[1].interrupts = 3597;
  pages[1].idle = 3599;
  pages[1].halted_at = 3596;
  return pages;
}

TEST(WaitText, SaysWhoWaitedForWhatAndWhatWasCounted) {
  EXPECT_EQ(
      describe_wait(0, pages()),
      "vCPU 0 waited for vCPU 1 to halt (256 rounds of 1048576 looks; vCPU 0: 0 interrupts; vCPU 1: 3597 "
      "interrupts, 3599 halts, the last one after interrupt 3596)");
}

TEST(WaitText, ALookAtTheSerialPortIsAnExit) {
  auto told = pages();
  told[0].waits_for = GUEST_WAIT_SERIAL;
  EXPECT_NE(describe_wait(0, told).find("256 rounds of 1024 looks"), std::string::npos);
}

TEST(WaitText, EveryWaitHasWords) {
  auto told = pages();
  for (std::uint64_t kind = GUEST_WAIT_INTERRUPT; kind <= GUEST_WAIT_NOT_EARLY; ++kind) {
    told[0].waits_for = kind;
    EXPECT_EQ(describe_wait(0, told).find("unknown"), std::string::npos) << kind;
  }
  told[0].waits_for = 99;
  EXPECT_NE(describe_wait(0, told).find("something unknown (99)"), std::string::npos);
  EXPECT_EQ(describe_wait(2, told), "") << "no such vCPU";
}

TEST(WaitText, AnEndlessHaltNamesTheWorkload) {
  EXPECT_NE(describe_endless_halt(pages()).find("vCPU 0 waits in HLT, workload ipi, and nothing is pending"),
            std::string::npos);
  EXPECT_EQ(describe_endless_halt({}), "");
}

}  // namespace
}  // namespace trapline::vmm
