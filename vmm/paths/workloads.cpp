#include "vmm/paths/workloads.h"

#include <fmt/format.h>

namespace trapline::vmm {

namespace {

constexpr WorkloadEntry kWorkloads[] = {
    {"int80", GUEST_WORKLOAD_INT80, "null system call by int 0x80"},
    {"syscall", GUEST_WORKLOAD_SYSCALL, "null system call by SYSCALL and SYSRET"},
    {"page-fault", GUEST_WORKLOAD_PAGE_FAULT, "#PF: a null dereference and a demand page in turn"},
    {"divide", GUEST_WORKLOAD_DIVIDE, "#DE: a division by zero"},
    {"timer", GUEST_WORKLOAD_TIMER, "LAPIC timer interrupt while user code spins"},
    {"device", GUEST_WORKLOAD_DEVICE, "a device's IOAPIC line while user code spins"},
    {"device-msi", GUEST_WORKLOAD_DEVICE_MSI, "a device's MSI while user code spins"},
    {"pio", GUEST_WORKLOAD_PIO, "OUT to a port of the VMM"},
    {"cpuid", GUEST_WORKLOAD_CPUID, "CPUID leaf 0"},
    {"hlt", GUEST_WORKLOAD_HLT, "HLT until the LAPIC timer ends it"},
    {"triple-fault", GUEST_WORKLOAD_TRIPLE_FAULT, "crashes the guest: an exception without an IDT", true},
    {"general-protection", GUEST_WORKLOAD_GENERAL_PROTECTION, "crashes the guest: CLI in user mode", true},
};

}  // namespace

std::span<const WorkloadEntry> workloads() {
  return kWorkloads;
}

Result<const WorkloadEntry*> find_workload(std::string_view name) {
  std::string names;
  for (const WorkloadEntry& entry : kWorkloads) {
    if (entry.name == name) return &entry;
    if (!entry.for_tests_only) names += fmt::format("{}{}", names.empty() ? "" : ", ", entry.name);
  }
  return fail(fmt::format("there is no workload '{}'", name), "use one of: " + names,
              ExitStatus::wrong_usage);
}

std::string_view workload_name(std::uint32_t workload) {
  for (const WorkloadEntry& entry : kWorkloads) {
    if (static_cast<std::uint32_t>(entry.workload) == workload) return entry.name;
  }
  return {};
}

}  // namespace trapline::vmm
