// Plugs the recorder into the VMM: what the VMM tells its observer, and what the probes have, goes into the
// recording.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <vector>

#include "base/result.h"
#include "cli/clock_sampler.h"
#include "tracer/recorder/recorder.h"
#include "tracer/recording/records.h"
#include "tracer/recording/writer.h"
#include "vmm/observer.h"

namespace trapline::cli {

// Writing may fail (a full disk): the first error is kept, nothing more is written, and `stop` is set so that
// the run ends. `writer`, `recorder` and `stop` outlive the observer.
class RecordingObserver final : public vmm::Observer {
 public:
  RecordingObserver(recording::RecordingWriter& writer, tracer::Recorder& recorder, std::atomic<bool>& stop);

  void vcpu_started(const vmm::VcpuStart& start) override;
  void stamps(std::uint16_t vcpu, std::span<const guest_stamp> stamps, std::uint64_t lost) override;
  void exits_handled(std::uint16_t vcpu, std::span<const vmm::ExitHandled> exits,
                     std::uint64_t lost) override;
  void steps_done(std::uint16_t vcpu, std::span<const vmm::StepDone> steps, std::uint64_t lost) override;
  void interrupts_raised(std::span<const vmm::InterruptRaised> raised, std::uint64_t lost) override;
  void tick() override;

  // The last clock sample; the first error of all that was written.
  [[nodiscard]] Status finish();

 private:
  void keep(const Status& status);

  template <typename Record>
  void write_in_order(recording::StreamKey key, std::vector<Record>& records, std::uint64_t lost);

  recording::RecordingWriter& writer_;
  tracer::Recorder& recorder_;
  std::atomic<bool>& stop_;
  ClockSampler clock_;
  std::map<std::uint16_t, std::int64_t> tsc_offsets_;
  std::map<recording::StreamKey, std::uint64_t> lost_;
  std::vector<recording::GuestStampRecord> stamp_records_;
  std::vector<recording::ExitHandledRecord> handled_records_;
  std::vector<recording::VmmStepRecord> step_records_;
  std::vector<recording::InterruptRaisedRecord> raised_records_;
  Status status_;
};

}  // namespace trapline::cli
