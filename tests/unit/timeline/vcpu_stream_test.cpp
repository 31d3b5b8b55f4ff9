#include "tracer/timeline/vcpu_stream.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/collecting_sink.h"
#include "tests/unit/timeline/stamp.h"

namespace trapline::tracer {
namespace {

using test::stamp;

constexpr std::uint32_t kInterrupt0x40 = 0x80000040;  // valid, external interrupt, vector 0x40
constexpr std::uint32_t kInterrupt0x41 = 0x80000041;

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

// An exit to user space; the VMM's stay is from exit + 30 to entry - 20.
trl_exit_cycle to_the_vmm(std::uint64_t exit_ns, std::uint64_t entry_ns) {
  trl_exit_cycle result = cycle(exit_ns, entry_ns);
  result.flags |= TRL_TO_USER;
  result.user_exit_ns = exit_ns + 20;
  return result;
}

DatedStay stay_in(const trl_exit_cycle& cycle) {
  return {HostNs{cycle.exit_ns + 30}, HostNs{cycle.head.timestamp_ns - 20}};
}

VmmStep step(std::uint64_t begin, std::uint64_t end, std::uint16_t count_kind = GUEST_COUNT_NONE) {
  return {.begin = HostNs{begin}, .end = HostNs{end}, .count_kind = count_kind};
}

struct Input {
  std::vector<trl_exit_cycle> cycles;
  std::vector<trl_exit_cycle> open = {};  // told before all others
  std::vector<DatedStamp> stamps = {};
  std::vector<DatedStay> stays = {};
  std::vector<VmmStep> steps = {};
  std::uint64_t clock_bound_ns = 1;
};

test::CollectingSink stream(const Input& input) {
  test::CollectingSink sink;
  InterruptLinker linker({}, true, input.clock_bound_ns, HostNs{}, sink);
  ExitKinds kinds;
  VcpuStream vcpu(0, {test::feed_of(input.stamps), test::feed_of(input.stays), test::feed_of(input.steps)},
                  {HostNs{}, input.clock_bound_ns, &kinds, &sink, &linker});
  for (const trl_exit_cycle& open : input.open)
    vcpu.cycle_open(open);
  for (const trl_exit_cycle& cycle : input.cycles)
    vcpu.cycle(cycle);
  vcpu.finish(HostNs{1000});
  linker.finish();
  for (Exit& exit : sink.exits)
    exit.what = nullptr;  // its kind has ended with the stream
  return sink;
}

// ---- What KVM says beside its cycles

class VcpuStreamOfEvents : public testing::Test {
 protected:
  test::CollectingSink sink_;
  InterruptLinker linker_{{}, false, 1, HostNs{}, sink_};
  ExitKinds kinds_;
  VcpuStream vcpu_{0, {}, {HostNs{}, 1, &kinds_, &sink_, &linker_}};
};

TEST_F(VcpuStreamOfEvents, HaltsSayHowTheyEndedAndHowLongKvmPolls) {
  vcpu_.woke_up(HostNs{100}, 40, false);
  vcpu_.polls_for(20'000);
  vcpu_.woke_up(HostNs{300}, 400, true);
  ASSERT_EQ(sink_.halts.size(), 2u);
  EXPECT_EQ(sink_.halts[0].begin, HostNs{60});
  EXPECT_FALSE(sink_.halts[0].slept);
  EXPECT_FALSE(sink_.halts[0].poll_window_ns);
  EXPECT_EQ(sink_.halts[1].begin, HostNs{0}) << "not before time";
  EXPECT_TRUE(sink_.halts[1].slept);
  EXPECT_EQ(sink_.halts[1].poll_window_ns, 20'000u);
}

TEST_F(VcpuStreamOfEvents, AnEoiExitsUnlessKvmSaysThatItFoundAParavirtualOne) {
  for (const std::uint64_t at : {100u, 200u}) {
    linker_.accepted({HostNs{at}, 77, {}, 0, 0x40, false});
    vcpu_.cycle(cycle(at + 5, at + 10, 0, kInterrupt0x40));
    vcpu_.eoi(HostNs{at + 25}, 0x40);
    if (at == 200) vcpu_.pv_eoi(HostNs{at + 26}, 0x40);
    vcpu_.cycle(cycle(at + 20, at + 30));
  }
  ASSERT_EQ(sink_.interrupts.size(), 2u);
  EXPECT_TRUE(sink_.interrupts[0].eoi_exit);
  EXPECT_FALSE(sink_.interrupts[1].eoi_exit);
  EXPECT_TRUE(sink_.interrupts[1].link(Link::eoi).seen());
}

// ---- VMs that are not ours: no marks, no stamps, and vCPUs that end before the recording does

test::CollectingSink stream_of_another_vm(const trl_exit_cycle& cycle_with_stay,
                                          std::optional<std::uint64_t> run_entered_ns,
                                          std::optional<std::uint64_t> ended_ns) {
  test::CollectingSink sink;
  InterruptLinker linker({}, false, 1, HostNs{}, sink);
  ExitKinds kinds;
  VcpuStream vcpu(0, {}, {HostNs{}, 1, &kinds, &sink, &linker});
  vcpu.cycle(cycle(0, 10));
  if (run_entered_ns) vcpu.run_entered(HostNs{*run_entered_ns});
  vcpu.cycle(cycle_with_stay);
  vcpu.cycle(to_the_vmm(400, 500));  // without a run_entered of its own
  if (ended_ns) vcpu.ended(HostNs{*ended_ns});
  vcpu.finish(HostNs{1000});
  linker.finish();
  for (Exit& exit : sink.exits)
    exit.what = nullptr;
  return sink;
}

TEST(VcpuStream, AStayInUserSpaceEndsWhereKvmRunWasCalledAgain) {
  const auto sink = stream_of_another_vm(to_the_vmm(100, 200), 170, std::nullopt);
  ASSERT_EQ(sink.exits.size(), 2u);
  EXPECT_EQ(sink.exits[0].vmm_begin, HostNs{120});
  EXPECT_EQ(sink.exits[0].vmm_end, HostNs{170});
  EXPECT_FALSE(sink.exits[1].vmm_end) << "it was of the exit before";
  const auto unknown = stream_of_another_vm(to_the_vmm(100, 200), std::nullopt, std::nullopt);
  EXPECT_FALSE(unknown.exits[0].vmm_end);
}

TEST(VcpuStream, WhatLiesBetweenExitsIsUnknownWhereAFilterLeftSomeOut) {
  test::CollectingSink sink;
  InterruptLinker linker({}, false, 1, HostNs{}, sink);
  ExitKinds kinds;
  VcpuStream vcpu(0, {}, {HostNs{}, 1, &kinds, &sink, &linker, true});
  vcpu.cycle(cycle(0, 10));
  vcpu.cycle(cycle(20, 30));
  vcpu.finish(HostNs{50});
  linker.finish();
  ASSERT_EQ(sink.states.size(), 3u);
  EXPECT_EQ(sink.states[0].state, State::unknown);
  EXPECT_EQ(sink.states[1].state, State::kvm);
  EXPECT_EQ(sink.states[2].state, State::unknown);
}

TEST(VcpuStream, AVcpuIsAccountedForUntilItsThreadEnds) {
  const auto ended = stream_of_another_vm(to_the_vmm(100, 200), 170, 600);
  EXPECT_EQ(ended.states.back().end, HostNs{600});
  const auto alive = stream_of_another_vm(to_the_vmm(100, 200), 170, std::nullopt);
  EXPECT_EQ(alive.states.back().end, HostNs{1000});
}

// ---- Cycles

TEST(VcpuStream, AnInterruptedDeliveryIsInjectedAgain) {
  const auto sink = stream(
      {{cycle(0, 10), cycle(20, 30, 0, kInterrupt0x40), cycle(31, 40, kInterrupt0x40, kInterrupt0x40)}});
  ASSERT_EQ(sink.injections.size(), 2u);
  EXPECT_FALSE(sink.injections[0].reinjected);
  EXPECT_TRUE(sink.injections[1].reinjected);
  EXPECT_EQ(sink.injections[0].interrupt, sink.injections[1].interrupt);
}

TEST(VcpuStream, AnInjectionThatKvmCalledOffBeforeIsANewOne) {
  const auto sink = stream({{cycle(0, 10), cycle(20, 30, kInterrupt0x40, kInterrupt0x40)}});
  ASSERT_EQ(sink.injections.size(), 1u);
  EXPECT_FALSE(sink.injections[0].reinjected) << "the entry before injected nothing";
}

// What QEMU's SVM leaves in EXITINTINFO: without the valid bit, of the type of exceptions.
TEST(VcpuStream, AnInterruptThatCameAsAnExceptionWasDeliveredTwice) {
  const auto delivered_twice = [](std::uint32_t exit_int_info) {
    const auto sink =
        stream({{cycle(0, 10), cycle(20, 30, 0, kInterrupt0x40), cycle(40, 50, exit_int_info)}});
    EXPECT_EQ(sink.interrupts.size(), 1u);
    return sink.interrupts.empty() ? 0 : sink.interrupts[0].delivered_twice;
  };
  EXPECT_EQ(delivered_twice(0x340), 1u);
  EXPECT_EQ(delivered_twice(0x40), 0u) << "the injected interrupt itself";
  EXPECT_EQ(delivered_twice(0x440), 0u) << "INT 0x40";
  EXPECT_EQ(delivered_twice(0x30e), 0u) << "#PF";
  EXPECT_EQ(delivered_twice(0x80000340), 0u) << "a delivery that the exit interrupted";
}

TEST(VcpuStream, TheFirstEntryIsNoExit) {
  const auto sink = stream({{cycle(0, 10), cycle(20, 30)}});
  ASSERT_EQ(sink.exits.size(), 1u);
  EXPECT_EQ(sink.states.front().begin, HostNs{10});
}

TEST(VcpuStream, OnlyACycleThatStaysOpenIsKeptOpen) {
  const auto closed = stream({{cycle(0, 10), cycle(20, 30)}, {cycle(20, 25)}});
  ASSERT_EQ(closed.exits.size(), 1u);
  EXPECT_FALSE(closed.exits[0].open);
  const auto open = stream({{cycle(0, 10), cycle(20, 30)}, {cycle(20, 25), cycle(50, 60)}});
  ASSERT_EQ(open.exits.size(), 2u);
  EXPECT_TRUE(open.exits[1].open);
  EXPECT_EQ(open.states.back().end, HostNs{60}) << "what comes after it was last seen open is not known";
}

TEST(VcpuStream, ACycleThatContradictsTheOneBeforeItIsAnEntry) {
  const auto sink = stream({{cycle(0, 100), cycle(50, 200), cycle(400, 300), cycle(310, 320)}});
  ASSERT_EQ(sink.exits.size(), 1u);
  EXPECT_EQ(sink.exits[0].exit, HostNs{310});
  HostNs at{100};
  for (const StateSlice& slice : sink.states) {
    EXPECT_EQ(slice.begin, at);
    at = slice.end;
  }
}

// ---- Injections and ISRs

TEST(VcpuStream, EachInjectionGoesWithTheIsrItBrought) {
  const auto sink = stream({.cycles = {cycle(0, 5), cycle(8, 10, 0, kInterrupt0x40),
                                       cycle(15, 20, 0, kInterrupt0x41), cycle(28, 30, 0, kInterrupt0x40)},
                            .stamps = {stamp(12, GUEST_STAMP_K1, 0x40), stamp(13, GUEST_STAMP_K2, 0x40),
                                       stamp(25, GUEST_STAMP_K1, 0x41), stamp(26, GUEST_STAMP_K2, 0x41),
                                       stamp(33, GUEST_STAMP_K1, 0x40), stamp(34, GUEST_STAMP_K2, 0x40),
                                       stamp(50, GUEST_STAMP_K1, 0x80), stamp(51, GUEST_STAMP_K2, 0x80)}});
  ASSERT_EQ(sink.injections.size(), 3u);
  EXPECT_EQ(sink.injections[0].isr_entry, HostNs{12});
  EXPECT_EQ(sink.injections[1].isr_entry, HostNs{25});
  EXPECT_EQ(sink.injections[2].isr_entry, HostNs{33});
  ASSERT_EQ(sink.isrs.size(), 4u);
  EXPECT_EQ(sink.isrs[2].interrupt, sink.injections[2].interrupt);
  EXPECT_NE(sink.isrs[3].interrupt, sink.injections[2].interrupt) << "int 0x80 is not injected";
}

TEST(VcpuStream, AnInjectionWhoseStampsWereLostTakesNoOtherOnesIsr) {
  const auto sink =
      stream({.cycles = {cycle(0, 5), cycle(8, 10, 0, kInterrupt0x40), cycle(28, 30, 0, kInterrupt0x40)},
              .stamps = {stamp(33, GUEST_STAMP_K1, 0x40), stamp(34, GUEST_STAMP_K2, 0x40)}});
  ASSERT_EQ(sink.injections.size(), 2u);
  EXPECT_FALSE(sink.injections[0].isr_entry);
  EXPECT_EQ(sink.injections[1].isr_entry, HostNs{33});
}

TEST(VcpuStream, ARepeatedDeliveryTakesOver) {
  const auto sink = stream({.cycles = {cycle(0, 5), cycle(8, 10, 0, kInterrupt0x40),
                                       cycle(12, 14, kInterrupt0x40, kInterrupt0x40)},
                            .stamps = {stamp(16, GUEST_STAMP_K1, 0x40), stamp(18, GUEST_STAMP_K2, 0x40)}});
  ASSERT_EQ(sink.injections.size(), 2u);
  EXPECT_FALSE(sink.injections[0].isr_entry);
  EXPECT_EQ(sink.injections[1].isr_entry, HostNs{16});
}

TEST(VcpuStream, AStampThatIsDatedALittleBeforeItsEntryBelongsBehindIt) {
  const auto sink = stream({.cycles = {cycle(0, 50), cycle(80, 100, 0, kInterrupt0x40)},
                            .stamps = {stamp(97, GUEST_STAMP_K1, 0x40), stamp(120, GUEST_STAMP_K2, 0x40)},
                            .clock_bound_ns = 5});
  ASSERT_EQ(sink.injections.size(), 1u);
  EXPECT_EQ(sink.injections[0].isr_entry, HostNs{100}) << "not before the entry";
  EXPECT_EQ(sink.stamp_check.worst_violation_ns, 3u);
  EXPECT_EQ(sink.stamp_check.outside, 0u);
}

// ---- Stamps in their windows

TEST(VcpuStream, FindsTheStampInTheMiddleOfAnExit) {
  const std::vector cycles = {cycle(0, 10), cycle(100, 200), cycle(300, 400)};
  const auto good =
      stream({.cycles = cycles,
              .stamps = {stamp(50, GUEST_STAMP_U0), stamp(210, GUEST_STAMP_U3), stamp(450, GUEST_STAMP_U3)},
              .clock_bound_ns = 5});
  EXPECT_EQ(good.stamp_check.checked, 3u);
  EXPECT_EQ(good.stamp_check.outside, 0u);
  EXPECT_EQ(good.stamp_check.worst_violation_ns, 0u);
  const auto bad = stream({.cycles = cycles,
                           .stamps = {stamp(104, GUEST_STAMP_U0), stamp(350, GUEST_STAMP_U0)},
                           .clock_bound_ns = 5});
  EXPECT_EQ(bad.stamp_check.outside, 1u) << "4 ns after an exit is within the bound, 50 is not";
  EXPECT_EQ(bad.stamp_check.worst_violation_ns, 50u);
}

TEST(VcpuStream, ThereIsNoGuestBeforeTheFirstEntryOrAfterTheLastExit) {
  EXPECT_EQ(stream({.cycles = {cycle(0, 10)}, .stamps = {stamp(2, GUEST_STAMP_U0)}, .clock_bound_ns = 5})
                .stamp_check.outside,
            1u);
  EXPECT_EQ(stream({.cycles = {cycle(0, 10)},
                    .open = {cycle(100, 120)},
                    .stamps = {stamp(150, GUEST_STAMP_U0)},
                    .clock_bound_ns = 5})
                .stamp_check.outside,
            1u);
}

// ---- What the VMM did

using Spans = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Spans placed(const std::vector<VmmStep>& steps, std::vector<trl_exit_cycle> cycles,
             const std::vector<DatedStay>& stays) {
  cycles.insert(cycles.begin(), cycle(0, 10));
  Spans spans;
  for (const VmmStep& at : stream({.cycles = cycles, .stays = stays, .steps = steps}).steps)
    spans.emplace_back(at.begin.value, at.end.value);
  return spans;
}

TEST(VcpuStream, StepsStayWhereTheyAre) {
  const auto exit = to_the_vmm(100, 200);
  EXPECT_EQ(placed({step(130, 140), step(140, 180)}, {exit}, {stay_in(exit)}),
            (Spans{{130, 140}, {140, 180}}));
}

TEST(VcpuStream, TheClocksErrorKeepsStepsWithinTheStay) {
  const auto exit = to_the_vmm(100, 200);
  EXPECT_EQ(placed({step(128, 140), step(140, 183)}, {exit}, {stay_in(exit)}),
            (Spans{{130, 140}, {140, 180}}));
}

TEST(VcpuStream, StepsOfAnEarlierStayOfTheSameExitAreNotPulledIntoTheKnownOne) {
  const auto exit = to_the_vmm(100, 200);
  EXPECT_EQ(placed({step(105, 120), step(140, 150)}, {exit}, {stay_in(exit)}),
            (Spans{{105, 120}, {140, 150}}));
}

TEST(VcpuStream, WithoutTheVmmsMarksTheExitHoldsItsSteps) {
  EXPECT_EQ(placed({step(150, 220)}, {cycle(100, 200)}, {}), (Spans{{150, 200}}));
}

TEST(VcpuStream, StepsOfLostExitsReachIntoNoOther) {
  const auto first = to_the_vmm(100, 200);
  const auto second = to_the_vmm(300, 400);
  EXPECT_EQ(placed({step(50, 110), step(250, 320)}, {first, second}, {stay_in(first), stay_in(second)}),
            (Spans{{50, 100}, {250, 300}}));
  EXPECT_EQ(placed({step(10, 20)}, {}, {}), (Spans{{10, 20}}));
}

TEST(VcpuStream, AStepMarksTheExitThatHaltedTheGuest) {
  const auto first = to_the_vmm(100, 200);
  const auto second = to_the_vmm(300, 400);
  const auto sink = stream({.cycles = {cycle(0, 10), first, second},
                            .stays = {stay_in(first), stay_in(second)},
                            .steps = {step(140, 150, GUEST_COUNT_IO), step(340, 350, GUEST_COUNT_HLT)}});
  ASSERT_EQ(sink.exits.size(), 2u);
  EXPECT_FALSE(sink.exits[0].halts);
  EXPECT_TRUE(sink.exits[1].halts);
}

TEST(VcpuStream, StepsNeverOverlapNorCrossAStay) {
  std::mt19937_64 random(11);
  const auto upto = [&](std::uint64_t n) { return random() % n; };
  for (int round = 0; round < 200; ++round) {
    Input input;
    input.cycles.push_back(cycle(0, 50));
    for (std::uint64_t t = 100; input.cycles.size() < 10;
         t = input.cycles.back().head.timestamp_ns + upto(50)) {
      input.cycles.push_back(to_the_vmm(t, t + 60 + upto(100)));
      if (upto(3) != 0) input.stays.push_back(stay_in(input.cycles.back()));
    }
    for (std::uint64_t t = 90; t < 2000; t = input.steps.back().end.value + upto(10))
      input.steps.push_back(step(t, t + upto(30)));
    const auto sink = stream(input);
    ASSERT_EQ(sink.steps.size(), input.steps.size());
    HostNs latest;
    for (const VmmStep& at : sink.steps) {
      ASSERT_GE(at.begin, latest);
      ASSERT_GE(at.end, at.begin);
      latest = at.end;
      for (const Exit& exit : sink.exits) {
        if (!exit.vmm_begin) continue;
        EXPECT_TRUE(at.end <= *exit.vmm_begin || at.begin >= *exit.vmm_end ||
                    (at.begin >= *exit.vmm_begin && at.end <= *exit.vmm_end));
      }
    }
  }
}

}  // namespace
}  // namespace trapline::tracer
