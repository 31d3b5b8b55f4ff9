#include "vmm/paths/event_channels.h"

#include <gtest/gtest.h>

#include "vmm/guest/abi.h"
#include "vmm/machine/layout.h"

namespace trapline::vmm {
namespace {

class EventChannelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto memory = GuestMemory::create(guest_memory_bytes(2));
    ASSERT_TRUE(memory);
    memory_.emplace(std::move(*memory));
  }
  [[nodiscard]] guest_events page(std::uint32_t vcpu) const {
    return memory_->read<guest_events>(GUEST_EVENTS(std::uint64_t{vcpu})).value();
  }
  std::optional<GuestMemory> memory_;
};

TEST_F(EventChannelsTest, ARaisedChannelIsPendingOnItsVcpuOnly) {
  const EventChannels events(*memory_);
  events.raise(1, GUEST_CHANNEL_IPI);
  EXPECT_TRUE(events.deliverable(1));
  EXPECT_FALSE(events.pending(0));
  EXPECT_EQ(page(1).pending, 1U << GUEST_CHANNEL_IPI);
  EXPECT_EQ(page(1).upcall_pending, 1);
}

TEST_F(EventChannelsTest, UpcallsAreHeldOffByTheirMask) {
  const EventChannels events(*memory_);
  events.set_masked(0, true);
  events.raise(0, GUEST_CHANNEL_TIMER);
  EXPECT_TRUE(events.pending(0));
  EXPECT_FALSE(events.deliverable(0));
  events.set_masked(0, false);
  EXPECT_TRUE(events.deliverable(0));
}

TEST_F(EventChannelsTest, AMaskedChannelIsPendingWithoutAnUpcall) {
  guest_events masked{};
  masked.mask = 1u << GUEST_CHANNEL_DEVICE;
  ASSERT_TRUE(memory_->write(GUEST_EVENTS(0), masked));
  const EventChannels events(*memory_);
  events.raise(0, GUEST_CHANNEL_DEVICE);
  EXPECT_FALSE(events.pending(0));
  EXPECT_EQ(page(0).pending, 1U << GUEST_CHANNEL_DEVICE);
}

}  // namespace
}  // namespace trapline::vmm
