// A recorder that is killed while it writes: everything up to the last whole packet is there.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "base/mapping.h"
#include "sample_recording.h"
#include "tracer/recording/packet.h"
#include "tracer/recording/reader.h"
#include "tracer/recording/writer.h"

namespace trapline::recording {
namespace {

using namespace test;

// Large, so that the kill often finds the kernel inside of a packet.
constexpr std::size_t kCyclesPerPacket = 20'000;
constexpr std::uint64_t kPacketBytes = sizeof(PacketHeader) + kCyclesPerPacket * sizeof(trl_exit_cycle);

// Writes packets until it is killed, each cycle with its number as RIP, and counts those that were written.
[[noreturn]] void record_without_end(const std::filesystem::path& folder,
                                     std::atomic<std::uint64_t>& written) {
  auto writer = RecordingWriter::create(folder, sample_info());
  if (!writer || !writer->write(ClockSample{HostTsc{9000}, HostNs{100}, 15})) ::_exit(1);
  std::vector<trl_exit_cycle> cycles(kCyclesPerPacket, exit_cycle_at(1000));
  for (std::uint64_t number = 0;;) {
    for (trl_exit_cycle& cycle : cycles) {
      cycle.head.timestamp_ns = 1000 + number;
      cycle.rip = number++;
    }
    if (!writer->write_records<trl_exit_cycle>(kExitsKey, cycles, 0)) ::_exit(1);
    written.fetch_add(1);
  }
}

TEST(KilledWriter, LeavesEverythingUpToTheLastWholePacket) {
  TemporaryFolder scratch;
  auto shared = Mapping::anonymous(4096, "counter");
  ASSERT_OK(shared);
  auto& written = *new (shared->data()) std::atomic<std::uint64_t>{0};
  for (std::uint64_t round = 0; round < 8; ++round) {
    const auto folder = scratch / std::to_string(round);
    written = 0;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) record_without_end(folder, written);
    // Some way into the packet after these; each round at another place.
    while (written.load() < 1 + round % 3 && ::waitpid(child, nullptr, WNOHANG) == 0)
      ::usleep(static_cast<useconds_t>(20 + 37 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    const auto reader = RecordingReader::open(folder);
    ASSERT_OK(reader);
    EXPECT_FALSE(reader->end()) << "it did not come to its end, and says so";
    EXPECT_EQ(reader->clock_samples().size(), 1u);
    std::uint64_t cycles = 0;
    Event event;
    auto cursor = reader->events(kExitsKey);
    while (cursor.next(event))
      ASSERT_EQ(std::get<const trl_exit_cycle*>(event.record)->rip, cycles++);
    EXPECT_TRUE(cursor.status());
    EXPECT_EQ(cycles % kCyclesPerPacket, 0u);
    EXPECT_GE(cycles / kCyclesPerPacket, written.load()) << "what was written is there";
    EXPECT_LE(cycles / kCyclesPerPacket, written.load() + 1);
    const std::uint64_t size = std::filesystem::file_size(folder / "exits_cpu3");
    ASSERT_EQ(reader->cut().size(), size % kPacketBytes == 0 ? 0u : 1u);
    if (!reader->cut().empty()) {
      EXPECT_EQ(reader->cut()[0].file, "exits_cpu3");
      EXPECT_EQ(reader->cut()[0].offset, cycles / kCyclesPerPacket * kPacketBytes);
      EXPECT_EQ(reader->cut()[0].bytes_ignored, size % kPacketBytes);
    }
    std::filesystem::remove_all(folder);
  }
}

}  // namespace
}  // namespace trapline::recording
