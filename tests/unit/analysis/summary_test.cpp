#include "analysis/summary.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/collecting_sink.h"
#include "tests/unit/recording/sample_recording.h"
#include "vmm/guest/abi.h"
#include "vmm/steps.h"

namespace trapline::analysis {
namespace {

using namespace recording::test;
using tracer::Cause;
using tracer::Exit;
using tracer::State;
using tracer::VcpuTimeline;

Exit exit_at(std::uint64_t exit, std::uint64_t entry, const std::string& reason, Cause cause = Cause::guest) {
  Exit e;
  e.exit = HostNs{exit};
  e.entry = HostNs{entry};
  e.what = tracer::test::description(reason, cause);
  return e;
}

tracer::VmmStep step_at(std::uint64_t begin, std::uint64_t end, vmm::VmmStep step, std::uint16_t vector,
                        std::uint64_t arg = 0, guest_count_kind count_kind = GUEST_COUNT_NONE) {
  return {HostNs{begin}, HostNs{end}, static_cast<std::uint16_t>(step),
          vector,        arg,         static_cast<std::uint16_t>(count_kind)};
}

// The figures of this vCPU, with the facts of the sample recording.
class SummaryTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(write_sample(scratch_ / "recording")); }

  [[nodiscard]] Summary summary(const std::vector<ExitKey>& by = {}) const {
    const auto reader = recording::RecordingReader::open(scratch_ / "recording");
    EXPECT_TRUE(reader);
    Summarizer summarizer(by);
    tracer::TimelineHead head;
    head.workload_names[GUEST_WORKLOAD_TIMER] = "timer";
    summarizer.begin(head);
    for (const auto& exit : vcpu_.exits)
      summarizer.exit(vcpu_.vcpu, exit);
    for (const auto& step : vcpu_.steps)
      summarizer.step(vcpu_.vcpu, step);
    for (const auto& event : vcpu_.events)
      summarizer.event(vcpu_.vcpu, event);
    for (const auto& slice : vcpu_.states)
      summarizer.state(vcpu_.vcpu, slice);
    for (const auto& interrupt : vcpu_.interrupts)
      summarizer.interrupt(interrupt);
    summarizer.stamps_checked(vcpu_.vcpu, vcpu_.stamp_check);
    return summarizer.finish(*reader);
  }

  TemporaryFolder scratch_;
  VcpuTimeline vcpu_;
};

TEST_F(SummaryTest, ExitsAreSplitByWhereTheTimeWent) {
  Exit marked = exit_at(100, 200, "io");
  marked.user_exit = HostNs{110};
  marked.vmm_begin = HostNs{120};
  marked.vmm_end = HostNs{180};
  Exit unmarked = exit_at(300, 400, "io");
  unmarked.user_exit = HostNs{310};
  Exit open = exit_at(900, 900, "io");
  open.open = true;
  vcpu_.exits = {marked, unmarked, open, exit_at(500, 800, "interrupt", Cause::async)};
  const auto rows = summary().exits;
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].reason, "io") << "what the guest caused comes first";
  EXPECT_EQ(rows[0].count(), 3u);
  EXPECT_EQ(rows[0].duration.total(), 200u);
  EXPECT_EQ(rows[0].vmm_ns, 60u + 90u);
  EXPECT_EQ(rows[0].kvm_ns, 50u);
  EXPECT_EQ(rows[1].cause, Cause::async);
}

TEST_F(SummaryTest, ExitsAreGroupedByWhatIsAskedForAndCountedTogether) {
  Exit halt = exit_at(2000, 3000, "hlt");
  halt.halts = true;
  halt.halted_ns = 900;
  vcpu_.exits = {exit_at(100, 200, "io"), exit_at(300, 400, "io"), exit_at(500, 510, "cpuid"), halt};
  EXPECT_FALSE(summary().groups);
  const Summary figures = summary({ExitKey::reason});
  EXPECT_EQ(figures.all_exits.count, 4u);
  EXPECT_EQ(figures.all_exits.handling_ns, 100u + 100 + 10 + 100) << "without the 900 ns halted";
  ASSERT_TRUE(figures.groups);
  std::uint64_t count = 0;
  std::uint64_t handling = 0;
  for (const ExitGroup& row : figures.groups->rows) {
    count += row.count();
    handling += row.handling().total();
  }
  EXPECT_EQ(count, figures.all_exits.count);
  EXPECT_EQ(handling, figures.all_exits.handling_ns);
  ASSERT_EQ(figures.guest_code.size(), 3u);
  EXPECT_EQ(figures.guest_code[0].reason, "io");
}

TEST_F(SummaryTest, StepsAreSummedByKindNotByAddress) {
  using enum vmm::VmmStep;
  constexpr auto kWrmsr = static_cast<std::uint16_t>(vmm::PrivilegedInstruction::wrmsr);
  constexpr auto kOut = static_cast<std::uint16_t>(vmm::PrivilegedInstruction::out);
  vcpu_.steps = {
      step_at(100, 110, read_trap, 0x80, 0x1000),         step_at(110, 140, decide, 0x80, 0x2000),
      step_at(200, 230, read_trap, 0xd, 0x3000),          step_at(230, 250, emulate, kWrmsr, 0x80b),
      step_at(300, 340, emulate, kWrmsr, 0x838),          step_at(340, 350, emulate, kOut, 0xf5),
      step_at(400, 405, hypercall, GUEST_HYPERCALL_BLOCK)};
  const auto rows = summary().steps;
  std::vector<std::string> names;
  names.reserve(rows.size());
  for (const StepRow& row : rows)
    names.push_back(row.step);
  EXPECT_EQ(names, (std::vector<std::string>{"read the trap's frame", "decide: the guest kernel's to handle",
                                             "emulate out", "emulate wrmsr", "hypercall block"}));
  EXPECT_EQ(rows[0].duration.count(), 2u);
  EXPECT_EQ(rows[0].duration.total(), 40u);
  EXPECT_EQ(rows[3].duration.total(), 60u);
}

TEST_F(SummaryTest, StepsOfAFutureVersionAreNamedByNumber) {
  vcpu_.steps = {step_at(1, 2, static_cast<vmm::VmmStep>(99), 7)};
  ASSERT_EQ(summary().steps.size(), 1u);
  EXPECT_EQ(summary().steps[0].step, "step 99");
}

TEST_F(SummaryTest, WorkloadsHavePhasesOfWholeEventsOnly) {
  tracer::WorkloadEvent whole;
  whole.workload = GUEST_WORKLOAD_TIMER;
  whole.u0 = HostNs{100};
  whole.k1 = HostNs{130};
  whole.k2 = HostNs{150};
  whole.u3 = HostNs{200};
  whole.kernel_exits = 2;
  tracer::WorkloadEvent no_handler = whole;
  no_handler.k1.reset();
  vcpu_.events = {whole, no_handler};
  const auto rows = summary().workloads;
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].workload, "timer");
  EXPECT_EQ(rows[0].events, 2u);
  EXPECT_EQ(rows[0].round_trip.count(), 2u);
  EXPECT_EQ(rows[0].delivery.total(), 30u);
  EXPECT_EQ(rows[0].handler.total(), 20u);
  EXPECT_EQ(rows[0].return_.total(), 50u);
  EXPECT_EQ(rows[0].kernel_exits, 4u);
}

TEST_F(SummaryTest, StatesAddUpToTheTracedTime) {
  vcpu_.states = {{HostNs{0}, HostNs{400}, State::guest},
                  {HostNs{400}, HostNs{500}, State::vmm},
                  {HostNs{500}, HostNs{1000}, State::guest}};
  const auto rows = summary().states;
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].traced_ns, 1000u);
  EXPECT_EQ(summary().traced_ns, 1000u);
  EXPECT_EQ(rows[0].states[static_cast<std::size_t>(State::guest)].second, 900u);
  EXPECT_EQ(rows[0].states[static_cast<std::size_t>(State::vmm)].second, 100u);
}

TEST_F(SummaryTest, TellsTheRecordingsFacts) {
  vcpu_.vcpu = 1;  // whose counts the sample has: 1001 accesses of port 0x3f8, 1002 halts of KVM's
  vcpu_.steps = {step_at(1, 2, vmm::VmmStep::emulate, 7, 0x3f8, GUEST_COUNT_IO)};
  const Summary figures = summary();
  EXPECT_EQ(figures.whole.ended, "stopped");
  EXPECT_EQ(figures.whole.records_lost, 1003u);
  ASSERT_EQ(figures.truth.size(), 1u);
  EXPECT_EQ(figures.truth[0].guest, 1001u);
  EXPECT_EQ(figures.truth[0].recorded, 1u);
  ASSERT_EQ(figures.kvm_stats.size(), 1u);
  EXPECT_FALSE(figures.kvm_stats[0].agrees());
}

TEST_F(SummaryTest, InterruptsAreRowsByVectorAndSourceWithTheWorstNamed) {
  using tracer::Interrupt;
  using tracer::Link;
  using tracer::LinkedBy;
  const auto story = [](std::uint64_t raised, std::uint64_t isr_entry, std::uint64_t iret) {
    Interrupt interrupt;
    interrupt.vector = 0x40;
    interrupt.source = tracer::InterruptSource::timer;
    interrupt.link(Link::raised) = {HostNs{raised}, LinkedBy::exit};
    interrupt.link(Link::isr_entry) = {HostNs{isr_entry}, LinkedBy::guest_stamp};
    if (iret != 0) interrupt.link(Link::iret) = {HostNs{iret}, LinkedBy::guest_stamp};
    if (iret == 0) interrupt.missing = 1u << static_cast<unsigned>(Link::iret);
    return interrupt;
  };
  Interrupt by_guest = story(0, 900, 950);
  by_guest.source = tracer::InterruptSource::software;
  by_guest.link(Link::raised) = {};
  vcpu_.interrupts = {story(100, 110, 120), story(200, 290, 300), story(400, 420, 0), by_guest};
  vcpu_.interrupts[1].coalesced = 2;
  const InterruptFigures figures = summary().interrupts;
  EXPECT_EQ(figures.total, 3u) << "the guest's own INT n was not brought to it";
  EXPECT_EQ(figures.complete, 2u);
  EXPECT_EQ(figures.missing[static_cast<std::size_t>(Link::iret)], 1u);
  ASSERT_EQ(figures.rows.size(), 2u);
  const InterruptRow& row = figures.rows[0];
  EXPECT_EQ(row.count, 3u);
  EXPECT_EQ(row.coalesced, 2u);
  const auto stretch = std::ranges::find(kStretches, "raised_to_isr", &Stretch::name);
  ASSERT_NE(stretch, kStretches.end());
  const Latency& latency = row.latencies[static_cast<std::size_t>(stretch - kStretches.begin())];
  EXPECT_EQ(latency.duration.count(), 3u);
  EXPECT_EQ(latency.duration.percentile(50), 20u);
  EXPECT_EQ(latency.duration.max(), 90u);
  EXPECT_EQ(latency.worst_at_ns, 200u);
}

}  // namespace
}  // namespace trapline::analysis
