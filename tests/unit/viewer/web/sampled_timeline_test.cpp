#include "viewer/web/sampled_timeline.h"

#include <gtest/gtest.h>

#include "tests/support/collecting_sink.h"

namespace trapline::viewer {
namespace {

using tracer::test::CollectingSink;
constexpr std::uint64_t kStretch = SampledTimeline::kStretchNs;
constexpr std::uint64_t kBegin = 5'000;

HostNs after(std::uint64_t ns) {
  return HostNs{kBegin + ns};
}

class Sampled : public testing::Test {
 protected:
  void SetUp() override {
    tracer::TimelineHead head;
    head.begin = HostNs{kBegin};
    sampled_.begin(head);
  }
  CollectingSink kept_;
  SampledTimeline sampled_{kept_, 3};
};

TEST_F(Sampled, OfStatesKeepsWhatIsInEveryThirdStretch) {
  sampled_.state(0, {after(kStretch / 2), after(7 * kStretch / 2), tracer::State::guest});
  ASSERT_EQ(kept_.states.size(), 2u);
  EXPECT_EQ(kept_.states[0].begin, after(kStretch / 2));
  EXPECT_EQ(kept_.states[0].end, after(kStretch));
  EXPECT_EQ(kept_.states[1].begin, after(3 * kStretch));
  EXPECT_EQ(kept_.states[1].end, after(7 * kStretch / 2));
}

TEST_F(Sampled, OfExitsKeepsThoseThatBeginThereWhole) {
  for (std::uint64_t stretch = 0; stretch < 6; ++stretch) {
    tracer::Exit exit;
    exit.exit = after(stretch * kStretch + kStretch - 1);
    exit.entry = after(stretch * kStretch + kStretch + 500);
    sampled_.exit(0, exit);
  }
  ASSERT_EQ(kept_.exits.size(), 2u);
  EXPECT_EQ(kept_.exits[1].exit, after(4 * kStretch - 1));
  EXPECT_EQ(kept_.exits[1].entry, after(4 * kStretch + 500));
}

TEST_F(Sampled, AStateOfCenturiesEnds) {
  sampled_.state(0, {after(0), HostNs{~std::uint64_t{0}}, tracer::State::guest});
  EXPECT_GT(kept_.states.size(), 1000u);
}

}  // namespace
}  // namespace trapline::viewer
