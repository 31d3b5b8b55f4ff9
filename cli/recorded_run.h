// One run of our own VMM with the nano-kernel, recorded from its beginning to its end.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "tracer/recorder/recorder.h"
#include "tracer/recording/info.h"
#include "tracer/recording/session.h"
#include "vmm/kvm/kvm.h"
#include "vmm/machine/machine.h"

namespace trapline::cli {

struct ProbeOptions {
  std::uint32_t ring_records = 1u << 15;  // exit cycles that each CPU's ring holds; a power of two
  bool measure_cost = true;
  bool light = false;  // where there are two ways, the one that costs less (tracer::ProbeMode::vmx_light)
};

// The probes on this process, and what they cost here.
struct AttachedProbes {
  tracer::Recorder recorder;
  std::optional<recording::ProbeCost> cost;  // if it was measured
  recording::RecordingInfo info;  // of this machine and this recorder; path and command are not set
};

// Checks that this machine can record, measures if asked to, and attaches. Writes nothing.
[[nodiscard]] Result<AttachedProbes> attach_probes(const vmm::Kvm& kvm, const ProbeOptions& options);

struct RunToRecord {
  std::filesystem::path folder;  // of the recording; one that is there is replaced
  vmm::MachineConfig config;
  std::string command_line;
};

// Runs it; `stop` ends it early. A guest's crash is an outcome.
[[nodiscard]] Result<vmm::RunOutcome> record_run(const vmm::Kvm& kvm, AttachedProbes& probes, RunToRecord run,
                                                 std::atomic<bool>& stop);

}  // namespace trapline::cli
