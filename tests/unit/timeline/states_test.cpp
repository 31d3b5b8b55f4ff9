#include "tracer/timeline/states.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/collecting_sink.h"

namespace trapline::tracer {
namespace {

Exit exit_at(std::uint64_t exit, std::uint64_t entry, const std::string& reason = "msr") {
  Exit e;
  e.exit = HostNs{exit};
  e.entry = HostNs{entry};
  e.what = test::description(reason);
  e.halts = e.what->halts;
  return e;
}

// All that is known of what the thread did is told beforehand, as if it had come in time.
std::vector<StateSlice> states_of(std::span<const Exit> exits, std::span<const OffCpu> off_cpu,
                                  std::span<const HaltSpan> halts, std::span<const LossSpan> losses,
                                  HostNs begin, HostNs end) {
  test::CollectingSink sink;
  StateWalk walk(0, sink);
  walk.start(begin);
  for (const OffCpu& off : off_cpu) {
    walk.sched_out(off.out, off.task_state);
    if (off.woken != kNever) walk.waking(off.woken);
    if (off.in != kNever) walk.sched_in(off.in);
  }
  for (const HaltSpan& halt : halts)
    walk.halt(halt);
  for (const LossSpan& loss : losses)
    walk.loss(loss);
  const Exit* open = nullptr;
  for (const Exit& exit : exits) {
    Exit told = exit;
    exit.open ? void(open = &exit) : walk.exit(told);
  }
  walk.finish(open, end);
  return sink.states;
}

void expect_gap_free(std::span<const StateSlice> states, HostNs begin, HostNs end) {
  ASSERT_FALSE(states.empty());
  EXPECT_EQ(states.front().begin, begin);
  EXPECT_EQ(states.back().end, end);
  for (std::size_t i = 0; i < states.size(); ++i) {
    EXPECT_LT(states[i].begin, states[i].end);
    if (i == 0) continue;
    EXPECT_EQ(states[i].begin, states[i - 1].end);
    EXPECT_NE(states[i].state, states[i - 1].state);
  }
}

std::vector<std::pair<std::uint64_t, State>> ends(std::span<const StateSlice> states) {
  std::vector<std::pair<std::uint64_t, State>> result;
  for (const auto& slice : states)
    result.emplace_back(slice.end.value, slice.state);
  return result;
}

using Ends = std::vector<std::pair<std::uint64_t, State>>;

TEST(States, GuestKvmAndVmmOfOneExit) {
  Exit e = exit_at(100, 200);
  e.user_exit = HostNs{120};
  e.vmm_begin = HostNs{130};
  e.vmm_end = HostNs{180};
  const auto states = states_of(std::vector{e}, {}, {}, {}, HostNs{50}, HostNs{300});
  expect_gap_free(states, HostNs{50}, HostNs{300});
  EXPECT_EQ(ends(states), (Ends{{100, State::guest},
                                {130, State::kvm},
                                {180, State::vmm},
                                {200, State::kvm},
                                {300, State::guest}}));
}

TEST(States, WithoutTheVmmsMarksUserSpaceIsTheVmms) {
  Exit e = exit_at(100, 200);
  e.user_exit = HostNs{120};
  const auto states = states_of(std::vector{e}, {}, {}, {}, HostNs{50}, HostNs{300});
  EXPECT_EQ(ends(states),
            (Ends{{100, State::guest}, {120, State::kvm}, {200, State::vmm}, {300, State::guest}}));
}

TEST(States, ASleepingHaltIsHaltedAPreemptedThreadIsNot) {
  const std::vector exits = {exit_at(100, 200, "hlt"), exit_at(300, 400, "interrupt")};
  const std::vector<OffCpu> off = {{HostNs{110}, HostNs{180}, 1, kNever},
                                   {HostNs{320}, HostNs{380}, 0, kNever}};
  const auto states = states_of(exits, off, {}, {}, HostNs{50}, HostNs{500});
  EXPECT_EQ(ends(states), (Ends{{100, State::guest},
                                {110, State::kvm},
                                {180, State::halted},
                                {200, State::kvm},
                                {300, State::guest},
                                {320, State::kvm},
                                {380, State::kvm_runnable},
                                {400, State::kvm},
                                {500, State::guest}}));
}

TEST(States, AThreadThatSleepsInTheVmmForAHaltIsHalted) {
  Exit e = exit_at(100, 400, "io");
  e.user_exit = HostNs{120};
  e.vmm_begin = HostNs{130};
  e.vmm_end = HostNs{380};
  const std::vector<OffCpu> off = {{HostNs{200}, HostNs{300}, 1, kNever}};
  EXPECT_EQ(ends(states_of(std::vector{e}, off, {}, {}, HostNs{100}, HostNs{400}))[2],
            (std::pair{std::uint64_t{300}, State::vmm_blocked}));
  e.halts = true;
  EXPECT_EQ(
      ends(states_of(std::vector{e}, off, {}, {}, HostNs{100}, HostNs{400})),
      (Ends{
          {130, State::kvm}, {200, State::vmm}, {300, State::halted}, {380, State::vmm}, {400, State::kvm}}));
}

TEST(States, WhatWasLostIsUnknownAndNotTheGuests) {
  const std::vector exits = {exit_at(100, 200), exit_at(900, 950)};
  const std::vector<LossSpan> losses = {{HostNs{300}, HostNs{700}}};
  const auto states = states_of(exits, {}, {}, losses, HostNs{50}, HostNs{1000});
  EXPECT_EQ(ends(states), (Ends{{100, State::guest},
                                {200, State::kvm},
                                {300, State::guest},
                                {700, State::unknown},
                                {900, State::guest},
                                {950, State::kvm},
                                {1000, State::guest}}));
}

TEST(States, AnOpenExitLastsToTheEnd) {
  Exit e = exit_at(100, 100);
  e.open = true;
  e.user_exit = HostNs{120};
  EXPECT_EQ(ends(states_of(std::vector{e}, {}, {}, {}, HostNs{50}, HostNs{300})),
            (Ends{{100, State::guest}, {120, State::kvm}, {300, State::vmm}}));
}

TEST(States, AreGapFreeWhateverTheInput) {
  std::mt19937_64 random(7);
  const auto upto = [&](std::uint64_t n) { return random() % n; };
  for (int round = 0; round < 300; ++round) {
    std::vector<Exit> exits;
    std::vector<OffCpu> off;
    std::vector<LossSpan> losses;
    std::uint64_t t = 100;
    while (exits.size() < 20) {
      Exit e = exit_at(t + upto(50), 0, upto(2) != 0 ? "hlt" : "io");
      e.entry = HostNs{e.exit.value + upto(100)};
      if (upto(2) != 0) e.user_exit = HostNs{e.exit.value + upto(120)};
      if (e.user_exit && upto(2) != 0) {
        e.vmm_begin = HostNs{e.exit.value + upto(150)};
        e.vmm_end = HostNs{e.vmm_begin->value + upto(60)};
      }
      if (upto(3) == 0)
        off.push_back(
            {HostNs{e.exit.value + upto(30)}, HostNs{e.exit.value + 30 + upto(90)}, upto(2), kNever});
      if (upto(5) == 0) losses.push_back({e.exit, HostNs{e.exit.value + upto(200)}});
      t = e.entry.value;
      exits.push_back(e);
    }
    const HostNs end{t + 1 + upto(100)};
    expect_gap_free(states_of(exits, off, {}, losses, HostNs{100}, end), HostNs{100}, end);
  }
}

TEST(States, KvmPollsForAWakeupBeforeTheThreadSleeps) {
  Exit e = exit_at(100, 400, "hlt");
  e.halts = true;
  const std::vector<HaltSpan> halts = {{HostNs{120}, HostNs{350}}};
  // Found one in time: it never slept.
  EXPECT_EQ(ends(states_of(std::vector{e}, {}, halts, {}, HostNs{50}, HostNs{500})),
            (Ends{{100, State::guest},
                  {120, State::kvm},
                  {350, State::halt_poll},
                  {400, State::kvm},
                  {500, State::guest}}));
  // Found none: it slept, and what comes after that is the wakeup.
  const std::vector<OffCpu> off = {{HostNs{200}, HostNs{300}, 1, kNever}};
  const auto states = states_of(std::vector{e}, off, halts, {}, HostNs{50}, HostNs{500});
  expect_gap_free(states, HostNs{50}, HostNs{500});
  EXPECT_EQ(ends(states), (Ends{{100, State::guest},
                                {120, State::kvm},
                                {200, State::halt_poll},
                                {300, State::halted},
                                {400, State::kvm},
                                {500, State::guest}}));
  // Preempted while it polled: it polls on.
  const std::vector<OffCpu> preempted = {{HostNs{200}, HostNs{220}, 0, kNever}};
  EXPECT_EQ(ends(states_of(std::vector{e}, preempted, halts, {}, HostNs{50}, HostNs{500}))[4],
            (std::pair{std::uint64_t{350}, State::halt_poll}));
}

TEST(States, AnExitIsToldHowLongOfItTheGuestWaited) {
  test::CollectingSink sink;
  StateWalk walk(0, sink);
  walk.start(HostNs{50});
  walk.sched_out(HostNs{200}, 1);
  walk.waking(HostNs{290});
  walk.sched_in(HostNs{300});
  walk.halt({HostNs{120}, HostNs{350}});
  Exit halt = exit_at(100, 400, "hlt");
  halt.halts = true;
  walk.exit(halt);
  EXPECT_EQ(halt.halt_poll_ns, 80u);
  EXPECT_EQ(halt.halted_ns, 90u);
  EXPECT_EQ(halt.wake_delay_ns, 10u) << "it was awake, and waited for a CPU";
  Exit next = exit_at(500, 600, "cpuid");
  walk.exit(next);
  EXPECT_EQ(next.halt_poll_ns + next.halted_ns + next.wake_delay_ns, 0u);
}

TEST(States, AWokenThreadIsRunnableUntilItGetsACpu) {
  Exit halt = exit_at(100, 400, "hlt");
  const std::vector<OffCpu> off = {{HostNs{150}, HostNs{300}, 1, HostNs{260}}};
  EXPECT_EQ(ends(states_of(std::vector{halt}, off, {}, {}, HostNs{50}, HostNs{400})),
            (Ends{{100, State::guest},
                  {150, State::kvm},
                  {260, State::halted},
                  {300, State::kvm_runnable},
                  {400, State::kvm}}));
}

TEST(States, SayWhereTheThreadWasWhenItLeftTheCpu) {
  Exit e = exit_at(100, 400, "io");
  e.user_exit = HostNs{120};
  e.vmm_begin = HostNs{130};
  e.vmm_end = HostNs{380};
  const std::vector<OffCpu> off = {{HostNs{110}, HostNs{115}, 0, kNever},
                                   {HostNs{200}, HostNs{250}, 0, kNever},
                                   {HostNs{385}, HostNs{390}, 1, kNever}};
  EXPECT_EQ(ends(states_of(std::vector{e}, off, {}, {}, HostNs{100}, HostNs{400})),
            (Ends{{110, State::kvm},
                  {115, State::kvm_runnable},
                  {130, State::kvm},
                  {200, State::vmm},
                  {250, State::vmm_runnable},
                  {380, State::vmm},
                  {385, State::kvm},
                  {390, State::kvm_blocked},
                  {400, State::kvm}}));
}

TEST(States, AThreadThatNeverCameBackIsAsleepToTheEnd) {
  Exit e = exit_at(100, 150, "hlt");
  e.open = true;
  const std::vector<OffCpu> off = {{HostNs{120}, kNever, 1, kNever}};
  EXPECT_EQ(ends(states_of(std::vector{e}, off, {}, {}, HostNs{50}, HostNs{300})),
            (Ends{{100, State::guest}, {120, State::kvm}, {300, State::halted}}));
}

}  // namespace
}  // namespace trapline::tracer
