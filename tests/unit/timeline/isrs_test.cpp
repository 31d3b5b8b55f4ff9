#include "tracer/timeline/isrs.h"

#include <gtest/gtest.h>

#include "tests/support/collecting_sink.h"
#include "tests/unit/timeline/stamp.h"

namespace trapline::tracer {
namespace {

using test::stamp;

// In the order in which they were left.
std::vector<Isr> isrs_from(const std::vector<DatedStamp>& stamps) {
  test::CollectingSink sink;
  InterruptLinker linker({}, true, 0, HostNs{}, sink);
  IsrTracker tracker(0, sink, linker);
  for (const DatedStamp& dated : stamps)
    (void)tracker.stamp(dated);
  tracker.finish(HostNs{1000});
  EXPECT_EQ(sink.entered.size(), sink.isrs.size());
  return sink.isrs;
}

TEST(Isrs, PairsEntryAndIret) {
  const auto isrs = isrs_from({stamp(10, GUEST_STAMP_K1, 0x80), stamp(20, GUEST_STAMP_K2, 0x80),
                               stamp(30, GUEST_STAMP_K1, 14), stamp(45, GUEST_STAMP_K2, 14)});
  ASSERT_EQ(isrs.size(), 2u);
  EXPECT_EQ(isrs[0].vector, 0x80u);
  EXPECT_EQ(isrs[1].entry, HostNs{30});
  EXPECT_EQ(isrs[1].iret, HostNs{45});
  EXPECT_TRUE(isrs[0].complete && isrs[1].complete);
  EXPECT_EQ(isrs[1].depth, 0u);
}

TEST(Isrs, NestsAnInterruptWithinAHandler) {
  const auto isrs = isrs_from({stamp(10, GUEST_STAMP_K1, 0x80), stamp(12, GUEST_STAMP_K1, 0x40),
                               stamp(13, GUEST_STAMP_EOI, 0x40), stamp(14, GUEST_STAMP_K2, 0x40),
                               stamp(20, GUEST_STAMP_K2, 0x80)});
  ASSERT_EQ(isrs.size(), 2u);
  EXPECT_EQ(isrs[0].depth, 1u);
  EXPECT_EQ(isrs[0].eoi, HostNs{13});
  EXPECT_FALSE(isrs[1].eoi);
  EXPECT_EQ(isrs[1].iret, HostNs{20});
}

TEST(Isrs, OneThatInterruptedItsOwnFirstInstructionWasDeliveredTwice) {
  constexpr std::uint64_t kEntry = GUEST_ISR_STUBS + 0x40 * GUEST_ISR_STUB_BYTES;
  const auto isrs = isrs_from({stamp(10, GUEST_STAMP_K1, 0x40, kEntry), stamp(11, GUEST_STAMP_K2, 0x40),
                               stamp(12, GUEST_STAMP_K1, 0x40, 0x180000), stamp(13, GUEST_STAMP_K2, 0x40),
                               stamp(14, GUEST_STAMP_K1, 0x41, kEntry), stamp(15, GUEST_STAMP_K2, 0x41)});
  ASSERT_EQ(isrs.size(), 3u);
  EXPECT_TRUE(isrs[0].again);
  EXPECT_FALSE(isrs[1].again);
  EXPECT_FALSE(isrs[2].again) << "another handler's";
}

TEST(Isrs, AHandlerWhoseEndWasLostEndsWithTheOneAroundIt) {
  const auto isrs = isrs_from({stamp(10, GUEST_STAMP_K1, 0x80), stamp(12, GUEST_STAMP_K1, 0x40),
                               stamp(20, GUEST_STAMP_K2, 0x80), stamp(25, GUEST_STAMP_K2, 0x33)});
  ASSERT_EQ(isrs.size(), 2u);
  EXPECT_FALSE(isrs[0].complete);
  EXPECT_EQ(isrs[0].vector, 0x40u);
  EXPECT_EQ(isrs[0].iret, HostNs{20});
  EXPECT_TRUE(isrs[1].complete);
}

TEST(Isrs, ThoseThatAreOpenWhenStampsAreLostEndBeforeTheLoss) {
  std::vector stamps = {stamp(10, GUEST_STAMP_K1, 0x80), stamp(12, GUEST_STAMP_K1, 0x40),
                        stamp(500, GUEST_STAMP_K1, 0x41), stamp(510, GUEST_STAMP_K2, 0x41)};
  for (std::size_t i = 0; i < stamps.size(); ++i)
    stamps[i].stamp.seq = i < 2 ? i : i + 100;
  const auto isrs = isrs_from(stamps);
  ASSERT_EQ(isrs.size(), 3u);
  EXPECT_EQ(isrs[0].iret, HostNs{12});
  EXPECT_EQ(isrs[1].iret, HostNs{12});
  EXPECT_FALSE(isrs[0].complete || isrs[1].complete);
  EXPECT_EQ(isrs[2].depth, 0u) << "nothing is known to be open after the loss";
}

TEST(Isrs, OneThatTheRecordingEndsInIsOpenToTheEnd) {
  const auto isrs = isrs_from({stamp(10, GUEST_STAMP_K1, 0x80)});
  ASSERT_EQ(isrs.size(), 1u);
  EXPECT_EQ(isrs[0].iret, HostNs{1000});
  EXPECT_FALSE(isrs[0].complete);
}

TEST(Isrs, AGuestThatNeverReturnsDoesNotFillTheMemory) {
  std::vector<DatedStamp> stamps;
  for (std::uint64_t i = 0; i < 1000; ++i)
    stamps.push_back(stamp(i, GUEST_STAMP_K1, 14));
  const auto isrs = isrs_from(stamps);
  ASSERT_EQ(isrs.size(), 1000u);
  for (const Isr& isr : isrs)
    EXPECT_LT(isr.depth, 64u);
}

}  // namespace
}  // namespace trapline::tracer
