#include "analysis/scheduling.h"

#include <gtest/gtest.h>

namespace trapline::analysis {
namespace {

using tracer::Halt;
using tracer::State;

SchedulingTable table_of(std::initializer_list<std::pair<std::uint64_t, State>> ends) {
  SchedulingTable table;
  HostNs at{100};
  for (const auto& [end, state] : ends) {
    table.add(3, tracer::StateSlice{at, HostNs{end}, state});
    at = HostNs{end};
  }
  table.finish();
  return table;
}

TEST(Scheduling, PreemptedAndWokenThreadsAreToldApart) {
  const auto table = table_of({{200, State::guest},
                               {210, State::kvm},
                               {250, State::kvm_runnable},  // preempted: 40
                               {300, State::halted},
                               {310, State::kvm_runnable},  // woken: 10
                               {320, State::kvm},
                               {330, State::vmm_blocked},
                               {335, State::vmm_runnable},  // woken: 5
                               {400, State::guest}});
  ASSERT_EQ(table.scheduling().size(), 1u);
  const SchedulingRow row = table.scheduling()[0];
  EXPECT_EQ(row.vcpu, 3);
  EXPECT_EQ(row.preempted.count(), 1u);
  EXPECT_EQ(row.preempted.max(), 40u);
  EXPECT_EQ(row.woken.count(), 2u);
  EXPECT_EQ(row.woken.total(), 15u);
  EXPECT_EQ(row.steal_ns(), 55u);
}

TEST(Scheduling, AWaitThatTheTimelineDividesIsOne) {
  const auto table = table_of({{110, State::kvm}, {120, State::kvm_runnable}, {150, State::vmm_runnable}});
  EXPECT_EQ(table.scheduling()[0].preempted.count(), 1u);
  EXPECT_EQ(table.scheduling()[0].preempted.max(), 40u) << "to the end of the recording";
}

TEST(Scheduling, HaltsSayHowTheyEnded) {
  SchedulingTable table = table_of({{110, State::kvm}, {130, State::halt_poll}, {200, State::halted}});
  table.add(3, Halt{HostNs{110}, HostNs{120}, false, {}});
  table.add(3, Halt{HostNs{110}, HostNs{120}, false, 20'000});
  table.add(3, Halt{HostNs{110}, HostNs{200}, true, {}});
  ASSERT_EQ(table.halts().size(), 1u);
  const HaltRow row = table.halts()[0];
  EXPECT_EQ(row.polled, 2u);
  EXPECT_EQ(row.slept, 1u);
  EXPECT_EQ(row.halt_poll_ns, 20u);
  EXPECT_EQ(row.halted_ns, 70u);
  EXPECT_EQ(row.poll_window_ns, 20'000u);
  EXPECT_TRUE(table_of({{110, State::guest}}).halts().empty());
}

}  // namespace
}  // namespace trapline::analysis
