#include "tracer/timeline/guest_stamps.h"

#include <gtest/gtest.h>

namespace trapline::tracer {
namespace {

constexpr std::uint16_t kTimer = GUEST_WORKLOAD_TIMER;
constexpr std::uint16_t kInt80 = GUEST_WORKLOAD_INT80;

DatedStamp stamp(std::uint64_t ns, guest_stamp_kind kind, std::uint16_t vector = 0, std::uint64_t arg = 0,
                 std::uint16_t workload = kInt80) {
  DatedStamp dated{HostNs{ns}, {}};
  dated.stamp.kind = static_cast<std::uint16_t>(kind);
  dated.stamp.vector = vector;
  dated.stamp.arg = arg;
  dated.stamp.workload = workload;
  return dated;
}

Exit exit_at(std::uint64_t exit, std::uint64_t entry, Cause cause = Cause::guest, bool to_user = false) {
  Exit e;
  e.exit = HostNs{exit};
  e.entry = HostNs{entry};
  e.description.cause = cause;
  if (to_user) e.user_exit = HostNs{exit + 1};
  return e;
}

TEST(IsrsFromStamps, PairsEntryAndIret) {
  const std::vector stamps = {stamp(10, GUEST_STAMP_K1, 0x80), stamp(20, GUEST_STAMP_K2, 0x80),
                              stamp(30, GUEST_STAMP_K1, 14), stamp(45, GUEST_STAMP_K2, 14)};
  const auto isrs = isrs_from_stamps(stamps);
  ASSERT_EQ(isrs.size(), 2u);
  EXPECT_EQ(isrs[0].vector, 0x80u);
  EXPECT_EQ(isrs[1].entry, HostNs{30});
  EXPECT_EQ(isrs[1].iret, HostNs{45});
  EXPECT_TRUE(isrs[0].complete && isrs[1].complete);
  EXPECT_EQ(isrs[1].depth, 0u);
}

TEST(IsrsFromStamps, NestsAnInterruptWithinAHandler) {
  const std::vector stamps = {stamp(10, GUEST_STAMP_K1, 0x80), stamp(12, GUEST_STAMP_K1, 0x40),
                              stamp(13, GUEST_STAMP_EOI, 0x40), stamp(14, GUEST_STAMP_K2, 0x40),
                              stamp(20, GUEST_STAMP_K2, 0x80)};
  const auto isrs = isrs_from_stamps(stamps);
  ASSERT_EQ(isrs.size(), 2u);
  EXPECT_EQ(isrs[1].depth, 1u);
  EXPECT_EQ(isrs[1].eoi, HostNs{13});
  EXPECT_FALSE(isrs[0].eoi);
  EXPECT_EQ(isrs[0].iret, HostNs{20});
}

TEST(IsrsFromStamps, KeepsAHandlerWhoseEndWasLost) {
  const std::vector stamps = {stamp(10, GUEST_STAMP_K1, 0x80), stamp(12, GUEST_STAMP_K1, 0x40),
                              stamp(20, GUEST_STAMP_K2, 0x80), stamp(25, GUEST_STAMP_K2, 0x33)};
  const auto isrs = isrs_from_stamps(stamps);
  ASSERT_EQ(isrs.size(), 2u);
  EXPECT_TRUE(isrs[0].complete);
  EXPECT_FALSE(isrs[1].complete);
  EXPECT_EQ(isrs[1].iret, isrs[1].entry);
}

TEST(EventsFromStamps, HasThePhasesOfEachEvent) {
  const std::vector stamps = {stamp(100, GUEST_STAMP_U0, 0, 0), stamp(110, GUEST_STAMP_K1, 0x80),
                              stamp(130, GUEST_STAMP_K2, 0x80), stamp(160, GUEST_STAMP_U3, 0, 0)};
  const auto events = events_from_stamps(stamps);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].u0, HostNs{100});
  EXPECT_EQ(events[0].k1, HostNs{110});
  EXPECT_EQ(events[0].k2, HostNs{130});
  EXPECT_EQ(events[0].u3, HostNs{160});
}

TEST(EventsFromStamps, AForeignInterruptIsNotTheEventsHandler) {
  std::vector<DatedStamp> stamps;
  for (std::uint64_t i = 0; i < 3; ++i) {
    const std::uint64_t t = 1000 * i;
    stamps.push_back(stamp(t, GUEST_STAMP_U0, 0, i));
    if (i == 1) {
      stamps.push_back(stamp(t + 5, GUEST_STAMP_K1, 0x40));
      stamps.push_back(stamp(t + 6, GUEST_STAMP_K2, 0x40));
    }
    stamps.push_back(stamp(t + 10, GUEST_STAMP_K1, 0x80));
    stamps.push_back(stamp(t + 20, GUEST_STAMP_K2, 0x80));
    stamps.push_back(stamp(t + 30, GUEST_STAMP_U3, 0, i));
  }
  const auto events = events_from_stamps(stamps);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].k1, HostNs{1010});
  EXPECT_EQ(events[1].k2, HostNs{1020});
}

TEST(EventsFromStamps, WithoutAHandlerThereIsARoundTripOnly) {
  const auto events = events_from_stamps(std::vector{stamp(1, GUEST_STAMP_U0), stamp(9, GUEST_STAMP_U3)});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_FALSE(events[0].k1 || events[0].k2);
}

TEST(EventsFromStamps, DoesNotJoinTheHalvesOfTwoEvents) {
  // U3 of iteration 0 and U0 of iteration 1 were overwritten.
  const auto events =
      events_from_stamps(std::vector{stamp(1, GUEST_STAMP_U0, 0, 0), stamp(90, GUEST_STAMP_U3, 0, 1)});
  EXPECT_TRUE(events.empty());
}

TEST(CountExits, SortsThemByCauseAndHandler) {
  std::vector<WorkloadEvent> events(2);
  events[0].u0 = HostNs{100};
  events[0].u3 = HostNs{200};
  events[1].u0 = HostNs{300};
  events[1].u3 = HostNs{400};
  const std::vector exits = {exit_at(50, 60),   exit_at(110, 120, Cause::guest, true),
                             exit_at(130, 140), exit_at(150, 160, Cause::async),
                             exit_at(250, 260), exit_at(310, 320)};
  count_exits(events, exits);
  EXPECT_EQ(events[0].user_exits, 1u);
  EXPECT_EQ(events[0].kernel_exits, 1u);
  EXPECT_EQ(events[0].async_exits, 1u);
  EXPECT_EQ(events[1].user_exits, 0u);
  EXPECT_EQ(events[1].kernel_exits, 1u);
}

Isr isr(std::uint64_t entry, std::uint32_t vector) {
  Isr result;
  result.entry = result.iret = HostNs{entry};
  result.vector = vector;
  return result;
}

Injection injection(std::uint64_t at, std::uint32_t vector, bool again = false) {
  Injection result;
  result.at = HostNs{at};
  result.vector = vector;
  result.reinjected = again;
  return result;
}

TEST(LinkInjections, EachToTheIsrItBrought) {
  std::vector injections = {injection(10, 0x40), injection(20, 0x41), injection(30, 0x40)};
  std::vector isrs = {isr(12, 0x40), isr(25, 0x41), isr(33, 0x40), isr(50, 0x80)};
  link_injections(injections, isrs, 0);
  EXPECT_EQ(injections[0].isr, 0u);
  EXPECT_EQ(injections[1].isr, 1u);
  EXPECT_EQ(injections[2].isr, 2u);
  EXPECT_EQ(isrs[2].injection, 2u);
  EXPECT_FALSE(isrs[3].injection) << "int 0x80 is not injected";
}

TEST(LinkInjections, ARepeatedDeliveryTakesOver) {
  std::vector injections = {injection(10, 0x40), injection(14, 0x40, true), injection(30, 0x40)};
  std::vector isrs = {isr(16, 0x40), isr(33, 0x40)};
  link_injections(injections, isrs, 0);
  EXPECT_FALSE(injections[0].isr);
  EXPECT_EQ(injections[1].isr, 0u);
  EXPECT_EQ(injections[2].isr, 1u);
}

TEST(LinkInjections, AnIsrCannotComeBeforeItsInjection) {
  std::vector injections = {injection(100, 0x40)};
  std::vector isrs = {isr(50, 0x40)};
  link_injections(injections, isrs, 10);
  EXPECT_FALSE(injections[0].isr);
  isrs[0].entry = HostNs{95};
  link_injections(injections, isrs, 10);
  EXPECT_EQ(injections[0].isr, 0u) << "within the clock's error";
}

TEST(CheckStamps, FindsTheOneInTheMiddleOfAnExit) {
  const std::vector exits = {exit_at(100, 200), exit_at(300, 400)};
  const std::vector good = {stamp(50, GUEST_STAMP_U0), stamp(210, GUEST_STAMP_U3),
                            stamp(450, GUEST_STAMP_U3)};
  const StampCheck all_inside = check_stamps(good, exits, HostNs{10}, 5);
  EXPECT_EQ(all_inside.checked, 3u);
  EXPECT_EQ(all_inside.outside, 0u);
  EXPECT_EQ(all_inside.worst_violation_ns, 0u);

  const std::vector bad = {stamp(104, GUEST_STAMP_U0), stamp(350, GUEST_STAMP_U0)};
  const StampCheck outside = check_stamps(bad, exits, HostNs{10}, 5);
  EXPECT_EQ(outside.outside, 1u) << "4 ns after an exit is within the bound, 50 is not";
  EXPECT_EQ(outside.worst_violation_ns, 50u);
}

TEST(CheckStamps, ThereIsNoGuestBeforeTheFirstEntryOrAfterTheLastExit) {
  std::vector exits = {exit_at(100, 100)};
  exits[0].open = true;
  EXPECT_EQ(check_stamps(std::vector{stamp(2, GUEST_STAMP_U0)}, exits, HostNs{10}, 5).outside, 1u);
  EXPECT_EQ(check_stamps(std::vector{stamp(150, GUEST_STAMP_U0)}, exits, HostNs{10}, 5).outside, 1u);
}

TEST(EventsFromStamps, TimerWorkloadIsItsOwn) {
  const auto events = events_from_stamps(
      std::vector{stamp(1, GUEST_STAMP_U0, 0, 0, kTimer), stamp(5, GUEST_STAMP_K1, 0x40, 0, kTimer),
                  stamp(7, GUEST_STAMP_K2, 0x40, 0, kTimer), stamp(9, GUEST_STAMP_U3, 0, 0, kTimer)});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].workload, kTimer);
}

}  // namespace
}  // namespace trapline::tracer
