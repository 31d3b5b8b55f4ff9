#include "vmm/paths/workloads.h"

#include <fmt/format.h>

namespace trapline::vmm {

namespace {

constexpr WorkloadEntry kWorkloads[] = {
    {"int80", "null system call by int 0x80", GUEST_WORKLOAD_INT80},
    {"syscall", "null system call by SYSCALL and SYSRET", GUEST_WORKLOAD_SYSCALL},
    {"page-fault", "#PF: null dereferences, every fourth time a demand page", GUEST_WORKLOAD_PAGE_FAULT},
    {"divide", "#DE: a division by zero", GUEST_WORKLOAD_DIVIDE},
    {"timer", "timer interrupt while user code spins", GUEST_WORKLOAD_TIMER, false, true},
    {"device", "a device's line while user code spins", GUEST_WORKLOAD_DEVICE, false, true},
    {"device-msi", "a device's MSI while user code spins", GUEST_WORKLOAD_DEVICE_MSI, false, true},
    {"device-irqfd", "a device's irqfd, routed to an MSI, while user code spins", GUEST_WORKLOAD_DEVICE_IRQFD,
     false, true},
    {"ipi", "an IPI to a halted vCPU, until it has handled it; needs two", GUEST_WORKLOAD_IPI},
    {"hypercall", "null hypercall: to KVM, or to what stands in its place", GUEST_WORKLOAD_HYPERCALL},
    {"pio", "OUT to a port of the VMM", GUEST_WORKLOAD_PIO},
    {"mmio", "a write to a device page of the VMM", GUEST_WORKLOAD_MMIO},
    {"cpuid", "CPUID leaf 0", GUEST_WORKLOAD_CPUID},
    {"hlt", "HLT until the timer ends it", GUEST_WORKLOAD_HLT, false, true},
    {"stamps", "nothing, and one stamp more, in turn: what stamping itself costs", GUEST_WORKLOAD_STAMPS},
    {"triple-fault", "crashes the guest: an exception without an IDT", GUEST_WORKLOAD_TRIPLE_FAULT, true},
    {"general-protection", "crashes the guest: CLI in user mode", GUEST_WORKLOAD_GENERAL_PROTECTION, true},
    {"kernel-touch", "crashes the guest: user mode reads the kernel's memory", GUEST_WORKLOAD_KERNEL_TOUCH,
     true},
    {"corrupt-table", "crashes the guest: its kernel breaks its IDT, or its trap table",
     GUEST_WORKLOAD_CORRUPT_TABLE, true},
    {"corrupt-stack", "crashes the guest: its kernel's stack leads nowhere", GUEST_WORKLOAD_CORRUPT_STACK,
     true},
    {"never-interrupted", "user code spins until an interrupt comes, and none does",
     GUEST_WORKLOAD_NEVER_INTERRUPTED, true},
    {"never-woken", "HLT, and nothing ends it", GUEST_WORKLOAD_NEVER_WOKEN, true},
    {"never-answered", "waits for the answer to an IPI that it does not send; needs two",
     GUEST_WORKLOAD_NEVER_ANSWERED, true},
    {"privileged", "each privileged instruction, by a kernel without privilege", GUEST_WORKLOAD_PRIVILEGED,
     true},
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
