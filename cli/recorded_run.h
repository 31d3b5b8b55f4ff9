// One run of our own VMM with the nano-kernel, recorded from its beginning to its end.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "cli/attached_probes.h"
#include "vmm/kvm/kvm.h"
#include "vmm/machine/machine.h"

namespace trapline::cli {

struct RunToRecord {
  std::filesystem::path folder;  // of the recording; one that is there is replaced
  vmm::MachineConfig config;
  std::string command_line;
};

// Runs it; `stop` ends it early. A guest's crash is an outcome.
[[nodiscard]] Result<vmm::RunOutcome> record_run(const vmm::Kvm& kvm, AttachedProbes& probes, RunToRecord run,
                                                 std::atomic<bool>& stop);

}  // namespace trapline::cli
