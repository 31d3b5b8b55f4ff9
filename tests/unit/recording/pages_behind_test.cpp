// Reading a recording does not take its size in memory.
#include "tracer/recording/pages_behind.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <vector>

#include "sample_recording.h"
#include "tracer/recording/reader.h"
#include "tracer/recording/writer.h"

namespace trapline::recording {
namespace {

using namespace test;

constexpr std::size_t kMiB = std::size_t{1} << 20;

// Of this process, mapped files included.
std::size_t resident_bytes() {
  std::size_t all = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::size_t>(::getpagesize());
}

TEST(PagesBehind, AWalkHoldsOnlyWhereItIs) {
  TemporaryFolder scratch;
  const auto folder = scratch / "recording";
  auto writer = RecordingWriter::create(folder, sample_info());
  ASSERT_OK(writer);
  constexpr std::uint64_t kPackets = 192;
  std::vector<trl_exit_cycle> cycles(kMiB / sizeof(trl_exit_cycle), exit_cycle_at(1000));
  std::uint64_t number = 0;
  for (std::uint64_t packet = 0; packet < kPackets; ++packet) {
    for (trl_exit_cycle& cycle : cycles)
      cycle.rip = number++;
    ASSERT_OK(writer->write_records<trl_exit_cycle>(kExitsKey, cycles, 0));
  }

  const std::size_t before = resident_bytes();
  const auto reader = RecordingReader::open(folder);
  ASSERT_OK(reader);
  EXPECT_LT(resident_bytes(), before + 32 * kMiB) << "after open()";
  auto merged = reader->merged();
  auto behind = reader->events(kExitsKey);
  Event event;
  const trl_exit_cycle* first = nullptr;
  std::size_t most = 0;
  std::uint64_t walked = 0;
  for (; merged.next(event); ++walked) {
    const auto* cycle = std::get<const trl_exit_cycle*>(event.record);
    ASSERT_EQ(cycle->rip, walked);
    if (first == nullptr) first = cycle;
    if (walked % cycles.size() == 0) most = std::max(most, resident_bytes());
  }
  EXPECT_EQ(walked, number);
  EXPECT_LT(most, before + 32 * kMiB) << "of " << kPackets << " MiB";

  // Who points to what lies behind, or comes later, loses nothing.
  EXPECT_EQ(first->rip, 0u);
  for (std::uint64_t i = 0; i < number; ++i) {
    ASSERT_TRUE(behind.next(event));
    ASSERT_EQ(std::get<const trl_exit_cycle*>(event.record)->rip, i);
  }
}

}  // namespace
}  // namespace trapline::recording
