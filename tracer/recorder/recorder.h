// Loads the probes, drains their rings into a recording, counts what was lost, takes everything off again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "tracer/recorder/kernel_support.h"
#include "tracer/recording/writer.h"

namespace trapline::tracer {

// Which exits are recorded: filtered by the probes, before anything is written.
struct ExitFilter {
  std::vector<std::uint32_t> vcpus;    // by KVM's vcpu_id; empty: all
  std::vector<std::uint32_t> reasons;  // as the hardware numbers them; empty: all
  std::uint64_t at_least_ns = 0;       // exit to entry

  [[nodiscard]] bool empty() const { return vcpus.empty() && reasons.empty() && at_least_ns == 0; }
};

struct RecorderOptions {
  enum class Scope : std::uint8_t {
    own,                     // the VM of `own_process`: our VMM. vCPUs are numbered by their vcpu_id
    processes,               // the VMs of the processes that want_process() names
    processes_and_children,  // and of those that they start
    all,                     // every VM of this host
  };
  Scope scope = Scope::own;
  pid_t own_process = 0;
  ExitFilter filter;
  ProbeMode mode = ProbeMode::svm;        // one that works here: KernelSupport::best_mode(), or vmx_light
  std::uint32_t ring_records = 1u << 15;  // exit cycles that each CPU's ring holds; a power of two
};

struct Losses {
  std::uint64_t cycles = 0;     // exit cycles: a CPU's ring was full
  std::uint64_t events = 0;     // small records: the shared buffer was full
  std::uint64_t recursion = 0;  // runs of a probe that the kernel skipped: it was already running on that CPU
  std::uint64_t threads = 0;    // vCPU threads that could not be followed at all
  std::uint64_t unattributed = 0;  // interrupts of which nothing tells whose they are: not lost, but left out
  std::uint64_t filtered = 0;      // exits that the filter did not want

  [[nodiscard]] std::uint64_t records() const { return cycles + events + recursion; }
};

// From attach() until the object's end the probes run; the kernel takes them off when the process ends,
// however it ends, because nothing of them is pinned. Not thread-safe: one owner drains.
class Recorder {
 public:
  // Loads and attaches the probes. The caller has asked check_recording_possible() before.
  static Result<Recorder> attach(const RecorderOptions& options, const KernelSupport& kernel);

  Recorder(Recorder&&) noexcept;
  Recorder& operator=(Recorder&&) noexcept;
  ~Recorder();

  // Writes all records that are ready, as one packet for each CPU and stream that has any, and VMs and vCPUs
  // that were not known before.
  [[nodiscard]] Status drain(recording::RecordingWriter& writer);
  // How it is told of which VM an interrupt is, as it turned out when attaching.
  [[nodiscard]] FollowBy followed_by() const;

  // How full the fullest ring was when it was last drained, from 0 to 1.
  [[nodiscard]] double fill() const;

  // From here on the process's VMs are recorded, too, or no longer; not with Scope::own and all.
  [[nodiscard]] Status want_process(pid_t pid, bool wanted);

  // VMs, and vCPUs of them, that were seen since begin(); with Scope::own none.
  [[nodiscard]] std::size_t vms_seen() const;
  [[nodiscard]] std::size_t vcpus_seen() const;

  // Before each recording: throws away what is ready, records of a calibration or of nobody's, and counts
  // losses from here on.
  Status begin();

  // Ends a recording: tells of cycles still open, writes the rest and the final loss counts. The probes stay
  // on, for the next begin().
  [[nodiscard]] Status finish(recording::RecordingWriter& writer);

  // Since the last begin(); recursion up to the last finish().
  [[nodiscard]] Losses losses() const;

 private:
  struct State;
  explicit Recorder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace trapline::tracer
