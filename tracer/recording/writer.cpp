#include "tracer/recording/writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "tracer/recording/create.h"
#include "tracer/recording/metadata.h"
#include "tracer/recording/packet.h"
#include "tracer/recording/stream_file.h"

namespace trapline::recording {
namespace {

using Chunks = std::span<const std::span<const std::byte>>;

std::size_t total_size(Chunks chunks) {
  std::size_t total = 0;
  for (const auto& chunk : chunks)
    total += chunk.size();
  return total;
}

// Time stamp of the first event, or nothing if the first chunk is too short to tell.
bool begins_with(Chunks chunks, HostNs first) {
  for (const auto& chunk : chunks) {
    if (chunk.empty()) continue;
    std::uint64_t timestamp = first.value;
    if (chunk.size() >= sizeof timestamp) std::memcpy(&timestamp, chunk.data(), sizeof timestamp);
    return timestamp == first.value;
  }
  return true;
}

// A random UUID (RFC 4122, version 4).
Result<Uuid> make_uuid() {
  Uuid uuid{};
  if (::getrandom(uuid.data(), uuid.size(), 0) != static_cast<ssize_t>(uuid.size())) {
    return fail(system_error("get", "random bytes for the recording's UUID", errno));
  }
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

template <typename Record>
Record session_record(std::uint16_t id, HostNs at, std::uint16_t vcpu = TRL_NO_VCPU, std::uint32_t tid = 0) {
  Record record{};
  record.head = {at.value, id, vcpu, tid};
  return record;
}

}  // namespace

Status RecordingWriter::check_place(const std::filesystem::path& folder, IfExists if_exists) {
  if (folder.empty()) return fail("no folder is named to record into", "name one with -o");
  return check_folder(without_final_slashes(folder), if_exists);
}

Result<RecordingWriter> RecordingWriter::create(const std::filesystem::path& folder,
                                                const RecordingInfo& info, IfExists if_exists) {
  TRAPLINE_TRY(check_place(folder, if_exists));
  const std::filesystem::path path = without_final_slashes(folder);
  TRAPLINE_ASSIGN(uuid, make_uuid());
  TRAPLINE_ASSIGN(folder_fd, create_folder(path, make_metadata(info, uuid), if_exists));
  return RecordingWriter(path, std::move(folder_fd), uuid);
}

Result<RecordingWriter::Stream*> RecordingWriter::stream(StreamKey key) {
  if (finished_)
    return fail(fmt::format("the recording {} is finished: nothing can be added", folder_.string()));
  const auto found = streams_.find(key);
  if (found != streams_.end()) return &found->second;
  Stream& made = streams_[key];
  made.name = (folder_ / stream_file_name(key)).string();
  return &made;
}

HostNs RecordingWriter::last_written(StreamKey key) const {
  const auto found = streams_.find(key);
  return found == streams_.end() ? HostNs{} : found->second.last;
}

Status RecordingWriter::check_packet(StreamKey key, const Stream& stream, Chunks chunks, HostNs first,
                                     HostNs last, std::uint64_t discarded_total) const {
  const auto refuse = [&](std::string_view why) {
    return fail(fmt::format("{}: packet refused: {}", stream.name, why));
  };
  const std::size_t size = total_size(chunks);
  if (chunks.size() > kMaxChunks) return refuse("made of too many chunks");
  if (size > kMaxPacketBytes - sizeof(PacketHeader)) return refuse("too large");
  if (key.stream != StreamClass::session && size % 8 != 0) return refuse("its bytes are not whole events");
  if (discarded_total < stream.discarded) return refuse("its count of lost records runs backwards");
  if (last < first) return refuse("its last event is older than its first");
  if (first < stream.last) {
    return refuse(fmt::format("its first event ({} ns) is older than the stream's last ({} ns)", first.value,
                              stream.last.value));
  }
  if (!begins_with(chunks, first)) return refuse("its first event is not of the time given");
  return {};
}

Status RecordingWriter::append_packet(StreamKey key, Stream& stream, Chunks chunks, HostNs first, HostNs last,
                                      std::uint64_t discarded_total) {
  if (!stream.fd) {
    TRAPLINE_ASSIGN(fd, create_private_file(folder_fd_.get(), stream_file_name(key)));
    stream.fd = std::move(fd);
  }
  if (stream.packets == 0 && discarded_total != 0) {
    // A reader takes losses from the difference between two packets: an empty one says that it began with
    // none.
    TRAPLINE_TRY(append_packet(key, stream, {}, first, first, 0));
  }
  if (std::exchange(stream.torn, false) &&
      ::ftruncate(stream.fd.get(), static_cast<off_t>(stream.end)) != 0) {
    stream.torn = true;
    return fail(system_error("take an incomplete packet off", stream.name, errno));
  }
  PacketHeader header;
  const std::size_t bytes = sizeof header + total_size(chunks);
  header.uuid = uuid_;
  header.stream_id = static_cast<std::uint32_t>(key.stream);
  header.stream_instance_id = key.instance;
  header.timestamp_begin = first.value;
  header.timestamp_end = last.value;
  header.content_size = bytes * 8;
  header.packet_size = bytes * 8;
  header.events_discarded = discarded_total;
  header.packet_seq_num = stream.packets;
  header.instance = key.instance;

  std::array<iovec, 1 + kMaxChunks> parts;
  std::size_t count = 0;
  parts[count++] = {&header, sizeof header};
  for (const auto& chunk : chunks) {
    if (!chunk.empty()) parts[count++] = {const_cast<std::byte*>(chunk.data()), chunk.size()};
  }
  if (Status status = write_parts(stream.fd.get(), std::span(parts).first(count), stream.end, stream.name);
      !status) {
    stream.torn = ::ftruncate(stream.fd.get(), static_cast<off_t>(stream.end)) != 0;
    return status;
  }
  stream.end += bytes;
  stream.packets += 1;
  stream.discarded = discarded_total;
  stream.last = last;
  bytes_written_ += bytes;
  packets_written_ += 1;
  return {};
}

Status RecordingWriter::write_packet(StreamKey key, Chunks chunks, HostNs first, HostNs last,
                                     std::uint64_t discarded_total) {
  TRAPLINE_ASSIGN(stream_found, stream(key));
  Stream& to = *stream_found;
  if (total_size(chunks) == 0) {
    if (discarded_total == to.discarded) return {};
    if (to.packets == 0) {
      // No event dates it: a time of our own choosing could be later than the events still in the ring.
      to.discarded = discarded_total;
      return {};
    }
    first = last = to.last;
  }
  TRAPLINE_TRY(check_packet(key, to, chunks, first, last, discarded_total));
  return append_packet(key, to, chunks, first, last, discarded_total);
}

Status RecordingWriter::write_session(std::span<std::byte> record, std::string_view text) {
  const StreamKey key{StreamClass::session, 0};
  trl_record_head head;
  std::memcpy(&head, record.data(), sizeof head);
  head.timestamp_ns = std::max(head.timestamp_ns, last_written(key).value);
  std::memcpy(record.data(), &head, sizeof head);

  const HostNs at{head.timestamp_ns};
  const std::byte terminator{0};
  text = text.substr(0, text.find('\0'));
  std::array<std::span<const std::byte>, 3> chunks = {record, std::as_bytes(std::span(text)),
                                                      std::span(&terminator, 1)};
  const bool has_text = find_event(head.id)->has_text();
  return write_packet(key, std::span(chunks).first(has_text ? 3 : 1), at, at, 0);
}

Status RecordingWriter::write(const ClockSample& sample) {
  auto record = session_record<ClockSampleRecord>(kClockSample, sample.ns);
  record.tsc = sample.tsc.value;
  record.ns = sample.ns.value;
  record.half_width_tsc = sample.half_width_tsc;
  return write_session(std::as_writable_bytes(std::span(&record, 1)), {});
}

Status RecordingWriter::write(const VcpuStarted& vcpu) {
  auto record = session_record<VcpuStartedRecord>(kVcpuStarted, vcpu.at, vcpu.vcpu, vcpu.tid);
  record.tsc_offset = vcpu.tsc_offset;
  record.guest_tsc_khz = vcpu.guest_tsc_khz;
  record.vm = vcpu.vm;
  record.vcpu_id = vcpu.vcpu_id;
  return write_session(std::as_writable_bytes(std::span(&record, 1)), {});
}

Status RecordingWriter::write(const Vm& vm) {
  auto record = session_record<VmRecord>(kVm, vm.at);
  record.pid = vm.pid;
  record.vm = vm.vm;
  record.named_by = static_cast<std::uint16_t>(vm.named_by);
  return write_session(std::as_writable_bytes(std::span(&record, 1)), vm.name);
}

Status RecordingWriter::write(const Workload& workload) {
  auto record = session_record<WorkloadRecord>(kWorkload, workload.at);
  record.guest_workload = workload.guest_workload;
  record.index = workload.index;
  record.count = workload.count;
  return write_session(std::as_writable_bytes(std::span(&record, 1)), workload.name);
}

Status RecordingWriter::write(const GuestCount& count) {
  auto record = session_record<GuestCountRecord>(kGuestCount, count.at, count.vcpu);
  record.kind = count.kind;
  record.key = count.key;
  record.count = count.count;
  return write_session(std::as_writable_bytes(std::span(&record, 1)), {});
}

Status RecordingWriter::write(const KvmStat& stat) {
  auto record = session_record<KvmStatRecord>(kKvmStat, stat.at, stat.vcpu);
  record.value = stat.value;
  return write_session(std::as_writable_bytes(std::span(&record, 1)), stat.name);
}

Status RecordingWriter::write(const StreamLoss& loss) {
  auto record = session_record<StreamLossRecord>(kStreamLoss, loss.at);
  record.source = static_cast<std::uint32_t>(loss.source);
  record.instance = loss.instance;
  record.count = loss.count;
  return write_session(std::as_writable_bytes(std::span(&record, 1)), {});
}

Status RecordingWriter::write(const ProbeCost& cost) {
  auto record = session_record<ProbeCostRecord>(kProbeCost, cost.at);
  record.per_exit_ns = cost.per_exit_ns;
  record.traced_ns = cost.traced_ns;
  record.untraced_ns = cost.untraced_ns;
  record.exits = cost.exits;
  return write_session(std::as_writable_bytes(std::span(&record, 1)), {});
}

Status RecordingWriter::finish(const RecordingEnd& end) {
  for (auto& [key, stream] : streams_) {
    if (stream.packets != 0 || stream.discarded == 0) continue;
    TRAPLINE_TRY(append_packet(key, stream, {}, end.at, end.at, stream.discarded));
  }
  auto record = session_record<RecordingEndRecord>(kRecordingEnd, end.at);
  record.reason = static_cast<std::uint32_t>(end.reason);
  record.records_lost = end.records_lost;
  TRAPLINE_TRY(write_session(std::as_writable_bytes(std::span(&record, 1)), {}));
  finished_ = true;
  for (auto& [key, stream] : streams_)
    stream.fd.reset();
  return {};
}

bool is_recording(const std::filesystem::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && folder_holds_recording(fd.get());
}

}  // namespace trapline::recording
