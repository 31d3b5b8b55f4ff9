#include "vmm/irqchip/local_apic.h"

#include <gtest/gtest.h>

namespace trapline::vmm {
namespace {

constexpr std::uint32_t kEoi = 0x80b;
constexpr std::uint32_t kSpurious = 0x80f;
constexpr std::uint32_t kCommand = 0x830;
constexpr std::uint32_t kLvtTimer = 0x832;
constexpr std::uint32_t kInitialCount = 0x838;

LocalApic enabled() {
  LocalApic apic(0);
  EXPECT_TRUE(apic.write(kSpurious, 0x1ff));
  return apic;
}

TEST(LocalApic, TakesNothingUntilItIsEnabled) {
  LocalApic apic(0);
  EXPECT_FALSE(apic.accept(0x40));
  EXPECT_FALSE(apic.next());
}

TEST(LocalApic, TheHigherPriorityComesFirst) {
  LocalApic apic = enabled();
  EXPECT_TRUE(apic.accept(0x41));
  EXPECT_TRUE(apic.accept(0x91));
  EXPECT_EQ(apic.next(), 0x91);
  apic.begin_service(0x91);
  EXPECT_FALSE(apic.next());  // 0x41 waits for the EOI
  EXPECT_TRUE(apic.any_pending());
  ASSERT_TRUE(apic.write(kEoi, 0));
  EXPECT_EQ(apic.next(), 0x41);
}

TEST(LocalApic, AHigherOneNestsOneOfTheSameClassDoesNot) {
  LocalApic apic = enabled();
  apic.accept(0x50);
  apic.begin_service(0x50);
  apic.accept(0x5f);
  EXPECT_FALSE(apic.next());
  apic.accept(0x60);
  EXPECT_EQ(apic.next(), 0x60);
}

TEST(LocalApic, TwoOfOneVectorAreOne) {
  LocalApic apic = enabled();
  EXPECT_TRUE(apic.accept(0x50));
  EXPECT_FALSE(apic.accept(0x50));
  apic.begin_service(0x50);
  EXPECT_TRUE(apic.accept(0x50));  // while it is in service: one more afterwards
  ASSERT_TRUE(apic.write(kEoi, 0));
  EXPECT_EQ(apic.next(), 0x50);
}

TEST(LocalApic, TaskPriorityHoldsOff) {
  LocalApic apic = enabled();
  apic.accept(0x50);
  ASSERT_TRUE(apic.write(0x808, 0x50));
  EXPECT_FALSE(apic.next());
  ASSERT_TRUE(apic.write(0x808, 0x40));
  EXPECT_EQ(apic.next(), 0x50);
}

TEST(LocalApic, TheTimerIsMaskedUntilItsVectorIsSet) {
  LocalApic apic = enabled();
  EXPECT_FALSE(apic.timer_expired());
  ASSERT_TRUE(apic.write(kLvtTimer, 0x40));
  const auto request = apic.write(kInitialCount, 1'000'000);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->kind, ApicRequest::Kind::arm_timer);
  EXPECT_EQ(request->timer_ns, 1'000'000U);
  EXPECT_EQ(apic.timer_expired(), 0x40);
  EXPECT_EQ(apic.next(), 0x40);
}

TEST(LocalApic, AnIpiHasADestination) {
  LocalApic apic = enabled();
  const auto request = apic.write(kCommand, std::uint64_t{3} << 32 | 0x60);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->kind, ApicRequest::Kind::send_ipi);
  EXPECT_EQ(request->destination, 3U);
  EXPECT_EQ(request->vector, 0x60);
}

TEST(LocalApic, RefusesWhatItDoesNotDo) {
  LocalApic apic = enabled();
  EXPECT_FALSE(apic.write(kCommand, 0x500));      // INIT
  EXPECT_FALSE(apic.write(kLvtTimer, 1u << 17));  // periodic
  EXPECT_FALSE(apic.write(kEoi, 1));              // must be 0 (AMD APM vol. 2, 16.11)
  EXPECT_FALSE(apic.write(0xc0000080, 0));
  EXPECT_FALSE(apic.read(0x80b));
  EXPECT_EQ(LocalApic(5).read(0x802), 5U);
}

}  // namespace
}  // namespace trapline::vmm
