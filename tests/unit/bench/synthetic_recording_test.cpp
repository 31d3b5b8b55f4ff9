#include "bench/synthetic_recording.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/unit/recording/sample_recording.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/timeline.h"

namespace trapline::bench {
namespace {

using namespace recording;
using recording::test::TemporaryFolder;

constexpr std::uint64_t kExits = 20'000;

TEST(SyntheticRecording, IsARecordingOfWhatItSays) {
  TemporaryFolder scratch;
  const auto counts = write_synthetic_recording(scratch / "recording", kExits);
  ASSERT_OK(counts);
  const auto reader = RecordingReader::open(scratch / "recording");
  ASSERT_OK(reader);
  EXPECT_TRUE(reader->end());
  EXPECT_EQ(reader->lost(), 0u);
  std::map<std::uint32_t, std::uint64_t> reasons;
  std::uint64_t events = 0;
  std::uint64_t injections = 0;
  std::uint64_t to_user = 0;
  std::uint64_t accounts = 0;
  auto cursor = reader->merged();
  Event event;
  for (; cursor.next(event); ++events) {
    if (std::holds_alternative<const ExitHandledRecord*>(event.record)) ++accounts;
    const auto* const* cycle = std::get_if<const trl_exit_cycle*>(&event.record);
    if (cycle == nullptr) continue;
    ++reasons[(*cycle)->reason];
    injections += (*cycle)->event_inj != 0 ? 1 : 0;
    to_user += ((*cycle)->flags & TRL_TO_USER) != 0 ? 1 : 0;
  }
  EXPECT_TRUE(cursor.status()) << cursor.status().error().text();
  EXPECT_EQ(events, counts->events);
  EXPECT_EQ(reasons.size(), 6u);
  EXPECT_NEAR(static_cast<double>(injections), kExits / 5.0, kExits / 50.0);
  EXPECT_NEAR(static_cast<double>(to_user), kExits / 6.0, kExits / 25.0);
  EXPECT_EQ(accounts, to_user);
}

TEST(SyntheticRecording, MakesATimelineWithoutContradictions) {
  TemporaryFolder scratch;
  ASSERT_OK(write_synthetic_recording(scratch / "recording", kExits));
  const auto reader = RecordingReader::open(scratch / "recording");
  ASSERT_OK(reader);
  const auto timeline = tracer::build_timeline(*reader);
  ASSERT_OK(timeline);
  ASSERT_EQ(timeline->vcpus.size(), 2u);
  for (const auto& vcpu : timeline->vcpus) {
    EXPECT_EQ(vcpu.exits.size(), kExits / 2);
    EXPECT_EQ(vcpu.stamp_check.outside, 0u) << "stamps lie where the guest ran";
    EXPECT_GT(vcpu.isrs.size(), kExits / 12);
    std::uint64_t linked = 0;
    for (const auto& isr : vcpu.isrs)
      linked += isr.interrupt != tracer::kNoInterrupt ? 1 : 0;
    EXPECT_EQ(linked, vcpu.isrs.size()) << "each handler belongs to an interrupt";
  }
}

}  // namespace
}  // namespace trapline::bench
