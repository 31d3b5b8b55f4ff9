// Many streams walked as one, in the order of time.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>
#include <vector>

#include "sample_recording.h"
#include "tracer/recording/reader.h"
#include "tracer/recording/writer.h"

namespace trapline::recording {
namespace {

using namespace test;

// Time, stream, and the event's number within its stream.
using Place = std::tuple<std::uint64_t, StreamKey, std::uint64_t>;

class Merge : public testing::TestWithParam<std::uint32_t> {};

TEST_P(Merge, IsInTheOrderOfTimeThenOfStreams) {
  TemporaryFolder scratch;
  std::vector<Place> expected;
  {
    auto writer = RecordingWriter::create(scratch / "recording", sample_info());
    ASSERT_OK(writer);
    std::mt19937 random(GetParam());
    for (std::uint32_t cpu = 0; cpu < GetParam(); ++cpu) {
      const StreamKey key{StreamClass::exits, cpu};
      std::vector<std::uint64_t> times(random() % 40);
      for (std::uint64_t& time : times)
        time = 1000 + random() % 50;  // few, so that many are equal
      // The end of time is a time, too.
      if (cpu % 3 == 0) times.push_back(~std::uint64_t{0});
      std::sort(times.begin(), times.end());
      for (std::size_t i = 0; i < times.size(); ++i) {
        auto cycle = exit_cycle_at(times[i]);
        cycle.rip = i;
        ASSERT_OK(writer->write_records<trl_exit_cycle>(key, std::array{cycle}, 0));
        expected.emplace_back(times[i], key, i);
      }
    }
  }
  std::sort(expected.begin(), expected.end());
  const auto reader = RecordingReader::open(scratch / "recording");
  ASSERT_OK(reader);
  std::vector<Place> walked;
  auto merged = reader->merged();
  Event event;
  while (merged.next(event))
    walked.emplace_back(event.at.value, event.stream, std::get<const trl_exit_cycle*>(event.record)->rip);
  EXPECT_TRUE(merged.status());
  EXPECT_EQ(walked, expected);
  EXPECT_FALSE(merged.next(event)) << "it stays at its end";
}

INSTANTIATE_TEST_SUITE_P(Streams, Merge, testing::Values(0u, 1u, 2u, 3u, 7u, 8u, 37u));

}  // namespace
}  // namespace trapline::recording
