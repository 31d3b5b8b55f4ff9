#include "vmm/paths/monitor.h"

#include <gtest/gtest.h>

#include "vmm/machine/layout.h"

namespace trapline::vmm {
namespace {

class Monitor : public ::testing::Test {
 protected:
  void SetUp() override {
    auto memory = GuestMemory::create(guest_memory_bytes(1));
    ASSERT_TRUE(memory);
    memory_.emplace(std::move(*memory));
  }
  // A frame on the monitor's stack, below that of the trap that it was entered for.
  std::optional<RepeatedInterrupt> below(std::uint64_t vector, std::uint64_t cs) {
    const std::uint64_t rsp = kCall - sizeof(guest_monitor_frame);
    EXPECT_TRUE(memory_->write(rsp, guest_monitor_frame{vector, 0, 0x1e0123, cs, 2, kCall, 0}));
    return second_delivery(*memory_, 0, rsp);
  }

  static constexpr std::uint64_t kCall = GUEST_MONITOR_STACK_TOP(0) - sizeof(guest_monitor_frame);
  std::optional<GuestMemory> memory_;
};

TEST_F(Monitor, AnInterruptOfTheMonitorItselfWasDeliveredTwice) {
  const auto again = below(GUEST_VECTOR_TIMER, GUEST_KERNEL_CS);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->vector, GUEST_VECTOR_TIMER);
  EXPECT_EQ(again->rip, 0x1e0123u);
  EXPECT_TRUE(below(GUEST_VECTOR_EVENT, GUEST_KERNEL_CS));
}

TEST_F(Monitor, NothingElseWas) {
  EXPECT_FALSE(below(14, GUEST_KERNEL_CS)) << "an exception: the tables are broken";
  EXPECT_FALSE(below(GUEST_VECTOR_INT80, GUEST_KERNEL_CS));
  EXPECT_FALSE(below(GUEST_VECTOR_TIMER, GUEST_DEPRIVILEGED_CS));
  EXPECT_FALSE(second_delivery(*memory_, 0, ~std::uint64_t{0})) << "no memory there";
  ASSERT_TRUE(memory_->write(kCall, guest_monitor_frame{GUEST_VECTOR_TIMER, 0, 0, GUEST_KERNEL_CS, 2, 0, 0}));
  EXPECT_FALSE(second_delivery(*memory_, 0, kCall)) << "the trap itself";
}

}  // namespace
}  // namespace trapline::vmm
