// Which VMs run on this host: processes that hold KVM's file descriptors.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tracer/discover/vm_name.h"

namespace trapline::tracer {

struct VcpuThread {
  std::uint16_t vcpu_id = 0;
  pid_t tid = 0;  // 0: no thread is named as its
};

// A process that has VMs open, as a rule one.
struct VmProcess {
  pid_t pid = 0;
  VmName name;
  std::string program;            // first word of its command line
  unsigned vms = 0;               // descriptors anon_inode:kvm-vm
  std::vector<VcpuThread> vcpus;  // descriptors anon_inode:kvm-vcpu:N, by number
};

struct RunningVms {
  std::vector<VmProcess> processes;  // by pid
  unsigned processes_seen = 0;
  unsigned not_permitted = 0;  // whose descriptors cannot be looked at: that takes CAP_SYS_PTRACE
};

[[nodiscard]] Result<RunningVms> find_running_vms(const std::filesystem::path& proc = "/proc");

// Of one process. The error (ExitStatus::machine_lacks) says what was looked for where it has none.
[[nodiscard]] Result<VmProcess> find_vm_of_process(pid_t pid, const std::filesystem::path& proc = "/proc");

// The one with this name; the error names those that there are.
[[nodiscard]] Result<VmProcess> find_vm_of_name(std::string_view name,
                                                const std::filesystem::path& proc = "/proc");

}  // namespace trapline::tracer
