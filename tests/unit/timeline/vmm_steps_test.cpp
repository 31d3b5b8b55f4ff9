#include "tracer/timeline/vmm_steps.h"

#include <gtest/gtest.h>

#include <random>

#include "vmm/guest/abi.h"

namespace trapline::tracer {
namespace {

// Exit to the VMM, which stays from `exit` + 30 to `entry` - 20.
Exit to_the_vmm(std::uint64_t exit, std::uint64_t entry) {
  Exit e;
  e.exit = HostNs{exit};
  e.entry = HostNs{entry};
  e.user_exit = HostNs{exit + 20};
  e.vmm_begin = HostNs{exit + 30};
  e.vmm_end = HostNs{entry - 20};
  return e;
}

VmmStep step(std::uint64_t begin, std::uint64_t end, std::uint16_t count_kind = GUEST_COUNT_NONE) {
  return {.begin = HostNs{begin}, .end = HostNs{end}, .count_kind = count_kind};
}

using Spans = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Spans placed(std::vector<VmmStep> steps, std::vector<Exit> exits) {
  Spans spans;
  for (const VmmStep& at : place_steps(steps, exits))
    spans.emplace_back(at.begin.value, at.end.value);
  return spans;
}

TEST(PlaceSteps, LeavesThemWhereTheyAre) {
  EXPECT_EQ(placed({step(130, 140), step(140, 180)}, {to_the_vmm(100, 200)}),
            (Spans{{130, 140}, {140, 180}}));
}

TEST(PlaceSteps, KeepsTheClocksErrorWithinTheStay) {
  EXPECT_EQ(placed({step(128, 140), step(140, 183)}, {to_the_vmm(100, 200)}),
            (Spans{{130, 140}, {140, 180}}));
}

TEST(PlaceSteps, AnEarlierStayOfTheSameExitIsNotTheOneThatIsKnown) {
  EXPECT_EQ(placed({step(105, 120), step(140, 150)}, {to_the_vmm(100, 200)}),
            (Spans{{105, 120}, {140, 150}}));
}

TEST(PlaceSteps, WithoutTheVmmsMarksTheExitHoldsThem) {
  Exit bare;
  bare.exit = HostNs{100};
  bare.entry = HostNs{200};
  EXPECT_EQ(placed({step(150, 220)}, {bare}), (Spans{{150, 200}}));
  bare.open = true;
  EXPECT_EQ(placed({step(150, 220)}, {bare}), (Spans{{150, 220}}));
}

TEST(PlaceSteps, OfLostExitsReachIntoNoOther) {
  EXPECT_EQ(placed({step(50, 110), step(250, 320)}, {to_the_vmm(100, 200), to_the_vmm(300, 400)}),
            (Spans{{50, 100}, {250, 300}}));
  EXPECT_EQ(placed({step(10, 20)}, {}), (Spans{{10, 20}}));
}

TEST(PlaceSteps, MarkTheExitThatHaltedTheGuest) {
  std::vector<Exit> exits = {to_the_vmm(100, 200), to_the_vmm(300, 400)};
  const std::vector steps = {step(140, 150, GUEST_COUNT_IO), step(340, 350, GUEST_COUNT_HLT)};
  (void)place_steps(steps, exits);
  EXPECT_FALSE(exits[0].halts);
  EXPECT_TRUE(exits[1].halts);
}

TEST(PlaceSteps, NeverOverlapNorCrossAStay) {
  std::mt19937_64 random(11);
  const auto upto = [&](std::uint64_t n) { return random() % n; };
  for (int round = 0; round < 200; ++round) {
    std::vector<Exit> exits;
    for (std::uint64_t t = 100; exits.size() < 10; t = exits.back().entry.value + upto(50)) {
      exits.push_back(to_the_vmm(t, t + 60 + upto(100)));
      if (upto(3) == 0) exits.back().vmm_begin.reset();
    }
    std::vector<VmmStep> steps;
    for (std::uint64_t t = 90; t < 2000; t = steps.back().end.value + upto(10))
      steps.push_back(step(t, t + upto(30)));
    HostNs latest;
    for (const VmmStep& at : place_steps(steps, exits)) {
      ASSERT_GE(at.begin, latest);
      ASSERT_GE(at.end, at.begin);
      latest = at.end;
      for (const Exit& exit : exits) {
        if (!exit.vmm_begin) continue;
        EXPECT_TRUE(at.end <= *exit.vmm_begin || at.begin >= *exit.vmm_end ||
                    (at.begin >= *exit.vmm_begin && at.end <= *exit.vmm_end));
      }
    }
  }
}

}  // namespace
}  // namespace trapline::tracer
