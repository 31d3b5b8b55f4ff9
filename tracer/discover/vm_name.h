// What people call a VM: from what /proc tells of the process that runs it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tracer/recording/session.h"

namespace trapline::tracer {

struct VmName {
  recording::VmNamedBy by = recording::VmNamedBy::nothing;
  std::string text;
};

// The VMM's own option first (QEMU's -name, Firecracker's --id, kvmtool's --name), then libvirt's or a
// container's cgroup, then the process's name. `comm`: that name as the kernel told it, for a process that
// has ended; `proc`: where procfs is.
[[nodiscard]] VmName name_of_vm(pid_t pid, std::string_view comm,
                                const std::filesystem::path& proc = "/proc");

// The parts, for tests. Both give an empty text where there is no name.
[[nodiscard]] std::string name_in_arguments(const std::vector<std::string>& arguments);
[[nodiscard]] VmName name_in_cgroup(std::string_view cgroup);

// A process's command line, in its words; empty for a kernel thread or where there is no such process.
[[nodiscard]] std::vector<std::string> arguments_of(pid_t pid, const std::filesystem::path& proc = "/proc");

}  // namespace trapline::tracer
