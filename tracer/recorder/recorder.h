// Loads the probes, drains their rings into a recording, counts what was lost, takes everything off again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "tracer/recorder/kernel_support.h"
#include "tracer/recording/writer.h"

namespace trapline::tracer {

struct RecorderOptions {
  pid_t target = 0;                       // the process whose vCPUs are recorded
  ProbeMode mode = ProbeMode::svm;        // one that works here: KernelSupport::best_mode(), or vmx_light
  std::uint32_t ring_records = 1u << 15;  // exit cycles that each CPU's ring holds; a power of two
};

struct Losses {
  std::uint64_t cycles = 0;     // exit cycles: a CPU's ring was full
  std::uint64_t events = 0;     // small records: the shared buffer was full
  std::uint64_t recursion = 0;  // runs of a probe that the kernel skipped: it was already running on that CPU
  std::uint64_t threads = 0;    // vCPU threads that could not be followed at all
  std::uint64_t unattributed = 0;  // interrupts raised in kernel threads: not lost, but of no known VM

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

  // Writes all records that are ready, as one packet for each CPU and stream that has any.
  [[nodiscard]] Status drain(recording::RecordingWriter& writer);

  // Before each recording: throws away what is ready, records of a calibration or of nobody's, and counts
  // losses from here on.
  void begin();

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
