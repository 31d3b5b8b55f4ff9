// Makes the fuzz targets' seeds from sample recordings: make_seeds FOLDER, which is tests/fuzz/seeds in the
// tree. Always the same bytes.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "bench/synthetic_recording.h"
#include "tests/fuzz/packed_events.h"
#include "tests/fuzz/packed_recording.h"
#include "tests/unit/recording/sample_recording.h"
#include "tracer/recording/packet.h"
#include "tracer/recording/reader.h"

namespace trapline::fuzz {
namespace {

using namespace recording;
using recording::test::content_of;
using recording::test::put_content;
using recording::test::TemporaryFolder;

void append_number(std::string& packed, std::uint64_t number, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    packed += static_cast<char>(number >> 8 * i);
}

// ---- Recordings for reader_fuzz

void append_section(std::string& packed, std::size_t kind, std::string_view bytes) {
  append_number(packed, kind, 1);
  append_number(packed, bytes.size(), 2);
  packed += bytes;
}

// As files: their bytes with kPackedUuid in place of the recording's own, which is another each time.
std::string pack_files(const std::filesystem::path& folder) {
  std::string packed;
  for (std::size_t file = 1; file < kPackedFiles.size(); ++file) {
    std::string content = content_of(folder / kPackedFiles[file]);
    PacketHeader header;
    for (std::size_t at = 0; at + sizeof header <= content.size(); at += header.packet_size / 8) {
      std::memcpy(&header, content.data() + at, sizeof header);
      header.uuid = kPackedUuid;
      std::memcpy(content.data() + at, &header, sizeof header);
    }
    if (!content.empty()) append_section(packed, file, content);
  }
  return packed;
}

// As packets without their headers.
std::string pack_packets(const std::filesystem::path& folder) {
  std::string packed;
  for (std::size_t file = 1; file < kPackedFiles.size(); ++file) {
    const std::string content = content_of(folder / kPackedFiles[file]);
    PacketHeader header;
    for (std::size_t at = 0; at + sizeof header <= content.size(); at += header.packet_size / 8) {
      std::memcpy(&header, content.data() + at, sizeof header);
      std::string section;
      append_number(section, header.timestamp_begin, 8);
      append_number(section, header.timestamp_end, 8);
      append_number(section, header.events_discarded, 1);
      section += content.substr(at + sizeof header, header.packet_size / 8 - sizeof header);
      append_section(packed, file | kPacketSection, section);
    }
  }
  return packed;
}

std::string pack_metadata(const std::filesystem::path& folder) {
  std::string packed;
  append_section(packed, 0, content_of(folder / kPackedFiles[0]));
  return packed;
}

// ---- Events for timeline_fuzz

class EventPacker {
 public:
  void add(const Event& event) {
    std::visit([&](auto record) { pack(event, record); }, event.record);
  }
  [[nodiscard]] const std::string& packed() const { return packed_; }

 private:
  void begin(PackedKind kind, std::uint16_t vcpu, std::uint64_t ns) {
    if (first_ns_ == 0) first_ns_ = ns;
    // Rounded down to what a step can say; what is left goes to the next one's.
    std::uint64_t later = ns - first_ns_ + kPackedBeginNs - now_;
    while (later > 0x7full * 8) {
      // A loss of nothing only passes the time.
      const std::uint64_t steps = std::min<std::uint64_t>(later / 100'000, 0x7f);
      append_number(packed_, static_cast<std::uint8_t>(PackedKind::loss), 1);
      append_number(packed_, 0, 1);
      append_number(packed_, steps > 0 ? 0x80 + steps : 0x7f, 1);
      append_number(packed_, 0, 1);
      const std::uint64_t passed = steps > 0 ? steps * 100'000 : 0x7full * 8;
      now_ += passed;
      later -= passed;
    }
    append_number(packed_, static_cast<std::uint8_t>(kind), 1);
    append_number(packed_, vcpu == TRL_NO_VCPU ? 0xf0 : vcpu, 1);
    append_number(packed_, later / 8, 1);
    now_ += later / 8 * 8;
  }
  // `ns` as the recording has it.
  void time(std::uint64_t ns) {
    const auto before = static_cast<std::int64_t>(now_ - (ns - first_ns_ + kPackedBeginNs));
    const auto most = std::numeric_limits<std::int16_t>::max();
    append_number(packed_, static_cast<std::uint16_t>(std::clamp<std::int64_t>(before, -most, most)), 2);
  }

  void pack(const Event&, std::monostate) {}
  void pack(const Event&, const Gap*) {}
  void pack(const Event&, const VmmStepRecord*) {}
  void pack(const Event&, const InterruptRaisedRecord*) {}

  void pack(const Event& event, const trl_exit_cycle* cycle) {
    const bool closed = cycle->head.id == TRL_EXIT_CYCLE;
    begin(closed ? PackedKind::exit_cycle : PackedKind::cycle_open, cycle->head.vcpu, event.at.value);
    time(cycle->exit_ns);
    constexpr std::uint32_t kReasons[] = {0x60, 0x64, 0x72, 0x78, 0x7b, 0x7c, 0x81, 0x400};
    append_number(packed_, static_cast<std::uint64_t>(std::ranges::find(kReasons, cycle->reason) - kReasons),
                  1);
    append_number(packed_, cycle->flags ^ std::uint64_t{TRL_ISA_SVM}, 1);
    if ((cycle->flags & TRL_TO_USER) != 0) {
      time(cycle->user_exit_ns);
      append_number(packed_, cycle->user_reason, 1);
    }
    append_number(packed_, cycle->event_inj, 4);
    append_number(packed_, cycle->exit_int_info, 4);
    append_number(packed_, cycle->info1, 4);
    append_number(packed_, cycle->info2, 4);
    append_number(packed_, cycle->rcx, 2);
  }
  void pack(const Event& event, const trl_kvm_event* kvm) {
    begin(PackedKind::kvm_event, kvm->head.vcpu, event.at.value);
    append_number(packed_, kvm->head.id - std::uint64_t{TRL_SET_IRQ}, 1);
    append_number(packed_, kvm->arg32, 2);
    append_number(packed_, kvm->arg0, 4);
    append_number(packed_, kvm->arg1, 8);
  }
  void pack(const Event& event, const GuestStampRecord* stamp) {
    begin(PackedKind::guest_stamp, stamp->head.vcpu, event.at.value);
    time(event.at.value);
    append_number(packed_, stamp->kind, 1);
    append_number(packed_, stamp->vector, 2);
    append_number(packed_, stamp->workload, 1);
    append_number(packed_, stamp->arg, 2);
    append_number(packed_, stamp->seq, 2);
  }
  void pack(const Event& event, const ExitHandledRecord* handled) {
    begin(PackedKind::exit_handled, handled->head.vcpu, event.at.value);
    time(event.at.value - (handled->entered_tsc - handled->left_tsc) / kPackedTicksPerNs);
    time(event.at.value);
  }

  std::string packed_;
  std::uint64_t first_ns_ = 0;
  std::uint64_t now_ = kPackedBeginNs;
};

Result<std::string> pack_events(const std::filesystem::path& folder, std::uint64_t most) {
  TRAPLINE_ASSIGN(reader, RecordingReader::open(folder));
  EventPacker packer;
  auto cursor = reader.merged();
  Event event;
  for (std::uint64_t i = 0; i < most && cursor.next(event); ++i)
    packer.add(event);
  return packer.packed();
}

Status make_seeds(const std::filesystem::path& seeds) {
  const TemporaryFolder scratch;
  const auto sample = scratch / "sample";
  const auto synthetic = scratch / "synthetic";
  TRAPLINE_TRY(recording::test::write_sample(sample));
  TRAPLINE_TRY(bench::write_synthetic_recording(synthetic, 40));
  std::filesystem::create_directories(seeds / "reader");
  std::filesystem::create_directories(seeds / "timeline");
  put_content(seeds / "reader" / "sample_files", pack_files(sample));
  put_content(seeds / "reader" / "sample_packets", pack_packets(sample));
  put_content(seeds / "reader" / "synthetic_packets", pack_packets(synthetic));
  for (const std::uint64_t events : {10u, 40u, 100u}) {
    TRAPLINE_ASSIGN(packed, pack_events(synthetic, events));
    put_content(seeds / "timeline" / ("synthetic_" + std::to_string(events)), packed);
  }
  Files valid;
  valid.write_to(scratch.path());
  put_content(seeds / "reader" / "metadata", pack_metadata(scratch.path()));
  return {};
}

}  // namespace
}  // namespace trapline::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_seeds FOLDER\n");
    return 2;
  }
  const trapline::Status made = trapline::fuzz::make_seeds(argv[1]);
  if (!made) std::fprintf(stderr, "%s\n", made.error().text().c_str());
  return made ? 0 : 1;
}
