// The fuzz targets' seeds are what they are for: recordings that open, of which timelines can be made.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/fuzz/packed_events.h"
#include "tests/fuzz/packed_recording.h"
#include "tests/unit/recording/sample_recording.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/timeline.h"

namespace trapline::fuzz {
namespace {

using recording::test::content_of;
using recording::test::TemporaryFolder;

const std::filesystem::path kSeeds = std::filesystem::path(TRAPLINE_SOURCE_DIR) / "tests/fuzz/seeds";

std::uint64_t events_of(const recording::RecordingReader& reader) {
  std::uint64_t events = 0;
  recording::Event event;
  auto cursor = reader.merged();
  while (cursor.next(event))
    ++events;
  EXPECT_TRUE(cursor.status());
  return events;
}

TEST(FuzzSeeds, OfTheReaderAreRecordings) {
  std::size_t seeds = 0;
  for (const auto& seed : std::filesystem::directory_iterator(kSeeds / "reader")) {
    SCOPED_TRACE(seed.path().filename().string());
    const TemporaryFolder folder;
    const std::string packed = content_of(seed.path());
    unpack(std::as_bytes(std::span(packed))).write_to(folder.path());
    const auto reader = recording::RecordingReader::open(folder.path());
    ASSERT_OK(reader);
    const bool has_events = seed.path().filename() != "metadata";
    EXPECT_GE(events_of(*reader), has_events ? recording::test::kSampleStreamEvents : 0);
    ++seeds;
  }
  EXPECT_GE(seeds, 4u);
}

TEST(FuzzSeeds, OfTheTimelineMakeTimelines) {
  std::size_t seeds = 0;
  for (const auto& seed : std::filesystem::directory_iterator(kSeeds / "timeline")) {
    SCOPED_TRACE(seed.path().filename().string());
    const TemporaryFolder folder;
    const std::string packed = content_of(seed.path());
    unpack_events(std::as_bytes(std::span(packed))).write_to(folder.path());
    const auto reader = recording::RecordingReader::open(folder.path());
    ASSERT_OK(reader);
    EXPECT_GE(events_of(*reader), 10u);
    const auto timeline = tracer::build_timeline(*reader);
    ASSERT_OK(timeline);
    std::size_t exits = 0;
    for (const auto& vcpu : timeline->vcpus)
      exits += vcpu.exits.size();
    EXPECT_GE(exits, 3u);
    ++seeds;
  }
  EXPECT_GE(seeds, 3u);
}

}  // namespace
}  // namespace trapline::fuzz
