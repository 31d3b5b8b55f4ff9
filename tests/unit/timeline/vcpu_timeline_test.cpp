#include "tracer/timeline/vcpu_timeline.h"

#include <gtest/gtest.h>

namespace trapline::tracer {
namespace {

constexpr std::uint32_t kInterrupt0x40 = 0x80000040;  // valid, external interrupt, vector 0x40

trl_exit_cycle cycle(std::uint64_t exit_ns, std::uint64_t entry_ns, std::uint32_t exit_int_info = 0,
                     std::uint32_t event_inj = 0) {
  trl_exit_cycle result{};
  result.head.id = TRL_EXIT_CYCLE;
  result.head.timestamp_ns = entry_ns;
  result.exit_ns = exit_ns;
  result.reason = 0x60;
  result.exit_int_info = exit_int_info;
  result.event_inj = event_inj;
  result.flags = static_cast<trl_u16>(TRL_ISA_SVM | (exit_ns == 0 ? TRL_ENTRY_ONLY : 0));
  return result;
}

VcpuTimeline build(std::vector<trl_exit_cycle> cycles, std::vector<trl_exit_cycle> open = {}) {
  VcpuRecords records;
  records.cycles = std::move(cycles);
  records.open_cycles = std::move(open);
  return build_vcpu_timeline(records, {}, 1, HostNs{1000});
}

TEST(VcpuTimeline, AnInterruptedDeliveryIsInjectedAgain) {
  const auto timeline =
      build({cycle(0, 10), cycle(20, 30, 0, kInterrupt0x40), cycle(31, 40, kInterrupt0x40, kInterrupt0x40)});
  ASSERT_EQ(timeline.injections.size(), 2u);
  EXPECT_FALSE(timeline.injections[0].reinjected);
  EXPECT_TRUE(timeline.injections[1].reinjected);
}

TEST(VcpuTimeline, AnInjectionThatKvmCalledOffBeforeIsANewOne) {
  const auto timeline = build({cycle(0, 10), cycle(20, 30, kInterrupt0x40, kInterrupt0x40)});
  ASSERT_EQ(timeline.injections.size(), 1u);
  EXPECT_FALSE(timeline.injections[0].reinjected) << "the entry before injected nothing";
}

TEST(VcpuTimeline, TheFirstEntryIsNoExit) {
  const auto timeline = build({cycle(0, 10), cycle(20, 30)});
  ASSERT_EQ(timeline.exits.size(), 1u);
  EXPECT_EQ(timeline.states.front().begin, HostNs{10});
}

TEST(VcpuTimeline, OnlyACycleThatStaysOpenIsKeptOpen) {
  const auto closed = build({cycle(0, 10), cycle(20, 30)}, {cycle(20, 25)});
  ASSERT_EQ(closed.exits.size(), 1u);
  EXPECT_FALSE(closed.exits[0].open);
  const auto open = build({cycle(0, 10), cycle(20, 30)}, {cycle(20, 25), cycle(50, 60)});
  ASSERT_EQ(open.exits.size(), 2u);
  EXPECT_TRUE(open.exits[1].open);
}

}  // namespace
}  // namespace trapline::tracer
