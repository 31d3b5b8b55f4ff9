#include "tracer/recording/reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "base/fd.h"
#include "tracer/recording/metadata.h"
#include "tracer/recording/pages_behind.h"
#include "tracer/recording/session_records.h"
#include "tracer/recording/stream_file.h"

namespace trapline::recording {
namespace {

struct StreamFile {
  std::string name;  // as errors call it
  Mapping mapping;
  std::span<const std::byte> packets;  // what of it is whole packets
};

// The streams of which the folder has files, in the order of their keys.
Result<std::vector<StreamKey>> streams_in(const std::filesystem::path& folder) {
  std::vector<StreamKey> keys;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (const auto key = stream_of_file_name(entry->path().filename().string())) keys.push_back(*key);
  }
  if (error) return fail(system_error("list folder", folder.string(), error.value()));
  std::sort(keys.begin(), keys.end());
  return keys;
}

// Whether another packet of this recording begins somewhere after the first byte: then what looks like a
// packet that was cut is one whose sizes are damaged.
bool another_packet_follows(std::span<const std::byte> rest, const Uuid& uuid) {
  std::array<std::byte, sizeof kPacketMagic + sizeof(Uuid)> beginning;
  std::memcpy(beginning.data(), &kPacketMagic, sizeof kPacketMagic);
  std::memcpy(beginning.data() + sizeof kPacketMagic, uuid.data(), uuid.size());
  rest = rest.subspan(1);
  return std::search(rest.begin(), rest.end(), beginning.begin(), beginning.end()) != rest.end();
}

Status check_follows(const Packet& packet, const StreamSummary& before, const Uuid& uuid,
                     std::uint64_t offset, const std::string& file) {
  const PacketHeader& header = packet.header;
  if (header.uuid != uuid) return damaged_at(file, offset, "the packet is of another recording");
  if (header.packet_seq_num != before.packets)
    return damaged_at(file, offset, "a packet before this one is missing");
  if (header.timestamp_begin < before.end.value) {
    return damaged_at(file, offset, "the packet is older than the one before it");
  }
  if (header.events_discarded < before.lost) {
    return damaged_at(file, offset, "the count of lost records runs backwards");
  }
  return {};
}

// Walks the packets' headers; what the file has behind its last whole packet goes to `cut_bytes`.
Result<StreamSummary> summarize(StreamKey key, const StreamFile& file, const Uuid& uuid,
                                SessionFacts& facts) {
  StreamSummary summary;
  summary.key = key;
  summary.file = stream_file_name(key);
  std::span<const std::byte> rest = file.mapping.bytes();
  PagesBehind behind(rest);
  while (!rest.empty()) {
    const std::uint64_t offset = file.mapping.size() - rest.size();
    const auto packet = packet_at(rest, key);
    if (!packet && !packet.error().cut) return damaged_at(file.name, offset, packet.error().damage);
    if (!packet) {
      if (another_packet_follows(rest, uuid))
        return damaged_at(file.name, offset, "the packet's sizes are wrong");
      summary.cut_bytes = rest.size();
      break;
    }
    TRAPLINE_TRY(check_follows(*packet, summary, uuid, offset, file.name));
    if (key.stream == StreamClass::session) {
      TRAPLINE_TRY(facts.add(packet->events, offset + sizeof(PacketHeader), file.name));
    }
    if (summary.packets == 0) summary.begin = HostNs{packet->header.timestamp_begin};
    summary.end = HostNs{packet->header.timestamp_end};
    summary.lost = packet->header.events_discarded;
    summary.event_bytes += packet->events.size();
    summary.packets += 1;
    rest = rest.subspan(sizeof(PacketHeader) + packet->events.size());
    behind.passed(file.mapping.size() - rest.size());
  }
  return summary;
}

Result<Metadata> read_metadata(int folder_fd, const std::filesystem::path& folder) {
  const std::string file(kMetadataFile);
  auto mapping = map_file(folder_fd, file, folder.string());
  if (!mapping && ::faccessat(folder_fd, file.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail(fmt::format("{} is not a recording: it has no file \"{}\"", folder.string(), file));
  }
  if (!mapping) return fail(std::move(mapping).error());
  return parse_metadata({reinterpret_cast<const char*>(mapping->data()), mapping->size()},
                        (folder / file).string());
}

}  // namespace

struct RecordingReader::Content {
  std::filesystem::path folder;
  Metadata metadata;
  std::map<StreamKey, StreamFile> files;  // without the session's
  std::vector<StreamSummary> streams;
  std::vector<Cut> cut;
  SessionFacts facts;

  Status add_stream(int folder_fd, StreamKey key);
};

Status RecordingReader::Content::add_stream(int folder_fd, StreamKey key) {
  TRAPLINE_ASSIGN(mapping, map_file(folder_fd, stream_file_name(key), folder.string()));
  StreamFile file{(folder / stream_file_name(key)).string(), std::move(mapping), {}};
  TRAPLINE_ASSIGN(summary, summarize(key, file, metadata.uuid, facts));
  const std::uint64_t whole = file.mapping.size() - summary.cut_bytes;
  if (summary.cut_bytes != 0) cut.push_back({summary.file, whole, summary.cut_bytes});
  if (key.stream == StreamClass::session) return {};
  file.packets = std::span<const std::byte>(file.mapping.bytes()).first(whole);
  files.emplace(key, std::move(file));
  streams.push_back(std::move(summary));
  return {};
}

RecordingReader::RecordingReader(std::unique_ptr<Content> content) : content_(std::move(content)) {}
RecordingReader::RecordingReader(RecordingReader&&) noexcept = default;
RecordingReader& RecordingReader::operator=(RecordingReader&&) noexcept = default;
RecordingReader::~RecordingReader() = default;

Result<RecordingReader> RecordingReader::open(const std::filesystem::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(system_error("open recording", folder.string(), errno));
  auto content = std::make_unique<Content>();
  content->folder = folder;
  TRAPLINE_ASSIGN(metadata, read_metadata(fd.get(), folder));
  content->metadata = std::move(metadata);
  TRAPLINE_ASSIGN(keys, streams_in(folder));
  for (const StreamKey key : keys)
    TRAPLINE_TRY(content->add_stream(fd.get(), key));
  if (content->metadata.format < 3) {  // it numbered vCPUs by KVM's vcpu_id, of one VM
    for (VcpuStarted& vcpu : content->facts.vcpus)
      vcpu.vcpu_id = vcpu.vcpu;
  }
  return RecordingReader(std::move(content));
}

const std::filesystem::path& RecordingReader::folder() const {
  return content_->folder;
}
const RecordingInfo& RecordingReader::info() const {
  return content_->metadata.info;
}
const Uuid& RecordingReader::uuid() const {
  return content_->metadata.uuid;
}
const std::vector<StreamSummary>& RecordingReader::streams() const {
  return content_->streams;
}
const std::vector<Cut>& RecordingReader::cut() const {
  return content_->cut;
}

std::uint64_t RecordingReader::lost(StreamClass stream) const {
  std::uint64_t lost = 0;
  for (const StreamSummary& summary : content_->streams) {
    if (summary.key.stream == stream) lost += summary.lost;
  }
  return lost;
}

std::uint64_t RecordingReader::lost() const {
  std::uint64_t lost = 0;
  for (const StreamSummary& summary : content_->streams)
    lost += summary.lost;
  return lost;
}

StreamCursor RecordingReader::events(StreamKey key) const {
  const auto file = content_->files.find(key);
  if (file == content_->files.end()) return {nullptr, key, {}};
  return {&file->second.name, key, file->second.packets};
}

MergedCursor RecordingReader::merged(std::span<const StreamClass> classes) const {
  std::vector<StreamCursor> cursors;
  for (const auto& [key, file] : content_->files) {
    if (!classes.empty() && std::ranges::find(classes, key.stream) == classes.end()) continue;
    cursors.push_back(events(key));
  }
  return MergedCursor(std::move(cursors));
}

const std::vector<ClockSample>& RecordingReader::clock_samples() const {
  return content_->facts.clock_samples;
}
const std::vector<Vm>& RecordingReader::vms() const {
  return content_->facts.vms;
}
const std::vector<VcpuStarted>& RecordingReader::vcpus() const {
  return content_->facts.vcpus;
}
const std::vector<Workload>& RecordingReader::workloads() const {
  return content_->facts.workloads;
}
const std::vector<GuestCount>& RecordingReader::guest_counts() const {
  return content_->facts.guest_counts;
}
const std::vector<KvmStat>& RecordingReader::kvm_stats() const {
  return content_->facts.kvm_stats;
}
const std::vector<StreamLoss>& RecordingReader::losses() const {
  return content_->facts.losses;
}
const std::optional<ProbeCost>& RecordingReader::probe_cost() const {
  return content_->facts.probe_cost;
}
const std::optional<RecordingEnd>& RecordingReader::end() const {
  return content_->facts.end;
}

}  // namespace trapline::recording
