// Reads a recording. Nothing in it is trusted: whatever its bytes, no access leaves the mapped files, and an
// error names the file and the byte at which it was found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/mapping.h"
#include "base/result.h"
#include "base/time.h"
#include "bpf/record.h"
#include "tracer/recording/info.h"
#include "tracer/recording/packet.h"
#include "tracer/recording/pages_behind.h"
#include "tracer/recording/records.h"
#include "tracer/recording/schema.h"
#include "tracer/recording/session.h"

namespace trapline::recording {

// One stream instance as its packet headers describe it.
struct StreamSummary {
  StreamKey key;
  std::string file;
  std::uint64_t packets = 0;
  std::uint64_t event_bytes = 0;
  std::uint64_t lost = 0;       // events_discarded of the last packet
  HostNs begin;                 // first event
  HostNs end;                   // last event
  std::uint64_t cut_bytes = 0;  // at the file's end, of a packet that was not written whole
};

struct Cut {
  std::string file;
  std::uint64_t offset = 0;  // where the packet that was cut begins
  std::uint64_t bytes_ignored = 0;
};

// Records lost in one stream instance somewhere within [after, until].
struct Gap {
  HostNs after;
  HostNs until;
  std::uint64_t lost = 0;
};

// What an event can be. exit_cycle and cycle_open are both trl_exit_cycle: head.id tells.
using EventRecord =
    std::variant<std::monostate, const trl_exit_cycle*, const trl_kvm_event*, const GuestStampRecord*,
                 const ExitHandledRecord*, const InterruptRaisedRecord*, const VmmStepRecord*, const Gap*>;

struct Event {
  HostNs at;  // head.timestamp_ns; of a gap: its `after`
  StreamKey stream;
  EventRecord record;  // points into the mapped file (a gap: into the cursor): valid until the reader's end
                       // (a gap: until the next call of next())
};

// Walks the events of one stream instance in order. Refers to the reader. Pages of the file that lie behind
// it do not stay in memory.
class StreamCursor {
 public:
  // The next event, or false at the end and at damage: status() says which. Losses come as gaps, each before
  // the events of the packet that counted it.
  [[nodiscard]] bool next(Event& event);
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  friend class RecordingReader;
  StreamCursor(const std::string* file, StreamKey key, std::span<const std::byte> packets);

  void damaged(std::uint64_t offset, std::string_view what);
  bool begin_packet(Event& event);
  void read_event(Event& event);

  const std::string* file_;
  StreamKey key_;
  EventSizes sizes_;
  std::span<const std::byte> packets_;  // the file without what was cut
  PagesBehind behind_;
  std::uint64_t position_ = 0;
  std::uint64_t packet_end_ = 0;
  std::uint64_t packet_timestamp_end_ = 0;
  std::uint64_t latest_ = 0;
  std::uint64_t discarded_ = 0;
  Gap gap_;
  Status status_;
};

// Walks several stream instances at once, in the order of time; of equal times the lower stream class, then
// the lower instance comes first. Memory does not grow with the recording.
class MergedCursor {
 public:
  [[nodiscard]] bool next(Event& event);
  // The first damage met in any of the streams; the others are walked on to their ends.
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  friend class RecordingReader;
  explicit MergedCursor(std::vector<StreamCursor> cursors);

  struct Source {
    StreamCursor cursor;
    Event event;
    bool ended = false;
  };
  void go_on(std::size_t source);
  [[nodiscard]] std::size_t first_not_ended() const;

  static constexpr std::uint64_t kNever = ~std::uint64_t{0};  // of a source that ended, or never was
  static constexpr std::size_t kNone = ~std::size_t{0};

  std::vector<Source> sources_;  // in the order of their keys
  // A tournament: [1] is the source with the first event of all and that event's time, [n] the earlier of
  // [2n] and [2n + 1], and from [leaves_] on the sources themselves. Only the path of the source that went on
  // is played again.
  std::size_t leaves_;
  std::vector<std::uint64_t> times_;
  std::vector<std::uint64_t> winners_;
  std::size_t taken_ = kNone;  // source whose event was handed out: goes on at the next call
  Status status_;
};

class RecordingReader {
 public:
  // Maps every stream, checks the metadata and every packet header, reads the session. A packet that was cut
  // at a file's end is no error (cut() tells); damage before it is. A folder that is not a recording, a CTF
  // trace of another tracer and another format version are told apart.
  static Result<RecordingReader> open(const std::filesystem::path& folder);

  RecordingReader(RecordingReader&&) noexcept;
  RecordingReader& operator=(RecordingReader&&) noexcept;
  ~RecordingReader();

  [[nodiscard]] const std::filesystem::path& folder() const;
  [[nodiscard]] const RecordingInfo& info() const;
  [[nodiscard]] const Uuid& uuid() const;

  // By stream class, then instance; the session is not among them.
  [[nodiscard]] const std::vector<StreamSummary>& streams() const;
  [[nodiscard]] const std::vector<Cut>& cut() const;
  // Records that the streams of a class say they lost.
  [[nodiscard]] std::uint64_t lost(StreamClass stream) const;
  [[nodiscard]] std::uint64_t lost() const;

  // No such stream: a cursor that is at its end.
  [[nodiscard]] StreamCursor events(StreamKey key) const;
  // All streams of the classes, merged; none named: all but the session.
  [[nodiscard]] MergedCursor merged(std::span<const StreamClass> classes = {}) const;

  [[nodiscard]] const std::vector<ClockSample>& clock_samples() const;
  // In the order in which they were seen; none in recordings of one VM only made before format 3.
  [[nodiscard]] const std::vector<Vm>& vms() const;
  [[nodiscard]] const std::vector<VcpuStarted>& vcpus() const;
  [[nodiscard]] const std::vector<Workload>& workloads() const;
  [[nodiscard]] const std::vector<GuestCount>& guest_counts() const;
  [[nodiscard]] const std::vector<KvmStat>& kvm_stats() const;
  [[nodiscard]] const std::vector<StreamLoss>& losses() const;
  [[nodiscard]] const std::optional<ProbeCost>& probe_cost() const;
  // None: the recorder did not come to its end (it was killed, or the disk was full).
  [[nodiscard]] const std::optional<RecordingEnd>& end() const;

 private:
  struct Content;
  explicit RecordingReader(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

}  // namespace trapline::recording
