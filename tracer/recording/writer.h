// Writes a recording: a folder with `metadata` and one file per stream instance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <type_traits>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "tracer/recording/info.h"
#include "tracer/recording/records.h"
#include "tracer/recording/schema.h"
#include "tracer/recording/session.h"

namespace trapline::recording {

enum class IfExists : std::uint8_t { refuse, replace };

// Every call that writes makes one packet with one writev(2) and leaves nothing in memory: a recorder that is
// killed loses at most the packet it was writing. Not thread-safe: one owner. Destroying a writer that was
// not finished leaves what a killed recorder leaves.
class RecordingWriter {
 public:
  // Most chunks that one packet can be made of.
  static constexpr std::size_t kMaxChunks = 63;

  // Makes `folder` (mode 0700; parents too) and its metadata. An empty folder is taken as it is. A recording
  // is replaced with IfExists::replace only, and only files named as a recording's are removed; any other
  // folder with something in it, a file and a symbolic link are refused. If this fails, nothing new is left
  // behind.
  static Result<RecordingWriter> create(const std::filesystem::path& folder, const RecordingInfo& info,
                                        IfExists if_exists = IfExists::refuse);

  // Whether create() would refuse what is there under this name, before anything else is done for the
  // recording. Changes nothing; create() looks again.
  static Status check_place(const std::filesystem::path& folder, IfExists if_exists = IfExists::refuse);

  RecordingWriter(RecordingWriter&&) noexcept = default;
  RecordingWriter& operator=(RecordingWriter&&) noexcept = default;
  RecordingWriter(const RecordingWriter&) = delete;
  RecordingWriter& operator=(const RecordingWriter&) = delete;
  ~RecordingWriter() = default;

  // Writes the chunks' bytes, whole events of the stream's class one after the other, as one packet. The
  // bytes are neither copied nor changed, and nothing is allocated but at a stream's first packet. The
  // caller's duty: events are in the order of their time stamps, `first` and `last` are the first and the
  // last event's, and no event is older than the stream's last one (last_written; put_in_order does it).
  // `discarded_total`: records of this stream instance lost since the recording began, up to `last`. With no
  // bytes at all, `first` and `last` are not looked at: the packet carries the loss, dated as the stream's
  // last event; a loss before the first event waits for the first packet or finish().
  // After an error the file ends with the last whole packet again, and the same packet can be tried again.
  [[nodiscard]] Status write_packet(StreamKey key, std::span<const std::span<const std::byte>> chunks,
                                    HostNs first, HostNs last, std::uint64_t discarded_total);

  // The same for records in memory that begin with a trl_record_head, all of one size.
  template <typename Record>
  [[nodiscard]] Status write_records(StreamKey key, std::span<const Record> records,
                                     std::uint64_t discarded_total) {
    static_assert(std::is_trivially_copyable_v<Record>);
    const std::span<const std::byte> bytes = std::as_bytes(records);
    if (records.empty()) return write_packet(key, {}, {}, {}, discarded_total);
    return write_packet(key, {&bytes, 1}, HostNs{records.front().head.timestamp_ns},
                        HostNs{records.back().head.timestamp_ns}, discarded_total);
  }

  // Time of the last event written to a stream instance; 0 before its first.
  [[nodiscard]] HostNs last_written(StreamKey key) const;

  // The session's facts, each at once a packet. Those that are older than the one before are dated as it.
  [[nodiscard]] Status write(const ClockSample& sample);
  [[nodiscard]] Status write(const VcpuStarted& vcpu);
  [[nodiscard]] Status write(const Vm& vm);
  [[nodiscard]] Status write(const Workload& workload);
  [[nodiscard]] Status write(const GuestCount& count);
  [[nodiscard]] Status write(const KvmStat& stat);
  [[nodiscard]] Status write(const StreamLoss& loss);
  [[nodiscard]] Status write(const ProbeCost& cost);

  // Writes losses that still wait and the end of the recording, and closes the files. Nothing can be written
  // after.
  [[nodiscard]] Status finish(const RecordingEnd& end);

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_; }
  [[nodiscard]] std::uint64_t packets_written() const { return packets_written_; }

 private:
  struct Stream {
    Fd fd;
    std::string name;
    std::uint64_t end = 0;  // bytes of whole packets
    std::uint64_t packets = 0;
    std::uint64_t discarded = 0;
    HostNs last;
    bool torn = false;  // an incomplete packet could not be taken off the end
  };

  RecordingWriter(std::filesystem::path folder, Fd folder_fd, const Uuid& uuid)
      : folder_(std::move(folder)), folder_fd_(std::move(folder_fd)), uuid_(uuid) {}

  Result<Stream*> stream(StreamKey key);
  Status check_packet(StreamKey key, const Stream& stream, std::span<const std::span<const std::byte>> chunks,
                      HostNs first, HostNs last, std::uint64_t discarded_total) const;
  Status append_packet(StreamKey key, Stream& stream, std::span<const std::span<const std::byte>> chunks,
                       HostNs first, HostNs last, std::uint64_t discarded_total);
  Status write_session(std::span<std::byte> record, std::string_view text);

  std::filesystem::path folder_;
  Fd folder_fd_;
  Uuid uuid_{};
  std::map<StreamKey, Stream> streams_;
  bool finished_ = false;
  std::uint64_t bytes_written_ = 0;
  std::uint64_t packets_written_ = 0;
};

// Whether the folder holds a recording of ours, of whatever version.
[[nodiscard]] bool is_recording(const std::filesystem::path& folder);

}  // namespace trapline::recording
