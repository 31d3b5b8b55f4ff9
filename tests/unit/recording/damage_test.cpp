// Recordings that were cut off and recordings that were damaged: nothing is read beyond what is there, and
// what is wrong is said.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "sample_recording.h"
#include "tracer/recording/packet.h"
#include "tracer/recording/reader.h"

namespace trapline::recording {
namespace {

using namespace test;

// What can be read of a recording.
struct Readable {
  bool opened = false;
  bool whole = true;  // no damage met
  std::uint64_t events = 0;
  std::uint64_t event_bytes = 0;
  std::uint64_t facts = 0;
  std::string error;
};

// Reads all of it, touching every byte of every event.
Readable read_all(const RecordingReader& reader) {
  Readable readable;
  readable.opened = true;
  std::uint64_t sum = 0;
  const auto touch = [&](const auto* record) {
    for (const std::byte b : std::as_bytes(std::span(record, 1)))
      sum += static_cast<std::uint64_t>(b);
    ++readable.events;
    readable.event_bytes += sizeof *record;
  };
  auto cursor = reader.merged();
  Event event;
  while (cursor.next(event)) {
    std::visit(
        [&](auto record) {
          if constexpr (!std::is_same_v<decltype(record), std::monostate> &&
                        !std::is_same_v<decltype(record), const Gap*>) {
            touch(record);
          }
        },
        event.record);
  }
  readable.whole = cursor.status().has_value();
  if (!readable.whole) readable.error = cursor.status().error().what;
  readable.facts = reader.clock_samples().size() + reader.vms().size() + reader.vcpus().size() +
                   reader.workloads().size() + reader.guest_counts().size() + reader.kvm_stats().size() +
                   reader.losses().size() + (reader.probe_cost() ? 1 : 0) + (reader.end() ? 1 : 0);
  EXPECT_GT(sum + readable.facts + 1, 0u);
  return readable;
}

Readable read_all(const std::filesystem::path& folder) {
  const auto reader = RecordingReader::open(folder);
  if (reader) return read_all(*reader);
  Readable readable;
  readable.error = reader.error().what;
  return readable;
}

constexpr const char* kFiles[] = {"exits_cpu3",  "kvm_cpu3",    "stamps_vcpu0", "vmm_vcpu1",
                                  "vmm_devices", "steps_vcpu1", "session"};

class Damage : public testing::Test {
 protected:
  void SetUp() override {
    auto writer = RecordingWriter::create(folder_, sample_info());
    ASSERT_OK(writer);
    ASSERT_OK(write_sample_events(*writer));
    // A second and a third packet, so that there is a middle.
    for (const std::uint64_t ns : {5000u, 6000u}) {
      const std::array cycles = {exit_cycle_at(ns), exit_cycle_at(ns + 1)};
      ASSERT_OK(writer->write_records<trl_exit_cycle>(kExitsKey, cycles, ns / 1000));
    }
    ASSERT_OK(write_sample_session(*writer));
    whole_ = read_all(folder_);
    ASSERT_TRUE(whole_.opened && whole_.whole);
    ASSERT_EQ(whole_.events, kSampleStreamEvents + 4);
    ASSERT_EQ(whole_.facts, kSampleFacts);
  }

  // A recording of the metadata and one of the files, quicker to open a thousand times.
  [[nodiscard]] std::filesystem::path set_apart(const char* name) const {
    auto folder = scratch_ / name;
    std::filesystem::create_directory(folder);
    for (const char* file : {"metadata", name})
      std::filesystem::copy_file(folder_ / file, folder / file);
    return folder;
  }

  // Offsets at which the file's packets end.
  static std::vector<std::size_t> packet_ends(const std::string& content) {
    std::vector<std::size_t> ends = {0};
    while (ends.back() < content.size()) {
      PacketHeader header;
      std::memcpy(&header, content.data() + ends.back(), sizeof header);
      ends.push_back(ends.back() + header.packet_size / 8);
    }
    return ends;
  }

  TemporaryFolder scratch_;
  std::filesystem::path folder_ = scratch_ / "recording";
  Readable whole_;
};

TEST_F(Damage, CutAnywhereEverythingBeforeTheCutPacketIsRead) {
  for (const char* name : kFiles) {
    const auto alone = set_apart(name);
    const std::string content = content_of(alone / name);
    const auto ends = packet_ends(content);
    for (std::size_t size = content.size(); size-- > 0;) {
      std::filesystem::resize_file(alone / name, size);
      const auto reader = RecordingReader::open(alone);
      ASSERT_TRUE(reader) << name << " cut at " << size << ": " << reader.error().what;
      const auto next_end = std::upper_bound(ends.begin(), ends.end(), size);
      const std::size_t kept = *std::prev(next_end);
      if (kept == size) {
        EXPECT_TRUE(reader->cut().empty()) << name << " cut between packets, at " << size;
      } else {
        ASSERT_EQ(reader->cut().size(), 1u) << name << " cut at " << size;
        EXPECT_EQ(reader->cut()[0].file, name);
        EXPECT_EQ(reader->cut()[0].offset, kept);
        EXPECT_EQ(reader->cut()[0].bytes_ignored, size - kept);
      }
      const Readable readable = read_all(*reader);
      EXPECT_TRUE(readable.whole) << name << " cut at " << size << ": " << readable.error;
      const auto packets = static_cast<std::size_t>(next_end - ends.begin()) - 1;
      if (std::string_view(name) == "session") {
        EXPECT_EQ(readable.facts, packets);
        EXPECT_FALSE(reader->end());
      } else {
        EXPECT_EQ(readable.event_bytes, kept - packets * sizeof(PacketHeader));
      }
    }
  }
}

TEST_F(Damage, CutOfOneFileLeavesTheOthersWhole) {
  for (const char* name : kFiles) {
    SCOPED_TRACE(name);
    const std::string content = content_of(folder_ / name);
    std::filesystem::resize_file(folder_ / name, content.size() - 1);
    const auto reader = RecordingReader::open(folder_);
    ASSERT_OK(reader);
    ASSERT_EQ(reader->cut().size(), 1u);
    EXPECT_EQ(reader->cut()[0].file, name);
    const Readable readable = read_all(*reader);
    EXPECT_TRUE(readable.whole) << readable.error;
    const auto ends = packet_ends(content);
    const std::size_t last_packet = content.size() - ends[ends.size() - 2];
    if (std::string_view(name) == "session") {
      EXPECT_EQ(readable.facts, kSampleFacts - 1);
      EXPECT_FALSE(reader->end()) << "the last fact is the recording's end";
      EXPECT_EQ(readable.event_bytes, whole_.event_bytes);
    } else {
      EXPECT_EQ(readable.facts, kSampleFacts);
      EXPECT_TRUE(reader->end());
      EXPECT_EQ(readable.event_bytes, whole_.event_bytes - (last_packet - sizeof(PacketHeader)));
    }
    put_content(folder_ / name, content);
  }
}

TEST_F(Damage, CutMetadataIsAnErrorThatNamesFileAndByte) {
  const std::string content = content_of(folder_ / "metadata");
  for (const std::size_t size : {content.size() - 1, content.size() / 2, std::size_t{20}, std::size_t{0}}) {
    std::filesystem::resize_file(folder_ / "metadata", size);
    const auto reader = RecordingReader::open(folder_);
    ASSERT_FALSE(reader) << size;
    EXPECT_NE(reader.error().what.find("metadata: byte " + std::to_string(size) + ": "), std::string::npos)
        << reader.error().what;
    put_content(folder_ / "metadata", content);
  }
}

TEST_F(Damage, FlippedBitsAreErrorsOrOtherValuesNeverMore) {
  std::map<std::string, int> outcomes;
  for (const char* name : kFiles) {
    const auto alone = set_apart(name);
    const std::string content = content_of(alone / name);
    const Readable whole = read_all(alone);
    std::fstream file(alone / name, std::ios::in | std::ios::out | std::ios::binary);
    for (std::size_t bit = 0; bit < content.size() * 8; ++bit) {
      const auto put = [&](int c) {
        file.seekp(static_cast<long>(bit / 8)).put(static_cast<char>(c)).flush();
      };
      put(content[bit / 8] ^ (1 << bit % 8));
      const Readable readable = read_all(alone);
      put(content[bit / 8]);
      if (!readable.opened || !readable.whole) {
        EXPECT_NE(readable.error.find(std::string(name) + ": byte "), std::string::npos) << readable.error;
      }
      EXPECT_LE(readable.event_bytes, whole.event_bytes) << name << " bit " << bit;
      EXPECT_LE(readable.facts, whole.facts) << name << " bit " << bit;
      ++outcomes[!readable.opened ? "refused" : readable.whole ? "read" : "stopped"];
    }
  }
  for (const char* outcome : {"refused", "read", "stopped"})
    EXPECT_GT(outcomes[outcome], 100) << outcome;
}

// One 64-bit word of the second of three packets of exits_cpu3 set to something else.
struct HeaderDamage {
  const char* name;
  std::size_t offset;  // in the packet's header
  std::uint64_t value;
  const char* error;
  const char* byte = "168";  // of the packet that the error names
};

class DamagedHeader : public Damage, public testing::WithParamInterface<HeaderDamage> {};

TEST_P(DamagedHeader, IsAnErrorThatNamesFileAndByte) {
  std::string content = content_of(folder_ / "exits_cpu3");
  const std::size_t packet = packet_ends(content)[1];
  std::memcpy(content.data() + packet + GetParam().offset, &GetParam().value, 8);
  put_content(folder_ / "exits_cpu3", content);
  const auto reader = RecordingReader::open(folder_);
  ASSERT_FALSE(reader);
  EXPECT_NE(reader.error().what.find(std::string("exits_cpu3: byte ") + GetParam().byte + ": "),
            std::string::npos)
      << reader.error().what;
  EXPECT_NE(reader.error().what.find(GetParam().error), std::string::npos) << reader.error().what;
}

constexpr std::uint64_t kSecondPacketBits = (88ull + 160) * 8;
INSTANTIATE_TEST_SUITE_P(
    Cases, DamagedHeader,
    testing::Values(
        HeaderDamage{"magic", offsetof(PacketHeader, magic), 0, "no packet begins here"},
        HeaderDamage{"uuid", 8, 0, "another recording"}, HeaderDamage{"stream", 17, 0xff, "another stream"},
        HeaderDamage{"instance", offsetof(PacketHeader, stream_instance_id), 4, "another stream"},
        HeaderDamage{"cpu", offsetof(PacketHeader, instance), 4, "another stream"},
        HeaderDamage{"begin", offsetof(PacketHeader, timestamp_begin), 999, "older than"},
        HeaderDamage{"end", offsetof(PacketHeader, timestamp_end), 4999, "ends before it begins"},
        HeaderDamage{"content", offsetof(PacketHeader, content_size), kSecondPacketBits - 64, "sizes"},
        HeaderDamage{"packet", offsetof(PacketHeader, packet_size), kSecondPacketBits + 64, "sizes"},
        HeaderDamage{"huge", offsetof(PacketHeader, packet_size), ~0ull, "sizes"},
        HeaderDamage{"discarded", offsetof(PacketHeader, events_discarded), ~0ull, "backwards", "416"},
        HeaderDamage{"sequence", offsetof(PacketHeader, packet_seq_num), 2, "missing"}),
    [](const auto& test) { return std::string(test.param.name); });

// Both sizes too large by the same amount: it looks like a packet that was cut, but for the one that follows.
TEST_F(Damage, SizesThatReachBeyondTheEndAreNotTakenForACut) {
  std::string content = content_of(folder_ / "exits_cpu3");
  const std::uint64_t bits = 1 << 20;
  const std::size_t packet = packet_ends(content)[1];
  std::memcpy(content.data() + packet + offsetof(PacketHeader, content_size), &bits, 8);
  std::memcpy(content.data() + packet + offsetof(PacketHeader, packet_size), &bits, 8);
  put_content(folder_ / "exits_cpu3", content);
  const auto reader = RecordingReader::open(folder_);
  ASSERT_FALSE(reader);
  EXPECT_NE(reader.error().what.find("exits_cpu3: byte 168: "), std::string::npos) << reader.error().what;
}

TEST_F(Damage, EventsOfAnotherStreamStopTheCursorAtTheirByte) {
  std::string content = content_of(folder_ / "exits_cpu3");
  const std::size_t event = packet_ends(content)[1] + sizeof(PacketHeader) + sizeof(trl_exit_cycle);
  content[event + offsetof(trl_record_head, id)] = TRL_SET_IRQ;
  put_content(folder_ / "exits_cpu3", content);
  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  auto cursor = reader->events(kExitsKey);
  Event read;
  int events = 0;
  while (cursor.next(read))
    events += std::holds_alternative<const trl_exit_cycle*>(read.record) ? 1 : 0;
  EXPECT_EQ(events, 2);
  ASSERT_FALSE(cursor.status());
  EXPECT_NE(cursor.status().error().what.find("exits_cpu3: byte " + std::to_string(event) + ": "),
            std::string::npos)
      << cursor.status().error().what;
  EXPECT_FALSE(cursor.next(read)) << "it stays at its end";

  // The other streams of a merged walk are not lost with it.
  auto merged = reader->merged();
  int merged_events = 0;
  while (merged.next(read))
    merged_events += std::holds_alternative<const Gap*>(read.record) ? 0 : 1;
  EXPECT_EQ(merged_events, 20);
  EXPECT_FALSE(merged.status());
}

TEST_F(Damage, FilesOfAnotherRecordingAreTold) {
  ASSERT_OK(write_sample(scratch_ / "other"));
  std::filesystem::copy_file(scratch_ / "other" / "stamps_vcpu0", folder_ / "stamps_vcpu0",
                             std::filesystem::copy_options::overwrite_existing);
  const auto reader = RecordingReader::open(folder_);
  ASSERT_FALSE(reader);
  EXPECT_NE(reader.error().what.find("another recording"), std::string::npos);
}

}  // namespace
}  // namespace trapline::recording
