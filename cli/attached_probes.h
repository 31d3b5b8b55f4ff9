// The probes on the VMs that are to be recorded, and what they cost here.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "tracer/recorder/recorder.h"
#include "tracer/recording/info.h"
#include "tracer/recording/session.h"
#include "tracer/recording/writer.h"
#include "vmm/kvm/kvm.h"

namespace trapline::cli {

struct ProbeOptions {
  tracer::RecorderOptions recorder;  // its mode and own_process are found out
  bool light = false;  // where there are two ways, the one that costs less (tracer::ProbeMode::vmx_light)
};

struct AttachedProbes {
  tracer::Recorder recorder;
  std::optional<recording::ProbeCost> cost;  // if it was measured
  recording::RecordingInfo info;  // of this machine and this recorder; path and command are not set
};

// Checks that this machine can record, and attaches. With `kvm` it measures what an exit of a guest of ours
// costs more than without the probes. Writes nothing.
[[nodiscard]] Result<AttachedProbes> attach_probes(const vmm::Kvm* kvm, const ProbeOptions& options);

// The last facts of a recording: losses that no stream's own packets tell, and its end. The recorder has
// finished.
[[nodiscard]] Status finish_recording(recording::RecordingWriter& writer, const tracer::Recorder& recorder,
                                      HostNs at, recording::EndReason reason);

}  // namespace trapline::cli
