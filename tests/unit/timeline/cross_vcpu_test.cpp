#include "tracer/timeline/cross_vcpu.h"

#include <gtest/gtest.h>

#include "tests/support/collecting_sink.h"
#include "vmm/guest/abi.h"

namespace trapline::tracer {
namespace {

WorkloadEvent event(std::uint64_t u0, std::uint64_t u3, std::uint16_t workload = GUEST_WORKLOAD_IPI) {
  WorkloadEvent e;
  e.workload = workload;
  e.u0 = HostNs{u0};
  e.u3 = HostNs{u3};
  return e;
}

Isr isr(std::uint64_t entry, std::uint64_t iret, std::uint32_t vector = GUEST_VECTOR_IPI) {
  Isr i;
  i.entry = HostNs{entry};
  i.iret = HostNs{iret};
  i.vector = vector;
  i.complete = true;
  return i;
}

Exit exit_at(std::uint64_t ns, Cause cause, bool to_user = false) {
  Exit e;
  e.exit = HostNs{ns};
  e.entry = HostNs{ns + 5};
  e.what = test::description("msr", cause);
  if (to_user) e.user_exit = HostNs{ns + 1};
  return e;
}

class CrossVcpu : public testing::Test {
 protected:
  CrossVcpu() : vcpus_(2) {
    vcpus_[1].vcpu = 1;
    vcpus_[0].events = {event(100, 200), event(300, 400), event(500, 600, GUEST_WORKLOAD_INT80)};
    vcpus_[1].isrs = {isr(50, 60), isr(140, 160), isr(340, 360), isr(540, 560)};
  }

  // Vcpu by vcpu, as far as each is known: the sender's events come first.
  [[nodiscard]] WorkloadEvent linked(std::size_t index) {
    test::CollectingSink sink;
    std::vector<std::uint16_t> numbers;
    for (const VcpuTimeline& vcpu : vcpus_)
      numbers.push_back(vcpu.vcpu);
    CrossVcpuEvents cross(numbers, sink);
    for (const VcpuTimeline& vcpu : vcpus_) {
      for (const Exit& exit : vcpu.exits)
        cross.exit(vcpu.vcpu, exit);
      for (const Isr& isr : vcpu.isrs)
        cross.isr(vcpu.vcpu, isr);
      for (const WorkloadEvent& event : vcpu.events)
        cross.event(vcpu.vcpu, event);
    }
    for (const VcpuTimeline& vcpu : vcpus_)
      cross.stamps_checked(vcpu.vcpu, {});
    cross.end(HostNs{1000});
    EXPECT_EQ(sink.events.size(), vcpus_[0].events.size());
    vcpus_[0].events = sink.events;
    return sink.events[index];
  }

  std::vector<VcpuTimeline> vcpus_;
};

TEST_F(CrossVcpu, TheTargetsHandlerIsTheEvents) {
  EXPECT_EQ(linked(0).k1, HostNs{140});
  EXPECT_EQ(vcpus_[0].events[0].k2, HostNs{160});
  EXPECT_EQ(vcpus_[0].events[0].handler_vcpu, 1);
  EXPECT_EQ(vcpus_[0].events[1].k1, HostNs{340});
}

TEST_F(CrossVcpu, OtherWorkloadsHandleTheirOwn) {
  EXPECT_FALSE(linked(2).k1);
  EXPECT_FALSE(vcpus_[0].events[2].handler_vcpu);
}

TEST_F(CrossVcpu, AForeignInterruptIsNeitherTheSendersNorTheTargetsHandler) {
  vcpus_[0].events[0].k1 = HostNs{110};
  vcpus_[0].events[0].k2 = HostNs{115};
  vcpus_[0].isrs = {isr(110, 115, GUEST_VECTOR_TIMER)};
  vcpus_[1].isrs.insert(vcpus_[1].isrs.begin() + 1, isr(120, 130, GUEST_VECTOR_TIMER));
  EXPECT_EQ(linked(0).k1, HostNs{140});
}

TEST_F(CrossVcpu, TheFirstOfSeveralVcpusToHandleItCounts) {
  vcpus_.emplace_back();
  vcpus_[2].vcpu = 2;
  vcpus_[2].isrs = {isr(130, 150), isr(350, 370)};
  EXPECT_EQ(linked(0).handler_vcpu, 2);
  EXPECT_EQ(vcpus_[0].events[0].k2, HostNs{150});
  EXPECT_EQ(vcpus_[0].events[1].handler_vcpu, 1);
}

TEST_F(CrossVcpu, WithoutAHandlerThereIsARoundTripOnly) {
  vcpus_[1].isrs.clear();
  EXPECT_FALSE(linked(0).k1);
  vcpus_.pop_back();
  EXPECT_FALSE(linked(0).k1);
}

TEST_F(CrossVcpu, ExitsOfTheTargetCountBesideTheSenders) {
  vcpus_[0].events[0].kernel_exits = 1;
  vcpus_[1].exits = {exit_at(90, Cause::guest),  exit_at(120, Cause::async), exit_at(130, Cause::guest, true),
                     exit_at(170, Cause::guest), exit_at(210, Cause::guest), exit_at(550, Cause::guest)};
  EXPECT_EQ(linked(0).kernel_exits, 2u);
  EXPECT_EQ(vcpus_[0].events[0].user_exits, 1u);
  EXPECT_EQ(vcpus_[0].events[0].async_exits, 1u);
  EXPECT_EQ(vcpus_[0].events[2].kernel_exits, 0u);
}

TEST_F(CrossVcpu, AnEventWaitsForWhatTheOthersDidUntilItsEnd) {
  test::CollectingSink sink;
  constexpr std::array<std::uint16_t, 2> kBoth = {0, 1};
  CrossVcpuEvents cross(kBoth, sink);
  cross.event(0, event(100, 200));
  cross.isr(1, isr(140, 160));
  cross.exit(1, exit_at(170, Cause::guest));
  EXPECT_TRUE(sink.events.empty()) << "more of vCPU 1 may come before 200";
  cross.exit(1, exit_at(250, Cause::guest));
  ASSERT_EQ(sink.events.size(), 1u);
  EXPECT_EQ(sink.events[0].k1, HostNs{140});
  EXPECT_EQ(sink.events[0].kernel_exits, 1u);
}

}  // namespace
}  // namespace trapline::tracer
