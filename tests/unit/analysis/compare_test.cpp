#include "analysis/compare.h"

#include <gtest/gtest.h>

namespace trapline::analysis {
namespace {

using tracer::State;
using tracer::VcpuTimeline;
using tracer::WorkloadEvent;

constexpr std::uint16_t kWorkload = 7;

WorkloadEvent event(std::uint64_t iteration, std::uint64_t u0, std::optional<std::uint64_t> k1,
                    std::optional<std::uint64_t> k2, std::uint64_t u3) {
  WorkloadEvent made;
  made.workload = kWorkload;
  made.iteration = iteration;
  made.u0 = HostNs{u0};
  if (k1) made.k1 = HostNs{*k1};
  if (k2) made.k2 = HostNs{*k2};
  made.u3 = HostNs{u3};
  return made;
}

// States that follow one another from time 0.
std::vector<tracer::StateSlice> states(std::initializer_list<std::pair<std::uint64_t, State>> until) {
  std::vector<tracer::StateSlice> slices;
  std::uint64_t at = 0;
  for (const auto& [end, state] : until) {
    slices.push_back({HostNs{at}, HostNs{end}, state});
    at = end;
  }
  return slices;
}

std::uint64_t where(const Cell& cell, Phase phase, Place place) {
  return cell.where[static_cast<std::size_t>(phase)][static_cast<std::size_t>(place)];
}

TEST(Compare, SplitsPhasesByWhoRanExactly) {
  VcpuTimeline vcpu;
  vcpu.events = {event(0, 10, 60, 80, 121)};
  vcpu.events[0].user_exits = 2;
  vcpu.states = states({{20, State::guest},
                        {30, State::kvm},
                        {45, State::vmm},
                        {50, State::kvm},
                        {90, State::guest},
                        {95, State::kvm_runnable},
                        {200, State::guest}});
  Cell cell;
  add_events(cell, vcpu, kWorkload, 0);
  ASSERT_EQ(cell.events, 1u);
  EXPECT_EQ(cell.user_exits, 2u);
  EXPECT_EQ(cell.round_trip.total(), 111u);
  EXPECT_EQ(cell.phases[0].total(), 50u);
  EXPECT_EQ(cell.phases[1].total(), 20u);
  EXPECT_EQ(cell.phases[2].total(), 41u);
  EXPECT_EQ(where(cell, Phase::delivery, Place::guest), 20u);
  EXPECT_EQ(where(cell, Phase::delivery, Place::kvm), 15u);
  EXPECT_EQ(where(cell, Phase::delivery, Place::vmm), 15u);
  EXPECT_EQ(where(cell, Phase::handler, Place::guest), 20u);
  EXPECT_EQ(where(cell, Phase::return_, Place::guest), 36u);
  EXPECT_EQ(where(cell, Phase::return_, Place::waiting), 5u);
  EXPECT_EQ(cell.cost.total(), 111u);
}

TEST(Compare, OfAnEventThatWaitsTheWaitIsNoCost) {
  VcpuTimeline vcpu;
  vcpu.events = {event(0, 0, 100, 110, 120)};
  vcpu.states = states({{70, State::guest}, {80, State::halted}, {95, State::kvm}, {200, State::guest}});
  Cell cell;
  cell.waits = true;
  add_events(cell, vcpu, kWorkload, 0);
  EXPECT_EQ(cell.round_trip.total(), 120u);
  EXPECT_EQ(cell.cost.total(), 15u + 10u + 10u) << "KVM before K1, handler, return";
  EXPECT_EQ(cell.cost_ns(Phase::delivery, Place::guest), 0);
  EXPECT_EQ(cell.cost_ns(Phase::delivery, Place::kvm), 15);
}

TEST(Compare, WarmUpAndOtherWorkloadsAreLeftOut) {
  VcpuTimeline vcpu;
  vcpu.events = {event(0, 0, {}, {}, 1000), event(1, 2000, {}, {}, 2010), event(2, 3000, {}, {}, 3010)};
  vcpu.events.push_back(event(3, 4000, {}, {}, 9000));
  vcpu.events.back().workload = 8;
  vcpu.states = states({{10'000, State::guest}});
  Cell cell;
  add_events(cell, vcpu, kWorkload, 1);
  EXPECT_EQ(cell.events, 2u);
  EXPECT_EQ(cell.cost.max(), 10u);
  EXPECT_FALSE(cell.has_handler());
}

TEST(Compare, AForeignInterruptMakesNoHandlerAndAMissedOneIsCounted) {
  VcpuTimeline vcpu;
  vcpu.states = states({{10'000, State::guest}});
  vcpu.events = {event(0, 0, 3, 5, 10), event(1, 20, {}, {}, 30), event(2, 40, {}, {}, 50)};
  Cell without;
  add_events(without, vcpu, kWorkload, 0);
  EXPECT_FALSE(without.has_handler());
  EXPECT_EQ(without.events, 3u);
  EXPECT_EQ(without.incomplete, 0u);

  vcpu.events = {event(0, 0, 3, 5, 10), event(1, 20, 25, 27, 30), event(2, 40, {}, {}, 50)};
  Cell with;
  add_events(with, vcpu, kWorkload, 0);
  EXPECT_TRUE(with.has_handler());
  EXPECT_EQ(with.events, 2u);
  EXPECT_EQ(with.incomplete, 1u);
}

TEST(Compare, TimeOutsideOfAllStatesIsUnknown) {
  VcpuTimeline vcpu;
  vcpu.events = {event(0, 10, {}, {}, 40)};
  vcpu.states = {{HostNs{20}, HostNs{30}, State::guest}};
  Cell cell;
  add_events(cell, vcpu, kWorkload, 0);
  EXPECT_EQ(where(cell, Phase::delivery, Place::unknown), 20u);
  EXPECT_EQ(where(cell, Phase::delivery, Place::guest), 10u);
}

TEST(Compare, AStampCostsTheDifferenceOfItsBeingThere) {
  VcpuTimeline vcpu;
  for (std::uint64_t i = 0; i < 10; ++i)
    vcpu.events.push_back(event(i, i * 1000, {}, {}, i * 1000 + (i % 2 == 0 ? 22 : 42)));
  const StampCost cost = stamp_cost(vcpu, kWorkload, 2);
  EXPECT_EQ(cost.between_ns, 22u);
  EXPECT_EQ(cost.each_ns, 20u);
  EXPECT_EQ(cost.samples, 8u);
  EXPECT_EQ(cost.in_round_trip_ns(false), 22u);
  EXPECT_EQ(cost.in_round_trip_ns(true), 62u);
}

// Cells of three events each, all alike but for `kvm` and `vmm` nanoseconds before K1.
Cell cell_with(std::string path, std::uint64_t kvm, std::uint64_t vmm) {
  Cell cell;
  cell.path = std::move(path);
  cell.workload = "int80";
  for (std::uint64_t i = 0; i < 3; ++i) {
    VcpuTimeline vcpu;
    vcpu.events = {event(i, 0, 10 + kvm + vmm, 20 + kvm + vmm, 30 + kvm + vmm)};
    vcpu.states = states({{10 + kvm, State::kvm}, {10 + kvm + vmm, State::vmm}, {10'000, State::guest}});
    vcpu.states.front().state = State::kvm;
    add_events(cell, vcpu, kWorkload, 0);
  }
  return cell;
}

TEST(Compare, TheDifferenceNamesItsBiggestContributor) {
  const Cell base = cell_with("hvm", 0, 0);
  const auto more = difference(cell_with("emulate", 100, 400), &base);
  ASSERT_TRUE(more);
  EXPECT_TRUE(more->measurable);
  EXPECT_DOUBLE_EQ(more->ns, 500);
  EXPECT_EQ(more->place, Place::vmm);
  EXPECT_EQ(more->phase, Phase::delivery);
  EXPECT_DOUBLE_EQ(more->contribution_ns, 400);
  const Cell dear = cell_with("pv", 300, 40);
  const auto less = difference(base, &dear);
  ASSERT_TRUE(less);
  EXPECT_DOUBLE_EQ(less->ns, -340);
  EXPECT_EQ(less->place, Place::kvm);
  EXPECT_DOUBLE_EQ(less->contribution_ns, -300);
}

TEST(Compare, WhatIsWithinTheNoiseIsNoDifference) {
  Cell noisy = cell_with("hvm-pv", 0, 0);
  VcpuTimeline vcpu;
  vcpu.events = {event(3, 0, 10, 20, 5000)};
  vcpu.states = states({{10'000, State::guest}});
  add_events(noisy, vcpu, kWorkload, 0);
  const Cell base = cell_with("hvm", 0, 0);
  EXPECT_FALSE(difference(noisy, &base)->measurable);
  EXPECT_FALSE(difference(base, &base));
}

TEST(Compare, RatiosAreOfMediansAndNativeHasNone) {
  const Cell base = cell_with("hvm", 0, 0);
  EXPECT_DOUBLE_EQ(ratio(cell_with("pv", 30, 30), &base).value(), 3);
  EXPECT_DOUBLE_EQ(ratio(base, &base).value(), 1);
  Cell native = cell_with("native", 0, 0);
  native.round_trip_only = true;
  EXPECT_FALSE(ratio(native, &base));
  EXPECT_FALSE(difference(native, &base));
  EXPECT_FALSE(ratio(base, nullptr));
  Cell skipped;
  skipped.skipped = "why";
  EXPECT_FALSE(ratio(skipped, &base));
  EXPECT_FALSE(ratio(base, &skipped));
}

}  // namespace
}  // namespace trapline::analysis
