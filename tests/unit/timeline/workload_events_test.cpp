#include "tracer/timeline/workload_events.h"

#include <gtest/gtest.h>

#include "tests/support/collecting_sink.h"
#include "tests/unit/timeline/stamp.h"

namespace trapline::tracer {
namespace {

using test::stamp;

Exit io_exit_at(std::uint64_t exit, Cause cause = Cause::guest, bool to_user = false) {
  Exit e;
  e.exit = HostNs{exit};
  e.entry = HostNs{exit + 10};
  e.what = test::description("io", cause);
  if (to_user) e.user_exit = HostNs{exit + 1};
  return e;
}

std::vector<WorkloadEvent> events_from(const std::vector<DatedStamp>& stamps,
                                       const std::vector<Exit>& exits = {}) {
  test::CollectingSink sink;
  WorkloadEventTracker tracker(0, sink);
  auto exit = exits.begin();
  for (const DatedStamp& dated : stamps) {
    for (; exit != exits.end() && exit->exit < dated.at; ++exit)
      tracker.exit(*exit);
    tracker.stamp(dated);
  }
  return sink.events;
}

TEST(WorkloadEvents, HaveThePhasesOfEachEvent) {
  const auto events = events_from({stamp(100, GUEST_STAMP_U0), stamp(110, GUEST_STAMP_K1, 0x80),
                                   stamp(130, GUEST_STAMP_K2, 0x80), stamp(160, GUEST_STAMP_U3)});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].u0, HostNs{100});
  EXPECT_EQ(events[0].k1, HostNs{110});
  EXPECT_EQ(events[0].k2, HostNs{130});
  EXPECT_EQ(events[0].u3, HostNs{160});
}

TEST(WorkloadEvents, AForeignInterruptIsNotTheEventsHandler) {
  const auto events = events_from({stamp(100, GUEST_STAMP_U0), stamp(105, GUEST_STAMP_K1, 0x40),
                                   stamp(106, GUEST_STAMP_K2, 0x40), stamp(110, GUEST_STAMP_K1, 0x80),
                                   stamp(120, GUEST_STAMP_K2, 0x80), stamp(130, GUEST_STAMP_U3)});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].k1, HostNs{110});
  EXPECT_EQ(events[0].k2, HostNs{120});
}

TEST(WorkloadEvents, OnAParavirtualPathAnInterruptComesAsAnEvent) {
  const auto events = events_from({stamp(1, GUEST_STAMP_U0, 0, 0, GUEST_WORKLOAD_TIMER),
                                   stamp(5, GUEST_STAMP_K1, GUEST_VECTOR_EVENT, 0, GUEST_WORKLOAD_TIMER),
                                   stamp(7, GUEST_STAMP_K2, GUEST_VECTOR_EVENT, 0, GUEST_WORKLOAD_TIMER),
                                   stamp(9, GUEST_STAMP_U3, 0, 0, GUEST_WORKLOAD_TIMER)});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].workload, GUEST_WORKLOAD_TIMER);
  EXPECT_EQ(events[0].k1, HostNs{5});
}

TEST(WorkloadEvents, WithoutAHandlerThereIsARoundTripOnly) {
  const auto events = events_from({stamp(1, GUEST_STAMP_U0), stamp(9, GUEST_STAMP_U3)});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_FALSE(events[0].k1 || events[0].k2);
}

TEST(WorkloadEvents, AreNotJoinedFromTheHalvesOfTwo) {
  // U3 of iteration 0 and U0 of iteration 1 were overwritten.
  EXPECT_TRUE(events_from({stamp(1, GUEST_STAMP_U0, 0, 0), stamp(90, GUEST_STAMP_U3, 0, 1)}).empty());
}

TEST(WorkloadEvents, CountExitsByCauseAndHandler) {
  const auto events = events_from({stamp(100, GUEST_STAMP_U0, 0, 0), stamp(200, GUEST_STAMP_U3, 0, 0),
                                   stamp(300, GUEST_STAMP_U0, 0, 1), stamp(400, GUEST_STAMP_U3, 0, 1)},
                                  {io_exit_at(50), io_exit_at(110, Cause::guest, true), io_exit_at(130),
                                   io_exit_at(150, Cause::async), io_exit_at(250), io_exit_at(310)});
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].user_exits, 1u);
  EXPECT_EQ(events[0].kernel_exits, 1u);
  EXPECT_EQ(events[0].async_exits, 1u);
  EXPECT_EQ(events[1].user_exits, 0u);
  EXPECT_EQ(events[1].kernel_exits, 1u);
}

}  // namespace
}  // namespace trapline::tracer
